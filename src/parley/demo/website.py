"""The made-up shops' own analytics: who looked at which page in the last four weeks, and what brought them."""

import asyncio
import random
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, func, select

from parley.core.analytics import View
from parley.log.record import Record, Tx
from parley.services import setup, traffic
from parley.services.inbox import conversations
from parley.services.journeys import journeys
from parley.services.visits import traffic as counted
from parley.services.visits import visits

DAYS = 28
PAGES = {
    "/": 30, "/products": 26, "/size-guide": 7, "/bag": 9, "/checkout": 5, "/sale": 8, "/delivery": 4, "/returns": 2,
    "/orders": 4, "/help": 4, "/guarantee": 1,
}  # fmt: skip
CAMPAIGNS = {"": 70, "autumn walks": 14, "sofa weeks": 9, "newsletter 44": 7}
SERVICE = ("/returns", "/delivery", "/size-guide", "/orders")


async def count(record: Record) -> None:
    """Once the desk has read its past, and only the first time."""
    for _ in range(120):
        if await asyncio.to_thread(record.ask, _has_read):
            break
        await asyncio.sleep(1)
    if not await asyncio.to_thread(record.ask, _is_counted):
        await asyncio.to_thread(_count, record)


def _has_read(conn: Connection) -> bool:
    known, all_of = (conn.execute(select(func.count()).select_from(t)).scalar() for t in (journeys, conversations))
    return known == all_of


def _is_counted(conn: Connection) -> bool:
    return conn.execute(select(counted.c.day).limit(1)).first() is not None


def _count(record: Record) -> None:
    now = record.clock()
    for number, brand in enumerate(sorted(record.ask(setup.all_brands))):
        chance = random.Random(f"website {number}")
        seen = [*_strangers(now, chance, 110 - 40 * number), *record.ask(_customers, brand, chance)]
        record.do(partial(_add, brand=brand, seen=seen))


def _add(tx: Tx, brand: int, seen: list[View]) -> None:
    traffic.add(tx, brand, seen)


def _strangers(now: datetime, chance: random.Random, a_day: int) -> list[View]:
    found = []
    for day in range(DAYS):
        for place in range(int(a_day * chance.uniform(0.8, 1.25))):
            at = now - timedelta(days=day, minutes=chance.uniform(0, 1440))
            campaign = chance.choices(list(CAMPAIGNS), list(CAMPAIGNS.values()))[0]
            for step, page in enumerate(chance.choices(list(PAGES), list(PAGES.values()), k=chance.randint(1, 5))):
                moment = at + timedelta(seconds=40 * step)
                client = f"{2_000_000_000 + day * 1000 + place}.17"
                found.append(View(client=client, at=min(moment, now), page=page, campaign=campaign))
    return found


def _customers(conn: Connection, brand: int, chance: random.Random) -> list[View]:
    """Who wrote afterwards. The sofas' campaign promises more than the returns page keeps."""
    question = select(visits.c.at, visits.c.page, visits.c.client).join(
        journeys, journeys.c.identity == visits.c.identity
    )
    brought: dict[str, str] = {}
    found = []
    for row in conn.execute(question.where(journeys.c.brand == brand).distinct()):
        weights = (50, 12, 30, 8) if row.page in SERVICE else (70, 14, 9, 7)
        campaign = brought.setdefault(row.client, chance.choices(list(CAMPAIGNS), weights)[0])
        found.append(View(client=row.client, at=row.at, page=row.page, campaign=campaign))
    return found

"""How the demo's articles are looked after, and the draft that waits to be read over."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection

from parley.core import events as e
from parley.core.errors import ParleyError
from parley.log.record import Record, Tx
from parley.services import care, drafting, gaps, knowledge, setup
from parley.services.inbox import Viewer

logger = logging.getLogger("parley.demo")

OWNERS = {
    "gift-wrapping": "sadie", "packing-table": "sadie", "warranty": "mara", "returns-how-to": "mara", "repairs": "mara",
    "payment-methods": "dev", "discount-codes": "orla", "store-hours": "orla", "delivery-times-costs": "ines",
}  # fmt: skip
RHYTHM = 120  # days
PATIENCE = 240  # looks for gaps, seconds apart; where the encoder is not installed there are none
LEAST = 2  # sentences of a draft that is worth showing


def look_after(tx: Tx, agents: Mapping[str, int]) -> None:
    """Owners for some articles, and every article to be read over three times a year."""
    long_ago = tx.at - timedelta(days=300)
    for article in knowledge.every(tx.conn):
        if article.slug in OWNERS:
            fact = e.ArticleEntrusted(owner=agents[OWNERS[article.slug]])
            tx.append(e.article(article.id), [fact], "agent/1", at=long_ago)
    setup.set_setting(tx, care.KEY, {care.ALL: RHYTHM, **{str(brand): RHYTHM for brand in setup.all_brands(tx.conn)}})


async def draft(record: Record) -> None:
    """Once gaps are known: a draft of the first one that agents answered well."""
    for _ in range(PATIENCE):
        if await asyncio.to_thread(record.ask, gaps.kept) is not None:
            await asyncio.to_thread(_draft, record)
            return
        await asyncio.sleep(1)


def _draft(record: Record) -> None:
    lead = record.ask(lead_of)
    found = record.ask(gaps.overview, lead).gaps
    if any(gap.draft for gap in found):
        return
    for gap in found:
        try:
            made = drafting.compose(record.ask(drafting.material, gap.question, lead))
        except ParleyError as error:
            logger.debug("No draft for %s: %s", gap.name, error)
            continue
        if made.body.count("\n\n") + 1 >= LEAST:
            record.do(lambda tx, made=made: drafting.keep(tx, made, lead))  # type: ignore[misc]
            return


def lead_of(conn: Connection) -> Viewer:
    """Somebody of the company who leads."""
    one = next(agent for agent in setup.all_agents(conn).values() if agent.role == "lead")
    return Viewer(agent=one.id, role=one.role, brands=one.brands or None)

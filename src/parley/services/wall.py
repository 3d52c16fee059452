"""What a wall in the room shows: who waits, who is there, what is about to be late, and how the day goes against its
forecast."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, func, select

from parley.core.measure import DAY, micros, moment
from parley.services import inbox, promises, setup, staffing
from parley.services.inbox import Viewer, of_brand
from parley.services.numbers import Choice, measured
from parley.services.staffing import Assumed, Plan


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """Of today: conversations in all with their 80 % band, and the part of the day's that usually began until now."""

    day: float
    low: float
    high: float
    until_now: float


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """oldest: since when the longest waits. late: promises that are broken; soon: that break within half an hour.

    online: names of agents who are there; away: how many are. today: conversations that began today (UTC).
    """

    at: datetime
    waiting: int
    oldest: datetime | None
    late: int
    soon: int
    with_bot: int
    online: tuple[str, ...]
    away: int
    today: int
    foreseen: Foreseen | None = None


def board(conn: Connection, who: Viewer, now: datetime, foreseen: Foreseen | None = None) -> Board:
    counts = inbox.counts(conn, who)
    first = inbox.page(conn, "waiting", who, limit=1).rows
    late, soon = promises.at_risk(conn, who, now)
    here = [agent for agent in setup.all_agents(conn).values() if agent.active and _together(agent, who)]
    return Board(
        at=now, waiting=counts.get("waiting", 0), oldest=first[0].waiting_since if first else None,
        late=late, soon=soon, with_bot=counts.get("bot", 0),
        online=tuple(agent.name for agent in here if agent.presence == "online"),
        away=sum(agent.presence == "away" for agent in here), today=_today(conn, who, now), foreseen=foreseen,
    )  # fmt: skip


def _together(agent: setup.Agent, who: Viewer) -> bool:
    """Whether an agent serves a brand that the viewer serves."""
    return not agent.brands or who.brands is None or bool(set(agent.brands) & set(who.brands))


def _today(conn: Connection, who: Viewer, now: datetime) -> int:
    start = micros(now) // DAY * DAY
    question = select(func.count()).select_from(measured)
    until = measured.c.began_at <= micros(now)
    return conn.execute(
        question.where(measured.c.began_at >= start, until, measured.c.code != "", of_brand(measured.c.brand, who))
    ).scalar_one()


def foresee(conn: Connection, who: Viewer, now: datetime) -> Foreseen | None:
    """From the forecast of the staffing page; None without a week of history. Takes a second: ask it once an hour."""
    plan = staffing.plan(conn, who, Choice(), Assumed(), now)
    if not plan.days:
        return None
    today = plan.days[0]
    return Foreseen(day=today.mid, low=today.low or 0, high=today.high or 0, until_now=today.mid * _gone(plan, now))


def _gone(plan: Plan, now: datetime) -> float:
    """The part of a usual day's conversations that begins until this moment."""
    start = moment(micros(now) // DAY * DAY)
    slots = plan.slots[: staffing.HALF_HOURS]
    whole = sum(slot.mid for slot in slots)
    parts = (max(0.0, min(1.0, (now - slot.at) / staffing.SLOT)) for slot in slots)
    if not whole:
        return (now - start) / timedelta(days=1)
    return sum(slot.mid * part for slot, part in zip(slots, parts, strict=True)) / whole

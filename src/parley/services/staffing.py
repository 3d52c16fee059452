"""How many conversations are to come, and how many people it takes to answer them in time.

Days are forecast on their own, half hours give their course within the day (ai/forecasting). What the bot keeps is
taken off, as measured or as assumed; the rest meets Erlang's formulas (core/staffing.py). Days and hours are UTC's.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection

from parley.ai.forecasting import BAND
from parley.core import stats
from parley.core.measure import DAY, micros, moment
from parley.core.staffing import Demand, Queue, Target, agents_needed, on_rota, queue
from parley.services.facts import talks_of
from parley.services.inbox import Viewer
from parley.services.numbers import Choice, Period, may_choose

if TYPE_CHECKING:
    from parley.ai.columns import Talks
    from parley.ai.forecasting.outlook import Outlook

HALF_HOURS = 48
SLOT = timedelta(minutes=30)
AHEAD = 7  # days
HISTORY = 140  # days that the daily forecast may learn from
COURSE = 56  # days that give the course of a day
COURSE_BACKTESTS = 5
MANY = 100  # conversations a day from which half hours have a forecast of their own
USUAL_COURSE = "usual course of the day"
SHARE_DAYS = 28  # over which it is measured what the bot keeps
LEAST = 0.1  # contacts in half an hour for which somebody has to be there


class Assumed(msgspec.Struct, frozen=True, kw_only=True):
    """What staffing rests on, and what may be tried out.

    handling: minutes of one person's work in a conversation. share, within: that part answered within so many seconds.
    patience: minutes after which who waits gives up, 0 is never. shrinkage: per cent of paid time away from work.
    more: per cent of conversations more (or fewer) than forecast. bot: per cent that the bot keeps, None as measured.
    agents: people at work all the time, 0 to ask how many are needed.
    """

    handling: float = 6.0
    share: int = 80
    within: int = 60
    patience: float = 0.0
    shrinkage: int = 30
    more: int = 0
    bot: int | None = None
    agents: int = 0


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day to come, or one that is past (low and high empty). hours: paid hours that its plan takes."""

    day: datetime
    mid: float
    low: float | None = None
    high: float | None = None
    most: int = 0
    hours: float = 0.0


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """Half an hour. mid, low, high: contacts for people; agents at work; the service level that they reach at each."""

    at: datetime
    mid: float
    low: float
    high: float
    agents: int
    level: float
    level_low: float
    level_high: float
    wait: float
    occupancy: float


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A method and its error (WAPE) over the backtests."""

    name: str
    wape: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Forecast and staffing. days_known: whole days of history. kept: share that the bot keeps, as measured, with n.

    rota: people to plan so that the busiest half hour is met. reached: share of the week's contacts answered in time.
    """

    choice: Choice
    assumed: Assumed
    time_zone: str = "UTC"
    days_known: int
    method: str = ""
    course_method: str = ""
    backtests: int = 0
    trials: tuple[Trial, ...] = ()
    band: float = BAND
    kept: stats.Estimate = stats.Estimate()
    kept_n: int = 0
    bot: float = 0.0
    past: tuple[Day, ...] = ()
    days: tuple[Day, ...] = ()
    slots: tuple[Slot, ...] = ()
    rota: int = 0
    reached: float | None = None

    @property
    def error(self) -> float | None:
        return next((trial.wape for trial in self.trials if trial.name == self.method), None)


def plan(conn: Connection, who: Viewer, choice: Choice, assumed: Assumed, now: datetime) -> Plan:
    """The seven days that begin today, from the whole days before. Without a week of history: no days at all."""
    may_choose(who, choice)
    today = moment(micros(now) // DAY * DAY)
    talks = talks_of(conn, who, choice, Period(start=today - timedelta(days=HISTORY), end=today))
    counts = talks.a_slot(DAY // HALF_HOURS, micros(today))
    known = len(counts) // HALF_HOURS
    kept, n = _kept(talks, micros(today - timedelta(days=SHARE_DAYS)))
    bot = assumed.bot / 100 if assumed.bot is not None else kept.value or 0.0
    if known < 7:
        return Plan(choice=choice, assumed=assumed, days_known=known, kept=kept, kept_n=n, bot=bot)
    totals = tuple(float(sum(counts[d * HALF_HOURS : (d + 1) * HALF_HOURS])) for d in range(known))
    daily = _remembered()(totals, 1, AHEAD)
    method, course = _course(counts[-COURSE * HALF_HOURS :], daily, today)
    slots = _slots(daily, course, today, assumed, (1 - bot) * (1 + assumed.more / 100))
    return Plan(
        choice=choice, assumed=assumed, days_known=known, method=daily.method, course_method=method,
        backtests=daily.origins, trials=tuple(Trial(name=t.name, wape=t.wape) for t in daily.trials),
        kept=kept, kept_n=n, bot=bot, past=_past(totals, today), days=_days(daily, today, slots, assumed),
        slots=slots, rota=on_rota(max((s.agents for s in slots), default=0), assumed.shrinkage / 100),
        reached=_reached(slots),
    )  # fmt: skip


def _kept(talks: "Talks", since: int) -> tuple[stats.Estimate, int]:
    """What the bot keeps of all conversations that are decided; those without a bot are for people."""
    talks = talks.where(talks.began >= since)
    decided, kept = talks.answer("contained")
    hits, n = int(kept.sum()), int((decided | ~talks.with_bot).sum())
    return stats.share(hits, n), n


def _past(totals: Sequence[float], today: datetime) -> tuple[Day, ...]:
    shown = min(14, len(totals))
    return tuple(Day(day=today - timedelta(days=shown - i), mid=totals[len(totals) - shown + i]) for i in range(shown))


def _remembered() -> "Callable[..., Outlook]":
    """The forecast comes with numpy, which a desk that just starts does not need yet."""
    from parley.ai.forecasting.outlook import remembered

    return remembered


# ── the course of a day ─────────────────────────────────────────────────────────────────────

Course = list[tuple[float, float, float]]  # each half hour's middle, low and high


def _course(counts: Sequence[float], daily: "Outlook", today: datetime) -> tuple[str, Course]:
    """Half hours, in any unit: they are brought to their day's total. Few conversations have no pattern of their own
    in half an hour; then working days share one course, and the days of a weekend another."""
    if sum(counts) * HALF_HOURS >= MANY * len(counts):
        own = _remembered()(tuple(counts), HALF_HOURS, AHEAD * HALF_HOURS, COURSE_BACKTESTS)
        return own.method, [tuple(map(float, row)) for row in zip(own.mid, own.low, own.high, strict=True)]  # type: ignore[misc]
    days = [counts[i : i + HALF_HOURS] for i in range(0, len(counts), HALF_HOURS)]
    dates = [today - timedelta(days=len(days) - i) for i in range(len(days))]
    found: Course = []
    for ahead in range(AHEAD):
        kind = (today + timedelta(days=ahead)).weekday() > 4
        shape = _smoothed([day for day, at in zip(days, dates, strict=True) if (at.weekday() > 4) == kind])
        mid, low, high = (float(row[ahead]) for row in (daily.mid, daily.low, daily.high))
        found += [_with_band(part * mid, (high - low) / 2 / max(mid, 1e-9)) for part in shape]
    return USUAL_COURSE, found


def _smoothed(days: Sequence[Sequence[float]]) -> list[float]:
    """Each half hour's part of a day, evened out over two hours (weights 1 2 3 2 1); midnight is no border."""
    sums = [sum(day[i] for day in days) for i in range(HALF_HOURS)]
    even = [
        sum(weight * sums[(i + step) % HALF_HOURS] for step, weight in zip(range(-2, 3), (1, 2, 3, 2, 1), strict=True))
        for i in range(HALF_HOURS)
    ]
    whole = sum(even)
    return [part / whole if whole else 1 / HALF_HOURS for part in even]


def _with_band(mid: float, day_off: float) -> tuple[float, float, float]:
    """An 80 % band of chance (Poisson) and of the day's own band, as a normal distribution's."""
    z = stats.z_of(BAND)
    half = z * (mid + (mid * day_off / z) ** 2) ** 0.5
    return mid, max(0.0, mid - half), mid + half


# ── staffing ────────────────────────────────────────────────────────────────────────────────


def _slots(daily: "Outlook", course: Course, today: datetime, assumed: Assumed, people: float) -> tuple[Slot, ...]:
    """The half hours of each day, so that they add up to the day; the band keeps its width relative to its middle."""
    found = []
    seen: dict[tuple[float, int], Queue] = {}
    for day in range(AHEAD):
        own = course[day * HALF_HOURS : (day + 1) * HALF_HOURS]
        scale = float(daily.mid[day]) * daily.lift / max(sum(mid for mid, _, _ in own), 1e-9) * people
        for i, (mid, low, high) in enumerate(own):
            at = today + timedelta(days=day) + i * SLOT
            found.append(_slot(at, mid * scale, low * scale, high * scale, assumed, seen))
    return tuple(found)


def _slot(
    at: datetime, mid: float, low: float, high: float, assumed: Assumed, seen: dict[tuple[float, int], Queue]
) -> Slot:
    agents = assumed.agents or _needed(mid, assumed)
    usual, busy, calm = (_met(contacts, agents, assumed, seen) for contacts in (mid, high, low))
    return Slot(
        at=at, mid=mid, low=low, high=high, agents=agents, level=usual.service_level, wait=min(usual.wait, 1e6),
        occupancy=usual.occupancy, level_low=busy.service_level, level_high=calm.service_level,
    )  # fmt: skip


def _demand(contacts: float, assumed: Assumed) -> Demand:
    return Demand(contacts=contacts, seconds=SLOT.total_seconds(), handling=assumed.handling * 60)


def _needed(contacts: float, assumed: Assumed) -> int:
    if contacts < LEAST:
        return 0
    target = Target(share=assumed.share / 100, within=assumed.within)
    return agents_needed(_demand(contacts, assumed), target, assumed.patience * 60 or None)


def _met(contacts: float, agents: int, assumed: Assumed, seen: dict[tuple[float, int], Queue]) -> Queue:
    """What becomes of so many contacts; they are told apart by hundredths, so that a week is not worked out anew."""
    key = (round(contacts, 2), agents)
    if key not in seen:
        target = Target(share=assumed.share / 100, within=assumed.within)
        seen[key] = queue(_demand(key[0], assumed), agents, target, assumed.patience * 60 or None)
    return seen[key]


def _days(daily: "Outlook", today: datetime, slots: Sequence[Slot], assumed: Assumed) -> tuple[Day, ...]:
    found = []
    for i in range(AHEAD):
        own = slots[i * HALF_HOURS : (i + 1) * HALF_HOURS]
        work = sum(slot.agents for slot in own) * SLOT.total_seconds() / 3600
        found.append(
            Day(
                day=today + timedelta(days=i), mid=float(daily.mid[i]), low=float(daily.low[i]),
                high=float(daily.high[i]), most=max(slot.agents for slot in own),
                hours=work / (1 - assumed.shrinkage / 100),
            )
        )  # fmt: skip
    return tuple(found)


def _reached(slots: Sequence[Slot]) -> float | None:
    """Of all contacts of the week the share answered in time, at the middle of the forecast."""
    all_of = sum(slot.mid for slot in slots)
    return sum(slot.mid * slot.level for slot in slots) / all_of if all_of else None

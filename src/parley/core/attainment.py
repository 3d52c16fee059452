"""Promises kept and work that lies: attainment that counts open breaches, and the backlog as an identity."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from parley.core.opening import Calendar, due
from parley.core.stats import Estimate, share


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """A target for one conversation. met_at: when the promised thing happened; void: no longer owed (spam, merged).

    due is None while the clock stands within its time: the customer has to answer.
    """

    due: datetime | None
    met_at: datetime | None = None
    void: bool = False


class Attainment(msgspec.Struct, frozen=True):
    """met and breached are decided; at_risk: open and due within the warning time; open: the other open ones."""

    met: int
    breached: int
    at_risk: int
    open: int

    @property
    def share(self) -> Estimate:
        """Met among the decided, with its interval. One that is open past its target is breached."""
        return share(self.met, self.met + self.breached)


def promise(calendar: Calendar, began: datetime, target: timedelta) -> datetime:
    """When a promise made at `began` falls due in working time. It stays so when the policy changes later."""
    return due(calendar, began, target)


def of_merged(starts: Sequence[datetime]) -> datetime:
    """Conversations that become one keep the older start: merging buys no time."""
    return min(starts)


def state(one: Promise, now: datetime, warning: timedelta) -> str:
    """met, breached, at_risk or open. At exactly the target second it is met."""
    if one.due is None:
        return "open"
    if one.met_at is not None:
        return "met" if one.met_at <= one.due else "breached"
    if now > one.due:
        return "breached"
    return "at_risk" if one.due - now <= warning else "open"


def attainment(promises: Sequence[Promise], now: datetime, warning: timedelta = timedelta(hours=1)) -> Attainment:
    states = [state(one, now, warning) for one in promises if not one.void]
    return Attainment(*(states.count(name) for name in ("met", "breached", "at_risk", "open")))


# ── backlog ─────────────────────────────────────────────────────────────────────────────────


class Life(msgspec.Struct, frozen=True):
    """A conversation's opening, its closes and reopenings, as moments in any unit, in order in time.

    Moments alternate: closed, reopened, closed … Equal moments count in that order.
    """

    opened: float
    turns: tuple[float, ...] = ()

    def open_at(self, t: float) -> bool:
        """Whether it is open just after t."""
        return self.opened <= t and sum(turn <= t for turn in self.turns) % 2 == 0

    def since(self, t: float) -> float:
        """When the conversation that is open at t was opened last."""
        past = [turn for turn in self.turns if turn <= t]
        return past[-1] if past else self.opened


class Flow(msgspec.Struct, frozen=True):
    """What happened after one moment and up to another."""

    created: int
    reopened: int
    closed: int


def backlog(lives: Sequence[Life], t: float) -> int:
    return sum(life.open_at(t) for life in lives)


def flow(lives: Sequence[Life], start: float, end: float) -> Flow:
    """backlog(end) = backlog(start) + created + reopened − closed, to the unit."""
    created = sum(start < life.opened <= end for life in lives)
    closes = [turn for life in lives for turn in life.turns[::2]]
    reopenings = [turn for life in lives for turn in life.turns[1::2]]
    return Flow(created, sum(start < t <= end for t in reopenings), sum(start < t <= end for t in closes))


def ages(lives: Sequence[Life], t: float) -> list[float]:
    """How long what is open at t has existed, sorted: counted from the opening, not from a reopening."""
    return sorted(t - life.opened for life in lives if life.open_at(t))


def expected_backlog(per_day: float, days_open: float) -> float:
    """Little's law: what arrives a day, times how long it stays."""
    return per_day * days_open

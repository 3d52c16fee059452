"""The clocks of what was promised in one conversation, folded from its events.

A reply clock runs while a customer waits for people: the first answer, then each next one. The resolution clock runs
from the first of these waits to the close that stands, and stands still while the customer has to answer. When a
clock starts its target is that of the policy in force; it stays so when the policy changes later. A tag that brings
another policy sets it anew, from the same start.
"""

from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from typing import ClassVar

import msgspec

from parley.core import conversation as talk
from parley.core import events as e
from parley.core.agreement import Agreement, due_at
from parley.core.opening import Calendar, open_time

FIRST, NEXT, RESOLUTION = "first", "next", "resolution"
NEAR_SHARE, NEAR_MOST = 4, timedelta(hours=1)  # told when a quarter of the time is left, an hour at most
INSTANT = timedelta(microseconds=1)
QUIET, NEAR, BROKEN = 0, 1, 2


class Clock(msgspec.Struct, frozen=True, array_like=True):
    """One promise. n: which of the next answers. since: when it began to run last, None while it stands or is over.

    used: seconds that had run before. due: None while it stands within its time. void: no longer owed. told: whether
    it was told that it is near, or broken.
    """

    kind: str
    n: int
    policy: str
    minutes: int
    working: bool
    began: datetime
    since: datetime | None = None
    used: float = 0.0
    due: datetime | None = None
    met_at: datetime | None = None
    void: bool = False
    told: int = QUIET

    @property
    def seconds(self) -> float:
        return self.minutes * 60.0

    @property
    def near(self) -> datetime | None:
        """When it is time to say that it will break soon; None where it does not run."""
        if self.since is None or self.due is None:
            return None
        return max(self.since, self.due - min(NEAR_MOST, timedelta(seconds=self.seconds / NEAR_SHARE)))


class Owed(msgspec.Struct, array_like=True):
    """What is owed in a conversation, and what of its state the clocks hang on. answered: people have replied once.

    reply: the first answer's clock or the latest next one's. What else a conversation's state has, no clock hangs on.
    """

    messages: ClassVar[int] = 0
    failed: ClassVar[int] = 0
    skills: ClassVar[tuple[str, ...]] = ()
    preview: ClassVar[str] = ""

    brand: int = 0
    inbox: int = 0
    channel: str = ""
    tags: tuple[str, ...] = ()
    status: str = talk.OPEN
    opened_at: datetime | None = None
    asked_at: datetime | None = None
    waiting_since: datetime | None = None
    answered: bool = False
    reply: Clock | None = None
    resolution: Clock | None = None

    @property
    def clocks(self) -> tuple[Clock, ...]:
        return tuple(clock for clock in (self.reply, self.resolution) if clock is not None)

    @property
    def running(self) -> tuple[Clock, ...]:
        return tuple(clock for clock in self.clocks if clock.since is not None and clock.due is not None)

    @property
    def first_due(self) -> Clock | None:
        """The running clock that ends first."""
        return min(self.running, key=lambda clock: clock.due or datetime.max, default=None)

    @property
    def tell_at(self) -> datetime | None:
        """When there is something to tell next."""
        return min((at for clock in self.running if (at := _tell_at(clock)) is not None), default=None)


def _tell_at(clock: Clock) -> datetime | None:
    if clock.told == BROKEN or clock.due is None:
        return None
    return clock.near if clock.told == QUIET else clock.due + INSTANT


def tell(owed: Owed, now: datetime) -> list[e.Event]:
    """What is to be said of the running clocks now: that one is near its end, or that it is past it."""
    said: list[e.Event] = []
    for clock in owed.running:
        assert clock.due is not None
        assert clock.near is not None
        if clock.told < BROKEN and now > clock.due:
            said.append(e.PromiseBroken(promise=clock.kind, number=clock.n, due=clock.due))
        elif clock.told < NEAR and now >= clock.near:
            said.append(e.PromiseNear(promise=clock.kind, number=clock.n, due=clock.due))
    return said


# ── folding ─────────────────────────────────────────────────────────────────────────────────

Agreed = Callable[[], Agreement]


def evolve(owed: Owed | None, r: e.Recorded, agreed: Agreed) -> Owed:
    """What is owed after one more event. Pure; agreed gives what is in force at that moment."""
    new = Owed() if owed is None else copy(owed)
    take(new, r, agreed)
    return new


def take(owed: Owed, r: e.Recorded, agreed: Agreed) -> None:
    """The same, in place."""
    kind = type(r.event)
    if kind is e.PromiseNear or kind is e.PromiseBroken:
        _told(owed, r.event)  # type: ignore[arg-type]
        return
    _see(owed, r)
    if kind is e.Tagged or kind is e.Untagged:
        _choose_again(owed, r.at, agreed)
    elif kind is e.Closed:
        _close(owed, r.at, r.event, agreed)  # type: ignore[arg-type]
    else:
        _reply_clock(owed, r, agreed)
        _resolution_clock(owed, r.at, agreed)


_SEEN = frozenset({"brand", "inbox", "channel", "tags", "status", "asked_at", "waiting_since"})


def _see(owed: Owed, r: e.Recorded) -> None:
    """As the inbox sees it: who waits, with what tags; see core/conversation.py."""
    if owed.opened_at is None:
        owed.opened_at = r.at
    for name, value in talk.changes(owed, r).items():
        if name in _SEEN:
            setattr(owed, name, value)


def _told(owed: Owed, event: e.PromiseNear | e.PromiseBroken) -> None:
    told = NEAR if isinstance(event, e.PromiseNear) else BROKEN

    def marked(clock: Clock | None) -> Clock | None:
        mine = clock is not None and (clock.kind, clock.n) == (event.promise, event.number)
        return msgspec.structs.replace(clock, told=max(told, clock.told)) if clock and mine else clock

    owed.reply, owed.resolution = marked(owed.reply), marked(owed.resolution)


# the answers ────────────────────────────────────────────────────────────────────────────────


def _reply_clock(owed: Owed, r: e.Recorded, agreed: Agreed) -> None:
    clock, event = owed.reply, r.event
    spoke = _speaks(event)
    if isinstance(event, e.SendCancelled) and clock and clock.met_at == event.written_at and owed.waiting_since:
        owed.reply = msgspec.structs.replace(clock, since=clock.began, met_at=None)
        owed.answered = clock.kind == NEXT
        return
    if owed.waiting_since is None:
        if clock and clock.since is not None:
            ended = msgspec.structs.replace(clock, since=None, met_at=r.at) if spoke else _unanswered(clock, r.at)
            owed.reply = ended
    elif clock is None or clock.since is None:
        taken_back = isinstance(event, e.Reopened) and clock and clock.began == owed.waiting_since
        if taken_back and clock and clock.met_at is None:
            owed.reply = msgspec.structs.replace(clock, since=clock.began, void=False)
        else:
            owed.reply = _next_clock(owed, r.at, agreed)
    if spoke:
        owed.answered = True


def _speaks(event: e.Event) -> bool:
    """Whether people answered the customer."""
    if isinstance(event, e.ReplyWritten):
        return event.purpose == "reply" and not event.automatic
    return isinstance(event, e.CallAnswered)


def _unanswered(clock: Clock, at: datetime) -> Clock:
    """Nobody waits any more, though nobody answered: nothing is owed, unless it was late already."""
    late = clock.due is not None and at > clock.due
    return msgspec.structs.replace(clock, since=None, void=not late)


def _next_clock(owed: Owed, at: datetime, agreed: Agreed) -> Clock | None:
    last = owed.reply
    missed = last is not None and last.met_at is None and not last.void
    kind = NEXT if owed.answered or missed else FIRST
    number = 0 if kind == FIRST else last.n + 1 if last else 1
    return _started(owed, kind, number, owed.waiting_since or at, agreed) or (last if last and not last.since else None)


def _started(owed: Owed, kind: str, number: int, began: datetime, agreed: Agreed) -> Clock | None:
    """A clock of the policy in force; None where it promises nothing of the kind."""
    agreement = agreed()
    policy = agreement.policy(owed.brand, owed.inbox, owed.channel, owed.tags)
    minutes = policy.minutes(kind) if policy else None
    if policy is None or minutes is None:
        return None
    due = due_at(agreement.calendar(owed.brand), began, minutes * 60, policy.working)
    return Clock(kind, number, policy.key, minutes, policy.working, began, began, 0.0, due)


# the solution ───────────────────────────────────────────────────────────────────────────────


def _resolution_clock(owed: Owed, at: datetime, agreed: Agreed) -> None:
    """Runs while the customer waits, stands while they do not."""
    clock, waits = owed.resolution, owed.waiting_since is not None and owed.status != talk.CLOSED
    if clock is None:
        began = owed.waiting_since
        owed.resolution = _started(owed, RESOLUTION, 0, began, agreed) if waits and began else None
    elif waits and clock.since is None:
        owed.resolution = _resumed(clock, at, agreed().calendar(owed.brand))
    elif not waits and clock.since is not None:
        owed.resolution = _paused(clock, at, agreed().calendar(owed.brand))
    elif owed.status != talk.CLOSED and (clock.met_at is not None or clock.void):  # reopened, nobody waits
        owed.resolution = msgspec.structs.replace(clock, met_at=None, void=False, due=_still(clock))


def _paused(clock: Clock, at: datetime, calendar: Calendar) -> Clock:
    used = clock.used + _elapsed(clock, at, calendar)
    late = clock.due is not None and at > clock.due
    return msgspec.structs.replace(clock, since=None, used=used, due=clock.due if late else None)


def _still(clock: Clock) -> datetime | None:
    """The due moment of a clock that stands: one that was missed stays so."""
    missed = clock.due is not None and clock.used > clock.seconds
    return clock.due if missed else None


def _resumed(clock: Clock, at: datetime, calendar: Calendar) -> Clock:
    kept = _still(clock)
    due = kept or due_at(calendar, at, max(0.0, clock.seconds - clock.used), clock.working)
    told = clock.told if clock.told == BROKEN else QUIET
    return msgspec.structs.replace(clock, since=at, due=due, met_at=None, void=False, told=told)


def _elapsed(clock: Clock, at: datetime, calendar: Calendar) -> float:
    if clock.since is None or at <= clock.since:
        return 0.0
    spent = open_time(calendar, clock.since, at) if clock.working else at - clock.since
    return spent.total_seconds()


def _close(owed: Owed, at: datetime, event: e.Closed, agreed: Agreed) -> None:
    reply, clock = owed.reply, owed.resolution
    if reply is not None and reply.since is not None:
        owed.reply = _unanswered(reply, at)
    if clock is not None and clock.met_at is None and not clock.void:
        calendar = agreed().calendar(owed.brand)
        due = clock.due or due_at(calendar, at, max(0.0, clock.seconds - clock.used), clock.working)
        used = clock.used + _elapsed(clock, at, calendar)
        clock = msgspec.structs.replace(clock, since=None, used=used, due=due)
        given_up = not event.resolved and at <= due
        owed.resolution = msgspec.structs.replace(clock, void=given_up, met_at=None if given_up else at)


# tags ───────────────────────────────────────────────────────────────────────────────────────


def _choose_again(owed: Owed, at: datetime, agreed: Agreed) -> None:
    """Another policy may fit now: what still runs, or stands, is set anew from its start."""
    if owed.status in (talk.BOT, talk.CLOSED):
        return
    agreement = agreed()
    policy = agreement.policy(owed.brand, owed.inbox, owed.channel, owed.tags)
    reply, clock = owed.reply, owed.resolution
    key = policy.key if policy else ""
    if owed.waiting_since is not None and (reply is None or reply.since is None or reply.policy != key):
        kind, n = (reply.kind, reply.n) if reply and reply.since else _upcoming(owed)
        owed.reply = _swapped(reply, _started(owed, kind, n, owed.waiting_since, agreed), at)
    if clock is None and owed.waiting_since is not None:
        owed.resolution = _started(owed, RESOLUTION, 0, owed.waiting_since, agreed)
    elif clock is not None and clock.met_at is None and clock.policy != key:
        owed.resolution = _retargeted(owed, clock, at, agreed)


def _upcoming(owed: Owed) -> tuple[str, int]:
    return (NEXT, owed.reply.n + 1 if owed.reply else 1) if owed.answered else (FIRST, 0)


def _swapped(old: Clock | None, new: Clock | None, at: datetime) -> Clock | None:
    """The same promise under another policy; void where that promises nothing."""
    if new is None:
        return dropped(old) if old and old.since else old
    same = old is not None and (old.kind, old.n) == (new.kind, new.n)
    return msgspec.structs.replace(new, told=_told_still(old, new, at)) if same and old else new


def _told_still(old: Clock, new: Clock, at: datetime) -> int:
    """What was said stays said while it is still so."""
    return old.told if new.due is not None and at > new.due else QUIET


def dropped(clock: Clock) -> Clock:
    """No longer owed, whatever happens."""
    return msgspec.structs.replace(clock, since=None, void=True)


def _retargeted(owed: Owed, clock: Clock, at: datetime, agreed: Agreed) -> Clock | None:
    fresh = _started(owed, RESOLUTION, 0, clock.began, agreed)
    if fresh is None:
        return None
    calendar = agreed().calendar(owed.brand)
    used = clock.used + _elapsed(clock, at, calendar)
    if clock.since is None:
        missed = clock.due is not None and used > fresh.seconds
        kept = {"due": clock.due, "told": clock.told} if missed else {"due": None, "told": QUIET}
        return msgspec.structs.replace(fresh, since=None, used=used, **kept)
    left = fresh.seconds - used
    due = due_at(calendar, at, left, fresh.working) if left > 0 else at
    again = msgspec.structs.replace(fresh, since=at, used=used, due=due)
    return msgspec.structs.replace(again, told=_told_still(clock, again, at))

"""A queue played through event by event: the second route to Erlang's formulas, and the way for deferred work.

Nothing is drawn at random in here: who comes when, how long each takes and how long each waits is handed in, so that
the same list gives the same day.
"""

import heapq
from bisect import bisect_right
from collections.abc import Sequence

import msgspec


class Arrival(msgspec.Struct, frozen=True):
    """A contact: when it comes, the seconds of work in it, how long it waits (None: for ever), when it is due."""

    at: float
    work: float
    patience: float | None = None
    due: float | None = None


class Served(msgspec.Struct, frozen=True):
    """What became of it. begun: None where it gave up or was never reached."""

    arrival: Arrival
    begun: float | None

    @property
    def wait(self) -> float | None:
        return None if self.begun is None else self.begun - self.arrival.at

    @property
    def done(self) -> float | None:
        return None if self.begun is None else self.begun + self.arrival.work

    @property
    def in_time(self) -> bool:
        return self.done is not None and (self.arrival.due is None or self.done <= self.arrival.due)


class Shift(msgspec.Struct, frozen=True):
    """From this moment on so many people work."""

    start: float
    agents: int


def play(arrivals: Sequence[Arrival], shifts: Sequence[Shift], until: float) -> list[Served]:
    """First come, first served; where contacts have due times, the earliest due first. In order of arrival.

    Who works when a shift ends finishes what is begun. Nothing is begun after `until`.
    """
    days = _Days(shifts)
    waiting: list[tuple[float, int, Arrival]] = []
    busy: list[float] = []
    begun: dict[int, float] = {}
    coming = sorted(range(len(arrivals)), key=lambda i: arrivals[i].at)
    place, now = 0, 0.0
    while True:
        _take_in(waiting, arrivals, coming, place, now)
        place = bisect_right(coming, now, lo=place, key=lambda i: arrivals[i].at)
        while busy and busy[0] <= now:
            heapq.heappop(busy)
        while waiting and len(busy) < days.agents(now):
            _, number, arrival = heapq.heappop(waiting)
            if arrival.patience is None or arrival.at + arrival.patience >= now:
                begun[number] = now
                heapq.heappush(busy, now + arrival.work)
        upcoming = [arrivals[coming[place]].at] if place < len(coming) else []
        upcoming += busy[:1] + days.after(now)
        if not upcoming or min(upcoming) > until or (place == len(coming) and not waiting):
            return [Served(arrival, begun.get(i)) for i, arrival in enumerate(arrivals)]
        now = min(upcoming)


def _take_in(
    waiting: list[tuple[float, int, Arrival]], arrivals: Sequence[Arrival], coming: list[int], place: int, now: float
) -> None:
    while place < len(coming) and arrivals[coming[place]].at <= now:
        arrival = arrivals[coming[place]]
        heapq.heappush(waiting, (arrival.at if arrival.due is None else arrival.due, coming[place], arrival))
        place += 1


class _Days:
    def __init__(self, shifts: Sequence[Shift]) -> None:
        self.shifts = sorted(shifts, key=lambda shift: shift.start)
        self.starts = [shift.start for shift in self.shifts]

    def agents(self, now: float) -> int:
        place = bisect_right(self.starts, now)
        return self.shifts[place - 1].agents if place else 0

    def after(self, now: float) -> list[float]:
        place = bisect_right(self.starts, now)
        return self.starts[place : place + 1]

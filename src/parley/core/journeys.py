"""Which step follows which: the directly-follows graph of cases, its variants and loops."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

import msgspec


class Step(msgspec.Struct, frozen=True):
    """Something that happened in a case. seq settles the order of equal times."""

    case: Hashable
    activity: str
    at: datetime
    seq: int = 0


class Follows(msgspec.Struct, frozen=True):
    """One step directly after another within a case."""

    count: int
    median: timedelta
    mean: timedelta


class Graph(msgspec.Struct, frozen=True):
    """starts, ends: first and last steps. rework: steps that a case took more than once, and how many cases did."""

    cases: int
    starts: Counter[str]
    ends: Counter[str]
    edges: dict[tuple[str, str], Follows]
    variants: Counter[tuple[str, ...]]
    rework: Counter[str]
    durations: tuple[timedelta, ...]


def graph(steps: Iterable[Step]) -> Graph:
    """Of any order of the same steps the same graph."""
    cases: dict[Hashable, list[Step]] = {}
    for step in steps:
        cases.setdefault(step.case, []).append(step)
    for path in cases.values():
        path.sort(key=lambda step: (step.at, step.seq))
    paths = list(cases.values())
    again = Counter(name for path in paths for name, n in Counter(s.activity for s in path).items() if n > 1)
    return Graph(
        cases=len(paths),
        starts=Counter(path[0].activity for path in paths),
        ends=Counter(path[-1].activity for path in paths),
        edges=_edges(paths),
        variants=Counter(tuple(step.activity for step in path) for path in paths),
        rework=again,
        durations=tuple(sorted(path[-1].at - path[0].at for path in paths)),
    )


def _edges(paths: Sequence[Sequence[Step]]) -> dict[tuple[str, str], Follows]:
    gaps: dict[tuple[str, str], list[timedelta]] = {}
    for path in paths:
        for a, b in pairwise(path):
            gaps.setdefault((a.activity, b.activity), []).append(b.at - a.at)
    return {edge: _follows(times) for edge, times in gaps.items()}


def _follows(times: Sequence[timedelta]) -> Follows:
    middle = timedelta(seconds=median(time.total_seconds() for time in times))
    return Follows(len(times), middle, sum(times, timedelta()) / len(times))

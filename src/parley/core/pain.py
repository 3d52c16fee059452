"""Where it hurts: for each step that follows another, how often, how long beyond need, and how much worse it ends.

score = cases that go this way × waiting beyond the best quarter's median, in hours × rise of the share that ends badly
against the cases that do not go this way. Its bounds are the products of its factors' bounds, so they are wide rather
than narrow. A factor below zero counts as zero: nothing hurts less than not at all.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import msgspec

from parley.core.stats import Change, Estimate, Interval, quantile, quantile_interval, share, share_change

FEWEST = 5  # cases that a step needs before anything is said of it
HOUR = 3600.0


class Pain(msgspec.Struct, frozen=True, kw_only=True):
    """A step from `a` to `b`. cases: how many go this way, share: of all. median: seconds between. excess: seconds
    beyond the median of the best quarter. rise: of the share that ends badly, points 0…1. ended, ended_other: how many
    of both sides have ended. worst: cases, those that ended badly and waited longest first."""

    a: str
    b: str
    cases: int
    share: Estimate
    median: Estimate
    excess: Estimate
    rise: Change
    ended: int
    ended_other: int
    score: Estimate
    worst: tuple[int, ...] = ()


Case = tuple[Sequence[tuple[str, float]], bool | None]  # steps with their seconds, and whether it ended badly


def pains(cases: Mapping[int, Case], most: int = 10, endings: Collection[str] = ()) -> list[Pain]:
    """Those that hurt: first where the rise is no chance, then by score. endings: steps that say how it ended, to which
    therefore no step leads that could explain it."""
    waits: dict[tuple[str, str], dict[int, float]] = {}
    for number, (path, _) in cases.items():
        for (a, start), (b, end) in pairwise(path):
            if b in endings:
                continue
            of_case = waits.setdefault((a, b), {})
            of_case[number] = max(of_case.get(number, 0.0), end - start)
    bad = {number for number, (_, ended) in cases.items() if ended}
    ended = {number for number, (_, ended) in cases.items() if ended is not None}
    found = [_pain(a, b, waited, len(cases), bad, ended) for (a, b), waited in waits.items() if len(waited) >= FEWEST]
    found = [one for one in found if (one.score.value or 0) > 0]
    return sorted(found, key=lambda one: (not one.rise.clear, -(one.score.value or 0), one.a, one.b))[:most]


def _pain(a: str, b: str, waited: Mapping[int, float], n: int, bad: set[int], ended: set[int]) -> Pain:
    times = sorted(waited.values())
    middle, between = quantile(times, 0.5), quantile_interval(times, 0.5)
    best = quantile(times, 0.125)  # the median of the quickest quarter
    mine, others = ended & waited.keys(), ended - waited.keys()
    rise = share_change(len(bad & mine), len(mine), len(bad & others), len(others))
    excess = Estimate(middle - best, Interval(_less(between.low, best), _less(between.high, best)))
    often = share(len(waited), n)
    return Pain(
        a=a, b=b, cases=len(waited), share=often, median=Estimate(middle, between), excess=excess, rise=rise,
        ended=len(mine), ended_other=len(others), score=_score(often, n, excess, rise),
        worst=tuple(sorted(waited, key=lambda one: (one not in bad, -waited[one], one))[:12]),
    )  # fmt: skip


def _less(value: float | None, by: float) -> float | None:
    return None if value is None else max(0.0, value - by)


def _score(often: Estimate, n: int, excess: Estimate, rise: Change) -> Estimate:
    """Where a factor has no bound, the product has none."""
    return Estimate(
        _product((often.value or 0) * n, excess.value, rise.value),
        Interval(
            _product((often.interval.low or 0) * n, excess.interval.low, rise.interval.low),
            _product((often.interval.high or 0) * n, excess.interval.high, rise.interval.high),
        ),
    )


def _product(cases: float, seconds: float | None, rise: float | None) -> float | None:
    return None if seconds is None or rise is None else cases * max(0.0, seconds) / HOUR * max(0.0, rise)


def rework(paths: Mapping[int, Sequence[str]]) -> list[tuple[str, int, int]]:
    """Steps that cases took more than once: (step, cases that did, times beyond the first), most cases first."""
    cases: dict[str, int] = {}
    again: dict[str, int] = {}
    for path in paths.values():
        for step in set(path):
            if (n := path.count(step)) > 1:
                cases[step], again[step] = cases.get(step, 0) + 1, again.get(step, 0) + n - 1
    return sorted(((step, n, again[step]) for step, n in cases.items()), key=lambda one: (-one[1], one[0]))

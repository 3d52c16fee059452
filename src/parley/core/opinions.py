"""What customers answer, and how sure that is: CSAT, NPS and CES with intervals, nonresponse, sample sizes."""

from collections.abc import Sequence
from math import atan, ceil, cos, pi, sin, sqrt

import msgspec

from parley.core.stats import LEVEL, Change, Estimate, Interval, Moments, share, z_of

CONTENT = 4  # of 5
EASY = 5  # of 7
MANY_FREEDOMS = 2000  # from which Student's t is worked out from the normal distribution


SOLVED = "solved"  # at first contact, by the customer's own word: 1 yes, 0 no
SCALES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7), SOLVED: (0, 1)}
LOW = {"csat": 2, "nps": 6, "ces": 3, SOLVED: 0}


def is_low(measure: str, score: int) -> bool:
    """Whether an answer asks for somebody to come back: CSAT 1 and 2, NPS 0 to 6 (a detractor), CES 1 to 3, and
    a matter that was not solved at first contact."""
    return score <= LOW.get(measure, -1)


class Recommending(msgspec.Struct, frozen=True):
    """Answers to "would you recommend us", 0…10: promoters gave 9 or 10, detractors 0 to 6."""

    n: int
    promoters: int
    detractors: int

    @property
    def score(self) -> float:
        """NPS, −100…100."""
        return 100 * (self.promoters - self.detractors) / self.n

    @property
    def variance(self) -> float:
        """Of one answer counted as 1, 0 or −1."""
        p, d = self.promoters / self.n, self.detractors / self.n
        return p + d - (p - d) ** 2

    @property
    def error(self) -> float:
        """Standard error of the score in points."""
        return 100 * sqrt(self.variance / self.n)


def recommending(answers: Sequence[int]) -> Recommending:
    return Recommending(len(answers), sum(a >= 9 for a in answers), sum(a <= 6 for a in answers))


def nps(found: Recommending, level: float = LEVEL) -> Estimate:
    """NPS with the adjusted Wald interval: ¾ promoter, ¾ detractor, 1½ passive more (Rocks 2016, Am. Statistician 70).

    The plain interval of ten promoters is a point; this one is not. Clipped to −100…100.
    """
    if not found.n:
        return Estimate()
    n = found.n + 3
    p, d = (found.promoters + 0.75) / n, (found.detractors + 0.75) / n
    middle, half = 100 * (p - d), 100 * z_of(level) * sqrt((p + d - (p - d) ** 2) / n)
    return Estimate(found.score, Interval(max(-100.0, middle - half), min(100.0, middle + half)))


def nps_plain(found: Recommending, level: float = LEVEL) -> Interval:
    """The Wald interval, for comparison with what others print."""
    half = z_of(level) * found.error
    return Interval(found.score - half, found.score + half)


def nps_change(now: Recommending, before: Recommending, level: float = LEVEL) -> Change:
    """Difference of two scores; clear where its interval leaves out 0."""
    if not now.n or not before.n:
        return Change()
    moved = now.score - before.score
    half = z_of(level) * sqrt(now.error**2 + before.error**2)
    return Change(moved, Interval(moved - half, moved + half), abs(moved) > half)


class Effort(msgspec.Struct, frozen=True):
    """CES 2.0, "made it easy for me", 1…7: the mean with its interval and the share that agreed (5 and more)."""

    n: int
    mean: Estimate
    agreed: Estimate


def effort(answers: Sequence[int], level: float = LEVEL) -> Effort:
    """The mean's interval is Student's t, clipped to 1…7; one answer has none."""
    n = len(answers)
    if not n:
        return Effort(0, Estimate(), Estimate())
    mean = sum(answers) / n
    interval = Interval()
    if n > 1:
        half = t_of(level, n - 1) * sqrt(sum((a - mean) ** 2 for a in answers) / (n - 1) / n)
        interval = Interval(max(1.0, mean - half), min(7.0, mean + half))
    return Effort(n, Estimate(mean, interval), share(sum(a >= EASY for a in answers), n, level))


def effort_change(now: Sequence[int], before: Sequence[int], level: float = LEVEL) -> Change:
    """Difference of two means, Welch's interval (Biometrika 34, 1947); clear where it leaves out 0."""
    if len(now) < 2 or len(before) < 2:
        return Change()
    return mean_change((len(now), *_mean_and_error(now)), (len(before), *_mean_and_error(before)), level)


def mean_change(now: Moments, before: Moments, level: float = LEVEL) -> Change:
    """The same of what is known of two means: how many, the mean, the square of its standard error."""
    if now[0] < 2 or before[0] < 2:
        return Change()
    moved, squares = now[1] - before[1], [now[2], before[2]]
    total = sum(squares)
    if not total:
        return Change(moved, Interval(moved, moved), moved != 0)
    freedom = total**2 / sum(s**2 / (n - 1) for s, n in zip(squares, (now[0], before[0]), strict=True))
    half = t_of(level, max(1, int(freedom))) * sqrt(total)
    return Change(moved, Interval(moved - half, moved + half), abs(moved) > half)


def mean_of(found: Moments, level: float = LEVEL) -> Estimate:
    """A mean with Student's interval; one value has none."""
    n, mean, square = found
    if n < 2:
        return Estimate(mean if n else None)
    half = t_of(level, n - 1) * sqrt(square)
    return Estimate(mean, Interval(mean - half, mean + half))


def _mean_and_error(answers: Sequence[int]) -> tuple[float, float]:
    """Mean, and the square of its standard error."""
    mean = sum(answers) / len(answers)
    return mean, sum((a - mean) ** 2 for a in answers) / (len(answers) - 1) / len(answers)


def t_of(level: float, freedom: int) -> float:
    """Half width of Student's t for a confidence level: found by halving, for many degrees of freedom by the normal
    quantile and its correction (Abramowitz and Stegun 26.7.5), which is right to nine digits there."""
    if freedom > MANY_FREEDOMS:
        z = z_of(level)
        first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
        return z + first / freedom + second / freedom**2
    low, high = 0.0, 1000.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_within(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _t_within(x: float, freedom: int) -> float:
    """P(|T| ≤ x) in closed form (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = atan(x / sqrt(freedom))
    if freedom == 1:
        return 2 * angle / pi
    odd = freedom % 2
    term = cos(angle) if odd else 1.0
    total = term
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cos(angle) ** 2
        total += term
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total


# ── who did not answer ──────────────────────────────────────────────────────────────────────


class Stratum(msgspec.Struct, frozen=True):
    """A kind of conversation: how many were asked, how many answered, how many of those are content."""

    asked: int
    answered: int
    content: int


def weighted_content(strata: Sequence[Stratum]) -> float | None:
    """CSAT as if every kind had answered equally often (inverse propensity weights); kinds without answer fall out."""
    known = [s for s in strata if s.answered]
    asked = sum(s.asked for s in known)
    return sum(s.asked * s.content / s.answered for s in known) / asked if asked else None


def answers_for_share(p: float, half: float, level: float = LEVEL) -> int:
    """Answers needed to know a share near p within ± half."""
    return ceil(z_of(level) ** 2 * p * (1 - p) / half**2 - 1e-9)


def answers_for_nps(variance: float, half: float, level: float = LEVEL) -> int:
    """Answers needed to know an NPS within ± half points; variance 1 is the worst case."""
    return ceil(z_of(level) ** 2 * variance * 1e4 / half**2 - 1e-9)


def service_gap(pairs: Sequence[tuple[float, float]]) -> float:
    """Mean of perception minus expectation over the dimensions of a survey of both (SERVQUAL's form)."""
    return sum(seen - expected for seen, expected in pairs) / len(pairs)

"""When more comes than chance explains: tails of counts, Kleinberg's bursts, changes of level.

Counts are per slot of time. "Chance" is Poisson where a topic scatters no more than its mean, else
negative binomial: with wide scatter a high count is nothing special, and no alarm is the right answer.
"""

from collections.abc import Callable, Sequence
from math import exp, inf, lgamma, log

import msgspec


def poisson_tail(mean: float, seen: int) -> float:
    """Chance of `seen` or more when so many are expected."""
    if seen <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    return _tail(seen, lambda k: k * log(mean) - mean - lgamma(k + 1), mean)


def count_tail(mean: float, variance: float, seen: int) -> float:
    """The same for counts that scatter by `variance`: negative binomial above the mean, else Poisson."""
    if variance <= mean * 1.0001 or mean <= 0:
        return poisson_tail(mean, seen)
    if seen <= 0:
        return 1.0
    size = mean * mean / (variance - mean)
    p = mean / variance

    def chance(k: int) -> float:
        return lgamma(k + size) - lgamma(size) - lgamma(k + 1) + size * log(p) + k * log(1 - p)

    return _tail(seen, chance, mean)


def _tail(seen: int, log_chance: Callable[[int], float], mean: float) -> float:
    """Sum of the shorter side, so that small tails keep their digits."""
    if seen <= mean:
        return max(0.0, 1 - sum(exp(log_chance(k)) for k in range(seen)))
    total, k = 0.0, seen
    while True:
        term = exp(log_chance(k))
        total += term
        if term < 1e-17 * total or term == 0:
            return min(1.0, total)
        k += 1


def dispersion(counts: Sequence[float], means: Sequence[float]) -> float:
    """How much counts scatter around their expected values, in units of Poisson's; at least 1."""
    pairs = [(y, m) for y, m in zip(counts, means, strict=True) if m > 0]
    if len(pairs) < 2:
        return 1.0
    return max(1.0, sum((y - m) ** 2 / m for y, m in pairs) / (len(pairs) - 1))


# ── Kleinberg ───────────────────────────────────────────────────────────────────────────────


class Burst(msgspec.Struct, frozen=True):
    """Slots first … last at the raised rate. weight: how much better the raised rate explains them (log units)."""

    first: int
    last: int
    weight: float


def kleinberg(hits: Sequence[int], all_of: Sequence[int], ratio: float = 2.0, price: float = 1.0) -> list[Burst]:
    """Stretches in which a topic's share is `ratio` times its usual one (Kleinberg 2002, the batched form with two
    states): the cheapest path, where every rise costs `price` × log of the number of slots."""
    total = sum(all_of)
    if not total or not sum(hits):
        return []
    base = min(sum(hits) / total, 0.9999)
    raised = min(base * ratio, 0.9999)
    rise = price * log(max(len(hits), 2))
    cost = [0.0, inf]
    came: list[tuple[int, int]] = []
    for h, n in zip(hits, all_of, strict=True):
        stay = (cost[0], cost[1])
        calm = min((stay[0], 0), (stay[1], 1))
        high = min((stay[0] + rise, 0), (stay[1], 1))
        came.append((calm[1], high[1]))
        cost = [calm[0] + _cost(h, n, base), high[0] + _cost(h, n, raised)]
    state, states = (0 if cost[0] <= cost[1] else 1), [0] * len(hits)
    for i in range(len(hits) - 1, -1, -1):
        states[i] = state
        state = came[i][state]
    return _stretches(states, [_cost(h, n, base) - _cost(h, n, raised) for h, n in zip(hits, all_of, strict=True)])


def _cost(hits: int, n: int, share: float) -> float:
    return -(hits * log(share) + (n - hits) * log(1 - share))


def _stretches(states: Sequence[int], gains: Sequence[float]) -> list[Burst]:
    found: list[Burst] = []
    for i, state in enumerate(states):
        if not state:
            continue
        if found and found[-1].last == i - 1:
            found[-1] = Burst(found[-1].first, i, found[-1].weight + gains[i])
        else:
            found.append(Burst(i, i, gains[i]))
    return found


# ── changes of level ────────────────────────────────────────────────────────────────────────


def change_points(counts: Sequence[float], price: float | None = None) -> list[int]:
    """Where the level of a count changes for good: first slots of new levels, by the best partition (Poisson cost).

    Killick, Fearnhead and Eckley's PELT (2012). price: what a change must gain; 3 log n when not given.
    """
    n = len(counts)
    if n < 2:
        return []
    sums = [0.0]
    for count in counts:
        sums.append(sums[-1] + count)
    fee = 3 * log(n) if price is None else price

    def cost(a: int, b: int) -> float:
        total = sums[b] - sums[a]
        return 2 * (total - total * log(total / (b - a))) if total > 0 else 0.0

    best, last, alive = [-fee], [0], [0]
    for end in range(1, n + 1):
        options = [(best[start] + cost(start, end) + fee, start) for start in alive]
        value, start = min(options)
        best.append(value)
        last.append(start)
        alive = [s for (v, s) in options if v - fee <= value] + [end]
    found, place = [], n
    while place:
        place = last[place]
        if place:
            found.append(place)
    return found[::-1]

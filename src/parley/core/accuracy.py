"""How good a forecast was: errors, bands, and the error that chance alone makes.

Pure functions on plain numbers: `actual` is what came, `forecast` what was said beforehand.
No value where a figure does not exist (nothing came, nothing to compare with).
"""

from collections.abc import Sequence
from math import exp, floor, lgamma, log, pi, sqrt

Numbers = Sequence[float]


def mean_error(actual: Numbers, forecast: Numbers) -> float:
    """Mean absolute error, in the unit of the counts."""
    return sum(abs(y - f) for y, f in zip(actual, forecast, strict=True)) / len(actual)


def wape(actual: Numbers, forecast: Numbers) -> float | None:
    """Sum of absolute errors over the sum of what came: 0.1 is "ten per cent off, weighted by volume"."""
    came = sum(actual)
    return sum(abs(y - f) for y, f in zip(actual, forecast, strict=True)) / came if came else None


def bias(actual: Numbers, forecast: Numbers) -> float | None:
    """Total forecast over total came, minus one: above 0 too much was foreseen."""
    came = sum(actual)
    return (sum(forecast) - came) / came if came else None


def mape(actual: Numbers, forecast: Numbers) -> float | None:
    """Mean of relative errors where something came. Punishes too much more than too little: shown, never chosen by."""
    pairs = [(y, f) for y, f in zip(actual, forecast, strict=True) if y > 0]
    return sum(abs(y - f) / y for y, f in pairs) / len(pairs) if pairs else None


def smape(actual: Numbers, forecast: Numbers) -> float:
    """Symmetric relative error of the M competitions, 0…2; one zero that was forecast as five counts 2."""
    pairs = zip(actual, forecast, strict=True)
    return sum(2 * abs(y - f) / (abs(y) + abs(f)) if y or f else 0.0 for y, f in pairs) / len(actual)


def seasonal_error(history: Numbers, season: int) -> float | None:
    """Mean absolute error of "as one season ago" within the history: what MASE is measured in."""
    if len(history) <= season:
        return None
    return mean_error(history[season:], history[:-season]) or None


def mase(actual: Numbers, forecast: Numbers, history: Numbers, season: int) -> float | None:
    """Error in units of the seasonal naive method's own error (Hyndman and Koehler 2006); below 1 beats it."""
    unit = seasonal_error(history, season)
    return mean_error(actual, forecast) / unit if unit else None


def pinball(q: float, actual: float, forecast: float) -> float:
    """Loss of a forecast quantile: q per unit that came above it, 1 − q per unit below."""
    return q * (actual - forecast) if actual >= forecast else (1 - q) * (forecast - actual)


def coverage(actual: Numbers, low: Numbers, high: Numbers) -> float:
    """Share of what came that lies within its band, bounds included."""
    held = [a <= y <= b for y, a, b in zip(actual, low, high, strict=True)]
    return sum(held) / len(held)


def poisson_error(mean: float) -> float:
    """Mean absolute deviation of a Poisson count from its mean: 2 e^−λ λ^(⌊λ⌋+1) / ⌊λ⌋! (De Moivre; Ramasubban 1958).

    Even who knows the true mean errs by this much.
    """
    if mean <= 0:
        return 0.0
    whole = floor(mean)
    return 2 * exp((whole + 1) * log(mean) - mean - lgamma(whole + 1))


def poisson_floor(mean: float) -> float:
    """The least relative error at a mean count, √(2 / πλ): 16 % at 25, 8 % at 100."""
    return sqrt(2 / (pi * mean))


def times_floor(actual: Numbers, forecast: Numbers) -> float | None:
    """Error over the error that chance alone would have made had each forecast been the true mean; 1 is perfect."""
    least = sum(map(poisson_error, forecast))
    return sum(abs(y - f) for y, f in zip(actual, forecast, strict=True)) / least if least else None

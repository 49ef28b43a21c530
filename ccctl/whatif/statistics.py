"""What independent runs say about a figure: mean and confidence interval. Pure arithmetic."""

import functools
import math
from collections.abc import Sequence

import msgspec

CONFIDENCE = 0.95


class Estimate(msgspec.Struct, frozen=True):
    """`half` is half the width of the 95 % confidence interval, None when fewer than two runs have a value;
    `mean` is None when none has."""

    mean: float | None
    half: float | None
    runs: int

    @property
    def low(self) -> float:
        return (self.mean or 0.0) - (self.half or 0.0)

    @property
    def high(self) -> float:
        return (self.mean or 0.0) + (self.half or 0.0)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def estimate(values: Sequence[float | None]) -> Estimate:
    """Over independent runs; a run without a value (a share of nothing) is left out.

    mean ± t(n - 1) s / sqrt(n), s the standard deviation of the runs, t Student's quantile."""
    known = [value for value in values if value is not None]
    n = len(known)
    if not n:
        return Estimate(None, None, 0)
    mean = math.fsum(known) / n
    if n == 1:
        return Estimate(mean, None, 1)
    variance = math.fsum((value - mean) ** 2 for value in known) / (n - 1)
    return Estimate(mean, student(n - 1) * math.sqrt(variance / n), n)


def difference(before: Sequence[float | None], after: Sequence[float | None]) -> Estimate:
    """Of pairs of runs with the same chance: what both have in common does not blur it."""
    pairs = zip(before, after, strict=True)
    return estimate([None if a is None or b is None else b - a for a, b in pairs])


@functools.cache
def student(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The t that Student's distribution with so many degrees of freedom exceeds, either way, with
    probability 1 - confidence; by halving."""
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, freedom) < confidence else (low, middle)
    return (low + high) / 2


def _inside(t: float, freedom: int) -> float:
    """P(-t < T < t) for whole degrees of freedom: Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    if freedom % 2 == 0:
        return sine * _series(square, range(1, freedom - 2, 2))
    part = math.sin(angle) * math.cos(angle) * _series(square, range(2, freedom - 2, 2)) if freedom > 1 else 0
    return 2 / math.pi * (angle + part)


def _series(square: float, steps: range) -> float:
    """1 + k/(k+1) c² + k(k+2)/((k+1)(k+3)) c⁴ + …, k being the steps."""
    term = total = 1.0
    for k in steps:
        term *= square * k / (k + 1)
        total += term
    return total

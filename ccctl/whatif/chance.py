"""Chance, as it comes in from outside, and times drawn with it. Durations are ms."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

import msgspec

from ccctl.flow.values import Wrong, duration

T = TypeVar("T")


class Chance(Protocol):
    """What is used of `random.Random`; whoever makes one gives it its seed."""

    def random(self) -> float: ...
    def lognormvariate(self, mu: float, sigma: float) -> float: ...


class Shape(StrEnum):
    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"
    CONSTANT = "constant"


class Spread(msgspec.Struct, frozen=True):
    """Times with this mean; `sd_ms`, their standard deviation, counts for lognormal ones only."""

    shape: Shape
    mean_ms: int
    sd_ms: int = 0

    def __str__(self) -> str:
        sd = f", standard deviation {self.sd_ms / 1000:g} s" if self.sd_ms else ""
        return f"{self.shape} {self.mean_ms / 1000:g} s{sd}"


def draw(spread: Spread, chance: Chance) -> int:
    """One time; ms."""
    match spread.shape:
        case Shape.EXPONENTIAL:
            return round(exponential(spread.mean_ms, chance))
        case Shape.LOGNORMAL:
            return round(_lognormal(spread, chance))
        case Shape.CONSTANT:
            return spread.mean_ms


def exponential(mean: float, chance: Chance) -> float:
    return -mean * math.log(1 - chance.random())


def _lognormal(spread: Spread, chance: Chance) -> float:
    """With mean m and deviation s the logarithm has variance v = log(1 + s²/m²) and mean log m - v/2."""
    variance = math.log1p((spread.sd_ms / spread.mean_ms) ** 2)
    return chance.lognormvariate(math.log(spread.mean_ms) - variance / 2, math.sqrt(variance))


def pick(values: Sequence[T], chance: Chance) -> T:
    """One of them, each as likely."""
    return values[int(chance.random() * len(values))]


FORMS = "4m, constant:4m, lognormal:4m:2m (mean and standard deviation)"


def read_spread(text: str) -> Spread | Wrong:
    """`4m` is exponential, `constant:4m`, `exponential:4m`, `lognormal:4m:2m`."""
    word, _, rest = text.partition(":")
    if not rest:
        word, rest = Shape.EXPONENTIAL.value, text
    if word not in list(Shape):
        return Wrong(f'"{text}" is no spread of times', f"write for example {FORMS}")
    parts = [duration(part) for part in rest.split(":")]
    for part in parts:
        if isinstance(part, Wrong):
            return part
    times = [part for part in parts if isinstance(part, int)]
    if len(times) != (2 if word == Shape.LOGNORMAL else 1):
        return Wrong(f'"{text}" has {len(times)} times', f"write for example {FORMS}")
    if times[0] == 0 and word != Shape.CONSTANT:
        return Wrong(f'"{text}" has no length', "write a time above 0, or constant:0s")
    return Spread(Shape(word), *times)

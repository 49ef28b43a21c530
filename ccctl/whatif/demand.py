"""Callers that nobody has seen yet: rates by time of day, spreads of talk and patience. Pure.

Arrivals by chance at a known rate are a Poisson process: the gaps between them are exponential.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from ccctl.flow.values import Wrong
from ccctl.whatif.chance import Chance, Spread, draw, exponential
from ccctl.whatif.plan import Caller

HALF_HOUR_MS = 1_800_000
HOUR_MS = 3_600_000
MOST_PER_HOUR = 100_000
_RATE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)/(h|hour|m|min|minute)")
_LINE = re.compile(r"(\d\d?):(\d\d)[\s,;]+(\S+)")
_COUNT = re.compile(r"\d{1,6}(?:\.\d{1,3})?")


class Stretch(msgspec.Struct, frozen=True):
    """From `start` to `end`, ms after midnight, calls come at this rate."""

    start: int
    end: int
    per_hour: float


Curve = tuple[Stretch, ...]


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What one queue has to expect. `patience` None: nobody gives up. `pick_up` is the time from the first
    ring to the talk."""

    queue: str
    curve: Curve
    talk: Spread
    patience: Spread | None
    pick_up: Spread
    max_wait_ms: int = 0
    leave_if_empty: bool = False


def callers(demands: Sequence[Demand], midnight: int, chance: Chance) -> list[Caller]:
    """All who come on one such day."""
    return [caller for demand in demands for caller in _of_one(demand, midnight, chance)]


def _of_one(demand: Demand, midnight: int, chance: Chance) -> Iterator[Caller]:
    for at in arrivals(demand.curve, chance):
        yield Caller(
            at=midnight + at,
            queue=demand.queue,
            talk_ms=draw(demand.talk, chance),
            patience_ms=draw(demand.patience, chance) if demand.patience else None,
            answer_ms=draw(demand.pick_up, chance),
            max_wait_ms=demand.max_wait_ms,
            leave_if_empty=demand.leave_if_empty,
        )


def arrivals(curve: Curve, chance: Chance) -> Iterator[int]:
    """Times of arrival, ms after midnight."""
    for stretch in curve:
        if not stretch.per_hour:
            continue
        at = stretch.start + exponential(HOUR_MS / stretch.per_hour, chance)
        while at < stretch.end:
            yield round(at)
            at += exponential(HOUR_MS / stretch.per_hour, chance)


def calls(curve: Curve) -> float:
    """How many are expected."""
    return sum(stretch.per_hour * (stretch.end - stretch.start) / HOUR_MS for stretch in curve)


# -- as people write them ----------------------------------------------------------------------------


def read_rate(text: str) -> float | Wrong | None:
    """`120/h` or `2/min` in calls per hour; None when it is no rate at all."""
    match = _RATE.fullmatch(text)
    if match is None:
        return None
    per_hour = float(match[1]) * (60 if match[2][0] == "m" else 1)
    if per_hour > MOST_PER_HOUR:
        return Wrong(f'"{text}" is more than {MOST_PER_HOUR} calls an hour', "write a lower rate")
    return per_hour


def read_curve(text: str, file: str) -> Curve | Wrong:
    """Lines like `08:00 60`: calls that come in the half hour that begins there, or a rate (`08:00 120/h`).
    Empty lines and those with # in front are left out; half hours that are not written have no calls."""
    curve: list[Stretch] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        found = _read_line(words)
        if isinstance(found, Wrong):
            return Wrong(f"{file}:{number}: {found.text}", found.hint)
        if curve and found.start < curve[-1].end:
            return Wrong(
                f'{file}:{number}: "{words}" is not later than the line before', "write them in order"
            )
        curve.append(found)
    if not calls(tuple(curve)):
        return Wrong(f"{file}: no calls come", "write lines like: 08:00 60")
    return tuple(curve)


def _read_line(words: str) -> Stretch | Wrong:
    match = _LINE.fullmatch(words)
    hint = "write a time and the calls of its half hour: 08:00 60"
    if match is None:
        return Wrong(f'"{words}" cannot be read', hint)
    start = int(match[1]) * HOUR_MS + int(match[2]) * 60_000
    if start % HALF_HOUR_MS or start >= 24 * HOUR_MS:
        return Wrong(f'"{match[1]}:{match[2]}" is not the begin of a half hour', hint)
    rate = read_rate(match[3])
    if rate is None and _COUNT.fullmatch(match[3]):
        rate = float(match[3]) * 2
    if rate is None:
        return Wrong(f'"{match[3]}" is no number of calls', hint)
    return rate if isinstance(rate, Wrong) else Stretch(start, start + HALF_HOUR_MS, rate)

"""Intervals of local time and the instants at their borders, right on days with a clock change too.

An hour is a local hour: 02:00 that exists twice makes two intervals, one that does not exist makes
none; a day has 23 or 25 hours then. Intervals are half open, [start, end), and cut to the report's.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec


class Interval(StrEnum):
    QUARTER = "15min"
    HALF = "30min"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"
    TOTAL = "total"


_MINUTES = {Interval.QUARTER: 15, Interval.HALF: 30, Interval.HOUR: 60}


class Period(msgspec.Struct, frozen=True):
    start: int
    end: int


def instant(moment: datetime) -> int:
    """Unix ms of an aware datetime."""
    return round(moment.timestamp() * 1000)


def local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, zone)


def periods(start: int, end: int, interval: Interval, zone: ZoneInfo) -> list[Period]:
    """The intervals that [start, end) touches, the first and the last cut to it."""
    if interval is Interval.TOTAL:
        return [Period(start, end)]
    borders = sorted(set(_borders(start, end, interval, zone)))  # a day that a zone left out has no length
    inner = [border for border in borders if start < border < end]
    return [Period(a, b) for a, b in pairwise([start, *inner, end])] if start < end else []


def _borders(start: int, end: int, interval: Interval, zone: ZoneInfo) -> list[int]:
    first, last = local(start, zone).date(), local(end, zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if interval in _MINUTES:
        return [border for day in days for border in _within(day, _MINUTES[interval], zone)]
    return [_midnight(day, zone) for day in days if _begins(day, interval)]


def _begins(day: date, interval: Interval) -> bool:
    match interval:
        case Interval.WEEK:
            return day.weekday() == 0
        case Interval.MONTH:
            return day.day == 1
        case _:
            return True


def _midnight(day: date, zone: ZoneInfo) -> int:
    # where 00:00 does not exist, Python takes the offset from before: just the instant of the change
    return instant(datetime(day.year, day.month, day.day, tzinfo=zone))


def _within(day: date, minutes: int, zone: ZoneInfo) -> list[int]:
    """Every instant at which the clock on the wall shows a border of `minutes` on `day`."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a time on the wall
    found = {_midnight(day, zone)}
    for minute in range(0, 24 * 60, minutes):
        wall = midnight + timedelta(minutes=minute)
        for fold in (0, 1):
            at = instant(wall.replace(tzinfo=zone, fold=fold))
            if local(at, zone).replace(tzinfo=None) == wall:  # not so where the clock jumped over it
                found.add(at)
    return sorted(found)


class Axis:
    """Finds the interval of an instant."""

    def __init__(self, rows: list[Period]) -> None:
        self.periods = rows
        self._starts = [row.start for row in rows]
        self._end = rows[-1].end if rows else 0

    def find(self, at: int | None) -> int | None:
        """The number of the interval that holds `at`; None outside of all."""
        if at is None or not self._starts or not self._starts[0] <= at < self._end:
            return None
        return bisect_right(self._starts, at) - 1

    def touched(self, started: int, ended: int | None) -> range:
        """The numbers of the intervals that a stretch touches."""
        if not self._starts:
            return range(0)
        first = max(bisect_right(self._starts, started) - 1, 0)
        last = len(self._starts) if ended is None else bisect_right(self._starts, max(ended - 1, started))
        return range(first, last)


def label(at: int, zone: ZoneInfo) -> str:
    """Local time, with the offset where the clock shows this time twice."""
    moment = local(at, zone)
    text = moment.strftime("%Y-%m-%d %H:%M")
    twice = moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
    return f"{text} {moment.strftime('%z')}" if twice else text


def iso(at: int, zone: ZoneInfo) -> str:
    return local(at, zone).isoformat(timespec="seconds" if at % 1000 == 0 else "milliseconds")


def utc(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")

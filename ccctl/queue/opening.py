"""When a place is open, and when it opens next. Pure; the hours are those of the roster.

An exception beats a holiday, and a holiday beats the week. Times come and go as Unix milliseconds.
"""

import datetime
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from ccctl.flow.roster import HoursConfig

LOOK_AHEAD_DAYS = 400
ONE_DAY = datetime.timedelta(days=1)
Span = tuple[int, int]  # minutes of the day; the end is exclusive


def is_open(hours: HoursConfig, at: int) -> bool:
    local = _local(hours, at)
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in spans(hours, local.date()))


def next_open(hours: HoursConfig, at: int) -> int | None:
    """`at` itself while it is open; None when it does not open within a year."""
    if is_open(hours, at):
        return at
    return next((start for start, _ in _from(hours, at) if start > at), None)


def next_close(hours: HoursConfig, at: int) -> int | None:
    """The end of the span that `at` is in; at midnight the next may begin there."""
    return next((end for _, end in _from(hours, at) if end > at), None)


def next_time(zone: str, minute: int, at: int) -> int:
    """The next moment when the clock on the wall of `zone` shows this minute of the day."""
    place = ZoneInfo(zone)
    day = datetime.datetime.fromtimestamp(at / 1000, place).date()
    today = _moment(day, minute, place)
    return today if today > at else _moment(day + ONE_DAY, minute, place)


def spans(hours: HoursConfig, day: datetime.date) -> list[Span]:
    """Open from minute to minute on this day, in order."""
    name = day.strftime("%Y%m%d")
    if name in hours.exceptions:
        return sorted(hours.exceptions[name])
    if name in hours.holidays:
        return []
    found = sorted((start, end) for weekday, start, end in hours.week if weekday == day.weekday())
    for closed_on, start, end in hours.partial:
        if closed_on == name:
            found = [rest for span in found for rest in _without(span, (start, end))]
    return found


def _without(span: Span, closed: Span) -> Iterator[Span]:
    for start, end in ((span[0], min(span[1], closed[0])), (max(span[0], closed[1]), span[1])):
        if start < end:
            yield start, end


def _from(hours: HoursConfig, at: int) -> Iterator[tuple[int, int]]:
    zone = ZoneInfo(hours.timezone)
    today = _local(hours, at).date()
    for n in range(LOOK_AHEAD_DAYS):
        day = today + n * ONE_DAY
        for start, end in spans(hours, day):
            yield _moment(day, start, zone), _moment(day, end, zone)


def _local(hours: HoursConfig, at: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at / 1000, ZoneInfo(hours.timezone))


def _moment(day: datetime.date, minute: int, zone: ZoneInfo) -> int:
    later, rest = divmod(minute, 1440)  # 24:00 is the next day
    there = datetime.datetime.combine(day + later * ONE_DAY, datetime.time(rest // 60, rest % 60), zone)
    return int(there.timestamp() * 1000)

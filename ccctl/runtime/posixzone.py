"""What phones need of a time zone: its offset, and by which rule the clocks change.

The rule is the last line of the zone's file in tzdata, in POSIX's words: CET-1CEST,M3.5.0,M10.5.0/3
"""

import re
from importlib import resources

import msgspec

from ccctl.errors import ApplyError

_HOUR = 3600
_NAME = r"(?:[A-Za-z]+|<[^>]+>)"
_CLOCK = r"[+-]?\d+(?::\d+)?"
_RULE = rf"M(\d+)\.(\d+)\.(\d+)(?:/({_CLOCK}))?"
_ZONE = re.compile(rf"{_NAME}({_CLOCK})(?:{_NAME}({_CLOCK})?,{_RULE},{_RULE})?")


class Change(msgspec.Struct, frozen=True):
    """The clocks change on `weekday` (0 = Sunday) of this week of the month (5: the last), at this hour of
    the clock on the wall."""

    month: int
    week: int
    weekday: int
    hour: int


class Zone(msgspec.Struct, frozen=True):
    """`offset_s` is east of Greenwich; without `start` the clocks never change."""

    text: str
    offset_s: int
    save_s: int = 0
    start: Change | None = None
    end: Change | None = None

    @property
    def hours(self) -> str:
        """+1, -3:30"""
        hours, minutes = divmod(abs(self.offset_s) // 60, 60)
        return f"{'-' if self.offset_s < 0 else '+'}{hours}{f':{minutes:02}' if minutes else ''}"


def zone_of(name: str) -> Zone:
    source = resources.files("tzdata").joinpath("zoneinfo")
    data = source.joinpath(*name.split("/")).read_bytes()
    return parse(data.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii", "replace"), name)


def parse(text: str, name: str = "") -> Zone:
    found = _ZONE.fullmatch(text)
    if not found:
        raise ApplyError(f"phones cannot be told the time zone {name or text}", "set timezone: to a near one")
    standard, summer, *rules = found.groups()
    offset = -_seconds(standard)
    if rules[0] is None:
        return Zone(text, offset)
    save = (-_seconds(summer) if summer else offset + _HOUR) - offset
    first, second = _change(*rules[:4]), _change(*rules[4:])
    if save < 0:  # Ireland's winter is what is saved
        return Zone(text, offset + save, -save, second, first)
    return Zone(text, offset, save, first, second)


def _seconds(clock: str) -> int:
    hours, _, minutes = clock.lstrip("+-").partition(":")
    size = int(hours) * _HOUR + int(minutes or 0) * 60
    return -size if clock.startswith("-") else size


def _change(month: str, week: str, weekday: str, clock: str | None) -> Change:
    """An hour of another day is that of the weekday beside it: no phone knows an hour 26."""
    days, seconds = divmod(_seconds(clock or "2"), 24 * _HOUR)
    return Change(int(month), int(week), (int(weekday) + days) % 7, seconds // _HOUR)

"""Asterisk's time conditions (`08:00-17:59,mon-fri,*,*,Europe/Berlin`) and clock readings."""

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import msgspec

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = re.compile(r"\s*([0-9]{1,2}):\s*([0-9]{1,2})")
_NUMBER = re.compile(r"\s*([0-9]{1,2})")
_DAY_MINUTES = 24 * 60


class Timing(msgspec.Struct, frozen=True):
    """None: every one."""

    minutes: frozenset[int] | None
    weekdays: frozenset[int] | None
    days: frozenset[int] | None
    months: frozenset[int] | None
    zone: str

    def holds(self, at_s: float, server_zone: str) -> bool:
        now = local(at_s, self.zone or server_zone)
        facts = (
            (self.months, now.month - 1),
            (self.days, now.day - 1),
            (self.weekdays, now.isoweekday() % 7),
            (self.minutes, now.hour * 60 + now.minute),
        )
        return all(wanted is None or fact in wanted for wanted, fact in facts)


def local(at_s: float, zone: str) -> datetime:
    return datetime.fromtimestamp(at_s, _zone(zone))


@functools.lru_cache(maxsize=1000)
def _zone(name: str) -> tzinfo:
    """An unknown zone is silently UTC."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


@functools.lru_cache(maxsize=10_000)
def timing(text: str) -> Timing | None:
    """None: no time condition at all."""
    if not text:
        return None
    fields = re.split(r"[|,]", text)
    zone = fields[4] if len(fields) == 5 else ""
    fields += [""] * (4 - len(fields))
    return Timing(
        _minutes(fields[0]),
        _range(fields[1], 7, _DAYS),
        _range(fields[2], 31, ()),
        _range(fields[3], 12, _MONTHS),
        zone,
    )


def _range(text: str, size: int, names: tuple[str, ...]) -> frozenset[int] | None:
    if text in ("", "*"):
        return None
    found: set[int] = set()
    for part in text.split("&"):
        first, dash, last = part.partition("-")
        start = _named(first, size, names)
        end = _named(last, size, names) if dash else start
        if start is not None and end is not None:
            found |= {(start + step) % size for step in range((end - start) % size + 1)}
    return frozenset(found)


def _named(text: str, size: int, names: tuple[str, ...]) -> int | None:
    if text.lower() in names:
        return names.index(text.lower())
    found = _NUMBER.match(text)
    return int(found.group(1)) - 1 if found and 1 <= int(found.group(1)) <= size else None


def _minutes(text: str) -> frozenset[int] | None:
    if text in ("", "*"):
        return None
    found: set[int] = set()
    for part in text.split("&"):
        first, dash, last = part.partition("-")
        start = _minute(first)
        end = _minute(re.sub(r"^[^0-9]+", "", last)) if dash else start
        if start is not None and end is not None:
            found |= {(start + step) % _DAY_MINUTES for step in range((end - start) % _DAY_MINUTES + 1)}
    return frozenset(found)


def _minute(text: str) -> int | None:
    """A time that does not exist (24:00) drops its range."""
    found = _CLOCK.match(text)
    if not found:
        return None
    hour, minute = int(found.group(1)), int(found.group(2))
    return hour * 60 + minute if hour < 24 and minute < 60 else None


# -- strftime ----------------------------------------------------------------------------------------

_DIRECTIVE = re.compile(r"%([1-6]?q|[-_0^#]?[A-Za-z%])")
_FORMATS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda when: str(when.year),
    "C": lambda when: f"{when.year // 100:02}",
    "y": lambda when: f"{when.year % 100:02}",
    "m": lambda when: f"{when.month:02}",
    "d": lambda when: f"{when.day:02}",
    "e": lambda when: f"{when.day:2}",
    "H": lambda when: f"{when.hour:02}",
    "k": lambda when: f"{when.hour:2}",
    "I": lambda when: f"{when.hour % 12 or 12:02}",
    "l": lambda when: f"{when.hour % 12 or 12:2}",
    "M": lambda when: f"{when.minute:02}",
    "S": lambda when: f"{when.second:02}",
    "p": lambda when: "AM" if when.hour < 12 else "PM",
    "P": lambda when: "am" if when.hour < 12 else "pm",
    "a": lambda when: _DAYS[when.isoweekday() % 7].title(),
    "b": lambda when: _MONTHS[when.month - 1].title(),
    "h": lambda when: _MONTHS[when.month - 1].title(),
    "j": lambda when: f"{when.timetuple().tm_yday:03}",
    "u": lambda when: str(when.isoweekday()),
    "w": lambda when: str(when.isoweekday() % 7),
    "V": lambda when: f"{when.isocalendar().week:02}",
    "G": lambda when: str(when.isocalendar().year),
    "z": lambda when: when.strftime("%z")[:5],
    "Z": lambda when: when.tzname() or "",
    "s": lambda when: str(int(when.timestamp())),
    "%": lambda when: "%",
    "n": lambda when: "\n",
    "t": lambda when: "\t",
}
_COMPOUND = {
    "F": "%Y-%m-%d",
    "T": "%H:%M:%S",
    "R": "%H:%M",
    "D": "%m/%d/%y",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %H:%M:%S %Y",
}


def strftime(when: datetime, text: str) -> str:
    return _DIRECTIVE.sub(lambda found: _formatted(when, found.group(1)), text)


def _formatted(when: datetime, directive: str) -> str:
    if directive.endswith("q"):
        return f"{when.microsecond:06}"[: int(directive[:-1] or 3)]
    letter = directive[-1]
    if letter in _COMPOUND:
        return strftime(when, _COMPOUND[letter])
    known = _FORMATS.get(letter)
    shown = known(when) if known else when.strftime("%" + letter)
    return shown.lstrip("0 ") or "0" if directive[:1] == "-" else shown

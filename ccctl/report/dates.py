"""Times as people write them on a command line or in an address: "today", "2026-11-22 10:00", "1h ago"."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccctl.report.intervals import instant, local

FORMS = '2026-11-22, "2026-11-22 10:00", 10:00, now, today, yesterday, tomorrow, "1h ago", "3 days ago"'

_DATE = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d))?)?")
_CLOCK = re.compile(r"(\d\d?):(\d\d)")
_AGO = re.compile(r"(\d+)\s*(m|min|minutes?|h|hours?|d|days?|w|weeks?)(?:\s+ago)?")
_MS = {"m": 60_000, "h": 3_600_000}
_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}


def parse_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is no time zone; write one like Europe/Berlin or UTC") from None


def parse_start(text: str, now: int, zone: ZoneInfo) -> int:
    return _parse(text, now, zone, 0)


def parse_end(text: str, now: int, zone: ZoneInfo) -> int:
    """Like parse_start, but a day without a clock time means the end of that day."""
    return _parse(text, now, zone, 1)


def _parse(text: str, now: int, zone: ZoneInfo, extra_days: int) -> int:
    words = text.strip().lower()
    today = local(now, zone).date()
    try:
        if words == "now":
            return now
        if words in _DAYS:
            return _wall(today + timedelta(days=_DAYS[words] + extra_days), (0, 0, 0), zone)
        if match := _CLOCK.fullmatch(words):
            return _wall(today, (int(match[1]), int(match[2]), 0), zone)
        if match := _DATE.fullmatch(words.upper()):
            return _dated(match, zone, extra_days)
        if match := _AGO.fullmatch(words):
            return _ago(int(match[1]), match[2], now, zone)
        moment = datetime.fromisoformat(text.strip())
        return instant(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is no time; write one like {FORMS}") from None


def _dated(match: re.Match[str], zone: ZoneInfo, extra_days: int) -> int:
    day = date(int(match[1]), int(match[2]), int(match[3]))
    if match[4] is None:
        return _wall(day + timedelta(days=extra_days), (0, 0, 0), zone)
    return _wall(day, (int(match[4]), int(match[5]), int(match[6] or 0)), zone)


def _wall(day: date, clock: tuple[int, int, int], zone: ZoneInfo) -> int:
    return instant(datetime(day.year, day.month, day.day, *clock, tzinfo=zone))


def _ago(count: int, unit: str, now: int, zone: ZoneInfo) -> int:
    """Hours and minutes are lengths; days and weeks keep the time on the wall."""
    if unit[0] in _MS:
        return now - count * _MS[unit[0]]
    days = count * (7 if unit[0] == "w" else 1)
    return instant((local(now, zone).replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=zone))

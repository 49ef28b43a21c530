"""Times as people write them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ccctl.report.dates import parse_end, parse_start, parse_zone
from ccctl.report.intervals import instant

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> int:
    return instant(datetime.fromisoformat(text).replace(tzinfo=BERLIN))


NOW = at("2026-11-22T15:30:00")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-11-22", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("2026-11-22 10:00", "2026-11-22T10:00", "2026-11-22T10:00"),
        ("2026-11-22T10:00:30", "2026-11-22T10:00:30", "2026-11-22T10:00:30"),
        ("today", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("Yesterday", "2026-11-21T00:00", "2026-11-22T00:00"),
        ("tomorrow", "2026-11-23T00:00", "2026-11-24T00:00"),
        ("now", "2026-11-22T15:30", "2026-11-22T15:30"),
        ("9:15", "2026-11-22T09:15", "2026-11-22T09:15"),
        ("1h ago", "2026-11-22T14:30", "2026-11-22T14:30"),
        ("90 minutes ago", "2026-11-22T14:00", "2026-11-22T14:00"),
        ("3 days ago", "2026-11-19T15:30", "2026-11-19T15:30"),
        ("2w", "2026-11-08T15:30", "2026-11-08T15:30"),
        ("2026-11-22T10:00+01:00", "2026-11-22T10:00", "2026-11-22T10:00"),
    ],
)
def test_what_people_write(text: str, start: str, end: str) -> None:
    assert parse_start(text, NOW, BERLIN) == at(start)
    assert parse_end(text, NOW, BERLIN) == at(end)


def test_days_ago_keep_the_time_on_the_wall_over_a_clock_change() -> None:
    monday = at("2026-10-26T12:00:00")
    assert parse_start("2 days ago", monday, BERLIN) == at("2026-10-24T12:00:00")
    assert parse_start("48h ago", monday, BERLIN) == at("2026-10-24T13:00:00")


@pytest.mark.parametrize(
    "text", ["", "gestern", "2026-13-01", "2026-02-30", "25:00", "1h later", "99999999 days ago"]
)
def test_what_nobody_can_read_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="is no time; write one like"):
        parse_start(text, NOW, BERLIN)


@pytest.mark.parametrize("name", ["Mars", "", "../etc/passwd", "Europe"])
def test_no_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        parse_zone(name)

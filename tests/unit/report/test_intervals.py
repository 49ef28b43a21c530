"""Intervals of local time, both days of a clock change included."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccctl.report.intervals import Axis, Interval, Period, instant, iso, label, local, periods

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600_000
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
]


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> int:
    return instant(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold))


def labels(rows: list[Period], zone: ZoneInfo = BERLIN) -> list[str]:
    return [label(row.start, zone) for row in rows]


def test_a_plain_day_has_24_hours() -> None:
    rows = periods(at("2026-11-22"), at("2026-11-23"), Interval.HOUR, BERLIN)
    assert len(rows) == 24
    assert labels(rows)[:2] == ["2026-11-22 00:00", "2026-11-22 01:00"]


def test_the_day_in_spring_has_no_hour_two() -> None:
    rows = periods(at("2026-03-29"), at("2026-03-30"), Interval.HOUR, BERLIN)
    assert len(rows) == 23
    assert labels(rows)[:4] == [f"2026-03-29 0{hour}:00" for hour in (0, 1, 3, 4)]
    assert {row.end - row.start for row in rows} == {HOUR}


def test_the_day_in_autumn_has_hour_two_twice() -> None:
    rows = periods(at("2026-10-25"), at("2026-10-26"), Interval.HOUR, BERLIN)
    assert len(rows) == 25
    assert labels(rows)[1:5] == [
        "2026-10-25 01:00",
        "2026-10-25 02:00 +0200",
        "2026-10-25 02:00 +0100",
        "2026-10-25 03:00",
    ]
    assert [iso(row.start, BERLIN)[-6:] for row in rows[2:4]] == ["+02:00", "+01:00"]
    assert {row.end - row.start for row in rows} == {HOUR}


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-22", 24)])
def test_a_day_is_a_local_day(day: str, hours: int) -> None:
    start = at(day)
    rows = periods(start, start + 30 * HOUR, Interval.DAY, BERLIN)
    assert rows[0] == Period(start, start + hours * HOUR)


def test_a_zone_that_shifts_by_half_an_hour() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    rows = periods(at("2026-10-04", zone), at("2026-10-05", zone), Interval.HALF, zone)
    assert sum(row.end - row.start for row in rows) == 23.5 * HOUR
    assert len(rows) == 47


def test_a_day_that_begins_at_one() -> None:
    zone = ZoneInfo("Africa/Cairo")  # clocks jump from 00:00 to 01:00 on this day
    rows = periods(at("2026-04-23", zone), at("2026-04-25", zone), Interval.DAY, zone)
    assert labels(rows, zone) == ["2026-04-23 00:00", "2026-04-24 01:00"]
    assert [row.end - row.start for row in rows] == [24 * HOUR, 23 * HOUR]


def test_weeks_begin_on_monday_and_the_ends_are_cut() -> None:
    rows = periods(at("2026-11-18"), at("2026-12-02"), Interval.WEEK, BERLIN)
    assert labels(rows) == ["2026-11-18 00:00", "2026-11-23 00:00", "2026-11-30 00:00"]


def test_months() -> None:
    rows = periods(at("2026-01-15"), at("2026-03-02"), Interval.MONTH, BERLIN)
    assert labels(rows) == ["2026-01-15 00:00", "2026-02-01 00:00", "2026-03-01 00:00"]


def test_total_is_one() -> None:
    assert periods(5, 9, Interval.TOTAL, BERLIN) == [Period(5, 9)]


def test_nothing_has_no_intervals() -> None:
    assert periods(5, 5, Interval.HOUR, BERLIN) == []
    axis = Axis([])
    assert axis.find(5) is None
    assert list(axis.touched(1, 9)) == []


def test_finding_is_half_open() -> None:
    axis = Axis([Period(10, 20), Period(20, 30)])
    assert [axis.find(value) for value in (9, 10, 19, 20, 29, 30, None)] == [None, 0, 0, 1, 1, None, None]
    assert list(axis.touched(15, 25)) == [0, 1]
    assert list(axis.touched(15, 20)) == [0]
    assert list(axis.touched(5, None)) == [0, 1]


MOMENTS = st.datetimes(datetime.fromisoformat("2010-01-01"), datetime.fromisoformat("2035-01-01"))


@settings(deadline=None)
@given(
    MOMENTS,
    st.timedeltas(timedelta(0), timedelta(days=40)),
    st.sampled_from(Interval),
    st.sampled_from(ZONES),
)
def test_intervals_cover_the_time_without_gap_or_overlap(
    begin: datetime, length: timedelta, interval: Interval, name: str
) -> None:
    zone = ZoneInfo(name)
    start = instant(begin.replace(tzinfo=zone))
    end = start + length // timedelta(milliseconds=1)
    rows = periods(start, end, interval, zone)
    if start == end:
        return
    assert rows[0].start == start
    assert rows[-1].end == end
    assert all(a.end == b.start for a, b in pairwise(rows))
    assert all(row.start < row.end for row in rows)


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(ZONES))
def test_borders_of_hours_show_minute_zero_unless_a_day_begins(begin: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    start = instant(begin.replace(tzinfo=zone))
    for row in periods(start, start + 50 * HOUR, Interval.HOUR, zone)[1:]:
        moment = local(row.start, zone)
        before = local(row.start - 1, zone)
        assert moment.minute == 0 or moment.date() != before.date()

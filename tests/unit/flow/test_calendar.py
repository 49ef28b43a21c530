"""Calendars: what counts as a day off, on which day, in whose clock."""

import datetime

import pytest

from ccctl.flow.calendar import Broken, Calendar, Part, dates, expand, gaps, window
from ccctl.flow.values import Wrong

FIRST, LAST = datetime.date(2026, 1, 1), datetime.date(2027, 12, 31)
BERLIN = "Europe/Berlin"
ZONE = """BEGIN:VTIMEZONE
TZID:Here
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0900
TZOFFSETTO:+0900
END:STANDARD
END:VTIMEZONE"""


def ics(*events: str, head: str = "VERSION:2.0") -> bytes:
    body = "\n".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT" for event in events)
    return f"BEGIN:VCALENDAR\n{head}\n{body}\nEND:VCALENDAR\n".encode()


def read(*events: str, zone: str = BERLIN, head: str = "VERSION:2.0") -> Calendar:
    found = expand(ics(*events, head=head), zone, FIRST, LAST)
    assert isinstance(found, Calendar), found
    return found


def days(*events: str) -> tuple[str, ...]:
    found = read(*events)
    assert found.parts == ()
    return found.days


def test_the_end_of_a_whole_day_is_exclusive() -> None:
    assert days("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226") == ("20261225",)
    assert days("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227") == ("20261225", "20261226")
    assert days("DTSTART;VALUE=DATE:20261225") == ("20261225",)
    assert days("DTSTART;VALUE=DATE:20261225\nDURATION:P3D") == ("20261225", "20261226", "20261227")


def test_days_outside_of_the_window_are_cut_off() -> None:
    assert days("DTSTART;VALUE=DATE:20251224\nDTEND;VALUE=DATE:20260103") == ("20260101", "20260102")
    assert days("DTSTART;VALUE=DATE:20271231\nDTEND;VALUE=DATE:20280103") == ("20271231",)


def test_series_with_exceptions_additions_and_moved_days() -> None:
    series = "UID:a\nDTSTART;VALUE=DATE:20200501\nRRULE:FREQ=YEARLY"
    assert days(series) == ("20260501", "20270501")
    assert days(f"{series}\nEXDATE;VALUE=DATE:20260501") == ("20270501",)
    assert days(f"{series};UNTIL=20260601") == ("20260501",)
    assert days(f"{series};COUNT=7\nRDATE;VALUE=DATE:20260502,20260503") == (
        "20260501",
        "20260502",
        "20260503",
    )
    moved = "UID:a\nRECURRENCE-ID;VALUE=DATE:20260501\nDTSTART;VALUE=DATE:20260504"
    assert days(series, moved) == ("20260504", "20270501")
    cancelled = "UID:a\nRECURRENCE-ID;VALUE=DATE:20260501\nDTSTART;VALUE=DATE:20260501\nSTATUS:CANCELLED"
    assert days(series, cancelled) == ("20270501",)


def test_moving_feasts_by_rule() -> None:
    thanksgiving = "DTSTART;VALUE=DATE:20201126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH"
    assert days(thanksgiving) == ("20261126", "20271125")


def test_cancelled_events_do_not_count_and_transparent_ones_do() -> None:
    day = "DTSTART;VALUE=DATE:20261225"
    assert days(f"{day}\nSTATUS:CANCELLED") == ()
    assert days(f"{day}\nTRANSP:TRANSPARENT") == ("20261225",)


@pytest.mark.parametrize(
    ("start", "end", "part"),
    [
        ("DTSTART:20261224T120000", "DTEND:20261224T180000", (720, 1080)),  # floating: as the wall shows it
        ("DTSTART:20261224T110000Z", "DTEND:20261224T170000Z", (720, 1080)),
        (
            "DTSTART;TZID=America/New_York:20261224T060000",
            "DTEND;TZID=America/New_York:20261224T120000",
            (720, 1080),
        ),
        ("DTSTART;TZID=Here:20261224T200000", "DTEND;TZID=Here:20261224T210000", (720, 780)),
        ("DTSTART;TZID=W. Europe Standard Time:20261224T120000", "DURATION:PT90M", (720, 810)),
        ("DTSTART:20261224T120030", "DTEND:20261224T130001", (720, 781)),  # a begun minute counts
    ],
)
def test_timed_events_are_parts_of_a_day_in_the_zone_of_the_hours(
    start: str, end: str, part: tuple[int, int]
) -> None:
    found = read(f"{start}\n{end}", head=ZONE)
    assert (found.days, found.parts) == ((), (Part("20261224", *part),))


def test_a_timed_event_over_several_days() -> None:
    found = read("DTSTART:20261224T140000\nDTEND:20261227T080000\nSUMMARY:Inventory")
    assert found.days == ("20261225", "20261226")
    assert found.parts == (Part("20261224", 840, 1440), Part("20261227", 0, 480))
    assert found.last_day == "20261227"
    assert found.names["20261225"] == "Inventory"
    assert read("DTSTART:20261224T000000\nDTEND:20261225T000000").days == ("20261224",)


def test_an_event_without_length_closes_nothing() -> None:
    assert read("DTSTART:20261224T120000").days == ()


def test_parts_of_a_day_that_touch_are_one() -> None:
    halves = (
        "DTSTART:20261224T000000\nDTEND:20261224T120000",
        "DTSTART:20261224T120000\nDTEND:20261225T000000",
    )
    assert days(*halves) == ("20261224",)
    over = "DTSTART:20261224T100000\nDTEND:20261224T130000"
    assert read(halves[0], over).parts == (Part("20261224", 0, 780),)


def test_a_timed_series_keeps_its_wall_clock_over_the_change_of_clocks() -> None:
    found = read(
        f"DTSTART;TZID={BERLIN}:20260323T090000\nDTEND;TZID={BERLIN}:20260323T100000\n"
        "RRULE:FREQ=WEEKLY;COUNT=2"
    )
    assert found.parts == (Part("20260323", 540, 600), Part("20260330", 540, 600))


def test_line_ends_byte_order_mark_and_folded_lines() -> None:
    text = ics("DTSTART;VALUE=DATE:202612\n 25\nSUMMARY:Christ\n mas")
    for data in (text, text.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + text):
        assert expand(data, BERLIN, FIRST, LAST) == Calendar(
            ("20261225",), (), "20261225", {"20261225": "Christmas"}
        )


DAY = "DTSTART;VALUE=DATE:20261225"


@pytest.mark.parametrize(
    ("data", "line", "text"),
    [
        (b"", 1, "does not begin"),
        (b"\n<html>", 2, "not a line"),
        (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n", 2, "no end"),
        (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", 3, "closes VEVENT of line 2"),
        (b"BEGIN:VCALENDAR\nEND:VCALENDAR\nX:1", 3, "outside"),
        (b"END:VCALENDAR", 1, "does not begin"),
        (b"BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR", 3, "outside"),
        (b"BEGIN:VCALENDAR\nSUMMARY:Gr\xfc\xdfe\nEND:VCALENDAR", 2, "UTF-8"),
        (ics("SUMMARY:x"), 3, "no DTSTART"),
        (ics("SUMMARY:x\nDTSTART:tomorrow"), 5, "DTSTART cannot be read"),
        (ics(f"{DAY}\n{DAY}"), 4, "not one date"),
        (ics("DTSTART;VALUE=DATE:00010101"), 4, "out of reach"),
        (ics("DTSTART;TZID=Nowhere:20261224T120000"), 4, "unknown time zone"),
        (ics(DAY, f"{DAY}\nRRULE:FREQ=SECONDLY"), 8, "SECONDLY"),
        (ics(f"{DAY}\nRRULE:FREQ=YEARLY;BYSECOND=1"), 5, "BYSECOND"),
        (ics(f"{DAY}\nRRULE:FREQ=YEARLY;BYDAY=XX"), 5, "RRULE"),
        (ics(f"{DAY}\nDTEND;VALUE=DATE:2026"), 5, "DTEND"),
        (ics(*[f"UID:{n}\n{DAY}\nRRULE:FREQ=DAILY" for n in range(51)]), 253, "more than 50 series"),
        (ics(*[DAY] * 5001), 15003, "more than 5000 events"),
    ],
)
def test_a_broken_calendar_is_refused_with_the_line(data: bytes, line: int, text: str) -> None:
    found = expand(data, BERLIN, FIRST, LAST)
    assert isinstance(found, Broken)
    assert text in found.text
    assert found.line == line


def test_the_window_is_made_of_whole_years() -> None:
    for day in (datetime.date(2026, 1, 1), datetime.date(2026, 12, 31)):
        assert window(day) == (datetime.date(2025, 1, 1), datetime.date(2028, 12, 31))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2026-12-25", ("20261225",)),
        ("2026-12-30..2027-01-02", ("20261230", "20261231", "20270101", "20270102")),
        ("12-25", ("20261225", "20271225")),
        ("12-31..01-01", ("20261231", "20270101", "20271231", "20280101")),
        ("02-29", ()),
    ],
)
def test_dates_of_yaml(text: str, days: tuple[str, ...]) -> None:
    assert dates(text, FIRST, LAST) == days


def test_the_29_february_is_a_day_of_leap_years() -> None:
    assert dates("02-29", *window(datetime.date(2026, 5, 1))) == ("20280229",)


@pytest.mark.parametrize(
    "text",
    [
        *("", "..", "12-32", "02-30", "13-01", "25.12.2026", "Christmas"),
        *("2026-12-26..2026-12-24", "2026-12-25..12-26", "2026-01-01..2036-01-01"),
        "2026-12-25..2026-12-26..2026-12-27",
    ],
)
def test_what_is_not_a_date(text: str) -> None:
    assert isinstance(dates(text, FIRST, LAST), Wrong)


def test_gaps_when_the_clocks_go_forward() -> None:
    today = datetime.date(2026, 11, 26)
    (berlin,) = gaps(BERLIN, today)
    assert (berlin.day, berlin.weekday, berlin.start, berlin.end) == ("20270328", 6, 120, 180)
    assert gaps("UTC", today) == ()
    (lord_howe,) = gaps("Australia/Lord_Howe", today)
    assert lord_howe.end - lord_howe.start == 30

"""Typed values from text, and what is suggested instead of a wrong one."""

import pytest

from ccctl.flow import values
from ccctl.flow.graph import OpenSpan
from ccctl.flow.values import Wrong


@pytest.mark.parametrize(
    ("text", "ms"), [("500ms", 500), ("15s", 15_000), ("2m", 120_000), ("1m30s", 90_000), ("1h", 3_600_000)]
)
def test_durations(text: str, ms: int) -> None:
    assert values.duration(text) == ms


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("15", "15s"),
        ("15 sec", "15s"),
        ("2 minutes", "2m"),
        ("5S", "5s"),
        ("soon", "write a number"),
        ("-1s", "write"),
    ],
)
def test_wrong_durations_get_a_hint(text: str, hint: str) -> None:
    found = values.duration(text)
    assert isinstance(found, Wrong)
    assert hint in found.hint


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0301234500", "+49301234500"),
        ("+49 30 1234500", "+49301234500"),
        ("0049 30 1234500", "+49301234500"),
        ("(030) 1234-500", "+49301234500"),
        ("49301234500", "+49301234500"),
    ],
)
def test_numbers_are_guessed(text: str, meant: str) -> None:
    found = values.e164(text, "DE")
    assert isinstance(found, Wrong)
    assert found.hint == f'did you mean "{meant}"?'


def test_numbers_without_a_guess() -> None:
    found = values.e164("front", "DE")
    assert isinstance(found, Wrong)
    assert "write for example" in found.hint


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon", (0,)),
        ("mon-thu", (0, 1, 2, 3)),
        ("fri-mon", (4, 5, 6, 0)),
        ("mon, wed", (0, 2)),
        ("daily", tuple(range(7))),
    ],
)
def test_days(text: str, days: tuple[int, ...]) -> None:
    assert values.days(text) == days


def test_end_of_day_is_allowed_and_nothing_after_it() -> None:
    assert values.times("08:00-24:00") == ((480, 1440),)
    assert isinstance(values.times("08:00-24:01"), Wrong)
    assert isinstance(values.times("24:00-08:00"), Wrong)


def test_a_span_over_midnight_becomes_two() -> None:
    assert values.spans((6,), ((22 * 60, 6 * 60),)) == (OpenSpan(6, 1320, 1440), OpenSpan(0, 0, 360))
    assert values.spans((0,), ((22 * 60, 0),)) == (OpenSpan(0, 1320, 1440),)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Main_Menu", "main-menu"),
        ("a--b", "a-b"),
        ("8ball", "ball"),
        ("ümlaut", "mlaut"),
        ("-", "front-desk"),
    ],
)
def test_names(text: str, hint: str) -> None:
    found = values.name(text)
    assert isinstance(found, Wrong)
    assert hint in found.hint


def test_names_that_asterisk_would_take_for_one_do_not_exist() -> None:
    """Underscores are refused, so that the hyphen can become one in names of contexts."""
    assert isinstance(values.name("after_hours"), Wrong)
    assert values.name("after-hours") == "after-hours"


def test_dates_zones_and_service_levels() -> None:
    assert values.date("2026-12-25") == "20261225"
    assert isinstance(values.date("2026-02-30"), Wrong)
    assert values.zone("Europe/Berlin") == "Europe/Berlin"
    wrong = values.zone("Europe/Berln")
    assert isinstance(wrong, Wrong)
    assert "Europe/Berlin" in wrong.hint
    assert values.service_level("80% in 20s") == (80, 20_000)
    assert isinstance(values.service_level("0% in 20s"), Wrong)
    assert isinstance(values.service_level("80% in 20"), Wrong)


def test_hosts() -> None:
    assert values.host("sip.telco.example") == "sip.telco.example"
    assert values.host("192.0.2.10") == "192.0.2.10"
    wrong = values.host("sip:sip.telco.example:5080")
    assert isinstance(wrong, Wrong)
    assert "port: 5080" in wrong.hint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("127.0.0.300", "300 is more than 255"),
        ("127.0.0.1000000000", "1000000000 is more than 255"),
        ("192.0.2", "neither"),
        ("192.0.2.10.5", "neither"),
        ("192.0.2.010", "neither"),
        ("192.0.2.10.", "neither"),
        ("5060", "neither"),
        ("sip.telco.300", "neither"),
    ],
)
def test_what_ends_with_a_number_is_an_address_or_wrong(text: str, why: str) -> None:
    wrong = values.host(text)
    assert isinstance(wrong, Wrong), wrong
    assert why in wrong.text
    assert "192.0.2.10" in wrong.hint


@pytest.mark.parametrize(
    "text", ["0.0.0.0", "255.255.255.255", "pbx1", "10.in-addr.example", "1and1.example"]
)
def test_names_with_numbers_in_them_are_names(text: str) -> None:
    assert values.host(text) == text

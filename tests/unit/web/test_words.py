"""Words and figures of the live commands."""

import pytest

from ccctl.cli.queue import row
from ccctl.cli.status import asterisk, is_well, journal
from ccctl.cli.words import lasted, level, staff
from tests.support import fake_engine as fake


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "0:00"),
        (999, "0:00"),
        (61_000, "1:01"),
        (3_599_999, "59:59"),
        (3_723_000, "1:02:03"),
        (-5000, "0:00"),
    ],
)
def test_lasted(ms: int, shown: str) -> None:
    assert lasted(1_000_000, 1_000_000 + ms) == shown


def test_no_time_is_no_words() -> None:
    assert lasted(None, 5) == ""


def test_staff_leaves_out_states_without_anybody() -> None:
    assert staff({"ready": 2, "talking": 0, "not_responding": 1, "offline": 7}) == "2 ready, 1 not responding"
    assert staff({"offline": 7}) == "nobody"


def test_level() -> None:
    assert level(None) == "-"
    assert level(82.456) == "82.5 %"


def test_queue_row_prints_the_formula_beside_the_percentage() -> None:
    assert row(fake.queue("support"), 0)[-1] == "82.5 % (80 % in 20 s, cisco-negative)"


def test_journal_trouble_is_shouted() -> None:
    assert journal({"pending": 0, "error": ""}) == "written"
    assert journal({"pending": 3, "spooled": 7, "error": "locked"}) == "FAILING: locked, 3 pending, 7 spooled"


@pytest.mark.parametrize(
    ("system", "state", "well"),
    [
        ({}, {}, True),
        ({"asterisk": "down"}, {}, False),
        ({"ami": False}, {}, False),
        ({}, {"error": "locked"}, False),
        ({}, {"lost": 1}, False),
        ({}, {"pending": 5}, True),
    ],
)
def test_well_only_when_all_is(system: dict[str, object], state: dict[str, object], well: bool) -> None:
    assert is_well({"system": fake.system() | system, "journal": state}) is well


def test_asterisk_names_the_door_that_is_down() -> None:
    assert asterisk(fake.system() | {"ari": False}) == "up, AMI up, ARI DOWN"

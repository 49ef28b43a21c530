"""What `ccctl bench tests` plays: the example's tests, as many as wanted, none that cannot be."""

from pathlib import Path

import pytest

from ccctl.cli.benchtests import repeated, simulated
from ccctl.cli.site import copy_example
from ccctl.diagnostics import Span
from ccctl.errors import LabError
from ccctl.flowtest.cases import Caller, Case, Given


def test_tests_are_repeated_under_numbers_of_their_own() -> None:
    names = {"a": (), "b": ("sim",), "c": ("lab", "sip")}
    tests = tuple(Case(name, Span(), Caller("", 0), only=only) for name, only in names.items())
    assert [(case.name, case.number) for case in repeated(tests, 3, "sim")] == [("a", 1), ("b", 2), ("a", 3)]
    assert [case.name for case in repeated(tests, 3, "lab")] == ["a", "c", "a"]
    applies = Case("d", Span(), Caller("", 0), Given(apply="changes/a.yaml"))
    assert [case.name for case in repeated((applies, *tests), 2, "sim")] == ["a", "b"]


def test_the_example_is_played_in_a_process_of_its_own(tmp_path: Path) -> None:
    copy_example(tmp_path / "site")
    whole, played = simulated(tmp_path / "site", tmp_path, 60)
    assert 0 < played.cpu < whole.cpu


def test_a_test_that_fails_is_no_measurement(tmp_path: Path) -> None:
    copy_example(tmp_path / "site")
    path = tmp_path / "site/tests/main.yaml"
    path.write_text(path.read_text().replace("ends: {queue: billing}", "ends: {queue: support}", 1))
    with pytest.raises(LabError, match="the first key leads to billing"):
        simulated(tmp_path / "site", tmp_path, 60)

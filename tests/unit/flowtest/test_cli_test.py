"""`ccctl test` from the shell: exit codes, reports, coverage, golden paths."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccctl.cli.main import main
from ccctl.cli.site import copy_example

PASSES = """
tests:
  - name: closed at christmas
    call: {to: "+49301234510", at: "2026-12-25 10:00"}
    ends: {hears: closed}
    expect: {path: auto}
"""
FAILS = PASSES.replace("hears: closed", "hears: main-menu")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    copy_example(tmp_path / "site")
    for path in (tmp_path / "site/tests").glob("*.yaml"):
        path.unlink()
    return tmp_path / "site"


def ccctl(site: Path, text: str, *words: str) -> Result:
    (site / "tests/a.yaml").write_text(text)
    return CliRunner().invoke(main, ["test", str(site), *words])


def test_a_test_that_passes(site: Path) -> None:
    done = ccctl(site, PASSES, "-v")
    assert done.exit_code == 0, done.output
    assert "sim: 1 passed, 0 failed" in done.output
    assert "never taken: main, menu 3" in done.output


def test_a_test_that_fails(site: Path) -> None:
    done = ccctl(site, FAILS)
    assert done.exit_code == 1
    assert (
        "tests/a.yaml:5:11: the call ended before: hears main-menu" in done.output
        or "not within" in done.output
    )
    assert "hears closed" in done.output


def test_mistakes_in_tests_end_it(site: Path) -> None:
    done = ccctl(site, PASSES.replace("closed}", "closd}"))
    assert done.exit_code == 2
    assert 'a.yaml:5:19: error[E950] the site has no prompt "closd"; did you mean "closed"?' in done.output


CHANGES = """
tests:
  - name: the old menu to its end
    call: {to: "+49301234510", at: "2026-11-23 10:00"}
    given: {apply: tests/changes/a.yaml, during: main-menu}
    steps: [{press: 1}]
    ends: {queue: billing}
    expect: {generation: old}
"""


def test_a_change_in_the_middle_of_a_call(site: Path) -> None:
    (site / "tests/changes/a.yaml").write_text("queues: {billing: }\nflows: {billing: [hangup]}\n")
    done = ccctl(site, CHANGES)
    assert done.exit_code == 0, done.output
    assert "sim: 1 passed, 0 failed" in done.output


def test_a_change_with_mistakes_ends_it(site: Path) -> None:
    (site / "tests/changes/a.yaml").write_text("queues: {billing: }\n")
    done = ccctl(site, CHANGES)
    assert done.exit_code == 2
    assert 'flows.yaml:44:14: error[E109] "billing" is a flow, not a queue' in done.output
    assert "a.yaml:5:20: error[E955] with tests/changes/a.yaml the site has 1 error;" in done.output


def test_a_change_is_no_file_of_tests(site: Path) -> None:
    done = ccctl(site, CHANGES.replace("changes/a.yaml", "a.yaml"))
    assert done.exit_code == 2
    assert "error[E955] change tests/a.yaml is read as a file of tests" in done.output


def test_too_little_coverage(site: Path) -> None:
    done = ccctl(site, PASSES + "coverage: {branches: 90%}\n")
    assert done.exit_code == 1
    assert "at least 90 % of all branches are wanted" in done.output
    line = '  - {name: line, call: {to: "+49301234520", at: "2026-11-23 10:00"}, ends: {queue: support}}\n'
    some = PASSES.replace("expect: {path: auto}", "") + line
    assert ccctl(site, some + "coverage: {branches: 1%}\n").exit_code == 0


def test_junit(site: Path, tmp_path: Path) -> None:
    assert ccctl(site, FAILS, "--junit", str(tmp_path / "j.xml")).exit_code == 1
    text = (tmp_path / "j.xml").read_text()
    assert '<testsuite name="flows on sim" tests="1" failures="1">' in text


def test_golden_paths_are_written(site: Path) -> None:
    done = ccctl(site, PASSES, "--update")
    assert done.exit_code == 0
    assert (site / "tests/a.yaml").read_text() == PASSES.replace("auto", "[main, after-hours]")


def test_random_callers(site: Path) -> None:
    done = ccctl(site, PASSES, "--walks", "50", "--seed", "3")
    assert done.exit_code == 0, done.output
    assert "sim: 51 passed, 0 failed" in done.output


def test_a_choice_of_tests(site: Path) -> None:
    assert ccctl(site, PASSES, "-k", "easter").exit_code == 2
    assert ccctl(site, PASSES, "-k", "christmas").exit_code == 0

"""What an apply tells while it works: a counter on a terminal, one line in a log."""

import sys

import pytest

from ccctl.cli.apply import START_OF_LINE, Progress


def work(progress: Progress) -> None:
    with progress:
        for done in range(4):
            progress.count("prompts", done, 3)
        progress.say("reading back")


def test_a_log_gets_one_line_for_all_that_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    work(Progress())
    assert capsys.readouterr().err == "  prompts: 3 made\n  reading back\n"


def test_a_terminal_gets_a_counter(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    work(Progress())
    lines = capsys.readouterr().err.split(START_OF_LINE)
    assert lines == [
        *("", "  prompts: 0 of 3", "  prompts: 1 of 3", "  prompts: 2 of 3"),
        "  prompts: 3 made\n  reading back\n",
    ]


def test_what_breaks_off_leaves_the_line_to_its_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress() as progress:
        progress.count("prompts", 1, 3)
    assert capsys.readouterr().err.endswith(f"  prompts: 1 of 3{START_OF_LINE}")

"""Tables in narrow terminals: texts are cut, columns left out, and nothing is wider than the screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ccctl.cli import agent, call, history, prompts, queue, recording, report
from ccctl.cli.tables import STIFF, Fit, room, table_lines
from ccctl.report import agents, calls, queues, waits
from ccctl.report.tables import Column

COLUMNS = ("call", "who", "n", "why")
ROWS = [
    ["pbx1/17.1", "anna@pbx", "5", "the reason is quite long, as reasons are"],
    ["pbx1/17.2", "b", "12", ""],
]
RIGHT = [False, False, True, False]
FIT = Fit(cut=("why",), drop=("who", "n", "why"))


def shown(width: int | None, fit: Fit = FIT) -> list[str]:
    return table_lines(COLUMNS, ROWS, RIGHT, fit, width)


def test_without_a_width_all_is_whole() -> None:
    assert shown(None) == [
        "call       who        n  why",
        "pbx1/17.1  anna@pbx   5  the reason is quite long, as reasons are",
        "pbx1/17.2  b         12",
    ]
    assert shown(200) == shown(None)


def test_long_texts_are_cut_first() -> None:
    assert shown(50) == [
        "call       who        n  why",
        "pbx1/17.1  anna@pbx   5  the reason is quite long…",
        "pbx1/17.2  b         12",
    ]


def test_then_columns_are_left_out_and_named() -> None:
    assert shown(36) == [
        "call        n  why",
        "pbx1/17.1   5  the reason is quite…",
        "pbx1/17.2  12",
        "(no room for: who)",
    ]
    assert shown(15) == ["call", "pbx1/17.1", "pbx1/17.2", "(no room for: who, n, why)"]


def test_what_may_not_give_way_is_cut_at_the_edge() -> None:
    assert shown(8, STIFF) == ["call…", "pbx1/17…", "pbx1/17…"]


@given(
    cells=st.lists(st.lists(st.text("aö漢🐈 ", max_size=30), min_size=3, max_size=3), max_size=4),
    width=st.integers(4, 90),
    least=st.integers(1, 20),
)
def test_no_line_is_wider_than_the_screen(cells: list[list[str]], width: int, least: int) -> None:
    fit = Fit(cut=("b", "c"), drop=("b",), least=least)
    lines = table_lines(("a", "b", "c"), cells, [False] * 3, fit, width)
    assert all(cell_len(line) <= max(width, len("(no room for: b)")) for line in lines)


@pytest.mark.parametrize(
    ("columns", "fit"),
    [
        (call.COLUMNS, call.FIT),
        (call.COURSE, call.COURSE_FIT),
        (recording.COLUMNS, recording.FIT),
        (agent.COLUMNS, agent.FIT),
        (queue.COLUMNS, queue.FIT),
        (queue.CALLERS, queue.CALLERS_FIT),
        (history.COLUMNS, history.FIT),
        (prompts.COLUMNS, prompts.FIT),
        (prompts.STUDIO, prompts.STUDIO_FIT),
    ],
)
def test_what_gives_way_is_there(columns: tuple[str, ...], fit: Fit) -> None:
    assert {*fit.cut, *fit.drop} <= set(columns)
    assert columns[0] not in fit.drop, "a row keeps its name"


@pytest.mark.parametrize(
    ("columns", "fit"),
    [
        (queues.COLUMNS, report.QUEUES),
        (agents.COLUMNS, report.AGENTS),
        (calls.COLUMNS, report.CALLS),
        (waits.COLUMNS, report.WAITS),
    ],
)
def test_reports_fit_into_80_characters(columns: tuple[Column, ...], fit: Fit) -> None:
    titles = [column.title for column in columns if not column.detail]
    assert {*fit.cut, *fit.drop} <= set(titles)
    heading, *_ = table_lines(titles, [], [False] * len(titles), fit, 80)
    assert cell_len(heading) <= 80
    assert "…" not in heading


@pytest.mark.parametrize(("wished", "found"), [("72", 72), ("0", None), ("wide", None), ("", None)])
def test_a_pipe_has_room_unless_columns_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, wished: str, found: int | None
) -> None:
    monkeypatch.setenv("COLUMNS", wished)
    assert room() == found

"""The report on callbacks: every one is counted once, where it was asked for."""

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ccctl.changes import CallbackOutcome, CallbackRow
from ccctl.report.callbacks import SETTLED, callback_table
from ccctl.report.intervals import Period
from ccctl.report.tables import Scope

HOUR = 3_600_000
OUTCOMES = [None, *CallbackOutcome]


def scope(*names: str) -> Scope:
    periods = [Period(n * HOUR, (n + 1) * HOUR) for n in range(2)]
    return Scope(periods=periods, zone=ZoneInfo("UTC"), now=2 * HOUR, names=names)


def row(outcome: CallbackOutcome | None, asked: int = 1000, wait: int = 5000, **more: object) -> CallbackRow:
    made = {"id": f"b{asked}", "queue": "support", "number": "+49170", "due": asked, "expires": asked + HOUR}
    ended = None if outcome is None else asked + wait
    return CallbackRow(asked=asked, ended=ended, outcome=outcome, **(made | more))  # type: ignore[arg-type] # any fields


def test_one_of_each() -> None:
    rows = [row(outcome, n) for n, outcome in enumerate(OUTCOMES)]
    table = callback_table(rows, scope("support"))
    first = table.rows[0]
    assert (first["asked"], first["open"]) == (len(OUTCOMES), 1)
    assert [first[outcome] for outcome in CallbackOutcome] == [1] * len(CallbackOutcome)
    tried = len(CallbackOutcome) - len(SETTLED)
    assert first["reached_rate"] == round(100 / tried, 1)
    assert first["avg_wait_ms"] == 5000


def test_who_asked_for_a_later_time_waits_from_then_on() -> None:
    later = row(CallbackOutcome.ANSWERED, 1000, wait=60_000, due=51_000, tries=1)
    assert callback_table([later], scope("support")).rows[0]["avg_wait_ms"] == 10_000


def test_a_queue_without_callbacks_has_its_rows() -> None:
    table = callback_table([], scope("billing", "support"))
    assert [line["queue"] for line in table.rows] == ["billing", "support"] * 2
    assert (table.total or {})["reached_rate"] is None
    assert {line["asked"] for line in table.rows} == {0}


@given(st.lists(st.tuples(st.integers(0, 3 * HOUR), st.sampled_from(OUTCOMES), st.sampled_from("ab"))))
def test_nobody_is_counted_twice(drawn: list[tuple[int, CallbackOutcome | None, str]]) -> None:
    rows = [row(outcome, asked, queue=queue) for asked, outcome, queue in drawn]
    table = callback_table(rows, scope("a", "b"))
    within = sum(asked < 2 * HOUR for asked, _, _ in drawn)
    assert (table.total or {})["asked"] == sum(line["asked"] for line in table.rows) == within
    for line in table.rows:
        assert line["asked"] == line["open"] + sum(line[outcome] for outcome in CallbackOutcome)

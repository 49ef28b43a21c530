"""Reports per interval: what counts where, and what must always add up."""

import csv
import io
from collections import Counter
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccctl.changes import (
    AgentStateRow,
    CallRow,
    OfferOutcome,
    OfferRow,
    Outcome,
    VisitRow,
)
from ccctl.report import kpi
from ccctl.report.agents import STATES, agent_table
from ccctl.report.calls import call_table
from ccctl.report.intervals import Interval, Period, periods
from ccctl.report.queues import queue_table
from ccctl.report.tables import Scope, Table, Unit, defuse, duration, show, shown, to_csv, to_data

UTC = ZoneInfo("UTC")
MINUTE = 60_000
HALF = 30 * MINUTE
DAY0 = 1_795_305_600_000  # 2026-11-22 00:00 UTC


def scope(count: int = 4, step: int = HALF, **extra: object) -> Scope:
    rows = [Period(DAY0 + n * step, DAY0 + (n + 1) * step) for n in range(count)]
    return msgspec.structs.replace(Scope(periods=rows, zone=UTC, now=rows[-1].end), **extra)


def visit(
    entered: int, wait: int | None, outcome: Outcome | None, talk: int | None = None, n: int = 0
) -> VisitRow:
    entered += DAY0
    ended = None if wait is None or outcome is None else entered + wait
    answered = ended if outcome is Outcome.ANSWERED else None
    return VisitRow(
        id=f"v{n}",
        call=f"pbx1/{n}",
        queue="sales",
        entered=entered,
        ended=ended,
        outcome=None if ended is None else outcome,
        agent="anna" if answered is not None else "",
        answered=answered,
        talk_ended=None if answered is None or talk is None else answered + talk,
    )


def state(agent: str, presence: str, started: int, ended: int | None, call: str = "") -> AgentStateRow:
    begins = DAY0 + started
    ends = None if ended is None else DAY0 + ended
    ident = f"{agent}:{started}"
    return AgentStateRow(id=ident, agent=agent, presence=presence, started=begins, ended=ends, call=call)


def column(table: Table, key: str) -> list[object]:
    return [row[key] for row in table.rows]


# From 00:25 to 00:45, wrap-up until 01:02: offered at 00:25, answered at 00:31, handled at 01:02.
LONG = visit(25 * MINUTE, 6 * MINUTE, Outcome.ANSWERED, 14 * MINUTE)
AFTER = state("anna", "wrapup", 45 * MINUTE, 62 * MINUTE, LONG.call)


def test_each_thing_counts_where_it_happened() -> None:
    table = queue_table([LONG], [AFTER], scope())
    assert column(table, "offered") == [1, 0, 0, 0]
    assert column(table, "waiting") == [1, 0, 0, 0]
    assert column(table, "answered") == [0, 1, 0, 0]
    assert column(table, "sl") == [None, 0.0, None, None]
    assert column(table, "handled") == [0, 0, 1, 0]
    assert column(table, "aht_ms") == [None, None, 31 * MINUTE, None]
    assert (table.total["talk_ms"], table.total["wrapup_ms"]) == (14 * MINUTE, 17 * MINUTE)


def test_a_call_is_not_handled_while_its_wrap_up_lasts() -> None:
    open_wrapup = msgspec.structs.replace(AFTER, ended=None)
    assert queue_table([LONG], [open_wrapup], scope()).total["handled"] == 0
    assert queue_table([LONG], [], scope()).total["handled"] == 1


def test_a_wrap_up_in_two_stretches_is_one() -> None:
    parts = [
        state("anna", "wrapup", 50 * MINUTE, 62 * MINUTE, LONG.call),
        state("anna", "wrapup", 45 * MINUTE, 50 * MINUTE, LONG.call),
    ]
    table = queue_table([LONG], parts, scope())
    assert (table.total["handled"], table.total["wrapup_ms"]) == (1, 17 * MINUTE)
    still = msgspec.structs.replace(parts[0], ended=None)
    assert queue_table([LONG], [parts[1], still], scope()).total["handled"] == 0


def test_two_talks_with_the_same_agent_have_their_own_wrap_up() -> None:
    first = visit(0, MINUTE, Outcome.ANSWERED, MINUTE)
    second = msgspec.structs.replace(
        first, id="v9", entered=DAY0 + 40 * MINUTE, answered=DAY0 + 41 * MINUTE, ended=DAY0 + 41 * MINUTE,
        talk_ended=DAY0 + 42 * MINUTE,
    )  # fmt: skip
    after = [
        state("anna", "wrapup", 2 * MINUTE, 3 * MINUTE, first.call),
        state("anna", "wrapup", 42 * MINUTE, 47 * MINUTE, first.call),
    ]
    assert column(queue_table([first, second], after, scope()), "wrapup_ms") == [MINUTE, 5 * MINUTE, 0, 0]


def test_callers_who_waited_before_count_as_waiting_until_they_leave() -> None:
    early = visit(-10 * MINUTE, 15 * MINUTE, Outcome.ABANDONED)
    table = queue_table([early], [], scope(), {"sales": 1, "support": 2})
    sales = [row for row in table.rows if row["queue"] == "sales"]
    support = [row for row in table.rows if row["queue"] == "support"]
    assert [row["waiting"] for row in sales] == [0, 0, 0, 0]
    assert [row["waiting"] for row in support] == [2, 2, 2, 2]
    assert sales[0]["offered"] == 0
    assert sales[0]["abandoned"] == 1


def test_the_total_is_made_of_calls_not_of_percentages() -> None:
    rows = [visit(n, 1000, Outcome.ANSWERED, 1000, n) for n in range(9)]
    rows.append(visit(40 * MINUTE, 60_000, Outcome.ABANDONED, n=99))
    table = queue_table(rows, [], scope())
    assert column(table, "sl")[:2] == [100.0, 0.0]
    assert table.total["sl"] == 90.0


def test_the_preset_stands_beside_the_percentage() -> None:
    table = queue_table([LONG], [], scope(level=kpi.preset("genesys", 30_000)))
    assert set(column(table, "sl_preset")) == {"genesys"}
    assert table.notes == ("service level: genesys, 30 s, abandons within 5 s left out",)


def test_each_queue_has_its_own_threshold() -> None:
    level = kpi.preset("cisco-negative", 10 * MINUTE)
    table = queue_table([LONG], [], scope(levels={"sales": level}))
    assert table.total["sl"] == 100.0


def test_queues_of_the_site_have_rows_of_zeros() -> None:
    table = queue_table([], [], scope(count=1, names=("sales", "support")))
    assert column(table, "queue") == ["sales", "support"]
    assert table.rows[0]["offered"] == 0
    assert table.rows[0]["sl"] is None


VISITS = st.lists(
    st.builds(
        visit,
        st.integers(-HALF, 5 * HALF),
        st.none() | st.integers(0, 3 * HALF),
        st.sampled_from(Outcome),
        st.none() | st.integers(0, HALF),
        st.integers(0, 10**9),
    ),
    max_size=30,
)


@given(VISITS)
def test_waiting_before_and_offered_are_outcomes_and_waiting(visits: list[VisitRow]) -> None:
    begin = scope().start
    before = sum(1 for v in visits if v.entered < begin and (v.ended is None or v.ended >= begin))
    table = queue_table(visits, [], scope(), {"sales": before} if before else {})
    for row in table.rows:
        there = sum(
            1 for v in visits if v.entered < row["end"] and (v.ended is None or v.ended >= row["end"])
        )
        assert row["waiting"] == there
        assert before + row["offered"] == sum(row[o.value] for o in Outcome) + row["waiting"]
        assert row["other"] == sum(row[o.value] for o in Outcome) - row["answered"] - row["abandoned"]
        before = row["waiting"]


@given(VISITS, st.sampled_from(sorted(kpi.PRESETS)))
def test_the_report_agrees_with_the_definitions(visits: list[VisitRow], name: str) -> None:
    """A report over one interval that holds everything gives what the pure functions give."""
    level = kpi.preset(name, 20_000)
    one = Scope(
        periods=[Period(DAY0 - 10 * HALF, DAY0 + 20 * HALF)], zone=UTC, now=DAY0 + 20 * HALF, level=level
    )
    total = queue_table(visits, [], one).total
    rounded = kpi.service_level(visits, level)
    assert total["sl"] == (None if rounded is None else round(rounded, 2))
    assert total["offered"] == kpi.offered(visits)
    assert total["waiting"] == kpi.waiting(visits)
    assert {o: total[o.value] for o in Outcome} == kpi.outcomes(visits)
    assert total["longest_wait_ms"] == kpi.longest_wait(visits)
    assert total["wait_p90_ms"] == kpi.wait_percentile(visits, 90)
    assert total["abandoned_short"] == kpi.abandoned(visits)[0]
    assert total["handled"] == kpi.handle_time(visits, []).handled


@given(VISITS)
def test_the_total_does_not_depend_on_the_intervals(visits: list[VisitRow]) -> None:
    fine, coarse = scope(12, 10 * MINUTE), scope(1, 120 * MINUTE)
    before = Counter(v.queue for v in visits if v.entered < DAY0 and (v.ended is None or v.ended >= DAY0))
    assert queue_table(visits, [], fine, before).total == queue_table(visits, [], coarse, before).total


@st.composite
def shifts(draw: st.DrawFn) -> list[AgentStateRow]:
    """Stretches of one agent, one after the other without gaps, the last perhaps open."""
    rows = []
    for agent in ("anna", "ben"):
        moment = draw(st.integers(-HALF, HALF))
        for _ in range(draw(st.integers(0, 8))):
            length = draw(st.integers(1, HALF))
            rows.append(state(agent, draw(st.sampled_from([*STATES, "offline"])), moment, moment + length))
            moment += length
        if draw(st.booleans()):
            rows.append(state(agent, draw(st.sampled_from([*STATES, "offline"])), moment, None))
    return rows


@given(shifts())
def test_states_add_up_to_the_login_time(rows: list[AgentStateRow]) -> None:
    span = scope()
    table = agent_table(rows, [], [], [], span)
    for row in [*table.rows, table.total]:
        assert row["login_ms"] == sum(row[f"{name}_ms"] for name in STATES)
        assert row["login_ms"] <= (row["end"] - row["start"]) * (1 if row["agent"] else 2)
    on = [row for row in rows if row.presence != "offline"]
    expected = sum(kpi.overlap(row.started, row.ended, span.start, span.end) for row in on)
    assert table.total["login_ms"] == expected


def test_open_states_end_now() -> None:
    now = DAY0 + 40 * MINUTE
    table = agent_table([state("anna", "ready", 0, None)], [], [], [], scope(now=now))
    assert column(table, "ready_ms") == [HALF, 10 * MINUTE, 0, 0]


def test_offers_and_handle_time_of_agents() -> None:
    offer = OfferRow(
        id="l1",
        visit="v0",
        call="pbx1/0",
        queue="sales",
        agent="anna",
        offered=DAY0 + 29 * MINUTE,
        answered=DAY0 + 31 * MINUTE,
        ended=DAY0 + 31 * MINUTE,
        outcome=OfferOutcome.ANSWERED,
    )
    lost = msgspec.structs.replace(offer, id="l2", outcome=OfferOutcome.NO_ANSWER)
    left = msgspec.structs.replace(offer, id="l3", outcome=OfferOutcome.CALLER_LEFT)
    table = agent_table([AFTER], [offer, lost, left], [LONG], [AFTER], scope())
    assert column(table, "offers") == [3, 0, 0, 0]
    assert (table.total["answered"], table.total["missed"]) == (1, 1)
    assert column(table, "handled") == [0, 0, 1, 0]
    assert column(table, "wrapup_ms") == [0, 15 * MINUTE, 2 * MINUTE, 0]
    assert table.total["aht_ms"] == 31 * MINUTE


def test_calls_count_where_they_arrived() -> None:
    call = CallRow(id="pbx1/1", node="pbx1", started=DAY0 + 1, answered=DAY0 + 2, ended=DAY0 + 3 * MINUTE,
                   ended_in="talk", ended_by="caller")  # fmt: skip
    odd = msgspec.structs.replace(
        call, id="pbx1/2", ended_in="space", ended_by="", direction="internal", answered=None
    )
    going = msgspec.structs.replace(call, id="pbx1/3", started=DAY0 + HALF, ended=None)
    table = call_table([call, odd, going], scope(count=2))
    assert column(table, "calls") == [2, 1]
    assert column(table, "in_progress") == [0, 1]
    assert column(table, "ended_in_talk") == [1, 0]
    assert column(table, "ended_in_other") == [1, 0]
    assert column(table, "connected_rate") == [50.0, 100.0]
    for row in table.rows:
        ended = sum(value for key, value in row.items() if key.startswith("ended_in_"))
        assert row["calls"] == row["in_progress"] + ended


def test_on_the_day_of_25_hours_every_call_counts_once() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = 1_792_879_200_000  # 2026-10-25 00:00 in Berlin
    rows = periods(start, start + 25 * 60 * MINUTE, Interval.HOUR, berlin)
    at_two = [msgspec.structs.replace(LONG, id=str(n), entered=start + (2 + n) * 60 * MINUTE) for n in (0, 1)]
    table = queue_table(at_two, [], Scope(periods=rows, zone=berlin, now=rows[-1].end))
    assert column(table, "offered") == [0, 0, 1, 1, *[0] * 21]
    written = list(csv.DictReader(io.StringIO(to_csv(table, berlin))))
    assert [row["start"] for row in written[2:4]] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
    ]


def test_csv_and_data_hold_every_column_in_order() -> None:
    table = queue_table([LONG], [AFTER], scope())
    header = to_csv(table, UTC).splitlines()[0].split(",")
    assert header == [one.key for one in table.columns]
    assert all(set(row) == set(header) for row in table.rows)
    data = to_data(table, UTC)
    assert data["rows"][0]["start"] == "2026-11-22T00:00:00+00:00"
    msgspec.json.encode(data)


def test_text_for_people_ends_with_the_total() -> None:
    columns, rows = shown(queue_table([LONG], [AFTER], scope()), UTC)
    assert {len(row) for row in rows} == {len(columns)}
    assert rows[-1][0] == "total"
    assert [c.key for c in columns][:3] == ["start", "queue", "offered"]
    assert len(shown(queue_table([LONG], [AFTER], scope(count=1)), UTC)[1]) == 1


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, Unit.PERCENT, "-"),
        (0, Unit.COUNT, "0"),
        (12.345, Unit.PERCENT, "12.3"),
        (3_661_000, Unit.MS, "1:01:01"),
        (59_499, Unit.MS, "0:59"),
        ("", Unit.TEXT, "-"),
        (DAY0, Unit.TIME, "2026-11-22 00:00"),
    ],
)
def test_cells(value: object, unit: Unit, text: str) -> None:
    assert show(value, unit, UTC) == text


def test_durations() -> None:
    assert [duration(ms) for ms in (0, 999, -1000, 3_599_999)] == ["0:00", "0:01", "-0:01", "1:00:00"]


def test_a_spreadsheet_runs_no_name_as_a_formula() -> None:
    assert [defuse(text) for text in ("=1+1|cmd", "@x", "-2+3", "+cmd")] == [
        "'=1+1|cmd",
        "'@x",
        "'-2+3",
        "'+cmd",
    ]
    assert [defuse(text) for text in ("+49301234500", "-5", "anna", "", 7)] == [
        "+49301234500",
        "-5",
        "anna",
        "",
        7,
    ]

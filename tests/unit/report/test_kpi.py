"""The figures besides the service level."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccctl.changes import AgentStateRow, OfferOutcome, OfferRow, Outcome, VisitRow
from ccctl.report import kpi


def visit(
    outcome: Outcome | None, entered: int, ended: int | None, talk_ended: int | None = None
) -> VisitRow:
    return VisitRow(
        id=str(entered),
        call=f"pbx1/{entered}",
        queue="sales",
        entered=entered,
        ended=ended,
        outcome=outcome,
        answered=ended if outcome is Outcome.ANSWERED else None,
        talk_ended=talk_ended,
    )


DAY = [
    visit(Outcome.ANSWERED, 0, 10_000, 110_000),
    visit(Outcome.ANSWERED, 1, 30_001, 80_001),
    visit(Outcome.ANSWERED, 2, 20_002),  # still talking
    visit(Outcome.ABANDONED, 3, 5_003),
    visit(Outcome.ABANDONED, 4, 45_004),
    visit(Outcome.TIMED_OUT, 5, 60_005),
    visit(None, 6, None),  # still waiting
]


def state(presence: str, started: int, ended: int | None) -> AgentStateRow:
    return AgentStateRow(id=f"anna:{started}", agent="anna", presence=presence, started=started, ended=ended)


def test_counts() -> None:
    assert kpi.offered(DAY) == 7
    assert kpi.waiting(DAY) == 1
    counted = kpi.outcomes(DAY)
    assert (counted[Outcome.ANSWERED], counted[Outcome.ABANDONED], counted[Outcome.TIMED_OUT]) == (3, 2, 1)
    assert kpi.abandoned(DAY) == (1, 1)
    assert kpi.abandoned(DAY, short_abandon_ms=0) == (0, 2)


def test_shares() -> None:
    assert kpi.answer_rate(DAY) == 50.0
    assert kpi.abandon_rate(DAY) == pytest.approx(33.333, abs=0.001)


def test_waits() -> None:
    assert kpi.average_speed_of_answer(DAY) == 20_000
    assert kpi.longest_wait(DAY) == 60_000
    assert kpi.wait_percentile(DAY, 50) == 20_000
    assert kpi.wait_percentile(DAY, 95) == 30_000


def test_handle_time_is_talk_and_wrap_up() -> None:
    parts = kpi.handle_time(DAY, [state("wrapup", 110_000, 120_000), state("ready", 120_000, 500_000)])
    assert parts == kpi.HandleTime(handled=2, talk_ms=150_000, wrapup_ms=10_000)
    assert parts.average_ms == 80_000
    assert kpi.average_talk(DAY) == 75_000


def test_nothing_gives_none() -> None:
    for figure in (
        kpi.answer_rate([]),
        kpi.abandon_rate([]),
        kpi.average_speed_of_answer([]),
        kpi.longest_wait([]),
        kpi.wait_percentile([], 90),
        kpi.average_talk([]),
        kpi.handle_time([], []).average_ms,
        kpi.occupancy({}),
        kpi.utilisation({"offline": 10}),
    ):
        assert figure is None


def test_states_are_cut_at_the_borders() -> None:
    rows = [state("ready", 0, 100), state("talking", 100, 300), state("wrapup", 300, None)]
    assert kpi.state_times(rows, 50, 400) == {"ready": 50, "talking": 200, "wrapup": 100}


def test_occupancy_leaves_ringing_and_pauses_out() -> None:
    times = {"ready": 50, "talking": 100, "wrapup": 50, "ringing": 20, "paused": 80, "offline": 999}
    assert kpi.login_time(times) == 300
    assert kpi.occupancy(times) == 75.0
    assert kpi.utilisation(times) == pytest.approx(170 / 300 * 100)


@pytest.mark.parametrize(
    ("outcome", "missed"),
    [(o, o in {"no_answer", "rejected", "hung_up", "not_accepted", "unreachable"}) for o in OfferOutcome],
)
def test_only_the_agents_side_misses_an_offer(outcome: OfferOutcome, missed: bool) -> None:
    offer = OfferRow(id="l", visit="v", call="c", queue="q", agent="a", offered=0, ended=1, outcome=outcome)
    assert kpi.missed_offers([offer]) == missed


@given(st.lists(st.integers(0, 10_000), min_size=1), st.floats(1, 100))
def test_a_percentile_covers_its_share(values: list[int], share: float) -> None:
    values.sort()
    found = kpi.percentile(values, share)
    assert found in values
    assert sum(1 for value in values if value <= found) >= len(values) * share / 100 - 1e-6
    assert sum(1 for value in values if value < found) < len(values) * share / 100 + 1e-6

"""One day, one set of calls, ten answers: the presets must disagree exactly as the systems do."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccctl.changes import Outcome, VisitRow
from ccctl.report import kpi
from ccctl.report.kpi import PRESETS, ServiceLevel, Verdict, judge, preset, service_level

S = 1000
numbers = itertools.count()


def visit(outcome: Outcome | None, wait: int, talk: int | None = 60 * S) -> VisitRow:
    answered = wait if outcome is Outcome.ANSWERED else None
    return VisitRow(
        id=f"v{next(numbers)}",
        call="pbx1/1",
        queue="sales",
        entered=0,
        ended=None if outcome is None else wait,
        outcome=outcome,
        answered=answered,
        talk_ended=None if answered is None or talk is None else answered + talk,
    )


def same_day() -> list[VisitRow]:
    """100 offered: 70 answered in time, 12 late, 4 + 6 + 5 abandons, 3 time-outs."""
    parts = [
        (70, Outcome.ANSWERED, 20 * S),
        (12, Outcome.ANSWERED, 21 * S),
        (4, Outcome.ABANDONED, 5 * S),
        (6, Outcome.ABANDONED, 20 * S),
        (5, Outcome.ABANDONED, 30 * S),
        (3, Outcome.TIMED_OUT, 60 * S),
    ]
    return [visit(outcome, wait) for count, outcome, wait in parts for _ in range(count)]


ANSWERS = {
    "asterisk-sl": 85.4,
    "cisco-handled": 85.4,
    "queuemetrics-answered": 85.4,
    "asterisk-sl2": 80.0,
    "connect": 80.0,
    "cisco-positive": 80.0,
    "cisco-without-abandon": 77.8,
    "genesys": 75.3,
    "twilio": 75.3,
    "genesys-with-short": 72.2,
    "genesys-all": 70.0,
    "cisco-negative": 70.0,
    "queuemetrics-inclusive": 70.0,
}


@pytest.mark.parametrize("name", PRESETS)
def test_ten_answers(name: str) -> None:
    level = service_level(same_day(), preset(name, 20 * S))
    assert level is not None
    assert round(level, 1) == ANSWERS[name]


@pytest.mark.parametrize("name", PRESETS)
def test_of_nothing_there_is_no_service_level(name: str) -> None:
    assert service_level([], PRESETS[name]) is None
    assert service_level([visit(None, 0)], PRESETS[name]) is None


def test_the_threshold_itself_is_in_time() -> None:
    level = preset("cisco-negative", 20 * S)
    assert judge(visit(Outcome.ANSWERED, 20 * S), level) is Verdict.MET
    assert judge(visit(Outcome.ANSWERED, 20 * S + 1), level) is Verdict.MISSED


def test_asterisk_counts_an_answered_call_when_it_has_ended() -> None:
    talking = visit(Outcome.ANSWERED, 5 * S, talk=None)
    assert judge(talking, PRESETS["asterisk-sl"]) is Verdict.UNCOUNTED
    assert judge(talking, PRESETS["cisco-negative"]) is Verdict.MET


@pytest.mark.parametrize(
    ("name", "outcome", "wait", "verdict"),
    [
        ("connect", Outcome.CALLBACK, 5 * S, Verdict.MET),
        ("connect", Outcome.CALLBACK, 25 * S, Verdict.MISSED),
        ("twilio", Outcome.CALLBACK, 5 * S, Verdict.UNCOUNTED),
        ("cisco-negative", Outcome.CALLBACK, 5 * S, Verdict.MISSED),
        ("asterisk-sl2", Outcome.KEY_EXIT, 25 * S, Verdict.UNCOUNTED),
        ("asterisk-sl2", Outcome.TIMED_OUT, 25 * S, Verdict.MISSED),
        ("asterisk-sl2", Outcome.WITHDRAWN, 5 * S, Verdict.MET),
        ("asterisk-sl2", Outcome.FULL, 0, Verdict.UNCOUNTED),
        ("asterisk-sl2", Outcome.NO_AGENTS, 0, Verdict.UNCOUNTED),
        ("asterisk-sl2", Outcome.NO_AGENTS, 30 * S, Verdict.MISSED),
        ("connect", Outcome.FULL, 0, Verdict.UNCOUNTED),
        ("cisco-negative", Outcome.FULL, 0, Verdict.MISSED),
        ("genesys", Outcome.TRANSFERRED, 30 * S, Verdict.UNCOUNTED),
        ("genesys", Outcome.ABANDONED, 5 * S, Verdict.UNCOUNTED),
        ("genesys", Outcome.ABANDONED, 5 * S + 1, Verdict.MISSED),
    ],
)
def test_outcomes_that_are_neither(name: str, outcome: Outcome, wait: int, verdict: Verdict) -> None:
    assert judge(visit(outcome, wait), preset(name, 20 * S)) is verdict


VISITS = st.lists(st.builds(visit, st.sampled_from([None, *Outcome]), st.integers(0, 60 * S)))
LEVELS = st.builds(
    ServiceLevel,
    threshold_ms=st.integers(0, 60 * S),
    short_abandon_ms=st.integers(0, 10 * S),
    abandons=st.sampled_from(kpi.Abandons),
    flow_outs=st.sampled_from(kpi.FlowOuts),
    callbacks=st.sampled_from(kpi.Callbacks),
    key_exits=st.sampled_from(kpi.Minor),
    refused=st.sampled_from(kpi.Minor),
    counted_at=st.sampled_from(kpi.CountedAt),
)


@given(VISITS, LEVELS)
def test_a_service_level_is_a_share(visits: list[VisitRow], level: ServiceLevel) -> None:
    share = service_level(visits, level)
    assert share is None or 0 <= share <= 100


@given(VISITS, LEVELS, st.integers(0, 60 * S))
def test_more_time_never_makes_answered_calls_late(
    visits: list[VisitRow], level: ServiceLevel, more: int
) -> None:
    longer = msgspec.structs.replace(level, threshold_ms=level.threshold_ms + more)
    answered = [v for v in visits if v.outcome is Outcome.ANSWERED]
    assert (service_level(answered, longer) or 0) >= (service_level(answered, level) or 0)

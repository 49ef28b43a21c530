"""A day out of the ledger, played again: without a change it goes as it went."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from ccctl.changes import AgentStateRow, OfferOutcome, OfferRow, Outcome, VisitRow
from ccctl.flow.roster import Roster
from ccctl.whatif.chance import Shape, Spread
from ccctl.whatif.day import play
from ccctl.whatif.demand import Demand, Stretch, callers
from ccctl.whatif.past import Records, callers_again, completed, duties, past
from ccctl.whatif.plan import Caller, Duty, Further, Miss, Plan, Window
from tests.support.centre import WHISPER, make_roster
from tests.support.played import ledger_of

HOUR_MS = 3_600_000
START = 1_795_000_000_000
WINDOW = Window(START, START, START + 4 * HOUR_MS)
Record = Callable[[Plan, list[Caller]], Records]


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Record:
    """Plays and gives back the whole ledger of it, as the store would have it."""

    def record(plan: Plan, coming: list[Caller]) -> Records:
        rows = ledger_of(plan, coming, monkeypatch)
        states = [row for row in rows if isinstance(row, AgentStateRow)]
        return Records(
            visits=[row for row in rows if isinstance(row, VisitRow)],
            offers=[row for row in rows if isinstance(row, OfferRow)],
            states=sorted(states, key=lambda row: (row.agent, row.started)),
        )

    return record


def busy_day(roster: Roster, seed: int) -> tuple[Plan, list[Caller]]:
    """Agents come, rest and go at odd times; some calls are missed, some wrap-ups end early."""
    chance = random.Random(seed)
    demand = Demand(
        queue="q0",
        curve=(Stretch(0, 3 * HOUR_MS, 100),),
        talk=Spread(Shape.LOGNORMAL, 200_000, 90_000),
        patience=Spread(Shape.EXPONENTIAL, 90_000),
        pick_up=Spread(Shape.EXPONENTIAL, 4000),
        max_wait_ms=120_000,
    )
    coming = []
    for caller in callers([demand], START, chance):
        more = {
            "missed": (Miss(15_000, 45_000),) if chance.random() < 0.05 else (),
            "whisper_ms": chance.randrange(1000, 3000),
            "wrap_up_ms": chance.choice((None, 4000)),
            "away_ms": 45_000,
            "by_key": chance.random() < 0.1,
        }
        coming.append(Caller(**{field: getattr(caller, field) for field in caller.__struct_fields__} | more))
    shifts = []
    for n, agent in enumerate(roster.agents):
        at = START + n * 60_001
        shifts += [Duty(at, agent, "login"), Duty(at + HOUR_MS, agent, "pause")]
        shifts += [Duty(at + HOUR_MS + 600_007, agent, "unpause"), Duty(at + 3 * HOUR_MS, agent, "logout")]
    return Plan(WINDOW, roster, tuple(shifts)), coming


def told(visits: list[VisitRow]) -> list[tuple[object, ...]]:
    """What became of everybody, whatever the calls are named."""
    rows = [(v.entered, v.ended, v.outcome, v.agent, v.answered, v.talk_ended, v.offers) for v in visits]
    return sorted(rows, key=str)


@pytest.mark.parametrize("seed", range(4))
def test_without_a_change_the_day_goes_as_it_went(record: Record, seed: int) -> None:
    plan, coming = busy_day(make_roster(5, wrap_up_ms=10_000, whisper=WHISPER), seed)
    was = record(plan, coming)
    outcomes = {visit.outcome for visit in was.visits}
    assert outcomes >= {Outcome.ANSWERED, Outcome.ABANDONED, Outcome.TIMED_OUT, Outcome.KEY_EXIT}
    assert any(offer.outcome is OfferOutcome.NO_ANSWER for offer in was.offers)

    again = Plan(WINDOW, plan.roster, duties(was.states, WINDOW))
    for chance in (random.Random(1), random.Random(2)):  # what is not known makes no difference then
        replayed = play(again, callers_again(past(was), chance))
        assert told(replayed.visits) == told(list(was.visits))


def test_with_more_agents_more_are_answered(record: Record) -> None:
    plan, coming = busy_day(make_roster(5, wrap_up_ms=10_000, whisper=WHISPER), 9)
    was = record(plan, coming)
    roster = make_roster(8, wrap_up_ms=10_000, whisper=WHISPER)
    more = tuple(Duty(START, agent, "login") for agent in ("a5", "a6", "a7"))
    richer = Plan(WINDOW, roster, (*duties(was.states, WINDOW), *more))
    better = play(richer, callers_again(past(was), random.Random(1)))

    def how_many(visits: list[VisitRow]) -> int:
        return sum(visit.outcome is Outcome.ANSWERED for visit in visits)

    assert len(better.visits) == len(was.visits)
    assert how_many(better.visits) > how_many(list(was.visits)) + 20


# -- what is learnt --------------------------------------------------------------------------------------


def visit(n: int, **fields: Any) -> VisitRow:
    row: dict[str, Any] = {"id": f"v{n}", "call": f"pbx1/{n}", "queue": "q0", "entered": START + n * 1000}
    return VisitRow(**row | fields)


def answered(n: int, at: int, until: int) -> VisitRow:
    return visit(n, outcome=Outcome.ANSWERED, agent="a1", ended=at, answered=at, talk_ended=until)


def state(agent: str, presence: str, start: int, end: int | None, **fields: Any) -> AgentStateRow:
    ended = None if end is None else START + end
    row: dict[str, Any] = {"id": f"{agent}{start}", "agent": agent, "presence": presence, "ended": ended}
    return AgentStateRow(**row | {"started": START + start} | fields)


def test_hours_are_what_agents_did_not_what_befell_them() -> None:
    rows = [
        state("a0", "ready", -5000, 100),
        state("a0", "talking", 100, 900),
        state("a0", "wrapup", 900, 1000),
        state("a0", "paused", 1000, 2000, reason="lunch"),
        state("a0", "ready", 2000, 3000),
        state("a0", "ready", 8000, None),
        state("a1", "not_responding", 10, 20),
        state("a1", "ready", 20, 500),
        state("a2", "training", 30, 40),
        state("a3", "ready", -9000, 0),
    ]
    found = [(duty.at - START, duty.agent, duty.what) for duty in duties(rows, WINDOW)]
    assert found == [
        (0, "a0", "login"),
        (10, "a1", "login"),
        (30, "a2", "login"),
        (30, "a2", "pause"),
        (40, "a2", "logout"),
        (500, "a1", "logout"),
        (1000, "a0", "pause"),
        (2000, "a0", "unpause"),
        (3000, "a0", "logout"),
        (8000, "a0", "login"),
    ]


def test_what_a_visit_tells() -> None:
    begin = START + 1000
    handled = answered(1, begin + 9000, begin + 60_000)
    offers = [
        OfferRow(id="l1", visit="v1", call="pbx1/1", queue="q0", agent="a0", offered=begin,
                 ended=begin + 4000, outcome=OfferOutcome.NO_ANSWER),
        OfferRow(id="l2", visit="v1", call="pbx1/1", queue="q0", agent="a1", offered=begin + 4000,
                 answered=begin + 7000, ended=begin + 9000, outcome=OfferOutcome.ANSWERED),
    ]  # fmt: skip
    states = [
        state("a0", "not_responding", 5000, 35_000),
        state("a0", "ready", 35_000, 90_000),
        state("a1", "wrapup", 61_000, 68_000, call="pbx1/1"),
        state("a1", "ready", 68_000, 90_000, cause="user:"),
    ]
    gone = visit(2, outcome=Outcome.ABANDONED, ended=START + 2000 + 7000)
    late = visit(3, outcome=Outcome.TIMED_OUT, ended=START + 3000 + 50_000)
    records = Records(visits=[handled, gone, late], offers=offers, states=states)
    coming = callers_again(past(records), random.Random(1))
    assert [caller.at - START for caller in coming] == [1000, 2000, 3000]
    first, second, third = coming
    assert (first.missed, first.answer_ms, first.whisper_ms) == ((Miss(4000, 30_000),), 3000, 2000)
    assert (first.talk_ms, first.wrap_up_ms, first.max_wait_ms) == (51_000, 7000, 50_000)
    assert first.patience_ms is not None
    assert first.patience_ms > 9000
    assert (second.patience_ms, second.talk_ms) == (7000, 51_000)
    assert third.patience_ms is not None
    assert (third.max_wait_ms, third.patience_ms > 50_000) == (50_000, True)


def test_a_wrap_up_that_the_timer_ended_takes_whatever_is_allowed() -> None:
    talked = answered(1, START + 1000, START + 5000)
    states = [
        state("a1", "wrapup", 5000, 15_000, call="pbx1/1"),
        state("a1", "ready", 15_000, None, cause="timer"),
    ]
    coming = callers_again(past(Records(visits=[talked], offers=[], states=states)), random.Random(1))
    assert coming[0].wrap_up_ms is None
    assert coming[0].patience_ms is None  # nobody ever gave up


def test_a_second_visit_follows_the_first_only_if_that_ends_as_it_did() -> None:
    first = visit(1, outcome=Outcome.TIMED_OUT, ended=START + 31_000)
    talk = {"answered": START + 40_000, "talk_ended": START + 90_000, "agent": "a0"}
    second = visit(33, call="pbx1/1", queue="q1", outcome=Outcome.ANSWERED, ended=START + 40_000, **talk)
    [caller] = callers_again(past(Records(visits=[second, first], offers=[], states=[])), random.Random(1))
    assert caller.then is not None
    assert (caller.then.after, caller.then.gap_ms) == (Outcome.TIMED_OUT, 2000)
    assert (caller.then.caller.queue, caller.then.caller.talk_ms) == ("q1", 50_000)

    roster = make_roster(1, 2)
    for logged_in, expected in ((False, ["q0 timed_out", "q1 timed_out"]), (True, ["q0 answered"])):
        shift = (Duty(START, "a0", "login"),) if logged_in else ()
        then = Further(caller.then.after, 2000, Caller(at=0, queue="q1", talk_ms=1000, max_wait_ms=5000))
        again = Caller(at=START + 5, queue="q0", talk_ms=1000, max_wait_ms=30_000, then=then)
        visits = play(Plan(WINDOW, roster, shift), [again]).visits
        assert [f"{row.queue} {row.outcome}" for row in visits] == expected
        if not logged_in:
            assert visits[1].entered - (visits[0].ended or 0) == 2000


def test_agents_and_queues_that_the_roster_does_not_know_are_added() -> None:
    offer = OfferRow(
        id="l", visit="v1", call="pbx1/1", queue="old", agent="zoe", offered=START, ended=START + 5
    )
    records = Records(visits=[visit(1, queue="old")], offers=[offer], states=[state("zoe", "ready", 0, 99)])
    found = completed(make_roster(2), records)
    assert found.agents["zoe"].queues == ("old",)
    assert found.queues["old"].agents == ("zoe",)
    assert found.queues["q0"].agents == ("a0", "a1")

"""The made-up phones and people around the distributor."""

from ccctl.changes import Outcome, VisitRow
from ccctl.whatif.day import play
from ccctl.whatif.plan import Caller, Duty, Miss, Plan, Window
from tests.support.centre import WHISPER, make_roster

START = 1_795_000_000_000
WINDOW = Window(START, START, START + 3_600_000)


def plan(agents: int = 1, **queue: object) -> Plan:
    roster = make_roster(agents, **queue)
    return Plan(WINDOW, roster, tuple(Duty(START, agent, "login") for agent in roster.agents))


def caller(at: int = 1000, talk_ms: int = 60_000, **fields: object) -> Caller:
    return Caller(at=START + at, queue="q0", talk_ms=talk_ms, **fields)  # type: ignore[arg-type] # any fields


def one(rows: list[VisitRow]) -> VisitRow:
    [row] = rows
    return row


def test_ringing_whisper_talk_and_wrap_up_take_their_time() -> None:
    first = caller(answer_ms=3000, whisper_ms=2000, wrap_up_ms=4000)
    played = play(plan(whisper=WHISPER, wrap_up_ms=10_000), [first, caller(2000, wrap_up_ms=None)])
    row, other = played.visits
    assert (row.answered, row.talk_ended) == (START + 6000, START + 66_000)
    assert other.answered == START + 66_000 + 4000
    spent = [(state.presence, (state.ended or 0) - state.started) for state in played.states]
    assert spent.count(("wrapup", 4000)) == 1
    assert spent.count(("wrapup", 10_000)) == 1


def test_a_phone_that_nobody_answers_and_the_agent_who_comes_back() -> None:
    row = one(play(plan(ring_ms=15_000), [caller(missed=(Miss(8000, 30_000),))]).visits)
    assert (row.offers, row.answered) == (2, START + 1000 + 8000 + 30_000)


def test_who_needs_longer_than_the_phone_rings_does_not_get_the_call() -> None:
    slow = caller(answer_ms=12_000, patience_ms=100_000, away_ms=20_000)
    assert one(play(plan(ring_ms=15_000), [slow]).visits).answered == START + 13_000
    row = one(play(plan(ring_ms=10_000), [slow]).visits)
    assert (row.outcome, row.ended, row.offers) == (Outcome.ABANDONED, START + 101_000, 4)


def test_patience_ends_in_the_line_by_hanging_up_or_by_a_key() -> None:
    busy = caller(500)
    for by_key, outcome in ((False, Outcome.ABANDONED), (True, Outcome.KEY_EXIT)):
        rows = play(plan(), [busy, caller(patience_ms=9000, by_key=by_key)]).visits
        assert (rows[1].outcome, rows[1].ended) == (outcome, START + 10_000)


def test_limits_of_the_queue_hold() -> None:
    rows = play(plan(max_callers=1), [caller(500), caller(600, max_wait_ms=5000), caller(700)]).visits
    assert [row.outcome for row in rows] == [Outcome.ANSWERED, Outcome.TIMED_OUT, Outcome.FULL]
    nobody = Plan(WINDOW, make_roster(1), ())
    assert one(play(nobody, [caller(leave_if_empty=True)]).visits).outcome is Outcome.NO_AGENTS


def test_who_waits_for_ever_does_not_keep_the_clock_running_for_ever() -> None:
    played = play(Plan(WINDOW, make_roster(1), ()), [caller()])
    assert one(played.visits).outcome is None


def test_the_same_callers_the_same_day() -> None:
    coming = [caller(n * 700, talk_ms=9000 + n, patience_ms=20_000) for n in range(200)]
    once, again = play(plan(3), coming), play(plan(3), coming)
    assert (once.visits, once.states) == (again.visits, again.states)

"""The simulator on the sample site: whole calls, keys, clocks, hang-ups."""

import pytest

from ccctl.flow.compile import compile_site
from ccctl.flow.dialplan import Context, Exten, Line
from ccctl.sim import (
    Agents,
    Call,
    Ended,
    Executed,
    Machine,
    Native,
    Outside,
    Phone,
    Program,
    SimError,
    Waiting,
)
from tests.support import sample_site

MONDAY = 1_795_424_400_000  # 2026-11-23 10:00 in Berlin
SUNDAY = 1_795_338_000_000
MAIN = "+49301234500"


@pytest.fixture(scope="module")
def program() -> Program:
    plan = compile_site(sample_site.site(), "7f3a9c")
    return Program([*plan.contexts, *plan.entry])


def call(program: Program, at_ms: int = MONDAY, **outside: object) -> Machine:
    return Machine(program, Outside(**outside), Call("cc-in", MAIN, at_ms, number="+4917"))  # type: ignore[arg-type] # any fields


def play_through(machine: Machine, keys: str) -> Ended:
    """Press one key of `keys` whenever digits are waited for."""
    left = list(keys)
    while not isinstance(moment := machine.step(), Ended):
        if isinstance(moment, Waiting) and moment.kind == "digits" and left:
            machine.press(left.pop(0))
        elif isinstance(moment, Waiting) and moment.until_ms is None:
            machine.hang_up()
    return moment


def marks(machine: Machine, mark: str) -> list[str]:
    found = [step.data.split(",") for step in machine.executed_steps if step.app == "CELGenUserEvent"]
    return [value for name, value in found if name == mark]


def test_a_key_leads_to_its_flow(program: Program) -> None:
    machine = call(program)
    ended = play_through(machine, "1")
    assert marks(machine, "CC_FLOW") == ["main", "support"]
    assert (ended.why, ended.cause) == ("hangup", 16)


def test_hours_follow_the_virtual_clock_and_the_switch(program: Program) -> None:
    closed = call(program, SUNDAY)
    play_through(closed, "")
    assert marks(closed, "CC_CLOSED") == ["office"]
    open_by_hand = call(program, SUNDAY, astdb={"cc/mode/office": "open"})
    play_through(open_by_hand, "1")
    assert marks(open_by_hand, "CC_FLOW") == ["main", "support"]


def test_wrong_keys_use_up_the_attempts(program: Program) -> None:
    machine = call(program)
    play_through(machine, "99")
    assert marks(machine, "CC_VOICEMAIL") == ["support"]


def test_a_key_during_a_menus_prompt_is_taken_at_once(program: Program) -> None:
    machine = call(program)
    found = machine.run(lambda moment: isinstance(moment, Waiting) and moment.what.startswith("cc/main-menu"))
    machine.press("1")
    before = machine.now_ms
    assert isinstance(found, Waiting)
    machine.run(lambda moment: isinstance(moment, Executed) and moment.exten == "1")
    assert machine.now_ms == before


@pytest.mark.parametrize(
    ("agents", "end"),
    [
        (Agents(does="failed"), ["TIMEOUT"]),
        (Agents(does="silent"), ["TIMEOUT"]),
        (Agents(does="dies"), ["TIMEOUT"]),
        (Agents(variables={"CC_RESULT": "answered"}), []),
    ],
)
def test_without_the_daemon_the_native_queue_takes_over(
    program: Program, agents: Agents, end: list[str]
) -> None:
    machine = call(program, agents=lambda arguments: agents)
    play_through(machine, "1")
    assert marks(machine, "CC_NATIVE_END") == end


def test_the_driver_can_hold_and_release_a_queued_caller(program: Program) -> None:
    machine = call(program, agents=lambda arguments: Agents(does="driver", keys="0"))
    machine.run(lambda moment: isinstance(moment, Waiting) and moment.kind == "digits")
    machine.press("1")
    waiting = machine.run(lambda moment: isinstance(moment, Waiting) and moment.kind == "stasis")
    assert isinstance(waiting, Waiting)
    assert waiting.until_ms is None
    start = machine.now_ms
    machine.step(start + 7000)
    assert machine.now_ms == start + 7000
    machine.release(CC_RESULT="timeout")
    machine.run_to_end()
    assert marks(machine, "CC_VOICEMAIL") == ["support"]


def test_dialling_ends_as_the_phones_do(program: Program) -> None:
    machine = call(
        program,
        phones={"PJSIP/reception": Phone(does="busy"), "PJSIP/anna": Phone(after_ms=4000, talk_ms=9000)},
    )
    play_through(machine, "0")
    assert marks(machine, "CC_DIAL_END") == ["ANSWER"]
    nobody = call(program, phones={"": Phone(does="no_answer")})
    start = nobody.now_ms
    play_through(nobody, "0")
    assert marks(nobody, "CC_DIAL_END") == ["NOANSWER"]
    assert nobody.now_ms - start > 25_000


def test_a_native_queue_answers(program: Program) -> None:
    machine = call(
        program, agents=lambda arguments: Agents(does="failed"), queues={"support": Native(status="ANSWERED")}
    )
    play_through(machine, "1")
    assert marks(machine, "CC_NATIVE_END") == ["CONTINUE"]


def test_the_caller_may_go_at_any_time(program: Program) -> None:
    whole = call(program)
    whole.run_to_end()
    for limit in range(1, len(whole.executed_steps), 5):
        machine = call(program)
        while len(machine.executed_steps) < limit:
            machine.step()
        machine.hang_up()
        assert machine.run_to_end().why == "caller"


def test_the_same_call_gives_the_same_steps(program: Program) -> None:
    one, other = call(program), call(program)
    play_through(one, "91")
    play_through(other, "91")
    assert one.executed_steps == other.executed_steps


def test_coverage_adds_up(program: Program) -> None:
    one, other = call(program), call(program, SUNDAY)
    play_through(one, "1")
    play_through(other, "")
    one.coverage.add(other.coverage)
    outcomes = {branch[3] for branch in one.coverage.branches if branch[0].endswith("hours.office")}
    assert {"true", "false"} <= outcomes


def lines(*steps: Line) -> Program:
    return Program([Context("test", (Exten("s", steps),))])


def test_an_endless_loop_is_a_finding() -> None:
    machine = Machine(lines(Line("NoOp"), Line("Goto", ("s", "1"))), Outside(), Call("test", "s", 0))
    ended = machine.run_to_end()
    assert (ended.why, ended.text) == ("loop", "endless loop at test,s,1")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (Line("Frobnicate"), "test,s,1: application frobnicate is unknown to the simulator"),
        (Line("Set", ("a=${FROB(1)}",)), "test,s,1: function FROB is unknown to the simulator"),
    ],
)
def test_what_is_unknown_is_named_with_its_place(line: Line, text: str) -> None:
    machine = Machine(lines(line), Outside(), Call("test", "s", 0))
    with pytest.raises(SimError, match=text):
        machine.run_to_end()

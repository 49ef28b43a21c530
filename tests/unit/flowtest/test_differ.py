"""Two runs compared: what counts as another way, and what is only a matter of time."""

from ccctl.diagnostics import Span
from ccctl.flowtest.cases import Caller, Case
from ccctl.flowtest.differ import compare
from ccctl.flowtest.drive import Happened, Result
from ccctl.flowtest.story import Seen
from ccctl.sim import Executed

CASE = Case("a", Span(), Caller("1"))


def did(app: str, data: str = "", at: int = 0, priority: int = 1) -> Executed:
    return Executed("c", "s", priority, app, data, at)


def run(*events: Happened, left: int = -1) -> Result:
    by = "caller" if left >= 0 else "dialplan"
    return Result(CASE, (*events, Seen("ended", by)), left=left)


def test_equal_runs() -> None:
    steps = (did("Answer"), did("Playback", "a", priority=2))
    assert compare(run(*steps), run(*steps)) is None


def test_other_data_is_another_way() -> None:
    difference = compare(
        run(did("Answer"), did("Set", "a=1", priority=2)), run(did("Answer"), did("Set", "a=2", priority=2))
    )
    assert difference
    assert str(difference) == (
        "DIFFERS  a, after 1 equal steps\n      both  c,s,1 Answer()\n"
        "  -    sim  c,s,2 Set(a=1)\n  +   real  c,s,2 Set(a=2)"
    )


def test_a_missing_end_is_another_way() -> None:
    difference = compare(run(did("Answer"), did("Hangup", priority=2)), run(did("Answer")))
    assert difference
    assert difference.real == ""
    assert compare(run(did("Answer"), left=1), run(left=0)), "a call of which nothing is known is not equal"


def test_matters_of_time() -> None:
    asked = (did("Background", "a"), did("WaitExten", "5", priority=2), did("Goto", "x", priority=3))
    assert compare(run(*asked), run(asked[0], asked[2])) is None
    assert compare(run(did("BackGround", "a")), run(did("Background", "a"))) is None
    assert compare(run(did("Set", "now=1795424400")), run(did("Set", "now=1795424401"))) is None
    assert compare(run(did("Set", "r=HTTP/1.1 200 OK\r\nx: y")), run(did("Set", "r=HTTP/1.1 200 OK"))) is None


def test_what_comes_after_the_caller_hung_up() -> None:
    first, later = did("Playback", "a"), did("Hangup", at=1, priority=2)
    assert compare(run(first, later, left=1), run(first, left=1)) is None
    sim, real = run(first, did("Answer", priority=2), left=2), run(first, left=1)
    assert compare(sim, real) is None, "in the same moment"
    slow = run(first, did("Answer", at=5000, priority=2), left=2)
    assert compare(run(first, left=1), slow), "much later"

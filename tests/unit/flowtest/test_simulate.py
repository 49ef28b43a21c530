"""What the simulator is given for a case: phones behind legs of the dialplan, web servers, who calls."""

from ccctl.diagnostics import Span
from ccctl.flow.dialplan import Context, Exten, Line
from ccctl.flowtest.cases import Caller, Case, Given, Reply
from ccctl.flowtest.simulate import Legs, caller_of, find_reply, numbered, status_line, variables
from ccctl.sim import Phone, Program

ANSWERS = Phone("answer", 1000)
PROGRAM = Program(
    [
        Context(
            "cc-7f3a9c-main",
            (
                Exten("dial1_leg1", (Line("NoOp"), Line("Dial", ("PJSIP/anna", "20", "g")))),
                Exten("dial1_leg2", (Line("Dial", ("PJSIP/anna", "20", "gU(confirm)D(w)")),)),
            ),
        )
    ]
)


def legs(phone: Phone) -> Legs:
    return Legs(PROGRAM, {"": Phone("unavailable"), "PJSIP/anna": phone})


def test_a_leg_is_the_phone_that_it_rings() -> None:
    assert legs(ANSWERS).get("PJSIP/anna") == ANSWERS
    assert legs(ANSWERS).get("Local/dial1_leg1@cc-7f3a9c-main") == ANSWERS
    assert legs(ANSWERS).get("PJSIP/ben") is None


def test_who_has_to_confirm_answers_with_the_key() -> None:
    leg = "Local/dial1_leg2@cc-7f3a9c-main"
    assert legs(ANSWERS).get(leg) == Phone("no_answer")
    confirms = Phone("answer", 1000, keys="1")
    assert legs(confirms).get(leg) == confirms


def test_replies() -> None:
    given = Given(http={"get https://crm.example/c": Reply(404), "*": Reply(500)})
    assert find_reply(given, "GET", "https://crm.example/c?phone=1") == Reply(404)
    assert find_reply(given, "POST", "https://crm.example/c") == Reply(500)
    assert find_reply(Given(), "GET", "https://crm.example/c") is None
    assert (status_line(200), status_line(299)) == ("HTTP/1.1 200 OK", "HTTP/1.1 299")


def test_calls_are_told_apart() -> None:
    case = Case("a", Span(), Caller("+4930", at=5), Given(random=(35,), vars={"x": "y"}))
    first, second = numbered([case, case])
    assert caller_of(first) != caller_of(second)
    assert variables(case) == {"TESTTIME": "5", "CC_DICE": "35", "x": "y"}

"""The player of a case against a made-up call: what it waits for, when it presses, what it blames."""

from ccctl.diagnostics import Span
from ccctl.flowtest.cases import (
    AgentDoes,
    AnyStep,
    Caller,
    Case,
    Ends,
    Expect,
    HangsUp,
    Presses,
    Sees,
    Waits,
    Want,
)
from ccctl.flowtest.drive import Act, Happened, Look, Player, Result
from ccctl.flowtest.report import explain, junit
from ccctl.flowtest.story import Seen
from ccctl.sim import Executed

OVER = Seen("ended", "dialplan", {"cause": "16"})


class Tape:
    """A call that tells its parts one after the other, each as soon as the one before it was used up.
    A text among the events is an action that the player has to take before the tape runs on."""

    def __init__(self, *parts: Happened | str) -> None:
        self.parts = list(parts)
        self.acts: list[str] = []

    def answer(self, request: Look | Act) -> list[Happened] | str:
        if isinstance(request, Look):
            if self.parts and not isinstance(self.parts[0], str):
                event = self.parts.pop(0)
                assert not isinstance(event, str)
                return [event]
            return []
        act = f"{request.does} {request.what}".strip()
        self.acts.append(act)
        if act == "hang_up":
            self.parts = [Seen("ended", "caller", {"cause": "0"})]
        elif self.parts and self.parts[0] == act:
            self.parts.pop(0)
        return ""


NOTHING = Expect()


def run(tape: Tape, *steps: AnyStep, expect: Expect = NOTHING) -> Result:
    case = Case("a", Span("t.yaml", 2, 3), Caller("1"), steps=steps, expect=expect)
    playing = Player(case).run()
    request = next(playing)
    while True:
        try:
            request = playing.send(tape.answer(request))
        except StopIteration as end:
            result: Result = end.value
            return result


def did(app: str, data: str = "", exten: str = "s") -> Executed:
    return Executed("cc-7f3a9c-main", exten, 1, app, data)


def hears(name: str) -> Sees:
    return Sees(want=Want("hears", (name,)), span=Span("t.yaml", 7, 9))


def texts(result: Result) -> list[str]:
    return [failure.text for failure in result.failures]


def test_keys_wait_for_somebody_who_takes_them() -> None:
    tape = Tape(
        did("Playback", "welcome"), did("Background", "menu"), "press 1", did("Playback", "one"), OVER
    )
    result = run(tape, Presses(keys="1"), hears("one"))
    assert tape.acts == ["press 1", "hang_up"]
    assert texts(result) == []


def test_the_end_of_a_prompt_is_no_new_question() -> None:
    """The prompt ended before the first key was taken; the second key belongs to the next menu."""
    tape = Tape(
        did("Background", "menu"), "press 1", did("WaitExten"), did("Goto", "x"), did("Background", "more"),
        "press 2", OVER,
    )  # fmt: skip
    assert texts(run(tape, Presses(keys="1"), Presses(keys="2"))) == []
    assert tape.acts == ["press 1", "press 2", "hang_up"]


def test_after_the_prompt() -> None:
    tape = Tape(did("Background", "menu"), did("WaitExten"), "press 1", OVER)
    assert texts(run(tape, Presses(keys="1", after_prompt=True))) == []


def test_a_call_that_ends_too_early() -> None:
    result = run(Tape(did("Playback", "cc/closed-4be1d29a"), OVER), hears("welcome"), HangsUp())
    assert texts(result) == ["the call ended before: hears welcome"]
    shown = explain(result)
    assert "t.yaml:7:9: the call ended before: hears welcome" in shown
    assert "  +     0.0s hears closed" in shown
    assert "  -          hears welcome   <- t.yaml:7:9\n  -          hangs up" in shown
    assert "last dialplan step: cc-7f3a9c-main,s,1 Playback(cc/closed-4be1d29a)" in shown


def test_something_that_never_comes() -> None:
    result = run(Tape(did("WaitExten")), hears("welcome"))
    assert texts(result) == ["not within 60 s: hears welcome"]
    assert result.ended


def test_a_press_that_nobody_takes() -> None:
    assert texts(run(Tape(did("Playback", "a"), OVER), Presses(keys="1"))) == [
        "the call ended before 1 could be pressed"
    ]


def test_what_came_before_a_key_does_not_count() -> None:
    tape = Tape(did("Background", "welcome"), "press 1", did("Goto"), OVER)
    assert texts(run(tape, Presses(keys="1"), hears("welcome"))) == ["the call ended before: hears welcome"]


def test_all_phones_in_any_order() -> None:
    rings = Sees(want=Want("rings", ("anna", "ben"), every=True))
    assert texts(run(Tape(did("CELGenUserEvent", "CC_DIAL,ben+anna"), OVER), rings)) == []
    assert texts(run(Tape(did("CELGenUserEvent", "CC_DIAL,ben"), OVER), rings)) == [
        "the call ended before: rings anna and ben"
    ]


def test_an_end_is_reached_and_the_caller_hangs_up() -> None:
    tape = Tape(did("CELGenUserEvent", "CC_VOICEMAIL,support"), did("VoiceMail", "900@ccctl,u"))
    assert texts(run(tape, Ends(want=Want("voicemail", ("support",))))) == []
    assert tape.acts == ["hang_up"]


def test_a_prompt_that_nobody_heard_fails() -> None:
    tape = Tape(did("Playback", "cc/welcome-4be1d29a"), Seen("unheard", "welcome"), OVER)
    (failure,) = texts(run(tape, Sees(want=Want("unheard"))))
    assert "prompt welcome was played, but something else was heard" in failure


def test_a_change_that_asterisk_does_not_take_fails() -> None:
    refused = Seen("unapplied", "changes/a.yaml", {"because": "the disk is full"})
    assert texts(run(Tape(refused, OVER), Sees(want=Want("unapplied")))) == [
        "changes/a.yaml could not be applied: the disk is full"
    ]


def test_what_a_call_leaves_is_asked_for_when_it_is_over() -> None:
    class Leaving(Tape):
        def answer(self, request: Look | Act) -> list[Happened] | str:
            said = super().answer(request)
            return "Local/200-1" if isinstance(request, Act) and request.what == "channels" else said

    tape = Leaving(did("Playback", "cc/welcome-4be1d29a"))
    asked = Expect(no_orphan=("channels", "queue_entries"))
    assert texts(run(tape, hears("welcome"), expect=asked)) == ["the call left channels: Local/200-1"]
    assert tape.acts == ["hang_up", "orphans channels", "orphans queue_entries"]


def test_refused_actions_fail() -> None:
    class Refusing(Tape):
        def answer(self, request: Look | Act) -> list[Happened] | str:
            return (
                "ben is not there"
                if isinstance(request, Act) and request.does == "agent"
                else super().answer(request)
            )

    assert texts(run(Refusing(), AgentDoes(agent="ben", does="answer"))) == ["ben is not there"]


def test_waiting_is_an_action() -> None:
    tape = Tape("wait", OVER)
    run(tape, Waits(ms=5))
    assert tape.acts == ["wait", "hang_up"]


def test_expectations_are_judged_at_the_end() -> None:
    tape = Tape(
        did("CELGenUserEvent", "CC_FLOW,main"),
        did("Set", "CC_TIER=gold"),
        did("CELGenUserEvent", "CC_DIAL,+49"),
        OVER,
    )
    expect = Expect(
        path=("main", "support"), vars={"CC_TIER": "silver"}, recording=True, never=(Want("dials", ("*",)),)
    )
    assert texts(run(tape, Sees(want=Want("dials")), expect=expect)) == [
        "path [main], expected [main, support]",
        "variable CC_TIER is 'gold', expected 'silver'",
        "the talk was not recorded",
        "must never happen: dials",
    ]


def test_junit_is_xml_whatever_a_caller_is_called() -> None:
    result = run(Tape(did("Set", "CC_NAME=\x00<&"), OVER), hears("welcome"))
    text = junit([("sim", [result])])
    assert '<testsuite name="flows on sim" tests="1" failures="1">' in text
    assert "\x00" not in text
    assert 'line="2"' in text

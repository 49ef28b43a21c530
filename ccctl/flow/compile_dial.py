"""Ringing somebody: phones, numbers, ring groups; mailboxes."""

from ccctl.flow import marks
from ccctl.flow.compile_flow import (
    Block,
    Branching,
    FlowCompiler,
    Plain,
    digits,
    seconds,
    voicemail_context,
)
from ccctl.flow.dialplan import Line, Place, go_if, goto, mark, name
from ccctl.flow.graph import Dial, VoicemailStep

_GREETINGS = {"unavailable": "u", "busy": "b", "none": "s"}
_OUTCOMES = (("ANSWER", "answered"), ("NOANSWER", "no_answer"), ("BUSY", "busy"))


def _dial(f: FlowCompiler, block: Block, step: Dial, then: Place | None) -> None:
    here = f.fresh("dial")
    block += _lines("&".join(_target(f, step, target) for target in step.targets), step)
    for status, outcome in _OUTCOMES:
        block.append(go_if(f'"${{DIALSTATUS}}" = "{status}"', f"{here}_{outcome},1"))
    block.append(goto(f.place(f"{here}_failed")))
    f.end(f.block(f"{here}_answered"))
    fallback = step.on_no_answer
    f.body(f"{here}_no_answer", fallback, then)
    f.body(f"{here}_busy", step.on_busy or fallback, then)
    f.body(f"{here}_failed", step.on_failed or fallback, then)


def _target(f: FlowCompiler, step: Dial, target: str) -> str:
    if target in f.site.users:
        return f"PJSIP/{name(target)}"
    return f"PJSIP/{digits(target)}@{name(step.via)}"


def _lines(channels: str, step: Dial) -> list[Line]:
    return [
        mark(marks.DIAL, "+".join(step.targets)),
        Line("Dial", (channels, seconds(step.timeout_ms), "g")),
        mark(marks.DIAL_END, "${DIALSTATUS}"),
    ]


def _voicemail(f: FlowCompiler, block: Block, step: VoicemailStep) -> None:
    box = voicemail_context(f.generation, step.mailbox)
    block.append(goto((box, _GREETINGS[step.greeting], "1")))


PLAIN: dict[type, Plain] = {VoicemailStep: _voicemail}
BRANCHING: dict[type, Branching] = {Dial: _dial}

"""Steps that only do one thing and go on, and those that end a call."""

from ccctl.flow.compile_flow import Block, Branching, FlowCompiler, Plain, seconds
from ccctl.flow.compile_values import changed
from ccctl.flow.dialplan import Line, name, put
from ccctl.flow.graph import (
    Answer,
    Continue,
    Goto,
    HangupStep,
    Language,
    Play,
    Recording,
    Reject,
    Wait,
)

LANGUAGE = "CC_LANGUAGE"  # the language that was chosen; empty while it is only the default
RECORD = "CC_RECORD"  # yes or no once the call has said so


def _answer(f: FlowCompiler, block: Block, step: Answer) -> None:
    block.append(Line("Answer", (str(step.delay_ms),)))


def _play(f: FlowCompiler, block: Block, step: Play) -> None:
    """A key that ends the prompts is used up; before a menu they are part of it, see FlowCompiler.take."""
    if step.barge_in:
        block.append(Line("Read", ("CC_KEY", f.sounds(step.prompts), "1", "", "1", "0.1")))
    else:
        block.append(Line("Playback", (f.sounds(step.prompts),)))


def _wait(f: FlowCompiler, block: Block, step: Wait) -> None:
    if step.music:
        block.append(Line("MusicOnHold", (name(step.music), seconds(step.wait_ms))))
    else:
        block.append(Line("Wait", (seconds(step.wait_ms),)))


def _language(f: FlowCompiler, block: Block, step: Language) -> None:
    block += [put("CHANNEL(language)", name(step.code)), put(LANGUAGE, name(step.code))]


def _goto(f: FlowCompiler, block: Block, step: Goto) -> None:
    for change in step.arguments:
        block += changed(f.site, change)
    f.leave(block, step.flow)


def _continue(f: FlowCompiler, block: Block, step: Continue) -> None:
    """The body goes on to where it falls out."""


def _hangup(f: FlowCompiler, block: Block, step: HangupStep | Reject) -> None:
    f.end(block, step.cause)


def _recording(f: FlowCompiler, block: Block, step: Recording) -> None:
    block.append(put(RECORD, "yes" if step.on else "no"))


PLAIN: dict[type, Plain] = {
    Answer: _answer,
    Continue: _continue,
    Play: _play,
    Wait: _wait,
    Language: _language,
    Goto: _goto,
    HangupStep: _hangup,
    Reject: _hangup,
    Recording: _recording,
}
BRANCHING: dict[type, Branching] = {}

"""Flows to dialplan contexts: one context per flow and per menu, one extension per branch.

A branch is a block of lines. Every block ends by going somewhere or by hanging up in a marked way, so
that no missing outcome leaves a caller in silence. How a step becomes lines is in compile_*.py: a
function per step, registered in compile_steps.py.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from ccctl.errors import ApplyError
from ccctl.flow import marks
from ccctl.flow.dialplan import Context, Exten, Line, Place, go_if, goto, mark, name, put
from ccctl.flow.graph import AnyStep, Body, Flow, Menu, Play, Site

_KEYS = {"*": "star", "#": "hash"}
_NUMBER = re.compile(r"\+?[0-9]+")
VOICEMAIL = "ccctl"  # app_voicemail's context of all boxes
STEPS = "CC_STEPS"  # flows that this call has entered

Block = list[Line]
Plain = Callable[["FlowCompiler", Block, Any], None]
Branching = Callable[["FlowCompiler", Block, Any, Place | None], None]


class Registry(msgspec.Struct, frozen=True):
    """How each step is compiled. Plain ones add lines to the block they stand in; branching ones end
    their block and know where the call goes `then`; after terminal ones nothing follows."""

    plain: dict[type, Plain]
    branching: dict[type, Branching]
    terminal: tuple[type, ...]


def flow_context(generation: str, flow: str) -> str:
    return name(f"cc-{generation}-{flow}")


def subflow_context(generation: str, flow: str) -> str:
    """The same flow as a subroutine."""
    return name(f"cc-{generation}.sub.{flow}")


def hours_context(generation: str, hours: str) -> str:
    return name(f"cc-{generation}.hours.{hours}")


def table_context(generation: str, table: str) -> str:
    return name(f"cc-{generation}.table.{table}")


def voicemail_context(generation: str, mailbox: str) -> str:
    return name(f"cc-{generation}.voicemail.{mailbox}")


def directory_context(generation: str) -> str:
    """From what Directory() returns to the desk of that person."""
    return name(f"cc-{generation}.directory")


def desk_context(generation: str) -> str:
    return name(f"cc-{generation}.desks")


class FlowCompiler:
    """Compiles one flow, as a place to go to or as a subroutine (`sub`). Branches are extensions
    `<step><number>_<outcome>` of the flow's context; `extra` are the contexts that its steps need."""

    def __init__(
        self, site: Site, generation: str, flow: Flow, registry: Registry, sub: bool = False
    ) -> None:
        self.site = site
        self.generation = generation
        self.flow = flow
        self.registry = registry
        self.sub = sub
        make = subflow_context if sub else flow_context
        self.context = make(generation, flow.name)
        self.blocks: dict[str, Block] = {}
        self.extra: list[Context] = []
        self.serial = 0
        self.timed = False  # some step sets a timer of its own, whose end is in CC_T

    def compile(self) -> list[Context]:
        start = self.block("s")
        start += [
            mark(marks.FLOW, self.flow.name),
            put(STEPS, f"$[0${{{STEPS}}} + 1]"),
            go_if(f"${{{STEPS}}} > {self.site.defaults.max_flows}", "limit,1"),
        ]
        self.body("s", self.flow.steps, None)
        self.end(self.block("limit"))
        self.unhandled(self.block("i"))
        if self.timed:
            self.block("T").append(Line("Goto", ("${CC_T}",)))
        extens = tuple(Exten(block, tuple(lines)) for block, lines in self.blocks.items())
        return [Context(self.context, extens), *self.extra]

    # -- blocks ------------------------------------------------------------------------------------

    def block(self, exten: str) -> Block:
        return self.blocks.setdefault(exten, [])

    def place(self, exten: str) -> Place:
        return (self.context, exten, "1")

    def fresh(self, kind: str) -> str:
        self.serial += 1
        return f"{kind}{self.serial}"

    def end(self, block: Block, cause: int = 16) -> None:
        block += [mark(marks.HANGUP, self.flow.name), Line("Hangup", (str(cause),))]

    def go(self, block: Block, after: Place | None) -> None:
        """On to `after`; at the end of the flow a subroutine returns and a call ends."""
        if after:
            block.append(goto(after))
        elif self.sub:
            block.append(Line("Return"))
        else:
            self.end(block)

    def leave(self, block: Block, flow: str) -> None:
        """To another flow for good."""
        if self.sub:
            block.append(Line("StackPop"))
        block.append(goto((flow_context(self.generation, flow), "s", "1")))

    def unhandled(self, block: Block) -> None:
        """What has no destination goes to the catch, or ends the call in a marked way."""
        catch = self.flow.catch or self.site.defaults.catch
        if catch and catch != self.flow.name:
            self.leave(block, catch)
        else:
            self.end(block)

    def body(self, exten: str, steps: Body, after: Place | None) -> None:
        """Lines for `steps` into the block `exten`, then on to `after` (None: the call ends)."""
        block = self.block(exten)
        rest = list(steps)
        while rest:
            step = self.take(rest)
            if branch := self.registry.branching.get(type(step)):
                then = self.place(self.fresh("then")) if rest else after
                branch(self, block, step, then)
                if not rest or then is None:
                    return
                block = self.block(then[1])
            else:
                self.registry.plain[type(step)](self, block, step)
                if isinstance(step, self.registry.terminal):
                    return
        self.go(block, after)

    def take(self, rest: list[AnyStep]) -> AnyStep:
        """The next step. Prompts that a key may interrupt are the beginning of the menu after them."""
        step = rest.pop(0)
        menu = rest[0] if rest else None
        if isinstance(step, Play) and step.barge_in and isinstance(menu, Menu):
            rest.pop(0)
            return msgspec.structs.replace(menu, lead=(*step.prompts, *menu.lead))
        return step

    def outcome(self, exten: str, steps: Body, after: Place | None) -> None:
        """A block for an outcome; without steps of its own it is caught, or ends the call."""
        if steps:
            self.body(exten, steps, after)
        else:
            self.unhandled(self.block(exten))

    # -- words that steps share --------------------------------------------------------------------

    def sounds(self, prompts: tuple[str, ...]) -> str:
        return "&".join(self.site.prompts[prompt].sound for prompt in prompts)


def seconds(ms: int) -> str:
    """Milliseconds as Asterisk's seconds: 2500 -> 2.5."""
    return f"{ms / 1000:g}" if ms % 1000 else str(ms // 1000)


def whole_seconds(ms: int) -> str:
    """Milliseconds as whole seconds, rounded up."""
    return str(-(-ms // 1000))


def key_name(key: str) -> str:
    return "".join(_KEYS.get(digit, digit) for digit in key)


def digits(text: str) -> str:
    """A telephone number: nothing but digits may reach a channel name."""
    if not _NUMBER.fullmatch(text):
        raise ApplyError(f"{text!r} is no telephone number")
    return text

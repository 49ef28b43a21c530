"""Flows to dialplan contexts: one context per flow and per menu, one extension per branch.

A branch is a block of lines. Every block ends by going somewhere or by hanging up in a marked way, so
that no missing outcome leaves a caller in silence.
"""

import re

from ccctl.errors import ApplyError
from ccctl.flow import marks
from ccctl.flow.dialplan import Context, Exten, Line, Place, go_if, goto, literal, mark, name, put
from ccctl.flow.graph import (
    Answer,
    AnyStep,
    Body,
    Dial,
    Flow,
    Goto,
    HangupStep,
    HoursStep,
    Language,
    Menu,
    Option,
    Play,
    QueueStep,
    Say,
    SayAs,
    Site,
    VoicemailStep,
)

NATIVE_WAIT_S = 3600  # app_queue's limit when the flow sets none
_KEYS = {"*": "star", "#": "hash"}
_GREETINGS = {"unavailable": "u", "busy": "b", "none": "s"}
_EMPTY_QUEUE = ("JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL")
_LOST = (("i", "invalid"), ("t", "timeout"))
_DIAL_OUTCOMES = (("ANSWER", "answered"), ("NOANSWER", "no_answer"), ("BUSY", "busy"))
_NUMBER = re.compile(r"\+?[0-9]+")
_TERMINAL = (Goto, VoicemailStep, HangupStep)
_BRANCHING = (Menu, HoursStep, QueueStep, Dial)


def flow_context(generation: str, flow: str) -> str:
    return name(f"cc-{generation}-{flow}")


def hours_context(generation: str, hours: str) -> str:
    return name(f"cc-{generation}.hours.{hours}")


def voicemail_context(generation: str, mailbox: str) -> str:
    return name(f"cc-{generation}.voicemail.{mailbox}")


def seconds(ms: int) -> str:
    """Milliseconds as Asterisk's seconds: 2500 -> 2.5."""
    return f"{ms / 1000:g}" if ms % 1000 else str(ms // 1000)


class FlowCompiler:
    """Compiles one flow. Branches are extensions `<step><number>_<outcome>` of the flow's context."""

    def __init__(self, site: Site, generation: str, flow: Flow) -> None:
        self.site = site
        self.generation = generation
        self.flow = flow
        self.context = flow_context(generation, flow.name)
        self.blocks: dict[str, list[Line]] = {}
        self.menus: list[Context] = []
        self.serial = 0
        self.handed_over = False  # to the daemon, with a timer behind it

    def compile(self) -> list[Context]:
        self.block("s").append(mark(marks.FLOW, self.flow.name))
        self.body("s", self.flow.steps, None)
        self.end(self.block("i"))
        if self.handed_over:
            self.block("T").append(Line("Goto", ("${CC_T}",)))
        extens = tuple(Exten(block, tuple(lines)) for block, lines in self.blocks.items())
        return [Context(self.context, extens), *self.menus]

    # -- blocks ------------------------------------------------------------------------------------

    def block(self, exten: str) -> list[Line]:
        return self.blocks.setdefault(exten, [])

    def place(self, exten: str) -> Place:
        return (self.context, exten, "1")

    def fresh(self, kind: str) -> str:
        self.serial += 1
        return f"{kind}{self.serial}"

    def end(self, block: list[Line], cause: int = 16) -> None:
        block += [mark(marks.HANGUP, self.flow.name), Line("Hangup", (str(cause),))]

    def go(self, block: list[Line], after: Place | None) -> None:
        if after:
            block.append(goto(after))
        else:
            self.end(block)

    def body(self, exten: str, steps: Body, after: Place | None) -> None:
        """Lines for `steps` into the block `exten`, then on to `after` (None: the call ends)."""
        block = self.block(exten)
        for index, step in enumerate(steps):
            if isinstance(step, _BRANCHING):
                last = index == len(steps) - 1
                then = after if last else self.place(self.fresh("then"))
                self.branch(block, step, then)
                if last or then is None:
                    return
                block = self.block(then[1])
            else:
                self.plain(block, step)
                if isinstance(step, _TERMINAL):
                    return
        self.go(block, after)

    def outcome(self, exten: str, steps: Body, after: Place | None) -> None:
        """A block for an outcome; without steps of its own it ends the call."""
        if steps:
            self.body(exten, steps, after)
        else:
            self.end(self.block(exten))

    # -- steps without branches --------------------------------------------------------------------

    def plain(self, block: list[Line], step: AnyStep) -> None:
        match step:
            case Answer():
                block.append(Line("Answer", (str(step.delay_ms),)))
            case Play():
                block.append(Line("Playback", (self.sounds(step.prompts),)))
            case Say():
                block.append(self.say(step))
            case Language():
                block.append(put("CHANNEL(language)", name(step.code)))
            case Goto():
                block.append(goto((flow_context(self.generation, step.flow), "s", "1")))
            case VoicemailStep():
                box = voicemail_context(self.generation, step.mailbox)
                block.append(goto((box, _GREETINGS[step.greeting], "1")))
            case HangupStep():
                self.end(block, step.cause)

    def sounds(self, prompts: tuple[str, ...]) -> str:
        return "&".join(self.site.prompts[prompt].sound for prompt in prompts)

    def say(self, step: Say) -> Line:
        zone = self.site.defaults.timezone
        if step.say_as in (SayAs.TIME, SayAs.DATE):
            when = "${EPOCH}" if step.value == "now" else digits(step.value)
            return Line("SayUnixTime", (when, zone, "HM" if step.say_as is SayAs.TIME else "AdBY"))
        spoken = {"caller.number": "${FILTER(0-9,${CC_NUM})}", "called.number": "${FILTER(0-9,${CC_NUMBER})}"}
        app = {SayAs.DIGITS: "SayDigits", SayAs.NUMBER: "SayNumber", SayAs.ALPHA: "SayAlpha"}[step.say_as]
        return Line(app, (spoken.get(step.value) or literal(step.value),))

    # -- steps with branches -----------------------------------------------------------------------

    def branch(self, block: list[Line], step: AnyStep, then: Place | None) -> None:
        match step:
            case Menu():
                self.menu(block, step, then)
            case HoursStep():
                self.hours(block, step, then)
            case QueueStep():
                self.queue(block, step, then)
            case Dial():
                self.dial(block, step, then)

    def hours(self, block: list[Line], step: HoursStep, then: Place | None) -> None:
        here = self.fresh("hours")
        block.append(Line("Gosub", (hours_context(self.generation, step.hours), "s", "1")))
        for answer in ("closed", "holiday"):
            block.append(go_if(f'"${{GOSUB_RETVAL}}" = "{answer}"', f"{here}_{answer},1"))
            self.block(f"{here}_{answer}").append(mark(marks.CLOSED, step.hours))
        self.go(block, then)
        self.outcome(f"{here}_closed", step.on_closed, then)
        self.outcome(f"{here}_holiday", step.on_holiday or step.on_closed, then)

    def menu(self, block: list[Line], step: Menu, then: Place | None) -> None:
        here = self.fresh("menu")
        context = name(f"{self.context}.{here}")
        block.append(goto((context, "s", "1")))
        ask: Place = (context, "s", "ask")
        options = [self.option(here, option, ask, then) for option in step.options]
        lost = [Exten(exten, (goto(self.place(f"{here}_{why}")),)) for exten, why in _LOST]
        self.menus.append(Context(context, (Exten("s", self.question(here, step)), *options, *lost)))
        for why, steps in (("invalid", step.on_invalid), ("timeout", step.on_timeout)):
            self.block(f"{here}_{why}").extend(self.attempt(here, step.attempts))
            self.body(f"{here}_{why}", steps, ask)
        self.outcome(f"{here}_exhausted", step.on_exhausted, then)

    def question(self, here: str, step: Menu) -> tuple[Line, ...]:
        return (
            put(f"CC_TRY_{here}", "0"),
            put("TIMEOUT(digit)", seconds(step.interdigit_ms), "ask"),
            Line("Background", (self.sounds(step.prompts),)),
            Line("WaitExten", (seconds(step.timeout_ms),)),
        )

    def attempt(self, here: str, attempts: int) -> list[Line]:
        tried = f"CC_TRY_{here}"
        return [
            put(tried, f"$[${{{tried}}} + 1]"),
            go_if(f"${{{tried}}} >= {attempts}", f"{here}_exhausted,1"),
        ]

    def option(self, here: str, option: Option, again: Place, then: Place | None) -> Exten:
        if option.repeat:
            return Exten(option.key, (goto(again),))
        branch = f"{here}_{key_name(option.key)}"
        self.body(branch, option.body, then)
        return Exten(option.key, (goto(self.place(branch)),))

    # -- dial --------------------------------------------------------------------------------------

    def dial(self, block: list[Line], step: Dial, then: Place | None) -> None:
        here = self.fresh("dial")
        block += dial_lines("&".join(self.target(step, target) for target in step.targets), step)
        for status, outcome in _DIAL_OUTCOMES:
            block.append(go_if(f'"${{DIALSTATUS}}" = "{status}"', f"{here}_{outcome},1"))
        block.append(goto(self.place(f"{here}_failed")))
        self.end(self.block(f"{here}_answered"))
        fallback = step.on_no_answer
        self.body(f"{here}_no_answer", fallback, then)
        self.body(f"{here}_busy", step.on_busy or fallback, then)
        self.body(f"{here}_failed", step.on_failed or fallback, then)

    def target(self, step: Dial, target: str) -> str:
        if target in self.site.users:
            return f"PJSIP/{name(target)}"
        return f"PJSIP/{digits(target)}@{name(step.via)}"

    # -- queue -------------------------------------------------------------------------------------

    def queue(self, block: list[Line], step: QueueStep, then: Place | None) -> None:
        here = self.fresh("queue")
        native = self.site.queues[step.queue].engine == "native"
        self.handed_over |= not native
        block.append(goto(self.place(here)))
        lines = self.block(here)
        lines += [Line("Answer", ("", "i")), *self.music(step)]
        if not native:
            lines += [*self.wait(here, step), *self.results(here, step)]
            lines += [put("TIMEOUT(absolute)", "0", "native"), Line("StopMusicOnHold")]
        lines += self.native(here, step)
        self.queue_outcomes(here, step, then)

    def music(self, step: QueueStep) -> list[Line]:
        return [put("CHANNEL(musicclass)", name(self.site.queues[step.queue].music))]

    def wait(self, here: str, step: QueueStep) -> list[Line]:
        """Music plays before the application is reached; the timer takes over when nobody answers."""
        keys = "".join(option.key for option in step.exit_keys)
        wait = str(-(-step.max_wait_ms // 1000))
        flags = "n" if step.on_no_agents else ""
        arguments = ("queue", self.generation, step.queue, str(step.priority), wait, keys, flags)
        return [
            Line("StartMusicOnHold"),
            put("CC_T", ",".join((self.context, here, "native"))),
            put("CC_RESULT", ""),
            put("TIMEOUT(absolute)", str(marks.DEADMAN_ENTRY_S)),
            mark(marks.QUEUE, step.queue),
            Line("Stasis", (marks.APP, *arguments)),
            put("TIMEOUT(absolute)", "0"),
            go_if('"${STASISSTATUS}" != "SUCCESS"', "native"),
            Line("StopMusicOnHold"),
            put("CC_RESULT", "${FILTER(a-z0-9_*#,${CC_RESULT})}"),
        ]

    def results(self, here: str, step: QueueStep) -> list[Line]:
        named = [(f"key_{option.key}", f"key_{key_name(option.key)}") for option in step.exit_keys]
        results = [(result, result) for result in marks.RESULTS] + named
        jumps = [go_if(f'"${{CC_RESULT}}" = "{result}"', f"{here}_{exten},1") for result, exten in results]
        return [*jumps, goto(self.place(f"{here}_failed"))]

    def native(self, here: str, step: QueueStep) -> list[Line]:
        wait = str(-(-step.max_wait_ms // 1000) or NATIVE_WAIT_S)
        empty = " | ".join(f'"${{QUEUESTATUS}}" = "{status}"' for status in _EMPTY_QUEUE)
        return [
            put("QUEUESTATUS", ""),
            mark(marks.NATIVE, step.queue),
            Line("Queue", (name(step.queue), "Cc", "", "", wait)),
            mark(marks.NATIVE_END, "${QUEUESTATUS}"),
            go_if('"${QUEUESTATUS}" = "CONTINUE"', f"{here}_answered,1"),
            go_if('"${QUEUESTATUS}" = "TIMEOUT"', f"{here}_timeout,1"),
            go_if('"${QUEUESTATUS}" = "FULL"', f"{here}_full,1"),
            go_if(empty, f"{here}_no_agents,1"),
            goto(self.place(f"{here}_failed")),
        ]

    def queue_outcomes(self, here: str, step: QueueStep, then: Place | None) -> None:
        self.go(self.block(f"{here}_answered"), then)
        self.outcome(f"{here}_timeout", step.on_timeout, then)
        self.outcome(f"{here}_full", step.on_full or step.on_timeout, then)
        self.outcome(f"{here}_no_agents", step.on_no_agents or step.on_timeout, then)
        self.outcome(f"{here}_failed", step.on_failed or step.on_timeout, then)
        for option in step.exit_keys:
            again = self.place(here)
            branch = f"{here}_key_{key_name(option.key)}"
            if option.repeat:
                self.go(self.block(branch), again)
            else:
                self.body(branch, option.body, then)


def key_name(key: str) -> str:
    return "".join(_KEYS.get(digit, digit) for digit in key)


def digits(text: str) -> str:
    """A telephone number: nothing but digits may reach a channel name."""
    if not _NUMBER.fullmatch(text):
        raise ApplyError(f"{text!r} is no telephone number")
    return text


def dial_lines(channels: str, step: Dial) -> list[Line]:
    return [
        mark(marks.DIAL, "+".join(step.targets)),
        Line("Dial", (channels, seconds(step.timeout_ms), "g")),
        mark(marks.DIAL_END, "${DIALSTATUS}"),
    ]

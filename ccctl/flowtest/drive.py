"""Plays the steps of a case against a call, wherever that call is.

`play` is a generator: it yields what it wants of the call (`Look`, `Act`) and is sent what came of it.
Whoever runs it, the simulator at once or a real Asterisk in its own time, decides nothing himself.
"""

from collections.abc import Callable, Generator

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow.compile import generation_of
from ccctl.flow.compile_values import channel_variable
from ccctl.flowtest.cases import (
    AgentDoes,
    AnyStep,
    Case,
    Ends,
    HangsUp,
    PhoneDoes,
    Presses,
    Sees,
    Waits,
    Want,
    say,
)
from ccctl.flowtest.story import APPLIES, Seen, listens, observe, waits_for_keys
from ccctl.sim import Executed

TAKEN_MS = 500  # who presses a key and goes gives the menu time to take it
END_MS = 10_000  # how long a call may take to be over after the caller hung up


class Look(msgspec.Struct, frozen=True):
    """Tell what happened since the last look; wait for something for at most so long."""

    within_ms: int


class Act(msgspec.Struct, frozen=True):
    """The caller, an agent or a phone does something: press, wait, hang_up, agent, phone.

    Of a caller in a queue of ours only, and nothing when he has left it: queue_key, queue_wait. When the
    call is over: orphans, answered by what it left of `what`.
    """

    does: str
    what: str = ""
    who: str = ""
    ms: int = 0


Happened = Executed | Seen
Request = Look | Act
Answer = list[Happened] | str  # to a Look: what happened; to an Act: '' or why it was not possible


class Failure(msgspec.Struct, frozen=True):
    """Why a case failed. `at` is the index of the event after which it was noticed."""

    text: str
    span: Span
    at: int = -1
    step: int = -1


class Result(msgspec.Struct, frozen=True):
    """A call as it was. `done`: (index of the event, step in words) for each step that was done."""

    case: Case
    events: tuple[Happened, ...]
    failures: tuple[Failure, ...] = ()
    done: tuple[tuple[int, str], ...] = ()
    left: int = -1  # how many events had been told when the caller hung up; -1: he did not

    @property
    def seen(self) -> tuple[Seen, ...]:
        return tuple(seen for _, seen in told(self.events))

    @property
    def executed(self) -> tuple[Executed, ...]:
        return tuple(event for event in self.events if isinstance(event, Executed))

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(seen.what for seen in self.seen if seen.kind == "goes")

    @property
    def ended(self) -> bool:
        return any(isinstance(event, Seen) and event.kind == "ended" for event in self.events)


def seen_in(event: Happened) -> tuple[Seen, ...]:
    return observe(event) if isinstance(event, Executed) else (event,)


def told(events: tuple[Happened, ...] | list[Happened]) -> list[tuple[int, Seen]]:
    """Everything that was seen, with the index of the event that told it."""
    result: list[tuple[int, Seen]] = []
    for index, event in enumerate(events):
        result += [(index, each) for each in seen_in(event)]
    return result


class _Stop(Exception):
    """The case cannot go on."""


class Player:
    """One run of a case. `cursor` is how far the story has been read."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.events: list[Happened] = []
        self.seen: list[tuple[int, Seen]] = []
        self.cursor = 0  # in `seen`
        self.pressed_at = -1  # index of the last event when keys were pressed: they need a new listener
        self.failures: list[Failure] = []
        self.done: list[tuple[int, str]] = []
        self.ended = False
        self.left = -1

    def run(self) -> Generator[Request, Answer, Result]:
        try:
            for step in self.case.steps:
                yield from self.take(step)
                self.done.append((len(self.events) - 1, say(step)))
        except _Stop as stop:
            number = len(self.done)
            self.fail(str(stop), self.case.steps[number].span, number)
        yield from self.finish()
        return Result(self.case, tuple(self.events), tuple(self.failures), tuple(self.done), self.left)

    def fail(self, text: str, span: Span, step: int = -1) -> None:
        self.failures.append(Failure(text, span, len(self.events) - 1, step))

    def take(self, step: AnyStep) -> Generator[Request, Answer, None]:
        match step:
            case Sees():
                yield from self.until(step.want, step.within_ms)
            case Ends():
                yield from self.until(step.want, step.within_ms)
                yield from self.hang_up()
            case Presses():
                yield from self.press(step)
            case Waits():
                yield from self.wait(step.ms)
            case HangsUp():
                if self.done and isinstance(self.case.steps[len(self.done) - 1], Presses):
                    yield from self.wait(TAKEN_MS)
                yield from self.hang_up()
            case AgentDoes():
                yield from self.act(Act("agent", step.does, step.agent))
                if step.hears:
                    yield from self.until(Want("whispers", (step.hears,), more={"agent": step.agent}), END_MS)
            case PhoneDoes():
                yield from self.act(Act("phone", step.does, step.phone))

    # -- looking -----------------------------------------------------------------------------------

    def look(self, within_ms: int) -> Generator[Request, Answer, bool]:
        """Read what happened; False when nothing did within the time."""
        news = yield Look(within_ms)
        assert not isinstance(news, str)
        self.add(news)
        return bool(news)

    def add(self, news: list[Happened]) -> None:
        for event in news:
            index = len(self.events)
            self.events.append(event)
            self.seen += [(index, seen) for seen in seen_in(event)]
            if isinstance(event, Seen) and event.kind == "ended":
                self.ended = True

    def until(self, want: Want, within_ms: int) -> Generator[Request, Answer, None]:
        missing = set(want.names) if want.every else {""}
        deadline = self.now() + within_ms
        while True:
            while self.cursor < len(self.seen):
                _, seen = self.seen[self.cursor]
                self.cursor += 1
                if want.fits(seen):
                    missing -= {seen.what} if want.every else {""}
                    if not missing:
                        return
            if self.ended:
                raise _Stop(f"the call ended before: {want}")
            left = deadline - self.now()
            if left <= 0 or not (yield from self.look(left)):
                raise _Stop(f"not within {within_ms / 1000:g} s: {want}")

    def now(self) -> int:
        return self.events[-1].at_ms if self.events else 0

    # -- acting ------------------------------------------------------------------------------------

    def act(self, act: Act) -> Generator[Request, Answer, None]:
        refusal = yield act
        if refusal:
            raise _Stop(str(refusal))

    def press(self, step: Presses) -> Generator[Request, Answer, None]:
        takes = waits_for_keys if step.after_prompt else listens
        while not self.listening(takes):
            if self.ended:
                raise _Stop(f"the call ended before {step.keys} could be pressed")
            if not (yield from self.look(60_000)):
                raise _Stop(f"nothing took keys within 60 s, so {step.keys} could not be pressed")
        yield from self.act(Act("press", step.keys))
        self.pressed_at = len(self.events) - 1
        self.cursor = len(self.seen)

    def listening(self, takes: Callable[[Executed], bool]) -> bool:
        """Does the last step that was executed take keys? After keys were pressed another one must: that
        a prompt was over before the key came (WaitExten) is no new question."""
        fresh = [event for event in self.events[self.pressed_at + 1 :] if isinstance(event, Executed)]
        moved = self.pressed_at < 0 or any(event.app != "WaitExten" for event in fresh)
        return not self.ended and moved and bool(fresh) and takes(fresh[-1])

    def wait(self, ms: int) -> Generator[Request, Answer, None]:
        refusal = yield Act("wait", ms=ms)
        if refusal:
            raise _Stop(str(refusal))

    def hang_up(self) -> Generator[Request, Answer, None]:
        if not self.ended:
            self.left = len(self.events)
            yield Act("hang_up")
            yield from self.rest(END_MS)

    def rest(self, within_ms: int) -> Generator[Request, Answer, None]:
        """Read the story to its end."""
        while not self.ended and (yield from self.look(within_ms)):
            pass

    # -- afterwards --------------------------------------------------------------------------------

    def finish(self) -> Generator[Request, Answer, None]:
        yield from self.hang_up()
        if not self.ended:
            self.fail("the call did not end after the caller hung up", self.case.span)
        yield from self.look_for_orphans()
        self.listen()
        if not self.failures:
            self.judge()

    def look_for_orphans(self) -> Generator[Request, Answer, None]:
        for what in self.case.expect.no_orphan if self.ended else ():
            left = yield Act("orphans", what)
            if left:
                self.fail(f"the call left {what.replace('_', ' ')}: {left}", self.case.span)

    def listen(self) -> None:
        """Where calls have sound, a prompt that was played must have been heard; and what a test applies
        must have been put in force."""
        for index, seen in self.seen:
            if seen.kind == "unheard":
                text = f"prompt {seen.what} was played, but something else was heard: {seen.more}"
                self.failures.append(Failure(text, self.case.span, index))
            elif seen.kind == "unapplied":
                text = f"{seen.what} could not be applied: {seen.more.get('because', '')}"
                self.failures.append(Failure(text, self.case.span, index))

    def judge(self) -> None:
        expect, span = self.case.expect, self.case.span
        path = tuple(seen.what for _, seen in self.seen if seen.kind == "goes")
        if expect.path is not None and path != expect.path:
            self.fail(f"path {_list(path)}, expected {_list(expect.path)}", span)
        values = {seen.what: seen.more["to"] for _, seen in self.seen if seen.kind == "sets"}
        for name, value in expect.vars.items():
            got = values.get(name, values.get(channel_variable(name)))
            if got != value:
                self.fail(f"variable {name} is {got or 'not set'!r}, expected {value!r}", span)
        self.judge_change()
        recorded = any(seen.kind == "recording" for _, seen in self.seen)
        if expect.recording is not None and recorded is not expect.recording:
            self.fail(f"the talk was {'' if recorded else 'not '}recorded", span)
        for want in expect.never:
            for index, seen in self.seen:
                if want.fits(seen):
                    self.failures.append(Failure(f"must never happen: {want}", span, index))
                    break

    def judge_change(self) -> None:
        """A test whose moment never came has tried nothing; a caller who hangs up early may be before it."""
        given, expect = self.case.given, self.case.expect
        applied = next((seen for _, seen in self.seen if seen.kind == APPLIES), None)
        if applied is None:
            if given.apply and not given.caller:
                self.fail(f"{given.apply} was not applied: {given.during} never came", self.case.span)
            return
        steps = (event for event in self.events if isinstance(event, Executed))
        walked = [generation for step in steps if (generation := generation_of(step.context))]
        last = walked[-1] if walked else "none"
        if expect.generation and last != applied.more[expect.generation]:
            other = {applied.more["old"]: "the old", applied.more["new"]: "the new"}.get(last, "no known")
            text = f"the call ended on {other} text, generation {last}; expected the {expect.generation} one"
            self.fail(text, self.case.span)


def _list(names: tuple[str, ...]) -> str:
    return f"[{', '.join(names)}]"

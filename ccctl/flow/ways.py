"""The ways a call can take from a step: one table that checks, drawings and coverage share. Pure."""

import functools
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from ccctl.flow import graph as g
from ccctl.flow.graph import AnyStep, Body, Option


class Then(StrEnum):
    ON = "on"  # to the step after this one
    BACK = "back"  # to this step again
    END = "end"  # the call ends without a word, or goes to the catch


class Way(msgspec.Struct, frozen=True):
    """One outcome. `body` is what is written for it; where it falls out of the body, or nothing is
    written, `after` and `empty` say how it goes on. `idle`: it comes about although the caller presses
    nothing and nobody answers. `leak`: in words when it happens, where an `empty` END is a mistake."""

    outcome: str
    body: Body = ()
    empty: Then = Then.ON
    after: Then = Then.ON
    idle: bool = True
    leak: str = ""


_ON = (Way("done"),)
_TERMINAL = frozenset((g.Goto, g.HangupStep, g.Reject, g.Return))


def ways(step: AnyStep) -> tuple[Way, ...]:
    """Empty for a step that always ends the call or leaves the flow."""
    if type(step) in _TERMINAL:
        return ()
    make = _WAYS.get(type(step))
    return make(step) if make else _ON


def _keys(options: tuple[Option, ...], word: str, idle: bool) -> tuple[Way, ...]:
    return tuple(
        Way(f"{word} {option.key}", option.body, Then.BACK if option.repeat else Then.ON, idle=idle)
        for option in options
    )


def _asked(step: g.Menu | g.Gather) -> tuple[Way, ...]:
    return (
        Way("invalid", step.on_invalid, Then.BACK, Then.BACK, idle=False),
        Way("timeout", step.on_timeout, Then.BACK, Then.BACK),
        Way("exhausted", step.on_exhausted, Then.END),
    )


def _menu(step: g.Menu) -> tuple[Way, ...]:
    by = (("invalid", step.invalid_by, False), ("timeout", step.timeout_by, True))
    later = tuple(
        Way(f"{why} {option.key}", option.body, Then.BACK, Then.BACK, idle=idle)
        for why, options, idle in by
        for option in options
    )
    dialled = (Way("extension", empty=Then.END, idle=False),) if step.extensions else ()
    return (*_keys(step.options, "key", False), *dialled, *_asked(step), *later)


def _gather(step: g.Gather) -> tuple[Way, ...]:
    return (Way("done", idle=False), *_asked(step))


def _hours(step: g.HoursStep) -> tuple[Way, ...]:
    closed = Way("closed", step.on_closed)
    holiday = Way("holiday", step.on_holiday or step.on_closed)
    emergency = Way("emergency", step.on_emergency or step.on_closed)
    return (Way("open", leak="when the hours are open"), closed, holiday, emergency)


def _if(step: g.If) -> tuple[Way, ...]:
    return (
        Way("yes", step.then, leak="when the condition holds"),
        Way("no", step.otherwise, leak="when the condition does not hold"),
    )


def _switch(step: g.Switch) -> tuple[Way, ...]:
    return (*_keys(step.cases, "is", True), Way("else", step.otherwise, leak="for all other values"))


def _split(step: g.Split) -> tuple[Way, ...]:
    return _keys(step.parts, "share", True)


def _loop(step: g.Loop) -> tuple[Way, ...]:
    return (Way("round", step.steps, Then.BACK, Then.BACK), Way("done"))


def _http(step: g.Http) -> tuple[Way, ...]:
    return (Way("done"), Way("error", step.on_error))


def _lookup(step: g.Lookup) -> tuple[Way, ...]:
    return (Way("found"), Way("missing", step.on_missing), Way("error", step.on_error or step.on_missing))


def _queue(step: g.QueueStep) -> tuple[Way, ...]:
    late = step.on_timeout
    offered = (Way("callback withheld", step.offer.on_withheld, idle=False),) if step.offer else ()
    return (
        Way("answered", idle=False),
        *_keys(step.exit_keys, "key", False),
        *offered,
        Way("timeout", late, Then.END, idle=False),
        Way("full", step.on_full or late, Then.END),
        Way("no_agents", step.on_no_agents or late, Then.END),
        *((Way("overflow", step.on_overflow, Then.END),) if step.on_overflow else ()),
        Way("failed", step.on_failed or late, Then.END),
    )


def _callback(step: g.Callback) -> tuple[Way, ...]:
    return (
        Way("done"),
        Way("withheld", step.on_withheld or step.on_failed),
        Way("failed", step.on_failed),
    )


def _dial(step: g.Dial) -> tuple[Way, ...]:
    missed = "when nobody answers (on_no_answer)"
    return (
        Way("no_answer", step.on_no_answer, idle=False, leak=missed),
        Way("busy", step.on_busy or step.on_no_answer, leak=missed),
        Way("failed", step.on_failed or step.on_no_answer, leak=missed),
    )


def _voicemail(step: g.VoicemailStep) -> tuple[Way, ...]:
    return (Way("failed", step.on_failed, Then.END),)


def _directory(step: g.Directory) -> tuple[Way, ...]:
    return (Way("found", empty=Then.END, idle=False), Way("none", step.on_none, leak="when nobody is chosen"))


def _record(step: g.RecordMessage) -> tuple[Way, ...]:
    return (Way("done", idle=False), Way("empty", step.on_empty))


def _consent(step: g.Consent) -> tuple[Way, ...]:
    return (Way("agreed"), Way("declined", step.on_declined, idle=False))


def _authenticate(step: g.Authenticate) -> tuple[Way, ...]:
    return (
        Way("granted", idle=False),
        Way("denied", step.on_denied, Then.END),
        Way("locked", step.on_locked or step.on_denied, Then.END),
    )


def _transfer(step: g.Transfer) -> tuple[Way, ...]:
    return (Way("failed", step.on_failed, leak="when the transfer fails (on_failed)"),)


_WAYS: dict[type, Callable[[Any], tuple[Way, ...]]] = {
    g.Menu: _menu,
    g.Gather: _gather,
    g.HoursStep: _hours,
    g.If: _if,
    g.Switch: _switch,
    g.Split: _split,
    g.Loop: _loop,
    g.Http: _http,
    g.Lookup: _lookup,
    g.QueueStep: _queue,
    g.Callback: _callback,
    g.Dial: _dial,
    g.VoicemailStep: _voicemail,
    g.Directory: _directory,
    g.RecordMessage: _record,
    g.Consent: _consent,
    g.Authenticate: _authenticate,
    g.Transfer: _transfer,
}


# -- walking ---------------------------------------------------------------------------------------


@functools.cache
def _carriers(kind: type[AnyStep]) -> tuple[tuple[str, str], ...]:
    """The fields of a kind of step that can hold bodies, and of what type. Most kinds have none, and
    all steps are asked often."""
    types = {name: str(value) for each in kind.__mro__[::-1] for name, value in _annotations(each).items()}
    words = ("Body", "Option", "CallbackOffer")
    return tuple(
        (field, word) for field in kind.__struct_fields__ for word in words if _named(word, types[field])
    )


def _named(word: str, annotation: str) -> bool:
    return word in re.split(r"\W+", annotation)


def _annotations(kind: type) -> dict[str, Any]:
    return dict(vars(kind).get("__annotations__", {}))


def bodies(step: AnyStep) -> list[Body]:
    """Every body that is written in the step, each once."""
    found: list[Body] = []
    for field, kind in _carriers(type(step)):
        value = getattr(step, field)
        if not value:
            continue
        if kind == "Body":
            found.append(value)
        elif kind == "Option":
            found += [option.body for option in value]
        else:
            found.append(value.on_withheld)
    return found


def walk(body: Body) -> Iterator[AnyStep]:
    """All steps, the inner ones after those that hold them."""
    waiting = [*body[::-1]]
    while waiting:
        step = waiting.pop()
        yield step
        for inner in reversed(bodies(step)):
            waiting += inner[::-1]


def prompts_of(step: AnyStep) -> Iterator[str]:
    """The prompts that the step itself plays, not those of its destinations."""
    for field in ("prompts", "lead", "confirm"):
        yield from getattr(step, field, ())
    for prompts in getattr(step, "again", ()):
        yield from prompts
    if isinstance(step, g.QueueStep) and step.waiting:
        yield from step.waiting.prompts
        yield from (prompt for option in step.waiting.options for prompt in option.prompts)


def all_bodies(body: Body) -> Iterator[Body]:
    """This body and every one inside."""
    yield body
    for step in body:
        for inner in bodies(step):
            yield from all_bodies(inner)


def rebuilt(body: Body, change: Callable[[AnyStep], AnyStep]) -> Body:
    """The body with every step changed, those inside first."""
    return tuple(change(_rebuilt_inside(step, change)) for step in body)


def _rebuilt_inside(step: AnyStep, change: Callable[[AnyStep], AnyStep]) -> AnyStep:
    changes: dict[str, Any] = {}
    for field in step.__struct_fields__:
        value = getattr(step, field)
        if isinstance(value, g.CallbackOffer) and value.on_withheld:
            changes[field] = replace(value, on_withheld=rebuilt(value.on_withheld, change))
        elif isinstance(value, tuple) and value and isinstance(value[0], Option):
            changes[field] = tuple(replace(each, body=rebuilt(each.body, change)) for each in value)
        elif isinstance(value, tuple) and value and isinstance(value[0], g.Step):
            changes[field] = rebuilt(value, change)
    return replace(step, **changes) if changes else step


def verb(step: AnyStep) -> str:
    """The word of the language for a step: "voicemail" for a VoicemailStep."""
    return _WORDS.get(type(step), type(step).__name__.removesuffix("Step").lower())


_WORDS: dict[type, str] = {g.Assign: "set", g.RecordMessage: "record"}


def goes_on(step: AnyStep) -> bool:
    """Can a call reach the step after this one?"""
    if type(step) not in _WAYS:
        return type(step) not in _TERMINAL
    return any(
        falls_through(way.body) and way.after is Then.ON if way.body else way.empty is Then.ON
        for way in ways(step)
    )


def falls_through(body: Body) -> bool:
    return all(goes_on(step) for step in body)

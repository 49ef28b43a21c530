"""Ringing people: the steps dial, voicemail, directory, conference, transfer and reject; ring groups, rooms.

A ring group is known only when the whole site is read, so a dial step keeps its name until `Resolver`.
"""

import re
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from ccctl.diagnostics import Span
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes, values
from ccctl.flow.graph import AnyStep
from ccctl.flow.schema_sections import EXTENSION, NAME, OWN_NUMBER
from ccctl.flow.schema_steps import (
    BODY,
    PROMPTS,
    RINGING,
    YES,
    span_of_time,
    whole,
)
from ccctl.flow.schema_types import (
    Key,
    Kind,
    Reader,
    Table,
    Verb,
    choice,
    listed,
    named,
    read_keys,
    read_secret,
    read_text,
)
from ccctl.flow.schema_words import BUILT_IN, refer
from ccctl.flow.source import Node, Scalar
from ccctl.flow.values import Wrong
from ccctl.flow.ways import rebuilt, walk

REJECTIONS = {"busy": 17, "rejected": 21, "congestion": 34, "unallocated": 1}
STRATEGIES = ("all", "hunt", "random")
FREE_TEXT = ("caller.name", "language", "now")
RING_MS, GROUP_RING_MS = 25_000, 20_000
_BRACES = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


# -- targets ---------------------------------------------------------------------------------------


def _read_target(reader: Reader, node: Node) -> str | None:
    """A user, a ring group, a number, or `{{ name }}` of a variable that holds digits."""
    text = read_text(reader, node)
    if text is None:
        return None
    if match := _BRACES.fullmatch(text):
        return _read_variable(reader, match.group(1), node.span)
    if "{{" in text:
        reader.report(faults.bad_value(node.span, f'"{text}" is no target', "write {{ name }} alone"))
        return None
    if not re.match(r"[+0-9(]", text):
        kind = "ring_groups" if text in reader.names.get("ring_groups", {}) else "users"
        return reader.refer(kind, text, node.span)
    return _read_number(reader, text, node.span)


def _read_variable(reader: Reader, name: str, span: Span) -> str | None:
    if name in FREE_TEXT:
        reader.report(faults.free_target(span, name))
        return None
    refer(reader, name, span)
    if name not in BUILT_IN:
        reader.targets.append((name, span))
    return f"{{{{ {name} }}}}"


def _read_number(reader: Reader, text: str, span: Span) -> str | None:
    if re.fullmatch(r"\+?[0-9]{2,15}", text):
        reader.dialled.append((text, span))
        return text
    wrong = values.e164(text, reader.country)
    if isinstance(wrong, Wrong):
        reader.report(faults.bad_number(span, wrong.text, wrong.hint))
    return None


def _read_outside(reader: Reader, node: Node) -> str | None:
    """Where a transfer goes: a number or a variable, no phone of ours."""
    text = read_text(reader, node)
    if text is None:
        return None
    if _BRACES.fullmatch(text) or re.match(r"[+0-9(]", text):
        return _read_target(reader, node)
    hint = f"write dial: {text}" if text in reader.names.get("users", {}) else 'write for example "+49301234"'
    reader.report(faults.bad_value(node.span, f'"{text}" is not a number', hint))
    return None


TARGETS = listed(
    Kind("name of a user or ring group, a number, or a variable", _read_target, shapes.SINGLE), empty=True
)
PEOPLE = listed(Kind("name of a user, or a number", _read_target, shapes.SINGLE), empty=True)
OUTSIDE = Kind("number or variable", _read_outside, shapes.SINGLE)
REPEATS = whole(1, 10)


# -- sections --------------------------------------------------------------------------------------

RING_GROUP = Table(
    "ring group",
    "People who are rung together under one name. Dial steps name it like a user.",
    (
        Key("ring", PEOPLE, "users, or numbers", required=True, example="ring: [reception, anna]"),
        Key("strategy", choice(*STRATEGIES), "all at once, one after the other, or in random order", "all"),
        Key("timeout", RINGING, "how long to ring; for hunt and random each of them", "20s"),
        Key("repeats", REPEATS, "how many rounds", "1"),
        Key("extension", EXTENSION, "internal number of the group", "none"),
    ),
)
CONFERENCE = Table(
    "conference",
    "A room in which people talk together.",
    (
        Key("pin", read_secret("a PIN"), "asked before the door opens", "none"),
        Key("max_members", whole(2, 500), "how many may be in it", "no limit"),
        Key("music", NAME, "class of music for the first who waits alone", "default"),
        Key("record", YES, "record what is said", "false"),
        Key("extension", EXTENSION, "internal number of the room", "none"),
    ),
)


Entries = list[tuple[Scalar, Node]]


def _read_all(reader: Reader, section: str, entries: Entries, table: Table) -> dict[str, dict[str, Any]]:
    return {word.text: read_keys(reader, node, table, at=(section, word.text)) for word, node in entries}


def read_groups(reader: Reader, entries: Entries) -> dict[str, graph.RingGroup]:
    return {
        name: graph.RingGroup(
            name=name,
            span=reader.names["ring_groups"][name],
            ring=keys.get("ring", ()),
            strategy=keys.get("strategy", "all"),
            timeout_ms=keys.get("timeout", GROUP_RING_MS),
            repeats=keys.get("repeats", 1),
            extension=keys.get("extension", ""),
        )
        for name, keys in _read_all(reader, "ring_groups", entries, RING_GROUP).items()
    }


def read_conferences(reader: Reader, entries: Entries) -> dict[str, graph.Conference]:
    found = _read_all(reader, "conferences", entries, CONFERENCE)
    spans = reader.names["conferences"]
    return {name: graph.Conference(name=name, span=spans[name], **keys) for name, keys in found.items()}


# -- what is known only at the end -----------------------------------------------------------------


class Resolver:
    """Ring groups become their members; with one trunk, `via` need not be written. `key` tells all that
    it looks at besides a flow."""

    def __init__(self, groups: dict[str, graph.RingGroup], trunks: Iterable[str]) -> None:
        names = list(trunks)
        self.groups = groups
        self.only = names[0] if len(names) == 1 else ""
        ringing = [
            (each.name, each.ring, each.strategy, each.timeout_ms, each.repeats) for each in groups.values()
        ]
        self.key = repr((self.only, ringing))

    def resolve(self, flow: graph.Flow) -> graph.Flow:
        return replace(flow, steps=rebuilt(flow.steps, self.finished)) if _calls_out(flow) else flow

    def finished(self, step: AnyStep) -> AnyStep:
        if isinstance(step, graph.Dial):
            step = _members(step, self.groups)
            numbers = any(is_number(target) for target in step.targets)
            return replace(step, via=self.only) if numbers and not step.via else step
        if isinstance(step, graph.Transfer) and not step.via:
            return replace(step, via=self.only)
        return step


def _calls_out(flow: graph.Flow) -> bool:
    return any(isinstance(step, graph.Dial | graph.Transfer) for step in walk(flow.steps))


def _members(step: graph.Dial, groups: dict[str, graph.RingGroup]) -> graph.Dial:
    """A group that is rung alone also says how, unless the step does."""
    group = groups.get(step.targets[0]) if len(step.targets) == 1 else None
    targets = [
        member
        for target in step.targets
        for member in (groups[target].ring if target in groups else (target,))
    ]
    return replace(
        step,
        targets=tuple(dict.fromkeys(targets)),
        strategy=step.strategy or (group.strategy if group else "all"),
        timeout_ms=step.timeout_ms or (group.timeout_ms if group else RING_MS),
        repeats=step.repeats or (group.repeats if group else 1),
        group=group.name if group else "",
    )


def is_number(target: str) -> bool:
    """Goes out through a trunk."""
    return target.lstrip("+").isdecimal() or target.startswith("{{")


# -- the verbs -------------------------------------------------------------------------------------


def _build_dial(span: Span, v: dict[str, Any]) -> AnyStep:
    """What is 0 or empty here is filled in by `Resolver`."""
    missed = v.get("on_no_answer", ())
    return graph.Dial(
        span=span,
        targets=v["dial"],
        via=v.get("via", ""),
        timeout_ms=v.get("timeout", 0),
        strategy=v.get("strategy", ""),
        repeats=v.get("repeats", 0),
        confirm=v.get("confirm", ()),
        caller_id=v.get("caller_id", ""),
        max_ms=v.get("max_duration", 0),
        music=v.get("music", ""),
        on_no_answer=missed,
        on_busy=v.get("on_busy", missed),
        on_failed=v.get("on_failed", missed),
    )


def _build_voicemail(span: Span, v: dict[str, Any]) -> AnyStep:
    greeting = v.get("greeting", "unavailable")
    return graph.VoicemailStep(
        span=span, mailbox=v["voicemail"], greeting=greeting, on_failed=v.get("on_failed", ())
    )


def _build_directory(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Directory(
        span=span, listed=v["directory"], by=v.get("by", "both"), on_none=v.get("on_none", ())
    )


def _build_conference(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.ConferenceStep(span=span, room=v["conference"])


def _build_transfer(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Transfer(
        span=span, target=v["transfer"], via=v.get("via", ""), on_failed=v.get("on_failed", ())
    )


def _build_reject(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Reject(span=span, cause=REJECTIONS[v.get("reject", "rejected")])


VERBS: tuple[Verb, ...] = (
    Verb(
        Table(
            "step dial",
            "Rings people. When somebody answers, the call ends with the talk. An outcome that is not written"
            " does what on_no_answer says. Numbers and variables go out through a trunk.",
            (
                Key(
                    "dial",
                    TARGETS,
                    "users, ring groups, numbers, or variables of type phone or digits",
                    required=True,
                    example="anna",
                ),
                Key("via", named("trunks", "a trunk"), "the trunk for numbers", "the only trunk"),
                Key("timeout", RINGING, "how long to ring; for hunt and random each of them", "25s"),
                Key(
                    "strategy",
                    choice(*STRATEGIES),
                    "all at once, one after the other, or in random order",
                    "of the ring group, else all",
                ),
                Key("repeats", REPEATS, "how many rounds", "of the ring group, else 1"),
                Key(
                    "confirm",
                    PROMPTS,
                    "who answers hears this and must press 1, so that no answering machine takes the call",
                ),
                Key("caller_id", OWN_NUMBER, "what numbers outside see as the caller", "of the trunk"),
                Key(
                    "max_duration",
                    span_of_time(10_000, 86_400_000),
                    "how long the talk may last; a beep 30 s before, a goodbye at its end",
                    "no limit",
                ),
                Key("music", NAME, "class of music for the caller instead of ringing"),
                Key("on_no_answer", BODY, "nobody answered"),
                Key("on_busy", BODY, "busy", "as on_no_answer"),
                Key("on_failed", BODY, "not reachable", "as on_no_answer"),
            ),
        ),
        _build_dial,
    ),
    Verb(
        Table(
            "step voicemail",
            "Takes a message and ends the call. Key 0 leaves to the mailbox's operator, * to its own menu.",
            (
                Key(
                    "voicemail", named("mailboxes", "a mailbox"), "the box", required=True, example="support"
                ),
                Key(
                    "greeting",
                    choice("unavailable", "busy", "none"),
                    "which greeting is played; the mailbox's own prompt goes before unavailable",
                    "unavailable",
                ),
                Key("on_failed", BODY, "the box cannot take a message", "the call ends"),
            ),
        ),
        _build_voicemail,
    ),
    Verb(
        Table(
            "step directory",
            "Dial by name: the caller types the first three letters of a name and chooses among those who"
            " fit. The call goes to the desk of the one who is chosen.",
            (
                Key("directory", choice("users"), "who is in it", required=True, example="users"),
                Key("by", choice("last", "first", "both"), "which name is typed", "both"),
                Key("on_none", BODY, "nobody is chosen, or the caller presses 0 or *"),
            ),
        ),
        _build_directory,
    ),
    Verb(
        Table(
            "step conference",
            "Puts the caller into a room. # leaves it, * mutes; then the call goes on to the next step, also"
            " when the PIN was wrong three times or the room is full.",
            (Key("conference", named("conferences", "a room"), "the room", required=True, example="board"),),
        ),
        _build_conference,
    ),
    Verb(
        Table(
            "step transfer",
            "Asks the network to send the caller elsewhere (SIP REFER). The call leaves ccctl: no recording,"
            " no report of the talk. Not every carrier does it.",
            (
                Key("transfer", OUTSIDE, "number or variable", required=True, example='"+49301234"'),
                Key("via", named("trunks", "a trunk"), "the trunk whose address the number has", "the only"),
                Key("on_failed", BODY, "the network refused"),
            ),
        ),
        _build_transfer,
    ),
    Verb(
        Table(
            "step reject",
            "Refuses the call before it is answered, so that it costs the caller nothing.",
            (Key("reject", choice(*REJECTIONS), "what the network is told", "rejected", example="busy"),),
        ),
        _build_reject,
        bare=True,
    ),
)

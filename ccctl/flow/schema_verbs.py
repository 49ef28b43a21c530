"""The verbs of the language, declared as tables, and what graph.py's steps are made of."""

import re
from typing import Any

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, schema_answers, schema_data, schema_desk, schema_logic, schema_say, shapes
from ccctl.flow.graph import AnyStep, Body
from ccctl.flow.schema_steps import (
    BODY,
    INTERDIGIT,
    PROMPTS,
    RINGING,
    YES,
    options,
    read_body,
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
    mapping_span,
    named,
    refuse_duplicates,
    typed,
)
from ccctl.flow.schema_waiting import WAITING_KEY
from ccctl.flow.schema_words import CHANGES, READABLE
from ccctl.flow.source import Mapping, Node, Scalar, Sequence
from ccctl.flow.values import Wrong

CAUSES = {"normal": 16, "busy": 17, "no-answer": 19, "rejected": 21, "congestion": 34}


RANK = whole(0, 1000)


class Priority(msgspec.Struct, frozen=True):
    """`by`: the variable whose value says it; `other` for all other values."""

    other: int = 0
    by: str = ""
    values: dict[str, int] = {}


def _read_priority(reader: Reader, node: Node) -> Priority | None:
    if not isinstance(node, Mapping):
        value = RANK.read(reader, node)
        return None if value is None else Priority(value)
    by = node.get("by")
    if by is None:
        reader.report(findings.missing(mapping_span(node), "by", "priority", "{by: tier, gold: 10, else: 0}"))
        return None
    variable = READABLE.read(reader, by)
    ranks: dict[str, int] = {}
    for word, child in node.entries:
        rank = RANK.read(reader, child) if word.text != "by" else None
        if rank is not None:
            ranks[word.text] = rank
        if word.text not in ("by", "else") and variable:
            reader.given.append((variable, word.text, word.span))
    return Priority(ranks.pop("else", 0), variable or "", ranks) if variable else None


def _read_extensions(reader: Reader, node: Node) -> tuple[str, ...] | None:
    """`true`: all users' phones; else numbers, or patterns with X for any digit."""
    if isinstance(node, Scalar) and node.text in ("true", "yes", "on"):
        return reader.extensions
    if isinstance(node, Scalar) and node.text in ("false", "no", "off"):
        return ()
    patterns: tuple[str, ...] | None = PATTERNS.read(reader, node)
    if patterns is None:
        return None
    found = [
        extension
        for extension in reader.extensions
        if any(re.fullmatch(pattern.replace("X", "[0-9]"), extension) for pattern in patterns)
    ]
    if not found:
        text = "no user has an extension like this"
        reader.report(
            faults.bad_value(node.span, text, f"extensions: {', '.join(sorted(reader.extensions))}")
        )
    return tuple(found)


def _read_again(reader: Reader, node: Node) -> tuple[tuple[str, ...], ...] | None:
    """Prompts of the second attempt, the third ...; each may be a list."""
    items = node.items if isinstance(node, Sequence) else (node,)
    found = tuple(PROMPTS.read(reader, item) for item in items)
    return None if None in found else found


class Before(msgspec.Struct, frozen=True):
    """What comes before the next attempt: always `body`, or by the number of the attempt."""

    body: Body = ()
    by: tuple[graph.Option, ...] = ()


def _read_before(reader: Reader, node: Node) -> Before | None:
    """A destination, or {1: ..., 2: ...}: one for each attempt."""
    numbered = isinstance(node, Mapping) and node.entries and all(w.text.isdecimal() for w, _ in node.entries)
    if not isinstance(node, Mapping) or not numbered:
        return Before(read_body(reader, node))
    refuse_duplicates(reader, node)
    return Before(
        by=tuple(
            graph.Option(key=word.text, body=read_body(reader, child), span=word.span)
            for word, child in node.entries
        )
    )


def _pattern(text: str) -> str | Wrong:
    if re.fullmatch(r"[0-9X]{2,8}", text):
        return text
    return Wrong(f'"{text}" is not a pattern of extensions', "write for example 2XX")


PRIORITY = Kind(
    "whole number 0-1000, or {by: variable, value: number, else: number}",
    _read_priority,
    shapes.either(shapes.whole(0, 1000), shapes.mapping(shapes.SINGLE, shapes.SINGLE)),
)
PATTERNS = listed(typed("extension or pattern", _pattern, shape=shapes.SINGLE))
EXTENSIONS = Kind(
    "true, or list of: extension or pattern like 2XX",
    _read_extensions,
    shapes.either(shapes.TRUTH, PATTERNS.shape),
)
BEFORE = Kind(
    "destination; or mapping: number of the attempt to destination",
    _read_before,
    shapes.either(shapes.BODY, shapes.mapping(shapes.matching("[0-9]+"), shapes.BODY, least=1)),
)
AGAIN = Kind("list of: prompts", _read_again, shapes.listed(shapes.listed(shapes.NAME)))


# -- the verbs -------------------------------------------------------------------------------------


def _build_answer(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Answer(span=span, delay_ms=v.get("answer", 500))


def _build_play(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Play(span=span, prompts=v["play"], barge_in=v.get("barge_in", False))


def _build_menu(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Menu(
        span=span,
        prompts=v["menu"],
        options=v["options"],
        again=v.get("again", ()),
        extensions=v.get("dial_extensions", ()),
        timeout_ms=v["timeout"],
        interdigit_ms=v["interdigit"],
        attempts=v["attempts"],
        on_invalid=v.get("on_invalid", Before()).body,
        on_timeout=v.get("on_timeout", Before()).body,
        invalid_by=v.get("on_invalid", Before()).by,
        timeout_by=v.get("on_timeout", Before()).by,
        on_exhausted=v.get("on_exhausted", ()),
    )


def _build_language(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Language(span=span, code=v["language"])


def _build_hours(span: Span, v: dict[str, Any]) -> AnyStep:
    """Nothing written for holidays: they are like any closed day."""
    closed = v["on_closed"]
    return graph.HoursStep(
        span=span,
        hours=v["hours"],
        on_closed=closed,
        on_holiday=v.get("on_holiday", closed),
        on_emergency=v.get("on_emergency", ()),
    )


def _build_goto(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Goto(span=span, flow=v["goto"], arguments=v.get("with", ()))


def _build_queue(span: Span, v: dict[str, Any]) -> AnyStep:
    rank, waiting = v.get("priority", Priority()), v.get("while_waiting")
    return graph.QueueStep(
        span=span,
        queue=v["queue"],
        priority=rank.other,
        priority_by=rank.by,
        priorities=rank.values,
        max_wait_ms=v.get("max_wait", 0),
        exit_keys=(*v.get("exit_keys", ()), *(waiting.exits if waiting else ())),
        waiting=waiting.menu if waiting else None,
        offer=v.get("offer_callback"),
        on_full=v.get("on_full", ()),
        on_no_agents=v.get("on_no_agents", ()),
        on_overflow=v.get("on_overflow", ()),
        on_timeout=v.get("on_timeout", ()),
        on_failed=v.get("on_failed", ()),
    )


def _build_hangup(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.HangupStep(span=span, cause=CAUSES[v.get("hangup", "normal")])


VERBS: tuple[Verb, ...] = (
    *schema_logic.VERBS,
    *schema_data.VERBS,
    *schema_answers.VERBS,
    *schema_desk.VERBS,
    Verb(
        Table(
            "step answer",
            "Answers the call. Steps that need an answered call answer by themselves.",
            (Key("answer", span_of_time(1, 10_000), "silence after answering", "500ms", example="500ms"),),
        ),
        _build_answer,
        bare=True,
    ),
    Verb(
        Table(
            "step play",
            "Plays prompts, one after the other, to the end.",
            (
                Key("play", PROMPTS, "prompts to play", required=True, example="welcome"),
                Key("barge_in", YES, "a key ends them; directly before a menu it counts there", "false"),
            ),
        ),
        _build_play,
    ),
    *schema_say.VERBS,
    Verb(
        Table(
            "step menu",
            "Plays prompts and waits for a key. A key's destination that does not end the call comes back to"
            " the step after the menu. Wrong keys and silence count against the same number of attempts.",
            (
                Key("menu", PROMPTS, "prompts; a key interrupts them", required=True, example="main-menu"),
                Key(
                    "options", options(4), "what each key does", required=True, example="options: {1: sales}"
                ),
                Key("timeout", RINGING, "how long to wait for the first key", "of defaults.menu"),
                Key(
                    "interdigit",
                    INTERDIGIT,
                    "how long to wait for a further key",
                    "of defaults.menu",
                ),
                Key("attempts", whole(1, 10), "how often to ask", "of defaults.menu"),
                Key("again", AGAIN, "prompts of the second attempt, the third ...", "as the first"),
                Key("dial_extensions", EXTENSIONS, "extensions of users that may be dialled", "false"),
                Key("on_invalid", BEFORE, "before asking again, after a wrong key"),
                Key("on_timeout", BEFORE, "before asking again, after silence"),
                Key("on_exhausted", BODY, "after the last attempt; must be written"),
            ),
        ),
        _build_menu,
    ),
    Verb(
        Table(
            "step language",
            "Sets the language of the call: prompts, spoken numbers, voicemail.",
            (
                Key(
                    "language", named("languages", "a language"), "language code", required=True, example="en"
                ),
            ),
        ),
        _build_language,
    ),
    Verb(
        Table(
            "step hours",
            "Asks a set of opening hours. When open, the call goes on to the next step.",
            (
                Key(
                    "hours", named("hours", "a set of hours"), "hours to ask", required=True, example="office"
                ),
                Key("on_closed", BODY, "when closed", required=True, example="on_closed: and a destination"),
                Key("on_holiday", BODY, "on a holiday", "as on_closed"),
                Key("on_emergency", BODY, "while the emergency announcement is on", "as on_closed"),
            ),
        ),
        _build_hours,
    ),
    Verb(
        Table(
            "step goto",
            "Goes on in another flow and does not come back.",
            (
                Key("goto", named("flows", "a flow"), "the flow", required=True, example="main"),
                Key("with", CHANGES, "variables that are set before"),
            ),
        ),
        _build_goto,
    ),
    Verb(
        Table(
            "step queue",
            "Waits for an agent. After the talk the call goes on to the next step if the caller is still"
            " there. An outcome without a destination does what on_timeout says; else it ends the call.",
            (
                Key("queue", named("queues", "a queue"), "the queue", required=True, example="support"),
                Key("priority", PRIORITY, "higher is served first", "0"),
                Key("max_wait", RINGING, "how long to wait at most", "for ever"),
                Key(
                    "exit_keys",
                    options(1),
                    "keys by which a caller leaves the queue",
                ),
                WAITING_KEY,
                schema_data.OFFER_KEY,
                Key("on_full", BODY, "the queue has max_callers", "as on_timeout"),
                Key("on_no_agents", BODY, "no agent is logged in", "the caller waits"),
                Key("on_overflow", BODY, "a rule of the queue's overflow says leave", "as on_timeout"),
                Key("on_timeout", BODY, "max_wait is over"),
                Key("on_failed", BODY, "the queue cannot serve", "as on_timeout"),
            ),
            soon=("announce",),
        ),
        _build_queue,
    ),
    Verb(
        Table(
            "step hangup",
            "Ends the call.",
            (Key("hangup", choice(*CAUSES), "what the network is told", "normal", example="busy"),),
        ),
        _build_hangup,
        bare=True,
    ),
)

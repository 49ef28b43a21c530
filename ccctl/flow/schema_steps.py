"""The steps of a flow: one verb each, its options, its outcomes. Declared as tables, read to graph.py."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import graph, values
from ccctl.flow.graph import AnyStep, Body
from ccctl.flow.schema_types import (
    Key,
    Kind,
    Reader,
    Table,
    choice,
    listed,
    mapping_span,
    named,
    read_keys,
    read_mapping,
    read_text,
    typed,
)
from ccctl.flow.source import Mapping, Node, Scalar, Sequence, duplicates
from ccctl.flow.values import Wrong

Build = Callable[[Span, dict[str, Any]], AnyStep]
SOON = (
    "gather",
    "if",
    "switch",
    "set",
    "http",
    "lookup",
    "callback",
    "survey",
    "consent",
    "record",
    "split",
    "authenticate",
    "loop",
    "directory",
    "conference",
    "transfer",
    "park",
    "page",
    "reject",
    "subflow",
    "listen",
)
VARIABLES = ("caller.number", "called.number", "now")
CAUSES = {"normal": 16, "busy": 17, "no-answer": 19, "rejected": 21, "congestion": 34}


class Verb(msgspec.Struct, frozen=True):
    """A step of the language. `bare`: may be written as a word alone."""

    table: Table
    build: Build
    bare: bool = False

    @property
    def name(self) -> str:
        return self.table.keys[0].name


# -- destinations ----------------------------------------------------------------------------------


def read_body(reader: Reader, node: Node) -> Body:
    """Where a call goes: a flow's name, one step, or a list of steps."""
    if isinstance(node, Scalar) and not node.secret and node.text not in _bare_verbs():
        text = read_text(reader, node)
        return (graph.Goto(flow=reader.refer("flows", text, node.span), span=node.span),) if text else ()
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        reader.report(findings.shape(node.span, "a list without steps", "write a step, for example hangup"))
    steps = (read_step(reader, item) for item in items)
    return tuple(step for step in steps if step is not None)


def _bare_verbs() -> set[str]:
    return {verb.name for verb in VERBS if verb.bare}


def read_step(reader: Reader, node: Node) -> AnyStep | None:
    if isinstance(node, Scalar):
        return _read_bare(reader, node)
    mapping = read_mapping(reader, node, "a step", "a verb and its argument, for example play: welcome")
    if mapping is None:
        return None
    known = {verb.name: verb for verb in VERBS}
    spoken = [word for word, _ in mapping.entries if word.text in known]
    if not spoken:
        _report_no_verb(reader, mapping, known)
        return None
    if len({word.text for word in spoken}) > 1:
        text = f"one step with two verbs, {spoken[0].text} and {spoken[1].text}"
        hint = f"write two steps: [{{{spoken[0].text}: ...}}, {{{spoken[1].text}: ...}}]"
        reader.report(findings.shape(spoken[1].span, text, hint))
        return None
    verb = known[spoken[0].text]
    before = len(reader.findings)
    found = read_keys(reader, mapping, verb.table)
    required = [key.name for key in verb.table.keys if key.required]
    if any(name not in found for name in required) and len(reader.findings) > before:
        return None
    if verb.name == "menu":
        found = _menu_defaults(reader, found, spoken[0].span)
    return verb.build(spoken[0].span, found)


def _read_bare(reader: Reader, node: Scalar) -> AnyStep | None:
    verb = next((verb for verb in VERBS if verb.name == node.text and not node.secret), None)
    if verb and verb.bare:
        return verb.build(node.span, {})
    if verb:
        reader.report(
            findings.missing(node.span, verb.name, f"step {verb.name}", f"{verb.name}: {_sample(verb)}")
        )
    elif node.text in SOON:
        reader.report(findings.not_available(node.span, node.text))
    elif read_text(reader, node) is not None:
        if node.text in reader.names.get("flows", {}):
            where = "a flow, not a step"
            reader.report(findings.wrong_kind(node.span, node.text, where, f"write goto: {node.text}"))
        else:
            reader.report(findings.unknown_step(node.span, node.text, [verb.name for verb in VERBS]))
    return None


def _sample(verb: Verb) -> str:
    return verb.table.keys[0].example or "..."


def _report_no_verb(reader: Reader, mapping: Mapping, known: dict[str, Verb]) -> None:
    if not mapping.entries:
        reader.report(
            findings.shape(mapping.span, "an empty step", "write a verb, for example play: welcome")
        )
        return
    later = next((word for word, _ in mapping.entries if word.text in SOON), None)
    if later is not None:
        reader.report(findings.not_available(later.span, later.text))
    else:
        first = mapping.entries[0][0]
        reader.report(findings.unknown_step(first.span, first.text, known))


def _menu_defaults(reader: Reader, found: dict[str, Any], span: Span) -> dict[str, Any]:
    if "interdigit" in found:
        reader.patient.add(span)
    return {**reader.menu, **found}


BODY = Kind("destination", read_body)


# -- kinds that only steps have --------------------------------------------------------------------


def _options(most: int) -> Kind:
    """Keys with destinations. A menu's may be `repeat`; keys of `most` characters."""

    def read(reader: Reader, node: Node) -> tuple[graph.Option, ...] | None:
        mapping = read_mapping(reader, node, "the keys", "{1: sales, 2: support}")
        if mapping is None:
            return None
        if not mapping.entries:
            reader.report(findings.shape(mapping.span, "no key is written", "write for example {1: sales}"))
        for second, first in duplicates(mapping):
            finding = findings.option_twice if most > 1 else findings.exit_key_twice
            reader.report(finding(second.span, second.text, first.span))
        options = (_read_option(reader, word, child, most) for word, child in mapping.entries)
        return tuple(option for option in options if option is not None)

    return Kind("mapping: key to destination" + (", or `repeat`" if most > 1 else ""), read)


def _read_option(reader: Reader, word: Scalar, node: Node, most: int) -> graph.Option | None:
    if not re.fullmatch(r"[0-9*#]+", word.text):
        reader.report(findings.bad_key(word.span, word.text))
        return None
    if len(word.text) > most:
        text = f'"{word.text}" has {len(word.text)} keys'
        reader.report(
            findings.bad_value(word.span, text, f"use {'one key' if most == 1 else f'at most {most} keys'}")
        )
        return None
    if most > 1 and isinstance(node, Scalar) and node.text == "repeat":
        return graph.Option(key=word.text, repeat=True, span=word.span)
    return graph.Option(key=word.text, body=read_body(reader, node), span=word.span)


def _read_target(reader: Reader, node: Node) -> str | None:
    text = read_text(reader, node)
    if text is None:
        return None
    if not re.match(r"[+0-9(]", text):
        return reader.refer("users", text, node.span)
    if re.fullmatch(r"\+?[0-9]{2,15}", text):
        reader.dialled.append((text, node.span))
        return text
    wrong = values.e164(text, reader.country)
    if isinstance(wrong, Wrong):
        reader.report(findings.bad_number(node.span, wrong.text, wrong.hint))
    return None


def _read_spoken(reader: Reader, node: Node) -> str | None:
    text = read_text(reader, node)
    if text is None:
        return None
    name = re.sub(r"^\{\{\s*(.*?)\s*\}\}$", r"\1", text)
    if name in VARIABLES or re.fullmatch(r"[0-9A-Za-z+*#-]{1,40}", name):
        return name
    near = findings.mean(name, VARIABLES)
    reader.report(
        findings.bad_value(node.span, f'"{text}" cannot be spoken', near or "write digits or letters")
    )
    return None


def _read_priority(reader: Reader, node: Node) -> int | None:
    if isinstance(node, Mapping):
        reader.report(
            findings.not_available(mapping_span(node), "priority by value", instead="write a number")
        )
        return None
    value: int | None = whole(0, 1000).read(reader, node)
    return value


def whole(least: int, most: int) -> Kind:
    return typed(f"whole number {least}-{most}", lambda text: values.whole(text, least, most))


def span_of_time(least_ms: int, most_ms: int) -> Kind:
    def convert(text: str) -> int | Wrong:
        value = values.duration(text)
        if isinstance(value, Wrong) or least_ms <= value <= most_ms:
            return value
        return Wrong(f"{text} is out of range", f"write {words(least_ms)} to {words(most_ms)}")

    return typed(f"duration, {words(least_ms)} to {words(most_ms)}", convert)


def words(ms: int) -> str:
    """A duration as it is written: 90000 is 90s, 3600000 is 1h."""
    unit = next(
        u for u in ("h", "m", "s", "ms") if (ms % values.UNITS[u] == 0 and ms >= values.UNITS[u]) or u == "ms"
    )
    return f"{ms // values.UNITS[unit]}{unit}"


PROMPT = named("prompts", "a prompt")
PROMPTS = listed(PROMPT)
TARGETS = listed(Kind("name of a user, or a number", _read_target))
RINGING = span_of_time(1000, 3_600_000)


# -- the verbs -------------------------------------------------------------------------------------


def _build_answer(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Answer(span=span, delay_ms=v.get("answer", 500))


def _build_play(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Play(span=span, prompts=v["play"])


def _build_say(span: Span, v: dict[str, Any]) -> AnyStep:
    default = "time" if v["say"] == "now" else "digits"
    return graph.Say(span=span, value=v["say"], say_as=graph.SayAs(v.get("as", default)))


def _build_menu(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Menu(
        span=span,
        prompts=v["menu"],
        options=v["options"],
        timeout_ms=v["timeout"],
        interdigit_ms=v["interdigit"],
        attempts=v["attempts"],
        on_invalid=v.get("on_invalid", ()),
        on_timeout=v.get("on_timeout", ()),
        on_exhausted=v.get("on_exhausted", ()),
    )


def _build_language(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Language(span=span, code=v["language"])


def _build_hours(span: Span, v: dict[str, Any]) -> AnyStep:
    """Nothing written for holidays: they are like any closed day."""
    closed = v["on_closed"]
    return graph.HoursStep(
        span=span, hours=v["hours"], on_closed=closed, on_holiday=v.get("on_holiday", closed)
    )


def _build_goto(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Goto(span=span, flow=v["goto"])


def _build_queue(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.QueueStep(
        span=span,
        queue=v["queue"],
        priority=v.get("priority", 0),
        max_wait_ms=v.get("max_wait", 0),
        exit_keys=v.get("exit_keys", ()),
        on_full=v.get("on_full", ()),
        on_no_agents=v.get("on_no_agents", ()),
        on_timeout=v.get("on_timeout", ()),
        on_failed=v.get("on_failed", ()),
    )


def _build_dial(span: Span, v: dict[str, Any]) -> AnyStep:
    missed = v.get("on_no_answer", ())
    return graph.Dial(
        span=span,
        targets=v["dial"],
        via=v.get("via", ""),
        timeout_ms=v.get("timeout", 25_000),
        on_no_answer=missed,
        on_busy=v.get("on_busy", missed),
        on_failed=v.get("on_failed", missed),
    )


def _build_voicemail(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.VoicemailStep(span=span, mailbox=v["voicemail"], greeting=v.get("greeting", "unavailable"))


def _build_hangup(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.HangupStep(span=span, cause=CAUSES[v.get("hangup", "normal")])


VERBS: tuple[Verb, ...] = (
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
            (Key("play", PROMPTS, "prompts to play", required=True, example="welcome"),),
            soon=("barge_in",),
        ),
        _build_play,
    ),
    Verb(
        Table(
            "step say",
            "Speaks a value: digits or letters, or the variable caller.number, called.number or now.",
            (
                Key(
                    "say", Kind("text or variable", _read_spoken), "what to say", required=True, example="now"
                ),
                Key("as", choice(*graph.SayAs), "how to speak it", "digits; time for now"),
            ),
            soon=("voice",),
        ),
        _build_say,
    ),
    Verb(
        Table(
            "step menu",
            "Plays prompts and waits for a key. A key's destination that does not end the call comes back to"
            " the step after the menu. Wrong keys and silence count against the same number of attempts.",
            (
                Key("menu", PROMPTS, "prompts; a key interrupts them", required=True, example="main-menu"),
                Key(
                    "options", _options(4), "what each key does", required=True, example="options: {1: sales}"
                ),
                Key("timeout", RINGING, "how long to wait for the first key", "of defaults.menu"),
                Key(
                    "interdigit",
                    span_of_time(100, 60_000),
                    "how long to wait for a further key",
                    "of defaults.menu",
                ),
                Key("attempts", whole(1, 10), "how often to ask", "of defaults.menu"),
                Key("on_invalid", BODY, "before asking again, after a wrong key"),
                Key("on_timeout", BODY, "before asking again, after silence"),
                Key("on_exhausted", BODY, "after the last attempt; must be written"),
            ),
            soon=("dial_extensions", "barge_in"),
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
            ),
            soon=("on_emergency",),
        ),
        _build_hours,
    ),
    Verb(
        Table(
            "step goto",
            "Goes on in another flow and does not come back.",
            (Key("goto", named("flows", "a flow"), "the flow", required=True, example="main"),),
            soon=("with",),
        ),
        _build_goto,
    ),
    Verb(
        Table(
            "step queue",
            "Waits for an agent. After the talk the call goes on to the next step if the caller is still"
            " there. An outcome without a destination goes on to the next step, too.",
            (
                Key("queue", named("queues", "a queue"), "the queue", required=True, example="support"),
                Key("priority", Kind("whole number 0-1000", _read_priority), "higher is served first", "0"),
                Key("max_wait", RINGING, "how long to wait at most", "for ever"),
                Key("exit_keys", _options(1), "keys by which a waiting caller leaves"),
                Key("on_full", BODY, "the queue has max_callers"),
                Key("on_no_agents", BODY, "no agent is logged in"),
                Key("on_timeout", BODY, "max_wait is over"),
                Key("on_failed", BODY, "the queue cannot serve"),
            ),
            soon=("offer_callback", "while_waiting", "announce"),
        ),
        _build_queue,
    ),
    Verb(
        Table(
            "step dial",
            "Rings phones or numbers, all at once. When somebody answers, the call ends with the talk.",
            (
                Key("dial", TARGETS, "users, or numbers (with via)", required=True, example="anna"),
                Key("via", named("trunks", "a trunk"), "the trunk for numbers", "the only trunk"),
                Key("timeout", RINGING, "how long to ring", "25s"),
                Key("on_no_answer", BODY, "nobody answered"),
                Key("on_busy", BODY, "busy", "as on_no_answer"),
                Key("on_failed", BODY, "not reachable", "as on_no_answer"),
            ),
            soon=("strategy", "confirm", "caller_id", "max_duration"),
        ),
        _build_dial,
    ),
    Verb(
        Table(
            "step voicemail",
            "Takes a message and ends the call.",
            (
                Key(
                    "voicemail", named("mailboxes", "a mailbox"), "the box", required=True, example="support"
                ),
                Key(
                    "greeting",
                    choice("unavailable", "busy", "none"),
                    "which greeting is played",
                    "unavailable",
                ),
            ),
        ),
        _build_voicemail,
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

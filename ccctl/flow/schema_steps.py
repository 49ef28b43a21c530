"""The steps of a flow: one verb each, its options, its outcomes. Declared as tables, read to graph.py."""

import re
from typing import Any

from ccctl.diagnostics import Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes, values
from ccctl.flow.graph import AnyStep, Body
from ccctl.flow.schema_types import (
    Kind,
    Reader,
    Verb,
    listed,
    named,
    read_keys,
    read_mapping,
    read_text,
    typed,
)
from ccctl.flow.source import Mapping, Node, Scalar, Sequence, duplicates
from ccctl.flow.values import Wrong

SOON = (
    "park",
    "page",
    "listen",
)


# -- destinations ----------------------------------------------------------------------------------


def read_body(reader: Reader, node: Node) -> Body:
    """Where a call goes: a flow's name, one step, or a list of steps."""
    if isinstance(node, Scalar) and not node.secret and not _is_bare(reader, node.text):
        text = read_text(reader, node)
        return (graph.Goto(flow=reader.refer("flows", text, node.span), span=node.span),) if text else ()
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        reader.report(findings.shape(node.span, "a list without steps", "write a step, for example hangup"))
    steps = (read_step(reader, item) for item in items)
    return tuple(step for step in steps if step is not None)


def _is_bare(reader: Reader, word: str) -> bool:
    return word in reader.verbs and reader.verbs[word].bare


def read_step(reader: Reader, node: Node) -> AnyStep | None:
    if isinstance(node, Scalar):
        return _read_bare(reader, node)
    mapping = read_mapping(reader, node, "a step", "a verb and its argument, for example play: welcome")
    if mapping is None:
        return None
    known = reader.verbs
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
    if verb.name in ("menu", "gather"):
        found = _menu_defaults(reader, found, spoken[0].span)
    return verb.build(spoken[0].span, found)


def _read_bare(reader: Reader, node: Scalar) -> AnyStep | None:
    verb = None if node.secret else reader.verbs.get(node.text)
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
            reader.report(faults.wrong_kind(node.span, node.text, where, f"write goto: {node.text}"))
        else:
            reader.report(findings.unknown_step(node.span, node.text, reader.verbs))
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


BODY = Kind("destination", read_body, shapes.BODY)


# -- kinds that only steps have --------------------------------------------------------------------


def options(most: int) -> Kind:
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

    key = shapes.matching(f"[0-9*#]{{1,{most}}}", "keys of a phone: 0-9, * and #")
    repeat = shapes.either(shapes.words(("repeat",)), shapes.BODY) if most > 1 else shapes.BODY
    title = "mapping: key to destination" + (", or `repeat`" if most > 1 else "")
    return Kind(title, read, shapes.mapping(key, repeat, least=1))


def _read_option(reader: Reader, word: Scalar, node: Node, most: int) -> graph.Option | None:
    if not re.fullmatch(r"[0-9*#]+", word.text):
        reader.report(faults.bad_key(word.span, word.text))
        return None
    if len(word.text) > most:
        text = f'"{word.text}" has {len(word.text)} keys'
        reader.report(
            faults.bad_value(word.span, text, f"use {'one key' if most == 1 else f'at most {most} keys'}")
        )
        return None
    if most > 1 and isinstance(node, Scalar) and node.text == "repeat":
        return graph.Option(key=word.text, repeat=True, span=word.span)
    return graph.Option(key=word.text, body=read_body(reader, node), span=word.span)


def whole(least: int, most: int) -> Kind:
    shape = shapes.whole(least, most)
    return typed(f"whole number {least}-{most}", lambda text: values.whole(text, least, most), shape=shape)


def span_of_time(least_ms: int, most_ms: int) -> Kind:
    def convert(text: str) -> int | Wrong:
        value = values.duration(text)
        if isinstance(value, Wrong) or least_ms <= value <= most_ms:
            return value
        return Wrong(f"{text} is out of range", f"write {words(least_ms)} to {words(most_ms)}")

    title = f"duration, {words(least_ms)} to {words(most_ms)}"
    return typed(title, convert, shape=shapes.DURATION)


def words(ms: int) -> str:
    """A duration as it is written: 90000 is 90s, 3600000 is 1h."""
    unit = next(
        u for u in ("h", "m", "s", "ms") if (ms % values.UNITS[u] == 0 and ms >= values.UNITS[u]) or u == "ms"
    )
    return f"{ms // values.UNITS[unit]}{unit}"


RINGING = span_of_time(1000, 3_600_000)
INTERDIGIT = span_of_time(100, 60_000)
YES = typed("true or false", values.truth, shape=shapes.TRUTH)
PROMPT = named("prompts", "a prompt")
PROMPTS = listed(PROMPT)

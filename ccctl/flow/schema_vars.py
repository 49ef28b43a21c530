"""The sections vars and sites."""

import re
from typing import Any

import msgspec

from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes, values
from ccctl.flow.schema_prompts import read_texts
from ccctl.flow.schema_types import (
    TEXT,
    Key,
    Kind,
    Reader,
    Table,
    choice,
    listed,
    named,
    read_keys,
    read_mapping,
    refuse_duplicates,
    typed,
)
from ccctl.flow.source import Node, Scalar
from ccctl.flow.values import Wrong

TYPES = ("enum", "digits", "number", "phone", "flag", "text")
MOST_TEXT = 80


def _word(text: str) -> str | Wrong:
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", text):
        return text
    return Wrong(f'"{text}" is not a value of an enum', "use lower-case letters, digits, - and _")


def _number(text: str) -> int | Wrong:
    return values.whole(text, -999_999_999, 999_999_999)


class Called(msgspec.Struct, frozen=True):
    """What is said for a value. `texts`: by language."""

    value: Scalar
    texts: dict[str, str]


def _read_spoken(reader: Reader, node: Node) -> tuple[Called, ...] | None:
    mapping = read_mapping(reader, node, "spoken", "values and their texts, for example {gold: Gold}")
    if mapping is None:
        return None
    refuse_duplicates(reader, mapping)
    read = ((word, read_texts(reader, child, "a value")) for word, child in mapping.entries)
    return tuple(Called(word, texts) for word, texts in read if texts)


SPOKEN = Kind(
    "mapping: value to text, or to mapping: language to text",
    _read_spoken,
    shapes.mapping(
        shapes.ANY,
        shapes.either(shapes.LINE, shapes.mapping(shapes.LANGUAGE, shapes.LINE, least=1)),
    ),
)
WHOLE = typed("whole number", _number, shape=shapes.whole(-999_999_999, 999_999_999))
VARIABLE = Table(
    "variable",
    "A fact about a call that flows read and set. Its type says what may pass: `enum` (one of values),"
    " `digits`, `number` (whole), `phone` (digits and +), `flag` (yes, no), `text` (letters, digits and"
    " blanks).",
    (
        Key("type", choice(*TYPES), "what it holds", required=True, example="type: digits"),
        Key("values", listed(typed("word", _word, shape=shapes.SINGLE)), "the values of an enum"),
        Key("min", WHOLE, "least value of a number", "no limit"),
        Key("max", WHOLE, "most digits or characters; of a number, its largest value", "40; 80; no limit"),
        Key("default", TEXT, "what it is until it is set", "not set"),
        Key("spoken", SPOKEN, "how say steps call the values of an enum or a flag", "as they are written"),
    ),
)


def read_vars(reader: Reader, entries: list[tuple[Scalar, Node]]) -> dict[str, graph.Variable]:
    found: dict[str, graph.Variable] = {}
    for word, node in entries:
        keys = read_keys(reader, node, VARIABLE, at=("vars", word.text))
        if "type" not in keys:
            reader.unsure.add("E413")  # it may be no free text
            found[word.text] = graph.Variable(name=word.text, type="text", most=MOST_TEXT, span=word.span)
            continue
        if keys["type"] == "enum" and not keys.get("values"):
            reader.report(
                findings.missing(word.span, "values", "a variable of type enum", "values: [gold, none]")
            )
        found[word.text] = _variable(reader, word, keys)
    return found


def _variable(reader: Reader, word: Scalar, keys: dict[str, Any]) -> graph.Variable:
    called: tuple[Called, ...] = keys.get("spoken", ())
    if "spoken" in keys and keys["type"] not in ("enum", "flag"):
        span, hint = reader.spot("vars", word.text, "spoken"), "take spoken out"
        reader.report(
            faults.bad_value(span, f"a variable of type {keys['type']} has no values to call", hint)
        )
        called = ()
    for each in called:
        reader.spots["vars", word.text, f"spoken {each.value.text}"] = each.value.span
        reader.given.append((word.text, each.value.text, each.value.span))
    most = keys.get("max", 0 if keys["type"] == "number" else MOST_TEXT if keys["type"] == "text" else 40)
    return graph.Variable(
        name=word.text,
        span=word.span,
        type=keys["type"],
        values=keys.get("values", ()),
        least=keys.get("min", 0),
        most=most,
        default=keys.get("default", ""),
        spoken={each.value.text: each.texts for each in called},
    )


ZONE = typed("time zone", values.zone, shape=shapes.SINGLE)
COUNTRY = typed("country code", values.country, shape=shapes.SINGLE)
LOCALE = Table(
    "site",
    "One of several sites of a tree: what differs from defaults for its numbers, hours and users.",
    (
        Key("timezone", ZONE, "its time zone", "of defaults"),
        Key(
            "country",
            typed("country code", values.country, shape=shapes.SINGLE),
            "its country",
            "of defaults",
        ),
        Key(
            "languages",
            listed(typed("language code", values.language, shape=shapes.SINGLE)),
            "its languages; the first is that of its numbers",
            "of defaults",
        ),
    ),
)
SITE = named("sites", "a site")


def read_sites(reader: Reader, entries: list[tuple[Scalar, Node]]) -> dict[str, graph.Locale]:
    return {
        word.text: graph.Locale(
            name=word.text, span=word.span, **read_keys(reader, node, LOCALE, at=("sites", word.text))
        )
        for word, node in entries
    }

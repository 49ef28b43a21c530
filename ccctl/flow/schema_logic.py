"""The verbs that decide and remember: if, switch, set, split, loop, subflow, return, gather, wait."""

import re
from typing import Any

from ccctl.diagnostics import Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes
from ccctl.flow.graph import AnyStep, Option
from ccctl.flow.schema_sections import NAME
from ccctl.flow.schema_steps import (
    BODY,
    INTERDIGIT,
    PROMPTS,
    RINGING,
    YES,
    read_body,
    span_of_time,
    whole,
)
from ccctl.flow.schema_types import (
    TEXT,
    Key,
    Kind,
    Reader,
    Table,
    Verb,
    named,
    read_mapping,
    typed,
)
from ccctl.flow.schema_words import (
    CHANGES,
    CONDITION,
    READABLE,
    TEMPLATE,
    VARIABLE,
    between,
    regular_expression,
)
from ccctl.flow.source import Node, duplicates
from ccctl.flow.values import Wrong

FLOW = named("flows", "a flow")


def _cases(reader: Reader, node: Node) -> tuple[Option, ...] | None:
    mapping = read_mapping(reader, node, "the cases", "{gold: vip, silver: support}")
    if mapping is None:
        return None
    for second, first in duplicates(mapping):
        reader.report(findings.duplicate(second.span, second.text, first.span))
    cases = []
    for word, child in mapping.entries:
        if not re.fullmatch(r"[\w +.@*#-]{1,80}", word.text):
            text = f'"{word.text}" cannot be the value of a variable'
            reader.report(faults.bad_value(word.span, text, "use letters, digits and blanks"))
        cases.append(Option(key=word.text, body=read_body(reader, child), span=word.span))
    return tuple(cases)


def _shares(reader: Reader, node: Node) -> tuple[Option, ...] | None:
    mapping = read_mapping(reader, node, "the shares", "{30%: partner, 70%: support}")
    if mapping is None:
        return None
    parts = []
    for word, child in mapping.entries:
        match = re.fullmatch(r"(\d{1,3})\s*%", word.text)
        if not match or not 0 < int(match[1]) <= 100:
            reader.report(
                faults.bad_value(word.span, f'"{word.text}" is not a share', "write for example 30%")
            )
            return None
        parts.append(Option(key=match[1], body=read_body(reader, child), span=word.span))
    total = sum(int(part.key) for part in parts)
    if total != 100:
        text = f"the shares are {total} % together"
        reader.report(faults.bad_value(mapping.span, text, "make them 100 %"))
        return None
    return tuple(parts)


CASES = Kind("mapping: value to destination", _cases, shapes.mapping(shapes.SINGLE, shapes.BODY, least=1))
SHARES = Kind(
    "mapping: percentage to destination",
    _shares,
    shapes.mapping(shapes.matching(r"\d{1,3} ?%"), shapes.BODY, least=1),
)
DIGITS = typed('how many: 4, or "4-10"', between, shape=shapes.SINGLE)
PATTERN = typed("pattern over digits", regular_expression, shape=shapes.SINGLE)


def _finish(text: str) -> str | Wrong:
    if text in ("#", "*"):
        return text
    return "" if text == "none" else Wrong(f'"{text}" does not end an input', 'write "#", "*" or none')


FINISH = typed('`"#"`, `"*"` or `none`', _finish, shape=shapes.words(("#", "*", "none")))


def _build_if(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.If(span=span, condition=v["if"], then=v.get("then", ()), otherwise=v.get("else", ()))


def _build_switch(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Switch(span=span, variable=v["switch"], cases=v["cases"], otherwise=v.get("else", ()))


def _build_set(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Assign(span=span, changes=v["set"])


def _build_split(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Split(span=span, parts=v["split"])


def _build_loop(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Loop(span=span, times=v["loop"], steps=v["steps"])


def _build_subflow(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Subflow(span=span, flow=v["subflow"], arguments=v.get("with", ()), save=v.get("save", ""))


def _build_return(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Return(span=span, value=v.get("return", ()))


def _build_continue(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Continue(span=span)


def _build_wait(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Wait(span=span, wait_ms=v["wait"], music=v.get("music", ""))


def _build_gather(span: Span, v: dict[str, Any]) -> AnyStep:
    least, most = v.get("digits", (1, 20))
    return graph.Gather(
        span=span,
        prompts=v["gather"],
        save=v["save"],
        least=least,
        most=most,
        finish=v.get("finish", "#"),
        timeout_ms=v["timeout"],
        interdigit_ms=v["interdigit"],
        attempts=v["attempts"],
        matches=v.get("matches", ""),
        confirm=v.get("confirm", ()),
        secret=v.get("secret", False),
        on_invalid=v.get("on_invalid", ()),
        on_timeout=v.get("on_timeout", v.get("on_invalid", ())),
        on_exhausted=v.get("on_exhausted", ()),
    )


VERBS: tuple[Verb, ...] = (
    Verb(
        Table(
            "step if",
            "Goes one of two ways. Conditions: `tier is gold`, `tier is not gold`,"
            " `tier is one of gold, silver`,"
            " `case is set`, `case is not set`, `caller.number is withheld`, `caller.number starts with +49`,"
            " `tries >= 3`; several with `and` and `or`. A mapping `{tier: gold, language: de}`"
            " holds when all do.",
            (
                Key("if", CONDITION, "the condition", required=True, example="if: tier is gold"),
                Key("then", BODY, "when it holds", "the next step", required=True, example="then: support"),
                Key("else", BODY, "when it does not hold", "the next step"),
            ),
        ),
        _build_if,
    ),
    Verb(
        Table(
            "step switch",
            "Goes by the value of a variable.",
            (
                Key("switch", READABLE, "the variable", required=True, example="tier"),
                Key("cases", CASES, "value to destination", required=True, example="cases: {gold: vip}"),
                Key("else", BODY, "for every other value, and when it is not set", "the next step"),
            ),
        ),
        _build_switch,
    ),
    Verb(
        Table(
            "step set",
            "Sets variables. What comes from another variable is filtered by the type of the one set.",
            (Key("set", CHANGES, "what is set", required=True, example="{tier: gold}"),),
        ),
        _build_set,
    ),
    Verb(
        Table(
            "step split",
            "Sends calls different ways by chance. The shares make 100 % together.",
            (Key("split", SHARES, "the shares", required=True, example="{30%: partner, 70%: support}"),),
        ),
        _build_split,
    ),
    Verb(
        Table(
            "step loop",
            "Does its steps several times; a goto in them leaves the loop.",
            (
                Key("loop", whole(1, 1000), "how often", required=True, example="3"),
                Key("steps", BODY, "what is repeated", required=True, example="steps: [{play: welcome}]"),
            ),
        ),
        _build_loop,
    ),
    Verb(
        Table(
            "step subflow",
            "Runs another flow and comes back to the next step when that flow ends or returns.",
            (
                Key("subflow", FLOW, "the flow", required=True, example="verify"),
                Key("with", CHANGES, "variables that are set before"),
                Key("save", VARIABLE, "variable that takes what the flow returns"),
            ),
        ),
        _build_subflow,
    ),
    Verb(
        Table(
            "step return",
            "Ends a subflow and gives a value back.",
            (Key("return", TEMPLATE, "the value", "none", example="gold"),),
        ),
        _build_return,
        bare=True,
    ),
    Verb(
        Table(
            "step continue",
            "Goes on with the next step: a destination for outcomes that need nothing special.",
            (Key("continue", TEXT, "nothing"),),
        ),
        _build_continue,
        bare=True,
    ),
    Verb(
        Table(
            "step wait",
            "Waits, in silence or with music.",
            (
                Key("wait", span_of_time(100, 600_000), "how long", required=True, example="2s"),
                Key("music", NAME, "class of music: sounds/moh/<name>", "silence"),
            ),
        ),
        _build_wait,
    ),
    Verb(
        Table(
            "step gather",
            "Asks for digits and keeps them in a variable. Silence, too few digits and digits that do not"
            " match count against the same number of attempts.",
            (
                Key("gather", PROMPTS, "prompts; a key interrupts them", required=True, example="enter-case"),
                Key("save", VARIABLE, "variable that takes the digits", required=True, example="save: case"),
                Key("digits", DIGITS, "how many digits", '"1-20"'),
                Key("finish", FINISH, "key that ends the input", '"#"'),
                Key("timeout", RINGING, "how long to wait for the first digit", "of defaults.menu"),
                Key(
                    "interdigit",
                    INTERDIGIT,
                    "how long for each further one",
                    "of defaults.menu",
                ),
                Key("attempts", whole(1, 10), "how often to ask", "of defaults.menu"),
                Key("matches", PATTERN, "pattern that the digits must fit, whole"),
                Key(
                    "confirm",
                    PROMPTS,
                    "after the digits were read back: 1 accepts them, any other key asks again",
                ),
                Key("secret", YES, "digits are not read back", "false"),
                Key("on_invalid", BODY, "before asking again, after a wrong input"),
                Key("on_timeout", BODY, "before asking again, after silence", "as on_invalid"),
                Key("on_exhausted", BODY, "after the last attempt; must be written"),
            ),
        ),
        _build_gather,
    ),
)

"""The keys overflow and lend of a queue: what happens when its own agents are not enough."""

from typing import Any

from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes
from ccctl.flow import schema_sections as sections
from ccctl.flow.schema_steps import YES, span_of_time, whole
from ccctl.flow.schema_types import Key, Kind, Reader, Table, listed, named, read_keys
from ccctl.flow.source import Node, Sequence

LATER = span_of_time(1000, 3_600_000)
MOST_LEVEL_MS = 4 * 3_600_000
WHEN = Table(
    "when",
    "When a rule holds: all that is written together. Looked at when a caller comes and while he waits.",
    (
        Key("wait", LATER, "the caller has waited so long", example="wait: 60s"),
        Key("length", whole(1, 10_000), "so many others wait, or more"),
        Key("estimated_wait", LATER, "the wait that callers are told is so long, or longer"),
        Key("available", whole(0, 10_000), "no more than so many of the queue's agents are free"),
        Key("staffed", whole(0, 10_000), "no more than so many of them are logged in"),
    ),
)


def _read_when(reader: Reader, node: Node) -> graph.When | None:
    before = len(reader.findings)
    keys = read_keys(reader, node, WHEN)
    if not keys:
        if len(reader.findings) == before:
            reader.report(findings.shape(node.span, "nothing is written for when", "write {wait: 60s}"))
        return None
    return graph.When(
        span=node.span,
        wait_ms=keys.get("wait", 0),
        length=keys.get("length"),
        estimated_ms=keys.get("estimated_wait", 0),
        available=keys.get("available"),
        staffed=keys.get("staffed"),
    )


_WHEN = Kind("mapping, below", _read_when, WHEN.shape)
OVERFLOW = Table(
    "overflow",
    "What happens when a queue is overrun: a list of rules, each with one of borrow and leave.",
    (
        Key("when", _WHEN, "when", required=True, example="when: {wait: 60s}"),
        Key(
            "borrow",
            listed(named("queues", "a queue")),
            "agents of these queues are asked too, after the own",
        ),
        Key("leave", YES, "the caller leaves the queue by on_overflow, unless a phone rings for him"),
    ),
)
LEND = Table(
    "lend",
    "When agents of the queue may be borrowed: while nobody waits in it, and its goal is kept.",
    (
        Key(
            "keep",
            sections.SERVICE_LEVEL,
            "the goal; met as well when nobody called",
            required=True,
            example="keep: 80% in 20s",
        ),
        Key("over", span_of_time(60_000, MOST_LEVEL_MS), "the time that is looked back", "30m"),
    ),
)


def _read_rules(reader: Reader, node: Node) -> tuple[graph.Overflow, ...] | None:
    items = node.items if isinstance(node, Sequence) else (node,)
    rules = tuple(_read_rule(reader, item) for item in items)
    return None if None in rules else tuple(rule for rule in rules if rule)


def _read_rule(reader: Reader, node: Node) -> graph.Overflow | None:
    before = len(reader.findings)
    keys: dict[str, Any] = read_keys(reader, node, OVERFLOW)
    if len(reader.findings) > before or "when" not in keys:
        return None
    borrow, leave = keys.get("borrow", ()), keys.get("leave", False)
    if bool(borrow) == leave:
        text = "this rule does two things" if leave else "this rule does nothing"
        hint = "write two rules" if leave else "write borrow: and a queue, or leave: true"
        reader.report(faults.bad_value(node.span, text, hint))
        return None
    return graph.Overflow(span=node.span, when=keys["when"], borrow=borrow, leave=leave)


def _read_lend(reader: Reader, node: Node) -> graph.Lend | None:
    keys = read_keys(reader, node, LEND)
    if "keep" not in keys:
        return None
    percent, goal_ms = keys["keep"]
    return graph.Lend(span=node.span, percent=percent, goal_ms=goal_ms, window_ms=keys.get("over", 1_800_000))


KEYS = (
    Key(
        "overflow",
        Kind("list of rules, below", _read_rules, shapes.listed(OVERFLOW.shape)),
        "what happens when its agents are not enough",
    ),
    Key(
        "lend",
        Kind("mapping, below", _read_lend, LEND.shape),
        "what it keeps for its own callers while others borrow its agents",
        "nobody of them waits",
    ),
)

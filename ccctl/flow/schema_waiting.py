"""The key while_waiting of a queue step: a menu for those who wait."""

from typing import Any

import msgspec

from ccctl.flow import checks_reading as findings
from ccctl.flow import graph, shapes
from ccctl.flow.graph import WaitingDoes as Does
from ccctl.flow.schema_answers import KEY
from ccctl.flow.schema_steps import PROMPTS, read_body, span_of_time
from ccctl.flow.schema_types import Key, Kind, Reader, Table, read_keys, read_mapping, refuse_duplicates
from ccctl.flow.source import Mapping, Node, Scalar

LATER = span_of_time(1000, 3_600_000)
WORDS = (Does.POSITION, Does.WAIT_TIME, Does.QUIET, Does.REPEAT)
TELL = Table("tell", "Prompts that a key plays.", (Key("tell", PROMPTS, "the prompts", required=True),))


class Waiting(msgspec.Struct, frozen=True):
    """The menu, and the keys of it by which a caller leaves: they are exit keys of the step like others."""

    menu: graph.WaitingMenu
    exits: tuple[graph.Option, ...] = ()


Choice = graph.WaitingOption | graph.Option


def _read_options(reader: Reader, node: Node) -> tuple[Choice, ...] | None:
    mapping = read_mapping(reader, node, "the keys", "{1: position, 9: voicemail-flow}")
    if mapping is None:
        return None
    if not mapping.entries:
        reader.report(findings.shape(node.span, "no key is written", "write for example {1: position}"))
    refuse_duplicates(reader, mapping)
    found = [_read_option(reader, word, child) for word, child in mapping.entries]
    return None if None in found else tuple(option for option in found if option)


def _read_option(reader: Reader, word: Scalar, node: Node) -> Choice | None:
    key = KEY.read(reader, word)
    if key is None:
        return None
    if isinstance(node, Scalar) and not node.secret and node.text in WORDS:
        return graph.WaitingOption(key=key, does=Does(node.text), span=word.span)
    if isinstance(node, Mapping) and any(each.text == "tell" for each, _ in node.entries):
        prompts = read_keys(reader, node, TELL).get("tell")
        return prompts and graph.WaitingOption(key=key, does=Does.TELL, prompts=prompts, span=word.span)
    return graph.Option(key=key, body=read_body(reader, node), span=word.span)


_DOES = shapes.either(shapes.words(tuple(WORDS)), TELL.shape, shapes.BODY)
OPTIONS = Kind(
    "mapping: key to `position`, `wait_time`, `quiet`, `repeat`, {tell: prompts} or destination",
    _read_options,
    shapes.mapping(KEY.shape, _DOES, least=1),
)
WAITING = Table(
    "while_waiting",
    "A menu for those who wait. Its keys count all the time; only a destination ends the waiting.",
    (
        Key("menu", PROMPTS, "the prompts of the menu", required=True, example="menu: waiting-menu"),
        Key("after", LATER, "first after this wait", "as every"),
        Key("every", LATER, "and again after each of these", required=True, example="every: 60s"),
        Key("options", OPTIONS, "what the keys do", required=True, example="options: {1: position}"),
    ),
)


def _read_waiting(reader: Reader, node: Node) -> Waiting | None:
    v: dict[str, Any] = read_keys(reader, node, WAITING)
    if not all(word in v for word in ("menu", "every", "options")):
        return None
    menu = graph.WaitingMenu(
        span=node.span,
        prompts=v["menu"],
        after_ms=v.get("after", v["every"]),
        every_ms=v["every"],
        options=tuple(each for each in v["options"] if isinstance(each, graph.WaitingOption)),
    )
    return Waiting(menu, tuple(each for each in v["options"] if isinstance(each, graph.Option)))


WAITING_KEY = Key(
    "while_waiting", Kind("mapping, below", _read_waiting, WAITING.shape), "a menu for those who wait"
)

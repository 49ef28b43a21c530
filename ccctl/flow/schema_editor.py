"""JSON Schema (draft 7) of a site's files, for editors: made of the same tables that reading uses.

It knows less than `ccctl check`: what a name stands for and what belongs together is not in it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ccctl.flow import schema_phones, shapes
from ccctl.flow import schema_sections as sections
from ccctl.flow.schema import SECTIONS, Document
from ccctl.flow.schema_reference import TABLES
from ccctl.flow.schema_types import Verb
from ccctl.flow.schema_verbs import VERBS
from ccctl.flow.shapes import Shape
from ccctl.flow.source import Mapping as Table
from ccctl.flow.source import Node, Scalar, Sequence

DRAFT = "http://json-schema.org/draft-07/schema#"
PROMPT = shapes.either(
    shapes.LINE, shapes.mapping(shapes.matching("all|[a-z]{2,3}(_[A-Z]{2})?"), shapes.LINE)
)
# How an entry of a section is written where it is not just a name and the keys of its table.
SPECIAL: dict[str, Shape] = {
    "ccctl": {"description": "Version of the language.", "enum": [1, "1"]},
    "include": {"description": "Files below this folder.", **shapes.listed(shapes.SINGLE)},
    "defaults": sections.DEFAULTS.shape,
    "provision": schema_phones.PROVISION.shape,
    "numbers": shapes.mapping(shapes.E164, shapes.either(shapes.named("flows"), sections.NUMBER.shape)),
    "feature_codes": shapes.mapping(
        sections.CODE.shape,
        shapes.either(shapes.words(sections.ACTIONS), sections.PAGE.shape, sections.LISTEN.shape),
    ),
    "prompts": shapes.mapping(shapes.NAME, PROMPT),
    "flows": shapes.mapping(shapes.NAME, shapes.either(shapes.BODY, sections.FLOW.shape)),
}


def editor_schema(names: Mapping[str, Iterable[str]] | None = None) -> Shape:
    """The schema; `names` of a site (by section) are what an editor proposes."""
    properties = {section: _section(section) for section in SECTIONS}
    schema: Shape = {
        "$schema": DRAFT,
        "title": "ccctl site",
        "description": "The call centre as code for Asterisk.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": {"body": _body(), "item": _item(), "step": _step(), **_steps()},
    }
    wanted = sorted({ref.removeprefix("#/$defs/") for ref in _refs(schema)} - set(schema["$defs"]))
    known = names or {}
    schema["$defs"] |= {word: _name(known.get(word.removesuffix("-name"), ())) for word in wanted}
    return schema


def _section(section: str) -> Shape:
    if section in SPECIAL:
        return SPECIAL[section]
    table = next((tables[0] for name, tables, _ in TABLES if name == section), None)
    if table is None:
        return shapes.ANY
    return {"description": table.meaning, **shapes.mapping(shapes.NAME, table.shape)}


def _name(known: Iterable[str]) -> Shape:
    """Unknown names are for `ccctl check`: the file beside this one may have them by now."""
    names = sorted(known)
    return shapes.either(shapes.words(tuple(names)), shapes.NAME) if names else shapes.NAME


def names_of(documents: Iterable[Document]) -> dict[str, set[str]]:
    """What the things of a site are called, by section; and its languages."""
    names: dict[str, set[str]] = {}
    for document in documents:
        for word, node in document.root.entries if isinstance(document.root, Table) else ():
            if isinstance(node, Table):
                names.setdefault(word.text, set()).update(key.text for key, _ in node.entries)
            if word.text == "defaults" and isinstance(node, Table):
                names.setdefault("languages", set()).update(_texts(node.get("languages")))
    return names


def _texts(node: Node | None) -> set[str]:
    items = node.items if isinstance(node, Sequence) else (node,)
    return {item.text for item in items if isinstance(item, Scalar)}


# -- flows -----------------------------------------------------------------------------------------


def _body() -> Shape:
    flow = {"description": "Goes on in this flow.", **shapes.named("flows")}
    steps = {"type": "array", "items": {"$ref": "#/$defs/item"}, "minItems": 1}
    return shapes.either(flow, {"$ref": "#/$defs/item"}, steps)


def _item() -> Shape:
    bare = tuple(verb.name for verb in VERBS if verb.bare)
    return shapes.either(shapes.words(bare), {"$ref": "#/$defs/step"})


def _step() -> Shape:
    return shapes.either(*({"$ref": f"#/$defs/step-{verb.name}"} for verb in VERBS))


def _steps() -> dict[str, Shape]:
    return {f"step-{verb.name}": _verb(verb) for verb in VERBS}


def _verb(verb: Verb) -> Shape:
    """A step is known by its verb, also where the verb has a default."""
    shape = verb.table.shape
    first = shape["properties"][verb.name]
    properties = {**shape["properties"], verb.name: {**first, "description": _meaning(verb, first)}}
    required = [verb.name, *(word for word in shape.get("required", ()) if word != verb.name)]
    return {**shape, "title": verb.table.title, "properties": properties, "required": required}


def _meaning(verb: Verb, first: Shape) -> str:
    return f"{verb.table.meaning}\n\n{first.get('description', '')}"


def _refs(shape: Any) -> Iterator[str]:
    match shape:
        case {"$ref": str(ref), **rest}:
            yield ref
            yield from _refs(rest)
        case dict():
            yield from (ref for value in shape.values() for ref in _refs(value))
        case list():
            yield from (ref for value in shape for ref in _refs(value))

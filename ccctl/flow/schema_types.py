"""What keys, tables of keys and kinds of values are, and how a tree is read with them.

schema_sections.py and schema_steps.py declare tables; reading and the reference in docs/ both
come from the same declaration.
"""

import datetime
from collections.abc import Callable
from typing import Any

import msgspec

from ccctl.diagnostics import Diagnostic, Span, did_you_mean
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import shapes
from ccctl.flow.calendar import Calendar
from ccctl.flow.graph import AnyStep
from ccctl.flow.shapes import Shape
from ccctl.flow.source import Mapping, Node, Scalar, Sequence, duplicates
from ccctl.flow.values import Wrong


class Ref(msgspec.Struct, frozen=True):
    """Somebody names something: at `span`, a `kind` (a section's name) called `name` is expected."""

    kind: str
    name: str
    span: Span


class Recording(msgspec.Struct, frozen=True):
    """A sound file of the site. `fault` says why Asterisk cannot play it."""

    path: str
    digest: str
    fault: str = ""


def _no_secret(name: str) -> str | Wrong:
    return Wrong("has no value", "")


def _no_file(path: str) -> bytes | Wrong:
    return Wrong("not found", "")


def _no_query(database: str, sql: str, most: int) -> Wrong:
    return Wrong("there is no database here", "write file: and a CSV file")


class Folder(msgspec.Struct, frozen=True):
    """What the shell provides of the site's surroundings. `sounds`: path relative to the site."""

    secret: Callable[[str], str | Wrong] = _no_secret
    read: Callable[[str], bytes | Wrong] = _no_file
    sounds: dict[str, Recording] = {}
    shown: str = ""  # what stands before a relative path when it is shown
    today: datetime.date = datetime.date(1970, 1, 1)  # from the shell: nothing in here has a clock
    query: Callable[[str, str, int], tuple[tuple[str, ...], list[tuple[str, ...]]] | Wrong] = _no_query
    recall: Callable[[str], bytes | None] = lambda key: None  # what was kept by a key, in an earlier run
    keep: Callable[[str, bytes], None] = lambda key, data: None


class Reader:
    """Collects while a site is read: findings, references, names, and the place of every value."""

    def __init__(self, folder: Folder, verbs: "tuple[Verb, ...]") -> None:
        self.folder = folder
        self.verbs = {verb.name: verb for verb in verbs}
        self.findings: list[Diagnostic] = []
        self.refs: list[Ref] = []
        self.names: dict[str, dict[str, Span]] = {}
        self.spots: dict[tuple[str, str, str], Span] = {}
        self.country = ""
        self.menu: dict[str, int] = {"timeout": 5000, "interdigit": 2000, "attempts": 3}
        self.patient: set[Span] = set()  # menus that set interdigit themselves
        self.extensions: tuple[str, ...] = ()  # of all users
        self.secrets: dict[str, str] = {}  # those that flows send, by name
        self.given: list[tuple[str, str, Span]] = []  # variable, literal value, place: to be checked
        self.dialled: list[tuple[str, Span]] = []  # numbers that dial steps call
        self.lookups = 0  # how many secrets were asked for
        self.unsure: set[str] = set()  # codes that follow from a slip that is told already
        self.targets: list[tuple[str, Span]] = []  # variables that dial steps call
        self.shown: list[tuple[str, Span]] = []  # numbers that are shown as the caller
        self.calendars: dict[tuple[str, str], Calendar] = {}  # by path and time zone

    def report(self, diagnostic: Diagnostic) -> None:
        self.findings.append(diagnostic)

    def refer(self, kind: str, name: str, span: Span) -> str:
        self.refs.append(Ref(kind, name, span))
        return name

    def spot(self, section: str, name: str, key: str) -> Span:
        """The place of a value; of the whole thing when the value was not written."""
        return self.spots.get((section, name, key)) or self.names.get(section, {}).get(name, Span())


class Kind(msgspec.Struct, frozen=True):
    """A kind of value. `read` returns None after it has reported what is wrong; `shape` is what an
    editor can check of it (shapes.py), all when nothing is said."""

    title: str
    read: Callable[[Reader, Node], Any]
    shape: Shape = shapes.ANY


class Key(msgspec.Struct, frozen=True):
    name: str
    kind: Kind
    meaning: str
    default: str = ""
    required: bool = False
    example: str = ""

    @property
    def shape(self) -> Shape:
        default = f" Default: {self.default}." if self.default else ""
        return {"description": f"{self.meaning}. {self.kind.title}.{default}", **self.kind.shape}


class Table(msgspec.Struct, frozen=True):
    """The keys of one thing. `soon` are words of the language that this version does not have."""

    title: str
    meaning: str
    keys: tuple[Key, ...]
    soon: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(key.name for key in self.keys)

    @property
    def shape(self) -> Shape:
        required = [key.name for key in self.keys if key.required]
        shape: Shape = {
            "type": "object",
            "description": self.meaning,
            "properties": {key.name: key.shape for key in self.keys},
            "additionalProperties": False,
        }
        return {**shape, "required": required} if required else shape


class Verb(msgspec.Struct, frozen=True):
    """A step of the language; its first key is the verb. `bare`: may be written as a word alone."""

    table: Table
    build: Callable[[Span, dict[str, Any]], AnyStep]
    bare: bool = False

    @property
    def name(self) -> str:
        return self.table.keys[0].name


# -- reading ---------------------------------------------------------------------------------------


def read_mapping(reader: Reader, node: Node, what: str, example: str) -> Mapping | None:
    if isinstance(node, Mapping):
        return node
    empty = isinstance(node, Scalar) and not node.text and not node.quoted
    text = f"nothing is written for {what}" if empty else f"{what} must be a mapping"
    reader.report(findings.shape(node.span, text, f"write {example}"))
    return None


def refuse_duplicates(reader: Reader, mapping: Mapping) -> None:
    for second, first in duplicates(mapping):
        reader.report(findings.duplicate(second.span, second.text, first.span))


def read_keys(
    reader: Reader, node: Node, table: Table, at: tuple[str, str] | None = None, skip: str = ""
) -> dict[str, Any]:
    """The values of the keys that are written and right. `at` (section, name) keeps their places;
    `skip` is a key that the caller has read."""
    mapping = read_mapping(reader, node, table.title, f"{{{table.keys[0].name}: ...}}")
    if mapping is None:
        return {}
    refuse_duplicates(reader, mapping)
    known = {key.name: key for key in table.keys}
    values: dict[str, Any] = {}
    for word, child in mapping.entries:
        if word.text == skip or word.text in values:
            continue
        if word.text not in known:
            unknown_key(reader, word, table)
            continue
        if at:
            reader.spots[(*at, word.text)] = child.span
        value = known[word.text].kind.read(reader, child)
        if value is not None:
            values[word.text] = value
    written = {word.text for word, _ in mapping.entries}
    for key in table.keys:
        if key.required and key.name not in written:
            reader.report(
                findings.missing(mapping_span(mapping), key.name, table.title, key.example or key.name)
            )
    return values


def mapping_span(mapping: Mapping) -> Span:
    """A block mapping begins at its first key; there its findings are shown."""
    return mapping.entries[0][0].span if mapping.entries else mapping.span


def unknown_key(reader: Reader, word: Scalar, table: Table) -> None:
    outcomes = tuple(key[3:] for key in table.words if key.startswith("on_"))
    if word.text in table.soon:
        reader.report(findings.not_available(word.span, word.text))
    elif word.text.startswith("on_") and table.title.startswith("step "):
        reader.report(findings.unknown_outcome(word.span, word.text, table.title, outcomes))
    else:
        reader.report(findings.unknown_key(word.span, word.text, table.title, table.words))


# -- kinds -----------------------------------------------------------------------------------------


def read_text(reader: Reader, node: Node) -> str | None:
    """One line of text that is safe to hand to Asterisk."""
    scalar = read_scalar(reader, node)
    if scalar is None:
        return None
    for mark in ("${", "$["):
        at = scalar.text.find(mark)
        if at >= 0:
            end = scalar.text.find("}" if mark == "${" else "]", at)
            word = scalar.text[at : end + 1] if end > 0 else scalar.text[at:]
            reader.report(faults.expansion(scalar.span, word))
            return None
    return scalar.text


def read_scalar(reader: Reader, node: Node) -> Scalar | None:
    if not isinstance(node, Scalar):
        reader.report(findings.shape(node.span, "a single value is needed here", "write one word or text"))
    elif node.secret:
        reader.report(faults.misplaced_secret(node.span, node.text))
    elif not node.text.strip():
        reader.report(
            findings.shape(node.span, "nothing is written here", "write a value or take the key out")
        )
    else:
        return node
    return None


def _read_line(reader: Reader, node: Node) -> str | None:
    text = read_text(reader, node)
    if text is not None and "\n" in text:
        reader.report(faults.bad_value(node.span, "this text has more than one line", "write one line"))
        return None
    return text


Finding = Callable[[Span, str, str], Diagnostic]


def typed(
    title: str,
    convert: Callable[[str], Any],
    finding: Finding = faults.bad_value,
    shape: Shape = shapes.SINGLE,
) -> Kind:
    """A kind of single value, converted by a function of values.py."""

    def read(reader: Reader, node: Node) -> Any:
        text = read_text(reader, node)
        value = None if text is None else convert(text)
        if isinstance(value, Wrong):
            reader.report(finding(node.span, value.text, value.hint))
            return None
        return value

    return Kind(title, read, shape)


def choice(*words: str, soon: tuple[str, ...] = ()) -> Kind:
    """One of some words; `soon` are those of later versions."""

    def read(reader: Reader, node: Node) -> str | None:
        text = read_text(reader, node)
        if text is None or text in words:
            return text
        if text in soon:
            instead = f"use {' or '.join(words)}"
            reader.report(findings.not_available(node.span, text, instead=instead))
        else:
            near = did_you_mean(text.lower(), words)
            hint = f'did you mean "{near}"?' if near else f"write {' or '.join(words)}"
            reader.report(faults.bad_value(node.span, f'"{text}" is not known here', hint))
        return None

    return Kind(" or ".join(f"`{word}`" for word in words), read, shapes.words(words))


def named(section: str, singular: str) -> Kind:
    """A reference to a thing of a section."""

    def read(reader: Reader, node: Node) -> str | None:
        text = read_text(reader, node)
        return None if text is None else reader.refer(section, text, node.span)

    return Kind(f"name of {singular}", read, shapes.named(section))


def listed(kind: Kind, empty: bool = False) -> Kind:
    """A list of values; a single one may stand without brackets. `empty`: a check says what is missing."""

    def read(reader: Reader, node: Node) -> tuple[Any, ...] | None:
        items = node.items if isinstance(node, Sequence) else (node,)
        if not items and not empty:
            reader.report(findings.shape(node.span, "the list is empty", "write a value or take the key out"))
            return None
        values = tuple(kind.read(reader, item) for item in items)
        return None if None in values else values

    return Kind(f"list of: {kind.title}", read, shapes.listed(kind.shape))


def keyed(title: str, key: Kind, value: Kind) -> Kind:
    """A mapping whose keys are data."""

    def read(reader: Reader, node: Node) -> dict[Any, Any] | None:
        mapping = read_mapping(reader, node, title, "{key: value}")
        if mapping is None:
            return None
        refuse_duplicates(reader, mapping)
        pairs = {key.read(reader, word): value.read(reader, child) for word, child in mapping.entries}
        return None if None in pairs or None in pairs.values() else pairs

    shape = shapes.mapping(key.shape, value.shape)
    return Kind(f"mapping: {key.title} to {value.title}", read, shape)


def read_secret(what: str) -> Kind:
    def read(reader: Reader, node: Node) -> str | None:
        if not isinstance(node, Scalar):
            reader.report(
                findings.shape(node.span, f"{what} must be a single value", "write !secret and a name")
            )
            return None
        if not node.secret:
            reader.report(faults.clear_text(node.span, what))
            return None
        reader.lookups += 1
        value = reader.folder.secret(node.text)
        if isinstance(value, Wrong):
            variable = value.hint or secret_variable(node.text)
            reader.report(faults.unknown_secret(node.span, node.text, value.text, variable))
            return None
        return value

    return Kind("`!secret` and a name", read, shapes.SINGLE)


def secret_variable(name: str) -> str:
    """The environment variable that may hold a secret."""
    return f"CC_SECRET_{''.join(c if c.isascii() and c.isalnum() else '_' for c in name.upper())}"


TEXT = Kind("text", _read_line, shapes.LINE)

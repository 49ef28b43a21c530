"""YAML text to a tree of nodes that keep their text and their place. Opens no files, raises nothing.

YAML's own types are poison for telephony (`10:30` becomes 630, `0123` becomes 83), so every scalar
stays text here and schema.py gives it a type. The tree is built from parser events, because
composing nodes in C overflows the stack on deeply nested input.
"""

import functools
import re
from collections.abc import Iterator

import msgspec
import yaml

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow.yaml_mistakes import BLANKS, explain, no_blank_in, odd_text
from ccctl.flow.yaml_scene import Place, scene

MAX_BYTES = 2_000_000
MAX_DEPTH = 40
MAX_NODES = 200_000  # after aliases are expanded
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CORE_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "map", "seq"))
CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
COLON = re.compile("[a-z_0-9-]+:[^/]")  # in a key: a blank is missing behind it
COMMENT_KEY = re.compile(r"^\s*(#[0-9*#]*):(\s|$)")


class Scalar(msgspec.Struct, frozen=True, tag="t", array_like=True):
    """`text` as written, without quotes. For `!secret name` the text is the secret's name."""

    text: str
    span: Span
    quoted: bool = False
    secret: bool = False


class Sequence(msgspec.Struct, frozen=True, tag="l", array_like=True):
    items: tuple["Node", ...]
    span: Span


class Mapping(msgspec.Struct, frozen=True, tag="m", array_like=True):
    entries: tuple[tuple[Scalar, "Node"], ...]
    span: Span

    def get(self, key: str) -> "Node | None":
        return next((value for name, value in self.entries if name.text == key), None)


Node = Scalar | Sequence | Mapping


class Parsed(msgspec.Struct, frozen=True):
    """`root` is None when the text is empty or broken; then there is a finding."""

    root: Node | None
    findings: tuple[Diagnostic, ...] = ()


def parse(data: bytes, file: str) -> Parsed:
    """The tree of one YAML file and everything that is wrong with it as YAML."""
    text, broken = _decode(data, file)
    if broken:
        return Parsed(None, (broken,))
    builder = _Builder(file, text)
    broken_off: list[Diagnostic] = []
    try:
        for event in yaml.parse(text, Loader=Loader):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        broken_off = [_explain(error, text, file)]
    except (yaml.YAMLError, ValueError) as error:
        broken_off = [findings.syntax(Span(file), str(error).splitlines()[0], "")]
    builder.findings += builder.doubtful or broken_off
    comments = () if builder.broken else tuple(_comment_keys(text, file))
    if builder.root is None and not builder.findings:
        return Parsed(None, (findings.empty(Span(file)),))
    return Parsed(None if builder.broken else builder.root, (*builder.findings, *comments))


# -- text ------------------------------------------------------------------------------------------


def _decode(data: bytes, file: str) -> tuple[str, Diagnostic | None]:
    if len(data) > MAX_BYTES:
        limit = f"at most {MAX_BYTES // 1_000_000} MB; split it, and name the parts in include"
        return "", findings.too_big(Span(file), "the file is too large", limit)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[:2].count(0) == 1:
        return "", findings.encoding(Span(file), "the file is UTF-16 or UTF-32")
    data = data.removeprefix(b"\xef\xbb\xbf")  # the mark that editors on Windows write
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        return "", findings.encoding(_end_of(before, file), f"byte 0x{data[error.start]:02x} is not UTF-8")
    bad = CONTROL.search(text)
    if bad:
        place = _end_of(text[: bad.start()], file)
        return "", findings.encoding(place, f"control character U+{ord(bad[0]):04X}")
    return text, None


def _end_of(text: str, file: str) -> Span:
    lines = f"{text}.".splitlines()
    return Span(file, len(lines), len(lines[-1]), len(lines[-1]) + 1)


def _comment_keys(text: str, file: str) -> Iterator[Diagnostic]:
    for number, line in enumerate(text.splitlines(), start=1):
        if match := COMMENT_KEY.match(line):
            yield findings.comment_key(Span(file, number, match.start(1) + 1, match.end(1) + 1), match[1])


def _explain(error: yaml.MarkedYAMLError, text: str, file: str) -> Diagnostic:
    """YAML's own words, turned into what is wrong, where, and what to write instead."""
    seen = scene(error, text, file, Loader)
    if seen is None:
        return findings.syntax(Span(file), error.problem or "not YAML", "")
    span = Span(file, seen.at.row + 1, seen.at.column + 1, seen.at.column + 2)
    if "nesting depth" in seen.problem:  # newer parsers give up by themselves, before the first event
        return findings.too_big(span, "too deeply nested", f"at most {MAX_DEPTH} levels")
    if "scanning an alias" in str(error.context):
        start = seen.since or seen.at
        line = seen.line(start.row)[start.column :]
        return findings.special(Span(file, start.row + 1, start.column + 1, start.column + 2), "*", line)
    return explain(seen)


# -- tree ------------------------------------------------------------------------------------------


class _Open(msgspec.Struct):
    """A collection whose end has not come yet."""

    mapping: bool
    span: Span
    secret: bool
    anchor: str | None
    parts: list[Node]
    nodes: int = 1


class _Builder:
    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.doubtful: list[Diagnostic] = []  # YAML, but hardly what was meant; the first one is enough
        self.root: Node | None = None
        self.findings: list[Diagnostic] = []
        self.broken = False
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.nodes = 0

    def take(self, event: yaml.Event) -> bool:
        """False when reading on makes no sense."""
        match event:
            case yaml.ScalarEvent():
                self.scalar(event)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                return self.start(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self.end(event)
            case yaml.AliasEvent():
                return self.alias(event)
            case yaml.DocumentStartEvent() if self.root is not None:
                return self.refuse(findings.documents(self.span(event)))
            case _:
                pass
        return True

    def span(self, event: yaml.Event) -> Span:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:
            return Span(self.file)
        last = end.column + 1 if end.line == start.line else 0
        return Span(self.file, start.line + 1, start.column + 1, last)

    def refuse(self, diagnostic: Diagnostic) -> bool:
        self.findings.append(diagnostic)
        self.broken = True
        return False

    def scalar(self, event: yaml.ScalarEvent) -> None:
        secret = self.tagged(event)
        bad = CONTROL.search(event.value)
        if bad:  # written as an escape: "\\0"
            self.findings.append(findings.control(self.span(event), f"U+{ord(bad[0]):04X}"))
            self.broken = True
        if not event.style:
            self.doubt(event)
        node = Scalar(event.value, self.span(event), event.style is not None and event.style != "", secret)
        self.add(node, event.anchor, 1)

    def doubt(self, event: yaml.ScalarEvent) -> None:
        """Of texts without quotes: those that go on with a list, and those that seem to be indented."""
        start, end = event.start_mark, event.end_mark
        if self.doubtful or start is None or end is None:
            return
        if start.line == end.line and event.value[:1] not in BLANKS:
            return
        if found := odd_text(self.file, self.lines, Place(start.line, start.column), end.line):
            self.doubtful.append(found)
            self.broken = True

    @functools.cached_property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.splitlines())

    def tagged(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> bool:
        """Is this node marked !secret? Other tags are findings."""
        if event.tag in (None, "!") or event.tag in CORE_TAGS:
            return False
        if event.tag == "!secret" and isinstance(event, yaml.ScalarEvent):
            return True
        self.findings.append(findings.tag(self.span(event), event.tag.replace("tag:yaml.org,2002:", "!!")))
        return False

    def start(self, event: yaml.CollectionStartEvent) -> bool:
        if len(self.open) >= MAX_DEPTH:
            return self.refuse(
                findings.too_big(self.span(event), "too deeply nested", f"at most {MAX_DEPTH} levels")
            )
        mapping = isinstance(event, yaml.MappingStartEvent)
        here = self.span(event)
        start = Span(here.file, here.line, here.column)
        self.open.append(_Open(mapping, start, self.tagged(event), event.anchor, []))
        return True

    def end(self, event: yaml.Event) -> None:
        opened = self.open.pop()
        if opened.mapping:
            node: Node = Mapping(tuple(self.entries(opened.parts)), opened.span)
        else:
            node = Sequence(tuple(opened.parts), opened.span)
        self.add(node, opened.anchor, opened.nodes)

    def add(self, node: Node, anchor: str | None, nodes: int) -> None:
        self.nodes += 1
        if anchor:
            self.anchors[anchor] = (node, nodes)
        if self.open:
            self.open[-1].parts.append(node)
            self.open[-1].nodes += nodes
        else:
            self.root = node

    def alias(self, event: yaml.AliasEvent) -> bool:
        if event.anchor not in self.anchors:
            return self.refuse(findings.special(self.span(event), "*", f"*{event.anchor}"))
        node, nodes = self.anchors[event.anchor]
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            return self.refuse(
                findings.too_big(self.span(event), "aliases grow too large", f"at most {MAX_NODES} nodes")
            )
        self.add(node, None, nodes)
        return True

    def entries(self, parts: list[Node]) -> Iterator[tuple[Scalar, Node]]:
        """Keys with their values. The caller of a key decides whether a second one is a mistake
        of its own kind (menu options), so duplicates stay in and duplicates() finds them."""
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.findings.append(findings.key(key.span))
            elif key.text == "<<" and not key.quoted:
                self.findings.append(findings.merge_key(key.span))
            else:
                if COLON.match(key.text) and not key.quoted and value == Scalar("", value.span):
                    self.doubtful = self.doubtful or [no_blank_in(key.text, key.span)]
                    self.broken = True
                yield key, value


def duplicates(mapping: Mapping) -> Iterator[tuple[Scalar, Scalar]]:
    """Pairs of (the second key, the first one) with equal text."""
    first: dict[str, Scalar] = {}
    for key, _ in mapping.entries:
        if key.text in first:
            yield key, first[key.text]
        first.setdefault(key.text, key)

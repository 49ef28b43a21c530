"""A YAML text as a tree that keeps what meaning does not: comments, blank lines, quotes, anchors, styles.

Comments stand where a reader sees them: `trailing` beside an entry, `lead` above it, `foot` at the end
of a collection. An empty string among the lines of `lead` and `foot` is a blank line.
"""

import bisect
import re
from collections.abc import Iterator

import msgspec
import yaml

from ccctl.flow.source import Loader

PROPERTY = re.compile(r"\s*([&!][^\s,\[\]{}]*)")
COMMENT = re.compile(r"#[^\n]*")
BREAKS = re.compile("[\x85\u2028\u2029]")  # YAML ends a line there, and editors do not


class Unformattable(Exception):
    """A construct that is left to its author. Caught by layout.py."""

    def __init__(self, text: str, index: int) -> None:
        super().__init__(text)
        self.text = text
        self.index = index


class Node(msgspec.Struct):
    """A scalar or alias (`raw`, as written), or a collection with entries."""

    start: int
    end: int
    raw: str = ""
    properties: str = ""
    kind: str = "scalar"  # scalar, map, seq
    flow: bool = False
    entries: list["Entry"] = []
    foot: list[str] = []


class Entry(msgspec.Struct):
    """A pair of a mapping, or an item (without key) of a sequence. `start`: of the key or the dash."""

    start: int
    parent: Node
    value: Node
    key: Node | None = None
    lead: list[str] = []
    trailing: str = ""


class Comment(msgspec.Struct, frozen=True):
    start: int
    text: str
    alone: bool  # nothing else is on its line


class Tree(msgspec.Struct):
    root: Node
    explicit: bool  # begins with ---
    foot: list[str] = []


def read_tree(text: str) -> Tree:
    """The tree of a text that source.py could parse."""
    if odd := BREAKS.search(text):
        raise Unformattable(f"the line separator U+{ord(odd[0]):04X}", odd.start())
    reader = _Reader(text)
    tree = reader.read()
    comments = reader.comments()
    _place(tree, comments, reader)
    return tree


def comments_of(text: str) -> list[str]:
    reader = _Reader(text)
    reader.read()
    return sorted(comment.text for comment in reader.comments())


# -- events to nodes -------------------------------------------------------------------------------


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=Loader)
        self.opaque: list[tuple[int, int]] = []  # scalars and properties: a # in them is no comment
        self.breaks = [match.start() for match in re.finditer("\n", text)]

    def line(self, index: int) -> int:
        return bisect.bisect_left(self.breaks, index)

    def column(self, index: int) -> int:
        line = self.line(index)
        return index - (self.breaks[line - 1] + 1 if line else 0)

    def blank_above(self, line: int) -> bool:
        """Is the line before this one empty?"""
        if line < 1:
            return False
        start = self.breaks[line - 2] + 1 if line > 1 else 0
        return not self.text[start : self.breaks[line - 1]].strip()

    def read(self) -> Tree:
        explicit = False
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                explicit = bool(event.explicit)
                if event.version or event.tags:
                    raise Unformattable("a % directive", 0)
            elif not isinstance(event, yaml.StreamStartEvent):
                root = self.node(event)
                list(self.events)  # what comes is the end; the scanner has seen the whole text
                return Tree(root, explicit)
        raise Unformattable("nothing to format", 0)

    def node(self, event: yaml.Event) -> Node:
        start, end = _place_of(event)
        match event:
            case yaml.MappingStartEvent():
                return self.collection(self.opened(event, "map"), yaml.MappingEndEvent)
            case yaml.SequenceStartEvent():
                return self.collection(self.opened(event, "seq"), yaml.SequenceEndEvent)
            case _:
                if end > start:
                    self.opaque.append((start, end))
                block = getattr(event, "style", "") in ("|", ">")  # blanks at its end belong to it
                return Node(start, end, raw=self.text[start:end].rstrip("\n" if block else None))

    def opened(self, event: yaml.CollectionStartEvent, kind: str) -> Node:
        start = end = _place_of(event)[0]
        words: list[str] = []
        for _ in filter(None, (event.anchor, event.tag)):
            if match := PROPERTY.match(self.text, end):
                words.append(match[1])
                end = match.end()
        if words:
            self.opaque.append((start, end))
        return Node(start, end, properties=" ".join(words), kind=kind, flow=bool(event.flow_style))

    def collection(self, node: Node, last: type[yaml.Event]) -> Node:
        event = next(self.events)
        while not isinstance(event, last):
            key = self.key(event) if node.kind == "map" else None
            value = self.node(next(self.events) if key else event)
            at = key.start if key else value.start if node.flow else self.dash(node, value)
            node.entries.append(Entry(at, node, value, key))
            node.end = value.end
            event = next(self.events)
        node.end = _place_of(event)[1] if node.flow else node.end
        return node

    def key(self, event: yaml.Event) -> Node:
        key = self.node(event)
        before = self.text[max(0, key.start - 80) : key.start].rstrip(" ")[-1:]
        if key.kind != "scalar" or "\n" in key.raw or before == "?" or key.raw.startswith("*"):
            raise Unformattable("a key that is more than one word or text", key.start)
        return key

    def dash(self, node: Node, value: Node) -> int:
        """Where the dash of a block sequence's item is; comments before the item may have dashes, too."""
        since = node.entries[-1].value.end if node.entries else node.start
        between = self.text[since : value.start]
        masked = COMMENT.sub(lambda match: " " * len(match[0]), between)
        at = masked.rfind("-")
        return since + at if at >= 0 else value.start

    def comments(self) -> list[Comment]:
        """Every comment: a # after a blank, outside of scalars."""
        found: list[Comment] = []
        since = 0
        for start, end in (*self.opaque, (len(self.text), len(self.text))):
            for match in COMMENT.finditer(self.text, since, start):
                line = self.text.rfind("\n", 0, match.start()) + 1
                alone = not self.text[line : match.start()].strip()
                found.append(Comment(match.start(), match[0].rstrip(), alone))
            since = end
        return found


def _place_of(event: yaml.Event) -> tuple[int, int]:
    assert event.start_mark
    assert event.end_mark
    return event.start_mark.index, event.end_mark.index


# -- comments to entries ---------------------------------------------------------------------------


def all_entries(node: Node) -> Iterator[Entry]:
    for entry in node.entries:
        yield entry
        yield from all_entries(entry.value)


def _place(tree: Tree, comments: list[Comment], reader: _Reader) -> None:
    entries = list(all_entries(tree.root))
    _Placing(tree, entries, reader).place(comments)
    seen = -1
    for entry in entries:
        line = reader.line(entry.start)
        if line != seen and not entry.parent.flow and reader.blank_above(line):
            entry.lead.append("")
        seen = line


class _Placing:
    def __init__(self, tree: Tree, entries: list[Entry], reader: _Reader) -> None:
        self.tree = tree
        self.entries = entries
        self.starts = [entry.start for entry in entries]
        self.reader = reader
        self.brackets = [node for node in self._blocks_brackets() if node.entries]

    def _blocks_brackets(self) -> Iterator[Node]:
        """Collections in brackets that are in no other brackets, in their order."""
        if self.tree.root.flow:
            yield self.tree.root
        yield from (entry.value for entry in self.entries if entry.value.flow and not entry.parent.flow)

    def place(self, comments: list[Comment]) -> None:
        for comment in comments:
            owner = None if comment.alone else self.beside(comment)
            if owner is None:
                self.put(self.lines_for(comment), comment)
            elif owner.trailing:
                owner.lead.append(comment.text)
            else:
                owner.trailing = comment.text

    def put(self, lines: list[str], comment: Comment) -> None:
        if comment.alone and self.reader.blank_above(self.reader.line(comment.start)):
            lines.append("")
        lines.append(comment.text)

    def beside(self, comment: Comment) -> Entry | None:
        """The entry that a comment at the end of a line belongs to: the last one that begins in the
        line and is not inside of brackets that are closed; else the one that ends there."""
        line = self.reader.line(comment.start)
        before = range(bisect.bisect_left(self.starts, comment.start) - 1, -1, -1)
        for entry in (self.entries[at] for at in before):
            if self.reader.line(entry.start) < line:
                break
            if not entry.parent.flow or entry.parent.end > comment.start:
                return entry
        for entry in (self.entries[at] for at in before):
            open_still = not entry.parent.flow or entry.parent.end > comment.start
            if open_still and entry.value.end <= comment.start and self.reader.line(entry.value.end) == line:
                return entry
        return None

    def around(self, index: int) -> Node | None:
        """The innermost brackets around a place."""
        at = bisect.bisect_right(self.brackets, index, key=lambda node: node.start) - 1
        node = self.brackets[at] if at >= 0 and index < self.brackets[at].end else None
        while node:
            inner = (entry.value for entry in node.entries if entry.value.entries)
            deeper = next((each for each in inner if each.flow and each.start < index < each.end), None)
            if deeper is None:
                return node
            node = deeper
        return None

    def lines_for(self, comment: Comment) -> list[str]:
        """Where a comment on its own line goes: above what follows, or to the end of what it is in."""
        after = bisect.bisect_right(self.starts, comment.start)
        following = self.entries[after] if after < len(self.entries) else None
        brackets = self.around(comment.start)
        if brackets and (following is None or following.start > brackets.end):
            return brackets.foot
        column = self.reader.column(comment.start)
        if following and (following.parent.flow or column <= self.reader.column(following.start)):
            return following.lead
        for entry in (self.entries[at] for at in range(after - 1, -1, -1)):
            if column and not entry.parent.flow and self.reader.column(entry.start) <= column:
                return entry.parent.foot
        return following.lead if following else self.tree.foot

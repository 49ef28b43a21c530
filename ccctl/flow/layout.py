"""The one way to lay out a site's YAML files: what `ccctl fmt` writes.

Comments, quotes, anchors and tags stay; sections and the keys of steps get their order; what is
written in brackets stays so while it fits into a line. Meaning never changes: the result is parsed
and compared before it is handed out.
"""

import re
from collections import Counter
from typing import Any

import msgspec
import yaml

from ccctl.diagnostics import Diagnostic, Severity, Span
from ccctl.flow.layout_tree import Entry, Node, Tree, Unformattable, all_entries, comments_of, read_tree
from ccctl.flow.schema import SECTIONS
from ccctl.flow.schema_verbs import VERBS
from ccctl.flow.source import Mapping, Scalar, Sequence, parse
from ccctl.flow.source import Node as Meaning

WIDTH = 120
COMMENT_COLUMN = 48
ALIGNED_UP_TO = 90  # longer lines push only their own comment to the right
PEOPLE = ("ccctl", "include", "defaults", "trunks", "numbers", "hours", "users", "agents", "mailboxes")
CALLS = ("ring_groups", "queues", "flows", "surveys", "vars")
TABLES = ("feature_codes", "prompts")
KNOWN = (*PEOPLE, *CALLS, *TABLES)
ORDER = (*PEOPLE, *CALLS, *(word for word in SECTIONS if word not in KNOWN), *TABLES)
# The verb, its options, its outcomes.
WORDS = {
    verb.name: tuple(sorted((*verb.table.words, *verb.table.soon), key=lambda word: word.startswith("on_")))
    for verb in VERBS
}
# Plain text that other readers of YAML take for a number of their own or a date.
MISTAKABLE = re.compile(r"\+\d+|0\d+|\d+(:[0-5]?\d)+|\d{4}-\d{1,2}-\d{1,2}")


class Formatted(msgspec.Struct, frozen=True):
    """The new text, or None and why not."""

    text: str | None
    findings: tuple[Diagnostic, ...] = ()


def format_text(data: bytes, file: str) -> Formatted:
    """The laid out text of one file. A byte order mark and CRLF go; all else that is no YAML is told."""
    plain = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    before = parse(plain, file)
    if before.root is None:
        empty = all(finding.code == "E916" for finding in before.findings)
        return Formatted(_only_comments(plain) if empty else None, () if empty else before.findings)
    text = plain.decode()
    try:
        made = render(read_tree(text))
        if _same(text, made):
            return Formatted(made)
        odd = Unformattable("something here cannot be laid out without a change", 0)
    except yaml.YAMLError:  # behind a part that could be read
        return Formatted(None, before.findings)
    except Unformattable as found:
        odd = found
    return Formatted(None, (_left_alone(text, odd, file),))


def _same(before: str, after: str) -> bool:
    """Do two texts say the same, with the same comments?"""
    old, new = parse(before.encode(), "").root, parse(after.encode(), "").root
    if old is None or new is None or meaning(old) != meaning(new):
        return False
    try:
        return comments_of(before) == comments_of(after)
    except (Unformattable, yaml.YAMLError):
        return False


def _only_comments(data: bytes) -> str:
    lines = [line.strip() for line in data.decode().splitlines()]
    return "".join(f"{line}\n" for line in lines if line)


def _left_alone(text: str, odd: Unformattable, file: str) -> Diagnostic:
    line = text.count("\n", 0, odd.index) + 1
    column = odd.index - (text.rfind("\n", 0, odd.index) + 1) + 1
    told = f"{odd.text}; the file is left as it is"
    return Diagnostic("fmt", Severity.ERROR, told, Span(file, line, column), "write it in a simpler way")


def meaning(node: Meaning) -> Any:
    """What a tree says: without places, quotes and the order of keys; a key written twice counts twice."""
    match node:
        case Mapping():
            entries = [(key.text, meaning(value)) for key, value in node.entries]
            return ("map", sorted(entries, key=lambda entry: entry[0]))
        case Sequence():
            return ("seq", [meaning(item) for item in node.items])
        case Scalar():
            return (node.text, node.secret)


# -- lines -----------------------------------------------------------------------------------------


class Line(msgspec.Struct):
    """`fixed`: belongs to a text of several lines."""

    text: str
    comment: str = ""
    fixed: bool = False


def render(tree: Tree) -> str:
    if not _has_aliases(tree.root):
        _arrange(tree.root, ORDER)
    lines = [Line("---")] if tree.explicit else []
    root = tree.root
    if root.kind == "map" and not _inline(root):
        lines += _sections(root)
    elif root.kind == "seq" and not _inline(root):
        lines += _block(root, "")
    else:
        lines.append(Line(_inline(root) or root.raw))
    lines += [Line(line) for line in (*root.foot, *tree.foot)]
    return _text(lines)


def _has_aliases(root: Node) -> bool:
    return any(entry.value.raw.startswith("*") for entry in all_entries(root))


def _sections(root: Node) -> list[Line]:
    """Between two sections is a blank line when one of them has more than one line."""
    lines: list[Line] = []
    tall = False
    for entry in root.entries:
        body = _entry(entry, "")
        lead = _lead(entry, "")
        if lines and (tall or len(body) > 1):
            lines.append(Line(""))
        tall = len(body) > 1
        lines += [*lead, *body]
    return lines


def _block(node: Node, pad: str) -> list[Line]:
    lines: list[Line] = []
    for entry in node.entries:
        body = _entry(entry, pad)
        lines += [*_lead(entry, pad), *body]
    while lines and not lines[0].text:
        lines.pop(0)
    return lines + [Line(f"{pad}{line}" if line else "") for line in node.foot]


def _lead(entry: Entry, pad: str) -> list[Line]:
    return [Line(f"{pad}{line}" if line else "") for line in entry.lead]


def _entry(entry: Entry, pad: str) -> list[Line]:
    """The lines of an entry. May add to its `lead`, so that comes after it."""
    node = entry.value
    head = f"{pad}{_scalar(entry.key.raw)}:" if entry.key else f"{pad}-"
    one = _inline(node)
    if one is not None and (len(head) + 1 + len(one) <= WIDTH or not node.entries):
        return [Line(f"{head} {one}" if one else head, entry.trailing)]
    if node.kind == "scalar":
        first, *more = _folded(node, f"{pad}  ")
        if entry.trailing:
            entry.lead.append(entry.trailing)
        return [Line(f"{head} {first}"), *(Line(line, fixed=True) for line in more)]
    if entry.key or node.properties:
        opening = Line(f"{head} {node.properties}".rstrip(), entry.trailing)
        return [opening, *_block(node, f"{pad}  ")]
    return _item(entry, pad)


def _item(entry: Entry, pad: str) -> list[Line]:
    """A collection behind a dash: the dash stands in its first line."""
    first = entry.value.entries[0]
    above, first.lead = [line for line in first.lead if line], []
    lines = _block(entry.value, f"{pad}  ")[len(first.lead) :]  # a dash in the dash may have put some there
    entry.lead += [*above, *first.lead]
    lines[0].text = f"{pad}- {lines[0].text[len(pad) + 2 :]}"
    taken = bool(lines[0].comment) or any(line.fixed for line in lines[1:2])
    if entry.trailing and taken:
        entry.lead.append(entry.trailing)
    elif entry.trailing:
        lines[0].comment = entry.trailing
    return lines


def _inline(node: Node) -> str | None:
    """In one line; None when it has comments, is a block, or a text of several lines."""
    if node.kind == "scalar":
        return None if "\n" in node.raw else _scalar(node.raw)
    quiet = not node.foot and not any(entry.lead or entry.trailing for entry in node.entries)
    parts = [_inline_entry(entry) for entry in node.entries] if node.flow and quiet else [None]
    if None in parts:
        return None
    inside = ", ".join(part for part in parts if part is not None)
    whole = f"{{{inside}}}" if node.kind == "map" else f"[{inside}]"
    return f"{node.properties} {whole}" if node.properties else whole


def _inline_entry(entry: Entry) -> str | None:
    value = _inline(entry.value)
    if entry.key is None or value is None:
        return value
    key = _scalar(entry.key.raw)
    return f"{key}: {value}" if value else key


def _text(lines: list[Line]) -> str:
    """Comments stand in one column; no blank line at the top, none at the end, never two."""
    result: list[str] = []
    for at, line in enumerate(lines):
        text = f"{line.text:<{_column(lines, at)}}{line.comment}" if line.comment else line.text
        if text or line.fixed or (result and result[-1]):
            result.append(text)
    while result and not result[-1]:
        result.pop()
    return "".join(f"{line}\n" for line in result)


def _column(lines: list[Line], at: int) -> int:
    """Beside lines that reach over the column, neighbours share another one."""
    width = len(lines[at].text)
    if not _shares(lines[at]):
        return max(width + 2, COMMENT_COLUMN)
    first = last = at
    while first and _shares(lines[first - 1]):
        first -= 1
    while last + 1 < len(lines) and _shares(lines[last + 1]):
        last += 1
    return max(len(line.text) for line in lines[first : last + 1]) + 2


def _shares(line: Line) -> bool:
    return bool(line.comment) and COMMENT_COLUMN - 2 < len(line.text) <= ALIGNED_UP_TO


# -- order -----------------------------------------------------------------------------------------


def _arrange(root: Node, order: tuple[str, ...]) -> None:
    """Sections in their order, and in each step the verb before its options."""
    if root.kind == "map" and not root.flow and root.entries:
        head = _head(root.entries[0])
        root.entries.sort(key=lambda entry: _rank(entry, order))
        root.entries[0].lead[:0] = head
    for entry in all_entries(root):
        words = _step_words(entry.value)
        if words:
            leads = entry.value.entries[0].lead
            entry.value.entries.sort(key=lambda each: _rank(each, words))
            if entry.value.entries[0].lead is not leads and "" in leads:
                leads.remove("")


def _head(first: Entry) -> list[str]:
    """Comments at the top with a blank line below them are the file's, not the first section's."""
    ends = [at for at, line in enumerate(first.lead) if not line and at]
    head = first.lead[: ends[-1] + 1] if ends else []
    del first.lead[: len(head)]
    return head


def _rank(entry: Entry, words: tuple[str, ...]) -> int:
    word = _word(entry)
    return words.index(word) if word in words else len(words)


def _word(entry: Entry) -> str:
    return entry.key.raw.strip("\"'") if entry.key else ""


def _step_words(node: Node) -> tuple[str, ...]:
    """The order of keys, when a mapping is a step of one verb without a word that it does not have."""
    if node.kind != "map" or len(node.entries) < 2:
        return ()
    written = Counter(_word(entry) for entry in node.entries)
    fitting = [words for verb, words in WORDS.items() if verb in written and set(written) <= set(words)]
    return fitting[0] if len(fitting) == 1 and max(written.values()) == 1 else ()


# -- scalars ---------------------------------------------------------------------------------------


def _scalar(raw: str) -> str:
    """Double quotes where quotes are, and around what YAML's other readers take for something else."""
    if raw.startswith("'"):
        text = raw[1:-1].replace("''", "'")
        return raw if re.search(r'["\\]', text) else f'"{text}"'
    return f'"{raw}"' if MISTAKABLE.fullmatch(raw) else raw


def _folded(node: Node, pad: str) -> list[str]:
    """A text of several lines with a new indentation."""
    first, *more = node.raw.split("\n")
    header = re.search(r"(?:^|\s)[|>]([-+0-9]*)\s*(#.*)?$", first)
    if not header:
        return [first.rstrip(), *(f"{pad}{line.strip()}" if line.strip() else "" for line in more)]
    if header[1] not in ("", "-"):
        raise Unformattable(f"a text block with {header[1]}", node.start)
    inner = next((len(line) - len(line.lstrip(" ")) for line in more if line.strip()), WIDTH)
    return [first.rstrip(), *(f"{pad}{line[inner:]}" if line[inner:] else "" for line in more)]

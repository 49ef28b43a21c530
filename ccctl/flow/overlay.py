"""A changed site without a copy of it: one file of changes laid on the files of the site.

Mappings are joined key by key, at every depth; everything else, a flow's list of steps too, takes the place
of what was there; a key with nothing behind it is taken out.
"""

from collections.abc import Iterable

import msgspec

from ccctl.diagnostics import Diagnostic
from ccctl.flow import checks_tests as faults
from ccctl.flow.schema import Document
from ccctl.flow.source import Mapping, Node, Scalar

Names = dict[str, dict[str, Node]]  # section -> name -> what is written for it


def lay_over(documents: list[Document], change: Document) -> tuple[list[Document], list[Diagnostic]]:
    """The documents of the changed site: what the change speaks of stands in the last of them, and no more
    in the others. The findings are names to be taken out that the site does not have."""
    root = change.root
    if not isinstance(root, Mapping):
        return [*documents, change], []  # reading tells what is wrong with it
    below = _names(documents)
    found = [
        faults.nothing_to_take_out(name.span, section.text, name.text, below.get(section.text, {}))
        for section, node in root.entries
        for name in _taken_out(node)
        if name.text not in below.get(section.text, {})
    ]
    laid = tuple((word, _laid(below.get(word.text, {}), node)) for word, node in root.entries)
    rest = [_without(document, root) for document in documents]
    return [*rest, msgspec.structs.replace(change, root=Mapping(laid, root.span), digest="")], found


def _names(documents: Iterable[Document]) -> Names:
    names: Names = {}
    for document in documents:
        for word, node in document.root.entries if isinstance(document.root, Mapping) else ():
            if isinstance(node, Mapping):
                names.setdefault(word.text, {}).update((name.text, value) for name, value in node.entries)
    return names


def _taken_out(section: Node) -> list[Scalar]:
    entries = section.entries if isinstance(section, Mapping) else ()
    return [name for name, node in entries if _is_nothing(node)]


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.text and not node.quoted


def _laid(below: dict[str, Node], node: Node) -> Node:
    """What a section of the change holds, each name with what the site has of it."""
    if not isinstance(node, Mapping):
        return node
    entries = ((name, _joined(below.get(name.text), value)) for name, value in node.entries)
    return Mapping(tuple(entry for entry in entries if not _is_nothing(entry[1])), node.span)


def _joined(below: Node | None, above: Node) -> Node:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    known = {name.text: value for name, value in below.entries}
    written = {name.text for name, _ in above.entries}
    kept = tuple(entry for entry in below.entries if entry[0].text not in written)
    laid = ((name, _joined(known.get(name.text), value)) for name, value in above.entries)
    return Mapping((*kept, *(entry for entry in laid if not _is_nothing(entry[1]))), above.span)


def _without(document: Document, change: Mapping) -> Document:
    """A file of the site without the names that the change speaks of; its content is not the one that was
    remembered by its digest."""
    if not isinstance(document.root, Mapping):
        return document
    entries = tuple((word, _left(node, change.get(word.text))) for word, node in document.root.entries)
    if all(new is old for (_, new), (_, old) in zip(entries, document.root.entries, strict=True)):
        return document
    return msgspec.structs.replace(document, root=Mapping(entries, document.root.span), digest="")


def _left(node: Node, change: Node | None) -> Node:
    if not (isinstance(node, Mapping) and isinstance(change, Mapping)):
        return node
    spoken = {name.text for name, _ in change.entries}
    left = tuple(entry for entry in node.entries if entry[0].text not in spoken)
    return node if len(left) == len(node.entries) else Mapping(left, node.span)

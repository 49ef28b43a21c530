"""Flows of one file as they were read before: reading is most of the work, and an edit touches one file.

A chunk is kept by what it was read from: the text of its file and whatever of the site reading a flow looks
at. It holds no secret: flows of a file that names one are read every time.
"""

import hashlib
from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow.graph import Flow
from ccctl.flow.schema_types import Reader, Ref
from ccctl.flow.source import Node, Scalar

if TYPE_CHECKING:
    from ccctl.flow.schema import Document

Entry = tuple[Scalar, Node]
ReadFlow = Callable[[Reader, Scalar, Node], Flow]


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """The flows and all that reading them noted."""

    flows: tuple[Flow, ...]
    refs: tuple[Ref, ...]
    dialled: tuple[tuple[str, Span], ...]
    given: tuple[tuple[str, str, Span], ...]
    patient: tuple[Span, ...]
    targets: tuple[tuple[str, Span], ...]
    shown: tuple[tuple[str, Span], ...]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Chunk)


def read_flows(
    reader: Reader, entries: list[Entry], documents: "list[Document]", read: ReadFlow
) -> tuple[dict[str, Flow], set[str]]:
    """All flows, and the names of those that are broken."""
    digests = {document.file: document.digest for document in documents}
    around = _surroundings(reader)
    flows: dict[str, Flow] = {}
    broken: set[str] = set()
    for file, group in groupby(entries, key=lambda entry: entry[0].span.file):
        chunk = list(group)
        key = _key(digests.get(file, ""), around, chunk)
        if not _recalled(reader, key, flows):
            _read(reader, key, chunk, read, flows, broken)
    return flows, broken


def _surroundings(reader: Reader) -> str:
    """What reading a flow looks at besides its text."""
    names = sorted(reader.names["flows"]), sorted(reader.names.get("ring_groups", ()))
    return repr((sorted(reader.menu.items()), reader.country, reader.extensions, names))


def _key(digest: str, around: str, entries: list[Entry]) -> str:
    names = [word.text for word, _ in entries]
    return hashlib.sha256(f"{digest}\0{around}\0{names}".encode()).hexdigest() if digest else ""


def _recalled(reader: Reader, key: str, flows: dict[str, Flow]) -> bool:
    data = reader.folder.recall(key) if key else None
    if data is None:
        return False
    try:
        chunk = _DECODER.decode(data)
    except msgspec.MsgspecError:
        return False
    flows.update((flow.name, flow) for flow in chunk.flows)
    reader.refs += chunk.refs
    reader.dialled += chunk.dialled
    reader.given += chunk.given
    reader.patient.update(chunk.patient)
    reader.targets += chunk.targets
    reader.shown += chunk.shown
    return True


def _read(
    reader: Reader, key: str, entries: list[Entry], read: ReadFlow, flows: dict[str, Flow], broken: set[str]
) -> None:
    marks = len(reader.findings), len(reader.refs), len(reader.dialled), len(reader.given), reader.lookups
    patient, reader.patient = reader.patient, set()
    targets, shown = len(reader.targets), len(reader.shown)
    fresh: list[Flow] = []
    for word, node in entries:
        before = len(reader.findings)
        fresh.append(read(reader, word, node))
        if len(reader.findings) > before:
            broken.add(word.text)
    flows.update((flow.name, flow) for flow in fresh)
    if key and len(reader.findings) == marks[0] and reader.lookups == marks[4]:
        chunk = Chunk(
            tuple(fresh),
            tuple(reader.refs[marks[1] :]),
            tuple(reader.dialled[marks[2] :]),
            tuple(reader.given[marks[3] :]),
            tuple(reader.patient),
            tuple(reader.targets[targets:]),
            tuple(reader.shown[shown:]),
        )
        reader.folder.keep(key, _ENCODER.encode(chunk))
    reader.patient |= patient

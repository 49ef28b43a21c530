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
from ccctl.flow.summaries import Summary, summary

if TYPE_CHECKING:
    from ccctl.flow.schema import Document

Entry = tuple[Scalar, Node]
ReadFlow = Callable[[Reader, Scalar, Node], Flow]


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """The flows and all that reading them noted."""

    flows: tuple[Flow, ...]
    summaries: tuple[Summary, ...]
    refs: tuple[Ref, ...]
    dialled: tuple[tuple[str, Span], ...]
    given: tuple[tuple[str, str, Span], ...]
    patient: tuple[Span, ...]
    targets: tuple[tuple[str, Span], ...]
    shown: tuple[tuple[str, Span], ...]


class Part(msgspec.Struct, frozen=True):
    """The flows of one file. `key` names their content; '' when they are not to be remembered."""

    key: str
    flows: dict[str, Flow]
    summaries: dict[str, Summary]
    prompts: tuple[str, ...]  # that they name
    patient: frozenset[Span]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Chunk)


def read_flows(
    reader: Reader, entries: list[Entry], documents: "list[Document]", read: ReadFlow, around: str = ""
) -> tuple[list[Part], set[str]]:
    """All flows, and the names of those that are broken. `around`: what else `read` looks at."""
    digests = {document.file: document.digest for document in documents}
    around = _surroundings(reader, around)
    parts: list[Part] = []
    broken: set[str] = set()
    for file, group in groupby(entries, key=lambda entry: entry[0].span.file):
        chunk = list(group)
        key = _key(digests.get(file, ""), around, chunk)
        known = _recalled(reader, key)
        parts.append(_part(key, known) if known else _read(reader, key, chunk, read, broken))
    return parts, broken


def _part(key: str, chunk: Chunk) -> Part:
    names = [flow.name for flow in chunk.flows]
    return Part(
        key,
        dict(zip(names, chunk.flows, strict=True)),
        dict(zip(names, chunk.summaries, strict=True)),
        tuple(sorted({ref.name for ref in chunk.refs if ref.kind == "prompts"})),
        frozenset(chunk.patient),
    )


def _surroundings(reader: Reader, more: str) -> str:
    """What reading a flow looks at besides its text."""
    names = sorted(reader.names["flows"]), sorted(reader.names.get("ring_groups", ()))
    languages = tuple(reader.names.get("languages", ()))  # of a text that is said, and written once
    return repr((sorted(reader.menu.items()), reader.country, reader.extensions, names, languages, more))


def _key(digest: str, around: str, entries: list[Entry]) -> str:
    names = [word.text for word, _ in entries]
    return hashlib.sha256(f"{digest}\0{around}\0{names}".encode()).hexdigest() if digest else ""


def _recalled(reader: Reader, key: str) -> Chunk | None:
    data = reader.folder.recall(key) if key else None
    if data is None:
        return None
    try:
        chunk = _DECODER.decode(data)
    except msgspec.MsgspecError:
        return None
    if len(chunk.flows) != len(chunk.summaries):
        return None
    reader.refs += chunk.refs
    reader.dialled += chunk.dialled
    reader.given += chunk.given
    reader.patient.update(chunk.patient)
    reader.targets += chunk.targets
    reader.shown += chunk.shown
    return chunk


def _read(reader: Reader, key: str, entries: list[Entry], read: ReadFlow, broken: set[str]) -> Part:
    marks = len(reader.findings), len(reader.refs), len(reader.dialled), len(reader.given), reader.lookups
    patient, reader.patient = reader.patient, set()
    targets, shown = len(reader.targets), len(reader.shown)
    fresh: list[Flow] = []
    for word, node in entries:
        before = len(reader.findings)
        fresh.append(read(reader, word, node))
        if len(reader.findings) > before:
            broken.add(word.text)
    chunk = Chunk(
        tuple(fresh),
        tuple(summary(flow) for flow in fresh),
        tuple(reader.refs[marks[1] :]),
        tuple(reader.dialled[marks[2] :]),
        tuple(reader.given[marks[3] :]),
        tuple(reader.patient),
        tuple(reader.targets[targets:]),
        tuple(reader.shown[shown:]),
    )
    reader.patient |= patient
    if not key or len(reader.findings) != marks[0] or reader.lookups != marks[4]:
        return _part("", chunk)
    reader.folder.keep(key, _ENCODER.encode(chunk))
    return _part(key, chunk)

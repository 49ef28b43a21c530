"""What is written together: events, rows, a snapshot and small facts, in the order they happened."""

from typing import Any

import msgspec

from ccctl.changes import Change


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One event of the journal; `made` is the fingerprint of what it led to."""

    seq: int
    at: int
    type: str
    body: bytes
    made: bytes = b""


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """The world after event `seq`. `kept`: also for replays, not only until the next one."""

    cell: str
    seq: int
    at: int
    body: bytes
    kept: bool = False


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """A small fact about ourselves, kept in the table `meta`."""

    key: str
    value: str


class Batch(msgspec.Struct, array_like=True):
    entries: list[Entry]
    changes: list[Change]
    snapshots: list[Snapshot]
    facts: list[Fact]

    def __len__(self) -> int:
        return len(self.entries) + len(self.changes) + len(self.snapshots) + len(self.facts)

    def add(self, item: "Item") -> None:
        if isinstance(item, Entry):
            self.entries.append(item)
        elif isinstance(item, Snapshot):
            self.snapshots.append(item)
        elif isinstance(item, Fact):
            self.facts.append(item)
        else:
            self.changes.append(item)

    def extend(self, other: "Batch") -> None:
        self.entries += other.entries
        self.changes += other.changes
        self.snapshots += other.snapshots
        self.facts += other.facts

    def singles(self) -> list["Batch"]:
        """One batch for each item, in an order in which they may be written."""
        items: list[Item] = [*self.entries, *self.changes, *self.snapshots, *self.facts]
        parts = []
        for item in items:
            part = empty()
            part.add(item)
            parts.append(part)
        return parts

    def cleaned(self) -> "Batch":
        """The same without what no database takes: NUL and half characters in texts."""
        return Batch(
            [_clean_fields(entry) for entry in self.entries],
            [_clean_fields(row) for row in self.changes],
            [_clean_fields(snapshot) for snapshot in self.snapshots],
            [_clean_fields(fact) for fact in self.facts],
        )


Item = Entry | Change | Snapshot | Fact


def empty() -> Batch:
    return Batch([], [], [], [])


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


def to_bytes(batch: Batch) -> bytes:
    return _encoder.encode(batch)


def from_bytes(data: bytes) -> Batch:
    return _decoder.decode(data)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _clean_fields(row: Any) -> Any:
    texts = {name: value for name in row.__struct_fields__ if type(value := getattr(row, name)) is str}
    return msgspec.structs.replace(row, **{name: _clean(value) for name, value in texts.items()})

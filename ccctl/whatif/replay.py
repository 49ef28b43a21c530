"""A journal once more through the same core: the same events must give the same rows and commands.

Held against each other are the fingerprints that the journal keeps of what every event led to, the worlds
that are kept now and then, and the rows of the ledger as they are in the end.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

import msgspec

from ccctl import commands as c
from ccctl import events as e
from ccctl.changes import AnswerRow, CallbackRow, Change, OfferRow, VisitRow
from ccctl.errors import StoreError
from ccctl.world import Out, World, step
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import from_json

FIRST = 1  # number of the first event of a journal


def _shape() -> bytes:
    """Of all fields of rows and commands: fingerprints of another shape say nothing about ours."""
    kinds = sorted((*get_args(Change), *get_args(c.Command)), key=lambda kind: str(kind.__name__))
    text = ";".join(f"{kind.__name__}:{','.join(kind.__struct_fields__)}" for kind in kinds)
    return hashlib.blake2b(text.encode(), digest_size=4).digest()


SHAPE = _shape()
_encoder = msgspec.msgpack.Encoder()


def fingerprint(out: Out) -> bytes:
    """Of the rows and commands of one step, in their order; 12 bytes, the shape first."""
    made = _encoder.encode((out.changes, out.commands))
    return SHAPE + hashlib.blake2b(made, digest_size=8).digest()


class Entry(msgspec.Struct, frozen=True):
    """An event of the journal as JSON, and its fingerprint (b"": none was kept)."""

    seq: int
    body: bytes
    made: bytes = b""


class Kept(msgspec.Struct, frozen=True):
    """The world after event `seq`, as JSON."""

    seq: int
    at: int
    body: bytes


class Difference(msgspec.Struct, frozen=True):
    """`seq` is the event after which replay and record differ, `event` its JSON; `replayed` and `recorded`
    say how."""

    seq: int
    event: str
    what: str
    replayed: str
    recorded: str


class Made(msgspec.Struct):
    """A row of the replay: as it is, as it was before the last event, the first and the last event that
    made it."""

    row: Change
    before: Change | None
    first: int
    last: int


Key = tuple[str, str]  # kind of the row, its id


class Replay:
    """Takes worlds and events in their order. Where events are missing, or a run began without the world of
    the run before, it begins anew at the next kept world."""

    def __init__(self, take: Callable[[World, e.Event], Out] = step) -> None:
        self._change = take
        self.world: World | None = None
        self.seq = 0
        self.began = 0  # the first event replayed
        self.counted: Counter[str] = Counter()
        self.differences: list[Difference] = []
        self.notes: list[str] = []
        self.made: dict[Key, Made] = {}
        self.unsure: set[Key] = set()  # rows that were open where the replay had to begin anew
        self.blind: list[tuple[int, int]] = []  # times of which nothing is known
        self.earliest = self.latest = 0  # times of events
        self._astray = False  # since the first step that differs; ended by the next kept world

    def run(self, items: Iterable[Entry | Kept]) -> None:
        for item in items:
            if isinstance(item, Kept):
                self._meet(item)
            else:
                self._take(item)

    # -- worlds ----------------------------------------------------------------------------------------

    def _meet(self, kept: Kept) -> None:
        try:
            world = from_json(kept.body)
        except msgspec.MsgspecError:
            self.counted["unreadable"] += 1  # of another version
            return
        if self.world is None:
            self._begin(world, kept.seq, kept.at)
        elif kept.seq == self.seq:
            self.counted["worlds"] += 1
            if world != self.world:
                self._differs("world", *_apart(self.world, world))
                self.world, self._astray = world, False

    def _begin(self, world: World, seq: int, at: int) -> None:
        self.world, self.seq = world, seq
        self.blind.append((self.latest, at))

    def _stop(self, why: str) -> None:
        """Nothing can be said until a world is known again."""
        self.notes.append(f"after event {self.seq}: {why}")
        self.world, self._astray = None, False
        self._leave_open_rows()

    def _leave_open_rows(self) -> None:
        """A start closes rows that nobody knows any more, and no event says so."""
        self.unsure.update(key for key, made in self.made.items() if _is_open(made.row))

    # -- events ----------------------------------------------------------------------------------------

    def _take(self, entry: Entry) -> None:
        if self.world is None and entry.seq == FIRST:
            self._begin(World(), 0, 0)
        elif self.world is not None and entry.seq != self.seq + 1:
            self._stop(f"events up to {entry.seq - 1} are missing")
        if self.world is None:
            self.counted["skipped"] += 1
            return
        event = _event(entry)
        if isinstance(event, e.Started):
            if event.anew:
                self._stop("this run began without the world of the run before")
                return
            rebuild_lines(self.world)
            if self.counted["failed"]:
                self._leave_open_rows()
        self._step(self.world, entry, event)

    def _step(self, world: World, entry: Entry, event: e.Event) -> None:
        self.began = self.began or entry.seq
        self.seq, self.latest = entry.seq, max(self.latest, event.at)
        self.earliest = min(self.earliest or event.at, event.at)
        self.counted["events"] += 1
        try:
            out = self._change(world, event)
        except Exception:  # what failed once fails again in the same way
            self.counted["failed"] += 1
            return
        self.counted["decisions"] += sum(isinstance(command, c.Offer) for command in out.commands)
        self.counted["changes"] += len(out.changes)
        for row in out.changes:
            self._keep(row)
        if entry.made[: len(SHAPE)] == SHAPE:
            self.counted["fingerprints"] += 1
            if entry.made != fingerprint(out) and not self._astray:
                self._astray = True
                self._differs("step", _told(out), "something else", entry.body.decode())

    def _keep(self, row: Change) -> None:
        key = (type(row).__name__, row.id)
        known = self.made.get(key)
        if known is None:
            self.made[key] = Made(row, None, self.seq, self.seq)
            return
        if known.last != self.seq:
            known.before = known.row
        known.row, known.last = row, self.seq

    def _differs(self, what: str, replayed: str, recorded: str, event: str = "") -> None:
        self.differences.append(Difference(self.seq, event, what, replayed, recorded))

    # -- the ledger ------------------------------------------------------------------------------------

    def compare(self, rows: Iterable[Change]) -> None:
        """`rows` are those of the ledger that touch the time of the replay. What the last event made may be
        on its way into the ledger: its rows may also be as they were before it."""
        missing = {key: made for key, made in self.made.items() if key not in self.unsure}
        for row in rows:
            key = (type(row).__name__, row.id)
            made = missing.pop(key, None)
            if made is None:
                self._unexpected(key, row)
            else:
                self.counted["rows"] += 1
                self.counted["offers"] += isinstance(row, OfferRow)
                if row != made.row and not (made.last == self.seq and row == made.before):
                    self._row_differs(made.last, key, *_apart(made.row, row))
        for key, made in missing.items():
            if made.first != self.seq:
                self._row_differs(made.last, key, _short(made.row), "no such row")

    def _unexpected(self, key: Key, row: Change) -> None:
        known = key in self.made
        if not known and not any(start <= began(row) <= end for start, end in self.blind):
            self._row_differs(self.seq, key, "no such row", _short(row))

    def _row_differs(self, seq: int, key: Key, replayed: str, recorded: str) -> None:
        self.differences.append(Difference(seq, "", f"{key[0]} {key[1]}", replayed, recorded))

    def first(self) -> Difference | None:
        """The earliest; of a step, a world and a row the step says most."""
        order = {"step": 0, "world": 1}
        return min(self.differences, key=lambda d: (d.seq, order.get(d.what, 2)), default=None)


def _event(entry: Entry) -> e.Event:
    try:
        return e.from_json(entry.body)
    except msgspec.MsgspecError as error:
        hint = "it is damaged, or of another version of ccctl"
        raise StoreError(f"event {entry.seq} of the journal cannot be read: {error}", hint) from None


def began(row: Change) -> int:
    match row:
        case VisitRow():
            return row.entered
        case OfferRow():
            return row.offered
        case AnswerRow():
            return row.at
        case CallbackRow():
            return row.asked
    return row.started


def _is_open(row: Change) -> bool:
    if isinstance(row, VisitRow) and row.answered is not None:
        return row.talk_ended is None
    return not isinstance(row, AnswerRow) and row.ended is None


def _apart(ours: msgspec.Struct, other: msgspec.Struct) -> tuple[str, str]:
    """What differs between two records of one kind, on both sides, in few words."""
    fields = [name for name in ours.__struct_fields__ if getattr(ours, name) != getattr(other, name)]
    pairs = [_inside(name, getattr(ours, name), getattr(other, name)) for name in fields]
    return ", ".join(one for one, _ in pairs), ", ".join(two for _, two in pairs)


def _inside(name: str, ours: Any, other: Any) -> tuple[str, str]:
    if isinstance(ours, dict) and isinstance(other, dict):
        keys = [key for key in {**ours, **other} if ours.get(key) != other.get(key)]
        name, ours, other = f"{name}[{keys[0]}]", ours.get(keys[0]), other.get(keys[0])
    return f"{name}={_value(ours)}", f"{name}={_value(other)}"


def _value(value: Any) -> str:
    text = str(value) if isinstance(value, str | int | None) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


LONGEST = 200


def _short(row: Change) -> str:
    return _value(row)


def _told(out: Out) -> str:
    """What a step led to, its timers left out."""
    return "; ".join(_parts(out)) or "nothing"


def _parts(out: Out) -> Iterator[str]:
    for command in out.commands:
        if not isinstance(command, c.StartTimer | c.StopTimer):
            yield f"{type(command).__name__} {_value(command)}"
    for row in out.changes:
        yield f"{type(row).__name__} {_value(row)}"

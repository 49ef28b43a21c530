"""Asterisk's channel event log: live over AMI, and from its file what we did not hear live.

The file has the exact time of a record, AMI only its second (and in Asterisk's local time), so the
two are matched by second, channel, type and value, counting repetitions. The second of a live
record is found without knowing Asterisk's time zone: every zone differs from UTC by a multiple of
a quarter of an hour.
"""

import asyncio
import csv
import hashlib
import io
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from ccctl import events as e
from ccctl.asterisk.node import Node

log = logging.getLogger(__name__)

SECOND = 1_000_000
HORIZON_S = 5  # records are in order of time, but for less than this
ZONE_S = 900
CHUNK = 256 * 1024
COLUMNS = 12


class Record(msgspec.Struct, frozen=True):
    """One line of the log. `type` of a user event is its name; `extra` is JSON as Asterisk wrote it."""

    at_us: int
    type: str
    unique: str
    linked: str = ""
    channel: str = ""
    caller: str = ""
    caller_name: str = ""
    exten: str = ""
    context: str = ""
    peer: str = ""
    extra: str = ""
    system: str = ""

    @property
    def at(self) -> int:
        return self.at_us // 1000

    @property
    def second(self) -> int:
        return self.at_us // SECOND

    @property
    def key(self) -> str:
        """The same for the live copy and the file's copy of a record."""
        text = f"{self.second}|{self.unique}|{self.type}|{self.extra}"
        return f"{self.second:x}-{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"

    def details(self) -> dict[str, object]:
        try:
            details = msgspec.json.decode(self.extra or "{}")
        except msgspec.MsgspecError:
            return {}
        return details if isinstance(details, dict) else {}


# -- reading ------------------------------------------------------------------------------------------


def from_line(line: str) -> Record | None:
    """A line of the file; None when it is not a record (cut off, or of another format)."""
    try:
        fields = next(csv.reader(io.StringIO(line), strict=True))
        at_us = _epoch_us(fields[0])
    except (csv.Error, StopIteration, ValueError, IndexError):
        return None
    return Record(at_us, *fields[1:COLUMNS]) if len(fields) >= COLUMNS else None


def from_ami(frame: Mapping[str, str], now_us: int) -> Record | None:
    """An AMI `CEL` event. `now_us` is taken for its time when manager.conf has no timestampevents."""
    try:
        sent_us = _epoch_us(frame["Timestamp"]) if "Timestamp" in frame else now_us
        at_us = _exact(frame["EventTime"], sent_us)
    except (KeyError, ValueError):
        return None
    name = frame.get("EventName", "")
    return Record(
        at_us=at_us,
        type=frame.get("UserDefType", "") or name if name == "USER_DEFINED" else name,
        unique=frame.get("UniqueID", ""),
        linked=frame.get("LinkedID", ""),
        channel=frame.get("Channel", ""),
        caller=frame.get("CallerIDnum", ""),
        caller_name=frame.get("CallerIDname", ""),
        exten=frame.get("Exten", ""),
        context=frame.get("Context", ""),
        peer=frame.get("Peer", ""),
        extra=frame.get("Extra", ""),
    )


def _epoch_us(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * SECOND + int((part + "000000")[:6])


def _exact(wall: str, sent_us: int) -> int:
    """The time of a record that says `wall` in an unknown zone and was sent at `sent_us`."""
    local = int(datetime.strptime(wall[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
    sent = sent_us // SECOND
    second = sent - (sent - local) % ZONE_S
    return sent_us if second == sent else second * SECOND + SECOND - 1


def to_event(node: str, record: Record) -> e.Event | None:
    """What the record tells the core; None for what it need not know."""
    channel = e.ref(node, record.unique)
    details = record.details()
    match record.type:
        case "ANSWER":
            return e.ChannelAnswered(at=record.at, cause="cel", channel=channel)
        case "BRIDGE_ENTER" | "BRIDGE_EXIT":
            kind = e.ChannelBridged if record.type == "BRIDGE_ENTER" else e.ChannelUnbridged
            bridge = str(details.get("bridge_id", ""))
            return kind(at=record.at, cause="cel", channel=channel, name=record.channel, bridge=bridge)
        case "HANGUP":
            return e.ChannelEnded(
                at=record.at,
                cause="cel",
                channel=channel,
                cause_code=_number(details.get("hangupcause")),
                source=str(details.get("hangupsource", "")),
            )
        case mark if mark.startswith("CC_"):
            return _marked(channel, record, str(details.get("extra", record.extra)))
    return None


def _marked(call: e.Ref, record: Record, value: str) -> e.CallMarked:
    return e.CallMarked(
        at=record.at,
        cause="cel",
        call=call,
        mark=record.type,
        value=value,
        caller=record.caller,
        caller_name=record.caller_name,
        number=record.exten if record.type == "CC_CALL" else "",  # later it is a place in a flow
    )


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else 0


# -- the file -----------------------------------------------------------------------------------------


def read_since(path: str, second: int) -> list[Record]:
    """All whole records of the file, and of the one rotated before it (.1), from that second on."""
    current, rotated = _open(path), _open(f"{path}.1")
    try:
        lines, more = _tail(current, second)
        if more and not _same(current, rotated):
            lines = _tail(rotated, second)[0] + lines
    finally:
        for file in (current, rotated):
            if file is not None:
                file.close()
    return [record for record in _records(lines) if record.second >= second]


def _open(path: str) -> io.BufferedReader | None:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        return None


def _same(one: io.BufferedReader | None, other: io.BufferedReader | None) -> bool:
    """Rotated between the two openings."""
    if one is None or other is None:
        return False
    return os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))


def _tail(file: io.BufferedReader | None, second: int) -> tuple[list[bytes], bool]:
    """Its last whole lines back to that second; and whether older ones may be in another file."""
    if file is None:
        return [], True
    place = file.seek(0, os.SEEK_END)
    chunks: list[bytes] = []
    while place > 0:
        step = min(CHUNK, place)
        place -= step
        file.seek(place)
        chunks.insert(0, file.read(step))
        if place and _begins_before(chunks[0], second):
            return b"".join(chunks).split(b"\n")[1:-1], False
    lines = b"".join(chunks).split(b"\n")[:-1]  # what follows the last line end is still being written
    first = next(_records(lines), None)
    return lines, first is None or first.second >= second - HORIZON_S


def _begins_before(chunk: bytes, second: int) -> bool:
    first = next(_records(chunk.split(b"\n", 4)[1:-1]), None)
    return first is not None and first.second < second - HORIZON_S


def _records(lines: Iterable[bytes]) -> Iterator[Record]:
    for line in lines:
        record = from_line(line.decode(errors="replace"))
        if record is not None:
            yield record
        elif line.strip():
            log.warning("a line of Asterisk's channel event log is not understood: %.120r", line)


# -- both together ------------------------------------------------------------------------------------


class _Mark(msgspec.Struct, frozen=True):
    """Everything before `second` was told; of what is younger, `seen` (key -> how often)."""

    second: int
    seen: dict[str, int] = {}


class CelFeed:
    """One stream of events out of AMI's `CEL` events and the file: each record once.

    It begins in a gap. In a gap live records wait; `catch_up` reads the file, tells what was missed,
    then what waited. The owner calls `gap` when AMI is lost, `catch_up` when it is back, and keeps
    `mark` where it survives a restart. Without a mark history is not told: it begins now.
    """

    def __init__(self, node: Node, on_event: Callable[[e.Event], None], mark: str = "") -> None:
        self._node = node
        self._on_event = on_event
        known = msgspec.json.decode(mark, type=_Mark) if mark else _Mark(time.time_ns() // 10**9)
        self._from = known.second
        self._last = known.second
        self._seen: Counter[str] = Counter(known.seen)
        self._ahead: Counter[str] = Counter()  # told from the file, their live copy may still come
        self._waiting: list[Record] | None = []

    @property
    def mark(self) -> str:
        return msgspec.json.encode(_Mark(self._from, dict(self._seen))).decode()

    def live(self, frame: Mapping[str, str]) -> None:
        record = from_ami(frame, time.time_ns() // 1000)
        if record is None:
            log.warning("a CEL event of AMI is not understood: %.200r", dict(frame))
        elif self._waiting is not None:
            self._waiting.append(record)
        else:
            self._tell_live(record)

    def gap(self) -> None:
        """From now on something may be missed."""
        if self._waiting is None:
            self._waiting = []

    async def catch_up(self, path: str | None = None) -> str:
        """Tell what was missed and end the gap; returns the new mark."""
        try:
            missed = await asyncio.to_thread(read_since, path or self._node.cel_file, self._from)
        except OSError as error:
            log.error("Asterisk's channel event log %s: %s", path or self._node.cel_file, error.strerror)
            missed = []
        self._tell_missed(missed)
        for record in self._waiting or []:
            self._tell_live(record)
        self._waiting = None
        self._forget(self._last - HORIZON_S)
        return self.mark

    def _tell_missed(self, records: list[Record]) -> None:
        found: Counter[str] = Counter()
        known = self._seen.copy()
        for record in records:
            key = record.key
            found[key] += 1
            if found[key] > known[key]:
                self._ahead[key] += 1
                self._tell(record, key)

    def _tell_live(self, record: Record) -> None:
        key = record.key
        if self._ahead[key] > 0:
            self._ahead[key] -= 1
            return
        if record.second < self._from:  # the clock was set back: what is new is still new
            self._from = self._last = record.second
        self._tell(record, key)

    def _tell(self, record: Record, key: str) -> None:
        self._seen[key] += 1
        if record.second > self._last:
            self._last = record.second
            if self._waiting is None:
                self._forget(record.second - HORIZON_S)
        event = to_event(self._node.name, record)
        if event is not None:
            self._on_event(event)

    def _forget(self, second: int) -> None:
        """Keys begin with their second in hexadecimal, all of the same width for centuries."""
        if second > self._from:
            self._from = second
            first = f"{second:x}-"
            for counts in (self._seen, self._ahead):
                for key in [key for key in counts if key < first]:
                    del counts[key]

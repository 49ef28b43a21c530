"""Records of Asterisk's channel event log: a line of its file, and the event that it is for the core.

Only the file is read, never AMI's `CEL` events: those say the same, but with a time in whole seconds
of Asterisk's local clock, and nothing of what happened while nobody listened.
"""

import csv
import io

import msgspec

from ccctl import events as e
from ccctl.flow import marks
from ccctl.world.state import is_leg

COLUMNS = 12


class Record(msgspec.Struct, frozen=True):
    """The columns of the file (cel_custom.conf), `at_us` in Unix microseconds. The `type` of a user
    event is its name; `extra` is JSON, or empty."""

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

    def details(self) -> dict[str, object]:
        try:
            details = msgspec.json.decode(self.extra or "{}")
        except msgspec.MsgspecError:
            return {}
        return details if isinstance(details, dict) else {}


def from_line(line: str) -> Record | None:
    """A line of the file; None when it is not a record (cut off, or of another format)."""
    try:
        fields = next(csv.reader(io.StringIO(line), strict=True))
        at_us = _epoch_us(fields[0])
    except (csv.Error, StopIteration, ValueError, IndexError):
        return None
    return Record(at_us, *fields[1:COLUMNS]) if len(fields) >= COLUMNS else None


def _epoch_us(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * 1_000_000 + int((part + "000000")[:6])


def to_event(node: str, record: Record) -> e.Event | None:
    """What the record tells the core; None for what it need not know."""
    channel = e.ref(node, record.unique)
    match record.type:
        case "CHAN_START" if record.linked not in ("", record.unique) and not is_leg(channel):
            linked = e.ref(node, record.linked)
            return e.ChannelStarted(
                at=record.at, cause="cel", channel=channel, name=record.channel, linked=linked
            )
        case "ANSWER":
            return e.ChannelAnswered(at=record.at, cause="cel", channel=channel, name=record.channel)
        case "BRIDGE_ENTER" | "BRIDGE_EXIT" if record.details().get("bridge_technology") == "holding_bridge":
            return None  # waiting is no talk
        case "BRIDGE_ENTER" | "BRIDGE_EXIT":
            kind = e.ChannelBridged if record.type == "BRIDGE_ENTER" else e.ChannelUnbridged
            bridge = str(record.details().get("bridge_id", ""))
            return kind(at=record.at, cause="cel", channel=channel, name=record.channel, bridge=bridge)
        case "HANGUP":
            details = record.details()
            return e.ChannelEnded(
                at=record.at,
                cause="cel",
                channel=channel,
                cause_code=_number(details.get("hangupcause")),
                source=str(details.get("hangupsource", "")),
                name=record.channel,
            )
        case mark if mark.startswith("CC_"):
            return _marked(channel, record)
    return None


def _marked(call: e.Ref, record: Record) -> e.CallMarked:
    return e.CallMarked(
        at=record.at,
        cause="cel",
        call=call,
        mark=record.type,
        value=str(record.details().get("extra", record.extra)),
        caller=record.caller,
        caller_name=record.caller_name,
        number=record.exten if record.type == marks.CALL else "",  # later it is a place in a flow
        name=record.channel if record.type == marks.CALL else "",
    )


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else 0

"""What lies beside the files of a revision: who made it and why, and a sealed copy of all that it holds.

`revision.json` has the first; `record` the second: every file as it was written, the plan that Asterisk
is compared with, the site's model for the next plan, and the daemon's list. A rollback needs nothing else.
"""

import zlib
from typing import Any

import msgspec

from ccctl.flow.compile import Plan
from ccctl.flow.dialplan import Section
from ccctl.flow.roster import Roster

RECORD = "record"


class Entry(msgspec.Struct, frozen=True):
    """One change, as the history tells it. `revision` is the one that the change made: a revision that only
    lacks what was drained has the entry of the one before."""

    revision: str
    generation: str
    at_ms: int = 0
    who: str = ""
    host: str = ""
    via: str = ""  # cli, api
    action: str = "apply"  # apply, rollback
    back_to: str = ""  # of a rollback: the revision whose site it is
    why: str = ""
    site: str = ""  # the folder
    summary: str = ""


class Record(msgspec.Struct, frozen=True):
    plan: Plan
    kept: dict[str, tuple[Section, ...]] = {}  # gone from the site, still there for older generations
    music: dict[str, str] = {}
    model: dict[str, Any] = {}
    roster: Roster | None = None  # of the site alone
    files: dict[str, str] = {}
    details: tuple[str, ...] = ()  # what changed, line by line
    secrets: tuple[str, ...] = ()  # as secret as the files are; so that a diff can leave them out


def pack(record: Record) -> bytes:
    return zlib.compress(msgspec.json.encode(record), 6)


def unpack(data: bytes) -> Record | None:
    """None when it is damaged or of a version that had other plans."""
    try:
        return msgspec.json.decode(zlib.decompress(data), type=Record)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError):
        return None

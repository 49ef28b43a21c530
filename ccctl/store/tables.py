"""Tables of the ledger. One table for each row of changes.py, its columns are the row's fields.

So a field that is added to a row is a column that is missing in the database until a migration
adds it: the tables are made by the migrations alone, and a test compares the two.
"""

import types
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Table

from ccctl import changes

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)


def _column(name: str, hint: Any) -> Column[Any]:
    optional = get_origin(hint) in (Union, types.UnionType)
    kind = next(t for t in get_args(hint) if t is not type(None)) if optional else hint
    if kind is int:
        return Column(name, BigInteger, nullable=optional, autoincrement=False)
    if kind is str or issubclass(kind, Enum):
        return Column(name, String, primary_key=name == "id", nullable=optional)
    raise TypeError(f"no column type for {name}: {hint}")


def _table(name: str, row: type[msgspec.Struct], *indexes: tuple[str, ...]) -> Table:
    hints = get_type_hints(row)
    fields = sorted(row.__struct_fields__, key=lambda field: field != "id")  # the key first
    columns = [_column(field, hints[field]) for field in fields]
    return Table(name, metadata, *columns, *(Index(None, *columns) for columns in indexes))


calls = _table("calls", changes.CallRow, ("started",), ("ended",), ("caller",))
segments = _table("segments", changes.SegmentRow, ("call",))
visits = _table("visits", changes.VisitRow, ("entered",), ("ended", "entered"), ("talk_ended",), ("call",))
offers = _table("offers", changes.OfferRow, ("offered",), ("call",))
agent_states = _table(
    "agent_states", changes.AgentStateRow, ("started",), ("ended", "started"), ("agent", "started"), ("call",)
)
queue_pauses = _table("queue_pauses", changes.QueuePauseRow, ("started",), ("agent", "started"))
recordings = _table("recordings", changes.RecordingRow, ("started",), ("call",))
answers = _table("answers", changes.AnswerRow, ("at",), ("call",))
callbacks = _table("callbacks", changes.CallbackRow, ("asked",), ("ended",), ("number",))
transfers = _table("transfers", changes.TransferRow, ("started",), ("call",))
watches = _table("watches", changes.WatchRow, ("started",), ("ended", "started"))

BY_ROW: dict[type[msgspec.Struct], Table] = {
    changes.CallRow: calls,
    changes.SegmentRow: segments,
    changes.VisitRow: visits,
    changes.OfferRow: offers,
    changes.AgentStateRow: agent_states,
    changes.QueuePauseRow: queue_pauses,
    changes.RecordingRow: recordings,
    changes.WatchRow: watches,
    changes.TransferRow: transfers,
    changes.AnswerRow: answers,
    changes.CallbackRow: callbacks,
}

journal = Table(
    "journal",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("type", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("made", LargeBinary),  # fingerprint of what the event led to; older entries have none
)

kept_worlds = Table(
    "kept_worlds",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("cell", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

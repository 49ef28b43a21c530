"""The journal as a replay reads it: events, kept worlds and rows of the ledger, all as of one moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Engine, Select, Table, and_, func, or_, select

from ccctl.changes import AnswerRow, CallbackRow, Change, OfferRow, VisitRow
from ccctl.store import tables
from ccctl.store.db import explained
from ccctl.store.queries import Where, records
from ccctl.whatif.replay import Entry, Kept

_BEGAN: dict[type[msgspec.Struct], str] = {VisitRow: "entered", OfferRow: "offered", CallbackRow: "asked"}
MARGIN_MS = 3_600_000  # the event log may tell of something this much later


@contextmanager
def one_moment(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as it is now, whatever is written meanwhile."""
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with explained(engine), engine.connect().execution_options(yield_per=1000, **level) as connection:
        yield connection


def recorded(
    connection: Connection, since: int | None = None, until: int | None = None
) -> Iterator[Entry | Kept]:
    """Events and worlds in their order, from the beginning, or from the newest world that is as old as
    `since` (Unix ms), to the last event that is as old as `until`."""
    worlds = _worlds(connection)
    begin = max((seq for seq, at, _ in worlds if since is not None and at <= since), default=0)
    table = tables.journal.c
    wanted = select(table.seq, table.body, table.made).where(table.seq > begin).order_by(table.seq)
    waiting = [world for world in worlds if world[0] >= begin]
    if until is not None:
        last = connection.execute(select(func.max(table.seq)).where(table.at <= until)).scalar_one() or 0
        wanted = wanted.where(table.seq <= last)
        waiting = [world for world in waiting if world[0] <= max(begin, last)]
    with connection.execute(wanted) as result:
        for seq, body, made in result:
            while waiting and waiting[0][0] < seq:
                yield _world(connection, *waiting.pop(0))
            yield Entry(int(seq), bytes(body), bytes(made or b""))
    for world in waiting:
        yield _world(connection, *world)


def _worlds(connection: Connection) -> list[tuple[int, int, Table]]:
    found = []
    for table in (tables.kept_worlds, tables.snapshots):
        rows = connection.execute(select(table.c.seq, table.c.at)).all()
        found += [(int(seq), int(at), table) for seq, at in rows]
    return sorted(found, key=lambda world: world[0])


def _world(connection: Connection, seq: int, at: int, table: Table) -> Kept:
    body = connection.execute(select(table.c.body).where(table.c.seq == seq)).scalar_one()
    return Kept(seq, at, bytes(body))


def span(connection: Connection) -> tuple[int, int]:
    """Times of the earliest and the latest event, (0, 0) of an empty journal."""
    at = tables.journal.c.at
    first, last = connection.execute(select(func.min(at), func.max(at))).one()
    return int(first or 0), int(last or 0)


def offers_since(connection: Connection, agent: str, until: int, count: int) -> int | None:
    """When the agent was rung, so many times before `until` back; None: never."""
    at = tables.offers.c.offered
    wanted = select(at).where(tables.offers.c.agent == agent, at <= until).order_by(at.desc()).limit(count)
    return min(connection.execute(wanted).scalars(), default=None)


def ledger(connection: Connection, start: int, end: int) -> Iterator[Change]:
    """All rows of the ledger that touch the time, and some from before it."""
    for kind, table in tables.BY_ROW.items():
        wanted = _touching(kind, table, start - MARGIN_MS, end)
        yield from cast("Iterator[Change]", records(connection, wanted, kind))


def _touching(kind: type[msgspec.Struct], table: Table, start: int, end: int) -> Select[Any]:
    columns = table.c
    if kind is AnswerRow:
        return select(table).where(columns.at >= start, columns.at <= end)
    began = _BEGAN.get(kind, "started")
    late: Where = or_(columns.ended.is_(None), columns.ended >= start)
    if kind is VisitRow:
        talking = and_(columns.answered.is_not(None), columns.talk_ended.is_(None))
        late = or_(late, talking, columns.talk_ended >= start)
    return select(table).where(columns[began] <= end, late)

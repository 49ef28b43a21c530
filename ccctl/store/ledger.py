"""Writes batches into the database, each in one transaction, over one connection of its own."""

import os
import socket
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from ccctl.store import tables
from ccctl.store.batch import Batch, Fact

# Errors that come from what is written: they would come again. All others are the database's.
_BAD_DATA = (DataError, IntegrityError)
_BAD_VALUE = (ValueError, OverflowError, TypeError)
_UNKNOWN_TYPE = ("binding parameter", "cannot adapt")  # how the drivers say it
KEYED = (tables.snapshots, tables.kept_worlds, tables.meta)  # upserted, besides the rows of the ledger


def is_bad_data(error: Exception) -> bool:
    if isinstance(error, StatementError):
        return isinstance(error, _BAD_DATA) or any(words in str(error.orig) for words in _UNKNOWN_TYPE)
    return isinstance(error, _BAD_VALUE)


class Ledger:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self._upserts = {table: _upsert(insert, table) for table in tables.BY_ROW.values()}
        self._upserts |= {table: _upsert(insert, table) for table in KEYED}

    def write(self, batch: Batch) -> None:
        """All of it or nothing."""
        connection = self._connect()
        try:
            with connection.begin():
                self._insert(connection, batch)
        except BaseException:
            self.drop()
            raise

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(sqlite_begin="BEGIN IMMEDIATE")
        return self._connection

    def _insert(self, connection: Connection, batch: Batch) -> None:
        if batch.entries:
            connection.execute(tables.journal.insert(), [msgspec.structs.asdict(e) for e in batch.entries])
        for table, changes in _by_table(batch.changes):
            connection.execute(self._upserts[table], changes)
        for snapshot in batch.snapshots:
            connection.execute(self._upserts[tables.snapshots], _fields(snapshot, tables.snapshots))
            if snapshot.kept:
                connection.execute(self._upserts[tables.kept_worlds], _fields(snapshot, tables.kept_worlds))
        if facts := {fact.key: fact for fact in batch.facts}:
            connection.execute(
                self._upserts[tables.meta], [msgspec.structs.asdict(f) for f in facts.values()]
            )

    def write_singly(self, batch: Batch) -> list[tuple[Batch, str]]:
        """Writes what can be written and returns the rest with the reasons.

        For a batch that the database refused for its data; entries that are there already, because
        the answer to an earlier commit was lost, count as written."""
        refused = []
        for part in batch.singles():
            try:
                self._write_single(part)
            except Exception as error:
                if not is_bad_data(error):
                    raise
                refused.append((part, " ".join(str(getattr(error, "orig", error)).split())))
        return refused

    def _write_single(self, part: Batch) -> None:
        try:
            self.write(part)
        except Exception as error:
            if not is_bad_data(error):
                raise
            if not (part.entries and self._has(part)):
                self.write(part.cleaned())

    def _has(self, part: Batch) -> bool:
        entry = part.entries[0]
        wanted = select(tables.journal.c.at, tables.journal.c.body).where(tables.journal.c.seq == entry.seq)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).one_or_none()
        return row is not None and (row[0], bytes(row[1])) == (entry.at, entry.body)

    def fact(self, key: str) -> str:
        with self._engine.connect() as connection:
            return read_fact(connection, key)

    def drop(self) -> None:
        """Forgets the connection, whatever its state."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
            finally:
                connection.close()

    def cut(self) -> None:
        """From another thread: breaks a write that hangs, so that it ends with an error."""
        connection = self._connection
        if connection is None or self._engine.dialect.name != "postgresql":
            return
        try:
            driver = connection.connection.driver_connection
            with socket.socket(fileno=os.dup(driver.fileno())) as wire:  # type: ignore[union-attr]
                wire.shutdown(socket.SHUT_RDWR)
        except Exception:  # the write may have ended by itself between the look and the cut
            return


def read_fact(connection: Connection, key: str) -> str:
    wanted = select(tables.meta.c.value).where(tables.meta.c.key == key)
    return str(connection.execute(wanted).scalar_one_or_none() or "")


def _fields(record: msgspec.Struct, table: Table) -> dict[str, Any]:
    return {column.name: getattr(record, column.name) for column in table.columns}


def _upsert(insert: Any, table: Table) -> Any:
    statement = insert(table)
    others = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=others)


def _by_table(changes: Iterable[msgspec.Struct]) -> list[tuple[Table, list[dict[str, Any]]]]:
    """The rows of each table; of rows with one id the last counts."""
    last: dict[type[msgspec.Struct], dict[str, dict[str, Any]]] = {}
    for row in changes:
        fields = msgspec.structs.asdict(row)
        last.setdefault(type(row), {})[fields["id"]] = fields
    return [(tables.BY_ROW[kind], list(rows.values())) for kind, rows in last.items()]


def watermark(ident: str, offset: int) -> Fact:
    """How far a spool file was drained; written in the transaction that drains it."""
    return Fact("spool", f"{ident}:{offset}")

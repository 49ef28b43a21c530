"""Writes imported rows, many at once, by upsert on `id`; transactions are short, as the daemon writes too."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Engine, func, select

from ccctl.changes import Change
from ccctl.store import tables
from ccctl.store.db import explain, explained

Rows = dict[type[msgspec.Struct], dict[str, tuple[Any, ...]]]


def write(engine: Engine, rows: Iterable[Change]) -> None:
    """All of it or nothing; of rows with one id the last counts."""
    found: Rows = {}
    for row in rows:
        found.setdefault(type(row), {})[row.id] = msgspec.structs.astuple(row)
    put = _copy if engine.dialect.name == "postgresql" else _insert
    with explained(engine), engine.connect().execution_options(sqlite_begin="BEGIN IMMEDIATE") as connection:
        try:
            with connection.begin():
                driver: Any = connection.connection.driver_connection
                for kind, records in found.items():
                    put(driver.cursor(), kind, list(records.values()))
        except (sqlite3.Error, psycopg.Error) as error:  # past SQLAlchemy, which is slow for so many
            raise explain(error, engine.url) from error


def _upsert(kind: type[msgspec.Struct], source: str) -> str:
    """All columns of `source`, VALUES or a table, into the table of the record."""
    columns = _columns(kind)
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in kind.__struct_fields__ if name != "id")
    into = f"INSERT INTO {tables.BY_ROW[kind].name} ({columns}) {source}"
    return f"{into} ON CONFLICT (id) DO UPDATE SET {changed}"


def _columns(kind: type[msgspec.Struct]) -> str:
    return ", ".join(f'"{name}"' for name in kind.__struct_fields__)


def _insert(cursor: Any, kind: type[msgspec.Struct], records: list[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(kind.__struct_fields__))
    cursor.executemany(_upsert(kind, f"VALUES ({marks})"), records)


def _copy(cursor: Any, kind: type[msgspec.Struct], records: list[tuple[Any, ...]]) -> None:
    """Over a table of this transaction alone."""
    columns = _columns(kind)
    cursor.execute(f"CREATE TEMPORARY TABLE imported (LIKE {tables.BY_ROW[kind].name}) ON COMMIT DROP")
    with cursor.copy(f"COPY imported ({columns}) FROM STDIN") as copy:
        for record in records:
            copy.write_row([str(cell) if isinstance(cell, str) else cell for cell in record])
    cursor.execute(_upsert(kind, f"SELECT {columns} FROM imported"))  # noqa: S608 - names of our own tables
    cursor.execute("DROP TABLE imported")


def other_calls(engine: Engine, node: str, start: int, end: int) -> int:
    """How many calls of other nodes began in the time: reports count them beside the imported ones."""
    calls = tables.calls.c
    among = (calls.node != node, calls.started >= start, calls.started <= end)
    with explained(engine), engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(tables.calls).where(*among)) or 0)

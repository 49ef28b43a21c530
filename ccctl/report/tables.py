"""A report as data: named columns with units, rows, a total, and notes that say how it was counted.

The same table becomes CSV, JSON, text for a terminal or a page. Cells are numbers in the column's
unit; None is "nothing to count" and shows as "-".
"""

import csv
import io
import re
from collections.abc import Iterable
from enum import StrEnum
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ccctl.changes import AgentStateRow
from ccctl.report.intervals import Period, iso, label
from ccctl.report.kpi import DEFAULT_PRESET, PRESETS, ServiceLevel, percentile

Row = dict[str, Any]

_NUMBER = re.compile(r"[+-]?[0-9][0-9.,:]*")


class Unit(StrEnum):
    TEXT = "text"
    TIME = "time"  # Unix ms
    COUNT = "count"
    MS = "ms"
    PERCENT = "percent"


class Column(msgspec.Struct, frozen=True):
    key: str
    title: str
    unit: Unit = Unit.COUNT
    detail: bool = False  # too much for a terminal; CSV and JSON have it


class Table(msgspec.Struct, frozen=True):
    title: str
    columns: tuple[Column, ...]
    rows: list[Row]
    total: Row
    notes: tuple[str, ...] = ()


PERIOD_COLUMNS = (Column("start", "from", Unit.TIME), Column("end", "to", Unit.TIME, detail=True))


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is about. `levels` are the service levels by queue; `now` ends what is open."""

    periods: list[Period]
    zone: ZoneInfo
    now: int
    level: ServiceLevel = PRESETS[DEFAULT_PRESET]
    levels: dict[str, ServiceLevel] = {}
    names: tuple[str, ...] = ()  # queues or agents that get a row even when nothing happened

    def level_of(self, queue: str) -> ServiceLevel:
        return self.levels.get(queue, self.level)

    @property
    def start(self) -> int:
        return self.periods[0].start if self.periods else 0

    @property
    def end(self) -> int:
        return self.periods[-1].end if self.periods else 0


def sl_note(level: ServiceLevel, levels: dict[str, ServiceLevel]) -> str:
    seconds = sorted({one.threshold_ms / 1000 for one in levels.values()} or {level.threshold_ms / 1000})
    words = "/".join(f"{value:g}" for value in seconds)
    short = (
        f", abandons within {level.short_abandon_ms / 1000:g} s left out" if level.short_abandon_ms else ""
    )
    return f"service level: {level.name}, {words} s{short}"


# -- wrap-up that follows a talk ---------------------------------------------------------------------

SAME_MOMENT_MS = 2_000  # a wrap-up may be stamped this much before the end of its talk


class Wrapups:
    """Finds the wrap-up that followed a talk."""

    def __init__(self, rows: Iterable[AgentStateRow]) -> None:
        # plain tuples: a day of a large centre holds a million of them
        self._rows: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
        for row in rows:
            if row.presence == "wrapup":
                self._rows.setdefault((row.call, row.agent), []).append((row.started, row.ended))

    def after(self, call: str, agent: str, talk_ended: int) -> tuple[int, int] | None:
        """(time spent, end) of the wrap-up after a talk; (0, talk_ended) when there was none, None
        while it lasts."""
        spent, reached = 0, talk_ended
        for started, ended in sorted(self._rows.get((call, agent), ()), key=itemgetter(0)):
            if started < talk_ended - SAME_MOMENT_MS:
                continue
            if spent and started != reached:
                break  # the wrap-up of a later talk with the same agent
            if ended is None:
                return None
            spent, reached = spent + ended - started, ended
        return spent, reached


# -- cells -------------------------------------------------------------------------------------------


def rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def share(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def percentiles(waits: list[int]) -> dict[str, int | None]:
    waits.sort()
    return {f"wait_p{p}_ms": percentile(waits, p) for p in (50, 90, 95)}


def duration(ms: float) -> str:
    """m:ss, or h:mm:ss from an hour on."""
    seconds = round(ms / 1000)
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"-{text}" if seconds < 0 else text


def show(value: Any, unit: Unit, zone: ZoneInfo) -> str:
    """A cell for people."""
    if value is None or value == "":
        return "-"
    match unit:
        case Unit.TIME:
            return label(value, zone)
        case Unit.MS:
            return duration(value)
        case Unit.PERCENT:
            return f"{value:.1f}"
        case _:
            return str(value)


def shown(table: Table, zone: ZoneInfo) -> tuple[list[Column], list[list[str]]]:
    """The columns for people, and all rows as text, the total last when there is more than one."""
    columns = [column for column in table.columns if not column.detail]
    rows = [[show(row.get(c.key), c.unit, zone) for c in columns] for row in table.rows]
    if table.total and len(table.rows) > 1:
        numbers = [c.unit not in (Unit.TEXT, Unit.TIME) for c in columns]
        total = [
            show(table.total.get(c.key), c.unit, zone) if number else ""
            for c, number in zip(columns, numbers, strict=True)
        ]
        rows.append(["total", *total[1:]])
    return columns, rows


def to_csv(table: Table, zone: ZoneInfo) -> str:
    """RFC 4180, one header line, units in the names of the columns; empty where there is nothing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.key for column in table.columns])
    for row in table.rows:
        cells = (_plain(row.get(column.key), column.unit, zone) for column in table.columns)
        writer.writerow([defuse(cell) for cell in cells])
    return out.getvalue()


def defuse(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it; telephone
    numbers and other numbers stay as they are."""
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def to_data(table: Table, zone: ZoneInfo) -> dict[str, Any]:
    """For JSON: the rows with their raw numbers, times as ISO 8601 in the report's zone."""
    units = {column.key: column.unit for column in table.columns}

    def data(row: Row) -> Row:
        return {key: _plain(value, units.get(key, Unit.TEXT), zone) for key, value in row.items()}

    columns = [{"key": c.key, "title": c.title, "unit": str(c.unit)} for c in table.columns]
    rows = [data(row) for row in table.rows]
    return {
        "title": table.title,
        "timezone": zone.key,
        "notes": list(table.notes),
        "columns": columns,
        "rows": rows,
        "total": data(table.total),
    }


def _plain(value: Any, unit: Unit, zone: ZoneInfo) -> Any:
    return iso(value, zone) if unit is Unit.TIME and value is not None else value

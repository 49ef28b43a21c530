"""Holidays and exceptional days of opening hours: dates, half days, calendar files."""

import datetime
import itertools
from typing import Any

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow import calendar, shapes, values
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow.calendar import Broken, Calendar, Part
from ccctl.flow.graph import ExceptionDay, HolidayPart
from ccctl.flow.schema_types import (
    TEXT,
    Key,
    Kind,
    Reader,
    Table,
    listed,
    read_keys,
    read_mapping,
    read_text,
    refuse_duplicates,
    typed,
)
from ccctl.flow.source import Mapping, Node, Scalar, Sequence, parse
from ccctl.flow.values import DAY_MINUTES, Wrong

WARN_DAYS = 60  # so long before its end a calendar is asked for


class Holidays(msgspec.Struct, frozen=True):
    """As written. A calendar file is worked out when the time zone of the hours is known."""

    days: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    files: tuple[Scalar, ...] = ()


class ExceptionRow(msgspec.Struct, frozen=True):
    """One line of exceptions: its own hours for some days; no spans are `closed`."""

    span: Span
    days: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


def _date_kind(reader: Reader) -> Kind:
    first, last = calendar.window(reader.folder.today)
    return typed("date", lambda text: calendar.dates(text, first, last), faults.bad_date)


def _minute(text: str) -> int | Wrong:
    return values.minute(text)


MINUTE = typed("time of day", _minute, faults.bad_time)
HALF_DAY = Table(
    "half day",
    "A part of a day that is a holiday.",
    (
        Key("date", Kind("date", lambda reader, node: _date_kind(reader).read(reader, node)), "the day"),
        Key("from", MINUTE, "when it begins", "00:00"),
        Key("to", MINUTE, "when it ends", "24:00"),
        Key("name", TEXT, "what it is called"),
    ),
)
HOLIDAYS_SHAPE = shapes.listed({"anyOf": [shapes.SINGLE, HALF_DAY.shape]})
EXCEPTIONS_SHAPE = shapes.mapping(shapes.SINGLE, shapes.listed(shapes.SINGLE))
BY_DATE = msgspec.structs.replace(HALF_DAY, keys=HALF_DAY.keys[1:])


# -- holidays --------------------------------------------------------------------------------------


def read_holidays(reader: Reader, node: Node) -> Holidays:
    items = node.items if isinstance(node, Sequence) else (node,)
    files = tuple(item for item in items if _is_file(item))
    days, parts = _read_dates(reader, tuple(item for item in items if not _is_file(item)))
    return Holidays(days, parts, tuple(item for item in files if isinstance(item, Scalar)))


def _is_file(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text.endswith((".ics", ".yaml", ".yml")) and not node.secret


def _read_dates(reader: Reader, nodes: tuple[Node, ...]) -> tuple[tuple[str, ...], tuple[Part, ...]]:
    days: list[str] = []
    parts: list[Part] = []
    for node in nodes:
        if isinstance(node, Mapping):
            found = read_keys(reader, node, HALF_DAY)
            if "date" in found:
                parts += _half(reader, node, found["date"], found)
            elif node.get("date") is None:
                span = node.entries[0][0].span if node.entries else node.span
                reader.report(findings.missing(span, "date", "a half day", 'date: "2026-12-24"'))
        else:
            days += _date_kind(reader).read(reader, node) or ()
    return tuple(days), tuple(parts)


def _half(reader: Reader, node: Mapping, days: tuple[str, ...], found: dict[str, Any]) -> list[Part]:
    if any(node.get(key) is not None and key not in found for key in ("from", "to")):
        return []
    start, end = found.get("from", 0), found.get("to", DAY_MINUTES)
    if start >= end:
        reader.report(
            faults.bad_time(node.entries[0][0].span, "this half day ends before it begins", "look at to")
        )
        return []
    return [Part(day, start, end) for day in days]


def _read_named(reader: Reader, mapping: Mapping) -> tuple[tuple[str, ...], tuple[Part, ...]]:
    """`"2026-12-25": Christmas`, or `"2026-12-24": {from: "12:00"}`."""
    refuse_duplicates(reader, mapping)
    days: list[str] = []
    parts: list[Part] = []
    for word, node in mapping.entries:
        read = _date_kind(reader).read(reader, word) or ()
        if isinstance(node, Mapping):
            parts += _half(reader, node, read, read_keys(reader, node, BY_DATE))
        elif isinstance(node, Sequence):
            reader.report(
                findings.shape(node.span, "a day has a name or a half day", 'write {from: "12:00"}')
            )
        else:
            days += read
    return tuple(days), tuple(parts)


def expand(reader: Reader, written: Holidays, zone: str) -> tuple[tuple[str, ...], tuple[HolidayPart, ...]]:
    """All whole days and half days, those of calendar files included."""
    calendars = [_calendar(reader, word, zone) for word in written.files]
    days = [*written.days, *(day for each in calendars for day in each.days)]
    parts = [*written.parts, *(part for each in calendars for part in each.parts)]
    every = calendar.joined(days, parts, {})
    return every.days, tuple(HolidayPart(part.day, part.start, part.end) for part in every.parts)


def _calendar(reader: Reader, word: Scalar, zone: str) -> Calendar:
    """A file is read once for each zone, and its end is told once."""
    known = reader.calendars.get((word.text, zone))
    if known is None:
        seen = any(path == word.text for path, _ in reader.calendars)
        before = len(reader.findings)
        known = reader.calendars[word.text, zone] = _read_file(reader, word, zone)
        if not seen and len(reader.findings) == before:
            _warn(reader, word, known)
    return known


def _read_file(reader: Reader, word: Scalar, zone: str) -> Calendar:
    text = read_text(reader, word)
    data = reader.folder.read(word.text) if text is not None else Wrong("", "")
    if isinstance(data, Wrong):
        if data.text:
            reader.report(faults.missing_file(word.span, f"calendar {word.text} {data.text}", data.hint))
        return Calendar()
    shown = f"{reader.folder.shown}{word.text}"
    if not word.text.endswith(".ics"):
        return _read_yaml(reader, data, shown)
    first, last = calendar.window(reader.folder.today)
    found = calendar.expand(data, zone, first, last)
    if isinstance(found, Broken):
        reader.report(faults.bad_calendar(Span(shown, found.line), found.text, found.hint))
        return Calendar()
    return found


def _read_yaml(reader: Reader, data: bytes, shown: str) -> Calendar:
    parsed = parse(data, shown)
    reader.findings.extend(parsed.findings)
    match parsed.root:
        case Mapping() as mapping:
            return calendar.joined(*_read_named(reader, mapping), {})
        case Sequence() as sequence:
            return calendar.joined(*_read_dates(reader, sequence.items), {})
        case Scalar() as scalar:
            reader.report(
                findings.shape(scalar.span, "a calendar is a list of dates", 'write - "2026-12-25"')
            )
    return Calendar()


def _warn(reader: Reader, word: Scalar, found: Calendar) -> None:
    today = reader.folder.today
    last = datetime.date.fromisoformat(found.last_day) if found.last_day else None
    if last is None or (last - today).days < WARN_DAYS:
        reader.report(faults.calendar_ends(word.span, word.text, last, today))


# -- exceptions ------------------------------------------------------------------------------------


def read_exceptions(reader: Reader, node: Node) -> tuple[ExceptionRow, ...] | None:
    example = '{"2026-12-24": "09:00-12:00", "2026-12-31": closed}'
    mapping = read_mapping(reader, node, "exceptions", f"days and times, for example {example}")
    if mapping is None:
        return None
    refuse_duplicates(reader, mapping)
    rows: list[ExceptionRow] = []
    seen: set[str] = set()
    for word, child in mapping.entries:
        days = _date_kind(reader).read(reader, word) if word.text not in seen else None
        seen.add(word.text)
        spans = _read_spans(reader, child)
        if days is None or spans is None:
            continue
        twice = next((row for row in rows if set(row.days) & set(days)), None)
        if twice:
            day = min(set(twice.days) & set(days))
            reader.report(faults.exception_twice(word.span, day, twice.span.line))
        rows.append(ExceptionRow(word.span, days, spans))
    return tuple(rows)


def _read_spans(reader: Reader, node: Node) -> tuple[tuple[int, int], ...] | None:
    if isinstance(node, Scalar) and node.text == "closed":
        return ()
    times = listed(typed("times", values.times, faults.bad_time)).read(reader, node)
    if times is None:
        return None
    spans = tuple(sorted(pair for written in times for pair in written))
    night = next((pair for pair in spans if pair[1] <= pair[0]), None)
    if night:
        text, hint = "an exceptional day ends at 24:00", "write the hours after midnight at the next date"
        reader.report(faults.bad_time(node.span, text, hint))
        return None
    clash = next((b for a, b in itertools.pairwise(spans) if b[0] < a[1]), None)
    if clash:
        reader.report(faults.times_overlap(node.span, clash[0]))
        return None
    return spans


def exception_days(rows: tuple[ExceptionRow, ...]) -> tuple[ExceptionDay, ...]:
    return tuple(
        sorted((ExceptionDay(day, row.spans) for row in rows for day in row.days), key=lambda e: e.day)
    )

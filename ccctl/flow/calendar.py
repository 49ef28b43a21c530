"""Calendars to days: iCalendar files (.ics) and the dates of YAML calendars. Pure; no clock in here.

The window, first to last day, comes from outside. It is made of whole years (`window`), so that the same file
gives the same days all year long, and a site that was not edited does not change overnight.
"""

import datetime
import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ccctl.flow import values
from ccctl.flow.values import DAY_MINUTES, Wrong

MAX_BYTES = 2_000_000
MAX_EVENTS = 5000
MAX_FREQUENT = 50  # series that repeat by day or week
MAX_DAYS = 1000  # of one range in YAML
ONE_DAY = datetime.timedelta(days=1)
_LINE = re.compile(
    r'([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)'
)
_ZONE = re.compile(r';TZID=("[^"]*"|[^";:,]*)', re.IGNORECASE)
_RULE_WORDS = ("RRULE", "EXRULE")


class Part(msgspec.Struct, frozen=True, order=True):
    """Closed on `day` (yyyymmdd) from minute to minute of the day; the end is exclusive."""

    day: str
    start: int
    end: int


class Calendar(msgspec.Struct, frozen=True):
    """`days` are whole days (yyyymmdd). `last_day` is the last one that the calendar knows, '' for none."""

    days: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    last_day: str = ""
    names: dict[str, str] = {}


class Broken(msgspec.Struct, frozen=True):
    """Why a file is no calendar, and in which line."""

    line: int
    text: str
    hint: str = "export the calendar again, or correct this line"


class Line(msgspec.Struct, frozen=True):
    """A line of an iCalendar file with its continuations."""

    number: int
    name: str
    parameters: str
    value: str


class Fault(Exception):
    def __init__(self, line: int, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.broken = Broken(line, text, hint) if hint else Broken(line, text)


def window(today: datetime.date) -> tuple[datetime.date, datetime.date]:
    """Last year, this one and two more."""
    return datetime.date(today.year - 1, 1, 1), datetime.date(today.year + 2, 12, 31)


def expand(data: bytes, zone: str, first: datetime.date, last: datetime.date) -> Calendar | Broken:
    """The days of an iCalendar file. Timed events are parts of days in `zone`.

    Transparent events count: the public calendars of holidays mark every day so. Cancelled ones do not.
    """
    try:
        lines = list(_lines(data))
        events = list(_events(lines))
        _check(lines, events)
        return _collect(_occurrences(data, events, first, last), ZoneInfo(zone), first, last)
    except Fault as fault:
        return fault.broken


# -- the text --------------------------------------------------------------------------------------


def _lines(data: bytes) -> Iterator[Line]:
    if len(data) > MAX_BYTES:
        raise Fault(1, f"the file is larger than {MAX_BYTES // 1_000_000} MB", "keep the days off only")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = data[: error.start].count(b"\n") + 1
        raise Fault(at, "this is not UTF-8 text", "save the calendar as UTF-8") from None
    whole: list[tuple[int, str]] = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line.startswith((" ", "\t")) and whole:
            whole[-1] = (whole[-1][0], whole[-1][1] + line[1:])
        elif line.strip():
            whole.append((number, line))
    for number, content in whole:
        match = _LINE.fullmatch(content)
        if not match:
            raise Fault(number, f'"{content[:40]}" is not a line of a calendar: NAME:value')
        yield Line(number, match[1].upper(), match[2], match[3])


def _events(lines: list[Line]) -> Iterator[list[Line]]:
    """The lines of each event, without those of what is nested in it."""
    if not lines or (lines[0].name, lines[0].value.upper()) != ("BEGIN", "VCALENDAR"):
        raise Fault(
            lines[0].number if lines else 1,
            "the file does not begin with BEGIN:VCALENDAR",
            "name an .ics file",
        )
    opened: list[Line] = []
    event: list[Line] = []
    for line in lines:
        word = line.value.upper()
        if not opened and line.name != "BEGIN":
            raise Fault(line.number, f"{line.name} stands outside of a calendar")
        if line.name == "BEGIN":
            opened.append(line)
            event = [line] if word == "VEVENT" else event
        elif line.name == "END":
            start = opened.pop()
            if start.value.upper() != word:
                raise Fault(line.number, f"END:{word} closes {start.value.upper()} of line {start.number}")
            if word == "VEVENT":
                yield event
        elif opened[-1].value.upper() == "VEVENT":
            event.append(line)
    if opened:
        raise Fault(
            opened[-1].number,
            f"{opened[-1].value.upper()} has no end",
            "the file was cut off; fetch it again",
        )


def _check(lines: list[Line], events: list[list[Line]]) -> None:
    """What the library would let pass in silence, or work on without end."""
    if len(events) > MAX_EVENTS:
        raise Fault(events[MAX_EVENTS][0].number, f"more than {MAX_EVENTS} events", "keep the days off only")
    own = {line.value for line in lines if line.name == "TZID"}
    frequent = 0
    for event in events:
        if not any(line.name == "DTSTART" for line in event):
            raise Fault(event[0].number, "the event has no DTSTART")
        for line in event:
            _check_zone(line, own)
            if line.name in _RULE_WORDS:
                frequent += _check_rule(line)
        if frequent > MAX_FREQUENT:
            raise Fault(
                event[0].number, f"more than {MAX_FREQUENT} series by day or week", "keep the days off only"
            )


def _check_zone(line: Line, own: set[str]) -> None:
    from icalendar.timezone import tzp

    match = _ZONE.search(line.parameters)
    zone = match[1].strip('"') if match else ""
    if zone and zone not in own and tzp.timezone(zone) is None:
        raise Fault(line.number, f'unknown time zone "{zone}"', "name a zone such as Europe/Berlin")


def _check_rule(line: Line) -> bool:
    """True for a series by day or week."""
    parts = dict(part.upper().partition("=")[::2] for part in line.value.split(";"))
    frequency = parts.get("FREQ", "")
    if frequency not in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY"):
        raise Fault(
            line.number, f'repeats by "{frequency}"', "days off repeat YEARLY, MONTHLY, WEEKLY or DAILY"
        )
    times = sorted({"BYHOUR", "BYMINUTE", "BYSECOND"} & set(parts))
    if times:
        raise Fault(line.number, f"{times[0]} is not for days off", "give the time in DTSTART")
    return frequency in ("DAILY", "WEEKLY")


# -- occurrences -----------------------------------------------------------------------------------


def _occurrences(
    data: bytes, events: list[list[Line]], first: datetime.date, last: datetime.date
) -> list[Any]:
    import icalendar
    import recurring_ical_events

    try:
        calendars = icalendar.Calendar.from_ical(data.removeprefix(b"\xef\xbb\xbf"), multiple=True)
    except Exception as error:  # the library lets through whatever a value provokes: ValueError to IndexError
        raise Fault(1, f"the calendar cannot be read: {_short(error)}") from None
    parsed = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    for event, lines in zip(parsed, events, strict=True):
        _check_parsed(event, lines)
    found: list[Any] = []
    for calendar in calendars:
        try:
            query = recurring_ical_events.of(calendar)
            found += query.between(first, last + ONE_DAY)
        except Exception as error:  # as above: a rule may provoke anything
            line = _culprit(calendar, parsed, events, (first, last))
            raise Fault(line, f"the repetition cannot be worked out: {_short(error)}") from None
    return found


def _check_parsed(event: Any, lines: list[Line]) -> None:
    for name, text in event.errors:
        at = next((line.number for line in lines if line.name == (name or "").upper()), lines[0].number)
        raise Fault(at, f"{name or 'this line'} cannot be read: {text}")
    at = next(line.number for line in lines if line.name == "DTSTART")
    start = getattr(event["DTSTART"], "dt", None)  # a list when it is written twice
    if not isinstance(start, datetime.date):
        raise Fault(at, "DTSTART is not one date")
    if not 1900 <= start.year <= 9000:
        raise Fault(at, f"the year {start.year} is out of reach", "begin the series later")


def _culprit(calendar: Any, parsed: list[Any], events: list[list[Line]], span: tuple[Any, Any]) -> int:
    """The line of the event that cannot be expanded when it stands alone."""
    import recurring_ical_events

    for event, lines in zip(parsed, events, strict=True):
        alone = calendar.copy()
        alone.subcomponents = [*(part for part in calendar.subcomponents if part.name != "VEVENT"), event]
        try:
            recurring_ical_events.of(alone).between(span[0], span[1] + ONE_DAY)
        except Exception:  # the same one as for the whole
            rules = (line.number for line in lines if line.name in _RULE_WORDS)
            return next(rules, lines[0].number)
    return 1


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


# -- days ------------------------------------------------------------------------------------------


def _collect(
    occurrences: Iterable[Any], zone: ZoneInfo, first: datetime.date, last: datetime.date
) -> Calendar:
    days: set[str] = set()
    parts: set[Part] = set()
    names: dict[str, str] = {}
    for event in occurrences:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        for part in _parts(event, zone, first, last):
            names.setdefault(part.day, str(event.get("SUMMARY", "")))
            if part.end - part.start == DAY_MINUTES:
                days.add(part.day)
            else:
                parts.add(part)
    return joined(days, parts, names)


def joined(days: Iterable[str], parts: Iterable[Part], names: dict[str, str]) -> Calendar:
    """A calendar in order: parts that touch are one, and those that fill a day are that day."""
    whole = set(days)
    merged: list[Part] = []
    for part in sorted(set(parts)):
        before = merged[-1] if merged else None
        if before and before.day == part.day and part.start <= before.end:
            merged[-1] = Part(part.day, before.start, max(before.end, part.end))
        else:
            merged.append(part)
    whole |= {part.day for part in merged if part.end - part.start == DAY_MINUTES}
    rest = tuple(part for part in merged if part.day not in whole)
    known = whole | {part.day for part in rest}
    return Calendar(tuple(sorted(whole)), rest, max(known, default=""), dict(sorted(names.items())))


def _parts(event: Any, zone: ZoneInfo, first: datetime.date, last: datetime.date) -> Iterator[Part]:
    """What an occurrence takes of each day; a part of 24 hours is the whole day."""
    start, end = event.start, event.end
    if not isinstance(start, datetime.datetime):
        opening, closing = _midnight(start), _midnight(max(end, start + ONE_DAY))
    else:
        opening, closing = _wall(start, zone), _wall(end, zone)
    day = max(opening.date(), first)
    while day <= min(closing.date(), last):
        from_ = max(opening, _midnight(day))
        until = min(closing, _midnight(day + ONE_DAY))
        minutes = (_minute(from_, day, 0), _minute(until, day, 59))
        if minutes[0] < minutes[1]:
            yield Part(day.strftime("%Y%m%d"), *minutes)
        day += ONE_DAY


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the clock on the wall


def _wall(moment: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """The clock on the wall; a time without a zone is meant as the wall shows it."""
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment


def _minute(moment: datetime.datetime, day: datetime.date, seconds: int) -> int:
    """Minute of the day; with 59 `seconds` a begun minute counts whole."""
    return int((moment - _midnight(day)).total_seconds() + seconds) // 60


# -- dates in YAML ---------------------------------------------------------------------------------


def dates(text: str, first: datetime.date, last: datetime.date) -> tuple[str, ...] | Wrong:
    """`2026-12-25`, `2026-12-24..2026-12-26`; `12-25` and `12-24..12-26` of every year in the window."""
    ends = [end.strip() for end in text.split("..")]
    if len(ends) > 2:
        return Wrong(f'"{text}" is not a range of dates', 'write "2026-12-24..2026-12-26"')
    if all(re.fullmatch(r"\d{2}-\d{2}", end) for end in ends):
        return _yearly(ends, first, last)
    read = [values.date(end) for end in ends]
    for each in read:
        if isinstance(each, Wrong):
            return each
    low, high = (datetime.date.fromisoformat(str(each)) for each in (read[0], read[-1]))
    if not 0 <= (high - low).days < MAX_DAYS:
        return Wrong(
            f'"{text}" ends before it begins' if high < low else f'"{text}" is too long', "look at the years"
        )
    return _days(low, high)


def _yearly(ends: list[str], first: datetime.date, last: datetime.date) -> tuple[str, ...] | Wrong:
    for end in ends:
        wrong = values.date(f"2024-{end}")  # a leap year: 02-29 exists
        if isinstance(wrong, Wrong):
            return Wrong(f'"{end}" is not a day of any year', "write month-day")
    result: list[str] = []
    for year in range(first.year, last.year + 1):
        low, high = _in_year(ends[0], year), _in_year(ends[-1], year + (ends[-1] < ends[0]))
        result += _days(low or high or first, high or low or first) if low or high else ()
    return tuple(result)


def _in_year(month_day: str, year: int) -> datetime.date | None:
    """The day in a year; None for the 29 February that is not there."""
    try:
        return datetime.date.fromisoformat(f"{year:04}-{month_day}")
    except ValueError:
        return None


def _days(low: datetime.date, high: datetime.date) -> tuple[str, ...]:
    return tuple((low + n * ONE_DAY).strftime("%Y%m%d") for n in range((high - low).days + 1))


# -- clock changes ---------------------------------------------------------------------------------


class Gap(msgspec.Struct, frozen=True):
    """On `day` the clocks jump from minute `start` to minute `end`."""

    day: str
    weekday: int
    start: int
    end: int


@functools.cache
def gaps(zone: str, today: datetime.date) -> tuple[Gap, ...]:
    """The jumps forward of the coming year."""
    place = ZoneInfo(zone)
    days = (today + n * ONE_DAY for n in range(366))
    return tuple(gap for day in days if (gap := _gap(day, place)))


def _gap(day: datetime.date, zone: ZoneInfo) -> Gap | None:
    first, after = (_midnight(each).replace(tzinfo=zone).utcoffset() for each in (day, day + ONE_DAY))
    if first is None or after is None or after <= first:
        return None
    missing = [n for n in range(DAY_MINUTES) if not _exists(day, n, zone)]
    return Gap(day.strftime("%Y%m%d"), day.weekday(), missing[0], missing[-1] + 1) if missing else None


def _exists(day: datetime.date, minute: int, zone: ZoneInfo) -> bool:
    local = _midnight(day).replace(hour=minute // 60, minute=minute % 60, tzinfo=zone)
    return local.astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)

"""Typed values from text: durations, times of day, days, dates, phone numbers, names. Pure.

A value that does not fit is a `Wrong`, with what to write instead; nothing is raised.
"""

import datetime
import ipaddress
import re
import zoneinfo

import msgspec

from ccctl.diagnostics import did_you_mean
from ccctl.flow.graph import OpenSpan


class Wrong(msgspec.Struct, frozen=True):
    text: str
    hint: str


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 1440
MAX_NAME = 40
# Words of the language that cannot be names in these sections, because they are written in the same places.
RESERVED = {
    "flows": ("continue", "hangup", "answer", "repeat", "return", "continue"),
    "prompts": ("none", "queue", "waited"),
}
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
UNIT_WORDS = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "min": "m",
    "mins": "m",
    "minute": "m",
} | {
    "minutes": "m",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
}
# Country calling code and the emergency numbers that no extension may hide.
COUNTRIES = {
    "AT": ("43", ("112", "122", "133", "144")),
    "AU": ("61", ("000", "112")),
    "BE": ("32", ("100", "101", "112")),
    "CA": ("1", ("911",)),
    "CH": ("41", ("112", "117", "118", "144")),
    "CZ": ("420", ("112", "150", "155", "158")),
    "DE": ("49", ("110", "112")),
    "DK": ("45", ("112", "114")),
    "ES": ("34", ("112",)),
    "FI": ("358", ("112",)),
    "FR": ("33", ("112", "15", "17", "18")),
    "GB": ("44", ("112", "999")),
    "IE": ("353", ("112", "999")),
    "IT": ("39", ("112", "113", "115", "118")),
    "LU": ("352", ("112", "113")),
    "NL": ("31", ("112",)),
    "NO": ("47", ("110", "112", "113")),
    "PL": ("48", ("112", "997", "998", "999")),
    "PT": ("351", ("112",)),
    "SE": ("46", ("112",)),
    "TR": ("90", ("112",)),
    "US": ("1", ("911",)),
}
EMERGENCY_ANYWHERE = ("112", "911")
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)")
_SERVICE_LEVEL = re.compile(r"(\d{1,3})\s*%\s+in\s+(\S+)")


def duration(text: str) -> int | Wrong:
    """`15s`, `500ms`, `2m`, `1m30s` in milliseconds."""
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(int(number) * UNITS[unit] for number, unit in parts)
    if text.isdecimal():
        return Wrong(f'duration "{text}" has no unit', f'did you mean "{text}s"?')
    number, word = re.fullmatch(r"(\d*)\s*(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    unit = UNIT_WORDS.get(word.strip().lower(), word.strip().lower())
    if number and unit in UNITS:
        return Wrong(f'"{text}" is not a duration', f'did you mean "{number}{unit}"?')
    return Wrong(f'"{text}" is not a duration', "write a number and a unit: 500ms, 15s, 2m, 1h")


def whole(text: str, least: int, most: int) -> int | Wrong:
    if re.fullmatch(r"-?\d{1,12}", text) and least <= int(text) <= most:
        return int(text)
    return Wrong(
        f'"{text}" is not a whole number from {least} to {most}', f"write a number like {least or 1}"
    )


def truth(text: str) -> bool | Wrong:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    value = words.get(text.lower())
    return Wrong(f'"{text}" is neither true nor false', "write true or false") if value is None else value


def service_level(text: str) -> tuple[int, int] | Wrong:
    """`80% in 20s`: percent and milliseconds."""
    wrong = Wrong(f'"{text}" is not a service level', "write for example: 80% in 20s")
    match = _SERVICE_LEVEL.fullmatch(text)
    if not match or not 0 < int(match[1]) <= 100:
        return wrong
    time = duration(match[2])
    return wrong if isinstance(time, Wrong) else (int(match[1]), time)


def name(text: str, section: str = "") -> str | Wrong:
    if len(text) > MAX_NAME:
        return Wrong(
            f"has {len(text)} characters; Asterisk cuts its contexts at 79, and two names would be one",
            f"use at most {MAX_NAME} characters",
        )
    if text in RESERVED.get(section, ()):
        return Wrong("is a word of the language and cannot be a name", f'write for example "{text}-1"')
    if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text):
        return text
    near = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-").lstrip("0123456789-")
    hint = f'did you mean "{near}"?' if near else "write for example: front-desk"
    return Wrong("is not a name: lower-case letters, digits and single hyphens, a letter first", hint)


def digits(text: str, least: int, most: int) -> str | Wrong:
    if re.fullmatch(r"[0-9]+", text) and least <= len(text) <= most:
        return text
    how_many = str(least) if least == most else f"{least} to {most}"
    return Wrong(f'"{text}" is not a number of {how_many} digits', f"write for example {'2' * least or '2'}")


def e164(text: str, country: str) -> str | Wrong:
    """+49301234500. Anything else gets a guess of what was meant."""
    if re.fullmatch(r"\+[1-9][0-9]{5,14}", text):
        return text
    bare = re.sub(r"[\s()/.-]", "", text)
    code = COUNTRIES.get(country, ("", ()))[0]
    if bare.startswith("00"):
        bare = f"+{bare[2:]}"
    elif bare.startswith("0") and code:
        bare = f"+{code}{bare[1:]}"
    elif bare.isdecimal() and not bare.startswith("0"):
        bare = f"+{bare}"
    valid = re.fullmatch(r"\+[1-9][0-9]{5,14}", bare)
    return Wrong(
        f'"{text}" is not E.164', f'did you mean "{bare}"?' if valid else "write for example +49301234500"
    )


def language(text: str) -> str | Wrong:
    if re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", text):
        return text
    near = re.match(r"([a-zA-Z]{2})(?:[-_]([a-zA-Z]{2}))?$", text)
    tail = f"_{near[2].upper()}" if near and near[2] else ""
    hint = f'did you mean "{near[1].lower()}{tail}"?' if near else "write for example: en, de, de_AT"
    return Wrong(f'"{text}" is not a language code', hint)


def zone(text: str) -> str | Wrong:
    known = zoneinfo.available_timezones()
    if text in known:
        return text
    near = did_you_mean(text, known)
    hint = (
        f'did you mean "{near}"? (Asterisk would silently use UTC)'
        if near
        else "write for example Europe/Berlin"
    )
    return Wrong(f'unknown time zone "{text}"', hint)


def country(text: str) -> str | Wrong:
    if text in COUNTRIES:
        return text
    near = did_you_mean(text.upper(), COUNTRIES)
    return Wrong(
        f'"{text}" is not a country that ccctl knows',
        f'did you mean "{near}"?' if near else f"known: {', '.join(sorted(COUNTRIES))}",
    )


def host(text: str) -> str | Wrong:
    """A host name or an IPv4 address. A port is a key of its own."""
    label = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    if re.fullmatch(r"(.+\.)?[0-9]+\.?", text):  # no name ends with a number: this is meant as an address
        return _address(text)
    if re.fullmatch(rf"{label}(\.{label})*\.?", text) and len(text) <= 253:
        return text
    bare, _, port = text.removeprefix("sip:").partition(":")
    if port.isdecimal():
        return Wrong(f'"{text}" is not a host name', f"write host: {bare} and port: {port}")
    return Wrong(f'"{text}" is not a host name', "write for example sip.telco.example or 192.0.2.10")


def _address(text: str) -> str | Wrong:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        pass
    parts = [part for part in text.split(".") if part.isdecimal()]
    large = next((part for part in parts if len(part) > 3 or int(part) > 255), "")
    why = f": {large} is more than 255" if large and text.count(".") == 3 else ""
    hint = "an address is four numbers from 0 to 255, without zeros before them: 192.0.2.10"
    return Wrong(f'"{text}" is neither an IPv4 address nor a host name{why}', hint)


# -- time ------------------------------------------------------------------------------------------


FIRST_YEAR, LAST_YEAR = 2000, 2199


def date(text: str) -> str | Wrong:
    """2026-12-25 as 20261225."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            day = datetime.date.fromisoformat(text)
        except ValueError:
            return Wrong(f'"{text}" is not a day of the calendar', "write year-month-day")
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day.strftime("%Y%m%d")
        return Wrong(f'"{text}" is far away', f"write a year from {FIRST_YEAR} to {LAST_YEAR}")
    other = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text)
    near = f"{other[3]}-{int(other[2]):02}-{int(other[1]):02}" if other else ""
    return Wrong(
        f'"{text}" is not a date', f'did you mean "{near}"?' if near else 'write year-month-day: "2026-12-25"'
    )


def days(text: str) -> tuple[int, ...] | Wrong:
    """`mon`, `mon-thu`, `fri-mon` (over the week's end), `mon,wed`, `daily`; 0 is Monday."""
    if text == "daily":
        return tuple(range(7))
    result: list[int] = []
    for part in text.replace(" ", "").split(","):
        ends = part.split("-")
        unknown = next((word for word in ends if word not in DAYS), None)
        if unknown is not None or len(ends) > 2:
            word = part if unknown is None else unknown
            near = did_you_mean(word.lower()[:3], DAYS)
            return Wrong(
                f'"{word}" is not a day',
                f'did you mean "{near}"?' if near else "write mon to sun, or mon-fri",
            )
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        result += [day % 7 for day in range(first, last + 1 if last >= first else last + 8)]
    return tuple(result)


def minute(text: str) -> int | Wrong:
    """08:30 as minutes of the day; 24:00 is the end of the day."""
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if match:
        value = int(match[1]) * 60 + int(match[2])
        if int(match[2]) < 60 and value <= DAY_MINUTES:
            return value
    return Wrong(f'"{text}" is not a time of day', "use 00:00 to 24:00")


def times(text: str) -> tuple[tuple[int, int], ...] | Wrong:
    """`08:00-18:00` or several with commas. An end before the start runs over midnight."""
    result: list[tuple[int, int]] = []
    for part in text.replace(" ", "").split(","):
        ends = part.split("-")
        if len(ends) != 2:
            return Wrong(f'"{part}" is not a span of time', "write for example 08:00-18:00")
        start, end = minute(ends[0]), minute(ends[1])
        if isinstance(start, Wrong):
            return start
        if isinstance(end, Wrong):
            return end
        if start in (end, DAY_MINUTES):
            return Wrong(f'"{part}" is an empty span', "for the whole day write 00:00-24:00")
        result.append((start, end))
    return tuple(result)


def spans(on: tuple[int, ...], at: tuple[tuple[int, int], ...]) -> tuple[OpenSpan, ...]:
    """One OpenSpan a day; a span over midnight becomes two."""
    result: list[OpenSpan] = []
    for day in on:
        for start, end in at:
            if end > start:
                result.append(OpenSpan(day, start, end))
            else:
                result.append(OpenSpan(day, start, DAY_MINUTES))
                result += [OpenSpan((day + 1) % 7, 0, end)] if end else []
    return tuple(result)

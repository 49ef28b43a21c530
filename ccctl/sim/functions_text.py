"""Dialplan functions on text. Every string holds one byte per character."""

import functools
import hashlib
import math
import re
from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes

from ccctl.sim.core import Core, Read, Write
from ccctl.sim.regex import compiled_pattern
from ccctl.sim.template import MAX_VALUE, read
from ccctl.sim.text import (
    arguments,
    atoi,
    encoded_char,
    encoded_text,
    lower,
    outer,
    scan_float,
    scan_int,
    separate,
    upper,
)

_RAND_MAX = 2_147_483_647


def _filter(core: Core, text: str) -> str | None:
    found = separate(text, 2, raw=True)
    allowed = _allowed(found[0]) if len(found) > 1 else None
    return None if allowed is None else "".join([char for char in found[1] if char in allowed])


@functools.lru_cache(maxsize=10_000)
def _allowed(text: str) -> frozenset[str] | None:
    chars: set[str] = set()
    while text:
        one = encoded_char(text)
        if one is None:
            return None
        first, text = one[0], text[one[1] :]
        last = first
        if text[:1] == "-":
            end = encoded_char(text[1:])
            last, used = end if end else (first, 0)
            text = text[1 + used :]
        chars |= _range(ord(first), ord(last))
    return frozenset(chars - {"\0"})


def _range(first: int, last: int) -> set[str]:
    """Wraps over 255, as an unsigned char does."""
    return {chr((first + step) % 256) for step in range((last - first) % 256 + 1)}


def _replace(core: Core, text: str) -> str | None:
    found = separate(text, 3)
    if len(found) < 2:
        return None
    unwanted = encoded_text(found[1])[:255]
    one = encoded_char(found[2]) if len(found) > 2 else None
    value = read(core, found[0])
    if not unwanted or not found[0] or not value:
        return None
    return "".join([(one[0] if one else "") if char in unwanted else char for char in value])


def _strreplace(core: Core, text: str) -> str | None:
    found = separate(text, 5)
    if len(found) < 2 or not found[0] or not found[1]:
        return None
    most = atoi(found[3]) if len(found) > 3 else 0
    new = found[2] if len(found) > 2 else ""
    return read(core, found[0]).replace(found[1], new, most if most > 0 else -1)


def _regex(core: Core, text: str) -> str | None:
    found = separate(text, 3, '"')
    if len(found) != 3:
        return None
    pattern = compiled_pattern(found[1])
    if pattern is None:
        return None
    subject = found[2][1:] if found[2][:1] in (" ", "\t") else found[2]
    return "1" if pattern.search(outer(subject)) else "0"


def _quote(core: Core, text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _csv_quote(core: Core, text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _keypadhash(core: Core, text: str) -> str:
    pads = "0 1 2abc 3def 4ghi 5jkl 6mno 7pqrs 8tuv 9wxyz".split()
    return "".join(pad[0] for char in text for pad in pads if char.lower() in pad)


# -- lists -------------------------------------------------------------------------------------------


def _cut(core: Core, text: str) -> str | None:
    found = separate(text, 3)
    if len(found) < 3:
        return None
    one = encoded_char(found[1])
    delimiter = one[0] if one else "-"
    value = read(core, found[0])
    fields = value.split(delimiter) if value else []
    taken: list[str] = []
    at = 1
    for wanted in found[2].split("&"):
        span = _span(wanted)
        if span is None:
            return None
        first, last = max(at, span[0]), min(len(fields), span[1])
        taken += fields[first - 1 : last]
        at = max(at, span[0], last + 1)
    return delimiter.join(taken)


def _span(text: str) -> tuple[int, int] | None:
    if found := re.match(r"\s*([0-9]+)-\s*([0-9]+)", text):
        return int(found.group(1)), int(found.group(2))
    if found := re.match(r"-\s*([0-9]+)", text):
        return 1, int(found.group(1))
    if found := re.match(r"\s*([0-9]+)(-?)", text):
        return int(found.group(1)), _RAND_MAX if found.group(2) else int(found.group(1))
    return None


def _fieldqty(core: Core, text: str) -> str:
    found = separate(text, 2)
    if len(found) < 2:
        return "1"
    one = encoded_char(found[1])
    value = read(core, found[0])
    if not value:
        return "0"
    return str(len(value.split(one[0])) if one and one[0] != "\0" else 1)


def _delimiter(found: list[str]) -> str:
    one = encoded_char(found[1]) if len(found) > 1 and found[1] else None
    return one[0] if one else ","


def _taker(first: bool) -> Read:
    """SHIFT and POP."""

    def take(core: Core, text: str) -> str | None:
        found = separate(text, 2)
        value = read(core, found[0]) if found and found[0] else ""
        if not value:
            return None
        delimiter = _delimiter(found)
        if delimiter not in value:
            core.put(found[0], "")
            return value
        head, _, tail = value.partition(delimiter) if first else value.rpartition(delimiter)
        core.put(found[0], tail if first else head)
        return head if first else tail

    return take


def _adder(first: bool) -> Write:
    """UNSHIFT and PUSH."""

    def add(core: Core, text: str, value: str) -> None:
        found = separate(text, 2)
        if not found or not found[0]:
            return
        name = found[0]
        plain = name[min(2, len(name) - len(name.lstrip("_"))) :]
        old = read(core, plain)
        both = [value, old] if first else [old, value]
        core.put(name, _delimiter(found).join(both) if old else value)

    return add


def _listfilter(core: Core, text: str) -> str | None:
    found = separate(text, 3)
    if len(found) < 3:
        return None
    value = read(core, found[0])
    delimiter = encoded_text(found[1]) or ","
    return delimiter.join(field for field in value.split(delimiter) if field != found[2]) if value else None


# -- numbers -----------------------------------------------------------------------------------------


def _rand(core: Core, text: str) -> str:
    found = arguments(text, 2)
    low = scan_int(found[0])
    high = scan_int(found[1])
    low, high = 0 if low is None else low, _RAND_MAX if high is None else high
    low, high = min(low, high), max(low, high)
    return str(low + core.random() % (high - low + 1))


_MATH = re.compile(r"^(-?)(.*)$", re.DOTALL)
_MATH_ORDER = ("*", "/", "%", "^", "AND", "XOR", "OR", ">", "<", "=", "+", "-")


def _math(core: Core, text: str) -> str | None:
    found = separate(text, 2)
    if not found:
        return None
    negative = found[0].startswith("-")
    body = found[0][negative:]
    for operator in _MATH_ORDER:
        left, given, right = body.partition(operator)
        if given:
            break
    else:
        return None
    if operator in "><=" and (operator == "=" or right[:1] in ("=", operator)):
        if operator == "=" and right[:1] != "=":
            return None
        operator, right = operator + right[0], right[1:]
    return _calculated(left, operator, right, negative, found[1] if len(found) > 1 else "f")


def _calculated(left: str, operator: str, right: str, negative: bool, kind: str) -> str | None:
    a, b = scan_float(left), scan_float(right)
    if a is None or b is None:
        return None
    result = _ARITHMETIC[operator](-a if negative else a, b)
    if isinstance(result, bool):
        return "TRUE" if result else "FALSE"
    return _shown(result, kind.lower())


def _shown(value: float, kind: str) -> str | None:
    if kind in ("f", "float"):
        return f"{value:.6f}"
    if kind in ("i", "int"):
        return str(int(value))
    if kind in ("h", "hex"):
        return f"{int(value) & 0xFFFFFFFF:x}"
    return chr(int(value) & 255) if kind in ("c", "char") else None


_ARITHMETIC: dict[str, Callable[[float, float], float | bool]] = {
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b > 0 else 0.0,
    "%": lambda a, b: float(int(math.fmod(int(a), int(b)))) if int(b) else 0.0,
    "^": math.pow,
    "AND": lambda a, b: float(int(a) & int(b)),
    "XOR": lambda a, b: float(int(a) ^ int(b)),
    "OR": lambda a, b: float(int(a) | int(b)),
    ">>": lambda a, b: float(int(a) >> int(b)),
    "<<": lambda a, b: float(int(a) << int(b)),
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
}


# -- encodings ---------------------------------------------------------------------------------------


def _uriencode(core: Core, text: str) -> str:
    return quote(text.encode("latin-1"), safe="!~*'()")[:MAX_VALUE]


def _uridecode(core: Core, text: str) -> str:
    return unquote_to_bytes(text.encode("latin-1")).decode("latin-1")


def _hash(name: str) -> Read:
    return lambda core, text: hashlib.new(name, text.encode("latin-1"), usedforsecurity=False).hexdigest()


READ: dict[str, Read] = {
    "FILTER": _filter,
    "REPLACE": _replace,
    "STRREPLACE": _strreplace,
    "REGEX": _regex,
    "QUOTE": _quote,
    "CSV_QUOTE": _csv_quote,
    "KEYPADHASH": _keypadhash,
    "CUT": _cut,
    "FIELDQTY": _fieldqty,
    "SHIFT": _taker(first=True),
    "POP": _taker(first=False),
    "LISTFILTER": _listfilter,
    "RAND": _rand,
    "MATH": _math,
    "URIENCODE": _uriencode,
    "URIDECODE": _uridecode,
    "SHA1": _hash("sha1"),
    "MD5": _hash("md5"),
    "LEN": lambda core, text: str(len(text)),
    "TOUPPER": lambda core, text: upper(text),
    "TOLOWER": lambda core, text: lower(text),
    "PASSTHRU": lambda core, text: text,
}
WRITE: dict[str, Write] = {"UNSHIFT": _adder(first=True), "PUSH": _adder(first=False)}

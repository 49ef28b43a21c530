"""Strings as Asterisk has them, and the small parsers that its applications share.

Asterisk counts bytes. Inside the simulator a string holds one byte per character (latin-1); `inner` and
`outer` translate at the border, so that LEN, substrings and cuts come out as on the real thing.
"""

import re

HEX = "0123456789ABCDEFabcdef"
_INT = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_FLOAT = re.compile(r"[ \t\n\v\f\r]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_UNIT_MS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_INT_MAX = 2_147_483_647
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_SPACE = "".join(map(chr, range(1, 33)))
_TRUE = frozenset({"yes", "true", "y", "t", "1", "on"})


def inner(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def outer(text: str) -> str:
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "replace")


def strip(text: str) -> str:
    """ast_strip: control characters count as blanks."""
    return text.strip(_SPACE)


def upper(text: str) -> str:
    return text.upper() if text.isascii() else "".join(c.upper() if c.isascii() else c for c in text)


def lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)


def truth(text: str | None) -> bool:
    """ast_true."""
    return text is not None and text.lower() in _TRUE


def scan_int(text: str) -> int | None:
    """sscanf("%d"): leading blanks and what follows the digits do not matter."""
    found = _INT.match(text)
    return _as_int(found.group(1)) if found else None


def _as_int(digits: str) -> int:
    number = max(-(1 << 63), min((1 << 63) - 1, int(digits[:30])))
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


def scan_long(text: str) -> int | None:
    found = _INT.match(text)
    return max(-(1 << 63), min((1 << 63) - 1, int(found.group(1)))) if found else None


def atoi(text: str) -> int:
    return scan_int(text) or 0


def scan_float(text: str) -> float | None:
    found = _FLOAT.match(text)
    return float(found.group(1)) if found else None


def whole_int(text: str) -> int | None:
    """ast_str_to_int: nothing but a number."""
    return scan_int(text) if re.fullmatch(r"[ \t\n\v\f\r]*[+-]?[0-9]+", text) else None


def milliseconds(text: str | None) -> int | None:
    """ast_app_parse_timelen in seconds: "2.5", "500ms", "3m"."""
    found = _FLOAT.match(text) if text else None
    if not text or not found:
        return None
    unit = text[found.end() :].split(maxsplit=1)
    name = unit[0][:9].lower() if unit else "s"
    if name not in _UNIT_MS:
        return None
    return min(_INT_MAX, int(float(found.group(1)) * _UNIT_MS[name]))


def condition(text: str | None) -> bool:
    """pbx_checkcondition: empty is false, a number is its truth, other text is true."""
    if not text:
        return False
    number = scan_int(text)
    return True if number is None else number != 0


def separate(text: str, count: int, delimiter: str = ",", *, raw: bool = False) -> list[str]:
    """Arguments as AST_STANDARD_APP_ARGS splits them; `raw` keeps quotes and backslashes."""
    if not text:
        return []
    if not _SPECIAL.search(text):
        return text.split(delimiter, count - 1)
    return _Separator(delimiter, raw).split(text, count)


_SPECIAL = re.compile(r'[()\[\]"\\]')


class _Separator:
    def __init__(self, delimiter: str, raw: bool) -> None:
        self.delimiter = delimiter
        self.raw = raw
        self.paren = self.bracket = 0
        self.quoted = False

    def split(self, text: str, count: int) -> list[str]:
        found: list[str] = []
        at, delimited = 0, False
        while at < len(text) and len(found) < count - 1:
            argument, at, delimited = self.one(text, at)
            found.append(argument)
        if at < len(text) or delimited:
            found.append(text[at:])
        return found

    def one(self, text: str, at: int) -> tuple[str, int, bool]:
        """The next argument, where it ended, and whether a delimiter ended it."""
        out: list[str] = []
        while at < len(text):
            char = text[at]
            if char == self.delimiter and not (self.paren or self.quoted or self.bracket):
                return "".join(out), at + 1, True
            at += self.take(text, at, out)
        return "".join(out), at, False

    def take(self, text: str, at: int, out: list[str]) -> int:
        char = text[at]
        if char == "\\":
            out.append(text[at + 1 : at + 2] if self.raw is False else text[at : at + 2])
            return 2
        if char == '"' and self.delimiter != '"':
            self.quoted = not self.quoted
            if not self.raw:
                return 1
        self.nest(char)
        out.append(char)
        return 1

    def nest(self, char: str) -> None:
        if char == "(":
            self.paren += 1
        elif char == ")":
            self.paren = max(0, self.paren - 1)
        elif char == "[":
            self.bracket += 1
        elif char == "]":
            self.bracket = max(0, self.bracket - 1)


def arguments(text: str, count: int) -> list[str]:
    """Exactly `count` arguments; those not given are empty."""
    found = separate(text, count)
    return found + [""] * (count - len(found))


def options(text: str) -> dict[str, str]:
    """`gL(1000)U(sub)` -> {g: "", L: "1000", U: "sub"}."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        letter, at = text[at], at + 1
        found[letter] = ""
        if text[at : at + 1] == "(":
            found[letter], at = _option_argument(text, at + 1)
    return found


def _option_argument(text: str, at: int) -> tuple[str, int]:
    out, depth, quoted = "", 1, False
    quotes = text[at : at + 1] == '"'
    while at < len(text):
        char = text[at]
        if char == '"' and quotes:
            quoted, at = not quoted, at + 1
            continue
        if char == "\\" and (not quoted or text[at + 1 : at + 2] == '"'):
            out, at = out + text[at + 1 : at + 2], at + 2
            continue
        depth += {"(": 1, ")": -1}.get(char, 0) if not quoted else 0
        if depth == 0:
            return out, at + 1
        out, at = out + char, at + 1
    return out, at


def encoded_char(text: str) -> tuple[str, int] | None:
    """One character of a list such as FILTER's: \\n, \\x27, \\0101 or itself; and how many were used."""
    if not text:
        return None
    if text[0] != "\\":
        return text[0], 1
    kind = text[1:2]
    if kind == "x":
        return _hexadecimal(text)
    if kind == "0":
        digits = re.match(r"[0-7]*", text[2:])
        octal = digits.group() if digits else ""
        return chr(int(octal or "0", 8) & 255), 2 + len(octal)
    return _ESCAPES.get(kind, kind or "\0"), 2


def _hexadecimal(text: str) -> tuple[str, int] | None:
    found = re.match(r"[0-9A-Fa-f]{1,2}", text[2:4])
    return (chr(int(found.group(), 16)), 2 + len(found.group())) if found else None


def encoded_text(text: str) -> str:
    """ast_get_encoded_str: a whole string of such characters."""
    out = ""
    while text:
        one = encoded_char(text)
        if one is None:
            break
        out, text = out + one[0], text[one[1] :]
    return out


def substring(value: str, offset: int, length: int | None) -> str:
    """`${value:offset:length}`."""
    size = len(value)
    if offset < 0:
        offset = max(0, size + offset)
    rest = value[offset:]
    if length is None:
        return rest
    if length >= 0:
        return rest[:length]
    return rest[:length] if len(rest) > -length else ""

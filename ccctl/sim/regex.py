"""POSIX extended regular expressions by way of Python's: what REGEX, `:` and `=~` accept.

Asterisk's C library takes the longest of several alternatives, Python the first that fits: whether a
text matches is the same, how much of it may differ for patterns such as `a|ab`.
"""

import functools
import re

import msgspec

from ccctl.sim.text import inner, outer

_LETTERS = (  # of the scripts that names are written in around here
    "\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\u02c1\u0370-\u0373\u0376-\u0481"
    "\u048a-\u052f\u05d0-\u064a\u1e00-\u1fff"
)
_CLASSES = {
    "alpha": "a-zA-Z" + _LETTERS, "digit": "0-9", "alnum": "a-zA-Z0-9" + _LETTERS,
    "upper": "A-Z\xc0-\xd6\xd8-\xde", "lower": "a-z\xb5\xdf-\xf6\xf8-\xff",
    "space": r"\s", "blank": r" \t", "xdigit": "0-9A-Fa-f", "cntrl": r"\x00-\x1f\x7f",
    "punct": r"!-/:-@\[-`{-~", "print": "\\x20-\\x7e\xa0-\uffff", "graph": "\\x21-\\x7e\xa1-\uffff",
}  # fmt: skip
_GNU = {
    "w": r"\w",
    "W": r"\W",
    "s": r"\s",
    "S": r"\S",
    "b": r"\b",
    "B": r"\B",
    "<": r"\b(?=\w)",
    ">": r"\b(?<=\w)",
}


class Found(msgspec.Struct, frozen=True):
    """Whether it matched, how many bytes, the first group, and how many groups the pattern has."""

    matched: bool
    length: int = 0
    first: str | None = None
    groups: int = 0


def search(pattern: str, text: str, *, anchored: bool = False) -> Found | None:
    """None: the pattern is no regular expression. Both texts hold one byte per character."""
    compiled = compiled_pattern(pattern)
    if compiled is None:
        return None
    found = compiled.search(outer(text))
    if not found or (anchored and found.start()):
        return Found(False, groups=compiled.groups)
    first = found.group(1) if compiled.groups else None
    return Found(True, len(inner(found.group())), None if first is None else inner(first), compiled.groups)


@functools.lru_cache(maxsize=10_000)
def compiled_pattern(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(_translated(outer(pattern)), re.ASCII | re.DOTALL)
    except (re.error, ValueError, OverflowError):
        return None


def _translated(pattern: str) -> str:
    out, at, depth = "", 0, 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            piece, at = _bracket(pattern, at)
        elif char == "\\":
            piece, at = _escaped(pattern[at + 1 : at + 2]), at + 2
        elif char == ")" and not depth:
            piece, at = r"\)", at + 1
        else:
            depth += {"(": 1, ")": -1}.get(char, 0)
            piece, at = _plain(pattern, at), at + 1
        out += piece
    return out


def _plain(pattern: str, at: int) -> str:
    char = pattern[at]
    if char == "$":
        return r"\Z"
    if char == "(" and pattern[at + 1 : at + 2] == "?":
        raise ValueError("a group cannot begin with a repetition")
    if char == "{" and not re.match(r"\{[0-9]*,?[0-9]*\}(?<!\{\})(?<!\{,\})", pattern[at:]):
        raise ValueError("no number of repetitions")
    if char in "?+" and pattern[at - 1 : at] in ("*", "+", "?", "}") and at:
        return ""  # `a*?` is `(a*)?` here, not the lazy one
    return char


def _escaped(char: str) -> str:
    if not char:
        raise ValueError("trailing backslash")
    return _GNU.get(char) or (f"\\{char}" if char.isdigit() else re.escape(char))


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    start, at = at, at + 1
    out = "["
    if pattern[at : at + 1] == "^":
        out, at = out + "^", at + 1
    first = True
    while first or pattern[at : at + 1] != "]":
        if at >= len(pattern):
            raise ValueError(f"unmatched [ at {start}")
        named = re.match(r"\[:([a-z]+):\]", pattern[at:])
        if named:
            out, at = out + _CLASSES[named.group(1)], at + named.end()
        else:
            out, at = out + _member(pattern[at]), at + 1
        first = False
    return out + "]", at + 1


def _member(char: str) -> str:
    return "\\" + char if char in r"\[]^&~|" else char

"""Asterisk dialplan and configuration sections as data, and the only place that writes their text.

Two kinds of text meet in a dialplan: expressions that the compiler wrote (`${EPOCH}`) and values that
came from a site. A value passes through `literal()` or `name()` first; nothing else may reach a Line.
"""

import re
from collections.abc import Iterable

import msgspec

from ccctl.errors import ApplyError

MAX_NAME = 79  # Asterisk cuts context and extension names here, and two names would become one
MAX_LINE = 8000  # Asterisk reads lines of up to 8,192 bytes

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_EXTEN = re.compile(r"_?[A-Za-z0-9_+*#.!\[\]-]+")
_UNSAFE = re.compile(r"\$[{\[]|[\x00-\x1f\x7f\"\\]")

Place = tuple[str, str, str]  # context, extension, priority or label


class Line(msgspec.Struct, frozen=True):
    """One priority of an extension. `args` are joined with commas."""

    app: str
    args: tuple[str, ...] = ()
    label: str = ""


class Exten(msgspec.Struct, frozen=True):
    """An extension or pattern; `hint` makes its lamp."""

    name: str
    lines: tuple[Line, ...] = ()
    hint: str = ""


class Context(msgspec.Struct, frozen=True):
    name: str
    extens: tuple[Exten, ...]


class Section(msgspec.Struct, frozen=True):
    """One `[name]` of a configuration file."""

    name: str
    options: tuple[tuple[str, str], ...] = ()


class Priority(msgspec.Struct, frozen=True, order=True):
    """One step as Asterisk lists it: what read-back compares."""

    exten: str
    priority: str  # a number or "hint"
    app: str = ""
    data: str = ""


def literal(text: str) -> str:
    """A value from a site as an argument. Asterisk would expand `${` and `$[`, whatever is before."""
    if found := _UNSAFE.search(text):
        raise ApplyError(f"{text!r} cannot go into a dialplan: {found.group()!r} has a meaning there")
    return text.replace(",", "\\,")


def name(text: str) -> str:
    """A context, label or channel name made of names of ours."""
    if not _NAME.fullmatch(text) or len(text) > MAX_NAME:
        raise ApplyError(f"{text!r} is no name that Asterisk keeps apart from others")
    return text


def value(text: str) -> str:
    """An option's value in a .conf file: one line, with `;` kept from starting a comment."""
    if any(ord(char) < 32 for char in text):
        raise ApplyError(f"{text!r} has a character that a configuration file cannot hold")
    return text.replace(";", "\\;")


def goto(place: Place, label: str = "") -> Line:
    return Line("Goto", place, label)


def go_if(condition: str, target: str) -> Line:
    """Jump to `target` (priority; extension,priority; or context,extension,priority)."""
    return Line("GotoIf", (f"$[{condition}]?{target}",))


def put(variable: str, expression: str, label: str = "") -> Line:
    return Line("Set", (f"{variable}={expression}",), label)


def mark(event: str, what: str) -> Line:
    return Line("CELGenUserEvent", (event, what))


def render(contexts: Iterable[Context]) -> str:
    return "\n".join(_context(context) for context in contexts)


def _context(context: Context) -> str:
    lines = [f"[{name(context.name)}]"]
    for exten in context.extens:
        lines += _exten(exten)
    return "\n".join(lines) + "\n"


def _exten(exten: Exten) -> list[str]:
    if not _EXTEN.fullmatch(exten.name) or len(exten.name) > MAX_NAME:
        raise ApplyError(f"{exten.name!r} is no extension")
    lines = [f"exten => {exten.name},hint,{exten.hint}"] if exten.hint else []
    for index, line in enumerate(exten.lines):
        head = f"exten => {exten.name},1" if index == 0 else " same => n"
        label = f"({name(line.label)})" if line.label else ""
        lines.append(_checked(f"{head}{label},{line.app}({','.join(line.args)})"))
    return lines


def _checked(text: str) -> str:
    if "\n" in text or "\r" in text or len(text.encode()) > MAX_LINE:
        raise ApplyError(f"a dialplan line cannot be written: {text[:80]!r}...")
    return text.replace(";", "\\;")


def model(context: Context) -> set[Priority]:
    """What Asterisk should list for this context once it is loaded."""
    hints = {Priority(exten.name, "hint", exten.hint) for exten in context.extens if exten.hint}
    steps = {
        Priority(exten.name, str(number), line.app, ",".join(line.args))
        for exten in context.extens
        for number, line in enumerate(exten.lines, 1)
    }
    return hints | steps

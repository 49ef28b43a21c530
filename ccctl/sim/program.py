"""A dialplan as Asterisk holds it: what an extension is, and what digits may become one."""

import functools
from collections.abc import Callable, Iterable

from ccctl.flow.dialplan import Context, Exten
from ccctl.sim.template import template
from ccctl.sim.text import inner

MATCH, CAN_MATCH, MATCH_MORE = range(3)
_SETS = {"X": "0123456789", "Z": "123456789", "N": "23456789"}
_LAST = 0x40000


class Step:
    """One priority; its data is compiled once."""

    __slots__ = ("app", "data")

    def __init__(self, app: str, data: str) -> None:
        self.app = app.lower()
        self.data = template(data)


class Extension:
    """An extension or pattern with its priorities."""

    __slots__ = ("labels", "name", "plain", "steps", "units")

    def __init__(self, name: str) -> None:
        self.name = name
        self.plain = name.replace("-", "")
        self.steps: dict[int, Step] = {}
        self.labels: dict[str, int] = {}
        self.units = _units(name[1:]) if name.startswith("_") else ()

    @property
    def is_pattern(self) -> bool:
        return self.name.startswith("_")

    def add(self, exten: Exten) -> None:
        for number, line in enumerate(exten.lines, 1):
            if number not in self.steps:
                self.steps[number] = Step(line.app, inner(",".join(line.args)))
                if line.label:
                    self.labels.setdefault(line.label, number)


Unit = frozenset[str] | str  # characters, or "." or "!"


def _units(pattern: str) -> tuple[Unit, ...]:
    units: list[Unit] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            end = pattern.find("]", at)
            if end < 0:
                return ("!!",)  # no pattern: it matches nothing
            if chars := _set(pattern[at + 1 : end]):
                units.append(chars)
            at = end
        elif char in ".!":
            units.append(char)
        elif char != "-":
            units.append(frozenset(_SETS.get(char.upper(), char)))
        at += 1
    return tuple(units)


def _set(text: str) -> frozenset[str]:
    chars: set[str] = set()
    at = 0
    while at < len(text):
        if text[at + 1 : at + 2] == "-" and at + 2 < len(text):
            chars |= set(map(chr, range(ord(text[at]), ord(text[at + 2]) + 1)))
            at += 3
        else:
            chars.add(text[at])
            at += 1
    return frozenset(chars)


def _order(extension: Extension) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    """Sorts patterns as ext_cmp does: few possibilities first, then low ones, `.` and `!` late."""
    return (*(_weight(unit) for unit in extension.units), (0x30000, 0, ()))


def _weight(unit: Unit) -> tuple[int, int, tuple[int, ...]]:
    if isinstance(unit, str):
        return ({".": 0x18000, "!": 0x28000}.get(unit, _LAST), 0, ())
    codes = sorted(map(ord, unit))
    return (len(codes) << 8, codes[0], tuple(codes))


def matches(extension: Extension, dialled: str, mode: int) -> int:
    """0: no. 1: yes. 2: yes, and `!` says that no more digits are waited for."""
    if not extension.is_pattern:
        return _plain_match(extension.plain, dialled, mode)
    for at, unit in enumerate(extension.units):
        if at >= len(dialled):
            return 2 if unit == "!" else int(mode != MATCH)
        if isinstance(unit, str):
            return {".": 1, "!": 2}.get(unit, 0)
        if dialled[at] not in unit:
            return 0
    return int(len(dialled) == len(extension.units) and mode != MATCH_MORE)


def _plain_match(plain: str, dialled: str, mode: int) -> int:
    if mode == MATCH:
        return int(plain == dialled)
    if not plain.startswith(dialled):
        return 0
    return int(mode == CAN_MATCH or len(plain) > len(dialled))


class Block:
    """A context."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.plain: dict[str, Extension] = {}
        self.patterns: list[Extension] = []

    def add(self, exten: Exten) -> None:
        name = exten.name.replace("-", "") if not exten.name.startswith("_") else exten.name
        known = self.plain.get(name) or next((each for each in self.patterns if each.name == name), None)
        if known is None:
            known = Extension(exten.name)
            if known.is_pattern:
                self.patterns.append(known)
            else:
                self.plain[name] = known
        known.add(exten)

    def sort(self) -> None:
        self.patterns.sort(key=_order)

    def candidates(self) -> Iterable[Extension]:
        return (*self.plain.values(), *self.patterns)


Wanted = Callable[[Extension], bool]


class Program:
    """Contexts made ready to run; share it between all calls of a test run."""

    def __init__(self, contexts: Iterable[Context]) -> None:
        self.blocks: dict[str, Block] = {}
        for context in contexts:
            block = self.blocks.setdefault(context.name, Block(context.name))
            for exten in context.extens:
                block.add(exten)
        for block in self.blocks.values():
            block.sort()
        self.find = functools.lru_cache(maxsize=100_000)(self._find)
        self.more = functools.lru_cache(maxsize=100_000)(self._more)

    def _find(self, context: str, exten: str, priority: int) -> Step | None:
        """The step that a channel at this place would run."""
        found = self._extension(context, exten, lambda each: priority in each.steps)
        return found.steps[priority] if found else None

    def label(self, context: str, exten: str, label: str) -> int:
        """The priority of a label, 0 if there is none."""
        found = self._extension(context, exten, lambda each: label in each.labels)
        return found.labels[label] if found else 0

    def exists(self, context: str, exten: str, priority: int = 1) -> bool:
        return self.find(context, exten, priority) is not None

    def _extension(self, context: str, exten: str, wanted: Wanted) -> Extension | None:
        block = self.blocks.get(context)
        if block is None:
            return None
        dialled = exten.replace("-", "")
        plain = block.plain.get(dialled)
        if plain and wanted(plain):
            return plain
        return next((each for each in block.patterns if matches(each, dialled, MATCH) and wanted(each)), None)

    def _more(self, context: str, digits: str) -> bool:
        """Whether further digits could make an extension."""
        block = self.blocks.get(context)
        for extension in block.candidates() if block else ():
            found = matches(extension, digits, MATCH_MORE)
            if found == 2:
                return False
            if found and 1 in extension.steps:
                return True
        return False

    def possible(self, context: str, digits: str) -> bool:
        """Whether the digits are an extension or the beginning of one."""
        block = self.blocks.get(context)
        return block is not None and any(
            matches(each, digits, CAN_MATCH) and 1 in each.steps for each in block.candidates()
        )

    def end_while(self, context: str, exten: str, priority: int) -> int:
        """The priority of the EndWhile that belongs to the While at this place; 0 if there is none."""
        depth = 1
        while (step := self.find(context, exten, priority := priority + 1)) is not None:
            depth += {"while": 1, "endwhile": -1}.get(step.app, 0)
            if not depth:
                return priority
        return 0

"""The cases of tests/asterisk/sim_cases.conf as contexts for the simulator."""

import re
from pathlib import Path

import msgspec

from ccctl.flow.dialplan import Context, Exten, Line
from ccctl.sim import Phone

FILE = Path(__file__).parents[1] / "asterisk/sim_cases.conf"
STEPS = FILE.with_suffix(".steps")  # what the real Asterisk did
_STEP = re.compile(r"(?:exten => ([^,]+),1| same => n)(?:\(([^)]+)\))?,([A-Za-z]+)\((.*)\)")
Press = tuple[str, int, str]


class Case(msgspec.Struct):
    """`presses`: when the application starts for the n-th time, these keys one after the other."""

    name: str
    contexts: tuple[Context, ...] = ()
    presses: tuple[Press, ...] = ()
    caller: str = ""
    variables: dict[str, str] = {}
    phones: dict[str, Phone] = {}

    @property
    def context(self) -> str:
        return self.contexts[0].name


def cases(text: str) -> list[Case]:
    found: dict[str, Case] = {}
    for section in re.split(r"^\[", text, flags=re.MULTILINE)[1:]:
        name, _, body = section.partition("]")
        case = found.setdefault(name.partition(".")[0], Case(name.partition(".")[0]))
        lines = [line for line in body.split("\n") if line and not line.startswith("; ")]
        case.contexts += (Context(name, _extens([line for line in lines if line[0] != ";"])),)
        for line in lines:
            if line.startswith(";! "):
                _note(case, line.removeprefix(";! "))
    return list(found.values())


def _extens(lines: list[str]) -> tuple[Exten, ...]:
    extens: list[tuple[str, list[Line]]] = []
    for text in lines:
        found = _STEP.fullmatch(text)
        assert found, text
        exten, label, app, data = found.groups()
        if exten:
            extens.append((exten, []))
        extens[-1][1].append(Line(app, (data.replace("\\;", ";"),), label or ""))
    return tuple(Exten(name, tuple(steps)) for name, steps in extens)


def _note(case: Case, note: str) -> None:
    kind, _, rest = note.partition(" ")
    if kind == "press":
        app, count, keys = rest.split(" ")
        case.presses += ((app, int(count), keys),)
    elif kind == "phone":
        target, does, after, talk = rest.split(" ")  # a Local channel that fails gives no cause
        case.phones = {**case.phones, target: Phone(does, int(after), int(talk), cause=0)}
    elif kind == "caller":
        case.caller = rest
    else:
        name, _, value = rest.partition("=")
        case.variables = {**case.variables, name: value}


CASES = cases(FILE.read_text())

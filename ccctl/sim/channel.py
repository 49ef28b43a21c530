"""A channel's own state: place, variables, Gosub frames, timeouts, hang-up. Texts: a byte per character."""

import msgspec

from ccctl.sim.outside import Call
from ccctl.sim.text import inner


class Frame:
    """Where a Gosub returns to, and the variables that it hides."""

    __slots__ = ("arguments", "context", "exten", "names", "priority", "special")

    def __init__(self, place: tuple[str, str, int], arguments: int) -> None:
        self.context, self.exten, self.priority = place
        self.arguments = arguments
        self.names: set[str] = set()
        self.special = False


class Variables:
    """Channel variables; a Gosub may lay a value over another one."""

    def __init__(self) -> None:
        self.top: dict[str, str] = {}
        self.below: dict[str, list[str | None]] = {}
        self.inherited: dict[str, int] = {}  # 1: by who is dialled, 2: by all who come after

    def set(self, name: str, value: str | None) -> None:
        """As Set does: `_` and `__` say who inherits. None takes the topmost value away."""
        plain, depth = plain_name(name)
        if value is None:
            self._remove(plain)
            return
        self.top[plain] = value
        if depth or plain in self.inherited:
            self.inherited[plain] = depth

    def push(self, name: str, value: str) -> None:
        self.below.setdefault(name, []).append(self.top.get(name))
        self.top[name] = value

    def _remove(self, name: str) -> None:
        under = self.below.get(name)
        value = under.pop() if under else None
        if value is None:
            self.top.pop(name, None)
        else:
            self.top[name] = value

    def heirs(self) -> dict[str, str]:
        """What a dialled channel gets, under the names that it gets them by."""
        kept = {name: depth for name, depth in self.inherited.items() if depth and name in self.top}
        return {("__" + name if depth == 2 else name): self.top[name] for name, depth in kept.items()}


def plain_name(name: str) -> tuple[str, int]:
    if name[:1] != "_":
        return name, 0
    return (name[2:], 2) if name[:2] == "__" else (name[1:], 1)


class Timeouts(msgspec.Struct):
    """Milliseconds; `absolute_at` is a time, or None."""

    response: int = 10_000
    digit: int = 5000
    absolute_at: int | None = None


class Channel:
    def __init__(self, call: Call, label: str = "") -> None:
        self.label = label  # "" for the caller
        self.name, self.uniqueid = call.channel, call.uniqueid
        self.context, self.exten, self.priority = call.context, inner(call.exten), call.priority
        self.number, self.caller_name = inner(call.number), inner(call.name)
        self.dialled = inner(call.exten)
        self.language, self.music = call.language, ""
        self.state = "Ring"
        self.variables = Variables()
        self.frames: list[Frame] = []
        self.timeouts = Timeouts()
        self.handlers: list[str] = []
        self.fields: dict[str, str] = {}  # CHANNEL(...) that nothing depends on
        self.curl: dict[str, str] = {}
        self.groups: dict[str, str] = {}
        self.cause = 0
        self.gone = ""  # why there is no caller any more: "hangup", "caller"
        self.expired = False  # TIMEOUT(absolute) has passed
        for name, value in call.variables.items():
            self.variables.set(inner(name), inner(value))

    @property
    def place(self) -> tuple[str, str, int]:
        return self.context, self.exten, self.priority

    def move(self, context: str, exten: str, priority: int) -> None:
        self.context, self.exten, self.priority = context, exten, priority

    # -- Gosub -------------------------------------------------------------------------------------

    def enter(self, frame: Frame, arguments: list[str]) -> None:
        for index in range(frame.arguments):
            value = arguments[index] if index < len(arguments) else ""
            self.set_local(frame, f"ARG{index + 1}", value)
        self.set_local(frame, "ARGC", str(len(arguments)))
        self.frames.append(frame)

    def set_local(self, frame: Frame, name: str, value: str) -> None:
        if name in frame.names:
            self.variables.set(name, value)
        else:
            frame.names.add(name)
            self.variables.push(name, value)

    def leave(self) -> Frame:
        frame = self.frames.pop()
        for name in frame.names:
            self.variables.set(name, None)
        return frame

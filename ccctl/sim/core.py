"""One call in progress: channel, clock, the caller's keys, and the ways in which time passes."""

from collections import deque
from collections.abc import Callable, Generator
from typing import NamedTuple

import msgspec

from ccctl.sim.channel import Channel
from ccctl.sim.coverage import Coverage
from ccctl.sim.outside import Outside
from ccctl.sim.program import Program
from ccctl.sim.records import Moment, SimError, Waiting
from ccctl.sim.template import function_call
from ccctl.sim.text import inner

ANY = "0123456789*#ABCD"
HUNG = "hung"  # in place of a key: there is no caller any more, or his time is over
STOP = -1  # an application's result: the channel leaves the dialplan
NEVER = 1 << 62
HELD = frozenset({"stasis", "talk", "conference", "queue"})  # what somebody else can end

Result = int | str  # 0: go on, STOP, or a key that was pressed
Steps = Generator[Moment, None, Result]
Pause = Generator[Moment, None, str]
Plain = Callable[["Core", str], Result]
Blocking = Callable[["Core", str], Steps]
Read = Callable[["Core", str], str | None]
Write = Callable[["Core", str, str], None]


class Application(msgspec.Struct, frozen=True):
    """`name` is how Asterisk spells it. One of the two runs it."""

    name: str
    plain: Plain | None = None
    blocking: Blocking | None = None


class Tables(NamedTuple):
    """What the dialplan can use; applications by lower-case name."""

    applications: dict[str, Application]
    read: dict[str, Read]
    write: dict[str, Write]


class Key(NamedTuple):
    at_ms: int
    key: str


class Core:
    """What applications and functions see of a machine."""

    def __init__(self, program: Program, outside: Outside, channel: Channel, now_ms: int) -> None:
        self.program = program
        self.outside = outside
        self.channel = channel
        self.now_ms = now_ms
        self.tables: Tables
        self.coverage = Coverage()
        self.keys: deque[Key] = deque()
        self.hang_at = NEVER
        self.limit_ms: int | None = None
        self.released: dict[str, str] | None = None
        self.serial = 0

    # -- what happens to the caller ------------------------------------------------------------------

    def is_hung(self) -> bool:
        """ast_check_hangup: the caller has gone, or TIMEOUT(absolute) is over."""
        channel = self.channel
        if channel.gone or channel.expired:
            return True
        if self.hang_at <= self.now_ms:
            channel.gone = "caller"
            return True
        absolute = channel.timeouts.absolute_at
        if absolute is not None and absolute <= self.now_ms:
            channel.expired = True
            return True
        return False

    def pause(self, ms: int | None, kind: str, what: str = "", keys: str = "") -> Pause:
        """Let `ms` pass (None: for ever). Gives one of `keys` if pressed, HUNG, or "" when time is up.

        Other keys that are pressed meanwhile are lost. `keys` "keep": all stay for who reads next.
        """
        until = NEVER if ms is None else self.now_ms + ms
        told = False
        self.released = None
        while not self.is_hung():
            at = self._next(until, keys)
            if at > self.now_ms and not told:
                yield Waiting(
                    kind,
                    what,
                    None if at == NEVER else at,
                    "" if keys == "keep" else keys,
                    self.channel.label,
                )
                told = True
                continue
            if self.released is not None and kind in HELD:
                return ""
            if (self.limit_ms is not None and self.limit_ms < at) or at == NEVER:
                self.now_ms = max(self.now_ms, self.limit_ms or 0)
                self.limit_ms, told = None, False
                continue
            self.now_ms = max(self.now_ms, at)
            key = self._take(keys)
            if key in keys and key:
                return key
            if not key and at == until:
                return ""
        return HUNG

    def _next(self, until: int, keys: str) -> int:
        """When something happens that ends the pause or uses up a key."""
        absolute = self.channel.timeouts.absolute_at
        key = self.keys[0].at_ms if self.keys and keys != "keep" else NEVER
        return min(until, key, self.hang_at, NEVER if absolute is None else absolute)

    def _take(self, keys: str) -> str:
        if keys == "keep" or not self.keys or self.keys[0].at_ms > self.now_ms:
            return ""
        return "" if self.is_hung() else self.keys.popleft().key

    def skip(self, ms: int) -> None:
        """Time passes while nobody looks at the caller; his keys are lost."""
        self.now_ms += ms
        while self.keys and self.keys[0].at_ms < self.now_ms and ms:
            self.keys.popleft()

    def answer(self) -> None:
        self.channel.state = "Up"

    # -- variables and functions ---------------------------------------------------------------------

    def variable(self, name: str) -> str | None:
        if (made := _BUILT_IN.get(name)) is not None:
            return made(self)
        value = self.channel.variables.top.get(name)
        return self.outside.globals.get(name) if value is None else value

    def get(self, name: str) -> str | None:
        """A variable that was set; never one that Asterisk makes up."""
        value = self.channel.variables.top.get(name)
        return self.outside.globals.get(name) if value is None else value

    def put(self, name: str, value: str | None) -> None:
        """Set: a variable, or a function that takes values."""
        if name.endswith(")"):
            self.write(name, value or "")
        else:
            self.channel.variables.set(name, value)

    def write(self, text: str, value: str) -> None:
        name, arguments = function_call(text)
        write = self.tables.write.get(name)
        if write:
            write(self, arguments or "", value)
        elif name not in self.tables.read:
            raise self.error(f"function {name} is unknown to the simulator")

    def function(self, name: str, arguments: str | None) -> str | None:
        read = self.tables.read.get(name)
        if read:
            return read(self, arguments or "")
        if name in self.outside.functions:
            return inner(self.outside.functions[name](arguments or ""))
        if name in self.tables.write:
            return None
        raise self.error(f"function {name} is unknown to the simulator")

    # -- what a machine adds -------------------------------------------------------------------------

    def run_application(self, application: Application, data: str) -> Steps:
        raise NotImplementedError

    def subroutine(self, target: str, despite_hangup: bool = False) -> Generator[Moment, None, None]:
        raise NotImplementedError

    def guest(self, label: str, keys: str) -> "Core":
        raise NotImplementedError

    def raise_exception(self, reason: str, priority: int = 0) -> None:
        raise NotImplementedError

    def error(self, text: str) -> SimError:
        context, exten, priority = self.channel.place
        return SimError(f"{context},{exten},{priority}: {text}")

    def random(self) -> int:
        return next(self.outside.random, 0)

    def destination(self) -> str:
        """Where a jump that was just made goes."""
        context, exten, priority = self.channel.place
        return f"{context},{exten},{priority + 1}"


BuiltIn = Callable[[Core], str]
_FOLDERS = {
    "ASTETCDIR": "/etc/asterisk",
    "ASTVARLIBDIR": "/var/lib/asterisk",
    "ASTDATADIR": "/usr/share/asterisk",
    "ASTSPOOLDIR": "/var/spool/asterisk",
    "ASTLOGDIR": "/var/log/asterisk",
}


def _constant(text: str) -> BuiltIn:
    return lambda core: text


def _folder(name: str, usual: str) -> BuiltIn:
    return lambda core: inner(core.outside.folders.get(name, usual))


_BUILT_IN: dict[str, BuiltIn] = {
    "EXTEN": lambda core: core.channel.exten,
    "CONTEXT": lambda core: core.channel.context,
    "PRIORITY": lambda core: str(core.channel.priority),
    "CHANNEL": lambda core: core.channel.name,
    "UNIQUEID": lambda core: core.channel.uniqueid,
    "HANGUPCAUSE": lambda core: str(core.channel.cause),
    "EPOCH": lambda core: str(core.now_ms // 1000),
    "SYSTEMNAME": _constant(""),
    **{name: _folder(name, folder) for name, folder in _FOLDERS.items()},
}

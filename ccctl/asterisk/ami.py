"""The one door to AMI, Asterisk's manager interface.

One connection at a time, kept up for ever: a lost one is made again (0.2 to 5 s between tries), a
silent one is found by an awaited ping and cut, a refused login is tried again slowly. Nothing that
was sent is ever sent again: who did not get an answer gets AsteriskDown and must look for himself.
Events come to `on_event` in order, one at a time; whoever is too slow for them loses the connection
instead of single events, because then he knows that he has to look at everything anew.
"""

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from panoramisk.actions import Action

from ccctl.asterisk.ami_protocol import Frame, Link
from ccctl.asterisk.background import spawn, stop
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown, AsteriskRefused

log = logging.getLogger(__name__)

WANTED = frozenset(
    {
        "CEL", "DeviceStateChange", "ContactStatus", "FullyBooted", "Shutdown",
        "QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon",
        "AgentConnect", "AgentComplete", "AgentRingNoAnswer", "MixMonitorStart", "MixMonitorStop",
    }
)  # fmt: skip
REFUSED = "login refused"
SLICE = 256  # events handled before others get their turn


class Pace(msgspec.Struct, frozen=True):
    """Times in seconds, and the length of the queue of events."""

    connect: float = 5
    ping_every: float = 5
    ping: float = 5
    retry_first: float = 0.2
    retry_most: float = 5
    retry_refused: float = 10
    steady: float = 5  # a connection that lived this long starts the next tries from the first pause
    boot: float = 3  # how long to wait for FullyBooted before being up without it
    queue: int = 50_000


PACE = Pace()
Value = str | int | list[str] | tuple[str, ...]


class Ami:
    def __init__(
        self,
        node: Node,
        on_event: Callable[[Frame], None],
        on_state: Callable[[bool, str], None],
        wanted: frozenset[str] | None = WANTED,
        pace: Pace = PACE,
    ) -> None:
        self.up = False
        self.overflows = 0  # how often the events came faster than they were handled
        self._node = node
        self._on_event = on_event
        self._on_state = on_state
        self._wanted = None if wanted is None else wanted | {"FullyBooted", "Shutdown"}
        self._pace = pace
        self._said: tuple[bool, str] | None = None
        self._events: deque[Frame] = deque()
        self._link: Link | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._booted = asyncio.Event()
        self._closed = False

    async def start(self) -> None:
        """Begin to connect; on_state tells when it is up. Never fails because Asterisk is away."""
        if self._closed:
            raise AsteriskDown("this door to AMI was closed for good")
        if self._keeper is None:
            self._keeper = spawn(self._keep_up(), "ami")

    async def close(self) -> None:
        """For good: no try and no event comes after it."""
        self._closed = True
        self.up = False
        await stop(self._keeper)
        self._events.clear()

    # -- actions --------------------------------------------------------------------------------

    async def action(self, name: str, timeout: float = 5, **headers: Value) -> Frame:
        """Send one action, return its answer. AsteriskDown: it is not known whether it was done."""
        answer = await self._ask(name, timeout, False, headers)
        return _accepted(name, answer.frame)

    async def rows(self, name: str, timeout: float = 5, **headers: Value) -> list[Frame]:
        """The rows of an action that answers with a list, without its first and last message."""
        answers = await self._ask(name, timeout, None, headers)  # True would wait for ever on a refusal
        if not isinstance(answers, list):
            _accepted(name, answers.frame)
            return []
        _accepted(name, answers[0].frame)
        return [answer.frame for answer in answers[1:-1]]

    async def _ask(self, name: str, timeout: float, as_list: bool | None, headers: dict[str, Value]) -> Any:
        if name.lower() == "originate":
            headers = {"Async": "true", **headers}  # panoramisk loses the connection without it
        message = {"Action": name, **headers}
        _check(name, message)
        if self._link is None or not self.up:
            raise AsteriskDown("not connected to AMI")
        return await self._send(self._link, timeout, as_list, message)

    async def _send(self, link: Link, timeout: float, as_list: bool | None, headers: dict[str, Value]) -> Any:
        stream, name = link.protocol, headers["Action"]
        if stream.closed:
            raise AsteriskDown("not connected to AMI")
        action = Action(headers)
        try:
            return await asyncio.wait_for(stream.send(action, as_list=as_list), timeout)
        except TimeoutError:
            raise AsteriskDown(f"AMI did not answer {name} within {timeout:g} s") from None
        finally:
            stream.forget(action)

    # -- events ---------------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        if len(self._events) >= self._pace.queue:
            self._overflow()
            return
        if self.up and not self._events:
            asyncio.get_running_loop().call_soon(self._drain)
        self._events.append(frame)  # before it is up they wait: a state comes before its events
        if frame["Event"] == "FullyBooted":
            self._booted.set()
        elif frame["Event"] == "Shutdown" and self._link is not None:
            self._link.abort("Asterisk shuts down")

    def _overflow(self) -> None:
        self.overflows += 1
        self._events.clear()
        if self._link is not None:
            self._link.abort("events came faster than they were handled")

    def _drain(self) -> None:
        for _ in range(min(SLICE, len(self._events))):
            self._deliver(self._events.popleft())
        if self._events:
            asyncio.get_running_loop().call_soon(self._drain)

    def _finish(self) -> None:
        """What came before the end was true: it is told before the end is."""
        while self._events and self.up and not self._closed:
            self._deliver(self._events.popleft())
        self._events.clear()

    def _deliver(self, frame: Frame) -> None:
        try:
            self._on_event(frame)
        except Exception:
            log.exception("the event %s was not handled", frame.get("Event"))

    # -- the connection -------------------------------------------------------------------------

    async def _keep_up(self) -> None:
        pause = self._pace.retry_first
        while True:
            began = asyncio.get_running_loop().time()
            try:
                reason = await self._live_once()
            except Exception as error:  # whatever a broken peer provokes: said, logged, tried again
                log.exception("the AMI connection failed")
                reason = f"AMI failed: {error}"
            self._say(False, reason)
            if reason.startswith(REFUSED):
                await asyncio.sleep(self._pace.retry_refused)
                continue
            if asyncio.get_running_loop().time() - began > self._pace.steady:
                pause = self._pace.retry_first
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._pace.retry_most)

    async def _live_once(self) -> str:
        """One connection from its beginning to its end; returns why it ended."""
        self._booted.clear()
        self._link = link = Link(self._node, self._wanted, self._take)
        try:
            refusal = await self._log_in(link)
            return refusal or await self._watch(link)
        except AsteriskDown as error:
            return error.text
        finally:
            link.abort("the connection was given up")
            self._link = None
            self._finish()

    async def _log_in(self, link: Link) -> str:
        place = f"{self._node.host}:{self._node.ami_port}"
        try:
            accepted, message = await asyncio.wait_for(link.open(), self._pace.connect)
        except TimeoutError:
            return f"AMI at {place} did not answer within {self._pace.connect:g} s"
        except OSError as error:
            return f"AMI at {place}: {os.strerror(error.errno) if error.errno else error}"
        if not accepted:
            return f"{REFUSED} for AMI user {self._node.ami_user} at {place}: {message}"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._booted.wait(), self._pace.boot)
        return ""

    async def _watch(self, link: Link) -> str:
        """Ping until the connection ends: the only way to notice a peer that is silently gone."""
        if not link.lost.done():
            self._say(True, f"Asterisk Call Manager {link.protocol.version or ''}".strip())
            asyncio.get_running_loop().call_soon(self._drain)
        while True:
            await asyncio.wait({link.lost}, timeout=self._pace.ping_every)
            if link.lost.done():
                return link.lost.result()
            try:
                await self._send(link, self._pace.ping, False, {"Action": "Ping"})
            except AsteriskDown as error:
                return link.lost.result() if link.lost.done() else error.text

    def _say(self, up: bool, detail: str) -> None:
        self.up = up
        if self._closed or self._said == (up, detail):
            return
        self._said = (up, detail)
        try:
            self._on_state(up, detail)
        except Exception:
            log.exception("the state of AMI was not handled")


def _check(name: str, headers: dict[str, Value]) -> None:
    """A line end in a value would begin a header, or an action, of its own."""
    for key, value in headers.items():
        values = value if isinstance(value, list | tuple) else (value,)
        if any(character in f"{key}{one}" for one in values for character in "\r\n\0"):
            raise AsteriskRefused(f"{name!r}: a line end or NUL in {key!r} was not sent to Asterisk")


def _accepted(name: str, frame: Frame) -> Frame:
    if frame.get("Response") not in ("Success", "Follows", "Goodbye"):
        raise AsteriskRefused(f"{name}: {frame.get('Message') or 'refused without a reason'}")
    return frame

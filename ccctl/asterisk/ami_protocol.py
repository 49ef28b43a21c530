"""panoramisk's AMI protocol without its traps: the reading and the answering of one connection.

What stays panoramisk's: login, the sending of actions, matching answers and lists by ActionID.
What is ours: cutting the stream (a character may be split over two reads), dropping events nobody
wants before they are parsed, handing events on as plain dicts, and never leaving a future without
an answer when the connection ends. One `Link` is one connection; a new one starts with nothing.
"""

import asyncio
import codecs
import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

from panoramisk import Manager
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown

log = logging.getLogger(__name__)

END = "\r\n\r\n"
TAIL_LIMIT = 8 * 1024 * 1024  # a single message is never this long: it is not AMI at the other end

# panoramisk writes whole actions into its log, the login's secret among them when a write fails.
_silent = logging.getLogger("ccctl.asterisk.panoramisk")
_silent.disabled = True

Frame = dict[str, str]


def parse_frame(text: str) -> Frame:
    """The headers of one message; the values of a repeated header are joined by newlines."""
    frame: Frame = {}
    for line in text.split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        value = value.removeprefix(" ")
        frame[key] = f"{frame[key]}\n{value}" if key in frame else value
    return frame


class Answer(Message):  # type: ignore[misc] # panoramisk has no types
    """A message for panoramisk's own logic; the case-blind index is made only when it is asked for."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.content = ""
        self.manager = None

    @cached_property
    def _store(self) -> dict[str, tuple[str, str]]:
        return {key.lower(): (key, value) for key, value in self.frame.items()}


class Stream(AMIProtocol):  # type: ignore[misc] # panoramisk has no types
    """One connection's reader."""

    def __init__(self, wanted: frozenset[str] | None, on_event: Callable[[Frame], None]) -> None:
        self._wanted = wanted
        self._on_event = on_event
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._tail = ""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.version: str | None = None
        self.log = _silent

    def connection_lost(self, error: Exception | None) -> None:
        if self.factory is None:  # gone before the link had noticed that it was there
            self.closed = True
        else:
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        text = self._tail + self._decoder.decode(data)
        if self.version is None and text.startswith("Asterisk Call Manager/") and "\r\n" in text:
            banner, _, text = text.partition("\r\n")
            self.version = banner.partition("/")[2].strip()
        end = text.rfind(END)
        self._tail = text if end < 0 else text[end + len(END) :]
        if len(self._tail) > TAIL_LIMIT:
            self.transport.abort()
            return
        if end >= 0:
            self._take(text[:end].split(END))

    def _take(self, messages: list[str]) -> None:
        for text in messages:
            if self.closed:
                return
            if text.startswith("Event: ") and not self._is_wanted(text):
                continue
            try:
                self._hand_on(parse_frame(text))
            except Exception:  # an error that escapes from here would cost us the connection
                log.exception("a message from Asterisk could not be handled")

    def _is_wanted(self, text: str) -> bool:
        """Rows of a list that somebody waits for are events too: known by their ActionID."""
        if self._wanted is None:
            return True
        name = text[7 : text.find("\r\n") if "\r\n" in text else None]
        return name in self._wanted or bool(self.responses and "\r\nActionID: " in text)

    def _hand_on(self, frame: Frame) -> None:
        if frame.get("ActionID", "") in self.responses:
            self.handle_message(Answer(frame))
        elif "Event" in frame and (self._wanted is None or frame["Event"] in self._wanted):
            self._on_event(frame)

    def forget(self, action: Any) -> None:
        """Drop an action whose caller no longer waits; panoramisk would keep it for ever."""
        for key in [key for key, value in self.responses.items() if value is action]:
            del self.responses[key]

    def close(self) -> None:
        waiting = {id(action): action for action in self.responses.values()}
        self.responses.clear()  # so that panoramisk puts nothing aside for a later connection
        super().close()
        for action in waiting.values():
            if not action.future.done():
                action.future.set_exception(AsteriskDown("the AMI connection was lost"))


class Link(Manager):  # type: ignore[misc] # panoramisk has no types
    """One connection and its login. It never reconnects: `lost` is done when it is over."""

    def __init__(self, node: Node, wanted: frozenset[str] | None, on_event: Callable[[Frame], None]) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        never = 10**6  # panoramisk's ping and reconnect are blind: ours are in ami.py
        super().__init__(
            host=node.host,
            port=node.ami_port,
            username=node.ami_user,
            secret=node.ami_secret,
            loop=asyncio.get_running_loop(),
            log=_silent,
            protocol_factory=lambda: Stream(wanted, on_event),
            ping_delay=never,
            ping_interval=never,
            reconnect_timeout=never,
        )

    async def open(self) -> tuple[bool, str]:
        """(accepted, message) of the login; OSError when nobody is there."""
        await self.connect()
        answer = await self.authenticated_future
        return bool(answer.success), str(answer.message)

    def connection_made(self, connecting: asyncio.Future[Any]) -> None:
        if not connecting.cancelled() and not connecting.exception():  # else open() gets the error
            super().connection_made(connecting)
            if self.protocol.closed:
                self.protocol.close()

    def login(self, answer: asyncio.Future[Any]) -> bool:
        if answer.cancelled() or answer.exception():
            return False
        return bool(super().login(answer))

    def ping(self) -> None:
        """Not panoramisk's."""

    def connection_lost(self, error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(str(error) if error else "the AMI connection was closed by Asterisk")

    def abort(self, reason: str) -> None:
        """End it now, without waiting for a peer that may be gone."""
        if not self.lost.done():
            self.lost.set_result(reason)
        self.close()
        if self.protocol is not None:
            self.protocol.transport.abort()

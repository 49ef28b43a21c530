"""Requests over a socket: the same operations, cheaper than by HTTP.

Asterisk serves one socket in one thread, in order. So only what it does at once goes this way, and
nothing that waits for a channel's thread: behind that, the next agent's phone would wait too. What
is not answered before the socket closes is not known to be done, as with HTTP.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import orjson

Json = dict[str, Any]

QUICK = frozenset(
    {
        "channels_get",
        "channels_set_channel_var",
        "channels_hangup",
        "channels_continue_in_dialplan",
        "bridges_create_with_id",
        "bridges_destroy",
        "playbacks_get",
        "playbacks_stop",
    }
)
KIND = "RESTResponse"


class Lost(ConnectionError):
    """The socket closed before the answer."""


class Asked(msgspec.Struct, frozen=True):
    """A request; `path` begins with a slash, below /ari."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes | None = None


class Answer(msgspec.Struct, frozen=True):
    status: int
    reason: str
    body: bytes


class Wire:
    """One socket's requests. `send` writes one text message; the reader gives each answer to take()."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self.open = True
        self._send = send
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self._serial = itertools.count(1)

    async def ask(self, asked: Asked, limit_s: float) -> Answer:
        """Raises Lost, or TimeoutError: then this socket is not asked again."""
        ident = str(next(self._serial))
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[ident] = future
        named = [{"name": name, "value": value} for name, value in asked.query.items()]
        request = {
            "type": "RESTRequest",
            "request_id": ident,
            "method": asked.method,
            "uri": asked.path[1:],
            "query_strings": named,
        }
        try:
            async with asyncio.timeout(limit_s):
                await self._send(orjson.dumps(request).decode())
                return await future
        except TimeoutError:
            self.open = False
            raise
        finally:
            self._asked.pop(ident, None)

    def take(self, message: Json) -> None:
        future = self._asked.pop(str(message.get("request_id")), None)
        if future is not None and not future.done():
            body = str(message.get("message_body") or "").encode()
            future.set_result(Answer(message["status_code"], message.get("reason_phrase", ""), body))

    def close(self) -> None:
        self.open = False
        for future in self._asked.values():
            if not future.done():
                future.set_exception(Lost("the socket closed before the answer"))

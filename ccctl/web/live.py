"""The live feed: one WebSocket message with the whole picture, then numbered changes.

A client sees a gap by the number and connects anew for a fresh picture. Every two seconds the
server's clock comes along, so that silence means trouble. A client that does not keep up is
closed: the engine never waits for a browser.
"""

import asyncio
import weakref

import orjson
from aiohttp import WSCloseCode, web

from ccctl import __version__
from ccctl.runtime.live import Delta, Lagged
from ccctl.web.answers import Problem, known, now
from ccctl.web.keys import ENGINE

HEARTBEAT_S = 2.0
SEND_TIMEOUT_S = 5.0
MOST_READERS = 500

Sockets = weakref.WeakSet[web.WebSocketResponse]
SOCKETS: web.AppKey[Sockets] = web.AppKey("sockets")


class Encoder:
    """The text of a change, made once for all readers: a long queue seen by fifty boards costs once."""

    def __init__(self, kept: int = 256) -> None:
        self._kept = kept
        self._texts: dict[int, tuple[Delta, str]] = {}

    def text(self, delta: Delta) -> str:
        found = self._texts.get(delta.seq)
        if found is not None and found[0] is delta:
            return found[1]
        text = encoded({"seq": delta.seq, "set": delta.set, "gone": delta.gone})
        self._texts[delta.seq] = (delta, text)
        if len(self._texts) > self._kept:
            del self._texts[next(iter(self._texts))]
        return text


ENCODER: web.AppKey[Encoder] = web.AppKey("encoder", Encoder)


def encoded(message: dict[str, object]) -> str:
    return orjson.dumps(message | {"now": now()}).decode()


routes = web.RouteTableDef()


@routes.get("/api/v1/live")
async def live(request: web.Request) -> web.StreamResponse:
    known(request)
    sock = web.WebSocketResponse(timeout=1, compress=False, max_msg_size=4096)
    if not sock.can_prepare(request):
        raise Problem(400, "not-a-websocket", "this address speaks WebSocket only")
    if len(request.app[SOCKETS]) >= MOST_READERS:
        raise Problem(503, "too-many-readers", f"{MOST_READERS} readers are connected already")
    await sock.prepare(request)
    request.app[SOCKETS].add(sock)
    await Feed(request, sock).run()
    return sock


class Feed:
    """One client: the changes, the heartbeat and the client's own closing, side by side."""

    def __init__(self, request: web.Request, sock: web.WebSocketResponse) -> None:
        self.request = request
        self.sock = sock
        self.view = request.app[ENGINE].live
        self.seq = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._changes()), group.create_task(self._heartbeat())]
            async for _ in self.sock:  # nothing is expected; this ends when the client goes
                pass
            for task in tasks:
                task.cancel()

    async def _changes(self) -> None:
        encoder = self.request.app[ENCODER]
        async with self.view.subscribe() as changes:
            self.seq = self.view.seq
            picture = {"seq": self.seq, "snapshot": self.view.snapshot(), "version": __version__}
            await self._send(encoded(picture))
            try:
                async for delta in changes:
                    if delta.seq > self.seq:
                        self.seq = delta.seq
                        await self._send(encoder.text(delta))
            except Lagged:
                await self.sock.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")

    async def _heartbeat(self) -> None:
        while not self.sock.closed:
            await asyncio.sleep(HEARTBEAT_S)
            await self._send(encoded({"seq": self.seq}))

    async def _send(self, text: str) -> None:
        """Give up on a client whose connection takes no more bytes."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.sock.send_str(text)
        except (TimeoutError, ConnectionError):
            if self.request.transport is not None:
                self.request.transport.abort()


async def close_all(app: web.Application) -> None:
    """At the end of the daemon: say goodbye, so that clients do not wait for silence."""
    sockets: Sockets = app[SOCKETS]
    goodbye = (sock.close(code=WSCloseCode.GOING_AWAY, message=b"the daemon stops") for sock in list(sockets))
    await asyncio.gather(*goodbye, return_exceptions=True)


def setup(app: web.Application) -> None:
    app[SOCKETS] = weakref.WeakSet()
    app[ENCODER] = Encoder()
    app.on_shutdown.append(close_all)

"""The two ways by which ARI's events reach us.

`Outbound` (Asterisk 22.5 and later dials our small server): what happens while we are away is kept
by Asterisk and delivered in order when we are back. `Inbound` (we dial Asterisk): for older ones;
the events of a gap are lost. Either way the reader does nothing but parse and hand on: Asterisk
drops a client that reads slowly. It is up when the socket is open and ARI answers our requests;
what arrives before that is held back, so that nobody gets events from a node that is "down".
"""

import asyncio
import contextlib
import hmac
import logging
import os
import socket as net
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from ccctl.asterisk.ari_rest import basic_auth
from ccctl.asterisk.ari_wire import KIND, Wire
from ccctl.asterisk.background import spawn, stop
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown, AsteriskRefused, SettingsError

log = logging.getLogger(__name__)

Event = dict[str, Any]
Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse

HEARTBEAT_S = 10.0
SETTLE_S = 0.5  # a socket opened right after the last one closed may be deaf: looked at after this time
RECONNECT_S = 0.5
REFUSED_S = 2.0  # Asterisk dials again at once, and what was refused will be refused again
WATCH_S = 10.0
CLOSE_S = 1.0
ACCEPTED_S = 0.02  # for a connection that was just accepted to be known, and so to be closed with the others
HELD = 100_000  # events kept while Asterisk is being looked at


class Door:
    """What both ways have in common: reading one socket, and watching that it is worth something."""

    settle: tuple[float, ...] = (0.0,)  # pauses before looks at ARI; after the first it is trusted

    def __init__(
        self,
        node: Node,
        app: str,
        on_event: Callable[[Event], None],
        on_state: Callable[[bool, str], None],
        probe: Callable[[], Awaitable[str]],
    ) -> None:
        self.up = False
        self._node = node
        self._app = app
        self._on_event = on_event
        self._on_state = on_state
        self._probe = probe
        self._said: tuple[bool, str] | None = None
        self._held: list[Event] | None = None
        self._socket: Socket | None = None
        self._wire: Wire | None = None
        self._closed = False

    async def start(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def _live(self, socket: Socket, confirm: Callable[[], None] = lambda: None) -> None:
        """One socket from open to closed; `confirm` is called for each message."""
        if self.up:
            self._say(False, "the event socket was replaced by a new one")
        wire = Wire(socket.send_str)
        self._socket, self._wire, self._held = socket, wire, []
        watcher = spawn(self._watch(socket), "ari watch")
        try:
            async for message in socket:
                confirm()
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    self._take(message.data, wire)
        finally:
            wire.close()
            await stop(watcher)
            if self._socket is socket:
                self._release()
                if self.up:  # else the reason was told
                    self._say(False, "the event socket was closed")

    def _take(self, data: str | bytes, wire: Wire) -> None:
        try:
            event = orjson.loads(data)
        except ValueError:
            log.error("ARI sent something that is not JSON: %.80r", data)
            return
        if event.get("type") == KIND:
            wire.take(event)
        elif self._held is None:
            self._deliver(event)
        else:
            self._held.append(event)
            if len(self._held) > HELD:  # no answer for so long: better early than lost
                self._pass_on()

    def _release(self) -> None:
        """Tell what was held back, and from now on everything at once."""
        self._pass_on()
        self._held = None

    def _pass_on(self) -> None:
        held, self._held = self._held or [], []
        for event in held:
            self._deliver(event)

    def _deliver(self, event: Event) -> None:
        if self._closed:
            return
        try:
            self._on_event(event)
        except Exception:
            log.exception("the event %s was not handled", event.get("type"))

    async def _watch(self, socket: Socket) -> None:
        """Trust the socket when ARI answers; cut it when ARI no longer does."""
        try:
            for pause in self.settle:
                await asyncio.sleep(pause)
                detail = await self._probe_twice()
                if self._held is not None:
                    self._say(True, detail)
                    self._release()
            while True:
                await asyncio.sleep(WATCH_S)
                await self._probe_twice()
        except (AsteriskDown, AsteriskRefused) as error:
            self._say(False, error.text)
            if isinstance(error, AsteriskRefused):
                await asyncio.sleep(REFUSED_S)
            self._release()
        await _shut(socket)

    async def _probe_twice(self) -> str:
        """A fresh socket's application may appear a moment after it."""
        try:
            return await self._probe()
        except AsteriskRefused:
            await asyncio.sleep(0.1)
            return await self._probe()

    def _say(self, up: bool, detail: str) -> None:
        self.up = up
        if self._closed or self._said == (up, detail):
            return
        self._said = (up, detail)
        try:
            self._on_state(up, detail)
        except Exception:
            log.exception("the state of ARI was not handled")


class Outbound(Door):
    """Our server at Node.events_port; Asterisk connects, and connects again, by itself."""

    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        if not self._node.events_secret:
            raise SettingsError("node.events_secret is empty", "give the password of Asterisk's event socket")
        application = web.Application()
        application.router.add_get("/ari", self._accept)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=CLOSE_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, _interface(self._node.host), self._node.events_port).start()
        except OSError as error:
            await runner.cleanup()
            raise SettingsError(
                f"port {self._node.events_port} for Asterisk's events: {_why(error)}",
                "end what uses it, or change node.events_port and Asterisk's websocket_client.conf",
            ) from None
        self._runner = runner
        self._say(False, f"waiting for Asterisk to connect to port {self._node.events_port}")

    async def close(self) -> None:
        """Asterisk dials again at once when its socket closes: so first nobody listens any more."""
        self._closed, self.up = True, False
        for site in list(self._runner.sites) if self._runner else ():
            await site.stop()
        await asyncio.sleep(ACCEPTED_S)
        if self._socket is not None:
            await _shut(self._socket)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        wanted = basic_auth(self._node.ari_user, self._node.events_secret)
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            self._say(
                False, "an event socket was refused: node.events_secret must be that of websocket_client.conf"
            )
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="ccctl"'})
        socket = web.WebSocketResponse(
            protocols=("ari",), heartbeat=HEARTBEAT_S, max_msg_size=0, timeout=CLOSE_S
        )
        await socket.prepare(request)
        former = self._socket
        if former is not None and not former.closed:
            await _shut(former)  # Asterisk has one per application: the former one is dead
        await self._live(socket, _at_once(request.transport))
        return socket


class Inbound(Door):
    """A client of /ari/events."""

    settle: tuple[float, ...] = (SETTLE_S, SETTLE_S)
    _keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._keeper = spawn(self._keep_up(), "ari events")

    async def close(self) -> None:
        self._closed, self.up = True, False
        await stop(self._keeper)

    async def _keep_up(self) -> None:
        headers = {"Authorization": basic_auth(self._node.ari_user, self._node.ari_secret)}
        async with aiohttp.ClientSession(
            headers=headers
        ) as session:  # its own: it would hold a slot for ever
            while True:
                try:
                    await self._connect_once(session)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    self._say(False, f"ARI at {self._node.host}:{self._node.ari_port}: {_why(error)}")
                await asyncio.sleep(RECONNECT_S)

    async def _connect_once(self, session: aiohttp.ClientSession) -> None:
        url = f"http://{self._node.host}:{self._node.ari_port}/ari/events"
        async with asyncio.timeout(5):
            socket = await session.ws_connect(
                url, params={"app": self._app}, heartbeat=HEARTBEAT_S, max_msg_size=0
            )
        try:
            await self._live(socket)
        finally:
            await _shut(socket)


class Requests(Inbound):
    """A socket for nothing but requests, of an application that has no channels.

    They do not share the events' socket: Asterisk lets what it writes wait there until we have confirmed what
    it wrote before, which takes 40 ms once both sides write."""

    settle = (0.0,)

    @property
    def wire(self) -> Wire | None:
        """While it is worth something."""
        return self._wire if self.up and self._wire and self._wire.open else None


def _interface(host: str) -> str:
    """Asterisk on this machine reaches us by loopback; another one from outside."""
    return "127.0.0.1" if host in ("127.0.0.1", "localhost", "::1") else "0.0.0.0"  # noqa: S104 - with a password


def _at_once(transport: asyncio.BaseTransport | None) -> Callable[[], None]:
    """Confirm what came. Asterisk writes in small pieces, each of which waits for the confirmation of
    the one before; the kernel saves confirmations up for 40 ms, and must be told again each time."""
    line = transport.get_extra_info("socket") if transport else None
    if line is None or not hasattr(net, "TCP_QUICKACK"):
        return lambda: None

    def confirm() -> None:
        with contextlib.suppress(OSError):
            line.setsockopt(net.IPPROTO_TCP, net.TCP_QUICKACK, 1)

    return confirm


async def _shut(socket: Socket) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.close()
    except (TimeoutError, ConnectionError, aiohttp.ClientError):
        log.debug("the event socket did not close in order")


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return "login refused" if error.status in (401, 403) else f"refused with status {error.status}"
    if isinstance(error, TimeoutError):
        return "no answer"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error) or type(error).__name__

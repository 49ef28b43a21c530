"""The two ways of ARI's events against peers that misbehave."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from ccctl.asterisk import ari_events
from ccctl.asterisk.ari_events import Inbound, Outbound
from ccctl.asterisk.ari_rest import basic_auth
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown, SettingsError
from tests.support.ports import free_port
from tests.support.until import until


class Owner:
    """The door's owner, and ARI's answers to its probe."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.states: list[tuple[bool, str]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.down = False
        self.fails = False

    def event(self, event: dict[str, Any]) -> None:
        self.told.append(event["type"])
        if self.fails:
            raise ValueError("the owner is broken")

    def state(self, up: bool, detail: str) -> None:
        self.told.append(f"up={up}")
        self.states.append((up, detail))

    async def probe(self) -> str:
        await self.answers.wait()
        if self.down:
            raise AsteriskDown("ARI did not answer")
        return "Asterisk 22"


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
async def outbound(owner: Owner) -> AsyncIterator[Outbound]:
    node = Node(events_port=free_port(), events_secret="geheim")
    door = Outbound(node, "ccctl", owner.event, owner.state, owner.probe)
    await door.start()
    yield door
    await door.close()


@pytest.fixture
async def web_client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def dial(
    session: aiohttp.ClientSession, door: Outbound, secret: str = "geheim"
) -> aiohttp.ClientWebSocketResponse:
    """As Asterisk does."""
    return await session.ws_connect(
        f"http://127.0.0.1:{door._node.events_port}/ari",
        headers={"Authorization": basic_auth("ccctl", secret)},
        protocols=("ari",),
    )


async def test_events_arrive_in_order(
    owner: Owner, outbound: Outbound, web_client: aiohttp.ClientSession
) -> None:
    socket = await dial(web_client, outbound)
    assert socket.protocol == "ari"
    for n in range(200):
        await socket.send_str(f'{{"type": "E{n}"}}')
    await until(lambda: len(owner.told) == 202)
    assert owner.told == ["up=False", "up=True"] + [f"E{n}" for n in range(200)]
    await socket.close()
    await until(lambda: not outbound.up)


async def test_nothing_is_told_before_ari_answers(
    owner: Owner, outbound: Outbound, web_client: aiohttp.ClientSession
) -> None:
    owner.answers.clear()
    socket = await dial(web_client, outbound)
    await socket.send_str('{"type": "Early"}')
    await until(lambda: outbound._held)
    assert not outbound.up
    owner.answers.set()
    await until(lambda: "Early" in owner.told)
    assert owner.told[1:] == ["up=True", "Early"]


async def test_a_wrong_password_is_refused(
    owner: Owner, outbound: Outbound, web_client: aiohttp.ClientSession
) -> None:
    for secret in ("", "falsch", "geheim2"):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await dial(web_client, outbound, secret)
    assert not outbound.up
    assert "refused" in owner.states[-1][1]


async def test_rubbish_and_a_failing_owner_do_not_end_it(
    owner: Owner, outbound: Outbound, web_client: aiohttp.ClientSession
) -> None:
    socket = await dial(web_client, outbound)
    owner.fails = True
    for text in ("no json", '{"type": "A"}', '{"type": "B"}'):
        await socket.send_str(text)
    await until(lambda: "B" in owner.told)
    assert outbound.up


async def test_a_second_connection_takes_over(
    owner: Owner, outbound: Outbound, web_client: aiohttp.ClientSession
) -> None:
    first = await dial(web_client, outbound)
    await until(lambda: outbound.up)
    second = await dial(web_client, outbound)
    assert (await first.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    await until(lambda: outbound.up)
    await second.send_str('{"type": "New"}')
    await until(lambda: "New" in owner.told)
    assert [up for up, _ in owner.states] == [False, True, False, True]


async def test_a_socket_behind_which_ari_is_dead_is_cut(
    owner: Owner,
    outbound: Outbound,
    web_client: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ari_events, "WATCH_S", 0.05)
    socket = await dial(web_client, outbound)
    await until(lambda: outbound.up)
    owner.down = True
    assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert (False, "ARI did not answer") in owner.states


async def test_a_taken_port_is_named(owner: Owner, outbound: Outbound) -> None:
    other = Outbound(outbound._node, "ccctl", owner.event, owner.state, owner.probe)
    with pytest.raises(SettingsError, match=str(outbound._node.events_port)):
        await other.start()
    await other.close()


async def test_an_empty_password_is_not_accepted(owner: Owner) -> None:
    with pytest.raises(SettingsError, match="events_secret"):
        await Outbound(Node(), "ccctl", owner.event, owner.state, owner.probe).start()


class FakeEvents:
    """The /ari/events of an Asterisk."""

    def __init__(self) -> None:
        self.sockets: list[web.WebSocketResponse] = []
        self.queries: list[dict[str, str]] = []
        self.status = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(dict(request.query))
        if self.status:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for _ in socket:
            pass
        return socket


@pytest.fixture
async def asterisk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[FakeEvents, Node]]:
    monkeypatch.setattr(ari_events, "RECONNECT_S", 0.02)
    monkeypatch.setattr(Inbound, "settle", (0.01, 0.01))
    fake = FakeEvents()
    application = web.Application()
    application.router.add_get("/ari/events", fake.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield fake, Node(ari_port=port, events_port=0, ari_secret="geheim")
    await runner.cleanup()


async def test_we_dial_and_dial_again(owner: Owner, asterisk: tuple[FakeEvents, Node]) -> None:
    fake, node = asterisk
    door = Inbound(node, "ccctl", owner.event, owner.state, owner.probe)
    await door.start()
    await until(lambda: door.up)
    await fake.sockets[0].send_str('{"type": "One"}')
    await until(lambda: "One" in owner.told)
    await fake.sockets[0].close()
    await until(lambda: len(fake.sockets) == 2 and door.up)
    assert [up for up, _ in owner.states] == [True, False, True]
    assert fake.queries[0] == {"app": "ccctl"}  # neither a password nor subscribeAll
    await door.close()


async def test_a_deaf_socket_is_made_again(owner: Owner, asterisk: tuple[FakeEvents, Node]) -> None:
    fake, node = asterisk
    owner.down = True
    door = Inbound(node, "ccctl", owner.event, owner.state, owner.probe)
    await door.start()
    await until(lambda: len(fake.sockets) == 2)
    assert not door.up
    owner.down = False
    await until(lambda: door.up)
    await door.close()


async def test_a_refused_login_is_named(owner: Owner, asterisk: tuple[FakeEvents, Node]) -> None:
    fake, node = asterisk
    fake.status = 401
    door = Inbound(node, "ccctl", owner.event, owner.state, owner.probe)
    await door.start()
    await until(lambda: len(fake.queries) == 3)
    assert len(owner.states) == 1
    assert "login refused" in owner.states[0][1]
    await door.close()

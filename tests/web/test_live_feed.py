"""The WebSocket: picture, numbered changes, heartbeat, slow readers, the end of the daemon."""

import asyncio
import socket
from typing import Any

import orjson
import pytest
import sqlalchemy
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestClient, TestServer

from ccctl.runtime.settings import Settings
from ccctl.web import live
from ccctl.web.app import create_app
from tests.support import fake_engine as fake
from tests.support.described import Described, schema_of, validate
from tests.support.until import until


async def receive(sock: ClientWebSocketResponse, wanted: str) -> dict[str, Any]:
    """The next message that has this key; beats in between are left aside."""
    while True:
        value: dict[str, Any] = await sock.receive_json(timeout=10)
        if wanted in value:
            return value


async def test_first_the_picture_then_changes_without_a_gap(
    remote: Described, engine: fake.FakeEngine
) -> None:
    sock = await remote.live()
    picture = await receive(sock, "snapshot")
    validate(picture, schema_of("LivePicture"))
    assert picture["seq"] == engine.live.seq
    assert picture["snapshot"] == engine.live.snapshot()
    for n in range(1, 51):
        engine.live.change({"call/pbx1/x": fake.call("pbx1/x", started=n)})
    engine.live.change({}, gone=("call/pbx1/x",))
    changes = [await receive(sock, "set") for _ in range(51)]
    for change in changes:
        validate(change, schema_of("LiveChange"))
    assert [change["seq"] for change in changes] == list(range(picture["seq"] + 1, picture["seq"] + 52))
    assert changes[-1]["gone"] == ["call/pbx1/x"]
    await sock.close()


async def test_every_message_carries_the_servers_clock(remote: Described, engine: fake.FakeEngine) -> None:
    before = fake.now()
    sock = await remote.live()
    picture = await receive(sock, "snapshot")
    assert before <= picture["now"] <= fake.now()
    await sock.close()


async def test_heartbeat_has_the_number_of_the_last_change(
    remote: Described, engine: fake.FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.02)
    sock = await remote.live()
    await receive(sock, "snapshot")
    engine.live.change({"agent/ben": fake.agent("ben", "paused")})
    change = await receive(sock, "set")
    beat = await sock.receive_json(timeout=10)
    validate(beat, schema_of("LiveBeat"))
    assert beat["seq"] == change["seq"]
    await sock.close()


async def test_a_reader_who_comes_back_gets_a_new_picture(remote: Described, engine: fake.FakeEngine) -> None:
    first = await remote.live()
    await receive(first, "snapshot")
    await first.close()
    engine.live.change({"agent/ben": fake.agent("ben", "paused")})
    second = await remote.live()
    picture = await receive(second, "snapshot")
    assert picture["seq"] == engine.live.seq
    assert picture["snapshot"]["agent/ben"]["presence"] == "paused"
    await second.close()


async def test_a_reader_who_goes_leaves_nothing_behind(remote: Described, engine: fake.FakeEngine) -> None:
    socks = [await remote.live() for _ in range(5)]
    await until(lambda: len(engine.live.readers) == 5, what="five readers")
    for sock in socks:
        await sock.close()
    await until(lambda: not engine.live.readers, what="no readers")


async def test_a_reader_who_lagged_is_told_to_come_again(remote: Described, engine: fake.FakeEngine) -> None:
    sock = await remote.live()
    await receive(sock, "snapshot")
    for n in range(2000):  # no await between: the reader cannot keep up
        engine.live.change({"call/pbx1/x": fake.call("pbx1/x", started=n)})
    message = await sock.receive(timeout=10)
    while message.type is WSMsgType.TEXT:
        message = await sock.receive(timeout=10)
    assert message.type is WSMsgType.CLOSE
    assert message.data == WSCloseCode.TRY_AGAIN_LATER
    await until(lambda: not engine.live.readers, what="no readers")


def handshake(port: int) -> socket.socket:
    """A client that asks for the feed and then never reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(
        b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    return sock


async def test_a_client_that_never_reads_is_dropped_and_holds_nobody_up(
    remote: Described, engine: fake.FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_TIMEOUT_S", 0.2)
    deaf = handshake(remote.client.server.port or 0)
    good = await remote.live()
    await receive(good, "snapshot")
    await until(lambda: len(engine.live.readers) == 2, what="two readers")
    sent = 0

    async def feed_until_dropped() -> bool:
        nonlocal sent
        for _ in range(20):
            engine.live.change({"queue/big": fake.queue("big", title="x" * 20_000)})
            sent += 1
            await receive(good, "set")
        return len(engine.live.readers) == 1

    await until(feed_until_dropped, timeout=30, what="the deaf client is dropped")
    engine.live.change({"agent/ben": fake.agent("ben", "paused")})
    assert (await receive(good, "set"))["set"]["agent/ben"]["presence"] == "paused"
    await good.close()
    deaf.close()


async def test_the_end_of_the_daemon_is_said(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, settings: Settings
) -> None:
    async with TestClient(TestServer(create_app(engine, store, settings))) as client:
        sock = await client.ws_connect("/api/v1/live")
        await receive(sock, "snapshot")
        async with asyncio.TaskGroup() as group:
            closing = group.create_task(client.server.close())
            message = await sock.receive(timeout=10)
            assert (message.type, message.data) == (WSMsgType.CLOSE, WSCloseCode.GOING_AWAY)
            await closing


async def test_what_clients_send_is_ignored(remote: Described, engine: fake.FakeEngine) -> None:
    sock = await remote.live()
    await receive(sock, "snapshot")
    await sock.send_bytes(orjson.dumps({"seq": 1}))
    await sock.send_str("hello")
    engine.live.change({"agent/ben": fake.agent("ben", "paused")})
    assert (await receive(sock, "set"))["seq"] == engine.live.seq
    await sock.close()


async def test_readers_are_bounded(remote: Described, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_READERS", 2)
    socks = [await remote.live() for _ in range(2)]
    with pytest.raises(WSServerHandshakeError) as caught:
        await remote.live()
    assert caught.value.status == 503
    for sock in socks:
        await sock.close()


async def test_plain_get_is_told_to_use_a_websocket(remote: Described) -> None:
    status, value = await remote.get("/api/v1/live")
    assert (status, value["error"]) == (400, "not-a-websocket")

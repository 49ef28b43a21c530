"""Requests over a socket, against an Asterisk that loses them or says nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from aiohttp import web

from ccctl.asterisk import ari_rest
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.background import spawn
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown, AsteriskRefused
from tests.support.ports import free_port
from tests.support.until import until

Reply = Callable[[dict[str, Any]], Any]


class FakeAsterisk:
    """Answers by HTTP, and over the socket for requests."""

    def __init__(self) -> None:
        self.by_http: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.reply: Reply = lambda _: (200, "")
        self.socket: web.WebSocketResponse | None = None

    async def http(self, request: web.Request) -> web.StreamResponse:
        self.by_http.append(f"{request.method} {request.path.removeprefix('/ari')}")
        return web.json_response({})

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            asked = orjson.loads(message.data)
            self.asked.append(asked)
            found = self.reply(asked)
            if found == "close":
                await socket.close()
            elif found is not None:
                answer = {"status_code": found[0], "reason_phrase": "why", "message_body": found[1]}
                await socket.send_json({"type": "RESTResponse", "request_id": asked["request_id"], **answer})
        return socket


@pytest.fixture
def asterisk() -> FakeAsterisk:
    return FakeAsterisk()


@pytest.fixture
async def ari(asterisk: FakeAsterisk) -> AsyncIterator[Ari]:
    application = web.Application()
    application.router.add_get("/ari/events", asterisk.serve)
    application.router.add_route("*", "/{path:.*}", asterisk.http)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    node = Node(ari_port=free_port(), events_port=free_port(), events_secret="geheim", ari_secret="geheim")
    await web.TCPSite(runner, "127.0.0.1", node.ari_port).start()
    ari = Ari(node, lambda _: None, lambda *_: None)
    await ari.start()
    await until(ari.wire)
    asterisk.by_http.clear()
    yield ari
    await ari.close()
    await runner.cleanup()


async def test_what_is_quick_goes_over_the_socket_and_the_rest_by_http(
    asterisk: FakeAsterisk, ari: Ari
) -> None:
    await ari.channels_set_channel_var("c1", "TIMEOUT(absolute)", "0")
    await ari.bridges_add_channel("b1", "c1,c2")
    (asked,) = asterisk.asked
    assert (asked["method"], asked["uri"]) == ("POST", "channels/c1/variable")
    values = [{"name": "variable", "value": "TIMEOUT(absolute)"}, {"name": "value", "value": "0"}]
    assert asked["query_strings"] == values
    assert asterisk.by_http == ["POST /bridges/b1/addChannel"]


async def test_answers_come_in_any_order(asterisk: FakeAsterisk, ari: Ari) -> None:
    asterisk.reply = lambda _: None
    both = [spawn(ari.channels_get(name), name) for name in ("a", "b")]
    await until(lambda: len(asterisk.asked) == 2)
    assert asterisk.socket is not None
    for request in reversed(asterisk.asked):
        body = orjson.dumps({"id": request["uri"]}).decode()
        ident = request["request_id"]
        answer = {"type": "RESTResponse", "request_id": ident, "status_code": 200, "message_body": body}
        await asterisk.socket.send_json(answer)
    assert await asyncio.gather(*both) == [{"id": "channels/a"}, {"id": "channels/b"}]


async def test_a_refusal_has_its_status_and_its_words(asterisk: FakeAsterisk, ari: Ari) -> None:
    asterisk.reply = lambda _: (404, '{"message": "Channel not found"}')
    with pytest.raises(AsteriskRefused, match="Channel not found") as refused:
        await ari.channels_hangup("c1")
    assert refused.value.status == 404


async def test_a_delete_that_the_closing_socket_lost_is_asked_again_by_http(
    asterisk: FakeAsterisk, ari: Ari
) -> None:
    asterisk.reply = lambda _: "close"
    await ari.channels_hangup("c1")
    assert (len(asterisk.asked), asterisk.by_http) == (1, ["DELETE /channels/c1"])


async def test_a_post_that_the_closing_socket_lost_is_never_sent_again(
    asterisk: FakeAsterisk, ari: Ari
) -> None:
    asterisk.reply = lambda _: "close"
    with pytest.raises(AsteriskDown, match="before the answer"):
        await ari.channels_continue_in_dialplan("c1")
    assert (len(asterisk.asked), asterisk.by_http) == (1, [])


async def test_a_socket_that_does_not_answer_is_not_asked_again(
    asterisk: FakeAsterisk, ari: Ari, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ari_rest, "TIMEOUT_S", 0.1)
    asterisk.reply = lambda _: None
    with pytest.raises(AsteriskDown, match="did not answer POST"):
        await ari.channels_continue_in_dialplan("c1")
    await ari.channels_continue_in_dialplan("c2")
    assert (len(asterisk.asked), asterisk.by_http) == (1, ["POST /channels/c2/continue"])

"""Requests to ARI against a server that misbehaves."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from ccctl.asterisk import ari_rest
from ccctl.asterisk.ari import UNWANTED, Ari
from ccctl.asterisk.ari_rest import OPERATIONS, basic_auth
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown, AsteriskRefused
from tests.support.ports import free_port

Answer = Callable[[web.Request], web.StreamResponse]


class FakeAri:
    def __init__(self) -> None:
        self.node = Node()
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.headers: list[str] = []
        self.resets = 0  # so many requests lose their connection
        self.answer: Answer = lambda _: web.json_response({})

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path, dict(request.query), await request.read()))
        self.headers.append(request.headers.get("Authorization", ""))
        if self.resets:
            self.resets -= 1
            assert request.transport is not None
            request.transport.abort()
        return self.answer(request)


@pytest.fixture
async def server() -> AsyncIterator[FakeAri]:
    fake = FakeAri()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", fake.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    fake.node = Node(ari_port=port, ari_secret="geheim")
    yield fake
    await runner.cleanup()


@pytest.fixture
async def ari(server: FakeAri) -> AsyncIterator[Ari]:
    ari = Ari(server.node, lambda _: None, lambda *_: None)
    await ari.open()
    yield ari
    await ari.shut()


async def test_names_and_values_are_asterisks_own(server: FakeAri, ari: Ari) -> None:
    await ari.channels_originate_with_id(
        "a" * 32,
        "PJSIP/anna",
        app="ccctl",
        app_args="leg",
        caller_id='"Zoë" <1>',
        timeout=15,
        variables={"CC_CALL": "1.2"},
    )
    method, path, query, body = server.requests[0]
    assert (method, path) == ("POST", "/ari/channels/" + "a" * 32)
    assert query == {
        "endpoint": "PJSIP/anna",
        "app": "ccctl",
        "appArgs": "leg",
        "callerId": '"Zoë" <1>',
        "timeout": "15",
    }
    assert body == b'{"variables":{"CC_CALL":"1.2"}}'


async def test_an_id_cannot_leave_its_place_in_the_path(server: FakeAri, ari: Ari) -> None:
    await ari.channels_hangup("../bridges/x?y", 16)
    assert server.requests[0][:3] == ("DELETE", "/ari/channels/../bridges/x?y", {"reason_code": "16"})


async def test_several_media_follow_each_other(server: FakeAri, ari: Ari) -> None:
    await ari.channels_play_with_id("c", "p", ("sound:a", "sound:b"), lang="de")
    assert server.requests[0][2] == {"media": "sound:a,sound:b", "lang": "de"}


async def test_the_secret_is_in_the_header_only(server: FakeAri, ari: Ari) -> None:
    await ari.asterisk_ping()
    assert server.headers == [basic_auth("ccctl", "geheim")]
    assert "geheim" not in str(server.requests)


async def test_a_lost_get_is_asked_once_more(server: FakeAri, ari: Ari) -> None:
    server.resets = 1
    server.answer = lambda _: web.json_response([])
    assert await ari.channels_list() == []


async def test_a_get_that_stays_lost_is_an_error(server: FakeAri, ari: Ari) -> None:
    server.resets = 10
    with pytest.raises(AsteriskDown, match="GET /channels"):
        await ari.channels_list()


async def test_a_lost_post_is_never_sent_again(server: FakeAri, ari: Ari) -> None:
    server.resets = 1
    with pytest.raises(AsteriskDown):
        await ari.channels_answer("c")
    assert len(server.requests) == 1


async def test_refusals_carry_status_and_reason(server: FakeAri, ari: Ari) -> None:
    server.answer = lambda _: web.json_response({"message": "Channel not in Stasis"}, status=409)
    with pytest.raises(AsteriskRefused, match="Channel not in Stasis") as refused:
        await ari.channels_answer("c")
    assert refused.value.status == 409


async def test_a_refusal_without_json_is_told_too(server: FakeAri, ari: Ari) -> None:
    server.answer = lambda _: web.Response(status=503, text="<html>")
    with pytest.raises(AsteriskRefused) as refused:
        await ari.channels_answer("c")
    assert refused.value.status == 503


async def test_nobody_there(ari: Ari) -> None:
    other = Ari(Node(ari_port=free_port()), lambda _: None, lambda *_: None)
    await other.open()
    with pytest.raises(AsteriskDown, match=r"127\.0\.0\.1"):
        await other.asterisk_ping()
    await other.shut()


async def test_no_answer_in_time(server: FakeAri, ari: Ari, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ari_rest, "TIMEOUT_S", 0.1)
    slow = Ari(server.node, lambda _: None, lambda *_: None)
    await slow.open()

    server.answer = lambda _: _Never()
    with pytest.raises(AsteriskDown, match="did not answer"):
        await slow.channels_answer("c")
    await slow.shut()


class _Never(web.StreamResponse):
    async def prepare(self, request: web.BaseRequest) -> None:
        await asyncio.get_running_loop().create_future()


async def test_a_variable_that_is_not_set_is_empty(server: FakeAri, ari: Ari) -> None:
    server.answer = lambda _: web.json_response({"message": "Provided variable was not found"}, status=404)
    assert await ari.channels_get_channel_var("c", "X") == ""
    server.answer = lambda _: web.json_response({"message": "Provided channel was not found"}, status=404)
    with pytest.raises(AsteriskRefused):
        await ari.channels_get_channel_var("c", "X")


async def test_device_states_are_never_subscribed(server: FakeAri, ari: Ari) -> None:
    with pytest.raises(AsteriskRefused):
        await ari.applications_subscribe("ccctl", "channel:1,deviceState:PJSIP/anna")
    assert not server.requests


async def test_a_misspelt_parameter_is_our_error(ari: Ari) -> None:
    with pytest.raises(TypeError, match="colour"):
        await ari.call("channels_answer", channelId="c", colour="red")


def test_each_operation_has_a_method() -> None:
    assert {name for name in OPERATIONS if not callable(getattr(Ari, name, None))} == set()


def test_what_the_core_needs_is_not_filtered() -> None:
    needed = {"StasisStart", "StasisEnd", "ChannelDestroyed", "ChannelHangupRequest"}
    needed |= {"ChannelDtmfReceived", "PlaybackFinished", "ChannelLeftBridge", "ChannelEnteredBridge"}
    assert not needed & set(UNWANTED)

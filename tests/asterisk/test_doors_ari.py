"""The door to ARI at a real Asterisk: both ways of events, the table of operations, crashes."""

import asyncio
import json
import os
import re
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec
import pytest

from ccctl.asterisk.ari import Ari
from ccctl.asterisk.ari_rest import OPERATIONS, basic_auth
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskRefused
from tests.support.labhome import LabHome
from tests.support.until import until

pytestmark = pytest.mark.asterisk


class Owner:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.states: list[tuple[bool, str]] = []

    def door(self, node: Node, app: str = "ccctl") -> Ari:
        return Ari(node, self.events.append, lambda up, detail: self.states.append((up, detail)), app)

    def of(self, channel: str) -> list[str]:
        return [event["type"] for event in self.events if event.get("channel", {}).get("id") == channel]


def new_id() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
async def ari(lab: LabHome, owner: Owner) -> AsyncIterator[Ari]:
    ari = owner.door(lab.node)
    await ari.start()
    await until(lambda: ari.up, what="ARI up")
    yield ari
    await ari.close()


async def make_call(ari: Ari, owner: Owner, app: str = "ccctl") -> str:
    """A channel in our hands; its other half runs Echo."""
    channel = new_id()
    await ari.channels_originate_with_id(channel, "Local/echo@cctest", app=app, app_args="leg")
    await until(lambda: "StasisStart" in owner.of(channel), what="StasisStart")
    return channel


@pytest.fixture(autouse=True)
def dialplan(lab: LabHome) -> None:
    lab.ask("dialplan add extension echo,1,Answer,i into cctest")
    lab.ask("dialplan add extension echo,2,Echo into cctest")


async def test_every_operation_is_in_asterisks_own_api_docs(lab: LabHome) -> None:
    found: dict[tuple[str, str], tuple[str, set[tuple[str, str]]]] = {}
    auth = {"Authorization": basic_auth(lab.node.ari_user, lab.node.ari_secret)}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{lab.node.ari_port}", headers=auth) as session:
        for resource in {operation.path.split("/")[1] for operation in OPERATIONS.values()}:
            async with session.get(f"/ari/api-docs/{resource}.json") as answer:
                docs = json.loads(await answer.text())
            for api in docs["apis"]:
                for one in api["operations"]:
                    parameters = {(p["name"], p["paramType"]) for p in one.get("parameters", [])}
                    found[one["httpMethod"], api["path"]] = one["nickname"], parameters
    for name, operation in OPERATIONS.items():
        nickname, parameters = found[operation.method, operation.path]
        ours = {(key, "query") for key in operation.query}
        ours |= {(key, "path") for key in re.findall(r"{(\w+)}", operation.path)}
        ours |= {(operation.body, "body")} if operation.body else set()
        assert ours <= parameters, name
        assert name.partition("_")[2].replace("_", "") == nickname.replace("_", "").lower(), name


async def test_a_call_in_our_hands(ari: Ari, owner: Owner) -> None:
    channel, bridge, playback = await make_call(ari, owner), new_id(), new_id()
    await ari.channels_set_channel_var(channel, "CC_RESULT", "timeout")
    assert await ari.channels_get_channel_var(channel, "CC_RESULT") == "timeout"
    assert await ari.channels_get_channel_var(channel, "CC_NOTHING") == ""
    await ari.bridges_create_with_id(bridge, "holding")
    await ari.bridges_add_channel(bridge, channel, role="holding_participant")
    assert (await ari.bridges_get(bridge))["channels"] == [channel]
    await ari.bridges_remove_channel(bridge, channel)
    await ari.channels_play_with_id(channel, playback, ["sound:beep", "sound:beep"], lang="en")
    await until(lambda: any(event["type"] == "PlaybackFinished" for event in owner.events))
    snoop = new_id()
    await ari.channels_snoop_channel_with_id(channel, snoop, spy="both", app_args="snoop")
    await until(lambda: "StasisStart" in owner.of(snoop))
    await ari.channels_hangup(channel, 16)
    await until(lambda: "ChannelDestroyed" in owner.of(channel))
    await ari.bridges_destroy(bridge)
    assert not {"ChannelVarset", "ChannelDialplan", "Dial"} & {event["type"] for event in owner.events}


async def test_refusals(ari: Ari, owner: Owner) -> None:
    channel = await make_call(ari, owner)
    with pytest.raises(AsteriskRefused, match="already exists") as twice:
        await ari.channels_originate_with_id(channel, "Local/echo@cctest", app="ccctl")
    with pytest.raises(AsteriskRefused, match="not found") as gone:
        await ari.channels_answer(new_id())
    assert (twice.value.status, gone.value.status) == (409, 404)
    await ari.channels_hangup(channel)


async def test_the_socket_answers_as_http_does(
    ari: Ari, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, asked = await make_call(ari, owner), []
    wire = await until(ari.wire)
    assert wire is not None
    ask = wire.ask

    async def seen(*given: Any) -> Any:
        asked.append(given[0].path)
        return await ask(*given)

    monkeypatch.setattr(wire, "ask", seen)
    for value in ("0", "ä ß;=&+%20 ?/#", "x" * 2000):
        await ari.channels_set_channel_var(channel, "CC_RESULT", value)
        assert await ari.channels_get_channel_var(channel, "CC_RESULT") == value
    over_socket = [await _told(ari, channel), await _told(ari, new_id()), await _told(ari, "a/b?c d")]
    assert len(asked) == 3 + 3 * 3
    monkeypatch.setattr(wire, "open", False)
    assert over_socket == [await _told(ari, channel), await _told(ari, new_id()), await _told(ari, "a/b?c d")]
    await ari.channels_hangup(channel)
    await until(lambda: "ChannelDestroyed" in owner.of(channel))
    assert len(asked) == 3 + 3 * 3


async def _told(ari: Ari, channel: str) -> list[Any]:
    """What is asked of a channel, or the refusal."""
    found: list[Any] = []
    for asking in (
        ari.channels_get(channel),
        ari.channels_set_channel_var(channel, "CC_X", "1"),
        ari.bridges_destroy(channel),
    ):
        try:
            answer = await asking
            found.append(answer and sorted(answer))
        except AsteriskRefused as error:
            found.append((error.status, str(error).replace(channel, "")))
    return found


async def test_what_happens_while_we_are_away_is_told_when_we_are_back(lab: LabHome, owner: Owner) -> None:
    """Outbound: Asterisk keeps the events of the gap."""
    first = owner.door(lab.node)
    await first.start()
    await until(lambda: first.up)
    channel = await make_call(first, owner)
    await first.close()
    lab.ask("channel request hangup all")
    await asyncio.to_thread(wait_for_no_channels, lab)
    assert "ChannelDestroyed" not in owner.of(channel)
    second = owner.door(lab.node)
    await second.start()
    await until(lambda: "ChannelDestroyed" in owner.of(channel), what="the event of the gap")
    await until(lambda: second.up)
    await second.close()


def wait_for_no_channels(lab: LabHome) -> None:
    from tests.support.until import wait_until

    wait_until(lambda: lab.ask("core show channels count").startswith("0 active channels"))


async def test_inbound_events(lab: LabHome, owner: Owner) -> None:
    ari = owner.door(msgspec.structs.replace(lab.node, events_port=0), "cctest")
    await ari.start()
    await until(lambda: ari.up)
    channel = await make_call(ari, owner, "cctest")
    await ari.channels_hangup(channel)
    await until(lambda: "ChannelDestroyed" in owner.of(channel))
    assert "ChannelVarset" not in owner.of(channel)
    await ari.close()


@pytest.mark.parametrize("inbound", [False, True])
async def test_a_restart_of_asterisk_is_survived(
    make_lab: Callable[[], LabHome], owner: Owner, inbound: bool
) -> None:
    lab = await asyncio.to_thread(make_lab().up)
    node = msgspec.structs.replace(lab.node, events_port=0) if inbound else lab.node
    ari = owner.door(node)
    await ari.start()
    await until(lambda: ari.up)
    os.kill(lab.pid(), signal.SIGKILL)
    await until(lambda: not ari.up)
    await asyncio.to_thread(lab.up)
    await until(lambda: ari.up, timeout=20)
    assert (await ari.asterisk_ping())["ping"] == "pong"
    await ari.close()


async def test_modules_and_globals(ari: Ari) -> None:
    assert "app_queue.so" in {module["name"] for module in await ari.asterisk_list_modules()}
    await ari.asterisk_reload_module("pbx_config.so")
    await ari.asterisk_set_global_var("CCTEST", "x y")
    assert await ari.asterisk_get_global_var("CCTEST") == "x y"
    await ari.asterisk_set_global_var("CCTEST", "")
    with pytest.raises(AsteriskRefused) as refused:
        await ari.asterisk_reload_module("no_such_module.so")
    assert refused.value.status == 404

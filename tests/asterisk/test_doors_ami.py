"""The door to AMI at a real Asterisk, and our stand-in for it compared with the real one."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from ccctl.asterisk.ami import Ami, Pace
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskRefused
from tests.support.fake_ami import FakeAmi, rows
from tests.support.labhome import LabHome
from tests.support.proxy import Proxy
from tests.support.until import until

pytestmark = pytest.mark.asterisk

QUICK = Pace(ping_every=0.2, ping=0.5, retry_first=0.05, retry_most=0.2, boot=3)


class Owner:
    def __init__(self) -> None:
        self.events: list[dict[str, str]] = []
        self.states: list[tuple[bool, str]] = []

    def door(self, node: Node, port: int = 0) -> Ami:
        at = msgspec.structs.replace(node, ami_port=port or node.ami_port)
        return Ami(at, self.events.append, lambda up, detail: self.states.append((up, detail)), None, QUICK)


@pytest.fixture
async def ami(lab: LabHome) -> AsyncIterator[Ami]:
    ami = Owner().door(lab.node)
    await ami.start()
    await until(lambda: ami.up, what="AMI up")
    yield ami
    await ami.close()


# -- the real one -------------------------------------------------------------------------------------


async def test_text_of_any_language_comes_back_as_it_went(ami: Ami) -> None:
    text = 'Zoë Müller, "Ёлка" 🎄: a=b\\'
    await ami.action("DBPut", Family="cctest", Key="name", Val=text)
    found = await ami.rows("DBGet", Family="cctest", Key="name")
    await ami.action("DBDel", Family="cctest", Key="name")
    assert [row["Val"] for row in found] == [text]


async def test_lists_and_refusals(ami: Ami) -> None:
    modules = await ami.action("Command", Command="module show like app_queue")
    assert "app_queue.so" in modules["Output"]
    assert isinstance(await ami.rows("CoreShowChannels"), list)
    with pytest.raises(AsteriskRefused, match="Nonsense"):
        await ami.rows("Nonsense")
    with pytest.raises(AsteriskRefused):
        await ami.action("Hangup", Channel="Local/nobody")


async def test_the_events_of_a_call_arrive(lab: LabHome) -> None:
    owner = Owner()
    ami = owner.door(lab.node)
    await ami.start()
    await until(lambda: ami.up)
    await ami.action("Originate", Channel="Local/s@nowhere", Application="Wait", Data="1")
    await ami.action(
        "Originate", Channel="Local/s@cctest", Application="Hangup", Variable=["A=1", "B=2"]
    )  # refused or not: both are answered
    await until(lambda: [event for event in owner.events if event["Event"] == "OriginateResponse"])
    await ami.close()


async def test_a_cut_connection_is_made_again(lab: LabHome) -> None:
    owner = Owner()
    async with Proxy(lab.node.ami_port) as proxy:
        ami = owner.door(lab.node, proxy.port)
        await ami.start()
        for times in range(1, 4):
            await until(lambda times=times: ami.up and proxy.connections == times)
            assert (await ami.action("Ping"))["Ping"] == "Pong"
            proxy.cut()
            await until(lambda: not ami.up)
        await ami.close()


async def test_a_frozen_connection_is_noticed(lab: LabHome) -> None:
    owner = Owner()
    async with Proxy(lab.node.ami_port) as proxy:
        ami = owner.door(lab.node, proxy.port)
        await ami.start()
        await until(lambda: ami.up)
        proxy.freeze()
        await until(lambda: not ami.up, what="the frozen connection noticed")
        proxy.thaw()
        await until(lambda: ami.up)
        await ami.close()


async def test_a_wrong_secret_is_told(lab: LabHome) -> None:
    owner = Owner()
    ami = owner.door(msgspec.structs.replace(lab.node, ami_secret="wrong"))
    await ami.start()
    await until(lambda: owner.states)
    assert owner.states[0][1].startswith("login refused")
    await ami.close()


async def test_a_restart_of_asterisk_is_survived(make_lab: Callable[[], LabHome]) -> None:
    lab = await asyncio.to_thread(make_lab().up)
    owner = Owner()
    ami = owner.door(lab.node)
    await ami.start()
    await until(lambda: ami.up)
    os.kill(lab.pid(), signal.SIGKILL)
    await until(lambda: not ami.up)
    await asyncio.to_thread(lab.up)
    await until(lambda: ami.up, timeout=20)
    assert (await ami.action("Ping"))["Ping"] == "Pong"
    assert [up for up, _ in owner.states if up] == [True, True]
    await ami.close()


# -- the stand-in -------------------------------------------------------------------------------------


async def converse(port: int, user: str, secret: str) -> list[list[str]]:
    """What a server says to the same few actions: per message, its headers' names."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    banner = (await reader.readline()).decode()
    shapes = [[banner.partition("/")[0]]]
    login = {"Action": "Login", "Username": user, "Secret": secret}
    steps: list[tuple[dict[str, str], int]] = [
        (login | {"Secret": "wrong"}, 1),
        (login, 2),
        ({"Action": "Ping"}, 1),
        ({"Action": "Nonsense"}, 1),
        ({"Action": "CoreShowChannels"}, 2),
    ]
    for number, (action, messages) in enumerate(steps):
        if number == 1:  # a refused login ends the real one's connection
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.readline()
        headers = "".join(f"{key}: {value}\r\n" for key, value in action.items())
        writer.write(f"{headers}ActionID: {number}\r\n\r\n".encode())
        for _ in range(messages):
            text = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
            keys = [line.partition(":")[0] for line in text.strip().split("\r\n")]
            shapes.append([key for key in keys if key != "Timestamp"] + text.split("\r\n")[:1])
    writer.close()
    await writer.wait_closed()
    return shapes


async def test_the_stand_in_speaks_like_asterisk(lab: LabHome) -> None:
    async with FakeAmi() as fake:
        fake.answers["CoreShowChannels"] = lambda action: rows(action, "CoreShowChannels", [])
        ours = await converse(fake.port, fake.node.ami_user, fake.secret)
    real = await converse(lab.node.ami_port, lab.node.ami_user, lab.node.ami_secret)
    assert ours == real

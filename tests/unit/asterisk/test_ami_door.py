"""The door to AMI against a server that misbehaves; each test is a trap that was met in practice."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from ccctl.asterisk.ami import Ami, Pace
from ccctl.errors import AsteriskDown, AsteriskRefused
from tests.support.fake_ami import FakeAmi, error, rows, success
from tests.support.until import until

QUICK = Pace(
    connect=0.5, ping_every=0.1, ping=0.3, retry_first=0.02, retry_most=0.1, retry_refused=0.05, boot=0.05
)


class Owner:
    """Takes what the door tells."""

    def __init__(self) -> None:
        self.events: list[dict[str, str]] = []
        self.states: list[tuple[bool, str]] = []
        self.fails = False

    def event(self, event: dict[str, str]) -> None:
        self.events.append(event)
        if self.fails:
            raise ValueError("the owner is broken")

    def state(self, up: bool, detail: str) -> None:
        self.states.append((up, detail))

    def named(self, name: str) -> list[dict[str, str]]:
        return [event for event in self.events if event["Event"] == name]


def door(server: FakeAmi, owner: Owner, wanted: frozenset[str] | None = None, pace: Pace = QUICK) -> Ami:
    return Ami(server.node, owner.event, owner.state, wanted, pace)


@pytest.fixture
async def server() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as server:
        yield server


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
async def ami(server: FakeAmi, owner: Owner) -> AsyncIterator[Ami]:
    ami = door(server, owner)
    await ami.start()
    await until(lambda: ami.up, what="up")
    yield ami
    await ami.close()


def numbered(count: int) -> str:
    return "".join(f"Event: CEL\r\nN: {n}\r\n\r\n" for n in range(count))


# -- actions ------------------------------------------------------------------------------------------


async def test_an_answer_that_panoramisk_takes_for_a_list_arrives(server: FakeAmi, ami: Ami) -> None:
    server.answers["QueueAdd"] = lambda action: success(action, "Added interface to queue")
    assert (await ami.action("QueueAdd", Queue="q", Interface="PJSIP/anna"))["Response"] == "Success"


async def test_originate_is_always_asynchronous(server: FakeAmi, ami: Ami) -> None:
    server.answers["Originate"] = lambda action: success(action, "Originate successfully queued")
    await ami.action("Originate", Channel="Local/1@x")
    assert server.got("Originate")[0]["Async"] == "true"
    assert server.connections == 1


async def test_an_unanswered_action_is_never_sent_again(server: FakeAmi, owner: Owner, ami: Ami) -> None:
    server.answers["Originate"] = None
    asked = asyncio.ensure_future(ami.action("Originate", Channel="Local/1@x"))
    await until(lambda: server.got("Originate"))
    server.drop()
    with pytest.raises(AsteriskDown, match="lost"):
        await asked
    await until(lambda: server.logins == 2 and ami.up, what="the second login")
    server.answers["Sent"] = success
    await ami.action("Sent")
    assert len(server.got("Originate")) == 1


async def test_each_action_has_its_own_time_limit(server: FakeAmi, ami: Ami) -> None:
    server.answers["Slow"] = None
    with pytest.raises(AsteriskDown, match="did not answer Slow"):
        await ami.action("Slow", timeout=0.05)
    assert ami.up


async def test_nothing_is_kept_of_actions_that_were_given_up(server: FakeAmi, ami: Ami) -> None:
    server.answers["Slow"] = None
    asked = [asyncio.ensure_future(ami.action("Slow", timeout=0.05)) for _ in range(50)]
    asked[0].cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert ami._link is not None
    assert not [one for one in ami._link.protocol.responses.values() if one["Action"] == "Slow"]


async def test_a_late_answer_changes_nothing(server: FakeAmi, ami: Ami) -> None:
    server.answers["Slow"] = None
    with pytest.raises(AsteriskDown):
        await ami.action("Slow", timeout=0.05)
    server.send(success(server.got("Slow")[0]))
    assert (await ami.action("Ping"))["Ping"] == "Pong"


@pytest.mark.parametrize("bad", ["x\r\n\r\nAction: Hangup", "x\ny", "x\0y", ["fine", "not\rfine"]])
async def test_a_line_end_in_a_value_is_refused(server: FakeAmi, ami: Ami, bad: str | list[str]) -> None:
    with pytest.raises(AsteriskRefused, match="line end"):
        await ami.action("QueuePause", Reason=bad)
    with pytest.raises(AsteriskRefused, match="line end"):
        await ami.action("Ping\r\nX: y")
    assert not server.got("QueuePause")
    assert not server.got("Hangup")


async def test_answers_find_their_actions_in_any_order(server: FakeAmi, ami: Ami) -> None:
    server.answers["Ask"] = None
    asked = [asyncio.ensure_future(ami.action("Ask", N=n)) for n in range(20)]
    await until(lambda: len(server.got("Ask")) == 20)
    for action in reversed(server.got("Ask")):
        server.send(success(action, action["N"]))
    assert [answer["Message"] for answer in await asyncio.gather(*asked)] == [str(n) for n in range(20)]


async def test_rows_of_a_list(server: FakeAmi, ami: Ami) -> None:
    server.answers["QueueStatus"] = lambda action: rows(action, "Member", [{"Name": "anna"}, {"Name": "ben"}])
    assert [row["Name"] for row in await ami.rows("QueueStatus")] == ["anna", "ben"]
    server.answers["QueueStatus"] = lambda action: rows(action, "Member", [])
    assert await ami.rows("QueueStatus") == []


async def test_a_refused_list_does_not_wait(server: FakeAmi, ami: Ami) -> None:
    server.answers["QueueStatus"] = lambda action: error(action, "no such queue")
    with pytest.raises(AsteriskRefused, match="QueueStatus: no such queue"):
        await ami.rows("QueueStatus")


async def test_rows_arrive_though_their_event_is_not_wanted(server: FakeAmi, owner: Owner) -> None:
    ami = door(server, owner, frozenset({"CEL"}))
    await ami.start()
    await until(lambda: ami.up)
    server.answers["List"] = lambda action: rows(action, "Member", [{"Name": "anna"}])
    assert len(await ami.rows("List")) == 1
    assert not owner.named("Member")
    await ami.close()


async def test_an_unconnected_door_says_so(server: FakeAmi, owner: Owner) -> None:
    with pytest.raises(AsteriskDown, match="not connected"):
        await door(server, owner).action("Ping")


# -- events -------------------------------------------------------------------------------------------


async def test_events_come_in_order(server: FakeAmi, owner: Owner, ami: Ami) -> None:
    server.send(numbered(5000))
    await until(lambda: len(owner.named("CEL")) == 5000)
    assert [event["N"] for event in owner.named("CEL")] == [str(n) for n in range(5000)]


async def test_an_owner_that_fails_loses_no_event(server: FakeAmi, owner: Owner, ami: Ami) -> None:
    owner.fails = True
    server.send(numbered(3))
    await until(lambda: len(owner.named("CEL")) == 3)
    assert (await ami.action("Ping"))["Ping"] == "Pong"
    assert server.connections == 1


async def test_a_character_split_over_two_reads_is_whole(server: FakeAmi, owner: Owner, ami: Ami) -> None:
    await server.send_bytewise("Event: CEL\r\nCallerIDname: Zoë Ёлка 🎄\r\n\r\n".encode())
    await until(lambda: owner.named("CEL"))
    assert owner.named("CEL")[0]["CallerIDname"] == "Zoë Ёлка 🎄"


async def test_bytes_that_are_no_text_do_no_harm(server: FakeAmi, owner: Owner, ami: Ami) -> None:
    server.send(
        b"Event: CEL\r\nName: \xff\xfe\r\n\r\nno header at all\r\n\r\n\r\n\r\nEvent: CEL\r\nN: 2\r\n\r\n"
    )
    await until(lambda: len(owner.named("CEL")) == 2)
    assert owner.named("CEL")[1]["N"] == "2"


async def test_an_event_is_a_plain_dict_with_all_its_headers(server: FakeAmi, owner: Owner, ami: Ami) -> None:
    server.send("Event: CEL\r\nVariable: a=1\r\nVariable: b: 2\r\nExtra: \r\n\r\n")
    await until(lambda: owner.named("CEL"))
    assert owner.named("CEL") == [{"Event": "CEL", "Variable": "a=1\nb: 2", "Extra": ""}]


async def test_only_wanted_events_are_handed_on(server: FakeAmi, owner: Owner) -> None:
    ami = door(server, owner, frozenset({"CEL"}))
    await ami.start()
    await until(lambda: ami.up)
    server.send(
        "Event: VarSet\r\nX: 1\r\n\r\nEvent: CEL\r\nN: 1\r\n\r\nEvent: CELx\r\nN: 2\r\n\r\nEvent: CEL\r\n\r\n"
    )
    await until(lambda: len(owner.named("CEL")) == 2)
    assert {event["Event"] for event in owner.events} == {"FullyBooted", "CEL"}
    await ami.close()


async def test_who_is_too_slow_loses_the_connection_not_single_events(server: FakeAmi, owner: Owner) -> None:
    ami = door(server, owner, None, Pace(retry_first=0.02, boot=0.05, queue=100))
    await ami.start()
    await until(lambda: ami.up)
    server.send(numbered(1000))
    await until(lambda: server.logins == 2 and ami.up, what="connected again")
    assert ami.overflows == 1
    assert any("faster" in detail for up, detail in owner.states if not up)
    seen = [int(event["N"]) for event in owner.named("CEL")]
    assert seen == list(range(len(seen)))
    await ami.close()


async def test_state_comes_before_the_events_of_its_connection(server: FakeAmi) -> None:
    told: list[str] = []
    ami = Ami(
        server.node,
        lambda event: told.append(event["Event"]),
        lambda up, _: told.append(f"up={up}"),
        None,
        QUICK,
    )
    await ami.start()
    await until(lambda: "FullyBooted" in told)
    server.send("Event: CEL\r\n\r\nEvent: Shutdown\r\n\r\nEvent: CEL\r\n\r\n")
    await until(lambda: told.count("up=True") == 2)
    assert told[:5] == ["up=True", "FullyBooted", "CEL", "Shutdown", "up=False"]
    await ami.close()


# -- the connection -----------------------------------------------------------------------------------


async def test_a_silent_connection_is_cut_and_made_again(server: FakeAmi, owner: Owner, ami: Ami) -> None:
    server.mute = True
    await until(lambda: not ami.up, what="the silence noticed")
    server.mute = False
    await until(lambda: ami.up)
    assert "did not answer Ping" in owner.states[1][1]
    assert server.connections >= 2


async def test_it_waits_for_a_server_that_is_not_there_yet(owner: Owner) -> None:
    server = FakeAmi()
    await server.start()
    await server.stop()
    ami = door(server, owner)
    await ami.start()
    await until(lambda: owner.states)
    assert owner.states[0][0] is False
    await server.start()
    await until(lambda: ami.up)
    await ami.close()
    await server.stop()


async def test_a_lost_connection_is_told_once_and_made_again(server: FakeAmi, owner: Owner, ami: Ami) -> None:
    server.drop()
    await until(lambda: server.logins == 2 and ami.up)
    assert [up for up, _ in owner.states] == [True, False, True]


async def test_a_refused_login_is_told_and_tried_again(server: FakeAmi, owner: Owner) -> None:
    server.secret = "another"
    ami = door(server, owner, None, Pace(retry_first=30, retry_refused=0.02))
    await ami.start()
    await until(lambda: server.connections >= 3, what="further tries")
    assert len(owner.states) == 1
    assert owner.states[0][1].startswith("login refused")
    assert "Authentication failed" in owner.states[0][1]
    server.secret = "geheim-314159"
    await until(lambda: ami.up)
    await ami.close()


async def test_a_peer_that_speaks_no_ami_is_given_up(server: FakeAmi, owner: Owner) -> None:
    server.banner, server.mute = b"SSH-2.0-OpenSSH_9.2\r\n", True
    ami = door(server, owner)
    await ami.start()
    await until(lambda: owner.states)
    assert "did not answer" in owner.states[0][1]
    await ami.close()


async def test_up_without_the_booted_event(server: FakeAmi, owner: Owner) -> None:
    server.boots = False
    ami = door(server, owner)
    await ami.start()
    await until(lambda: ami.up)
    await ami.close()


async def test_close_is_for_good(server: FakeAmi, owner: Owner) -> None:
    ami = door(server, owner, None, Pace(retry_first=0.05))
    await ami.start()
    await until(lambda: ami.up)
    server.drop()
    await until(lambda: not ami.up)
    states = len(owner.states)
    await ami.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "ami"]
    assert len(owner.states) == states
    with pytest.raises(AsteriskDown):
        await ami.start()


async def test_close_ends_those_who_wait(server: FakeAmi, ami: Ami) -> None:
    server.answers["Slow"] = None
    asked = asyncio.ensure_future(ami.action("Slow"))
    await until(lambda: server.got("Slow"))
    await ami.close()
    with pytest.raises(AsteriskDown):
        await asked


async def test_the_secret_is_in_no_log(
    server: FakeAmi, owner: Owner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.secret = "another"
    ami = door(server, owner)
    await ami.start()
    await until(lambda: server.connections >= 2)
    server.mute = True
    await until(lambda: any("did not answer" in detail for _, detail in owner.states))
    await ami.close()
    assert "geheim-314159" not in caplog.text + str(owner.states)

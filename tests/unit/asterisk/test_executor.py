"""Commands in order, and the truth about what failed, against an ARI that says what the test wants."""

import asyncio
from typing import Any

import pytest

from ccctl import commands as c
from ccctl import events as e
from ccctl.asterisk.execute import Door, Executor
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown, AsteriskRefused
from tests.support.until import until

CALL, LEG = "pbx1/17.1", "pbx1/ccb00b000000000001"


class FakeAri:
    """Does what it is asked, slowly; `fails` says otherwise by the name of the operation."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.channels = {"17.1", "ccb00b000000000001"}
        self.gate = asyncio.Event()
        self.gate.set()
        self.in_use = 0  # calls of the trunk

    def __getattr__(self, name: str) -> Any:
        async def operation(*given: object, **named: object) -> object:
            if name.endswith("add_channel"):
                await self.gate.wait()
            self.done.append(name)
            if name in self.fails:
                raise self.fails[name]
            if name == "action":
                return {"Value": str(self.in_use)}
            if name == "channels_get":
                return self._channel(str(given[0]))
            return {"channels": []}

        return operation

    def _channel(self, ident: str) -> dict[str, object]:
        if ident not in self.channels:
            raise AsteriskRefused("gone", status=404)
        return {"name": f"PJSIP/{ident}", "dialplan": {"app_name": "Stasis"}}


class Bench:
    def __init__(self) -> None:
        self.ari, self.events = FakeAri(), list[e.Event]()
        door = Door(Node(), self.ari, self.ari)  # type: ignore[arg-type] # one stands for both
        self.executor = Executor({"pbx1": door}, self.events.append, lambda: 1, self._spawn)
        self.tasks: list[asyncio.Task[Any]] = []

    def _spawn(self, coroutine: Any, name: str) -> "asyncio.Task[Any]":
        self.tasks.append(asyncio.get_running_loop().create_task(coroutine, name=name))
        return self.tasks[-1]

    async def do(self, *commands: c.AsteriskCommand) -> list[e.Event]:
        for command in commands:
            self.executor.perform(command)
        await asyncio.gather(*self.tasks)
        await until(lambda: not self.executor._tails, 2, "nothing is remembered")
        return self.events


async def test_a_disconnect_waits_for_the_connect_so_that_no_bridge_is_left() -> None:
    bench = Bench()
    bench.ari.gate.clear()
    bench.executor.perform(c.Connect(call=CALL, leg=LEG))
    bench.executor.perform(c.Disconnect(leg=LEG))
    await until(lambda: "channels_set_channel_var" in bench.ari.done, 2)
    bench.ari.gate.set()
    await bench.do(c.Hold(call=CALL, again=True))
    assert bench.ari.done.index("bridges_add_channel") < bench.ari.done.index("bridges_destroy")


async def test_who_is_gone_is_told_when_a_connect_fails() -> None:
    refused = AsteriskRefused("channel not found", status=400)
    for gone, wanted in (("17.1", e.CallerLeft), ("ccb00b000000000001", e.LegEnded), ("", e.ConnectFailed)):
        bench = Bench()
        bench.ari.fails["bridges_add_channel"] = refused
        bench.ari.channels.discard(gone)
        assert [type(event) for event in await bench.do(c.Connect(call=CALL, leg=LEG))] == [wanted]


async def test_no_answer_is_not_the_phones_fault() -> None:
    bench = Bench()
    bench.ari.fails = dict.fromkeys(("channels_originate_with_id", "bridges_add_channel"), AsteriskDown("x"))
    offer = c.Offer(
        leg=LEG, call=CALL, agent="a", endpoint="PJSIP/a", ring_ms=1, caller="", caller_name="", queue="q"
    )
    failed, unconnected = await bench.do(offer, c.Connect(call=CALL, leg=LEG))
    assert isinstance(failed, e.LegFailed)
    assert isinstance(unconnected, e.ConnectFailed)
    assert failed.down
    assert unconnected.down


def offer(most: int) -> c.Offer:
    return c.Offer(
        leg=LEG, call="pbx1/ccb00b00000000a101", agent="anna", endpoint="PJSIP/anna", ring_ms=1000,
        caller="+49", caller_name="x", queue="q", trunk="telco", most=most,
    )  # fmt: skip


def dial(most: int, call: str = "pbx1/ccb00b00000000a101") -> c.Dial:
    return c.Dial(
        call=call, endpoint="PJSIP/+49@telco", trunk="telco", ring_ms=1000, caller_id="+4930", most=most
    )


@pytest.mark.parametrize("command", [offer(2), dial(2)])
async def test_nobody_is_rung_for_a_callback_while_the_trunk_is_full(command: c.Offer | c.Dial) -> None:
    bench = Bench()
    bench.ari.in_use = 2
    (event,) = await bench.do(command)
    assert isinstance(event, e.LegFailed)
    assert (event.full, event.down, event.reason) == (True, False, "trunk telco has no channel left")
    assert "channels_originate_with_id" not in bench.ari.done
    bench.ari.in_use = 1
    await bench.do(command)
    assert "channels_originate_with_id" in bench.ari.done


@pytest.mark.parametrize("command", [offer(0), dial(0)])
async def test_a_trunk_without_a_limit_is_not_asked(command: c.Offer | c.Dial) -> None:
    bench = Bench()
    assert await bench.do(command) == []
    assert "action" not in bench.ari.done


async def test_a_customer_who_is_dialled_already_does_not_count_himself() -> None:
    bench = Bench()
    bench.ari.in_use = 2
    bench.ari.channels.add("ccb00b00000000a101")
    assert await bench.do(dial(2)) == []


async def test_a_trunk_that_may_not_be_asked_holds_nobody_back() -> None:
    bench = Bench()
    bench.ari.fails = {"action": AsteriskRefused("permission denied")}
    assert await bench.do(offer(2)) == []
    bench.ari.fails = {"action": AsteriskDown("no answer")}
    (event,) = await bench.do(offer(2))
    assert isinstance(event, e.LegFailed)
    assert event.down


async def test_a_supervisor_who_cannot_hear_is_let_go_and_nothing_is_remembered() -> None:
    bench = Bench()
    bench.ari.fails["channels_snoop_channel_with_id"] = AsteriskRefused("no", status=404)
    watch = c.Watch(leg="pbx1/ccb00b000000000002", target=LEG, mode="listen", serial=1)
    assert [type(event) for event in await bench.do(watch)] == [e.LegFailed]
    assert not bench.executor._waits


async def test_names_of_legs_are_forgotten_with_them() -> None:
    bench = Bench()
    channel = {"id": "ccb00b000000000001", "name": "PJSIP/a-1"}
    bench.executor.observe("pbx1", {"type": "StasisStart", "channel": channel})
    assert bench.executor._names == {LEG: "PJSIP/a-1"}
    bench.executor.observe("pbx1", {"type": "StasisEnd", "channel": channel})
    assert not bench.executor._names


async def test_what_a_caller_is_told_is_stopped_before_he_is_moved() -> None:
    bench = Bench()
    await bench.do(c.Connect(call=CALL, leg=LEG, telling="t1"))
    await bench.do(c.Release(call=CALL, result="key_0", telling="t1"))
    stopped = [n for n, name in enumerate(bench.ari.done) if name == "playbacks_stop"]
    assert len(stopped) == 2
    assert stopped[0] < bench.ari.done.index("bridges_add_channel")
    assert stopped[1] < bench.ari.done.index("channels_continue_in_dialplan")


async def test_what_a_caller_was_told_needs_no_stop_once_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.ari.fails = {"playbacks_get": AsteriskRefused("no playback", status=404)}
    tell = c.Tell(call=CALL, playback="t1", media=("sound:a",))
    over = {"type": "PlaybackFinished", "playback": {"id": "t1"}}
    await bench.do(tell)
    bench.executor.observe("pbx1", over)  # of one before it: this one has only begun
    await bench.do(c.Connect(call=CALL, leg=LEG, telling="t1"))
    assert bench.ari.done.count("playbacks_stop") == 1
    monkeypatch.setattr("ccctl.asterisk.execute.JUST_S", -1.0)
    bench.executor.observe("pbx1", over)
    await bench.do(c.Connect(call=CALL, leg=LEG, telling="t1"))
    assert bench.ari.done.count("playbacks_stop") == 1
    await bench.do(tell)  # he waits again, and hears something again
    await bench.do(c.Connect(call=CALL, leg=LEG, telling="t1"))
    assert bench.ari.done.count("playbacks_stop") == 2


async def test_a_whisper_that_a_key_ended_is_stopped_before_the_talk() -> None:
    bench = Bench()
    await bench.do(c.Connect(call=CALL, leg=LEG, whispering=True))
    assert bench.ari.done.index("playbacks_stop") < bench.ari.done.index("bridges_add_channel")
    assert "playbacks_stop" not in (await _connected_at_once()).ari.done


async def _connected_at_once() -> Bench:
    bench = Bench()
    await bench.do(c.Connect(call=CALL, leg=LEG))
    return bench


async def test_nothing_more_is_said_while_something_is_said_or_to_whom_is_gone() -> None:
    tell = c.Tell(call=CALL, playback="t1", media=("sound:a",))
    bench = Bench()
    await bench.do(tell)
    assert "channels_play_with_id" not in bench.ari.done
    bench.ari.fails = {
        "playbacks_get": AsteriskRefused("no playback", status=404),
        "channels_play_with_id": AsteriskRefused("gone", status=404),
    }
    assert await bench.do(tell) == []
    assert bench.ari.done[-1] == "channels_play_with_id"


async def test_renewing_hundreds_of_timers_does_not_keep_a_phone_from_ringing() -> None:
    bench = Bench()
    waiting = [c.ExtendWait(call=f"pbx1/18.{n}", seconds=60) for n in range(200)]
    offer = c.Offer(
        leg=LEG, call=CALL, agent="a0", endpoint="PJSIP/a0", ring_ms=1, caller="", caller_name="", queue="q0"
    )
    await bench.do(*waiting, offer)
    assert bench.ari.done.index("channels_originate_with_id") < 5
    await until(lambda: bench.ari.done.count("channels_set_channel_var") == 200, 5, "all are renewed")


async def test_who_is_connected_or_leaves_while_his_timer_waits_for_renewal_is_not_renewed() -> None:
    bench = Bench()
    calls = [f"pbx1/18.{n}" for n in range(3)]
    renewals = [c.ExtendWait(call=call, seconds=60) for call in calls]
    await bench.do(*renewals, c.Connect(call=calls[1], leg=LEG), c.Release(call=calls[2], result="x"))
    await until(lambda: bench.executor._renewing is not None and bench.executor._renewing.done(), 2)
    assert bench.ari.done.count("channels_set_channel_var") == 3  # one of each command


async def test_whoever_has_no_answer_wants_asterisk_to_be_looked_at() -> None:
    """Done or not, nobody knows: a phone may ring that we took back, a call live that we ended."""
    operations = ("channels_play_with_id", "channels_hangup", "bridges_add_channel")
    for command in (
        c.Whisper(leg=LEG, media=("sound:x",), language="en"),
        c.Disconnect(leg=LEG),
        c.Connect(call=CALL, leg=LEG),
    ):
        bench, doubts = Bench(), []
        bench.executor.on_doubt = lambda doubts=doubts: doubts.append(1)
        bench.ari.fails = dict.fromkeys(operations, AsteriskDown("x"))
        await bench.do(command)
        assert doubts == [1], command


async def test_a_whisper_without_an_answer_does_not_keep_the_agent_waiting() -> None:
    bench = Bench()
    bench.ari.fails = {"channels_play_with_id": AsteriskDown("x")}
    done = await bench.do(c.Whisper(leg=LEG, media=("sound:x",), language="en"))
    assert [(type(event), event.cause) for event in done] == [(e.WhisperDone, "failed")]


async def test_callers_who_all_find_no_holding_bridge_are_all_held() -> None:
    """Another one made it a moment ago: that is no failure."""
    bench = Bench()
    missing = [AsteriskRefused("no bridge", status=404)]

    async def enter(*given: object, **named: object) -> None:
        bench.ari.done.append("enter")
        if missing:
            raise missing.pop()

    bench.ari.bridges_add_channel = enter
    bench.ari.fails["bridges_create_with_id"] = AsteriskRefused("already exists", status=409)
    await bench.do(c.Hold(call=CALL))
    assert bench.ari.done[-3:] == ["enter", "bridges_create_with_id", "enter"]

"""The single writer: order, journal, answers, restore."""

import asyncio
from pathlib import Path

import pytest

from ccctl import commands as c
from ccctl import events as e
from ccctl.changes import Change
from ccctl.flow.roster import to_json
from ccctl.runtime.engine import Engine
from ccctl.runtime.tasks import now_ms
from ccctl.world.state import to_json as world_json
from tests.support.centre import make_roster
from tests.support.until import until


class Memory:
    """A journal that keeps everything."""

    def __init__(self) -> None:
        self.events: list[tuple[int, bytes]] = []
        self.rows: list[Change] = []
        self.saved: tuple[int, bytes] | None = None

    def event(self, node_seq: int, at: int, type: str, body: bytes, made: bytes = b"") -> None:
        self.events.append((node_seq, body))

    def change(self, row: Change) -> None:
        self.rows.append(row)

    def snapshot(self, seq: int, at: int, body: bytes, kept: bool = False) -> None:
        self.saved = (seq, body)


def make(tmp_path: Path, journal: Memory | None = None, done: list[c.Command] | None = None) -> Engine:
    roster = tmp_path / "roster.json"
    roster.write_bytes(to_json(make_roster()))
    return Engine(journal or Memory(), roster, (done if done is not None else []).append)


async def test_requests_get_their_answer(tmp_path: Path) -> None:
    engine = make(tmp_path)
    engine.start("b00b00")
    good, bad = await asyncio.gather(
        engine.ask(e.AgentLogin(at=now_ms(), agent="a0")),
        engine.ask(e.AgentLogin(at=now_ms(), agent="nobody")),
    )
    assert (good.error, bad.error) == ("", "unknown-agent")
    assert engine.live.snapshot()["agent/a0"]["presence"] == "ready"
    engine.stop()


async def test_an_event_that_comes_while_another_is_handled_waits_its_turn(tmp_path: Path) -> None:
    journal = Memory()
    engine = make(tmp_path, journal)
    order: list[str] = []

    def perform(command: c.Command) -> None:
        order.append(type(command).__name__)
        if isinstance(command, c.Offer):  # as when a door fails at once
            engine.emit(e.LegFailed(at=now_ms(), leg=command.leg, reason="test"))
            order.append("emitted")

    engine.perform = perform
    engine.start("b00b00")
    await engine.ask(e.AgentLogin(at=now_ms(), agent="a0"))
    order.clear()
    engine.emit(e.CallerQueued(at=now_ms(), call="pbx1/1.1", queue="q0"))
    assert order[:3] == ["Offer", "emitted", "Hold"]  # the whole step first, then the failure
    assert engine.live.snapshot()["agent/a0"]["presence"] == "unreachable"
    engine.stop()


async def test_timers_fire(tmp_path: Path) -> None:
    done: list[c.Command] = []
    engine = make(tmp_path, done=done)
    engine.start("b00b00")
    engine.emit(e.CallerQueued(at=now_ms(), call="pbx1/1.1", queue="q0", max_wait_ms=30))
    await until(lambda: c.Release(call="pbx1/1.1", result="timeout") in done, 3)
    engine.stop()


async def test_restored_from_snapshot_and_journal_it_is_the_same_world(tmp_path: Path) -> None:
    journal = Memory()
    engine = make(tmp_path, journal)
    engine.start("b00b00")
    await engine.ask(e.AgentLogin(at=now_ms(), agent="a0"))
    engine.save()
    engine.emit(e.CallerQueued(at=now_ms(), call="pbx1/1.1", queue="q0"))
    engine.emit(e.CallerQueued(at=now_ms(), call="pbx1/1.2", queue="q0"))
    assert journal.saved
    for snapshot in (journal.saved, None):
        again = make(tmp_path)
        after = snapshot[0] if snapshot else 0
        again.restore(snapshot, [(seq, body) for seq, body in journal.events if seq > after])
        assert world_json(again.world) == world_json(engine.world)
        assert again.seq == engine.seq
    engine.stop()


async def test_a_snapshot_of_another_version_is_left_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make(tmp_path)
    engine.restore((41, b'{"agents": 5}'), [])
    assert engine.seq == 41
    assert not engine.world.agents
    assert "snapshot not usable" in caplog.text


async def test_a_step_that_fails_is_journaled_and_the_next_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Memory()
    engine = make(tmp_path, journal)
    engine.start("b00b00")
    before = len(journal.events)
    engine.emit(e.TimerFired(at=now_ms(), timer="unheard-of"))
    engine.world.timers["unheard-of"] = 1
    engine.emit(e.TimerFired(at=now_ms(), timer="unheard-of"))
    assert "step failed" in caplog.text
    assert len(journal.events) == before + 2
    assert (await engine.ask(e.AgentLogin(at=now_ms(), agent="a0"))).error == ""
    engine.stop()


async def test_reload_takes_the_new_roster_and_says_when_there_is_none(tmp_path: Path) -> None:
    engine = make(tmp_path)
    engine.start("b00b00")
    engine.roster_file.write_bytes(to_json(make_roster(agents=1)))
    assert (await engine.reload()).error == ""
    assert list(engine.world.roster.agents) == ["a0"]
    engine.roster_file.unlink()
    assert (await engine.reload()).error == "no-roster"
    engine.stop()


async def test_what_one_cause_brings_about_at_every_call_is_in_the_log_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make(tmp_path)
    engine.start("b00b00")
    for number in range(50):
        call = e.ref("pbx1", f"1.{number}")
        engine.emit(e.CallerQueued(at=now_ms(), call=call, queue=("gone", "lost")[number % 2]))
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert [("gone" in text, "lost" in text) for text in warnings] == [(True, False), (False, True)]
    engine.stop()

"""The routes on the daemon's own engine and live view: what they really answer fits the description."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from aiohttp.test_utils import TestClient, TestServer

from ccctl import commands as c
from ccctl import events as e
from ccctl.changes import Change
from ccctl.flow.roster import to_json
from ccctl.runtime.engine import Engine
from ccctl.runtime.settings import Settings
from ccctl.web.app import create_app
from tests.support.centre import make_roster
from tests.support.described import Described, schema_of, validate
from tests.support.fake_engine import now

CALL = "pbx1/1763791200.12"


class NoJournal:
    def event(self, node_seq: int, at: int, type: str, body: bytes, made: bytes = b"") -> None: ...
    def change(self, row: Change) -> None: ...
    def snapshot(self, seq: int, at: int, body: bytes, kept: bool = False) -> None: ...


class Real:
    def __init__(self, engine: Engine, client: Described, commands: list[c.Command]) -> None:
        self.engine, self.client, self.commands = engine, client, commands

    def caller(self) -> None:
        self.engine.emit(e.CallerQueued(at=now(), call=CALL, queue="q0", caller="03012345", name="PJSIP/x"))


@pytest.fixture
async def real(tmp_path: Path, store: sqlalchemy.Engine) -> AsyncIterator[Real]:
    roster = tmp_path / "roster.json"
    roster.write_bytes(to_json(make_roster()))
    commands: list[c.Command] = []
    engine = Engine(NoJournal(), roster, commands.append)
    engine.live.system.update(started=now(), asterisk="up", ami=True, ari=True, detail="")
    engine.start("b00b00")
    app = create_app(engine, store, Settings(home=str(tmp_path)), local=True)
    async with TestClient(TestServer(app)) as client:
        yield Real(engine, Described(client), commands)
    engine.stop()


async def test_agent_logs_in_and_is_seen(real: Real) -> None:
    status, value = await real.client.post("/api/v1/agents/a0/login", {"by": "sue"})
    assert (status, value["text"]) == (200, "a0 is ready")
    _, agent = await real.client.get("/api/v1/agents/a0")
    assert agent["presence"] == "ready"
    _, queue = await real.client.get("/api/v1/queues/q0")
    assert (queue["agents"]["ready"], queue["agents"]["offline"]) == (1, 2)


async def test_caller_is_seen_waiting_then_ringing(real: Real) -> None:
    real.caller()
    _, queue = await real.client.get("/api/v1/queues/q0")
    assert (queue["waiting"], queue["callers"][0]["call"]) == (1, CALL)
    await real.client.post("/api/v1/agents/a0/login")
    assert any(isinstance(command, c.Offer) for command in real.commands)
    _, value = await real.client.get("/api/v1/calls")
    assert [(call["call"], call["phase"], call["agent"]) for call in value["calls"]] == [
        (CALL, "ringing", "a0")
    ]
    _, status = await real.client.get("/api/v1/status")
    assert status["system"]["generation"] == "abc123"


async def test_hangup_reaches_asterisk(real: Real) -> None:
    real.caller()
    status, _ = await real.client.post(f"/api/v1/calls/{CALL}/hangup")
    assert status == 200
    assert any(isinstance(command, c.Hangup) and command.channel == CALL for command in real.commands)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", "agents/nobody/login", {}, 404, "unknown-agent"),
        ("POST", "agents/a0/pause", {}, 409, "not-logged-in"),
        ("POST", "agents/a0/monitor", {"mode": "listen", "phone": "joe"}, 403, "forbidden"),
        ("POST", "agents/a0/monitor", {"mode": "listen", "phone": "ghost"}, 404, "unknown-phone"),
        ("POST", "agents/a0/monitor", {"mode": "listen", "phone": "sue"}, 409, "not-talking"),
        ("DELETE", "agents/a0/monitor", {}, 409, "not-monitored"),
        ("POST", "calls/pbx1/1.1/hangup", {}, 404, "unknown-call"),
    ],
)
async def test_refusals_of_the_engine(
    real: Real, method: str, path: str, body: dict[str, Any], status: int, error: str
) -> None:
    got, value = await real.client.send(method, f"/api/v1/{path}", json=body)
    assert (got, value["error"]) == (status, error)
    assert value["text"]


async def test_live_feed_of_the_real_picture(real: Real) -> None:
    sock = await real.client.live()
    picture = await sock.receive_json(timeout=10)
    validate(picture, schema_of("LivePicture"))
    await real.client.post("/api/v1/agents/a0/login")
    real.caller()
    seq, seen = picture["seq"], set[str]()
    while f"call/{CALL}" not in seen:
        message = await sock.receive_json(timeout=10)
        if "set" in message:
            validate(message, schema_of("LiveChange"))
            assert message["seq"] == seq + 1
            seq = message["seq"]
            seen |= message["set"].keys()
    assert {"agent/a0", "queue/q0"} <= seen
    await sock.close()


async def test_reload_takes_the_applied_roster(real: Real) -> None:
    real.engine.roster_file.write_bytes(to_json(make_roster(agents=1, queues=2)))
    status, _ = await real.client.post("/api/v1/reload")
    assert status == 200
    _, value = await real.client.get("/api/v1/queues")
    assert {queue["name"] for queue in value["queues"]} == {"q0", "q1"}
    real.engine.roster_file.unlink()
    status, value = await real.client.post("/api/v1/reload")
    assert (status, value["error"]) == (409, "no-roster")

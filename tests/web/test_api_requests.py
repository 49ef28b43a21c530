"""What a person asks for: the event the engine gets, and the status that each reply becomes."""

import re
from typing import Any

import pytest

from ccctl.events import (
    AgentLogin,
    AgentLogout,
    AgentPause,
    AgentUnpause,
    HangupRequested,
    MonitorEnd,
    MonitorRequested,
)
from tests.support import fake_engine as fake
from tests.support.described import Described

ASKED: list[tuple[str, str, dict[str, Any], type, dict[str, Any]]] = [
    ("POST", "/api/v1/agents/anna/login", {"by": "dora"}, AgentLogin, {"agent": "anna", "by": "dora"}),
    ("POST", "/api/v1/agents/anna/logout", {}, AgentLogout, {"agent": "anna", "by": ""}),
    ("POST", "/api/v1/agents/anna/pause", {"reason": "lunch"}, AgentPause, {"reason": "lunch"}),
    ("POST", "/api/v1/agents/anna/unpause", {}, AgentUnpause, {"agent": "anna"}),
    (
        "POST",
        "/api/v1/agents/anna/monitor",
        {"mode": "whisper", "phone": "dora"},
        MonitorRequested,
        {"agent": "anna", "mode": "whisper", "phone": "dora"},
    ),
    (
        "POST",
        "/api/v1/agents/anna/monitor",
        {"mode": "listen", "by": "dora"},
        MonitorRequested,
        {"phone": "dora"},
    ),
    ("DELETE", "/api/v1/agents/anna/monitor", {"supervisor": "dora"}, MonitorEnd, {"supervisor": "dora"}),
    ("POST", "/api/v1/calls/pbx1/1763.12/hangup", {}, HangupRequested, {"call": "pbx1/1763.12"}),
    ("POST", "/api/v1/calls/pbx1%2F1763.12/hangup", {}, HangupRequested, {"call": "pbx1/1763.12"}),
]


@pytest.mark.parametrize(("method", "path", "body", "kind", "fields"), ASKED)
async def test_request_reaches_the_engine(
    local: Described,
    engine: fake.FakeEngine,
    method: str,
    path: str,
    body: dict[str, Any],
    kind: type,
    fields: dict[str, Any],
) -> None:
    status, value = await local.send(method, path, json=body)
    assert status == 200
    (event,) = engine.asked
    assert type(event) is kind
    assert {name: getattr(event, name) for name in fields} == fields
    assert re.fullmatch("[0-9a-f]{32}", event.request)
    assert value["request"] == event.request
    assert abs(event.at - fake.now()) < 60_000


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("unknown-agent", 404),
        ("unknown-call", 404),
        ("unknown-phone", 404),
        ("forbidden", 403),
        ("no-answer", 503),
        ("asterisk-down", 503),
        ("not-logged-in", 409),
        ("busy", 409),
    ],
)
async def test_refusal_keeps_its_id_and_words(
    local: Described, engine: fake.FakeEngine, error: str, status: int
) -> None:
    engine.error, engine.text = error, "no, because"
    got, value = await local.post("/api/v1/agents/anna/pause")
    assert got == status
    assert (value["error"], value["text"]) == (error, "no, because")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"raeson": "lunch"}, "raeson"),
        ({"reason": 7}, "reason"),
        ({"reason": "x" * 81}, "reason"),
        ({"by": None}, "by"),
        ([], "object"),
    ],
)
async def test_bad_body_is_refused_naming_the_field(
    local: Described, engine: fake.FakeEngine, body: Any, word: str
) -> None:
    status, value = await local.post("/api/v1/agents/anna/pause", body)
    assert (status, value["error"]) == (400, "bad-body")
    assert word in value["text"]
    assert engine.asked == []


async def test_body_that_is_no_json_is_refused(local: Described, engine: fake.FakeEngine) -> None:
    path, json_type = "/api/v1/agents/anna/pause", {"Content-Type": "application/json"}
    for data, headers in ((b"{", json_type), (b"\xff", json_type), (b"{}", {"Content-Type": "text/plain"})):
        status, value = await local.send("POST", path, data=data, headers=headers)
        assert (status, value["error"]) == (400, "bad-body")
    assert engine.asked == []


async def test_empty_body_means_no_fields(local: Described, engine: fake.FakeEngine) -> None:
    status, _ = await local.send("POST", "/api/v1/agents/anna/login")
    assert status == 200
    assert len(engine.asked) == 1


async def test_body_larger_than_the_limit_is_413(local: Described) -> None:
    response = await local.raw("POST", "/api/v1/agents/anna/pause", data=b"x" * 70_000)
    assert response.status == 413


async def test_monitor_needs_a_mode_that_exists_and_a_phone(local: Described) -> None:
    for body, word in (
        ({"mode": "sing", "phone": "dora"}, "mode"),
        ({"mode": "listen"}, "phone"),
        ({}, "mode"),
    ):
        status, value = await local.post("/api/v1/agents/anna/monitor", body)
        assert status == 400
        assert word in value["text"]


async def test_reload_is_for_the_socket_only(
    local: Described, remote: Described, engine: fake.FakeEngine
) -> None:
    status, value = await local.post("/api/v1/reload")
    assert (status, value["text"]) == (200, "applied")
    status, value = await remote.post(
        "/api/v1/reload", headers={"Authorization": "Bearer a-token-of-the-test"}
    )
    assert (status, value["error"]) == (403, "local-only")

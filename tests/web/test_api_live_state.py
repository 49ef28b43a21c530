"""What is read from the live picture: status, queues, agents, calls."""

import sqlalchemy
from aiohttp.test_utils import TestClient, TestServer

from ccctl.runtime.settings import Settings
from ccctl.web.app import create_app
from tests.support import fake_engine as fake
from tests.support.described import Described


async def test_status_tells_of_daemon_asterisk_and_queues(remote: Described) -> None:
    status, value = await remote.get("/api/v1/status")
    assert status == 200
    assert value["system"]["generation"] == "7f3a9c"
    assert {queue["name"] for queue in value["queues"]} == {"support", "billing"}
    assert value["calls"] == 1


async def test_status_tells_how_the_journal_is(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, settings: Settings
) -> None:
    app = create_app(engine, store, settings, journal=lambda: {"pending": 3, "error": "disk full"})
    async with TestClient(TestServer(app)) as client:
        _, value = await Described(client).get("/api/v1/status")
    assert value["journal"] == {"pending": 3, "error": "disk full"}


async def test_answers_hold_no_secret(remote: Described, settings: Settings) -> None:
    for path in ("/api/v1/status", "/api/v1/agents", "/wallboard", "/api/v1/openapi.yaml"):
        text = await (await remote.raw("GET", path)).text()
        assert settings.web_token not in text


async def test_queues_and_one_queue(remote: Described) -> None:
    _, listed = await remote.get("/api/v1/queues")
    status, support = await remote.get("/api/v1/queues/support")
    assert status == 200
    assert support in listed["queues"]
    assert support["waiting"] == 2


async def test_agents_and_one_agent(remote: Described) -> None:
    _, listed = await remote.get("/api/v1/agents")
    assert [agent["name"] for agent in listed["agents"]] == ["anna", "ben"]
    _, anna = await remote.get("/api/v1/agents/anna")
    assert anna["presence"] == "talking"


async def test_live_calls(remote: Described) -> None:
    _, value = await remote.get("/api/v1/calls")
    assert [call["call"] for call in value["calls"]] == ["pbx1/c0"]


async def test_unknown_names_are_404(remote: Described) -> None:
    for path, error in (
        ("/api/v1/queues/nope", "unknown-queue"),
        ("/api/v1/agents/nope", "unknown-agent"),
        ("/api/v1/calls/pbx1/1.2", "unknown-call"),
    ):
        status, value = await remote.get(path)
        assert (status, value["error"]) == (404, error)


async def test_unknown_query_parameter_is_refused_by_name(remote: Described) -> None:
    status, value = await remote.get("/api/v1/queues?quue=support")
    assert status == 400
    assert "quue" in value["text"]


async def test_unknown_path_and_method_are_json_errors(remote: Described) -> None:
    response = await remote.raw("GET", "/api/v1/nothing")
    assert response.status == 404
    assert (await response.json())["error"] == "not-found"
    response = await remote.raw("GET", "/api/v1/agents/anna/pause")
    assert response.status == 405
    assert (await response.json())["error"] == "bad-method"


async def test_a_defect_tells_nothing_of_the_inside(
    remote: Described, engine: fake.FakeEngine, caplog: object
) -> None:
    engine.live.snapshot = None  # type: ignore[assignment,method-assign] # broken on purpose
    response = await remote.raw("GET", "/api/v1/queues")
    assert response.status == 500
    assert await response.json() == {
        "error": "internal",
        "text": "the daemon failed on this request",
        "hint": "see the daemon's log",
    }

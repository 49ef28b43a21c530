"""Who may do what on the TCP port."""

import pytest
from aiohttp import WSServerHandshakeError

from tests.support import fake_engine as fake
from tests.support.described import Described
from tests.web.conftest import TOKEN

PAUSE = "/api/v1/agents/anna/pause"


async def test_without_a_token_of_the_daemon_all_can_be_read_and_nothing_changed(
    readonly: Described, engine: fake.FakeEngine
) -> None:
    assert (await readonly.get("/api/v1/queues"))[0] == 200
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
        status, value = await readonly.post(PAUSE, headers=headers)
        assert (status, value["error"]) == (403, "read-only")
    assert engine.asked == []


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ü"]
)
async def test_wrong_token_is_401(remote: Described, engine: fake.FakeEngine, given: str) -> None:
    status, value = await remote.post(PAUSE, headers={"Authorization": given})
    assert (status, value["error"]) == (401, "unauthorized")
    assert engine.asked == []


async def test_right_token_is_enough(remote: Described, engine: fake.FakeEngine) -> None:
    status, _ = await remote.post(PAUSE, headers={"Authorization": f"Bearer {TOKEN}"})
    assert status == 200
    assert len(engine.asked) == 1


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "[::1", ""])
async def test_unknown_host_name_is_refused(remote: Described, host: str) -> None:
    status, value = await remote.get("/api/v1/status", headers={"Host": host})
    assert (status, value["error"]) == (403, "unknown-host")


@pytest.mark.parametrize("host", ["localhost:8090", "LOCALHOST", "127.0.0.1:1", "[::1]:8090", "192.0.2.7"])
async def test_addresses_and_known_names_are_served(remote: Described, host: str) -> None:
    assert (await remote.get("/api/v1/status", headers={"Host": host}))[0] == 200


async def test_post_from_a_page_of_another_site_is_refused(
    remote: Described, engine: fake.FakeEngine
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.example"}
    status, value = await remote.post(PAUSE, headers=headers)
    assert (status, value["error"]) == (403, "foreign-origin")
    assert engine.asked == []


async def test_websocket_from_a_page_of_another_site_is_refused(remote: Described) -> None:
    for origin in ("http://evil.example", "null"):
        with pytest.raises(WSServerHandshakeError) as caught:
            await remote.live(headers={"Origin": origin})
        assert caught.value.status == 403


async def test_websocket_of_our_own_page_is_accepted(remote: Described) -> None:
    origin = str(remote.client.make_url("/")).rstrip("/")
    sock = await remote.live(headers={"Origin": origin})
    assert "snapshot" in await sock.receive_json()
    await sock.close()


async def test_pages_tell_browsers_to_be_strict(remote: Described) -> None:
    for path in ("/wallboard", "/static/wallboard.js", "/api/v1/status", "/api/v1/nothing"):
        response = await remote.raw("GET", path)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] in {"no-cache", "no-store"}


async def test_static_files_do_not_lead_out_of_their_folder(remote: Described) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        response = await remote.raw("GET", path)
        assert response.status in {403, 404}

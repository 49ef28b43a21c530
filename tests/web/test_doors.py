"""The unix socket and the TCP port of a running server."""

import os
import socket
import stat
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy

from ccctl.errors import SettingsError
from ccctl.runtime.settings import Settings
from ccctl.web.app import Server
from tests.support import fake_engine as fake
from tests.support.ports import free_port


@pytest.fixture
def served(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path), web_port=free_port())


async def pause_over_socket(settings: Settings) -> int:
    connector = aiohttp.UnixConnector(settings.socket)
    url = "http://localhost/api/v1/agents/anna/pause"
    async with aiohttp.ClientSession(connector=connector) as session, session.post(url, json={}) as response:
        return response.status


async def test_socket_has_every_right_and_port_none(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, served: Settings
) -> None:
    server = Server(engine, store, served)
    await server.start()
    try:
        assert stat.S_IMODE(os.stat(served.socket).st_mode) == 0o660
        assert await pause_over_socket(served) == 200
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{served.web_port}/api/v1"
            async with session.get(f"{url}/status") as response:
                assert response.status == 200
            async with session.post(f"{url}/agents/anna/pause", json={}) as response:
                assert response.status == 403
    finally:
        await server.stop()
    assert not Path(served.socket).exists()


async def test_port_in_use_names_port_and_setting(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, served: Settings
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", served.web_port))
        other.listen()
        server = Server(engine, store, served)
        with pytest.raises(SettingsError) as caught:
            await server.start()
    assert str(served.web_port) in caught.value.text
    assert "web_port" in caught.value.hint
    assert not Path(served.socket).exists()


async def test_socket_of_a_killed_daemon_is_taken_over(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, served: Settings
) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(served.socket)
    server = Server(engine, store, served)
    await server.start()
    try:
        assert await pause_over_socket(served) == 200
    finally:
        await server.stop()


async def test_socket_of_a_living_daemon_is_left_alone(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, served: Settings
) -> None:
    first = Server(engine, store, served)
    await first.start()
    try:
        second = Server(engine, store, Settings(home=served.home, web_port=free_port()))
        with pytest.raises(SettingsError, match="another daemon"):
            await second.start()
        assert await pause_over_socket(served) == 200
    finally:
        await first.stop()


async def test_home_that_is_missing_is_a_settings_error(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, tmp_path: Path
) -> None:
    server = Server(engine, store, Settings(home=str(tmp_path / "nowhere"), web_port=free_port()))
    with pytest.raises(SettingsError, match="nowhere"):
        await server.start()

"""A web application on a fake engine, and every JSON answer checked against the description."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from aiohttp.test_utils import TestClient, TestServer

from ccctl.runtime.settings import Settings
from ccctl.store import db
from ccctl.web.app import create_app
from tests.support import fake_engine as fake
from tests.support.described import Described
from tests.support.webthread import WebThread

TOKEN = "a-token-of-the-test"


@pytest.fixture
def engine() -> fake.FakeEngine:
    engine = fake.FakeEngine()
    engine.live.change(
        {
            "system": fake.system(),
            "queue/support": fake.queue("support", waits=(65_000, 4_000), ready=0, talking=1),
            "queue/billing": fake.queue("billing", ready=1),
            "agent/anna": fake.agent("anna", "talking", queue="support"),
            "agent/ben": fake.agent("ben", "ready"),
            "call/pbx1/c0": fake.call("pbx1/c0"),
        }
    )
    return engine


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlalchemy.Engine]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    db.upgrade(url)
    engine = db.open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path), web_token=TOKEN, web_port=0)


async def _client(app: Any, **headers: str) -> AsyncIterator[Described]:
    async with TestClient(TestServer(app), headers=headers) as client:
        yield Described(client)


@pytest.fixture
async def local(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, settings: Settings
) -> AsyncIterator[Described]:
    """As over the unix socket: every right."""
    async for client in _client(create_app(engine, store, settings, local=True)):
        yield client


@pytest.fixture
async def remote(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, settings: Settings
) -> AsyncIterator[Described]:
    """As over TCP, without a token."""
    async for client in _client(create_app(engine, store, settings)):
        yield client


@pytest.fixture
async def readonly(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, tmp_path: Path
) -> AsyncIterator[Described]:
    """As over TCP of a daemon that has no token at all."""
    async for client in _client(create_app(engine, store, Settings(home=str(tmp_path)))):
        yield client


@pytest.fixture
def daemon(tmp_path: Path, engine: fake.FakeEngine, store: sqlalchemy.Engine) -> Iterator[WebThread]:
    """A running server, for browsers and commands."""
    thread = WebThread(tmp_path, engine, store)
    thread.start()
    yield thread
    thread.close()

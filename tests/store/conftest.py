"""Databases of both kinds, and a PostgreSQL server that can be frozen."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ccctl.store import db
from tests.support.postgres import Cluster


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def url(empty_url: str) -> str:
    db.upgrade(empty_url)
    return empty_url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = db.open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def own_postgres() -> Iterator[Cluster]:
    """A server of the test's own, to be stopped and crashed."""
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


def freeze(cluster: Cluster) -> Callable[[], None]:
    """The server keeps its connections and does nothing; the result lets it go on."""
    assert cluster.process is not None
    main = cluster.process.pid
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    stopped = [main, *map(int, children)]
    for process in stopped:
        os.kill(process, signal.SIGSTOP)

    def thaw() -> None:
        for process in stopped:
            os.kill(process, signal.SIGCONT)

    return thaw

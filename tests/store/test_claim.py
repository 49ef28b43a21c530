"""One database has one daemon, on SQLite and on PostgreSQL, also when the server was away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from ccctl.errors import SettingsError
from ccctl.store.claim import Claim
from ccctl.store.db import open_engine
from tests.support.postgres import Cluster
from tests.support.until import wait_until

LOCKS = text("select count(*) from pg_locks where locktype = 'advisory' and granted")


@pytest.fixture
def claims() -> Iterator[list[Claim]]:
    made: list[Claim] = []
    yield made
    for claim in made:
        claim.release()
        claim._engine.dispose()


def take(claims: list[Claim], url: str, patience_s: float = 0.1) -> Claim:
    claims.append(Claim(open_engine(url)))
    claims[-1].take(patience_s)
    claims[-1].keep()
    return claims[-1]


def test_sqlite_is_claimed_once_and_free_again(tmp_path: Path, claims: list[Claim]) -> None:
    url = f"sqlite:///{tmp_path}/new/ccctl.db"
    first = take(claims, url)
    with pytest.raises(SettingsError, match="another daemon writes to"):
        take(claims, url)
    first.release()
    take(claims, url)


@pytest.mark.postgres
def test_postgresql_is_claimed_once_and_the_refusal_says_by_whom(
    postgres_url: str, claims: list[Claim]
) -> None:
    first = take(claims, postgres_url)
    with pytest.raises(SettingsError, match=r"writes to this database: ccctl serve, .*, pid \d"):
        take(claims, postgres_url)
    first.release()
    take(claims, postgres_url)


@pytest.mark.postgres
def test_who_waits_a_moment_gets_what_a_dead_daemon_leaves(
    postgres: Cluster, postgres_url: str, claims: list[Claim]
) -> None:
    take(claims, postgres_url)
    kill = text("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted")
    first = claims[0]
    first._ended.set()  # as dead as after kill -9: it does not take the lock again
    first._thread.join()
    admin = open_engine(postgres_url)
    with admin.begin() as connection:
        connection.execute(kill)
    admin.dispose()
    take(claims, postgres_url, 5)


def held(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.scalar(LOCKS))


@pytest.mark.postgres
def test_a_restarted_server_finds_its_daemon_again(
    postgres: Cluster, postgres_url: str, claims: list[Claim]
) -> None:
    take(claims, postgres_url)
    postgres.stop()
    postgres.start()
    watcher = open_engine(postgres_url)
    wait_until(lambda: held(watcher), 10, "the lock is taken again")
    with pytest.raises(SettingsError):
        take(claims, postgres_url)
    watcher.dispose()

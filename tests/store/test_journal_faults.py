"""The writer when things break: nothing is lost, the order is kept, nothing is there twice."""

import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from ccctl.changes import CallRow
from ccctl.errors import StoreError
from ccctl.store import db, journal
from ccctl.store.journal import Writer
from tests.store.conftest import freeze
from tests.support.postgres import Cluster
from tests.support.until import wait_until

pytestmark = pytest.mark.timeout(120)


def body(n: int) -> bytes:
    return b"event %d " % n + b"x" * 100


def put(writer: Writer, first: int, last: int) -> None:
    """Events first..last, and one row whose latest version is the number of the latest event."""
    for n in range(first, last + 1):
        writer.event(n, n, "Started", body(n))
        writer.change(CallRow(id="pbx1/1", node="pbx1", started=1, ended=n))


def assert_whole(engine: Engine, last: int) -> None:
    assert list(journal.read_journal(engine, 0)) == [(n, body(n)) for n in range(1, last + 1)]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT ended FROM calls")).scalar_one() == last


class Locked:
    """Another process's grip on a SQLite file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("BEGIN EXCLUSIVE")

    def release(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[tuple[Path, Engine]]:
    path = tmp_path / "ledger.db"
    db.upgrade(f"sqlite:///{path}")
    engine = db.open_engine(f"sqlite:///{path}", busy_s=0.05)
    yield path, engine
    engine.dispose()


def spooled(writer: Writer) -> bool:
    status = writer.status()
    return bool(status["error"]) and status["spooled"] > 0 and status["pending"] == 0


def recovered(writer: Writer) -> Callable[[], bool]:
    return lambda: writer.status()["error"] == ""


def test_a_locked_database_goes_to_the_spool_and_back(ledger: tuple[Path, Engine], tmp_path: Path) -> None:
    path, engine = ledger
    alarms: list[str] = []
    writer = Writer(engine, tmp_path / "spool", alarms.append)
    put(writer, 1, 100)
    assert writer.drained(30)
    lock = Locked(path)
    put(writer, 101, 900)
    assert writer.flush(30)  # durable: in the spool
    assert spooled(writer)
    assert not writer.drained(0.01)
    put(writer, 901, 1500)
    assert writer.flush(30)
    lock.release()
    put(writer, 1501, 2000)
    assert writer.drained(30)
    assert_whole(engine, 2000)
    assert not (tmp_path / "spool" / "journal.spool").exists()
    assert "locked" in alarms[0]
    assert "nothing waits" in alarms[-1]
    assert writer.status()["lost"] == 0
    writer.close()


def test_a_spool_of_an_earlier_run_is_drained_before_anything_new(
    ledger: tuple[Path, Engine], tmp_path: Path
) -> None:
    path, engine = ledger
    lock = Locked(path)
    first = Writer(engine, tmp_path / "spool", lambda _: None)
    put(first, 1, 700)
    first.close()
    lock.release()
    assert journal.last_seq(engine) == 0
    second = Writer(engine, tmp_path / "spool", lambda _: None)
    put(second, 701, 800)
    assert second.drained(30)
    assert_whole(engine, 800)
    second.close()


@pytest.mark.parametrize("cut", [1, 7, 23, 24, 25, 40, -1, -50])
def test_a_torn_end_of_the_spool_costs_only_the_torn_batch(
    ledger: tuple[Path, Engine], tmp_path: Path, cut: int
) -> None:
    path, engine = ledger
    lock = Locked(path)
    writer = Writer(engine, tmp_path / "spool", lambda _: None)
    whole = []
    for n in range(1, 6):
        put(writer, n, n)
        assert writer.flush(30)
        whole.append((tmp_path / "spool" / "journal.spool").stat().st_size)
    writer.close()
    lock.release()
    file = tmp_path / "spool" / "journal.spool"
    size = cut if cut > 0 else whole[-1] + cut
    with file.open("r+b") as spool:
        spool.truncate(size)
    again = Writer(engine, tmp_path / "spool", lambda _: None)
    assert again.drained(30)
    kept = sum(1 for end in whole if end <= size)
    assert journal.last_seq(engine) == kept
    put(again, kept + 1, kept + 10)
    assert again.drained(30)
    assert_whole(engine, kept + 10)
    again.close()


@pytest.mark.postgres
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_postgresql_away_for_a_while_under_load(own_postgres: Cluster, tmp_path: Path, number: int) -> None:
    url = own_postgres.create_database()
    db.upgrade(url)
    engine = db.open_engine(url)
    writer = Writer(engine, tmp_path / "spool", lambda _: None)
    put(writer, 1, 2000)
    own_postgres.stop(number)
    put(writer, 2001, 6000)
    wait_until(lambda: spooled(writer), 30, "entries are in the spool")
    own_postgres.start()
    put(writer, 6001, 8000)
    wait_until(recovered(writer), 30, "the database is in use again")
    assert writer.drained(30)
    assert_whole(engine, 8000)
    assert writer.status()["lost"] == writer.status()["rejected"] == 0
    writer.close()
    engine.dispose()


@pytest.mark.postgres
def test_a_database_that_hangs_is_left_and_used_again(
    own_postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "HANG_S", 0.5)
    url = own_postgres.create_database()
    db.upgrade(url)
    engine = db.open_engine(url + "&connect_timeout=2")
    writer = Writer(engine, tmp_path / "spool", lambda _: None)
    put(writer, 1, 100)
    assert writer.drained(30)
    thaw = freeze(own_postgres)
    try:
        put(writer, 101, 3000)
        wait_until(lambda: spooled(writer), 60, "the hanging write was broken off")
    finally:
        thaw()
    put(writer, 3001, 3500)
    assert writer.drained(60)
    assert_whole(engine, 3500)
    writer.close()
    engine.dispose()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As on a full disk: the kernel itself refuses to let files grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_keeps_entries_in_memory_and_says_so(ledger: tuple[Path, Engine], tmp_path: Path) -> None:
    path, engine = ledger
    alarms: list[str] = []
    lock = Locked(path)
    writer = Writer(engine, tmp_path / "spool", alarms.append)
    with files_no_larger_than(40_000):
        put(writer, 1, 1000)
        wait_until(lambda: writer.status()["spool_error"], what="the spool failed")
        put(writer, 1001, 1500)
        assert not writer.flush(0.2)  # not durable, and it does not claim to be
        assert writer.status()["pending"] > 0
        assert (tmp_path / "spool" / "journal.spool").stat().st_size <= 40_000
    assert any("fails too" in text for text in alarms)
    lock.release()
    put(writer, 1501, 1600)
    assert writer.drained(30)
    assert_whole(engine, 1600)
    assert writer.status()["lost"] == 0
    writer.close()


def block(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("a file where the folder should be")


def test_a_spool_that_cannot_be_is_refused_at_the_start(ledger: tuple[Path, Engine], tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    with pytest.raises(StoreError, match="must be writable"):
        Writer(ledger[1], tmp_path / "spool")


def test_memory_is_bounded_and_what_does_not_fit_is_counted(
    ledger: tuple[Path, Engine], tmp_path: Path
) -> None:
    path, engine = ledger
    alarms: list[str] = []
    lock = Locked(path)
    writer = Writer(engine, tmp_path / "spool", alarms.append, held_items=200)
    block(tmp_path / "spool")
    put(writer, 1, 500)
    status = writer.status()
    assert status["lost"] == 1000 - status["pending"] > 0
    assert any("lost" in text for text in alarms)
    lock.release()
    assert writer.drained(30)
    assert writer.status()["pending"] == 0
    assert journal.last_seq(engine) >= 100
    writer.close()


def test_closing_with_nowhere_to_write_says_what_is_lost(ledger: tuple[Path, Engine], tmp_path: Path) -> None:
    path, engine = ledger
    alarms: list[str] = []
    lock = Locked(path)
    writer = Writer(engine, tmp_path / "spool", alarms.append)
    block(tmp_path / "spool")
    put(writer, 1, 5)
    writer.close(timeout=0.5)
    assert "10 entries" in alarms[-1]
    assert writer.status()["lost"] == 10
    lock.release()


def test_an_alarm_that_fails_stops_nothing(ledger: tuple[Path, Engine], tmp_path: Path) -> None:
    path, engine = ledger

    def break_down(_: str) -> None:
        raise RuntimeError("nobody listens")

    lock = Locked(path)
    writer = Writer(engine, tmp_path / "spool", break_down)
    put(writer, 1, 10)
    assert writer.flush(30)
    lock.release()
    assert writer.drained(30)
    assert_whole(engine, 10)
    writer.close()


# -- kill -9 -----------------------------------------------------------------------------------------

CHILD = """
import sys
from tests.store.test_journal_faults import put
from ccctl.store import db
from ccctl.store.journal import Writer
url, spool, first, last = sys.argv[1:3] + [int(n) for n in sys.argv[3:5]]
writer = Writer(db.open_engine(url, busy_s=0.05), spool, lambda text: print("alarm", text, flush=True))
print("started", flush=True)
for n in range(first, last, 50):
    put(writer, n, n + 49)
    assert writer.flush(60)
    print("durable", n + 49, flush=True)
print("waiting", flush=True)
sys.stdin.read()
"""


class Child:
    """A process with a writer of its own."""

    def __init__(self, path: Path, spool: Path, first: int, last: int) -> None:
        arguments = [f"sqlite:///{path}", str(spool), str(first), str(last)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.durable = 0

    def read_until(self, word: str, at_least: int = 0) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._note(line)
            if line.startswith(word) and self.durable >= at_least:
                return
        raise AssertionError(f"the child ended before '{word}'")

    def _note(self, line: str) -> None:
        if line.startswith("durable"):
            self.durable = int(line.split()[1])

    def kill(self) -> None:
        self.process.kill()
        assert self.process.wait(30) == -signal.SIGKILL
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._note(line)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def reopen_and_check(engine: Engine, spool: Path, durable: int) -> None:
    """All that was durable is there, then a whole prefix of the rest, and the row agrees with it."""
    writer = Writer(engine, spool, lambda _: None)
    assert writer.drained(30)
    last = journal.last_seq(engine)
    assert last >= durable
    assert_whole(engine, last)
    put(writer, last + 1, last + 10)
    assert writer.drained(30)
    assert_whole(engine, last + 10)
    writer.close()


@pytest.mark.parametrize("after", [50, 500, 1700])
def test_killed_while_writing(ledger: tuple[Path, Engine], tmp_path: Path, after: int) -> None:
    path, engine = ledger
    child = Child(path, tmp_path / "spool", 1, 100_000)
    child.read_until("durable", after)
    child.kill()
    reopen_and_check(engine, tmp_path / "spool", child.durable)


@pytest.mark.parametrize("after", [50, 500, 1700])
def test_killed_while_spooling(ledger: tuple[Path, Engine], tmp_path: Path, after: int) -> None:
    path, engine = ledger
    lock = Locked(path)
    child = Child(path, tmp_path / "spool", 1, 100_000)
    child.read_until("durable", after)
    child.kill()
    lock.release()
    assert journal.last_seq(engine) == 0
    reopen_and_check(engine, tmp_path / "spool", child.durable)


def test_killed_again_and_again_while_draining(ledger: tuple[Path, Engine], tmp_path: Path) -> None:
    path, engine = ledger
    lock = Locked(path)
    writer = Writer(engine, tmp_path / "spool", lambda _: None)
    last = 0
    for _ in range(300):  # many small frames
        put(writer, last + 1, last + 10)
        assert writer.flush(30)
        last += 10
    writer.close()
    lock.release()
    seen = 0
    for _ in range(4):
        child = Child(path, tmp_path / "spool", last + 1, last)
        child.read_until("started")
        before = seen
        wait_until(lambda: journal.last_seq(engine) > before, what="draining went on")  # noqa: B023
        child.kill()
        seen = journal.last_seq(engine)
        if seen == last:
            break
    reopen_and_check(engine, tmp_path / "spool", last)


def test_what_was_drained_is_not_written_again(ledger: tuple[Path, Engine], tmp_path: Path) -> None:
    """The database remembers how far the spool was drained, even when the file is still there."""
    path, engine = ledger
    lock = Locked(path)
    writer = Writer(engine, tmp_path / "spool", lambda _: None)
    put(writer, 1, 10)
    writer.close()
    kept = (tmp_path / "spool" / "journal.spool").read_bytes()
    lock.release()
    second = Writer(engine, tmp_path / "spool", lambda _: None)
    assert second.drained(30)
    second.change(CallRow(id="pbx1/1", node="pbx1", started=1, ended=99))
    second.close()
    (tmp_path / "spool" / "journal.spool").write_bytes(kept)  # as if killed just before it was removed
    third = Writer(engine, tmp_path / "spool", lambda _: None)
    assert third.drained(30)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT ended FROM calls")).scalar_one() == 99
    third.close()


def test_a_spool_that_is_something_else_is_kept_aside(ledger: tuple[Path, Engine], tmp_path: Path) -> None:
    _, engine = ledger
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "journal.spool").write_bytes(b"somebody's diary, by no means a spool")
    writer = Writer(engine, folder, lambda _: None)
    put(writer, 1, 5)
    assert writer.drained(30)
    assert_whole(engine, 5)
    assert (folder / "journal.unreadable").exists()
    writer.close()

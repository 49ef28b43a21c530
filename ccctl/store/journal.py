"""The writer of journal and ledger: takes from the engine at once, writes in a thread of its own.

What happens when the database fails: batches go to a spool file in order, and back into the database
in order and exactly once when it answers again, also after a restart. When the spool fails too
they stay in memory up to a bound. What cannot be kept is counted and said, never dropped quietly.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Engine, delete, func, select

from ccctl.changes import Change
from ccctl.errors import StoreError
from ccctl.store import tables
from ccctl.store.batch import Batch, Entry, Fact, Item, Snapshot, empty, from_bytes, to_bytes
from ccctl.store.db import explain, explained
from ccctl.store.ledger import Ledger, is_bad_data, read_fact, watermark
from ccctl.store.spool import Spool

GATHER_S = 0.005
BATCH_ITEMS = 500
HELD_ITEMS = 100_000
RETRY_FIRST_S, RETRY_MOST_S = 0.25, 5.0
DRAIN_SLICE_S = 0.1
HANG_S = 15.0  # a commit that takes longer is broken off
MAIN_CELL = "main"

_log = logging.getLogger("ccctl.store")


class _Mark:
    """Set when all that was put before it is durable, or `in_database` when the database has it."""

    def __init__(self, in_database: bool = False) -> None:
        self.in_database = in_database
        self.reached = threading.Event()


class Writer:
    """`on_alarm` is called in the writer's thread, once for each change of state."""

    def __init__(
        self,
        engine: Engine,
        spool_dir: str | Path,
        on_alarm: Callable[[str], None] | None = None,
        held_items: int = HELD_ITEMS,
        cell: str = MAIN_CELL,
    ) -> None:
        self._engine = engine
        self._ledger = Ledger(engine)
        self._spool = Spool(Path(spool_dir))
        self._rejects = Path(spool_dir) / "journal.rejected"
        self._on_alarm = on_alarm if on_alarm is not None else _log.error
        self._limit = held_items
        self._cell = cell
        self._inbox: SimpleQueue[Item | _Mark | None] = SimpleQueue()
        self._hurry = threading.Event()
        self._marks: list[_Mark] = []
        self._held: list[Batch] = []  # neither in the database nor in the spool
        self._held_items = 0
        self._facts: dict[str, str] = {}
        self._error = ""
        self._spool_error = ""
        self._lost = self._rejected = self._written = 0
        self._last_commit = 0
        self._retry_at = 0.0
        self._retry_s = RETRY_FIRST_S
        self._writing_since = 0.0
        self._closed = threading.Event()
        self._take_up_spool()
        self._thread = threading.Thread(target=self._run, name="ccctl-journal", daemon=True)
        self._watchdog = threading.Thread(target=self._watch, name="ccctl-journal-watch", daemon=True)
        self._thread.start()
        self._watchdog.start()

    def _take_up_spool(self) -> None:
        try:
            self._spool.path.parent.mkdir(parents=True, exist_ok=True)
            if self._spool.open():
                self._error = "entries of an earlier run wait in the spool"
        except OSError as error:
            raise StoreError(f"{self._spool.path}: {error.strerror}", "the spool must be writable") from None

    # -- the caller's side: never blocks --------------------------------------------------------

    def event(self, node_seq: int, at: int, type: str, body: bytes, made: bytes = b"") -> None:
        self._put(Entry(node_seq, at, type, body, made))

    def change(self, row: Change) -> None:
        self._put(row)

    def snapshot(self, seq: int, at: int, body: bytes, kept: bool = False) -> None:
        self._put(Snapshot(self._cell, seq, at, body, kept))

    def meta_set(self, key: str, value: str) -> None:
        """Written in order with the rows around it."""
        self._facts[key] = value
        self._put(Fact(key, value))

    def _alarm(self, text: str) -> None:
        try:
            self._on_alarm(text)
        except Exception:  # whoever listens must not stop the journal
            _log.exception("alarm not delivered: %s", text)

    def _put(self, item: Item) -> None:
        if self._inbox.qsize() + self._held_items >= self._limit:
            self._lost += 1
            if self._lost == 1 or self._lost % 10_000 == 0:
                self._alarm(
                    f"journal: memory is full, {self._lost} entries are lost; last error: {self._error}"
                )
            return
        self._inbox.put(item)

    def meta_get(self, key: str) -> str:
        """'' when there is none. Reads the database when this run has not set it."""
        return self._facts[key] if key in self._facts else meta_get(self._engine, key)

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until all is in the database or safe in the spool; False after `timeout` seconds."""
        return self._wait_for(_Mark(), timeout)

    def drained(self, timeout: float | None = None) -> bool:
        """Waits until all is in the database, the spool of earlier runs included."""
        return self._wait_for(_Mark(in_database=True), timeout)

    def _wait_for(self, mark: _Mark, timeout: float | None) -> bool:
        self._inbox.put(mark)
        self._hurry.set()
        return mark.reached.wait(timeout)

    def close(self, timeout: float = 30) -> None:
        """Writes what is left. What then is neither in the database nor in the spool is lost, and said."""
        if self._closed.is_set():
            return
        self.flush(timeout)
        self._closed.set()
        self._inbox.put(None)
        self._hurry.set()
        self._thread.join(timeout)
        self._watchdog.join(timeout)
        if self._held_items:
            self._lost += self._held_items
            self._alarm(f"journal: closed with {self._held_items} entries that could not be written anywhere")
        self._spool.close()
        self._ledger.drop()

    def status(self) -> dict[str, Any]:
        return {
            "pending": self._inbox.qsize() + self._held_items,
            "spooled": self._spool.items,
            "error": self._error,
            "spool_error": self._spool_error,
            "last_commit": self._last_commit,
            "written": self._written,
            "rejected": self._rejected,
            "lost": self._lost,
        }

    # -- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        running = True
        while running:
            batch, running = self._gather()
            try:
                self._store(batch)
            except Exception as error:  # a mistake of ours must neither stop the journal nor be quiet
                _log.exception("journal")
                self._lost += len(batch)
                self._alarm(f"journal: {len(batch)} entries are lost: {error!r}")
            self._release_marks()

    def _gather(self) -> tuple[Batch, bool]:
        """What there is, after a short wait for more; False when the writer is closed."""
        batch = empty()
        with contextlib.suppress(Empty):
            item = self._inbox.get(timeout=self._patience())
            if not isinstance(item, _Mark) and item is not None and self._inbox.qsize() < BATCH_ITEMS:
                self._hurry.wait(GATHER_S)
            self._hurry.clear()
            while True:
                if item is None:
                    return batch, False
                if isinstance(item, _Mark):
                    self._marks.append(item)
                else:
                    batch.add(item)
                if len(batch) >= BATCH_ITEMS:
                    break
                item = self._inbox.get_nowait()
        return batch, True

    def _patience(self) -> float | None:
        """How long to wait for something new before trying the database again."""
        return max(0.0, self._retry_at - time.monotonic()) if self._error else None

    def _store(self, batch: Batch) -> None:
        if not self._error:
            if not len(batch):
                return
            try:
                self._commit(batch)
                return
            except Exception as error:  # a mistake of ours, too: the thread must live and keep all
                self._begin_trouble(error)
        if len(batch):
            self._held.append(batch)
            self._held_items += len(batch)
        self._spill()
        if time.monotonic() >= self._retry_at:
            self._drain()

    def _commit(self, batch: Batch) -> None:
        self._writing_since = time.monotonic()
        try:
            self._ledger.write(batch)
        except Exception as error:
            if not is_bad_data(error):
                raise
            self._reject(self._ledger.write_singly(batch))
        finally:
            self._writing_since = 0.0
        self._written += len(batch)
        self._last_commit = time.time_ns() // 1_000_000

    def _reject(self, refused: list[tuple[Batch, str]]) -> None:
        """Keeps what the database will never take in a file beside the spool, and goes on."""
        for part, reason in refused:
            self._rejected += 1
            try:
                self._rejects.parent.mkdir(parents=True, exist_ok=True)
                with self._rejects.open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(f"{reason}\t{part!r}\n")
            except OSError as error:
                self._lost += len(part)
                self._alarm(f"journal: an entry is lost: {reason}; {self._rejects}: {error.strerror}")
            else:
                self._alarm(f"journal: the database refuses an entry, kept in {self._rejects}: {reason}")

    # -- trouble ---------------------------------------------------------------------------------

    def _begin_trouble(self, error: Exception) -> None:
        self._error = explain(error, self._engine.url).text
        self._retry_s = RETRY_FIRST_S
        self._retry_at = time.monotonic() + self._retry_s
        self._alarm(f"journal: {self._error}; entries go to {self._spool.path}")

    def _spill(self) -> None:
        while self._held:
            batch = self._held[0]
            try:
                self._spool.append(self._encode(batch), len(batch))
            except OSError as error:
                if not self._spool_error:
                    self._alarm(
                        f"journal: the spool {self._spool.path} fails too: {error.strerror};"
                        f" up to {self._limit} entries are kept in memory"
                    )
                self._spool_error = str(error.strerror)
                return
            self._spool_error = ""
            self._held.pop(0)
            self._held_items -= len(batch)

    def _encode(self, batch: Batch) -> bytes:
        """As bytes, without items that cannot be: no database would take them either."""
        try:
            return to_bytes(batch)
        except (ValueError, OverflowError, TypeError):
            pass
        fine = empty()
        for part in batch.cleaned().singles():
            try:
                to_bytes(part)
                fine.extend(part)
            except (ValueError, OverflowError, TypeError) as error:
                self._reject([(part, str(error))])
        return to_bytes(fine)

    def _drain(self) -> None:
        """Writes from the spool for a while; ends the trouble when all is in the database."""
        until = time.monotonic() + DRAIN_SLICE_S
        try:
            self._skip_drained()
            while frame := self._spool.next():
                payload, offset = frame
                batch = from_bytes(payload)
                batch.facts.append(watermark(self._spool.ident, offset))
                self._commit(batch)
                self._written -= 1  # the watermark
                self._spool.drained_to(offset)
                self._retry_s = RETRY_FIRST_S
                if time.monotonic() > until:
                    return
            while self._held:
                self._commit(self._held[0])
                self._held_items -= len(self._held.pop(0))
            self._end_trouble()
        except Exception as error:
            self._wait_longer(error)

    def _skip_drained(self) -> None:
        if self._spool.is_open:
            ident, _, offset = self._ledger.fact("spool").partition(":")
            if ident == self._spool.ident:
                self._spool.drained_to(int(offset))
        elif not self._held:
            self._ledger.fact("spool")  # nothing waits; is the database there at all?

    def _wait_longer(self, error: Exception) -> None:
        self._error = explain(error, self._engine.url).text
        self._retry_s = min(self._retry_s * 2, RETRY_MOST_S)
        self._retry_at = time.monotonic() + self._retry_s

    def _end_trouble(self) -> None:
        if self._spool.is_open:
            self._spool.remove()
        self._error = self._spool_error = ""
        self._alarm("journal: the database takes entries again, nothing waits")

    def _release_marks(self) -> None:
        in_database = not self._error
        done = [m for m in self._marks if in_database or not (m.in_database or self._held)]
        self._marks = [m for m in self._marks if m not in done]
        for mark in done:
            mark.reached.set()

    def _watch(self) -> None:
        while not self._closed.wait(1.0):
            since = self._writing_since
            if since and time.monotonic() - since > HANG_S:
                self._ledger.cut()


# -- reading -----------------------------------------------------------------------------------------


def read_journal(engine: Engine, after_seq: int) -> Iterator[tuple[int, bytes]]:
    """Events behind `after_seq` in order, streamed."""
    table = tables.journal.c
    wanted = select(table.seq, table.body).where(table.seq > after_seq).order_by(table.seq)
    with (
        explained(engine),
        engine.connect().execution_options(yield_per=1000) as connection,
        connection.execute(wanted) as result,
    ):
        for seq, body in result:
            yield int(seq), bytes(body)


def last_snapshot(engine: Engine, cell: str = MAIN_CELL) -> tuple[int, bytes] | None:
    wanted = select(tables.snapshots.c.seq, tables.snapshots.c.body).where(tables.snapshots.c.cell == cell)
    with explained(engine), engine.connect() as connection:
        row = connection.execute(wanted).one_or_none()
    return (int(row[0]), bytes(row[1])) if row else None


def last_seq(engine: Engine) -> int:
    """The highest number in the journal, 0 when it is empty."""
    with explained(engine), engine.connect() as connection:
        return int(connection.execute(select(func.max(tables.journal.c.seq))).scalar_one_or_none() or 0)


def meta_get(engine: Engine, key: str) -> str:
    with explained(engine), engine.connect() as connection:
        return read_fact(connection, key)


def prune(engine: Engine, before: int, cell: str = MAIN_CELL) -> int:
    """Deletes events older than `before` (Unix ms) that the last snapshot makes superfluous. A replay of what
    stays begins at the newest kept world that is as old; those before it go."""
    snapshot = last_snapshot(engine, cell)
    if snapshot is None:
        return 0
    table, gone = tables.journal, 0
    base = _newest_kept(engine, before)
    last = snapshot[0] if base is None else min(snapshot[0], base)
    old = select(table.c.seq).where(table.c.seq <= last, table.c.at < before)
    chunk = old.order_by(table.c.seq).limit(5000).scalar_subquery()
    with explained(engine):
        while True:
            with engine.connect().execution_options(sqlite_begin="BEGIN IMMEDIATE") as connection:
                count = connection.execute(delete(table).where(table.c.seq.in_(chunk))).rowcount
                if base is not None:
                    connection.execute(delete(tables.kept_worlds).where(tables.kept_worlds.c.seq < base))
                connection.commit()
            gone += count
            if count < 5000:
                return gone


def _newest_kept(engine: Engine, before: int) -> int | None:
    kept = tables.kept_worlds.c
    with explained(engine), engine.connect() as connection:
        return connection.execute(select(func.max(kept.seq)).where(kept.at < before)).scalar_one_or_none()

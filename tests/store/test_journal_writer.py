"""The writer on a database that works: order, upserts, facts, odd data, pruning."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from ccctl.changes import CallRow, Outcome, VisitRow
from ccctl.store import journal, tables
from ccctl.store.journal import Writer
from tests.support.until import wait_until

BODY = b'{"type":"CallerQueued"}'


class Alarms(list[str]):
    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture
def writer(engine: Engine, tmp_path: Path, alarms: Alarms) -> Iterator[Writer]:
    writer = Writer(engine, tmp_path / "spool", alarms)
    yield writer
    writer.close()


def call(n: int, **fields: object) -> CallRow:
    return CallRow(**{"id": f"pbx1/{n}", "node": "pbx1", "started": n, **fields})  # type: ignore[arg-type]


def visit(n: int, **fields: object) -> VisitRow:
    return VisitRow(**{"id": f"v{n}", "call": f"pbx1/{n}", "queue": "sales", "entered": n, **fields})  # type: ignore[arg-type]


def rows(engine: Engine, table: object) -> list[dict[str, object]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]  # type: ignore[call-overload]


def test_events_come_back_in_order(writer: Writer, engine: Engine, alarms: Alarms) -> None:
    for n in range(1, 2001):
        writer.event(n, n * 10, "CallerQueued", b"%d" % n)
    assert writer.flush(30)
    assert list(journal.read_journal(engine, 0)) == [(n, b"%d" % n) for n in range(1, 2001)]
    assert next(iter(journal.read_journal(engine, 1500))) == (1501, b"1501")
    assert journal.last_seq(engine) == 2000
    status = writer.status()
    assert (status["pending"], status["spooled"], status["lost"], status["error"]) == (0, 0, 0, "")
    assert status["written"] == 2000
    assert status["last_commit"] > 0
    assert alarms == []


def test_a_row_is_written_again_whole_and_the_last_one_stays(writer: Writer, engine: Engine) -> None:
    writer.change(visit(1))
    writer.change(visit(1, ended=9, outcome=Outcome.ANSWERED, agent="anna", answered=9))
    writer.flush(30)
    writer.change(visit(1, ended=9, outcome=Outcome.ANSWERED, agent="anna", answered=9, talk_ended=20))
    writer.flush(30)
    (row,) = rows(engine, tables.visits)
    assert (row["outcome"], row["talk_ended"], row["agent"]) == ("answered", 20, "anna")


def test_every_kind_of_row_is_kept(writer: Writer, engine: Engine) -> None:
    import msgspec

    for kind in tables.BY_ROW:
        fields = msgspec.inspect.type_info(kind).fields  # type: ignore[union-attr]
        given: dict[str, object] = {}
        for field in fields:
            if field.required:
                text = field.encode_name == "id"
                given[field.encode_name] = (
                    "x" if text or isinstance(field.type, msgspec.inspect.StrType)
                    else "talk" if isinstance(field.type, msgspec.inspect.EnumType) else 7
                )  # fmt: skip
        writer.change(msgspec.convert(given, kind))
    assert writer.flush(30)
    for table in tables.BY_ROW.values():
        assert len(rows(engine, table)) == 1


def test_the_last_snapshot_wins(writer: Writer, engine: Engine) -> None:
    assert journal.last_snapshot(engine) is None
    writer.snapshot(5, 50, b"five")
    writer.snapshot(9, 90, b"nine")
    writer.flush(30)
    assert journal.last_snapshot(engine) == (9, b"nine")
    assert journal.last_snapshot(engine, "other") is None


def test_facts_are_read_at_once_and_kept(writer: Writer, engine: Engine) -> None:
    assert writer.meta_get("cel") == ""
    writer.meta_set("cel", "12")
    writer.meta_set("cel", "13")
    assert writer.meta_get("cel") == "13"
    writer.flush(30)
    assert journal.meta_get(engine, "cel") == "13"


def test_odd_text_is_kept_without_what_no_database_takes(
    writer: Writer, engine: Engine, alarms: Alarms
) -> None:
    writer.change(call(1, caller_name="Zoë 李 😀 '; DROP TABLE calls"))
    writer.flush(30)
    writer.change(call(2, caller_name="a\0b\ud800c"))
    writer.change(call(3))
    assert writer.flush(30)
    names = {row["id"]: str(row["caller_name"]).replace("\0", "") for row in rows(engine, tables.calls)}
    assert names == {"pbx1/1": "Zoë 李 😀 '; DROP TABLE calls", "pbx1/2": "ab?c", "pbx1/3": ""}
    assert alarms == []


def test_what_the_database_refuses_does_not_stop_the_rest(
    writer: Writer, engine: Engine, alarms: Alarms, tmp_path: Path
) -> None:
    writer.event(1, 10, "Started", BODY)
    writer.change(call(1))
    writer.change(call(2, started=2**70))  # no database holds this number
    writer.change(call(3))
    writer.event(2, 20, "Started", BODY)
    assert writer.flush(30)
    assert {row["id"] for row in rows(engine, tables.calls)} == {"pbx1/1", "pbx1/3"}
    assert journal.last_seq(engine) == 2
    assert writer.status()["rejected"] == 1
    assert len(alarms) == 1
    assert "journal.rejected" in alarms[0]
    assert "pbx1/2" in (tmp_path / "spool" / "journal.rejected").read_text()


def test_a_number_used_twice_is_said_unless_it_is_the_same_event(
    writer: Writer, engine: Engine, alarms: Alarms
) -> None:
    writer.event(1, 10, "Started", BODY)
    writer.flush(30)
    writer.event(1, 10, "Started", BODY)
    writer.flush(30)
    assert alarms == []
    writer.event(1, 10, "Started", b"another")
    writer.flush(30)
    assert len(alarms) == 1
    assert list(journal.read_journal(engine, 0)) == [(1, BODY)]


def test_many_threads_may_write(writer: Writer, engine: Engine) -> None:
    def write(first: int) -> None:
        for n in range(first, first + 500):
            writer.change(call(n))

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 500, 1000, 1500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush(30)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.calls)).scalar_one() == 2000


def test_close_writes_what_is_left(engine: Engine, tmp_path: Path, alarms: Alarms) -> None:
    writer = Writer(engine, tmp_path / "spool", alarms)
    for n in range(1, 3001):
        writer.event(n, n, "Started", BODY)
    writer.close()
    writer.close()
    assert journal.last_seq(engine) == 3000
    assert not (tmp_path / "spool" / "journal.spool").exists()


def test_something_is_written_without_a_flush(writer: Writer, engine: Engine) -> None:
    writer.event(1, 1, "Started", BODY)
    wait_until(lambda: journal.last_seq(engine) == 1, what="the event is in the database")


def test_pruning_keeps_what_the_snapshot_does_not_cover(writer: Writer, engine: Engine) -> None:
    for n in range(1, 21):
        writer.event(n, n * 1000, "Started", BODY)
    writer.flush(30)
    assert journal.prune(engine, before=100_000) == 0  # no snapshot yet
    writer.snapshot(10, 10_000, b"ten")
    writer.flush(30)
    assert journal.prune(engine, before=5_001) == 5
    assert journal.prune(engine, before=100_000) == 5
    assert [seq for seq, _ in journal.read_journal(engine, 0)] == list(range(11, 21))

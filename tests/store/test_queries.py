"""Reads of the ledger, against SQLite and PostgreSQL, with a plain Python reading of the same rows."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ccctl.changes import (
    AgentStateRow,
    CallRow,
    OfferOutcome,
    OfferRow,
    Outcome,
    RecordingRow,
    SegmentKind,
    SegmentRow,
    VisitRow,
    WatchRow,
)
from ccctl.errors import StoreError
from ccctl.store import db, queries
from ccctl.store.journal import Writer
from ccctl.store.queries import CallFilter, RecordingFilter

CALL = CallRow(
    id="pbx1/17.1",
    node="pbx1",
    started=1000,
    answered=1500,
    caller="+4930123",
    caller_name="Müller",
    number="100",
    path="main>sales",
)
VISIT = VisitRow(
    id="v1",
    call="pbx1/17.1",
    queue="sales",
    entered=2000,
    ended=5000,
    outcome=Outcome.ANSWERED,
    agent="anna",
    answered=5000,
    talk_ended=9000,
    ended_by="caller",
)


@pytest.fixture
def write(engine: Engine, tmp_path: Path) -> Iterator["Write"]:
    write = Write(engine, tmp_path)
    yield write
    write.writer.close()


class Write:
    def __init__(self, engine: Engine, folder: Path) -> None:
        self.writer = Writer(engine, folder / "spool")

    def __call__(self, *rows: object) -> None:
        for row in rows:
            self.writer.change(row)  # type: ignore[arg-type]
        assert self.writer.flush(30)


def other(row: object, **fields: object) -> object:
    import msgspec

    return msgspec.structs.replace(row, **fields)  # type: ignore[type-var]


def ids(rows: object) -> set[str]:
    return {row.id for row in rows}  # type: ignore[attr-defined]


def test_rows_come_back_as_they_were(engine: Engine, write: Write) -> None:
    waiting = VisitRow(id="v2", call="pbx1/9", queue="support", entered=2500)
    write(CALL, VISIT, waiting)
    assert {row.id: row for row in queries.visits_between(engine, 0, 10_000)} == {"v1": VISIT, "v2": waiting}
    assert list(queries.calls_between(engine, 0, 10_000)) == [CALL]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (0, 2000, False),  # entered at the end: not in it
        (0, 2001, True),
        (2500, 3000, False),  # waits all the time: nothing happens to it
        (3000, 5001, True),  # answered in it
        (6000, 9001, True),  # the talk ended in it
        (9001, 9500, True),  # the wrap-up that follows lasts
        (12_001, 13_000, False),
    ],
)
def test_visits_of_a_time(engine: Engine, write: Write, start: int, end: int, found: bool) -> None:
    wrapup = AgentStateRow(
        id="a1", agent="anna", presence="wrapup", started=9000, ended=12_000, call=VISIT.call
    )
    write(VISIT, wrapup)
    assert ids(queries.visits_between(engine, start, end)) == ({"v1"} if found else set())
    if found:
        assert ids(queries.visits_between(engine, start, end, ["sales"])) == {"v1"}
        assert ids(queries.visits_between(engine, start, end, ["support"])) == set()


def test_the_wrap_up_behind_the_end_is_known(engine: Engine, write: Write) -> None:
    row = AgentStateRow(id="a1", agent="anna", presence="wrapup", started=9000, ended=None, call=VISIT.call)
    write(row, other(row, id="a2", presence="ready"))
    assert ids(queries.wrapups_around(engine, 8000, 9001)) == {"a1"}


def test_who_waited_at_an_instant(engine: Engine, write: Write) -> None:
    write(VISIT, other(VISIT, id="v2", ended=None, outcome=None), other(VISIT, id="v3", queue="support"))
    assert queries.waiting_at(engine, 2000) == {}
    assert queries.waiting_at(engine, 2001) == {"sales": 2, "support": 1}
    assert queries.waiting_at(engine, 5001) == {"sales": 1}
    assert queries.waiting_at(engine, 2001, ["support"]) == {"support": 1}


def test_states_that_touch_a_time(engine: Engine, write: Write) -> None:
    row = AgentStateRow(id="a1", agent="anna", presence="ready", started=1000, ended=2000)
    write(
        row,
        other(row, id="a2", agent="ben", started=2000, ended=None),
        other(row, id="a3", started=500, ended=1000),
    )
    assert [s.id for s in queries.agent_states_between(engine, 1000, 2001)] == ["a1", "a2"]
    assert ids(queries.agent_states_between(engine, 1000, 2000)) == {"a1"}
    assert ids(queries.agent_states_between(engine, 2500, 9000)) == {"a2"}
    assert ids(queries.agent_states_between(engine, 0, 9000, ["ben"])) == {"a2"}
    assert ids(queries.open_agent_states(engine)) == {"a2"}


def test_offers_of_a_time(engine: Engine, write: Write) -> None:
    offer = OfferRow(id="l1", visit="v1", call=CALL.id, queue="sales", agent="anna", offered=3000,
                     outcome=OfferOutcome.ANSWERED)  # fmt: skip
    write(offer, other(offer, id="l2", agent="ben", offered=4000))
    assert ids(queries.offers_between(engine, 3000, 4000)) == {"l1"}
    assert ids(queries.offers_between(engine, 0, 9000, ["ben"])) == {"l2"}


def test_who_heard_whom(engine: Engine, write: Write) -> None:
    watch = WatchRow(
        id="w1", supervisor="dora", agent="anna", call=CALL.id, mode="listen", started=5000, ended=6000
    )
    write(watch, other(watch, id="w2", supervisor="eve", mode="barge", started=6000, ended=None))
    assert ids(queries.watches_between(engine, 5500, 6000)) == {"w1"}
    assert ids(queries.watches_between(engine, 0, 9000, supervisor="eve")) == {"w2"}
    assert ids(queries.watches_between(engine, 0, 9000, agent="ben")) == set()


def test_calls_by_filter(engine: Engine, write: Write) -> None:
    second = other(
        CALL, id="pbx1/17.2", started=2000, caller="+4940999", caller_name="100% sure", direction="internal"
    )
    segment = SegmentRow(
        id="s1", call=CALL.id, n=1, kind=SegmentKind.TALK, started=5000, queue="sales", agent="anna"
    )
    write(CALL, second, VISIT, segment)

    def found(**wanted: object) -> list[str]:
        return [row.id for row in queries.calls_between(engine, 0, 9000, CallFilter(**wanted))]  # type: ignore[arg-type]

    assert found() == ["pbx1/17.1", "pbx1/17.2"]
    assert found(newest_first=True, limit=1) == ["pbx1/17.2"]
    assert found(queue="sales") == found(agent="anna") == found(outcome="answered") == ["pbx1/17.1"]
    assert found(queue="sales", outcome="abandoned") == found(queue="support") == []
    assert found(direction="internal") == found(text="0999") == ["pbx1/17.2"]
    assert found(text="MÜLLER" if engine.dialect.name == "postgresql" else "ller") == ["pbx1/17.1"]
    assert found(text="100%") == ["pbx1/17.2"]
    assert found(text="'; --") == []


def test_everything_of_one_call(engine: Engine, write: Write) -> None:
    segment = SegmentRow(id="s1", call=CALL.id, n=1, kind=SegmentKind.IVR, started=1000)
    offer = OfferRow(id="l1", visit="v1", call=CALL.id, queue="sales", agent="anna", offered=3000)
    sound = RecordingRow(
        id="r1", call=CALL.id, visit="v1", queue="sales", agent="anna", path="a.wav", started=5000
    )
    watch = WatchRow(id="w1", supervisor="dora", agent="anna", call=CALL.id, mode="listen", started=5000)
    write(CALL, other(segment, id="s2", n=2), segment, VISIT, offer, sound, watch)
    detail = queries.call(engine, CALL.id)
    assert detail is not None
    assert (detail.call, detail.visits, detail.offers) == (CALL, [VISIT], [offer])
    assert [part.n for part in detail.segments] == [1, 2]
    assert (detail.recordings, detail.watches) == ([sound], [watch])
    assert queries.call(engine, "17.1") == detail
    assert queries.call(engine, "7.1") is None
    assert queries.call(engine, "%") is None


def test_an_id_that_two_nodes_have_needs_the_node(engine: Engine, write: Write) -> None:
    write(CALL, other(CALL, id="pbx2/17.1", node="pbx2"))
    assert queries.call(engine, "17.1") is None
    found = queries.call(engine, "pbx2/17.1")
    assert found is not None
    assert found.call.node == "pbx2"


def test_recordings_by_filter(engine: Engine, write: Write) -> None:
    sound = RecordingRow(
        id="r1", call=CALL.id, visit="v1", queue="sales", agent="anna", path="a.wav", started=5000
    )
    write(sound, other(sound, id="r2", agent="ben", started=6000))
    assert [r.id for r in queries.recordings(engine, 0, 9000)] == ["r1", "r2"]
    assert ids(queries.recordings(engine, 0, 9000, RecordingFilter(agent="ben"))) == {"r2"}
    assert [
        r.id for r in queries.recordings(engine, 0, 9000, RecordingFilter(newest_first=True, limit=1))
    ] == ["r2"]
    assert queries.recording(engine, "r1") == sound
    assert queries.recording(engine, "r9") is None


def test_what_is_open_at_the_start(engine: Engine, write: Write) -> None:
    write(
        CALL,
        other(CALL, id="pbx1/2", ended=9),
        VISIT,
        other(VISIT, id="v2", ended=None, outcome=None, answered=None, talk_ended=None),
        other(VISIT, id="v3", talk_ended=None),
        other(VISIT, id="v4", outcome=Outcome.ABANDONED, answered=None, talk_ended=None),
    )
    assert ids(queries.open_calls(engine)) == {CALL.id}
    assert ids(queries.open_visits(engine)) == {"v2", "v3"}


def test_the_ledger_knows_its_queues_and_agents(engine: Engine, write: Write) -> None:
    write(VISIT, AgentStateRow(id="a1", agent="anna", presence="ready", started=1))
    assert queries.has_queue(engine, "sales")
    assert not queries.has_queue(engine, "anna")
    assert queries.has_agent(engine, "anna")


def made_up(count: int) -> list[VisitRow]:
    chance = random.Random(4)
    rows = []
    for n in range(count):
        entered, wait = chance.randrange(100_000), chance.randrange(60_000)
        outcome = chance.choice([None, *Outcome])
        ended = None if outcome is None else entered + wait
        answered = ended if outcome is Outcome.ANSWERED else None
        talk_ended = (
            answered + chance.randrange(90_000) if answered is not None and chance.random() < 0.8 else None
        )
        queue = chance.choice(["sales", "support"])
        rows.append(VisitRow(id=f"v{n}", call=f"pbx1/{n}", queue=queue, entered=entered, ended=ended,
                             outcome=outcome, answered=answered, talk_ended=talk_ended))  # fmt: skip
    return rows


def test_what_sql_finds_is_what_python_finds(engine: Engine, write: Write) -> None:
    rows = made_up(1500)
    write(*rows)
    for start, end in ((0, 50_000), (40_000, 41_000), (90_000, 300_000), (500_000, 600_000)):
        expected = {
            row.id
            for row in rows
            if any(at is not None and start <= at < end for at in (row.entered, row.ended, row.talk_ended))
        }
        assert ids(queries.visits_between(engine, start, end)) == expected
        there = (r for r in rows if r.entered < start and (r.ended is None or r.ended >= start))
        assert queries.waiting_at(engine, start) == dict(Counter(r.queue for r in there))


def test_many_rows_are_streamed_and_may_be_left(engine: Engine, write: Write) -> None:
    write(*made_up(6000))
    some = queries.visits_between(engine, 0, 10**9)
    assert isinstance(next(some), VisitRow)
    some.close()  # type: ignore[attr-defined]
    assert sum(1 for _ in queries.visits_between(engine, 0, 10**9)) == 6000


def test_a_database_without_tables_is_explained(empty_url: str) -> None:
    engine = db.open_engine(empty_url)
    with pytest.raises(StoreError, match="ccctl db upgrade"):
        list(queries.visits_between(engine, 0, 1))
    engine.dispose()

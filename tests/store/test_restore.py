"""The start after a kill: what the journal has, the ledger gets; what nobody knows any more is closed."""

from pathlib import Path

from sqlalchemy import Engine as Database
from sqlalchemy import text

from ccctl import changes as ch
from ccctl import events as e
from ccctl.runtime.engine import Engine
from ccctl.runtime.restore import restore
from ccctl.store.journal import Writer
from ccctl.world.recovery import rebuild_lines
from tests.support.centre import Centre, make_roster

STARTED = 1_000_000


def start_again(database: Database, folder: Path) -> Engine:
    writer = Writer(database, folder / "spool")
    engine = Engine(writer, folder / "roster.json")
    restore(engine, writer, database)
    writer.close()
    return engine


def count(database: Database, question: str) -> int:
    with database.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {question}")).scalar_one())


def test_rows_lost_between_an_event_and_its_commit_are_written_at_the_start(
    engine: Database, tmp_path: Path
) -> None:
    """A kill may come when the journal has the events and the ledger not yet their rows."""
    centre = Centre(make_roster(1))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.leg_ended(leg)
    writer = Writer(engine, tmp_path / "spool")
    for seq, event in enumerate(centre.journal, 1):
        writer.event(seq, event.at, type(event).__name__, e.to_json(event))
    writer.close()
    assert count(engine, "visits") == 0

    restored = start_again(engine, tmp_path)
    rebuild_lines(centre.world)  # as at each start
    assert restored.world == centre.world
    assert count(engine, "visits where outcome = 'answered' and talk_ended is not null") == 1
    assert count(engine, "offers where outcome = 'answered'") == 1
    assert count(engine, "agent_states where ended is null") == len(centre.world.agent_rows)
    assert count(engine, "calls where ended is null") == 1
    assert call in restored.world.calls


def test_open_rows_that_nobody_knows_are_closed(engine: Database, tmp_path: Path) -> None:
    rows: list[ch.Change] = [
        ch.CallRow(id="pbx1/1", node="pbx1", started=STARTED),
        ch.SegmentRow(id="pbx1/1:1", n=1, call="pbx1/1", kind=ch.SegmentKind.WAITING, started=STARTED),
        ch.VisitRow(id="pbx1/1/1", call="pbx1/1", queue="q0", entered=STARTED),
        ch.OfferRow(id="pbx1/cc1", visit="pbx1/1/1", call="pbx1/1", queue="q0", agent="a0", offered=STARTED),
        ch.RecordingRow(
            id="pbx1/cc1", call="pbx1/1", visit="pbx1/1/1", queue="q0", agent="a0", path="x", started=STARTED
        ),
        ch.WatchRow(
            id="pbx1/cc2:1", supervisor="sue", agent="a0", call="pbx1/1", mode="listen", started=STARTED
        ),
        ch.AgentStateRow(id="a0:1:1", agent="a0", presence="ready", started=STARTED),
    ]
    writer = Writer(engine, tmp_path / "spool")
    for row in rows:
        writer.change(row)
    writer.close()
    start_again(engine, tmp_path)
    for table in ("calls", "segments", "visits", "offers", "recordings", "watches", "agent_states"):
        assert count(engine, f"{table} where ended is null") == 0, table
        assert count(engine, table) == 1

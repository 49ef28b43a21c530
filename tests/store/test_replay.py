"""A journal replayed: what was decided is decided again, and whatever was changed is found."""

import json
import random
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine as Database
from sqlalchemy import delete, select, update

from ccctl import events as e
from ccctl.asterisk.node import Node
from ccctl.cli.main import main
from ccctl.flow.roster import to_json
from ccctl.runtime.engine import Engine
from ccctl.runtime.restore import restore
from ccctl.runtime.settings import Settings, save
from ccctl.store import journal, recorded, tables
from ccctl.store.journal import Writer
from ccctl.whatif.replay import Replay
from ccctl.world import World
from tests.support.centre import WHISPER, make_roster
from tests.support.random_day import RandomDay

STEPS = 150
BEGIN = 1_700_000_000_000


def one_run(database: Database, folder: Path, day: RandomDay, ended: bool) -> None:
    """The daemon starts, has a stretch of the day, and ends in order or is killed."""
    (folder / "roster.json").write_bytes(to_json(make_roster(4, 2, whisper=WHISPER, wrap_up_ms=2000)))
    writer = Writer(database, folder / "spool")
    engine = Engine(writer, folder / "roster.json")
    restore(engine, writer, database)
    day.send, day.world = engine.emit, lambda: engine.world
    engine.start(f"{day.at:06d}"[-6:])
    engine.emit(e.Resynced(at=day.at, node="pbx1"))
    day.go(STEPS)
    if ended:
        engine.stop()
    writer.close()
    engine.perform, engine.journal = print, Deaf()  # whatever timer of it may still fire


class Deaf:
    def event(self, node_seq: int, at: int, type: str, body: bytes, made: bytes = b"") -> None: ...
    def change(self, row: object) -> None: ...
    def snapshot(self, seq: int, at: int, body: bytes, kept: bool = False) -> None: ...


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> RandomDay:
    """The daemon's clock shows the time of this day."""
    day = RandomDay(random.Random(request.node.name), print, World, BEGIN)
    for module in ("engine", "restore"):
        monkeypatch.setattr(f"ccctl.runtime.{module}.now_ms", lambda: day.at)
    return day


@pytest.fixture
async def recording(engine: Database, tmp_path: Path, day: RandomDay) -> Database:
    """Three runs: killed, ended in order, killed."""
    for ended in (False, True, False):
        one_run(engine, tmp_path, day, ended)
    return engine


def replayed(database: Database, since: int | None = None) -> Replay:
    played = Replay()
    with recorded.one_moment(database) as connection:
        played.run(recorded.recorded(connection, since))
        played.compare(recorded.ledger(connection, played.earliest, played.latest))
    return played


async def test_a_recorded_day_is_decided_again_bit_for_bit(recording: Database) -> None:
    played = replayed(recording)
    assert played.differences == []
    counted = played.counted
    assert counted["events"] == journal.last_seq(recording) == counted["fingerprints"]
    assert counted["decisions"] == counted["offers"] > 10
    assert counted["worlds"] >= 3
    assert counted["rows"] > 100


async def test_another_event_is_the_first_difference(recording: Database) -> None:
    """Callers who wait for another queue: found at that event."""
    table = tables.journal.c
    with recording.begin() as connection:
        found = connection.execute(select(table.seq, table.body).where(table.type == "CallerQueued")).all()
        seq, body = next((seq, body) for seq, body in found[len(found) // 2 :] if b'"q0"' in bytes(body))
        altered = bytes(body).replace(b'"q0"', b'"q1"')
        connection.execute(update(tables.journal).where(table.seq == seq).values(body=altered))
    first = replayed(recording).first()
    assert first is not None
    assert (first.seq, first.what) == (seq, "step")
    assert json.loads(first.event) == json.loads(altered)
    assert "q1" in first.replayed


async def test_without_fingerprints_the_rows_tell(recording: Database) -> None:
    table = tables.journal.c
    with recording.begin() as connection:
        connection.execute(update(tables.journal).values(made=None))
        connection.execute(delete(tables.kept_worlds))
        wanted = select(table.seq, table.body).where(table.type == "AgentLogin").order_by(table.seq).limit(1)
        seq, body = connection.execute(wanted).one()
        event = e.from_json(bytes(body))
        later = msgspec.structs.replace(event, at=event.at + 1)
        connection.execute(update(tables.journal).where(table.seq == seq).values(body=e.to_json(later)))
    played = replayed(recording)
    assert played.counted["fingerprints"] == 0
    assert any(difference.what.startswith("AgentStateRow") for difference in played.differences)


async def test_another_row_of_the_ledger_is_a_difference(recording: Database) -> None:
    with recording.begin() as connection:
        ident = connection.execute(select(tables.offers.c.id).limit(1)).scalar_one()
        connection.execute(update(tables.offers).where(tables.offers.c.id == ident).values(agent="nobody"))
        gone = connection.execute(select(tables.calls.c.id).limit(1)).scalar_one()
        connection.execute(delete(tables.calls).where(tables.calls.c.id == gone))
        row = {"id": "more", "call": "pbx1/1", "queue": "q0", "entered": BEGIN + 5, "outcome": "full"}
        rest = {"agent": "", "ended_by": "", "priority": 0, "offers": 0, "position": 0, "engine": "acd"}
        connection.execute(tables.visits.insert().values(**row, **rest))
    found = {difference.what: difference for difference in replayed(recording).differences}
    assert set(found) == {f"OfferRow {ident}", f"CallRow {gone}", "VisitRow more"}
    assert found[f"OfferRow {ident}"].recorded == "agent=nobody"
    assert found[f"CallRow {gone}"].recorded == "no such row"
    assert found["VisitRow more"].replayed == "no such row"


async def test_after_pruning_it_begins_at_a_kept_world(recording: Database) -> None:
    last = journal.last_seq(recording)
    kept = tables.kept_worlds.c
    with recording.begin() as connection:
        worlds = list(connection.execute(select(kept.seq).order_by(kept.seq)).scalars())
        connection.execute(update(tables.kept_worlds).where(kept.seq > worlds[1]).values(at=BEGIN * 2))
        connection.execute(update(tables.kept_worlds).where(kept.seq <= worlds[1]).values(at=1))
        at = connection.execute(
            select(tables.journal.c.at).where(tables.journal.c.seq == worlds[1])
        ).scalar_one()
    assert journal.prune(recording, before=BEGIN + 10**9) == worlds[1]
    with recording.begin() as connection:
        assert list(connection.execute(select(kept.seq).order_by(kept.seq)).scalars()) == worlds[1:]
        connection.execute(update(tables.kept_worlds).where(kept.seq == worlds[1]).values(at=at))
    played = replayed(recording)
    assert (played.began, played.seq) == (worlds[1] + 1, last)
    assert played.differences == []


async def test_where_events_are_missing_it_begins_anew(recording: Database) -> None:
    kept = tables.kept_worlds.c
    with recording.begin() as connection:
        worlds = list(connection.execute(select(kept.seq).order_by(kept.seq)).scalars())
        connection.execute(delete(tables.journal).where(tables.journal.c.seq == worlds[1] + 5))
    played = replayed(recording)
    assert len(played.notes) == 1
    assert f"events up to {worlds[1] + 5} are missing" in played.notes[0]
    assert played.seq == journal.last_seq(recording)
    assert not [difference for difference in played.differences if difference.what in ("step", "world")]


async def test_a_run_that_lost_its_world_is_replayed_from_its_own(
    recording: Database, tmp_path: Path, day: RandomDay
) -> None:
    with recording.begin() as connection:
        connection.execute(update(tables.snapshots).values(body=b'{"agents": 5}'))
    one_run(recording, tmp_path, day, ended=True)
    played = replayed(recording)
    assert len(played.notes) == 1
    assert "without the world" in played.notes[0]
    assert played.seq == journal.last_seq(recording)
    assert played.differences == []


# -- the commands ----------------------------------------------------------------------------------------


@pytest.fixture
def home(recording: Database, tmp_path: Path) -> Path:
    url = recording.url.render_as_string(hide_password=False)
    save(Settings(home=str(tmp_path / "home"), database=url, node=Node()))
    return tmp_path / "home"


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), *arguments])


def test_exported_and_replayed(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    done = run(home, "journal", "export", str(file))
    assert done.exit_code == 0, done.output
    assert file.stat().st_mode & 0o777 == 0o600
    at_home, from_file = (
        run(home, "replay", "--format", "json"),
        run(home, "replay", str(file), "--format", "json"),
    )
    assert (at_home.exit_code, from_file.exit_code) == (0, 0), from_file.output
    assert json.loads(at_home.output) == json.loads(from_file.output)
    text = run(home, "replay", str(file))
    assert text.output.splitlines()[-1] == "all the same"

    lines = file.read_bytes().splitlines()
    number = next(n for n, line in enumerate(lines) if b'"type":"LegAnswered"' in line)
    altered = json.loads(lines[number])
    altered["event"]["body"]["at"] += 1
    lines[number] = json.dumps(altered).encode()
    file.write_bytes(b"\n".join(lines) + b"\n")
    other = run(home, "replay", str(file))
    assert other.exit_code == 1
    assert f"the first, after event {altered['event']['seq']}:" in other.output
    assert "LegAnswered" in other.output


def test_a_file_that_is_none(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text("{}\n")
    assert "is no exported journal" in run(home, "replay", str(file)).output
    file.write_text('{"journal":1,"ccctl":"x"}\n{"event":5}\n')
    done = run(home, "replay", str(file))
    assert done.exit_code == 2
    assert f"{file}:2: " in done.output
    file.write_text('{"journal":9,"ccctl":"7.0"}\n')
    assert "written by ccctl 7.0 in another format" in run(home, "replay", str(file)).output
    assert run(home, "replay", str(tmp_path / "none")).exit_code == 2


# -- why -------------------------------------------------------------------------------------------------


def test_why_tells_of_every_offer_in_the_ledger(home: Path, recording: Database) -> None:
    offers = tables.offers.c
    with recording.connect() as connection:
        rows = connection.execute(select(offers.call, offers.agent).order_by(offers.offered)).all()
    call = rows[-1][0]
    told = run(home, "why", call, "--format", "json")
    assert told.exit_code == 0, told.output
    made = [each for each in json.loads(told.output)["decisions"] if each["kind"] == "offer"]
    assert [each["agent"] for each in made] == [agent for one, agent in rows if one == call]
    assert all(each["candidates"][0]["place"] == 1 for each in made)
    assert f"is rung for {call}" in run(home, "why", call).output
    short = run(
        home, "why", call.partition("/")[2], "--format", "json"
    ).output  # as 'ccctl call show' takes it
    assert [each for each in json.loads(short)["decisions"] if each["kind"] == "offer"] == made
    agent = run(home, "why", "a0", "--limit", "2", "--format", "json")
    last = [each["call"] for each in json.loads(agent.output)["decisions"] if each["kind"] == "offer"]
    assert last == [one for one, name in rows if name == "a0"][-2:]


def test_why_of_nothing_known_and_of_a_pruned_journal(home: Path, recording: Database) -> None:
    done = run(home, "why", "pbx1/none")
    assert done.exit_code == 4
    assert "the ledger has no call or callback 'pbx1/none'" in done.output
    with recording.begin() as connection:
        call = connection.execute(select(tables.offers.c.call).limit(1)).scalar_one()
        connection.execute(delete(tables.kept_worlds))
        last = journal.last_seq(recording)
        connection.execute(delete(tables.journal).where(tables.journal.c.seq < last))
    done = run(home, "why", call)
    assert done.exit_code == 2
    assert "does not reach back" in done.output

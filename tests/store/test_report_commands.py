"""The commands that read the ledger, as a shell sees them: output, files, errors, exit codes."""

import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from ccctl.asterisk.node import Node
from ccctl.changes import (
    AgentStateRow,
    CallbackOutcome,
    CallbackRow,
    CallRow,
    OfferOutcome,
    OfferRow,
    Outcome,
    RecordingRow,
    SegmentKind,
    SegmentRow,
    VisitRow,
)
from ccctl.cli.main import main
from ccctl.flow.roster import AgentConfig, QueueConfig, Roster
from ccctl.runtime.settings import Settings, save
from ccctl.store import db
from ccctl.store.journal import Writer

T = 1_795_341_600_000  # 2026-11-22 10:00 UTC, 11:00 in Berlin
DAY = ("--from", "2026-11-22", "--to", "2026-11-22")
Run = Callable[..., Result]
PLAIN = {"PATH": "/usr/bin:/bin", "TERM": "xterm"}

ROWS = (
    CallRow(id="pbx1/17.1", node="pbx1", started=T - 5000, answered=T, ended=T + 90_000, caller="+4930123",
            caller_name="李 Müller", number="100", path="main>sales", ended_in="talk", ended_by="caller"),
    SegmentRow(id="s1", call="pbx1/17.1", n=1, kind=SegmentKind.IVR, started=T - 5000, ended=T),
    VisitRow(id="v1", call="pbx1/17.1", queue="sales", entered=T, ended=T + 10_000, outcome=Outcome.ANSWERED,
             agent="anna", answered=T + 10_000, talk_ended=T + 90_000, ended_by="caller"),
    OfferRow(id="l1", visit="v1", call="pbx1/17.1", queue="sales", agent="anna", offered=T + 5000,
             ended=T + 10_000, outcome=OfferOutcome.ANSWERED),
    AgentStateRow(id="a1", agent="anna", presence="talking", started=T + 10_000, ended=T + 90_000),
    AgentStateRow(id="a2", agent="anna", presence="wrapup", started=T + 90_000, ended=T + 100_000,
                  call="pbx1/17.1", queue="sales"),
    CallRow(id="pbx1/17.2", node="pbx1", started=T + 3_600_000, ended=T + 3_660_000, caller="+4940999"),
    VisitRow(id="v2", call="pbx1/17.2", queue="sales", entered=T + 3_600_000, ended=T + 3_660_000,
             outcome=Outcome.ABANDONED),
    RecordingRow(id="r1", call="pbx1/17.1", visit="v1", queue="sales", agent="anna", path="2026/11/one.wav",
                 started=T + 10_000, ended=T + 90_000),
    RecordingRow(id="r2", call="pbx1/17.2", visit="v2", queue="sales", agent="anna", path="2026/11/gone.wav",
                 started=T + 20_000, ended=T + 90_000),
    RecordingRow(id="r3", call="pbx1/17.2", visit="v2", queue="sales", agent="anna", path="../../escape.wav",
                 started=T + 30_000, ended=T + 90_000),
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    settings = Settings(home=str(home), node=Node(spool_dir=str(tmp_path / "asterisk")))
    save(settings)
    queues = {name: QueueConfig(name=name, title=name, sl_ms=15_000) for name in ("sales", "support")}
    anna = AgentConfig("anna", "Anna", "201", "PJSIP/anna", "en", ("sales",))
    roster = Roster(timezone="Europe/Berlin", queues=queues, agents={"anna": anna})
    Path(settings.roster_file).write_bytes(msgspec.json.encode(roster))
    db.upgrade(settings.database_url)
    engine = db.open_engine(settings.database_url)
    writer = Writer(engine, home / "spool")
    for row in ROWS:
        writer.change(row)
    writer.close()
    engine.dispose()
    sound = tmp_path / "asterisk" / "ccctl" / "2026" / "11" / "one.wav"
    sound.parent.mkdir(parents=True)
    sound.write_bytes(b"RIFF" + bytes(1000))
    (tmp_path / "escape.wav").write_bytes(b"secret")
    return home


@pytest.fixture
def run(home: Path) -> Iterator[Run]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--home", str(home), *arguments])

    return run


def test_the_report_on_queues_in_the_time_zone_of_the_site(run: Run) -> None:
    done = run("report", "queues", "--interval", "hour", *DAY)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert len([line for line in lines if " sales " in line]) == 24
    eleven = next(line for line in lines if line.startswith("2026-11-22 11:00  sales"))
    assert eleven.split()[3:6] == ["1", "1", "0"]
    assert "cisco-negative" in eleven
    assert "service level: cisco-negative, 15 s" in done.output
    assert "times in Europe/Berlin" in done.output
    assert "\x1b" not in done.output


def test_the_back_test_of_estimated_waits(run: Run, home: Path) -> None:
    """One agent, free every 100 s; a call teaches the estimator a day before, two of today had to wait."""
    store = db.open_ready(Settings(home=str(home)).database_url)
    writer = Writer(store, home / "spool")
    writer.change(
        AgentStateRow(id="a0", agent="anna", presence="ready", started=T - 86_400_000, ended=T + 10_000)
    )
    for number, (entered, ended) in enumerate(
        ((-80_000_000, -80_000_000), (20_000, 90_000), (30_000, 95_000))
    ):
        answered = ended != 95_000
        writer.change(
            VisitRow(
                id=f"w{number}",
                call=f"pbx1/18.{number}",
                queue="support",
                entered=T + entered,
                ended=T + ended,
                outcome=Outcome.ANSWERED if answered else Outcome.ABANDONED,
                agent="anna",
                answered=T + ended if answered else None,
                talk_ended=T + ended + 100_000 if answered else None,
            )
        )
        if answered:
            writer.change(
                OfferRow(
                    id=f"o{number}",
                    visit=f"w{number}",
                    call=f"pbx1/18.{number}",
                    queue="support",
                    agent="anna",
                    offered=T + ended,
                    ended=T + ended,
                    outcome=OfferOutcome.ANSWERED,
                )
            )
    writer.close()
    store.dispose()
    done = run("report", "wait-estimates", "--queue", "support", "--format", "json", *DAY)
    assert done.exit_code == 0, done.output
    rows = {row["formula"]: row for row in json.loads(done.output)["rows"]}
    assert set(rows) == {"ccctl p80", "ccctl p50", "asterisk", "position*aht/agents"}
    assert {(row["calls"], row["answered"]) for row in rows.values()} == {(2, 1)}
    assert rows["position*aht/agents"]["bias_ms"] == 100_000 - 70_000
    assert rows["ccctl p80"]["told"] == 0
    table = run("report", "wait-estimates", "--queue", "support", *DAY).output
    assert "coverage: share that waited no longer" in table
    assert "did you mean 'support'" in run("report", "wait-estimates", "--queue", "suport", *DAY).output


def test_the_report_on_callbacks(run: Run, home: Path) -> None:
    store = db.open_ready(Settings(home=str(home)).database_url)
    writer = Writer(store, home / "spool")
    outcomes = (CallbackOutcome.ANSWERED, CallbackOutcome.BUSY, CallbackOutcome.MERGED, None)
    for number, outcome in enumerate(outcomes):
        writer.change(
            CallbackRow(
                id=f"b{number}", queue="sales", number=f"+4917{number}", asked=T, due=T, expires=T + 9_000,
                ended=T + 60_000 if outcome else None, outcome=outcome, tries=1 if outcome else 0,
            )
        )  # fmt: skip
    writer.close()
    store.dispose()
    done = run("report", "callbacks", "--queue", "sales", "--format", "json", *DAY)
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.output)["rows"]
    assert [row[name] for name in ("asked", "open", "answered", "busy", "merged")] == [4, 1, 1, 1, 1]
    assert (row["reached_rate"], row["avg_wait_ms"]) == (50.0, 60_000)
    assert "reached: answered, of all" in run("report", "callbacks", *DAY).output
    unknown = run("report", "callbacks", "--queue", "suport", *DAY)
    assert (unknown.exit_code, unknown.output.count("did you mean 'support'")) == (4, 1)
    assert run("report", "callbacks", "--from", "noon").exit_code == 2


def test_csv_has_stable_columns_and_exact_numbers(run: Run) -> None:
    done = run("report", "queues", "--format", "csv", "--sl-preset", "connect", *DAY)
    sales, support = csv.DictReader(io.StringIO(done.output))
    assert (sales["start"], sales["end"]) == ("2026-11-22T00:00:00+01:00", "2026-11-23T00:00:00+01:00")
    assert (sales["offered"], sales["answered"], sales["abandoned"], sales["sl"]) == ("2", "1", "1", "50.0")
    assert (sales["sl_preset"], sales["asa_ms"], sales["aht_ms"]) == ("connect", "10000", "90000")
    assert (support["offered"], support["sl"]) == ("0", "")
    empty = ("--interval", "15min", "--from", "2026-01-01", "--to", "2026-01-01")
    other = run("report", "queues", "--format", "csv", *empty)
    assert other.output.splitlines()[0] == done.output.splitlines()[0]


def test_the_threshold_can_be_given(run: Run) -> None:
    def level(*more: str) -> object:
        done = run("report", "queues", "--queue", "sales", "--format", "json", *DAY, *more)
        return json.loads(done.output)["rows"][0]["sl"]

    assert level() == 50.0
    assert level("--sl-threshold", "9.999") == 0.0
    assert level("--sl-threshold", "10") == 50.0
    assert level("--sl-preset", "cisco-handled") == 100.0


def test_the_report_on_agents(run: Run) -> None:
    done = run("report", "agents", "--format", "json", *DAY)
    (row,) = json.loads(done.output)["rows"]
    assert (row["agent"], row["login_ms"], row["handled"], row["offers"]) == ("anna", 90_000, 1, 1)
    assert (row["occupancy"], row["aht_ms"]) == (100.0, 90_000)


def test_the_report_on_calls(run: Run) -> None:
    done = run("report", "calls", "--format", "json", "--interval", "day", *DAY)
    (row,) = json.loads(done.output)["rows"]
    assert (row["calls"], row["connected"], row["ended_in_talk"], row["ended_in_other"]) == (2, 1, 1, 1)
    only = run("report", "calls", "--format", "json", "--queue", "support", *DAY)
    assert json.loads(only.output)["rows"][0]["calls"] == 0


def test_out_writes_a_whole_file(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "report.csv"
    done = run("report", "queues", "--format", "csv", "--out", str(target), *DAY)
    assert (done.exit_code, done.output) == (0, "")
    assert target.read_text().startswith("start,end,queue,")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    bad = run("report", "queues", "--out", str(tmp_path / "none" / "r.csv"), *DAY)
    assert bad.exit_code == 2
    assert "No such file or directory" in bad.output


@pytest.mark.parametrize(
    ("arguments", "option", "words"),
    [
        (("--from", "gestern"), "--from", "is no time; write one like"),
        (("--to", "2026-02-30"), "--to", "is no time"),
        (("--from", "2026-11-22", "--to", "2026-11-01"), "--to", "not after the beginning"),
        (("--tz", "Mars"), "--tz", "no time zone"),
        (("--interval", "minute"), "--interval", "is not one of"),
        (("--sl-preset", "mine"), "--sl-preset", "is not one of"),
        (("--sl-threshold", "-1"), "--sl-threshold", "-1"),
        (("--from", "1990-01-01", "--interval", "15min"), "--interval", "choose longer ones"),
    ],
)
def test_bad_values_name_the_option(run: Run, arguments: tuple[str, ...], option: str, words: str) -> None:
    done = run("report", "queues", *arguments)
    assert done.exit_code == 2
    assert option in done.output
    assert words in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("report", "queues", "--queue", "slaes"),
            "--queue: 'slaes' is neither in the site nor in the ledger",
        ),
        (("report", "agents", "--agent", "ana"), "did you mean 'anna'?"),
        (("report", "calls", "--queue", "slaes"), "did you mean 'sales'?"),
        (("report", "calls", "--agent", "nobody"), "'nobody'"),
        (("call", "list", "--queue", "slaes"), "did you mean 'sales'?"),
        (("call", "list", "--agent", "nobody"), "known: anna"),
        (("call", "show", "nothing"), "ccctl call list"),
        (("recording", "list", "--queue", "slaes"), "did you mean 'sales'?"),
        (("recording", "list", "--call", "nothing"), "ccctl call list"),
        (("recording", "export", "--to-dir", "none", "--agent", "nobody"), "'nobody'"),
    ],
)
def test_a_name_that_nobody_has_is_4(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.exit_code == 4
    assert done.stdout == ""
    assert said in done.stderr


def test_a_database_that_cannot_be_read_is_exit_2(home: Path, run: Run) -> None:
    (home / "ccctl.db").write_bytes(b"no database at all " * 500)
    done = run("report", "queues")
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    for name in ("ccctl.db", "ccctl.db-wal", "ccctl.db-shm"):
        (home / name).unlink(missing_ok=True)
    done = run("report", "queues")
    assert done.exit_code == 2
    assert "ccctl db upgrade" in done.output
    assert not (home / "ccctl.db").exists()


def test_from_cron_without_a_terminal(home: Path) -> None:
    """No TERM, no HOME, standard input closed: the same bytes each time."""
    program = Path(sys.executable).with_name("ccctl")
    command = [str(program), "--home", str(home), "report", "queues", *DAY]
    bare = {"env": {"PATH": "/usr/bin:/bin"}, "stdin": subprocess.DEVNULL}
    runs = [subprocess.run(command, capture_output=True, check=False, **bare) for _ in range(2)]  # type: ignore[call-overload]
    assert [(one.returncode, one.stderr) for one in runs] == [(0, b"")] * 2
    assert runs[0].stdout == runs[1].stdout
    assert b"\x1b" not in runs[0].stdout


def test_tables_are_as_narrow_as_the_terminal_and_whole_in_a_pipe(home: Path) -> None:
    program = Path(sys.executable).with_name("ccctl")
    command = [str(program), "--home", str(home), "call", "list", *DAY]
    whole = subprocess.run(command, capture_output=True, text=True, check=True, env=PLAIN).stdout
    assert max(map(len, whole.splitlines())) > 100
    screen, far_end = pty.openpty()
    try:
        fcntl.ioctl(far_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 64, 0, 0))
        subprocess.run(command, stdout=far_end, check=True, env=PLAIN)
        shown = os.read(screen, 100_000).decode()
    finally:
        os.close(screen)
        os.close(far_end)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert lines[0].startswith("call       started           caller")
    assert max(map(len, lines)) <= 64
    assert any(line.startswith("(no room for: direction, name, ") for line in lines)


def test_calls_are_listed_and_shown(run: Run) -> None:
    listed = run("call", "list", *DAY)
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.output.splitlines()[1:3]] == ["pbx1/17.2", "pbx1/17.1"]
    assert listed.output.splitlines()[-1] == "times in Europe/Berlin"
    assert "times in UTC" in run("call", "list", "--tz", "UTC", *DAY).output
    assert "李 Müller" in listed.output
    answered = ("--queue", "sales", "--outcome", "answered")
    rows = json.loads(run("call", "list", "--format", "json", *answered, *DAY).output)
    assert [row["id"] for row in rows] == ["pbx1/17.1"]
    shown = run("call", "show", "17.1")
    assert shown.exit_code == 0
    for words in (
        "ivr",
        "visit",
        "offer",
        "recording",
        "sales, answered, anna",
        "11:00:00.000",
        "Europe/Berlin",
    ):
        assert words in shown.output
    assert json.loads(run("call", "show", "pbx1/17.1", "--format", "json").output)["visits"][0]["id"] == "v1"


def test_a_list_that_was_cut_says_so(run: Run) -> None:
    done = run("call", "list", "--limit", "1", *DAY)
    assert "the newest 1; --limit 0 for all" in done.stderr
    assert "--limit" not in done.stdout


def test_recordings_are_listed_with_their_state(run: Run) -> None:
    done = run("recording", "list", "--format", "json", *DAY)
    assert {row["id"]: row["state"] for row in json.loads(done.output)} == {
        "r1": "ready",
        "r2": "file is gone",
        "r3": "file is gone",
    }
    table = run("recording", "list", *DAY).output
    assert "one.wav" in table
    assert "times in Europe/Berlin" in table


def test_recordings_are_exported_with_what_the_ledger_knows(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "export"
    done = run("recording", "export", "--to-dir", str(target), *DAY)
    assert done.exit_code == 1  # one file is gone, one points out of the folder
    assert "1 recordings in" in done.output
    assert done.output.count("not copied") == 2
    copy = target / "2026" / "11" / "one.wav"
    assert copy.stat().st_size == 1004
    facts = json.loads((target / "2026" / "11" / "one.wav.json").read_text())
    assert facts["recording"]["agent"] == "anna"
    assert facts["call"]["visits"][0]["outcome"] == "answered"
    assert sorted(p.name for p in target.rglob("*") if p.is_file()) == ["one.wav", "one.wav.json"]
    before = copy.stat().st_mtime_ns
    copy.write_bytes(b"half")
    run("recording", "export", "--to-dir", str(target), *DAY)
    assert copy.stat().st_size == 1004
    assert copy.stat().st_mtime_ns == before
    assert run("recording", "export", "--to-dir", str(target), "--call", "pbx1/17.1", *DAY).exit_code == 0


def test_the_tables_are_made_and_looked_at(run: Run, home: Path) -> None:
    assert "up to date" in run("db", "status").output
    for name in ("ccctl.db", "ccctl.db-wal", "ccctl.db-shm"):
        (home / name).unlink(missing_ok=True)
    assert run("db", "status").exit_code == 1
    assert run("db", "upgrade").exit_code == 0
    assert "up to date" in run("db", "upgrade").output
    assert json.loads(run("db", "status", "--format", "json").output)["current"] is True


def test_a_password_is_not_shown(home: Path, run: Run) -> None:
    save(Settings(home=str(home), database="postgresql://dora:s3cret@127.0.0.1:1/ledger"))
    for arguments in (("db", "status"), ("db", "upgrade"), ("report", "queues")):
        done = run(*arguments)
        assert done.exit_code == 2
        assert "s3cret" not in done.output

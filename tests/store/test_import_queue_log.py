"""`ccctl import queue-log` as a shell sees it, into SQLite and PostgreSQL."""

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, func, select

from ccctl.asterisk.node import Node
from ccctl.changes import CallRow, Outcome, VisitRow
from ccctl.cli.benchimport import BEGIN, made_log
from ccctl.cli.main import main
from ccctl.flow.roster import AgentConfig, QueueConfig, Roster
from ccctl.runtime.settings import Settings, save
from ccctl.store import imported, queries, tables
from tests.support.until import wait_until

LINES = list(made_log(3000))
DAYS = ("--from", "2023-11-14", "--to", "2023-11-15", "--tz", "UTC")
Run = Callable[..., Result]


@pytest.fixture
def home(url: str, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    settings = Settings(home=str(home), database=url, node=Node())
    save(settings)
    anna = AgentConfig("anna", "Anna", "1000", "PJSIP/1000", "en", ("q0",))
    roster = Roster(queues={"q0": QueueConfig(name="q0", title="q0")}, agents={"anna": anna})
    Path(settings.roster_file).write_bytes(msgspec.json.encode(roster))
    return home


@pytest.fixture
def run(home: Path) -> Run:
    return lambda *words: CliRunner().invoke(main, ["--home", str(home), *map(str, words)])


def shell(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ccctl", "--home", str(home), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def written(path: Path, lines: list[str]) -> Path:
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def everything(engine: Engine) -> dict[str, list[Any]]:
    kinds = (tables.calls, tables.segments, tables.visits, tables.offers, tables.agent_states)
    with engine.connect() as connection:
        return {t.name: [tuple(r) for r in connection.execute(select(t).order_by(t.c.id))] for t in kinds}


def test_rotated_files_in_any_order_are_one_log(run: Run, engine: Engine, tmp_path: Path) -> None:
    old = written(tmp_path / "queue_log.2.gz", LINES[:1000])
    middle = written(tmp_path / "queue_log.1", LINES[1000:2000])
    new = written(tmp_path / "queue_log", LINES[2000:])
    done = run("import", "queue-log", new, old, middle, old, "--format", "json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert (said["lines"], said["rejects"], said["files_left_out"]) == (3000, 0, 1)
    assert sum(said["visits"].values()) == said["calls"] == sum("ENTERQUEUE" in line for line in LINES)
    first = everything(engine)
    assert len(first["calls"]) == said["calls"]
    assert all(first.values())
    whole = written(tmp_path / "whole", LINES)
    assert run("import", "queue-log", whole).exit_code == 0
    assert everything(engine) == first


def test_what_was_killed_goes_on_when_it_is_run_again(
    run: Run, home: Path, engine: Engine, tmp_path: Path
) -> None:
    log = written(tmp_path / "queue_log", list(made_log(60_000)))
    command = [sys.executable, "-m", "ccctl", "--home", str(home), "import", "queue-log", str(log)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(lambda: count(engine) > 0, 60, "rows are there")
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    broken = count(engine)
    assert run("import", "queue-log", log).exit_code == 0
    assert 0 < broken < count(engine)
    assert count(engine) == sum("ENTERQUEUE" in line for line in log.read_text().splitlines())


def count(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(tables.visits)) or 0)


def test_reports_count_what_was_imported(run: Run, home: Path, tmp_path: Path) -> None:
    log = written(tmp_path / "queue_log", [*LINES, f"{BEGIN + 90_000}|NONE|NONE|NONE|QUEUESTART|"])
    assert run("import", "queue-log", log, "--queue", "q1=q0").exit_code == 0
    done = shell(home, "report", "queues", "--format", "json", *DAYS)
    total = json.loads(done.stdout)["total"]
    ends = [line.split("|")[4] for line in LINES]
    assert total["offered"] == ends.count("ENTERQUEUE")
    assert (total["answered"], total["abandoned"]) == (ends.count("CONNECT"), ends.count("ABANDON"))
    assert total["timed_out"] == ends.count("EXITWITHTIMEOUT")
    rows = {row["queue"]: row for row in json.loads(done.stdout)["rows"]}
    assert "q1" not in rows  # it is q0 now
    entered = [line for line in LINES if "ENTERQUEUE" in line and line.split("|")[2] in ("q0", "q1")]
    assert rows["q0"]["offered"] == len(entered)
    agents = json.loads(shell(home, "report", "agents", "--agent", "anna", "--format", "json", *DAYS).stdout)
    mine = [line.split("|")[4] for line in LINES if line.split("|")[3] == "PJSIP/1000"]
    assert agents["total"]["answered"] == mine.count("CONNECT") > 0
    assert agents["total"]["missed"] == mine.count("RINGNOANSWER")
    for command in ("calls", "wait-estimates"):
        assert shell(home, "report", command, *DAYS).returncode == 0
    shown = shell(home, "call", "show", f"imported/{entered[0].split('|')[1]}")
    assert shown.returncode == 0, shown.stderr


def test_lines_that_cannot_be_used_are_told_and_kept(run: Run, engine: Engine, tmp_path: Path) -> None:
    bad = ["nonsense", f"{BEGIN}|x|q0|NONE|ABANDON|1|1|1", "\0\0\0\0", ""]
    log, rejects = written(tmp_path / "queue_log", [*bad, *LINES]), tmp_path / "rejects"
    done = run("import", "queue-log", log, "--rejects", rejects)
    assert done.exit_code == 1
    assert f"{log}:1: not time|call|queue|agent|EVENT: nonsense" in done.output
    told = rejects.read_text().splitlines()
    assert [line.removeprefix(f"{log}:").partition(":")[0] for line in told] == ["1", "2", "3"]
    assert "NUL bytes" in told[2]
    assert run("import", "queue-log", log, "--tolerate", "3").exit_code == 0
    assert run("import", "queue-log", log, "--tolerate", "2").exit_code == 1


def test_a_dry_run_writes_nothing(run: Run, engine: Engine, tmp_path: Path) -> None:
    done = run("import", "queue-log", written(tmp_path / "queue_log", LINES), "--dry-run")
    assert done.exit_code == 0
    assert "dry run: yes" in done.output
    assert "from: 2023-11-14T22:13:2" in done.output
    assert not any(everything(engine).values())


def test_rows_of_the_daemon_stay_and_are_told(run: Run, engine: Engine, tmp_path: Path) -> None:
    own = CallRow(id="pbx1/1.1", node="pbx1", started=BEGIN * 1000 + 5000)
    waits = VisitRow(id="pbx1/1.1/1", call=own.id, queue="q0", entered=own.started, outcome=None)
    imported.write(engine, [own, waits])
    done = run("import", "queue-log", written(tmp_path / "queue_log", LINES))
    assert "calls of other nodes lie in the same time" in done.output
    assert queries.open_calls(engine) == [own]
    assert queries.open_visits(engine) == [waits]
    assert queries.open_agent_states(engine) == []
    assert run("import", "queue-log", tmp_path / "queue_log", "--node", "pbx1").exit_code == 2


def test_logs_of_two_servers_at_once_are_refused(run: Run, engine: Engine, tmp_path: Path) -> None:
    one, two = written(tmp_path / "one", LINES), written(tmp_path / "two", LINES[500:])
    done = run("import", "queue-log", one, two)
    assert done.exit_code == 2
    assert "--node" in done.output


def test_a_damaged_archive_is_told(run: Run, tmp_path: Path) -> None:
    log = written(tmp_path / "queue_log.gz", LINES)
    log.write_bytes(log.read_bytes()[:-2000])
    done = run("import", "queue-log", log)
    assert done.exit_code == 2
    assert "queue_log.gz" in done.output


def test_rows_come_back_as_they_were(engine: Engine) -> None:
    visit = VisitRow(id="v", call="c", queue="ä'\"\\\t", entered=1, ended=2, outcome=Outcome.ABANDONED)
    imported.write(engine, [visit, msgspec.structs.replace(visit, ended=3)])
    assert list(queries.visits_between(engine, 0, 9)) == [msgspec.structs.replace(visit, ended=3)]

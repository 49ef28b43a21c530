"""The whole call centre in one command, and the bench: as a person would run them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccctl.runtime.settings import load
from tests.support.until import wait_until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio, pytest.mark.slow]

CCCTL = [sys.executable, "-c", "from ccctl.cli.main import main; main()"]


@pytest.fixture
def home() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="cccentre-")
    yield folder
    subprocess.run([*CCCTL, "--home", folder, "lab", "down"], check=False, capture_output=True)
    shutil.rmtree(folder)


def run(home: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*CCCTL, "--home", home, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)


def processes_of(home: str) -> list[str]:
    """Command lines of processes that name this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if home in line:
                found.append(line)
    return found


def test_every_call_agrees_with_the_ledger(home: str) -> None:
    done = run(home, "lab", "run", "--calls", "10")
    assert "10 of 10 calls agree with the ledger" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
    assert processes_of(home) == []


def test_ctrl_c_stops_everything(home: str) -> None:
    command = [*CCCTL, "--home", home, "lab", "run", "--pace", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        seen = ""
        for line in process.stdout:
            seen += line
            if "talks with" in line:
                break
        pids = [int(word) for line in seen.splitlines() if "ready, pid" in line for word in line.split()[-1:]]
        assert pids, seen
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(30) == 0, seen + rest
    assert "stopped" in rest
    wait_until(lambda: processes_of(home) == [], what="every child gone")
    assert not Path(load(home).socket).exists()


def test_simulate_says_when_no_daemon_runs(home: str) -> None:
    assert run(home, "lab", "up").returncode == 0
    assert run(home, "init", f"{home}/site").returncode == 0
    done = run(home, "lab", "simulate", "--calls", "1")
    assert done.returncode == 2
    assert "ccctl lab run" in done.stderr


def test_the_bench_prints_rows(home: str) -> None:
    options = ("--agents", "2", "--waiting", "3", "--seconds", "4", "--minimal", "--format", "json")
    done = run(home, "bench", "idle-gap", *options)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["name"].rpartition(" ")[2] for row in rows} == {"app_queue", "minimal"}
    assert all(set(row) == {"name", "ours", "peer", "ratio", "unit"} for row in rows)
    assert all(row["ours"] > 0 and row["peer"] > 0 for row in rows)
    assert processes_of(home) == []

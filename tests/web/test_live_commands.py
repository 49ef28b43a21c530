"""The commands that talk to the daemon, over its unix socket."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccctl.cli.main import main
from ccctl.events import AgentLogin, AgentPause, HangupRequested, MonitorEnd, MonitorRequested
from ccctl.runtime.settings import Settings, save
from tests.support import fake_engine as fake
from tests.support.until import wait_until
from tests.support.webthread import WebThread


def run(daemon: WebThread, *words: str) -> Result:
    return CliRunner().invoke(main, ["--home", daemon.settings.home, *words])


def test_status_at_a_glance(daemon: WebThread) -> None:
    result = run(daemon, "status")
    assert result.exit_code == 0, result.output
    for words in ("up for", "AMI up, ARI up", "generation 7f3a9c", "journal", "support", "cisco-negative"):
        assert words in result.output


def test_status_is_1_when_asterisk_is_down(daemon: WebThread) -> None:
    daemon.change({"system": fake.system("down", "connection refused")})
    result = run(daemon, "status")
    assert result.exit_code == 1
    assert "DOWN, AMI DOWN, ARI DOWN (connection refused)" in result.output


def test_status_as_json(daemon: WebThread) -> None:
    value = json.loads(run(daemon, "status", "--format", "json").output)
    assert value["daemon"] == "up"
    assert len(value["queues"]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["status", "--format", "json"],
        ["queue", "list"],
        ["queue", "show", "support"],
        ["agent", "list"],
        ["agent", "login", "anna"],
        ["monitor", "anna", "--listen", "--to", "dora"],
        ["call", "hangup", "pbx1/c0"],
    ],
)
def test_daemon_down_is_2_with_a_hint(tmp_path: Path, words: list[str]) -> None:
    save(Settings(home=str(tmp_path)))
    result = CliRunner().invoke(main, ["--home", str(tmp_path), *words])
    assert result.exit_code == 2
    assert "not running" in result.stderr
    assert "ccctl serve" in result.stderr
    assert "Traceback" not in result.output


def test_queue_list_and_show(daemon: WebThread) -> None:
    listed = run(daemon, "queue", "list")
    assert listed.exit_code == 0
    assert "billing" in listed.output
    shown = run(daemon, "queue", "show", "support")
    assert "82.5 % (80 % in 20 s, cisco-negative)" in shown.output
    assert "pbx1/c1" in shown.output
    assert "1:0" in shown.output


def test_queue_that_does_not_exist_is_4(daemon: WebThread) -> None:
    for name in ("nope", "../status", "a/b", "ü?x=1"):
        result = run(daemon, "queue", "show", name)
        assert result.exit_code == 4
        assert f"there is no queue '{name}'" in result.stderr


def test_agent_list(daemon: WebThread) -> None:
    daemon.change({"agent/ben": fake.agent("ben", "not_responding")})
    result = run(daemon, "agent", "list")
    assert "not responding" in result.output
    names = [agent["name"] for agent in json.loads(run(daemon, "agent", "list", "--format", "json").output)]
    assert names == ["anna", "ben"]


def test_agent_commands_reach_the_engine(daemon: WebThread) -> None:
    for words in (["login", "anna"], ["logout", "anna"], ["unpause", "anna"]):
        result = run(daemon, "agent", *words, "--by", "dora")
        assert result.exit_code == 0, result.output
    run(daemon, "agent", "pause", "anna", "--reason", "lunch break")
    asked = daemon.engine.asked
    assert isinstance(asked[0], AgentLogin)
    assert (asked[0].agent, asked[0].by, asked[0].cause) == ("anna", "dora", "user:dora")
    assert isinstance(asked[3], AgentPause)
    assert (asked[3].reason, asked[3].cause) == ("lunch break", "cli")


def test_refusal_is_1_with_reason_and_id(daemon: WebThread) -> None:
    daemon.engine.error, daemon.engine.text = "not-logged-in", "anna is not logged in"
    result = run(daemon, "agent", "pause", "anna")
    assert result.exit_code == 1
    assert result.stderr == "ccctl: refused: anna is not logged in [not-logged-in]\n"
    value = json.loads(run(daemon, "agent", "pause", "anna", "--format", "json").output)
    assert value["error"] == "not-logged-in"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("unknown-agent", ["agent", "login", "nope"]),
        ("unknown-agent", ["agent", "pause", "nope", "--format", "json"]),
        ("unknown-reason", ["agent", "pause", "anna", "--reason", "nope"]),
        ("unknown-call", ["call", "hangup", "nope"]),
        ("unknown-phone", ["monitor", "anna", "--listen", "--to", "nope"]),
        ("unknown-agent", ["monitor", "nope", "--stop"]),
    ],
)
def test_a_name_that_the_engine_does_not_know_is_4(daemon: WebThread, error: str, words: list[str]) -> None:
    daemon.engine.error, daemon.engine.text = error, 'there is no "nope"'
    result = run(daemon, *words)
    assert result.exit_code == 4
    if "json" in words:
        assert json.loads(result.stdout)["error"] == error
    else:
        assert result.stderr == f'ccctl: there is no "nope" [{error}]\n'


def test_monitor(daemon: WebThread) -> None:
    assert run(daemon, "monitor", "anna", "--whisper", "--to", "dora").exit_code == 0
    assert run(daemon, "monitor", "anna", "--stop").exit_code == 0
    began, ended = daemon.engine.asked
    assert isinstance(began, MonitorRequested)
    assert (began.agent, began.mode, began.phone) == ("anna", "whisper", "dora")
    assert isinstance(ended, MonitorEnd)


def test_monitor_needs_mode_and_phone(daemon: WebThread) -> None:
    assert run(daemon, "monitor", "anna", "--to", "dora").exit_code == 2
    assert run(daemon, "monitor", "anna", "--listen").exit_code == 2
    assert run(daemon, "monitor", "anna", "--listen", "--barge", "--to", "dora").exit_code == 2
    assert daemon.engine.asked == []


def test_call_hangup(daemon: WebThread) -> None:
    result = run(daemon, "call", "hangup", "pbx1/1763.12")
    assert result.exit_code == 0, result.output
    (event,) = daemon.engine.asked
    assert isinstance(event, HangupRequested)
    assert event.call == "pbx1/1763.12"


def test_json_actions_print_the_answer(daemon: WebThread) -> None:
    daemon.engine.text = "anna is ready"
    value = json.loads(run(daemon, "agent", "login", "anna", "--format", "json").output)
    assert value == {"request": daemon.engine.asked[0].request, "text": "anna is ready"}


def test_socket_of_something_else_is_no_daemon(tmp_path: Path) -> None:
    import socket
    import threading

    save(Settings(home=str(tmp_path)))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "ccctl.sock"))
        server.listen()

        def talk() -> None:
            peer, _ = server.accept()
            peer.recv(1000)
            peer.sendall(b"220 mail.example ESMTP\r\n")
            peer.close()

        thread = threading.Thread(target=talk)
        thread.start()
        result = CliRunner().invoke(main, ["--home", str(tmp_path), "queue", "list"])
        thread.join()
    assert result.exit_code == 2
    assert "broke off" in result.stderr


def test_watch_draws_again_and_survives_the_daemon(daemon: WebThread) -> None:
    screen, terminal = pty.openpty()
    script = "from ccctl.cli.main import main; main()"
    command = [sys.executable, "-c", script, "--home", daemon.settings.home, "queue", "list", "--watch"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    watching = subprocess.Popen(command, stdout=terminal, stderr=terminal, stdin=terminal, env=environment)
    os.close(terminal)
    os.set_blocking(screen, False)
    seen = ""

    def shows(words: str) -> bool:
        nonlocal seen
        with contextlib.suppress(BlockingIOError):
            seen += os.read(screen, 65536).decode(errors="replace")
        return words in seen

    try:
        wait_until(lambda: shows("billing"), timeout=20, what="the table")
        daemon.change({"queue/new": fake.queue("brandnew")})
        wait_until(lambda: shows("brandnew"), timeout=20, what="the table drawn again")
        daemon.stop()
        wait_until(lambda: shows("not running"), timeout=20, what="the daemon's end")
        daemon.start()
        seen = ""
        wait_until(lambda: shows("brandnew"), timeout=20, what="the table is back")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(10) == 130
    finally:
        watching.kill()
        watching.wait()
        os.close(screen)

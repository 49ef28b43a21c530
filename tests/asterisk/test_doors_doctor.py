"""`ccctl doctor` on a healthy lab, and on one with something broken."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from ccctl.cli.main import main
from ccctl.runtime.settings import save
from tests.support.labhome import LabHome
from tests.support.until import wait_until

pytestmark = pytest.mark.asterisk


def doctor(home: str) -> tuple[int, dict[str, str], dict[str, str]]:
    """(exit code, state of each check, text of each check)"""
    result: Result = CliRunner().invoke(main, ["--home", home, "doctor", "--format", "json"])
    findings = json.loads(result.stdout)
    states = {finding["check"]: finding["state"] for finding in findings}
    return result.exit_code, states, {finding["check"]: finding["text"] for finding in findings}


def test_a_new_lab_is_well(lab: LabHome) -> None:
    code, states, texts = doctor(lab.home)
    assert code == 0, texts
    assert {states[check] for check in ("ARI", "AMI", "version", "modules", "records", "clock")} == {"ok"}
    assert states["daemon"] == "warn"


def test_wrong_secrets_are_told_apart(make_lab: Callable[[], LabHome]) -> None:
    lab = make_lab().up()
    wrong = msgspec.structs.replace(lab.node, ami_secret="no-secret-1", ari_secret="no-secret-2")
    save(msgspec.structs.replace(lab.settings, node=wrong))
    os.chmod(Path(lab.home) / "settings.yaml", 0o644)
    code, states, texts = doctor(lab.home)
    assert code == 1
    assert (states["AMI"], states["ARI"], states["settings"]) == ("fail", "fail", "fail")
    assert "login refused" in texts["AMI"]
    assert "no-secret" not in str(texts)


def test_missing_modules_and_a_dead_asterisk(make_lab: Callable[[], LabHome]) -> None:
    lab = make_lab().up()
    lab.ask("module unload app_queue.so")
    code, states, texts = doctor(lab.home)
    assert (code, states["modules"]) == (1, "fail")
    assert "app_queue" in texts["modules"]
    os.kill(lab.pid(), signal.SIGKILL)
    wait_until(lambda: doctor(lab.home)[1]["ARI"] == "fail")
    code, states, texts = doctor(lab.home)
    assert (code, states["AMI"]) == (1, "fail")
    assert "refused" in texts["AMI"]


def test_without_settings(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--home", str(tmp_path), "doctor"])
    assert result.exit_code == 2
    assert "no settings" in result.stderr

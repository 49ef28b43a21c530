"""What docs/editors.md tells editors and build servers to do is what there is."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ccctl.cli.main import main

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/editors.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    lines = [line.split("#")[0] for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.strip()]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_commands_of_the_page_work(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".vscode").mkdir()
    runner = CliRunner()
    runner.invoke(main, ["init", "dialplans"])
    runner.invoke(main, ["fmt", "dialplans"])
    done = runner.invoke(main, words[1:], input="a: 1\n")
    assert done.exit_code == 0, done.output


def test_json_and_yaml_of_the_page_can_be_read() -> None:
    assert json.loads(*blocks("json"))["yaml.customTags"] == ["!secret scalar"]
    hooks, workflow = (yaml.safe_load(block) for block in blocks("yaml"))
    assert [hook["id"] for hook in hooks["repos"][0]["hooks"]] == ["ccctl-fmt", "ccctl-check"]
    assert workflow["jobs"]["check"]["steps"]


def test_the_hooks_are_what_pre_commit_asks_for() -> None:
    program = Path(sys.executable).with_name("pre-commit")
    done = subprocess.run(
        [program, "validate-manifest", ".pre-commit-hooks.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

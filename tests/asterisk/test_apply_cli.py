"""ccctl compile, plan and apply as a person types them, on the example site."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccctl.asterisk import conf
from ccctl.cli.main import main
from tests.support.labhome import LabHome

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
def cli_home() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert CliRunner().invoke(main, ["init", str(tmp_path / "site")]).exit_code == 0
    return tmp_path / "site"


def run(home: LabHome, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", home.home, *arguments])


def spoil(folder: Path) -> None:
    text = (folder / "flows.yaml").read_text()
    (folder / "flows.yaml").write_text(text + "\n  broken:\n    - goto: nowhere\n")


def test_plan_apply_and_again(cli_home: LabHome, folder: Path) -> None:
    shown = run(cli_home, "plan", str(folder))
    assert shown.exit_code == 0
    assert "+[cc-in]" in shown.stdout
    done = run(cli_home, "apply", str(folder), "--yes")
    assert (done.exit_code, "serves (revision r0" in done.stdout) == (0, True), done.output
    assert "daemon: not running" in done.stdout
    again = run(cli_home, "apply", str(folder), "--yes")
    assert (again.exit_code, again.stdout.startswith("no change")) == (0, True)
    assert run(cli_home, "plan", str(folder)).stdout.startswith("no change")


def test_nobody_to_ask_is_a_refusal(cli_home: LabHome, folder: Path) -> None:
    before = conf.revisions(cli_home.node)
    done = run(cli_home, "apply", str(folder))
    assert done.exit_code == 2
    assert "give --yes" in done.stderr
    assert conf.revisions(cli_home.node) == before


@pytest.mark.parametrize("command", [["apply", "--yes"], ["plan"], ["compile", "--out", "out"]])
def test_findings_stop_everything(
    cli_home: LabHome, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    spoil(folder)
    before = conf.revisions(cli_home.node)
    monkeypatch.chdir(tmp_path)
    done = run(cli_home, command[0], str(folder), *command[1:])
    assert not Path("out").exists()
    assert done.exit_code == 1
    assert "nowhere" in done.stderr
    assert "nothing was changed" in done.stderr
    assert conf.revisions(cli_home.node) == before


def test_compile_needs_no_asterisk(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["--home", str(tmp_path), "compile", str(folder), "--out", str(out)])
    assert done.exit_code == 0
    assert (out / "entry.conf").read_text().startswith("[cc-in]")
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.rglob("*.conf"))


def test_without_asterisk_one_line_and_exit_2(cli_home: LabHome, folder: Path, tmp_path: Path) -> None:
    text = (Path(cli_home.home) / "settings.yaml").read_text()
    text = text.replace(f"ari_port: {cli_home.node.ari_port}", "ari_port: 1")
    (tmp_path / "settings.yaml").write_text(text)
    done = CliRunner().invoke(main, ["--home", str(tmp_path), "apply", str(folder), "--yes"])
    assert done.exit_code == 2
    assert done.stderr.startswith("ccctl: ARI at 127.0.0.1:1")
    assert len(done.stderr.splitlines()) == 1

"""ccctl compile, plan and apply as a person types them, on the example site."""

import json
import re
import sys
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
    assert "+ number +49301234500: -> main" in shown.stdout
    assert "+[cc-in]" in run(cli_home, "plan", str(folder), "--files").stdout
    assert run(cli_home, "plan", str(folder), "--exit-code").exit_code == 3
    done = run(cli_home, "apply", str(folder), "--yes", "--why", "the first one")
    assert (done.exit_code, "serves (revision r0" in done.stdout) == (0, True), done.output
    assert "daemon: not running" in done.stdout
    assert "sounds          Asterisk speaks de, de_AT, en" in run(cli_home, "doctor").stdout
    assert len([line for line in done.stderr.splitlines() if line.endswith(" made")]) <= 2, (
        "prompts and words"
    )
    assert " of " not in done.stderr, "a log is not told of each prompt"
    again = run(cli_home, "apply", str(folder), "--yes")
    assert (again.exit_code, again.stdout.startswith("no change")) == (0, True)
    again = run(cli_home, "apply", str(folder))
    assert (again.exit_code, again.stdout.startswith("no change")) == (0, True), "there is nothing to ask"
    revisions = conf.revisions(cli_home.node)
    (conf.folder(cli_home.node) / "current/queues.conf").write_text("[mine]\n")
    asks = run(cli_home, "apply", str(folder))
    assert (asks.exit_code, "give --yes" in asks.stderr) == (2, True), (
        "what others changed is something to do"
    )
    assert conf.revisions(cli_home.node) == revisions
    assert run(cli_home, "apply", str(folder), "--yes").exit_code == 0
    again = run(cli_home, "plan", str(folder), "--exit-code")
    assert (again.exit_code, again.stdout.startswith("no change")) == (0, True)


def slower(folder: Path, seconds: int) -> None:
    path = folder / "queues.yaml"
    path.write_text(re.sub(r"ring: \d+s", f"ring: {seconds}s", path.read_text(), count=1))


def test_history_and_the_way_back(cli_home: LabHome, folder: Path) -> None:
    run(cli_home, "apply", str(folder), "--yes", "--why", "opening day")
    slower(folder, 17)
    shown = json.loads(run(cli_home, "plan", str(folder), "--format", "json").stdout)
    assert (shown["change"], shown["reload"]) == (True, ["app_queue", "pbx_config"])
    assert [(each["kind"], each["what"]) for each in shown["changes"]] == [("changed", "queue")]
    assert "-> 17s" in shown["changes"][0]["details"][0]
    assert list(shown["files"]) == ["queues.conf"]
    assert run(cli_home, "apply", str(folder), "--yes", "--why", "slower").exit_code == 0

    told = json.loads(run(cli_home, "history", "--format", "json").stdout)
    assert [each["why"] for each in told[:2]] == ["slower", "opening day"]
    assert told[0]["who"]
    assert told[0]["in_force"]
    text = run(cli_home, "history").stdout
    assert "ring" not in text
    assert "~ queue" in text
    assert text.splitlines()[-1] == "times in Europe/Berlin"
    assert "(Asia/Tokyo)" in run(cli_home, "history", told[0]["revision"], "--tz", "Asia/Tokyo").stdout
    details = run(cli_home, "history", told[0]["revision"]).stdout
    assert "ring" in details
    assert "-> 17s" in details

    refused = run(cli_home, "rollback")
    assert (refused.exit_code, "give --yes" in refused.stderr) == (2, True)
    done = run(cli_home, "rollback", "--yes", "--why", "too slow")
    assert done.exit_code == 0, done.output
    first, second = told[1]["revision"], told[0]["revision"]
    assert f"{first} is in force, but the files in {folder} are still those of {second};" in done.stdout
    assert f"the next 'ccctl apply {folder}' would bring back:" in done.stdout
    assert re.search(rf"  ~ queue \w+: ring \d+s -> 17s  \({folder}/queues.yaml:\d+\)", done.stdout)
    assert "timeout = 17" not in (conf.folder(cli_home.node) / "current/queues.conf").read_text()
    assert f"back to {told[1]['revision']}" in run(cli_home, "history", "--limit", "1").stdout
    wrong = run(cli_home, "rollback", "4711", "--yes")
    assert (wrong.exit_code, "'ccctl history' lists them all" in wrong.stderr) == (4, True)


def test_after_a_rollback_the_folder_is_compared(cli_home: LabHome, folder: Path) -> None:
    run(cli_home, "apply", str(folder), "--yes")
    slower(folder, 23)
    run(cli_home, "apply", str(folder), "--yes")
    second, first = (
        each["revision"] for each in json.loads(run(cli_home, "history", "--format", "json").stdout)[:2]
    )
    slower(folder, 24)
    neither = run(cli_home, "rollback", "--yes").stdout
    assert f"the files in {folder} are neither those of {first}, now in force, nor of {second};" in neither
    assert "-> 24s" in neither
    slower(folder, 23)
    forth = run(cli_home, "rollback", second, "--yes").stdout
    assert f"the files in {folder} are those of {second}, too: an apply of them changes nothing" in forth
    assert run(cli_home, "plan", str(folder), "--exit-code").exit_code == 0
    spoil(folder)
    broken = run(cli_home, "rollback", first, "--yes").stdout
    assert f"the files in {folder} were not compared: 1 error ('ccctl check {folder}')" in broken
    folder.rename(folder.with_name("moved"))
    gone = run(cli_home, "rollback", second, "--yes")
    assert (gone.exit_code, "is not there: its files were not compared" in gone.stdout) == (0, True)


def test_a_kept_plan_is_applied_or_nothing(cli_home: LabHome, folder: Path, tmp_path: Path) -> None:
    run(cli_home, "apply", str(folder), "--yes")
    slower(folder, 18)
    kept = str(tmp_path / "plan.json")
    assert run(cli_home, "plan", str(folder), "--out", kept).exit_code == 0
    slower(folder, 19)
    other = run(cli_home, "apply", str(folder), "--plan", kept)
    assert (other.exit_code, "not the one that the plan was made of" in other.stderr) == (2, True)
    slower(folder, 18)
    assert run(cli_home, "apply", str(folder), "--plan", kept).exit_code == 0
    late = run(cli_home, "apply", str(folder), "--plan", kept)
    assert (late.exit_code, "was in force when the plan was made" in late.stderr) == (2, True)
    Path(kept).write_text("no plan")
    assert "is no plan" in run(cli_home, "apply", str(folder), "--plan", kept).stderr


def test_files_that_change_between_plan_and_yes(
    cli_home: LabHome, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cli_home, "apply", str(folder), "--yes")
    before = conf.revisions(cli_home.node)
    slower(folder, 21)
    monkeypatch.setattr(sys.modules["ccctl.cli.apply"], "ask", lambda text, question: slower(folder, 22))
    monkeypatch.setattr(sys.modules["ccctl.cli.apply"], "is_person", lambda: True)
    done = run(cli_home, "apply", str(folder))
    assert (done.exit_code, "changed meanwhile" in done.stderr) == (2, True), done.output
    assert conf.revisions(cli_home.node) == before


def test_drift(cli_home: LabHome, folder: Path) -> None:
    run(cli_home, "apply", str(folder), "--yes")
    clean = run(cli_home, "drift")
    assert (clean.exit_code, clean.stdout.startswith("no drift")) == (0, True), clean.output
    path = conf.folder(cli_home.node) / "current/pjsip.conf"
    path.write_text(path.read_text().replace("password = ", "password = x", 1))
    cli_home.ask("dialplan add extension 998,1,NoOp,hello into cc-in")
    found = run(cli_home, "drift")
    assert found.exit_code == 1
    assert "pjsip.conf:" in found.stdout
    assert 'edited by hand: "password = (hidden)"' in found.stdout
    assert "in Asterisk: context cc-in: 998,1,NoOp(hello) was added by hand" in found.stdout
    assert len(json.loads(run(cli_home, "drift", "--format", "json").stdout)["asterisk"]) == 1
    assert "drift           pjsip.conf:" in run(cli_home, "doctor").stdout
    done = run(cli_home, "apply", str(folder), "--yes")
    assert "edited by hand, now overwritten; a copy is" in done.stdout
    assert run(cli_home, "drift").exit_code == 0


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

"""ccctl fmt on real files."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccctl.cli.main import main

MESSY = "flows:\n- on_timeout: x   # c\n  queue: y\n"
NEAT = f"flows:\n  - queue: y\n{'    on_timeout: x':48}# c\n"


def ccctl(*words: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["fmt", *(str(word) for word in words)], input=text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts").mkdir()
    (tmp_path / ".ccctl").mkdir()
    for path in ("messy.yaml", "prompts/more.yml", ".ccctl/not-ours.yaml", "secrets.yaml", "readme.md"):
        (tmp_path / path).write_text(MESSY)
    (tmp_path / "neat.yaml").write_text(NEAT)
    return tmp_path


def test_a_folder_is_laid_out_without_secrets_and_hidden_ones(folder: Path) -> None:
    done = ccctl()
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == "3 files, 2 laid out"
    assert (folder / "messy.yaml").read_text() == (folder / "prompts/more.yml").read_text() == NEAT
    for path in (".ccctl/not-ours.yaml", "secrets.yaml", "readme.md"):
        assert (folder / path).read_text() == MESSY
    assert ccctl("--check").exit_code == 0


def test_check_and_diff_change_nothing(folder: Path) -> None:
    check = ccctl("--check", "messy.yaml", "neat.yaml")
    assert check.exit_code == 1
    assert "messy.yaml: would be laid out anew" in check.stderr
    diff = ccctl("--diff", "messy.yaml")
    assert diff.exit_code == 0
    assert "+  - queue: y\n" in diff.stdout
    assert (folder / "messy.yaml").read_text() == MESSY


def test_what_is_no_yaml_is_told_and_left(folder: Path) -> None:
    (folder / "broken.yaml").write_text("a: [\n")
    done = ccctl("broken.yaml", "messy.yaml")
    assert done.exit_code == 1
    assert done.stdout.startswith("broken.yaml:1:4: error[E910]")
    assert "1 left as they are" in done.stderr
    assert (folder / "broken.yaml").read_text() == "a: [\n"
    assert (folder / "messy.yaml").read_text() == NEAT


def test_standard_input_goes_to_standard_output() -> None:
    assert ccctl("-", text=MESSY).stdout == NEAT
    broken = ccctl("-", text="a: [\n")
    assert (broken.exit_code, broken.stdout) == (1, "")
    assert "E910" in broken.stderr
    assert ccctl("-", "x.yaml").exit_code == 2


def test_mode_and_link_stay(folder: Path) -> None:
    (folder / "messy.yaml").chmod(0o640)
    (folder / "link.yaml").symlink_to("messy.yaml")
    assert ccctl("link.yaml").exit_code == 0
    assert (folder / "link.yaml").is_symlink()
    assert (folder / "messy.yaml").read_text() == NEAT
    assert (folder / "messy.yaml").stat().st_mode & 0o777 == 0o640
    assert not list(folder.glob(".messy*"))


def test_a_write_that_fails_keeps_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = ccctl("messy.yaml")
    assert (done.exit_code, done.stderr) == (2, "ccctl: [Errno 28] No space left on device\n")
    assert (folder / "messy.yaml").read_text() == MESSY
    assert not list(folder.glob(".messy*"))


def test_paths_that_are_not_there(folder: Path) -> None:
    assert ccctl("nowhere").exit_code == 2
    os.mkfifo(folder / "pipe.yaml")
    assert ccctl("pipe.yaml").exit_code == 2

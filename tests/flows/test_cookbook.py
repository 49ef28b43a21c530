"""docs/cookbook.md: every recipe is checked, compiled and played as it stands there."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from ccctl.cli.main import main

TEXT = (Path(__file__).parents[2] / "docs/cookbook.md").read_text()
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECRETS = 'phone: kR7wuGh0pqLm\nmailbox: "482915"\npins: "736402"\n'


def recipes() -> dict[str, list[tuple[str, str, str]]]:
    """Title -> its blocks as (kind, name, text)."""
    parts = re.split(r"^## (\d+)\. (.*)$", TEXT, flags=re.MULTILINE)
    return {
        f"{number} {title}": BLOCK.findall(body)
        for number, title, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    }


RECIPES = recipes()
BASE = next(text for kind, name, text in BLOCK.findall(TEXT) if name == "base")


def test_there_are_enough() -> None:
    assert len(RECIPES) >= 15
    assert all({"site", "tests"} <= {name for _, name, _ in blocks} for blocks in RECIPES.values())


@pytest.mark.parametrize("title", RECIPES)
def test_recipe(title: str, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "secrets.yaml").write_text(SECRETS)
    (tmp_path / "secrets.yaml").chmod(0o600)
    places = {"site": "recipe.yaml", "tests": "tests/recipe.yaml"}
    for _, name, text in RECIPES[title]:
        (tmp_path / places.get(name, name)).write_text(text)
    checked = CliRunner().invoke(main, ["check", str(tmp_path)])
    serious = checked.stdout.splitlines()
    assert (checked.exit_code, serious) == (0, []), checked.output
    played = CliRunner().invoke(main, ["test", str(tmp_path)])
    assert played.exit_code == 0, played.output

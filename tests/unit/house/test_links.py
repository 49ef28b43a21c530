"""Relative links and anchors of every page lead somewhere; the page of the commands is up to date."""

import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from ccctl.cli.manual import manual
from ccctl.runtime.settings import Settings

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OUTSIDE = ("http:", "https:", "mailto:")
NO_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that a reader of Markdown makes of the headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken(page: Path) -> list[str]:
    return [link for link in LINK.findall(NO_CODE.sub("", page.read_text())) if not leads(page, link)]


def leads(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    if link.startswith(OUTSIDE):
        return True
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_wrong_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A head\n[a](#a-head) [b](#nothing) [c](page.md) [d](none.md) `[e](f.md)`\n")
    assert broken(page) == ["#nothing", "none.md"]


def test_page_of_the_commands_is_up_to_date() -> None:
    assert (ROOT / "docs/cli.md").read_text() == manual(), "run scripts/docs"


def test_settings_in_operations_are_the_defaults() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    shown = re.search(r"^```yaml\n(database: .*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert shown
    assert msgspec.yaml.decode(shown[1], type=Settings, strict=True) == Settings()
    assert set(msgspec.yaml.decode(shown[1])) == set(Settings.__struct_fields__) - {"home"}


def test_files_named_in_contributing_exist() -> None:
    named = re.findall(r"`((?:ccctl|tests|scripts|docs|asterisk-conf|migrations)/[\w./-]+)`", _contributing())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_names_in_contributing_are_in_their_files() -> None:
    """`file.py`: `name` in the road of one call."""
    pairs = re.findall(r"`(ccctl/[\w/]+\.py)`: `(\w+)`", _contributing())
    assert len(pairs) > 10
    assert [pair for pair in pairs if not re.search(rf"\b{pair[1]}\b", (ROOT / pair[0]).read_text())] == []


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs/decisions").glob("*.md")]
    assert sorted(numbers) == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def _contributing() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text()


def test_scripts_have_a_shell_that_accepts_them() -> None:
    for script in (ROOT / "scripts").iterdir():
        subprocess.run(["sh", "-n", script], check=True)

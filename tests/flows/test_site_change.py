"""A site with a change laid over it, from real files: what `given: {apply: ...}` of a flow test names."""

from pathlib import Path

import pytest

from ccctl.cli.site import copy_example
from ccctl.flow.graph import Goto, Site
from ccctl.flow.values import Wrong
from ccctl.runtime.site import load_changed, load_site

CHANGE = "tests/changes/c.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example, in the folder "site" of the working folder."""
    monkeypatch.chdir(tmp_path)
    copy_example(Path("site"))
    return Path("site")


def changed(folder: Path, text: str) -> tuple[Site | None, list[str]]:
    (folder / CHANGE).write_text(text)
    loaded = load_changed(folder, CHANGE)
    assert not isinstance(loaded, Wrong), loaded
    site, found = loaded
    return site, [str(finding) for finding in found if finding.code.startswith("E")]


def test_a_change_is_the_site_and_what_differs(folder: Path) -> None:
    before, _ = load_site(folder)
    site, found = changed(folder, "queues: {billing: }\nflows: {billing: [{goto: front-desk}]}\n")
    assert found == []
    assert site
    assert before
    assert set(before.queues) - set(site.queues) == {"billing"}
    (step,) = site.flows["billing"].steps
    assert isinstance(step, Goto)
    assert site.flows["main"] == before.flows["main"]
    assert load_site(folder)[0] == before, "the site itself is as it was"


def test_what_was_remembered_of_the_site_is_not_the_changed_one(folder: Path) -> None:
    """The files are large enough to be kept once they have been read."""
    first, _ = load_site(folder)
    site, _ = changed(folder, "flows: {overflow: [hangup]}\n")
    assert first
    assert site
    assert site.flows["overflow"] != first.flows["overflow"]
    assert load_site(folder)[0] == first


def test_errors_stand_where_they_are(folder: Path) -> None:
    site, found = changed(folder, "queues: {billing: }\n")
    assert site is None
    assert found == ['site/flows.yaml:44:14: error[E109] "billing" is a flow, not a queue; name a queue']
    site, found = changed(folder, "flow: {main: [hangup]}\n")
    assert (site, found) == (
        None,
        [f'site/{CHANGE}:1:1: error[E905] unknown key "flow" in the site; did you mean "flows"?'],
    )


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("flows: {a: [b", "1:12: error[E910] this is not YAML"),
        ("", "1:1: error[E916] the file is empty"),
        ("include: [../more.yaml]\n", "1:11: error[E106] a change is one file and includes no other"),
        ("flows: [main]\n", "1:8: error[E912] flows must be a mapping"),
        ("[]\n", "1:1: error[E912] the file must be a mapping"),
    ],
)
def test_what_is_no_change(folder: Path, text: str, finding: str) -> None:
    site, found = changed(folder, text)
    assert site is None
    assert any(each.startswith(f"site/{CHANGE}:{finding}") for each in found), found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/changes/none.yaml", "not found"),
        ("tests/changes", "cannot be read: this is not a file"),
        ("../other.yaml", "leaves the folder of the site"),
        ("flows.yaml", "is a file of the site itself"),
        ("prompts/menus.yaml", "is a file of the site itself"),
        ("secrets.yaml", "is the file of the secrets"),
    ],
)
def test_files_that_cannot_be_laid_over(folder: Path, path: str, text: str) -> None:
    loaded = load_changed(folder, path)
    assert isinstance(loaded, Wrong)
    assert loaded.text == text

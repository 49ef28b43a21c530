"""A foreign judge of what we compile: asterisklint knows what Asterisk 22 has, and its options."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import ccctl
from ccctl.asterisk import conf
from ccctl.cli.site import copy_example
from ccctl.flow.compile import compile_contexts, compile_site
from ccctl.flow.dialplan import render
from ccctl.flow.graph import Site
from ccctl.runtime.site import load_site
from tests.support import sample_site
from tests.support.site_cases import FLOWS, read

BASE = (Path(ccctl.__file__).parents[1] / "asterisk-conf/base/extensions.conf.j2").read_text()
INCLUDE = re.compile(r'#(try)?include "ccctl/')  # Asterisk: from /etc/asterisk; asterisklint: from the file
GENERATION = "7f3a9c"
LINE = re.compile(r"(?P<place>\S+:\d+) (?P<code>[A-Z]_[A-Z_]+): (?P<text>.*)")
# What it says that is no mistake: a part of the line, and why.
ALLOWED = {
    "I_NOTIMPL_HINT": "it does not read hints",
    "H_PAT_NON_CANONICAL": "the order inside of [] is ours",
    "H_DP_GLOBALS_MISPLACED": "[globals] stands in the file that base's extensions.conf includes",
    "W_WSH_VARSET": "Asterisk takes the blanks around = away",
    "W_WSV_EOF": "an empty line at the end",
}


def lint(folder: Path, files: dict[str, str]) -> list[str]:
    """What asterisklint says of a dialplan, without what is allowed."""
    for path, text in {"extensions.conf": BASE, **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(INCLUDE.sub(rf'#include "{folder}/ccctl/', text))
    command = [Path(sys.executable).with_name("asterisklint"), "dialplan-check", "--asterisk-version", "22"]
    done = subprocess.run(
        [*command, "extensions.conf"], cwd=folder, capture_output=True, text=True, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert all(LINE.fullmatch(line) for line in said), said
    return [line for line in said if not any(words in line for words in ALLOWED)]


def built(site: Site) -> dict[str, str]:
    plan = compile_site(site, GENERATION)
    made = conf.build(plan, dict.fromkeys(plan.music, "moh"), None, set()).files
    return {f"ccctl/current/{path}": text for path, text in made.items()}


def example(folder: Path) -> Site:
    copy_example(folder)
    site, found = load_site(folder)
    assert site is not None, [str(finding) for finding in found]
    return site


def good_cases() -> Iterator[Site]:
    for path in sorted((FLOWS / "cases").glob("*.yaml")):
        for case in yaml.safe_load(path.read_text())["good"]:
            yield read(case)[0].site


def test_the_sample_site(tmp_path: Path) -> None:
    assert lint(tmp_path, built(sample_site.site())) == []


def test_the_example_site(tmp_path: Path) -> None:
    assert lint(tmp_path, built(example(tmp_path / "site"))) == []


def test_every_good_case(tmp_path: Path) -> None:
    contexts = {f"{number:06x}": site for number, site in enumerate(good_cases())}
    texts = {name: render(compile_contexts(site, name)) for name, site in contexts.items()}
    assert len(texts) > 50
    assert lint(tmp_path, {"ccctl/current/extensions.conf": "\n".join(texts.values())}) == []


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("Dial(", "Dail(", "E_APP_MISSING"),
        ("Goto(cc-7f3a9c-main,s,1)", "Goto(cc-7f3a9c-mane,s,1)", "E_DP_GOTO_NOCONTEXT"),
        ("FILTER(", "FILTRE(", "E_FUNC_MISSING"),
    ],
)
def test_it_sees_mistakes(tmp_path: Path, right: str, wrong: str, code: str) -> None:
    files = {path: text.replace(right, wrong) for path, text in built(sample_site.site()).items()}
    assert any(code in line for line in lint(tmp_path, files))

"""kill -9 at every stage of an apply and of a rollback: what serves is whole, and the next apply repairs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccctl.asterisk import conf, history
from ccctl.flow.roster import from_json
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCalls

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]

SITE = """
ccctl: 1
defaults: {{timezone: UTC, languages: [en]}}
numbers: {{"+49301000": main}}
users:
  anna: {{extension: 201, password: !secret anna}}
agents: {{anna: {{}}}}
queues:
  support: {{ring: {ring}s, whisper: none}}
flows:
  main:
    - play: {prompt}
    - hangup
prompts:
  {prompt}: {{en: Hello}}
"""
# The process is told to die before this function, as by kill -9; the n-th time that it is called.
STAGES = [
    ("ccctl.asterisk.prompts", "make", 1),
    ("ccctl.runtime.apply", "write_roster", 1),
    ("ccctl.asterisk.conf", "write", 1),
    ("ccctl.asterisk.conf", "_write_file", 4),
    ("ccctl.asterisk.conf", "swap", 1),
    ("ccctl.asterisk.reload", "_reload", 1),
    ("ccctl.asterisk.reload", "_remove_strangers", 1),
    ("ccctl.asterisk.reload", "_read_back", 1),
    ("ccctl.runtime.apply", "put_roster", 1),
    ("ccctl.runtime.apply", "tell_daemon", 1),
    ("ccctl.asterisk.conf", "mark_loaded", 1),
    ("ccctl.asterisk.history", "note", 1),
    ("ccctl.asterisk.history", "tidy", 1),
    ("ccctl.asterisk.conf", "write", 2),  # from here on it drains
    ("ccctl.asterisk.conf", "swap", 2),
    ("ccctl.asterisk.conf", "mark_loaded", 2),
]
if "EVERY_STAGE" not in os.environ:  # all of them take minutes; each was watched
    STAGES = STAGES[1::5]
DIE = """
import importlib, os, signal, sys
from ccctl.cli.main import main
module, name, times = importlib.import_module(sys.argv[1]), sys.argv[2], int(sys.argv[3])
real, seen = getattr(module, name), []
def die(*args, **kwargs):
    seen.append(1)
    if len(seen) == times:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)
setattr(module, name, die)
main(sys.argv[4:])
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


def write(site: Path, number: int) -> None:
    """Another flow, another queue and another prompt for each number."""
    text = SITE.format(ring=10 + number % 20, prompt=f"hello{number}")
    (site / "site.yaml").write_text(text)
    secrets = site / "secrets.yaml"
    secrets.write_text("anna: kc82hd92ls0x\n")
    secrets.chmod(0o600)


def ccctl(home: LabHome, *words: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-m", "ccctl", "--home", home.home, *words])


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def killed(home: LabHome, stage: tuple[str, str, int], *words: str) -> None:
    module, name, times = stage
    done = run([sys.executable, "-c", DIE, module, name, str(times), "--home", home.home, *words])
    assert done.returncode == -9, f"{stage}: ended with {done.returncode}\n{done.stdout}{done.stderr}"


async def serves(home: LabHome) -> str:
    """A call goes through; returns the prompt's name that its generation plays."""
    async with LocalCalls(home.node) as calls:
        call = await calls.call("+49301000")
        await call.passes("CC_FLOW", "main")
        await call.ends()
    return home.ask("dialplan show cc-in").split("__CC_GEN=")[1][:6]


_number = iter(range(int(time.time()) % 1000 * 100, 10**9))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: f"{stage[1]}-{stage[2]}")
async def test_killed(lab: LabHome, site: Path, stage: tuple[str, str, int]) -> None:
    write(site, next(_number))
    assert ccctl(lab, "apply", str(site), "--yes").returncode == 0
    before = conf.read_current(lab.node)
    write(site, next(_number))
    killed(lab, stage, "apply", str(site), "--yes")

    assert await serves(lab)  # the old or the new one, whole
    current = conf.read_current(lab.node)
    assert before
    assert current
    assert (current == before) or current.manifest.generation != before.manifest.generation

    repaired = ccctl(lab, "apply", str(site), "--yes")
    assert repaired.returncode == 0, repaired.stderr
    now = conf.read_current(lab.node)
    assert now
    assert await serves(lab) == now.manifest.generation
    assert from_json(Path(lab.settings.roster_file).read_bytes()).generation == now.manifest.generation
    assert ccctl(lab, "drift").returncode == 0
    assert ccctl(lab, "plan", str(site), "--exit-code").returncode == 0
    assert not conf.is_broken_off(lab.node)
    assert history.past(lab.node)[0].complete


async def test_killed_on_the_way_back(lab: LabHome, site: Path) -> None:
    write(site, next(_number))
    assert ccctl(lab, "apply", str(site), "--yes").returncode == 0
    first = await serves(lab)
    write(site, next(_number))
    assert ccctl(lab, "apply", str(site), "--yes").returncode == 0
    killed(lab, ("ccctl.asterisk.reload", "_read_back", 1), "rollback", "--yes")
    assert await serves(lab)
    assert ccctl(lab, "rollback", history.past(lab.node)[2].entry.revision, "--yes").returncode == 0
    assert await serves(lab) == first
    assert ccctl(lab, "drift").returncode == 0

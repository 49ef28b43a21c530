"""Moving in with a small PBX that somebody wrote by hand: both dialplans work; out again leaves no trace."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccctl.asterisk.node import Node
from ccctl.cli.lab import find_asterisk
from ccctl.cli.main import main
from ccctl.lab import server
from ccctl.runtime.settings import load
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCalls
from tests.support.small_pbx import FILES, KEPT

pytestmark = pytest.mark.asterisk

MAIN = "+49301234500"


class SmallPbx:
    """The Asterisk of a lab, with files of its own in place of the lab's."""

    def __init__(self) -> None:
        self.lab = LabHome().up()
        self.lab.down()
        self.etc = self.lab.lab.etc
        for path in self.etc.glob("*.conf"):
            if path.name not in KEPT:
                path.unlink()
        ports = self.lab.lab.ports
        values = {"ami": ports.ami, "ari": ports.ari, "sip": ports.sip, "other": "s3cret-of-others"}
        values |= {"rtp_start": ports.rtp_start, "rtp_end": ports.rtp_end}
        for name, text in FILES.items():
            filled = re.sub(r"\{(\w+)\}", lambda key: str(values.get(key[1], key[0])), text)
            (self.etc / name).write_text(filled)
        (self.etc / "pjsip.conf").chmod(0o600)
        self.before = self.files()
        self.home = Path(self.lab.home) / "home"

    def files(self) -> dict[str, tuple[bytes, int]]:
        return {
            path.name: (path.read_bytes(), path.stat().st_mode) for path in sorted(self.etc.glob("*.conf"))
        }

    def start(self) -> None:
        server.start(self.lab.lab, find_asterisk(self.lab.home, None, lambda _: None))

    def restart(self) -> None:
        server.stop(self.lab.lab)
        self.start()

    def ccctl(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["--home", str(self.home), *words])

    def adopt(self, *words: str) -> Result:
        return self.ccctl("adopt", "--etc", str(self.etc), *words)

    @property
    def node(self) -> Node:
        return load(str(self.home)).node


@pytest.fixture
def pbx(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallPbx]:
    small = SmallPbx()
    monkeypatch.setattr(server, "prepare", lambda lab, tree: None)  # it would write the lab's files again
    monkeypatch.setattr(server, "_check_modules", lambda lab, running: None)
    try:
        small.start()
        yield small
    finally:
        small.lab.remove()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    assert CliRunner().invoke(main, ["init", str(tmp_path / "site")]).exit_code == 0
    return tmp_path / "site"


async def both_work(pbx: SmallPbx) -> None:
    async with LocalCalls(pbx.node) as calls:
        await (await calls.call("10", "from-phones")).passes("CC_OWN", "Miller & Sons")  # their [globals]
        await (await calls.call("20", "from-phones")).passes("CC_OWN", "queue sales")
        assert "sales" in pbx.lab.ask("queue show")
        ours = await calls.call(MAIN)
        await ours.passes("CC_CALL", "inbound")
        await ours.passes("CC_FLOW", "main")
        await (await calls.call("500", "from-phones")).passes("CC_FLOW", "main")  # from theirs to ours


def test_in_beside_and_out_again(pbx: SmallPbx, site: Path) -> None:
    dry = pbx.adopt(str(site))
    assert (dry.exit_code, pbx.files()) == (0, pbx.before), dry.output
    assert 'would add to extensions.conf: #tryinclude "ccctl/current/extensions.conf"' in dry.stdout
    assert "lacks manager.conf: has no [ccctl]" in dry.stdout
    assert "lacks cel_custom.conf: has no mapping ccctl.csv" in dry.stdout
    assert not (pbx.etc / "ccctl/adopt").exists()

    done = pbx.adopt(str(site), "--write-base")
    assert done.exit_code == 0, done.output
    for name, (data, _) in pbx.before.items():
        now = (pbx.etc / name).read_bytes()
        assert now.startswith(data)
        assert now[len(data) :].count(b"#tryinclude") == len(now[len(data) :].strip().splitlines())
    assert (pbx.etc / "pjsip.conf").stat().st_mode & 0o777 == 0o600
    assert (pbx.home / "settings.yaml").stat().st_mode & 0o777 == 0o600
    written = pbx.files()
    again = pbx.adopt(str(site), "--write-base")
    assert (again.exit_code, pbx.files()) == (0, written), again.output
    assert "every include line is there" in again.stdout

    pbx.restart()
    applied = pbx.ccctl("apply", str(site), "--yes")
    assert applied.exit_code == 0, applied.output
    looked = pbx.ccctl("doctor")
    assert "fail" not in [line[:4] for line in looked.stdout.splitlines()], looked.stdout
    asyncio.run(both_work(pbx))
    assert pbx.ccctl("drift").exit_code == 0
    assert "desk10" in pbx.lab.ask("pjsip show endpoints")
    pbx.restart()
    asyncio.run(both_work(pbx))

    out = pbx.adopt("--undo")
    assert out.exit_code == 0, out.output
    assert pbx.files() == pbx.before
    assert "cel.conf was removed: it was ours alone" in out.stdout
    assert pbx.adopt("--undo").stdout.startswith("there is nothing to undo")
    pbx.restart()
    shown = pbx.lab.ask("dialplan show")
    assert "from-phones" in shown
    assert "Context 'cc-in'" not in shown


def test_names_that_clash_stop_it(pbx: SmallPbx, site: Path) -> None:
    with (pbx.etc / "pjsip.conf").open("a") as file:
        file.write("[anna]\ntype=aor\n")
    with (pbx.etc / "queues.conf").open("a") as file:
        file.write("\n#include queues-of-support.conf\n")
    (pbx.etc / "queues-of-support.conf").write_text("; old\n[support]\nstrategy = ringall\n")
    with (pbx.etc / "extensions.conf").open("a") as file:
        file.write("[cc-in]\nexten => 1,1,NoOp()\n")
    before = pbx.files()
    done = pbx.adopt(str(site), "--write")
    assert (done.exit_code, pbx.files()) == (1, before)
    assert "clash phone or trunk: anna at pjsip.conf:24" in done.stdout
    assert "clash queue: support at queues-of-support.conf:2 is in the site, too" in done.stdout
    assert "clash context: cc-in at extensions.conf:18 has a name of ours" in done.stdout
    assert "nothing was written: names clash" in done.stdout


def test_settings_of_theirs_are_named_not_changed(pbx: SmallPbx) -> None:
    (pbx.etc / "http.conf").write_text("[general]\nenabled=no\n")
    (pbx.etc / "cel.conf").write_text("[general]\nenable=yes\nevents=ANSWER,HANGUP\n")
    (pbx.etc / "modules.conf").write_text("[modules]\nautoload=yes\nnoload => app_queue.so\n")
    done = pbx.adopt("--write-base")
    assert done.exit_code == 1
    assert (
        "fail  http.conf: [general] at http.conf:1 has enabled = no; write enabled = yes there" in done.stdout
    )
    assert "fail  cel.conf: logs no CHAN_START" in done.stdout
    assert "modules.conf does not load app_queue" in done.stdout
    assert (pbx.etc / "http.conf").read_text() == "[general]\nenabled=no\n"


def test_a_file_that_changed_since_keeps_its_changes(pbx: SmallPbx) -> None:
    assert pbx.adopt("--write").exit_code == 0
    path = pbx.etc / "extensions.conf"
    path.write_text(path.read_text() + "[later]\nexten => 1,1,NoOp()\n")
    out = pbx.adopt("--undo")
    assert "extensions.conf has changed since; only our line was taken out" in out.stdout
    assert path.read_bytes() == pbx.before["extensions.conf"][0] + b"[later]\nexten => 1,1,NoOp()\n"
    assert (pbx.etc / "queues.conf").read_bytes() == pbx.before["queues.conf"][0]  # no line end at its end

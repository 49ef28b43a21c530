"""Applying to a real Asterisk: whole or not at all, and live calls stay where they are."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from ccctl.asterisk import conf, history, reload
from ccctl.asterisk.conf import Revision
from ccctl.asterisk.node import Node
from ccctl.errors import ApplyError, AsteriskDown
from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site, generation_id
from ccctl.flow.roster import from_json
from ccctl.runtime.apply import Applied, apply, drain
from ccctl.runtime.diff import describe
from ccctl.runtime.doors import asterisk
from ccctl.runtime.plan import outlook
from tests.support import sample_site
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCalls
from tests.support.until import until

pytestmark = pytest.mark.asterisk

SUPPORT, MAIN = "+49301234520", "+49301234500"


@pytest.fixture(scope="module")
def apply_home() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


async def put(home: LabHome, site: g.Site) -> Applied:
    return await apply(home.settings, site, compile_site(site, generation_id(site)), lambda text: None)


def changed(number: int) -> g.Site:
    """The sample with another flow: another generation."""
    site = sample_site.site()
    flow = sample_site.flow("extra", g.Play(prompts=("welcome",)), g.HangupStep(cause=number))
    numbers = {**site.numbers, "+4930777": g.Number(number="+4930777", flow="extra")}
    return msgspec.structs.replace(site, flows={**site.flows, "extra": flow}, numbers=numbers)


@pytest.fixture
async def served(apply_home: LabHome) -> AsyncIterator[tuple[LabHome, LocalCalls, str]]:
    applied = await put(apply_home, sample_site.site())
    async with LocalCalls(apply_home.node) as calls:
        yield apply_home, calls, applied.generation


async def serving(home: LabHome) -> str:
    async with asterisk(home.node) as doors:
        return await reload.serving(doors)


Served = tuple[LabHome, LocalCalls, str]


async def test_an_apply_serves_and_writes_the_roster(served: Served) -> None:
    home, _, generation = served
    assert await serving(home) == generation
    path = Path(home.settings.roster_file)
    roster = from_json(path.read_bytes())
    assert (roster.generation, sorted(roster.agents)) == (generation, ["anna", "ben"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"pw-" not in path.read_bytes()


async def test_the_same_site_again_changes_nothing(served: Served) -> None:
    home, _, generation = served
    before = conf.revisions(home.node)
    again = await put(home, sample_site.site())
    assert (again.changed, again.generation) == (False, generation)
    assert conf.revisions(home.node) == before


async def test_a_trunk_without_an_address_refuses_nothing_else(served: Served) -> None:
    home, calls, _ = served
    site = changed(19)
    away = g.Trunk(name="away", host="nowhere.invalid")
    site = msgspec.structs.replace(site, trunks={**site.trunks, "away": away})
    said: list[str] = []
    applied = await apply(home.settings, site, compile_site(site, generation_id(site)), said.append)
    assert await serving(home) == applied.generation
    assert [line for line in said if "nowhere.invalid has no address now; calls from trunk away" in line]
    await (await calls.call("+4930777")).passes("CC_FLOW", "extra")


async def test_prompts_are_spoken_as_telephone_sound(served: Served) -> None:
    home, _, _ = served
    files = sorted((Path(home.node.sounds_dir) / "en/cc").glob("*.wav"))
    assert len(files) == sum("en" in prompt.texts for prompt in sample_site.site().prompts.values())
    header = files[0].read_bytes()[:44]
    rate, channels, bits = (int.from_bytes(header[24:28], "little"), header[22], header[34])
    assert (rate, channels, bits) == (8000, 1, 16)


async def test_an_old_generation_stays_while_its_call_lives(served: Served) -> None:
    home, calls, first = served
    call = await calls.call(SUPPORT)
    await call.passes("CC_QUEUE", "support")
    second = await put(home, changed(31))
    assert second.generation != first
    assert second.draining == {first: 1}
    await call.passes("CC_NATIVE", "support")  # goes on in its own text
    assert f"cc-{first}-support" in home.ask("dialplan show")
    third = await put(home, changed(32))
    assert second.generation in third.drained
    await call.hang_up()
    async with asterisk(home.node) as doors:
        assert await drain(home.node, doors.ari, doors.ami) == (first,)
        assert await drain(home.node, doors.ari, doors.ami) == ()
    assert f"cc-{first}-" not in home.ask("dialplan show")
    new = await calls.call("+4930777")
    await new.passes("CC_FLOW", "extra")


def damage(monkeypatch: pytest.MonkeyPatch, path: str, harm: object) -> None:
    """What is written differs from what was compiled, as by a fault of ours or of the disk."""
    write = conf.write

    def harmed(node: Node, revision: Revision) -> None:
        write(node, revision)
        target = conf.folder(node) / revision.manifest.revision / path
        text = target.read_text()
        target.write_text(harm(text))  # type: ignore[operator]

    monkeypatch.setattr(conf, "write", harmed)


async def refused(home: LabHome, site: g.Site, generation: str) -> str:
    """The apply fails, and everything is as it was."""
    before = conf.read_current(home.node)
    roster = Path(home.settings.roster_file).read_bytes()
    with pytest.raises(ApplyError) as error:
        await put(home, site)
    assert conf.read_current(home.node) == before
    assert Path(home.settings.roster_file).read_bytes() == roster
    assert await serving(home) == generation
    return str(error.value)


async def test_a_refused_reload_leaves_the_old_one_serving(served: Served) -> None:
    home, calls, generation = served
    boxes = {**sample_site.site().mailboxes, "sales": g.Mailbox(name="sales", number="901", pin="3333")}
    home.ask("module unload app_voicemail.so")
    try:
        said = await refused(home, msgspec.structs.replace(changed(33), mailboxes=boxes), generation)
    finally:
        home.ask("module load app_voicemail.so")
    assert "refused to reload app_voicemail.so" in said
    assert "the old configuration goes on serving" in said
    await (await calls.call(SUPPORT)).passes("CC_FLOW", "support")


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("entry.conf", " same => n,Set(CC_NUMBER=210)\n", "", "steps of the context cc-phones"),
        ("entry.conf", "[cc-phones]", "[cc-telephones]", "0 of"),
        ("extensions.conf", "NoOp(", "NoOp(not-", "serves generation"),
        ("queues.conf", "[billing]", "[bills]", "queue billing"),
        ("extensions.conf", "\n#include", '\n#include "ccctl/current/none.conf"\n#include', "none.conf"),
        ("pjsip.conf", "dtmf_mode = rfc4733", "dtmf_mode = morse", "did not load the endpoint eve"),
        ("pjsip.conf", "[anna]\ntype = auth", "[anna]\ntype = auth\nmore = x", "did not take a phone"),
    ],
)
async def test_what_asterisk_did_not_load_is_noticed(
    served: Served, monkeypatch: pytest.MonkeyPatch, path: str, old: str, new: str, said: str
) -> None:
    home, _, generation = served
    site = msgspec.structs.replace(
        changed(34), users={**changed(34).users, "eve": sample_site.user("eve", "299")}
    )
    queues = {**site.queues, "billing": sample_site.queue("billing", engine="native", ring_ms=9000)}
    site = msgspec.structs.replace(site, queues=queues)
    damage(monkeypatch, path, lambda text: text.replace(old, new))
    assert said in await refused(home, site, generation)


async def test_a_full_disk_changes_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    home, _, generation = served

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        said = await refused(home, changed(35), generation)
    assert "No space left on device" in said
    assert (await put(home, changed(35))).changed


async def test_a_folder_that_cannot_be_written_changes_nothing(served: Served) -> None:
    home, _, _ = served
    node = msgspec.structs.replace(home.node, etc_dir="/proc/ccctl")
    settings = msgspec.structs.replace(home.settings, node=node)
    site = sample_site.site()
    with pytest.raises(ApplyError, match="cannot be written"):
        await apply(settings, site, compile_site(site, "abcdef"), lambda text: None)


@contextmanager
def locked_by_another(home: LabHome) -> Iterator[subprocess.Popen[str]]:
    hold = (
        "import sys; from ccctl.asterisk import conf; from ccctl.asterisk.node import Node\n"
        "with conf.lock(Node(etc_dir=sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, home.node.etc_dir]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        yield other
        other.kill()


async def test_only_one_apply_at_a_time(served: Served) -> None:
    home, _, generation = served
    with locked_by_another(home) as other:
        said = await refused(home, changed(36), generation)
    assert f"pid {other.pid}" in said
    assert (await put(home, changed(36))).changed  # a dead process holds no lock


async def test_without_asterisk_nothing_is_touched(served: Served) -> None:
    home, _, _ = served
    settings = msgspec.structs.replace(home.settings, node=msgspec.structs.replace(home.node, ari_port=1))
    before = conf.revisions(home.node)
    site = changed(37)
    with pytest.raises(AsteriskDown):
        await apply(settings, site, compile_site(site, generation_id(site)), lambda text: None)
    assert conf.revisions(home.node) == before
    seen = await outlook(settings, site, compile_site(site, generation_id(site)))
    assert "could not be asked" in describe(seen)


async def test_asterisk_dies_during_an_apply(make_lab: object, monkeypatch: pytest.MonkeyPatch) -> None:
    home: LabHome = make_lab().up()  # type: ignore[operator]
    first = await put(home, sample_site.site())
    swap = conf.swap
    monkeypatch.setattr(conf, "swap", lambda node, name: (swap(node, name), home.down()))
    with pytest.raises(ApplyError, match="old configuration goes on"):
        await put(home, changed(38))
    monkeypatch.undo()
    current = conf.read_current(home.node)
    assert current
    assert current.manifest.generation == first.generation
    home.up()
    assert await serving(home) == first.generation


async def test_the_plan_shows_files_calls_and_no_secrets(served: Served) -> None:
    home, calls, generation = served
    call = await calls.call(SUPPORT)
    await call.passes("CC_NATIVE", "support")

    async def queued() -> bool:
        return "1 callers in queue support" in await text(home, sample_site.site())

    await until(queued, what="the waiting caller")
    assert (await text(home, sample_site.site())).startswith("no change: this site is in force")
    users = {**sample_site.site().users, "anna": sample_site.user("anna", "291")}
    site = msgspec.structs.replace(changed(39), users=users)
    shown = await text(home, site)
    assert "+[cc-GENERATION-extra]" in shown
    assert "-[cc-" not in shown
    assert f"1 channels in generation {generation}" in shown, shown
    assert (
        "to reload: res_pjsip, app_voicemail, pbx_config" in shown
        or "to reload: res_pjsip, pbx_config" in shown
    )
    assert "pw-" not in shown
    assert "1111" not in shown
    await call.hang_up()


async def text(home: LabHome, site: g.Site) -> str:
    return describe(await outlook(home.settings, site, compile_site(site, generation_id(site))), files=True)


async def test_unused_prompts_go_with_the_last_change_that_plays_them(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEEP_CHANGES", 3)
    home, calls, _ = served
    site = changed(40)
    prompts = {**site.prompts, "welcome": msgspec.structs.replace(site.prompts["welcome"], digest="11111111")}
    call = await calls.call(SUPPORT)
    await call.passes("CC_QUEUE", "support")
    await put(home, msgspec.structs.replace(site, prompts=prompts))
    old = Path(home.node.sounds_dir) / "en/cc/welcome-0badcafe.wav"
    assert old.exists()
    await call.hang_up()
    for number in range(41, 46):  # so that no revision on disk knows it any more
        await put(home, msgspec.structs.replace(changed(number), prompts=prompts))
    assert not old.exists()


async def test_the_manifest_names_what_is_kept(served: Served) -> None:
    home, _, generation = served
    manifest = json.loads((conf.folder(home.node) / "current" / conf.MANIFEST).read_bytes())
    assert manifest["generation"] == generation
    assert len(conf.revisions(home.node)) <= history.KEEP_CHANGES

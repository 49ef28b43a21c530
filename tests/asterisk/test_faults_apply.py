"""An apply that is killed in the middle: the next one makes everything right, whatever was loaded."""

from collections.abc import Iterator

import msgspec
import pytest

from ccctl.asterisk import conf, reload
from ccctl.errors import ApplyError
from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site, generation_id
from ccctl.runtime.apply import Applied, apply, drain
from ccctl.runtime.diff import describe
from ccctl.runtime.doors import asterisk
from ccctl.runtime.plan import outlook
from tests.support import sample_site
from tests.support.labhome import LabHome

pytestmark = pytest.mark.asterisk


class Killed(BaseException):
    """Nothing of ours catches it: as after kill -9, no clean-up runs."""


@pytest.fixture
def home() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


async def put(home: LabHome, site: g.Site) -> Applied:
    return await apply(home.settings, site, compile_site(site, generation_id(site)), lambda text: None)


async def told(home: LabHome, site: g.Site) -> str:
    return describe(await outlook(home.settings, site, compile_site(site, generation_id(site))), files=True)


def with_phone(name: str, extension: str) -> g.Site:
    """A phone more, and the same flows: the generation stays what it was."""
    site = sample_site.site()
    return msgspec.structs.replace(site, users={**site.users, name: sample_site.user(name, extension)})


async def killed(home: LabHome, site: g.Site, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    async def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(reload, where, die)
        with pytest.raises(Killed):
            await put(home, site)


@pytest.mark.parametrize("where", ["_reload", "_read_back"])
async def test_killed_after_the_switch(home: LabHome, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    await put(home, sample_site.site())
    await killed(home, with_phone("carl", "230"), monkeypatch, where)
    assert conf.is_broken_off(home.node)
    assert "broken off" in await told(home, with_phone("carl", "230"))
    async with asterisk(home.node) as doors:
        assert await drain(home.node, doors.ari, doors.ami) == ()  # it would take the half for the whole

    assert (await put(home, with_phone("carl", "230"))).changed
    assert "carl" in home.ask("pjsip show endpoints")
    assert not conf.is_broken_off(home.node)
    assert (await told(home, with_phone("carl", "230"))).startswith("no change")


async def test_killed_and_then_refused_goes_back_before_both(
    home: LabHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(home, sample_site.site())
    good = conf.read_current(home.node)
    site = with_phone("carl", "230")
    flow = sample_site.flow("extra", g.Play(prompts=("welcome",)), g.HangupStep())
    numbers = {**site.numbers, "+4930777": g.Number(number="+4930777", flow="extra")}
    site = msgspec.structs.replace(site, flows={**site.flows, "extra": flow}, numbers=numbers)
    await killed(home, site, monkeypatch, "_reload")

    async def refuse(*_: object) -> None:
        raise ApplyError("not as meant")

    with monkeypatch.context() as patch:
        patch.setattr(reload, "_read_back", refuse)
        with pytest.raises(ApplyError):
            await put(home, site)
    assert conf.read_current(home.node) == good
    assert not conf.is_broken_off(home.node)
    assert "carl" not in home.ask("pjsip show endpoints")
    assert (await put(home, site)).changed
    assert "carl" in home.ask("pjsip show endpoints")


async def test_killed_at_the_very_first_apply(home: LabHome, monkeypatch: pytest.MonkeyPatch) -> None:
    await killed(home, sample_site.site(), monkeypatch, "_reload")
    assert (await put(home, sample_site.site())).changed
    assert "anna" in home.ask("pjsip show endpoints")


async def test_no_room_for_the_roster_changes_nothing(home: LabHome) -> None:
    await put(home, sample_site.site())
    before = conf.read_current(home.node)
    nowhere = msgspec.structs.replace(home.settings, home="/proc/nowhere")
    site = with_phone("carl", "230")
    with pytest.raises(ApplyError, match="nothing was changed"):
        await apply(nowhere, site, compile_site(site, generation_id(site)), lambda text: None)
    assert conf.read_current(home.node) == before
    assert "carl" not in home.ask("pjsip show endpoints")

"""Callers on hold, from the agent's phone and by request: who hears what, and what the ledger says."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.handing import Handing
from tests.support.running import ANNA, CALLER, MUSIC, Centre

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running() as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben") as desk:
        yield desk
    await everybody_home(centre)


async def test_a_phone_holds_and_takes_back(desk: Desk) -> None:
    talk = await Handing.begin(desk)
    talk.agent.hold()
    await talk.caller.until_heard({MUSIC}, among=EARS)
    await desk.presence("anna", "held")
    talk.agent.resume()
    await ears(talk.parties, {"caller": {ANNA}, "agent": {CALLER}})
    await desk.presence("anna", "talking")
    talk.caller.hangup()
    await talk.over(["waiting", "talk", "hold", "talk"])


async def test_hold_by_request_has_music_and_may_be_refused(desk: Desk) -> None:
    talk = await Handing.begin(desk)
    await talk.ccctl("call", "hold", talk.call)
    await talk.caller.until_heard({MUSIC}, among=EARS)
    await desk.presence("anna", "held")
    assert "held" in await talk.refused("call", "hold", talk.call)
    await talk.ccctl("call", "unhold", talk.call)
    await ears(talk.parties, {"caller": {ANNA}, "agent": {CALLER}})
    await desk.presence("anna", "talking")
    assert "not-held" in await talk.refused("call", "unhold", talk.call)
    talk.agent.hangup()
    await talk.over(["waiting", "talk", "hold", "talk"])


@pytest.mark.parametrize("by", ["phone", "us"])
async def test_a_caller_who_hangs_up_on_hold_frees_the_agent(desk: Desk, by: str) -> None:
    talk = await Handing.begin(desk)
    await talk.hold(by)
    talk.caller.hangup()
    await talk.agent.until_ended()
    await desk.presence("anna", "wrapup")
    await talk.over(["waiting", "talk", "hold"], ended_by="caller")


@pytest.mark.parametrize("by", ["phone", "us"])
async def test_an_agent_who_hangs_up_lets_the_caller_go_on(desk: Desk, by: str) -> None:
    talk = await Handing.begin(desk)
    await talk.hold(by)
    talk.agent.hangup()
    await desk.presence("anna", "wrapup")
    await talk.caller.until_ended()
    await talk.over(["waiting", "talk", "hold"], ended_by="agent")


async def test_a_hold_outlives_the_daemon(desk: Desk) -> None:
    talk = await Handing.begin(desk)
    await talk.hold("us")
    desk.centre.kill()
    desk.centre.start()
    await talk.caller.until_heard({MUSIC}, among=EARS)
    await desk.presence("anna", "held")
    await talk.ccctl("call", "unhold", talk.call)
    await ears(talk.parties, {"caller": {ANNA}, "agent": {CALLER}})
    talk.caller.hangup()
    await talk.over(["waiting", "talk", "hold", "talk"])

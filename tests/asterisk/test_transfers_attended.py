"""An agent asks somebody first, or all talk in three: who hears whom, who may leave, what the ledger says."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ccctl.lab.phones import IncomingCall
from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.handing import Handing, site_of_transfers
from tests.support.ports import free_port
from tests.support.running import ANNA, BEN, CALLER, MUSIC, SUPER, Centre

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running(site=site_of_transfers(free_port())) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben", "sue", "joe") as desk:
        yield desk
    await everybody_home(centre, "anna", "ben", "joe")


async def consulting(desk: Desk) -> tuple[Handing, IncomingCall]:
    """Anna asks ben while her caller hears music."""
    talk = await Handing.begin(desk, "ben")
    talk.agent.press("#2202#")
    ringing = await desk.ben.incoming()
    await desk.presence("anna", "consulting")
    await talk.caller.until_heard({MUSIC}, among=EARS)
    ringing.answer()
    await ears(
        {"caller": talk.caller, "anna": talk.agent, "ben": ringing},
        {"caller": {MUSIC}, "anna": {BEN}, "ben": {ANNA}},
    )
    await desk.presence("ben", "talking")
    return talk, ringing


async def back(talk: Handing, outcome: str, target: str = "agent:ben") -> None:
    """Caller and agent talk again, and then no more."""
    await ears(talk.parties, {"caller": {ANNA}, "agent": {CALLER}})
    await talk.desk.presence("anna", "talking")
    talk.caller.hangup()
    await talk.handed(("attended", target, outcome))
    await talk.over(["waiting", "talk", "consult", "talk"], ended_by="caller")


async def handed_to_ben(talk: Handing, ben: IncomingCall) -> None:
    await talk.agent.until_ended()
    await talk.desk.presence("anna", "ready")
    await ears({"caller": talk.caller, "ben": ben}, {"caller": {BEN}, "ben": {CALLER}})
    await talk.desk.presence("ben", "talking")
    ben.hangup()
    await talk.desk.presence("ben", "wrapup")
    await talk.over(["waiting", "talk", "consult", "talk"], ended_by="agent")
    assert [row["agent"] for row in talk.rows("recordings", "started")] == ["anna", "ben"]
    assert [(row["agent"], row["ended_by"]) for row in talk.rows("visits")] == [("anna", "transfer")]


async def test_completed_by_keys(desk: Desk) -> None:
    talk, ben = await consulting(desk)
    talk.agent.press("#2")
    await talk.handed(("attended", "agent:ben", "completed"))
    await handed_to_ben(talk, ben)


async def test_the_agent_hangs_up_in_the_consultation(desk: Desk) -> None:
    talk, ben = await consulting(desk)
    talk.agent.hangup()
    await talk.handed(("attended", "agent:ben", "completed"))
    await handed_to_ben(talk, ben)


async def test_the_agent_hangs_up_while_it_rings(desk: Desk) -> None:
    talk = await Handing.begin(desk, "ben")
    talk.agent.press("#2202#")
    ringing = await desk.ben.incoming()
    talk.agent.hangup()
    await desk.presence("anna", "ready")
    await talk.caller.until_heard({MUSIC}, among=EARS)
    ringing.answer()
    await ears({"caller": talk.caller, "ben": ringing}, {"caller": {BEN}, "ben": {CALLER}})
    talk.caller.hangup()
    await talk.handed(("attended", "agent:ben", "completed"))
    await talk.over(["waiting", "talk", "consult", "transfer", "talk"], ended_by="caller")


async def test_cancelled_by_keys(desk: Desk) -> None:
    talk, ben = await consulting(desk)
    talk.agent.press("#4")
    await ben.until_ended()
    await desk.presence("ben", "ready")
    await back(talk, "cancelled")


async def test_the_other_declines(desk: Desk) -> None:
    talk = await Handing.begin(desk, "ben")
    talk.agent.press("#2202#")
    ringing = await desk.ben.incoming()
    await talk.caller.until_heard({MUSIC}, among=EARS)
    ringing.reject(486)
    await desk.presence("ben", "not_responding")
    await back(talk, "rejected")


async def test_the_other_hangs_up_in_the_consultation(desk: Desk) -> None:
    talk, ben = await consulting(desk)
    ben.hangup()
    await desk.presence("ben", "ready")
    await back(talk, "target_left")


async def test_by_request_to_a_user_who_is_no_agent(desk: Desk) -> None:
    talk = await Handing.begin(desk)
    await talk.ccctl("call", "transfer", talk.call, "--to", "sue", "--attended")
    ringing = await desk.sue.incoming()
    assert "in-transfer" in await talk.refused("call", "transfer", talk.call, "--to", "sue")
    ringing.answer()
    await ears({"anna": talk.agent, "sue": ringing}, {"anna": {SUPER}, "sue": {ANNA}})
    await talk.ccctl("call", "consult", talk.call, "complete")
    await talk.agent.until_ended()
    await ears({"caller": talk.caller, "sue": ringing}, {"caller": {SUPER}, "sue": {CALLER}})
    ringing.hangup()
    await talk.over(["waiting", "talk", "consult", "talk"])
    assert talk.rows("transfers", "started")[0]["way"] == "request"


async def test_the_caller_hangs_up_in_the_consultation(desk: Desk) -> None:
    talk, ben = await consulting(desk)
    talk.caller.hangup()
    await talk.handed(("attended", "agent:ben", "caller_left"))
    await ears({"anna": talk.agent, "ben": ben}, {"anna": {BEN}, "ben": {ANNA}})
    talk.agent.hangup()
    await ben.until_ended()
    await desk.presence("anna", "wrapup")
    await desk.presence("ben", "ready")
    await talk.over(["waiting", "talk", "consult"], ended_by="caller")


async def in_three(desk: Desk) -> tuple[Handing, IncomingCall]:
    talk, ben = await consulting(desk)
    talk.agent.press("#3")
    await ears(
        {"caller": talk.caller, "anna": talk.agent, "ben": ben},
        {"caller": {ANNA, BEN}, "anna": {CALLER, BEN}, "ben": {CALLER, ANNA}},
    )
    await desk.presence("anna", "talking")
    return talk, ben


async def test_a_conference_goes_on_without_the_agent(desk: Desk) -> None:
    talk, ben = await in_three(desk)
    talk.agent.hangup()
    await desk.presence("anna", "ready")
    await ears({"caller": talk.caller, "ben": ben}, {"caller": {BEN}, "ben": {CALLER}})
    talk.caller.hangup()
    await desk.presence("ben", "wrapup")
    await talk.handed(("conference", "agent:ben", "completed"))
    await talk.over(["waiting", "talk", "consult", "talk", "talk"], ended_by="caller")


async def test_a_conference_goes_on_without_the_third(desk: Desk) -> None:
    talk, ben = await in_three(desk)
    ben.hangup()
    await desk.presence("ben", "ready")
    await ears(talk.parties, {"caller": {ANNA}, "agent": {CALLER}})
    talk.agent.hangup()
    await talk.handed(("conference", "agent:ben", "target_left"))
    await talk.over(["waiting", "talk", "consult", "talk", "talk"], ended_by="agent")


async def test_a_conference_goes_on_without_the_caller(desk: Desk) -> None:
    talk, ben = await in_three(desk)
    talk.caller.hangup()
    await ears({"anna": talk.agent, "ben": ben}, {"anna": {BEN}, "ben": {ANNA}})
    ben.hangup()
    await talk.agent.until_ended()
    await desk.presence("anna", "wrapup")
    await talk.handed(("conference", "agent:ben", "caller_left"))
    await talk.over(["waiting", "talk", "consult", "talk"], ended_by="caller")


async def test_the_phone_consults_by_itself(desk: Desk) -> None:
    """It holds the caller, dials a second call through the exchange, and refers the first to it."""
    talk = await Handing.begin(desk, "ben")
    await talk.hold("phone")
    second = desk.anna.call("202")
    ben = await desk.ben.incoming()
    ben.answer()
    await ears({"anna": second, "ben": ben}, {"anna": {BEN}, "ben": {ANNA}})
    talk.agent.refer("202", replaces=second)
    assert await talk.agent.until_referred() == 200
    await talk.agent.until_ended()
    await second.until_ended()
    await ears({"caller": talk.caller, "ben": ben}, {"caller": {BEN}, "ben": {CALLER}})
    await desk.presence("ben", "talking")
    ben.hangup()
    await desk.presence("ben", "wrapup")
    await talk.handed(("attended", "user:ben", "completed"))
    await talk.over(["waiting", "talk", "hold", "talk"], ended_by="agent")
    assert [row["agent"] for row in talk.rows("recordings", "started")] == ["anna", "ben"]


async def test_the_phone_consults_and_does_not_wait_for_the_answer(desk: Desk) -> None:
    talk = await Handing.begin(desk, "ben")
    await talk.hold("phone")
    second = desk.anna.call("202")
    await desk.ben.incoming()
    await second.until_ringing()
    talk.agent.refer("202", replaces=second)
    assert await talk.agent.until_referred() == 200
    await second.until_ended()
    ben = await desk.ben.incoming()
    ben.answer()
    await ears({"caller": talk.caller, "ben": ben}, {"caller": {BEN}, "ben": {CALLER}})
    talk.caller.hangup()
    await talk.handed(("blind", "agent:ben", "completed"))
    await talk.over(["waiting", "talk", "hold", "transfer", "talk"], ended_by="caller")


async def test_a_consultation_outlives_the_daemon(desk: Desk) -> None:
    talk, ben = await consulting(desk)
    desk.centre.kill()
    await ears({"anna": talk.agent, "ben": ben}, {"anna": {BEN}, "ben": {ANNA}})
    desk.centre.start()
    await desk.presence("anna", "consulting")
    talk.agent.press("#2")
    await talk.handed(("attended", "agent:ben", "completed"))
    await handed_to_ben(talk, ben)


async def test_a_ringing_consultation_outlives_the_daemon(desk: Desk) -> None:
    talk = await Handing.begin(desk, "ben")
    talk.agent.press("#2202#")
    ringing = await desk.ben.incoming()
    await talk.handed(("attended", "agent:ben", ""))  # written down: what is not is undone
    desk.centre.kill()
    ringing.answer()
    await ringing.until_answered()
    desk.centre.start()
    await ears(
        {"caller": talk.caller, "anna": talk.agent, "ben": ringing},
        {"caller": {MUSIC}, "anna": {BEN}, "ben": {ANNA}},
    )
    talk.agent.press("#4")
    await back(talk, "cancelled")


async def test_a_conference_outlives_the_daemon(desk: Desk) -> None:
    talk, ben = await in_three(desk)
    desk.centre.kill()
    desk.centre.start()
    talk.agent.hangup()
    await desk.presence("anna", "ready")
    await ears({"caller": talk.caller, "ben": ben}, {"caller": {BEN}, "ben": {CALLER}})
    talk.caller.hangup()
    await talk.handed(("conference", "agent:ben", "completed"))
    await talk.over(["waiting", "talk", "consult", "talk", "talk"], ended_by="caller")

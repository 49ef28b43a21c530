"""Talks handed on at once, from phone, by keys and by request: who hears whom, and what the ledger says."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ccctl.lab.phones import Carrier
from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.handing import Handing, site_of_transfers
from tests.support.ports import free_port
from tests.support.running import ANNA, BEN, CALLER, MUSIC, SECOND, SUPER, THIRD, WELCOME, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]
PORT = free_port()


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running(site=site_of_transfers(PORT)) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben", "sue", "joe") as desk:
        yield desk
    await everybody_home(centre, "anna", "ben", "joe")


@pytest.fixture
async def outside(desk: Desk) -> Carrier:
    """The network beyond the trunk; Asterisk has noticed that it is there."""
    carrier = desk.phones.carrier(port=PORT, tone=THIRD)
    lab = desk.centre.lab
    lab.ask("pjsip qualify telco")
    await until(lambda: "Avail" in lab.ask("pjsip show contacts").replace("Unavail", ""), 8, "telco is there")
    return carrier


async def test_refer_to_a_free_agent(desk: Desk) -> None:
    talk = await Handing.begin(desk, "ben")
    talk.agent.refer("202")
    ringing = await desk.ben.incoming()
    assert ringing.caller == desk.numbers[talk.caller]
    assert await talk.agent.until_referred() == 200
    await talk.agent.until_ended()
    await desk.presence("anna", "ready")  # after a wrap-up of a second
    await talk.caller.until_heard({MUSIC}, among=EARS)
    ringing.answer()
    await ears({"caller": talk.caller, "ben": ringing}, {"caller": {BEN}, "ben": {CALLER}})
    await desk.presence("ben", "talking")
    ringing.hangup()
    await desk.presence("ben", "wrapup")
    await talk.handed(("blind", "agent:ben", "completed"))
    await talk.over(["waiting", "talk", "transfer", "talk"], ended_by="agent")
    assert [row["agent"] for row in talk.rows("recordings", "started")] == ["anna", "ben"]
    assert [(row["agent"], row["ended_by"]) for row in talk.rows("visits")] == [("anna", "transfer")]


async def test_refer_to_an_agent_who_is_not_free(desk: Desk) -> None:
    talk = await Handing.begin(desk)
    talk.agent.refer("202")
    assert await talk.agent.until_referred() == 503
    await ears(talk.parties, {"caller": {ANNA}, "agent": {CALLER}})
    await desk.presence("anna", "talking")
    talk.caller.hangup()
    await talk.handed(("blind", "agent:ben", "refused"))
    await talk.over(["waiting", "talk"], ended_by="caller")


async def test_keys_to_a_queue_keep_the_callers_turn(desk: Desk) -> None:
    talk = await Handing.begin(desk, "joe")
    other = desk.call(tone=SECOND)  # waits in support, behind nobody
    await other.until_heard({MUSIC}, among=EARS)
    await desk.presence("joe", "ready")
    talk.agent.press("#1601#")
    ringing = await desk.joe.incoming()
    ringing.answer()
    await ears({"caller": talk.caller, "joe": ringing}, {"caller": {SUPER}, "joe": {CALLER}})
    ringing.hangup()
    other.hangup()
    await talk.handed(("blind", "queue:billing", "completed"))
    await talk.over(["waiting", "talk", "waiting", "talk"], ended_by="agent")
    visits = talk.rows("visits", "entered")
    assert [(v["queue"], v["outcome"], v["agent"], v["ended_by"]) for v in visits] == [
        ("support", "answered", "anna", "transfer"),
        ("billing", "answered", "joe", "agent"),
    ]


async def test_back_into_the_own_queue_before_those_who_came_later(desk: Desk) -> None:
    talk = await Handing.begin(desk)
    later = desk.call(tone=SECOND)
    await later.until_heard({MUSIC}, among=EARS)
    await talk.ccctl("agent", "pause", "anna")  # after the talk
    talk.agent.press("#1600#")
    await talk.handed(("blind", "queue:support", "completed"))
    await desk.login("ben")
    first = await desk.ben.incoming()
    assert first.caller == desk.numbers[talk.caller]
    first.answer()
    await talk.caller.until_heard({BEN}, 8, among=EARS)
    later.hangup()
    talk.caller.hangup()
    await talk.over(["waiting", "talk", "waiting", "talk"], ended_by="caller")


async def test_request_to_a_flow(desk: Desk) -> None:
    talk = await Handing.begin(desk)
    assert "unknown-target" in await talk.refused("call", "transfer", talk.call, "--to", "flow:nigt")
    await talk.ccctl("call", "transfer", talk.call, "--to", "flow:night")
    await talk.caller.until_heard({WELCOME}, among=EARS)
    await talk.agent.until_ended()
    await talk.caller.until_ended(8)
    row = await desk.ended(talk.caller)
    assert (row["path"], row["ended_in"]) == ("support>night", "closed")
    await talk.handed(("blind", "flow:nigt", "refused"), ("blind", "flow:night", "completed"))
    await talk.over(["waiting", "talk"])


async def test_outside_where_the_site_allows_it(desk: Desk, outside: Carrier) -> None:
    talk = await Handing.begin(desk)
    talk.agent.press("#1004930999123#")
    ringing = await outside.incoming(10)
    ringing.answer()
    await ears({"caller": talk.caller, "outside": ringing}, {"caller": {THIRD}, "outside": {CALLER}})
    ringing.hangup()
    await talk.caller.until_ended()
    await talk.handed(("blind", "outside:+4930999123", "completed"))
    await talk.over(["waiting", "talk", "transfer", "talk"])
    assert [row["agent"] for row in talk.rows("recordings", "started")] == ["anna", "+4930999123"]


async def test_outside_where_the_site_does_not(desk: Desk, outside: Carrier) -> None:
    talk = await Handing.begin(desk)
    for number in ("+4930111222", "00881123456"):
        assert "forbidden" in await talk.refused("call", "transfer", talk.call, "--to", number)
    talk.agent.refer("004930111222")
    assert await talk.agent.until_referred() == 603
    await ears(talk.parties, {"caller": {ANNA}, "agent": {CALLER}})
    assert not outside.calls
    talk.agent.hangup()
    await talk.over(["waiting", "talk"], ended_by="agent")
    assert {row["detail"] for row in talk.rows("transfers")} == {"forbidden"}


async def test_outside_nobody_is_rung_while_the_trunk_is_full(desk: Desk, outside: Carrier) -> None:
    talk = await Handing.begin(desk)
    others = [desk.call(tone=SECOND), desk.call(tone=SECOND)]
    for other in others:
        await other.until_heard({MUSIC}, among=EARS)
    await talk.ccctl("call", "transfer", talk.call, "--to", "+4930999123")
    again = await desk.anna.incoming()
    again.answer()
    await ears({"caller": talk.caller, "anna": again}, {"caller": {ANNA}, "anna": {CALLER}})
    assert not outside.calls
    for call in (*others, talk.caller):
        call.hangup()
    await talk.handed(("blind", "outside:+4930999123", "returned"))
    await talk.over(["waiting", "talk", "transfer", "talk"], ended_by="caller")
    assert [row["detail"] for row in talk.rows("transfers")] == ["unreachable"]


async def test_nobody_answers_and_the_agent_has_him_back(desk: Desk) -> None:
    talk = await Handing.begin(desk, "ben")
    talk.agent.press("#1202#")
    ringing = await desk.ben.incoming()
    await talk.agent.until_ended()
    await ringing.until_ended(10)
    await desk.presence("ben", "not_responding")
    again = await desk.anna.incoming()
    again.answer()
    await ears({"caller": talk.caller, "anna": again}, {"caller": {ANNA}, "anna": {CALLER}})
    await desk.presence("anna", "talking")
    again.hangup()
    await talk.handed(("blind", "agent:ben", "returned"))
    await talk.over(["waiting", "talk", "transfer", "talk"], ended_by="agent")


async def test_nobody_answers_and_the_agent_is_gone(desk: Desk) -> None:
    talk = await Handing.begin(desk, "ben")
    await talk.ccctl("call", "transfer", talk.call, "--to", "ben")
    ringing = await desk.ben.incoming()
    await talk.ccctl("agent", "pause", "anna")
    ringing.reject(486)
    await desk.presence("ben", "not_responding")
    await until(lambda: len(talk.rows("visits")) == 2, 8, "he waits again")
    await talk.caller.until_heard({MUSIC}, among=EARS)
    await talk.ccctl("agent", "unpause", "anna")
    (await desk.anna.incoming()).answer()
    await talk.caller.until_heard({ANNA}, 8, among=EARS)
    talk.caller.hangup()
    await talk.handed(("blind", "agent:ben", "queued"))
    await talk.over(["waiting", "talk", "transfer", "waiting", "talk"], ended_by="caller")


async def test_caller_hangs_up_on_his_way(desk: Desk) -> None:
    talk = await Handing.begin(desk, "ben")
    await talk.ccctl("call", "transfer", talk.call, "--to", "202")
    ringing = await desk.ben.incoming()
    talk.caller.hangup()
    await ringing.until_ended()
    await desk.presence("ben", "ready")
    await talk.handed(("blind", "agent:ben", "caller_left"))
    await talk.over(["waiting", "talk", "transfer"], ended_by="caller")


async def test_to_a_user_who_is_no_agent(desk: Desk) -> None:
    talk = await Handing.begin(desk)
    talk.agent.refer("210")
    ringing = await desk.sue.incoming()
    ringing.answer()
    await ears({"caller": talk.caller, "sue": ringing}, {"caller": {SUPER}, "sue": {CALLER}})
    talk.caller.hangup()
    await ringing.until_ended()
    await talk.handed(("blind", "user:sue", "completed"))
    await talk.over(["waiting", "talk", "transfer", "talk"], ended_by="caller")


async def test_one_who_answers_while_the_daemon_is_dead_has_the_caller_when_it_is_back(desk: Desk) -> None:
    talk = await Handing.begin(desk, "ben")
    await talk.ccctl("call", "transfer", talk.call, "--to", "202")
    ringing = await desk.ben.incoming()
    await talk.agent.until_ended()
    await talk.handed(("blind", "agent:ben", ""))  # written down: what is not is undone
    desk.centre.kill()
    ringing.answer()
    await ringing.until_answered()
    await talk.caller.until_heard({MUSIC}, among=EARS)
    desk.centre.start()
    await ears({"caller": talk.caller, "ben": ringing}, {"caller": {BEN}, "ben": {CALLER}})
    assert [call for call in desk.ben.calls if call is not ringing] == []
    talk.caller.hangup()
    await talk.handed(("blind", "agent:ben", "completed"))
    await talk.over(["waiting", "talk", "transfer", "talk"], ended_by="caller")

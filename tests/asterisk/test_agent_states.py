"""What an agent's own phone does, on the real Asterisk: it goes and comes back, and has calls of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.desk import EARS, Desk, at_desk, everybody_home, running
from tests.support.running import ANNA, BEN, SITE, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]
PLAIN, DESK, PATIENT = "+49301002", "+49301006", "+49301007"
LONG_WRAP = "+49301008"
PATIENCE = "wrap_up: 0s, whisper: none, direct_calls: ignore, membership: dynamic, agents: [ben]"
LONG = "wrap_up: {time: 30s, max: 55s}, whisper: none, not_responding: {after: 2, for: 3s}, agents: [anna]"
FLOWS = "".join(f"  {name}: [{{queue: {name}}}, hangup]\n" for name in ("patient", "long"))
STATES = (
    SITE.replace("mailboxes:", f"  patient: {{{PATIENCE}}}\n  long: {{{LONG}}}\nmailboxes:")
    .replace("{1: lunch}", "{1: lunch, 2: {name: tea, max: 1m, over: offline}}")
    .replace('"*46": agent-pause', '"*46": agent-pause\n  "*47": agent-wrap-up')
    .replace("\nhours:", f'\n  "{DESK}": desk\n  "{PATIENT}": patient\n  "{LONG_WRAP}": long\nhours:')
    .replace("  night:\n", f"  desk: [{{dial: anna}}, hangup]\n{FLOWS}  night:\n")
)


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running(site=STATES) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben") as desk:
        yield desk
    await everybody_home(centre)


async def nobody_rings(desk: Desk, caller: str) -> None:
    """The call waits, and was offered to nobody."""
    query = "select v.* from visits v join calls c on v.call = c.id where c.caller = :caller"
    rows = await until(lambda: desk.centre.rows(query, caller=caller), 8, "the caller waits")
    assert [(row["offers"], row["ended"]) for row in rows] == [(0, None)]


async def ccctl(desk: Desk, *words: str) -> str:
    done = await asyncio.to_thread(desk.centre.ccctl, *words)
    return done.stdout


def app_queue(desk: Desk, queue: str) -> str:
    return desk.centre.lab.ask(f"queue show {queue}")


def states(desk: Desk, agent: str) -> list[tuple[str, str]]:
    query = "select * from agent_states where agent = :agent order by started, id"
    return [(row["presence"], row["cause"]) for row in desk.centre.rows(query, agent=agent)]


async def test_a_phone_that_unregisters_gets_no_calls_until_it_is_back(desk: Desk) -> None:
    await desk.login("anna")
    await desk.presence("anna", "ready")
    await desk.anna.unregister()
    await desk.presence("anna", "unreachable")
    caller = desk.call(PLAIN)
    await nobody_rings(desk, desk.numbers[caller])
    await desk.anna.register()
    (await desk.anna.incoming()).answer()  # by itself, and with the caller who waits
    await caller.until_heard({ANNA}, 8, among=EARS)
    caller.hangup()
    await desk.presence("anna", "ready")
    assert ("unreachable", "phone") in states(desk, "anna")


async def test_a_pause_outlasts_a_lost_phone(desk: Desk) -> None:
    await desk.login("anna")
    await asyncio.to_thread(desk.centre.ccctl, "agent", "pause", "anna", "--reason", "lunch")
    await desk.anna.unregister()
    await asyncio.to_thread(desk.centre.ccctl, "agent", "unpause", "anna")
    await desk.presence("anna", "unreachable")
    await asyncio.to_thread(desk.centre.ccctl, "agent", "pause", "anna", "--reason", "lunch")
    await desk.anna.register()
    await desk.presence("anna", "paused")
    await asyncio.to_thread(desk.centre.ccctl, "agent", "unpause", "anna")
    await desk.presence("anna", "ready")


async def test_who_dials_a_colleague_is_not_rung_for_a_queue(desk: Desk) -> None:
    await desk.login("anna")
    call = desk.anna.call("202")
    ringing = await desk.ben.incoming()
    await desk.presence("anna", "direct_call")  # from the first moment, before ben answers
    ringing.answer()
    await call.until_heard({BEN}, 8, among=EARS)
    caller = desk.call(PLAIN)
    await nobody_rings(desk, desk.numbers[caller])
    call.hangup()
    (await desk.anna.incoming()).answer()
    await caller.until_heard({ANNA}, 8, among=EARS)
    caller.hangup()
    await desk.presence("anna", "ready")


async def test_who_is_dialled_by_a_flow_is_in_a_direct_call_when_he_answers(desk: Desk) -> None:
    await desk.login("anna")
    await asyncio.to_thread(desk.centre.ccctl, "agent", "pause", "anna", "--reason", "lunch")
    caller = desk.call(DESK)
    (await desk.anna.incoming()).answer()
    await caller.until_heard({ANNA}, 8, among=EARS)
    await desk.presence("anna", "direct_call")
    assert desk.centre.live("agent/anna")["after"] == "paused"
    caller.hangup()
    await desk.presence("anna", "paused")
    assert desk.centre.live("agent/anna")["reason"] == "lunch"


async def test_a_queue_may_ring_who_is_in_a_call_of_his_own(desk: Desk) -> None:
    await desk.login("anna")
    await ccctl(desk, "agent", "join", "anna", "patient")
    call = desk.anna.call("202")
    (await desk.ben.incoming()).answer()
    await desk.presence("anna", "direct_call")
    caller = desk.call(PATIENT)
    second = await desk.anna.incoming()
    second.reject(486)
    await desk.presence("anna", "not_responding")
    caller.hangup()
    call.hangup()
    await ccctl(desk, "agent", "leave", "anna", "patient")


async def test_feature_codes_are_no_calls(desk: Desk) -> None:
    await desk.dial_code(desk.anna, "*45")
    await desk.presence("anna", "ready")
    before = len(states(desk, "anna"))
    await desk.dial_code(desk.anna, "*46")
    await desk.presence("anna", "paused")
    assert [presence for presence, _ in states(desk, "anna")[before:]] == ["paused"]


async def test_kill_9_during_a_direct_call(desk: Desk) -> None:
    centre = desk.centre
    await desk.login("anna")
    call = desk.anna.call("202")
    (await desk.ben.incoming()).answer()
    await desk.presence("anna", "direct_call")
    await asyncio.to_thread(centre.kill)
    await asyncio.to_thread(centre.start)
    await desk.presence("anna", "direct_call")
    await asyncio.to_thread(centre.kill)
    call.hangup()  # while nobody sees it
    await asyncio.to_thread(centre.start)
    await desk.presence("anna", "ready")


async def test_kill_9_while_unreachable(desk: Desk) -> None:
    centre = desk.centre
    await desk.login("anna")
    await desk.anna.unregister()
    await desk.presence("anna", "unreachable")
    await asyncio.to_thread(centre.kill)
    await asyncio.to_thread(centre.start)
    await desk.presence("anna", "unreachable")
    await asyncio.to_thread(centre.kill)
    await desk.anna.register()
    await asyncio.to_thread(centre.start)
    await desk.presence("anna", "ready")


async def test_paused_for_one_queue_she_is_rung_for_the_other(desk: Desk) -> None:
    await desk.login("anna")
    await ccctl(desk, "agent", "pause", "anna", "--queue", "plain", "--reason", "lunch")
    caller = desk.call(PLAIN)
    await nobody_rings(desk, desk.numbers[caller])
    assert desk.centre.live("agent/anna")["paused_in"] == {"plain": "lunch"}
    await until(lambda: "paused" in app_queue(desk, "plain"), 5, "app_queue knows it")
    other, ringing = await desk.talk(desk.anna)  # the queue support
    ringing.hangup()
    await other.until_ended()
    await desk.presence("anna", "ready")
    await ccctl(desk, "agent", "unpause", "anna", "--queue", "plain")
    (await desk.anna.incoming()).answer()
    await caller.until_heard({ANNA}, 8, among=EARS)
    caller.hangup()
    rows = desk.centre.rows("select * from queue_pauses where agent = 'anna'")
    assert [(row["queue"], row["reason"], row["ended"] is None) for row in rows] == [
        ("plain", "lunch", False)
    ]


async def test_who_joins_a_queue_is_rung_and_stays_in_it_over_a_kill(desk: Desk) -> None:
    await desk.login("anna")
    caller = desk.call(PATIENT)
    await nobody_rings(desk, desk.numbers[caller])
    await ccctl(desk, "agent", "join", "anna", "patient")
    (await desk.anna.incoming()).answer()
    await caller.until_heard({ANNA}, 8, among=EARS)
    caller.hangup()
    await until(lambda: "PJSIP/anna" in app_queue(desk, "patient"), 5, "app_queue has her, too")
    await asyncio.to_thread(desk.centre.kill)
    await asyncio.to_thread(desk.centre.start)
    assert "patient" in desk.centre.live("agent/anna")["queues"]
    await ccctl(desk, "agent", "leave", "anna", "patient")
    assert "patient" not in desk.centre.live("agent/anna")["queues"]
    await until(lambda: "PJSIP/anna" not in app_queue(desk, "patient"), 5, "app_queue has her no more")


async def test_a_wrap_up_made_longer_and_ended_early(desk: Desk) -> None:
    await desk.login("anna")
    caller, agent = await desk.talk(desk.anna, LONG_WRAP)
    agent.hangup()
    await caller.until_ended()
    await desk.presence("anna", "wrapup")
    first = desk.centre.live("agent/anna")["until"]
    await ccctl(desk, "agent", "wrap-up", "anna", "--extend", "20s")
    assert desk.centre.live("agent/anna")["until"] == first + 20_000
    await desk.dial_code(desk.anna, "*47")  # up to the limit
    assert desk.centre.live("agent/anna")["until"] == first + 25_000
    assert " left" in await ccctl(desk, "agent", "list")
    await ccctl(desk, "agent", "ready", "anna")
    await desk.presence("anna", "ready")


async def test_two_missed_offers_and_a_rest(desk: Desk) -> None:
    await desk.login("anna")
    caller = desk.call(LONG_WRAP)
    (await desk.anna.incoming()).reject(486)
    (await desk.anna.incoming()).reject(486)  # one may be missed
    await desk.presence("anna", "not_responding")
    (await desk.anna.incoming(8)).answer()  # by itself
    await caller.until_heard({ANNA}, 8, among=EARS)
    caller.hangup()


async def test_a_pause_over_its_limit_ends_the_login(desk: Desk) -> None:
    await desk.login("anna")
    await desk.dial_code(desk.anna, "*462")
    await desk.presence("anna", "paused")
    await desk.presence("anna", "offline", 70)
    assert "pause tea is over its limit" in desk.centre.log.read_text()

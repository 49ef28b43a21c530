"""The daemon dies while people wait and talk: nobody notices, nobody is lost, the ledger is whole."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from ccctl.asterisk.ari_rest import Rest
from ccctl.flow.marks import DEADMAN_RENEW_MS, DEADMAN_WAIT_S
from tests.support.desk import EARS, Desk, at_desk, ears, running
from tests.support.running import ANNA, BEN, CALLER, MUSIC, SECOND, THIRD, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]


@pytest.fixture
def centre() -> Iterator[Centre]:
    with running() as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben") as desk:
        yield desk


def open_rows(centre: Centre) -> list[dict[str, object]]:
    tables = ("calls", "visits", "segments", "offers", "recordings", "watches")
    return [row for table in tables for row in centre.rows(f"select * from {table} where ended is null")]


def have_patience(centre: Centre) -> None:
    """A caller whom nobody has taken goes to app_queue after seconds; how fast this machine starts a daemon
    is not the question here."""
    fields = [line.split("!") for line in centre.lab.ask("core show channels concise").splitlines()]
    (newcomer,) = [each[0] for each in fields if "Stasis" in each and not each[-2]]  # in no bridge
    centre.lab.ask(f"dialplan set chanvar {newcomer} TIMEOUT(absolute) 60")


async def test_kill_9_with_two_talks_and_three_waiting_then_restart(centre: Centre, desk: Desk) -> None:
    await desk.login("anna", "ben")
    talk_a, agent_a = await desk.talk(desk.anna, "+49301002")
    talk_b = desk.call("+49301002", tone=SECOND)
    agent_b = await desk.ben.incoming()
    agent_b.answer()
    await talk_b.until_heard({BEN}, 8, among=EARS)
    waiting = []
    for _ in range(3):
        call = desk.call("+49301002", tone=THIRD)
        await call.until_heard({MUSIC}, among=EARS)
        waiting.append(call)

    await asyncio.to_thread(centre.kill)
    everybody = {"talk a": talk_a, "agent a": agent_a, "talk b": talk_b, "agent b": agent_b}
    everybody |= {f"waiting {i}": call for i, call in enumerate(waiting)}
    wanted = {"talk a": {ANNA}, "agent a": {CALLER}, "talk b": {BEN}, "agent b": {SECOND}}
    wanted |= {f"waiting {i}": {MUSIC} for i in range(3)}
    await ears(everybody, wanted)
    newcomer = desk.call("+49301002", tone=THIRD)  # comes while nobody is there
    await set_timer(centre, desk.numbers[newcomer], 60)  # a busy machine is not back in his 3 s
    await newcomer.until_heard({MUSIC}, among=EARS)
    have_patience(centre)
    agent_a.hangup()  # nobody sees this end

    await asyncio.to_thread(centre.start)
    freed = await desk.anna.incoming(10)  # the first of the line is offered to her
    freed.answer()
    await waiting[0].until_heard({ANNA}, 8, among=EARS)
    await ears(
        {"talk b": talk_b, "agent b": agent_b, "w1": waiting[1], "w2": waiting[2], "new": newcomer},
        {"talk b": {BEN}, "agent b": {SECOND}, "w1": {MUSIC}, "w2": {MUSIC}, "new": {MUSIC}},
    )
    order = [waiting[1], waiting[2], newcomer]
    for caller in order:
        freed.hangup()
        freed = await desk.anna.incoming()
        freed.answer()
        await caller.until_heard({ANNA}, 8, among=EARS)
    freed.hangup()
    agent_b.hangup()

    await until(lambda: centre.rows("select count(*) as n from calls where ended > 0")[0]["n"] == 6, 10)
    await until(lambda: not open_rows(centre), 10, "nothing is open in the ledger")
    visits = centre.rows("select * from visits")
    assert len(visits) == 6
    assert {(v["outcome"], v["engine"]) for v in visits} == {("answered", "acd")}
    assert all(v["talk_ended"] is not None for v in visits)


async def test_daemon_gone_for_good_and_app_queue_serves(centre: Centre, desk: Desk) -> None:
    await desk.login("anna")
    await asyncio.to_thread(centre.kill)
    caller = desk.call()
    ringing = await desk.anna.incoming(15)
    ringing.answer()
    await caller.until_heard({ANNA}, 8, among=EARS)
    ringing.hangup()
    await caller.until_ended(8)
    await asyncio.to_thread(centre.start)
    rows = await until(lambda: centre.rows("select * from visits where talk_ended is not null"), 8)
    assert [(v["engine"], v["outcome"], v["agent"]) for v in rows] == [("native", "answered", "anna")]


async def test_who_waits_when_it_dies_for_good_gets_to_app_queue(centre: Centre, desk: Desk) -> None:
    await desk.login("anna")
    first, agent = await desk.talk(desk.anna)
    waiting = desk.call(tone=SECOND)
    await waiting.until_heard({MUSIC}, among=EARS)
    await asyncio.to_thread(centre.kill)
    agent.hangup()
    left = await set_timer(centre, desk.numbers[waiting], 2)
    assert DEADMAN_WAIT_S - DEADMAN_RENEW_MS / 1000 - 3 < left <= DEADMAN_WAIT_S
    ringing = await desk.anna.incoming(15)
    ringing.answer()
    await waiting.until_heard({ANNA}, 8, among=EARS)
    ringing.hangup()
    await waiting.until_ended(8)
    first.hangup()
    await asyncio.to_thread(centre.start)
    await until(lambda: not open_rows(centre), 10, "nothing is open in the ledger")
    call = (await desk.ended(waiting))["id"]
    visits = centre.rows("select * from visits where call = :call order by entered", call=call)
    assert [(v["engine"], v["outcome"]) for v in visits] == [("acd", "withdrawn"), ("native", "answered")]


async def set_timer(centre: Centre, caller: str, seconds: int) -> float:
    """The dead-man timer of one who waits is made longer or shorter; what was left of it."""
    ari = Rest(centre.lab.node)
    await ari.open()
    try:
        (channel,) = [one for one in await ari.call("channels_list") if one["caller"]["number"] == caller]
        timer = {"channelId": channel["id"], "variable": "TIMEOUT(absolute)"}
        left = float((await ari.call("channels_get_channel_var", **timer))["value"])
        await ari.call("channels_set_channel_var", **timer, value=str(seconds))
    finally:
        await ari.shut()
    return left


async def test_stopped_in_order_and_started_again_is_as_if_nothing_had_been(
    centre: Centre, desk: Desk
) -> None:
    await desk.login("anna")
    caller, agent = await desk.talk(desk.anna, "+49301002")
    await asyncio.to_thread(centre.stop)
    await ears({"caller": caller, "agent": agent}, {"caller": {ANNA}, "agent": {CALLER}})
    await asyncio.to_thread(centre.start)
    await desk.presence("anna", "talking")
    agent.hangup()
    await caller.until_ended()
    await desk.presence("anna", "ready")


async def test_a_second_daemon_refuses(centre: Centre) -> None:
    refused = await asyncio.to_thread(centre.ccctl, "serve", check=False)
    assert refused.returncode == 2
    assert "running already" in refused.stderr

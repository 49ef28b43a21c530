"""A queue that is overrun asks another queue's agents, or sends its callers on; judged by every ear."""

import time
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.running import ANNA, BEN, CALLER, MUSIC, SECOND, SITE, WELCOME, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

RULES = "ring: 20s, wrap_up: 0s, whisper: none, music: tone"
BUSY = (
    SITE.replace(
        "mailboxes:",
        f"""  front: {{{RULES}, agents: [anna], overflow: [
    {{when: {{wait: 3s}}, borrow: [back]}}, {{when: {{length: 2}}, leave: true}}]}}
  back: {{{RULES}, agents: [ben], lend: {{keep: 80% in 20s}}}}
  staffed: {{{RULES}, agents: [anna], overflow: [{{when: {{staffed: 0, wait: 2s}}, leave: true}}]}}
mailboxes:""",
    )
    .replace("\nhours:", '\n  "+49301005": front\n  "+49301006": back\n  "+49301007": staffed\nhours:')
    .replace(
        "  night:\n",
        "  front: [{queue: front, on_overflow: [{play: welcome}, hangup]}, hangup]\n"
        "  back: [{queue: back}, hangup]\n"
        "  staffed: [{queue: staffed, on_overflow: [{play: welcome}, hangup]}, hangup]\n  night:\n",
    )
)
FRONT, BACK, STAFFED = "+49301005", "+49301006", "+49301007"


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running(site=BUSY) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben") as desk:
        yield desk
    await everybody_home(centre)


def visit(desk: Desk, call: str) -> tuple[str, str, str]:
    [row] = desk.centre.rows("select * from visits where call = :call", call=call)
    return row["queue"], row["outcome"], row["agent"]


def _waits_ms(desk: Desk) -> float:
    return time.time() * 1000 - float(desk.centre.live("queue/front")["oldest"])


async def test_after_the_wait_another_queues_agent_has_the_caller(desk: Desk) -> None:
    await desk.login("ben")
    caller = desk.call(FRONT)
    await caller.until_heard({MUSIC}, among=EARS)
    ringing = await desk.ben.incoming()
    ringing.answer()
    await ears({"agent": ringing, "caller": caller}, {"agent": {CALLER}, "caller": {BEN}})
    caller.hangup()
    row = await desk.ended(caller)
    assert visit(desk, row["id"]) == ("front", "answered", "ben")
    wait = desk.centre.rows("select ended - entered as ms from visits where call = :call", call=row["id"])
    assert wait[0]["ms"] >= 3000


async def test_the_lending_queues_own_caller_is_first(desk: Desk) -> None:
    """He comes later, and gets the agent for whom the other one waits longer."""
    asks = desk.call(FRONT)
    await asks.until_heard({MUSIC}, among=EARS)
    owns = desk.call(BACK, tone=SECOND)
    await owns.until_heard({MUSIC}, among=EARS)
    await until(lambda: _waits_ms(desk) > 3500, 8, "he has waited so long that others are asked")
    await desk.login("ben")
    first = await desk.ben.incoming()
    assert first.caller == desk.numbers[owns]
    first.answer()
    await ears({"agent": first, "caller": owns}, {"agent": {SECOND}, "caller": {BEN}})
    await asks.until_heard({MUSIC}, among=EARS)
    owns.hangup()
    second = await desk.ben.incoming(10)
    assert second.caller == desk.numbers[asks]
    second.answer()
    await ears({"agent": second, "caller": asks}, {"agent": {CALLER}, "caller": {BEN}})
    asks.hangup()


async def test_who_comes_when_too_many_wait_goes_on_in_his_flow(desk: Desk) -> None:
    waiting = [desk.call(FRONT, tone=SECOND) for _ in range(2)]
    for call in waiting:
        await call.until_heard({MUSIC}, among=EARS)
    third = desk.call(FRONT)
    await third.until_heard({WELCOME}, 8, among=EARS)
    row = await desk.ended(third)
    assert visit(desk, row["id"]) == ("front", "overflowed", "")
    for call in waiting:
        await call.until_heard({MUSIC}, among=EARS)
        call.hangup()


async def test_a_logout_and_then_the_time_send_a_caller_on(desk: Desk) -> None:
    await desk.login("anna")
    caller = desk.call(STAFFED)
    ringing = await desk.anna.incoming()  # whose phone rings is not sent away
    ringing.reject(486)
    await caller.until_heard({MUSIC}, among=EARS)
    await until(lambda: desk.centre.presence("anna") == "not_responding", 5)
    await desk.login("anna")
    again = await desk.anna.incoming()
    again.answer()
    await ears({"agent": again, "caller": caller}, {"agent": {CALLER}, "caller": {ANNA}})
    caller.hangup()
    desk.centre.ccctl("agent", "logout", "anna")
    second = desk.call(STAFFED)
    await second.until_heard({MUSIC}, among=EARS)
    await second.until_heard({WELCOME}, 8, among=EARS)
    row = await desk.ended(second)
    assert visit(desk, row["id"]) == ("staffed", "overflowed", "")

"""A site that changes while phones ring and people talk, and names that it has not: on the real Asterisk."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.desk import EARS, Desk, at_desk
from tests.support.running import ANNA, BEN, CALLER, WHISPER, Centre
from tests.support.running import SITE as USUAL
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]
SITE = USUAL.replace("ring: 4s", "ring: 60s")  # an apply takes a while
WITHOUT_BEN = SITE.replace("  ben: {}\n", "")
WITHOUT_PLAIN = (
    SITE.replace("  plain: {ring: 60s, wrap_up: 0s, whisper: none, music: tone}\n", "")
    .replace("  plain:\n    - queue: plain\n    - hangup\n", "")
    .replace('  "+49301002": plain\n', "")
)
PLAIN = "+49301002"


@pytest.fixture(scope="module")
def running() -> Iterator[Centre]:
    centre = Centre()
    try:
        yield centre.up(SITE)
    finally:
        centre.down()


@pytest.fixture
async def desk(running: Centre) -> AsyncIterator[Desk]:
    await apply(running, SITE)
    async with at_desk(running, "anna", "ben") as desk:
        yield desk


async def apply(centre: Centre, site: str) -> None:
    centre.write_site(site)
    await asyncio.to_thread(centre.ccctl, "apply", str(centre.site), "--yes")


async def outcomes(desk: Desk, call: str) -> list[tuple[str, str]]:
    rows = desk.centre.rows("select * from visits where call = :call order by entered", call=call)
    return [(row["queue"], row["outcome"]) for row in rows]


async def test_an_agent_deleted_while_his_phone_rings_takes_that_call_and_no_other(desk: Desk) -> None:
    await desk.login("ben")
    caller = desk.call()
    ringing = await desk.ben.incoming()
    await apply(desk.centre, WITHOUT_BEN)
    ringing.answer()
    await ringing.until_heard({WHISPER}, 6, among=EARS)
    await caller.until_heard({BEN}, 8, among=EARS)
    await ringing.until_heard({CALLER}, 6, among=EARS)
    ringing.hangup()
    row = await desk.ended(caller)
    assert await outcomes(desk, row["id"]) == [("support", "answered")]
    second = desk.call()
    await desk.login("anna")  # the second caller rings at hers, so ben was passed over
    last = await desk.anna.incoming()
    assert not desk.ben.calls
    last.reject()
    second.hangup()


async def test_a_queue_deleted_with_callers_in_it_serves_all_three(desk: Desk) -> None:
    await desk.login("anna", "ben")
    talks = desk.call(PLAIN)
    first = await desk.anna.incoming()
    first.answer()
    await talks.until_heard({ANNA}, 8, among=EARS)
    rings = desk.call(PLAIN)
    second = await desk.ben.incoming()
    waits = desk.call(PLAIN)
    await waits.until_answered()
    await until(lambda: desk.centre.live("queue/plain")["waiting"] == 2, 5, "the third waits")
    await apply(desk.centre, WITHOUT_PLAIN)
    second.answer()
    await rings.until_heard({BEN}, 8, among=EARS)
    first.hangup()
    third = await desk.anna.incoming()
    third.answer()
    await waits.until_heard({ANNA}, 8, among=EARS)
    second.hangup()
    third.hangup()
    for caller in (talks, rings, waits):
        row = await desk.ended(caller)
        assert await outcomes(desk, row["id"]) == [("plain", "answered")]


async def test_a_queue_that_nobody_knows_is_said_once_and_its_caller_goes_on(desk: Desk) -> None:
    """As from a dialplan of one's own, with numbers that are none."""
    for _ in range(3):
        number = "Local/+49301001@cc-in"
        desk.centre.lab.ask(f"channel originate {number} application Stasis ccctl,queue,g,gone,nine,soon,,")

    def failed() -> bool:
        rows = desk.centre.rows("select * from visits where queue = 'gone' and outcome = 'failed'")
        return len(rows) == 3

    await until(failed, 10, "three visits of a queue that is not there have failed")
    assert desk.centre.log.read_text().count('queue "gone"') == 1

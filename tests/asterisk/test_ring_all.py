"""A queue that rings all its phones at once: one winner, and nothing of the others is left."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.running import BEN, CALLER, MUSIC, SITE, WHISPER, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]
TOGETHER = SITE.replace("support: {ring: 4s,", "support: {strategy: ring-all, ring: 20s,")


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running(site=TOGETHER) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben") as desk:
        yield desk
    await everybody_home(centre)


async def test_the_first_who_answers_has_the_caller(desk: Desk) -> None:
    await desk.login("anna", "ben")
    caller = desk.call()
    anna, ben = await desk.anna.incoming(), await desk.ben.incoming()
    ben.answer()
    await ears({"agent": ben, "caller": caller}, {"agent": {WHISPER}, "caller": {MUSIC}})
    await ears({"agent": ben, "caller": caller}, {"agent": {CALLER}, "caller": {BEN}})
    await anna.until_ended(3)
    await desk.presence("anna", "ready")
    ben.hangup()
    row = await desk.ended(caller)
    offers = desk.centre.rows("select * from offers where call = :call order by agent", call=row["id"])
    assert [(offer["agent"], offer["outcome"]) for offer in offers] == [
        ("anna", "withdrawn"),
        ("ben", "answered"),
    ]
    await until(
        lambda: "0 active channels" in desk.centre.lab.ask("core show channels count"), 10, "no channel left"
    )


async def test_one_who_declines_does_not_stop_the_others_phones(desk: Desk) -> None:
    await desk.login("anna", "ben")
    caller = desk.call()
    anna, ben = await desk.anna.incoming(), await desk.ben.incoming()
    anna.reject(486)
    await desk.presence("anna", "not_responding")
    ben.answer()  # the same ringing: it was not begun anew
    await caller.until_heard({BEN}, 8, among=EARS)
    caller.hangup()
    row = await desk.ended(caller)
    offers = desk.centre.rows("select * from offers where call = :call order by agent", call=row["id"])
    assert [(offer["agent"], offer["outcome"]) for offer in offers] == [
        ("anna", "rejected"),
        ("ben", "answered"),
    ]


async def test_a_caller_who_hangs_up_silences_all_phones(desk: Desk) -> None:
    await desk.login("anna", "ben")
    caller = desk.call()
    anna, ben = await desk.anna.incoming(), await desk.ben.incoming()
    caller.hangup()
    await anna.until_ended(5)
    await ben.until_ended(5)
    for agent in ("anna", "ben"):
        await desk.presence(agent, "ready")

"""Agents take calls by a key on their phones: what they and the caller hear before and after it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.running import ANNA, BEN, CALLER, MUSIC, SITE, WELCOME, WHISPER, Centre

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

RULES = 'accept_key: {key: "1", within: 3s}, ring: 20s, wrap_up: 0s, music: tone'
KEYED = (
    SITE.replace(
        "mailboxes:",
        f"  long: {{{RULES}, whisper: long}}\n  brief: {{{RULES}, whisper: tone}}\nmailboxes:",
    )
    .replace("\nhours:", '\n  "+49301005": long\n  "+49301006": brief\nhours:')
    .replace("  night:\n", "  long: [{queue: long}, hangup]\n  brief: [{queue: brief}, hangup]\n  night:\n")
    + "  long: {all: sounds/long.wav}\n"
)
LONG, BRIEF = "+49301005", "+49301006"


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running(site=KEYED, long=True) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben") as desk:
        yield desk
    await everybody_home(centre)


def offers(desk: Desk, call: str) -> list[tuple[str, str]]:
    rows = desk.centre.rows("select * from offers where call = :call order by offered", call=call)
    return [(row["agent"], row["outcome"]) for row in rows]


async def test_the_key_stops_the_whisper_and_connects(desk: Desk) -> None:
    """The whisper lasts a minute: who had to hear its end would hear nobody in time."""
    await desk.login("anna")
    caller = desk.call(LONG)
    ringing = await desk.anna.incoming()
    ringing.answer()
    await ears({"agent": ringing, "caller": caller}, {"agent": {WELCOME}, "caller": {MUSIC}})
    await ringing.until_pressed("1")
    await ears({"agent": ringing, "caller": caller}, {"agent": {CALLER}, "caller": {ANNA}})
    caller.hangup()
    row = await desk.ended(caller)
    assert offers(desk, row["id"]) == [("anna", "answered")]


async def test_another_key_declines_and_the_next_agent_may_take_the_caller(desk: Desk) -> None:
    await desk.login("anna", "ben")
    caller = desk.call(LONG)
    first = await desk.anna.incoming()
    first.answer()
    await first.until_heard({WELCOME}, among=EARS)
    first.press("2")
    second = await desk.ben.incoming()
    await first.until_ended()
    await desk.presence("anna", "not_responding")
    second.answer()
    await ears({"agent": second, "caller": caller}, {"agent": {WELCOME}, "caller": {MUSIC}})
    await second.until_pressed("1")
    await ears({"agent": second, "caller": caller}, {"agent": {CALLER}, "caller": {BEN}})
    caller.hangup()
    row = await desk.ended(caller)
    assert offers(desk, row["id"]) == [("anna", "rejected"), ("ben", "answered")]


async def test_without_a_key_the_caller_waits_on_with_his_music(desk: Desk) -> None:
    """As when an answering machine picks up."""
    await desk.login("anna")
    caller = desk.call(BRIEF)
    ringing = await desk.anna.incoming()
    ringing.answer()
    await ringing.until_heard({WHISPER}, among=EARS)
    await ringing.until_ended(10)
    await desk.presence("anna", "not_responding")
    await caller.until_heard({MUSIC}, among=EARS)
    await desk.login("anna")
    again = await desk.anna.incoming()
    again.answer()
    await again.until_heard({WHISPER}, among=EARS)
    await again.until_silence()  # the key after the whisper
    await again.until_pressed("1")
    await ears({"agent": again, "caller": caller}, {"agent": {CALLER}, "caller": {ANNA}})
    caller.hangup()
    row = await desk.ended(caller)
    assert offers(desk, row["id"]) == [("anna", "not_accepted"), ("anna", "answered")]

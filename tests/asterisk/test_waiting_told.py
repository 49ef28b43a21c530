"""Callers who wait are told something; nothing of it delays the agent, or is heard in the talk."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.running import ANNA, CALLER, MUSIC, SECOND, SITE, WELCOME, WHISPER, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

OURS = "ring: 4s, wrap_up: 0s, whisper: none, music: tone"
TOLD = (
    SITE.replace(
        "mailboxes:",
        f"  long: {{{OURS}, announce: {{every: 2s, prompts: long}}}}\n"
        f"  placed: {{{OURS}, announce: {{every: 9s, position: true, prompts: welcome}}}}\n"
        "mailboxes:",
    )
    .replace("\nhours:", '\n  "+49301005": long\n  "+49301006": placed\nhours:')
    .replace(
        "  night:\n",
        "  long:\n    - queue: long\n      exit_keys: {0: [{play: tone}, hangup]}\n    - hangup\n"
        "  placed:\n    - queue: placed\n    - hangup\n  night:\n",
    )
    + "  long: {all: sounds/long.wav}\n"
)
LONG, PLACED = "+49301005", "+49301006"


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running(site=TOLD, long=True) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna") as desk:
        yield desk
    await everybody_home(centre)


async def test_what_is_said_delays_no_agent_and_is_not_heard_in_the_talk(desk: Desk) -> None:
    """It lasts a minute: who had to hear its end would hear nobody else in time."""
    caller = desk.call(LONG)
    await caller.until_heard({MUSIC}, among=EARS)
    await caller.until_heard({WELCOME}, 8, among=EARS)
    await desk.login("anna")
    ringing = await desk.anna.incoming()
    await caller.until_heard({WELCOME}, among=EARS)
    ringing.answer()
    await ears({"agent": ringing, "caller": caller}, {"agent": {CALLER}, "caller": {ANNA}})
    caller.hangup()
    await ringing.until_ended()


async def test_an_exit_key_ends_what_is_said(desk: Desk) -> None:
    caller = desk.call(LONG)
    await caller.until_heard({WELCOME}, 8, among=EARS)
    await caller.until_pressed("0")
    await caller.until_heard({WHISPER}, 8, among=EARS)
    row = await desk.ended(caller)
    visit = desk.centre.rows("select outcome from visits where call = :call", call=row["id"])[0]
    assert visit["outcome"] == "key_exit"


async def test_music_goes_on_between_places_and_prompts(desk: Desk) -> None:
    first = desk.call(PLACED)
    await first.until_heard({MUSIC}, among=EARS)
    second = desk.call(PLACED, tone=SECOND)
    for wanted in (MUSIC, WELCOME, MUSIC, WELCOME):
        await asyncio.gather(*(call.until_heard({wanted}, 15, among=EARS) for call in (first, second)))
    await desk.login("anna")
    ringing = await desk.anna.incoming()
    ringing.answer()
    await ears({"agent": ringing, "caller": first}, {"agent": {CALLER}, "caller": {ANNA}})
    first.hangup()
    second.hangup()
    log = desk.centre.log.read_text()
    assert "announcement to" not in log  # none was refused


async def test_a_daemon_that_comes_back_can_stop_what_it_had_begun(desk: Desk) -> None:
    caller = desk.call(LONG)
    await caller.until_heard({WELCOME}, 8, among=EARS)
    await asyncio.to_thread(desk.centre.kill)
    await asyncio.to_thread(desk.centre.start)
    await desk.login("anna")
    ringing = await desk.anna.incoming()
    ringing.answer()
    await ears({"agent": ringing, "caller": caller}, {"agent": {CALLER}, "caller": {ANNA}})
    caller.hangup()
    await until(lambda: desk.centre.presence("anna") == "ready", 8, "anna is free")

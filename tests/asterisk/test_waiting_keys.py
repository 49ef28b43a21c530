"""Callers press keys while they wait: what they hear, and that they are still served in their turn."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.running import ANNA, CALLER, MUSIC, SECOND, SITE, WELCOME, WHISPER, Centre

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

MENU = """
  keyed:
    - queue: keyed
      while_waiting:
        menu: long
        every: 5s
        options:
          1: {tell: tone}
          2: quiet
          9: [{play: tone}, hangup]
    - hangup
"""
KEYED = (
    SITE.replace("mailboxes:", "  keyed: {ring: 20s, wrap_up: 0s, whisper: none, music: tone}\nmailboxes:")
    .replace("\nhours:", '\n  "+49301005": keyed\nhours:')
    .replace("  night:\n", MENU.lstrip("\n") + "  night:\n")
    + "  long: {all: sounds/long.wav}\n"
)
NUMBER = "+49301005"


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running(site=KEYED, long=True) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna") as desk:
        yield desk
    await everybody_home(centre)


async def test_keys_answer_and_the_caller_is_served_in_his_turn(desk: Desk) -> None:
    """The menu lasts a minute: a key must stop it, and an agent, too."""
    first = desk.call(NUMBER)
    await first.until_heard({MUSIC}, among=EARS)
    second = desk.call(NUMBER, tone=SECOND)
    await first.until_heard({WELCOME}, 8, among=EARS)
    await first.until_pressed("1")
    await first.until_heard({WHISPER}, 8, among=EARS)
    await first.until_heard({MUSIC}, 8, among=EARS)  # its end gives the music back
    await second.until_heard({WELCOME}, 8, among=EARS)
    await first.until_heard({WELCOME}, 10, among=EARS)  # and the menu comes again
    await desk.login("anna")
    ringing = await desk.anna.incoming()
    assert ringing.caller == desk.numbers[first]
    ringing.answer()
    await ears({"agent": ringing, "caller": first}, {"agent": {CALLER}, "caller": {ANNA}})
    first.hangup()
    again = await desk.anna.incoming(10)
    again.answer()
    await ears({"agent": again, "caller": second}, {"agent": {SECOND}, "caller": {ANNA}})
    second.hangup()


async def test_quiet_stops_it_and_a_destination_leaves(desk: Desk) -> None:
    caller = desk.call(NUMBER)
    await caller.until_heard({WELCOME}, 8, among=EARS)
    await caller.until_pressed("2")
    await caller.until_heard({MUSIC}, 15, window=6, among=EARS)  # longer than the menu would be away
    await caller.until_pressed("9")
    await caller.until_heard({WHISPER}, 8, among=EARS)
    row = await desk.ended(caller)
    [visit] = desk.centre.rows("select outcome from visits where call = :call", call=row["id"])
    assert visit["outcome"] == "key_exit"

"""Ringing people on a real Asterisk: groups, hunts, confirmations, trunks that are full, names, rooms."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ccctl.lab.phones import Phone, PhoneError
from tests.support.house import (
    ANNA,
    BEN,
    CALLER,
    EARS,
    MUSIC,
    PROMPT,
    Desks,
    House,
    desks_of,
    house_with,
)
from tests.support.local_calls import LocalCalls
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

SITE = """
ccctl: 1
defaults: {{timezone: UTC, languages: [en]}}
trunks:
  telco: {{host: 127.0.0.1, port: {port}, codecs: [ulaw], channels: 2, caller_id: "+49301000"}}
numbers:
  "+49301000": hunt
  "+49301001": all
  "+49301002": sure
  "+49301003": outside
  "+49301004": by-name
  "+49301005": board
  "+49301006": away
  "+49301007": refused
  "+49301008": short
  "+49301009": nobody
  "+49301010": shuffled
  "+49301011": twice
  "+49301012": rounds
  "+49301013": late-transfer
users:
  anna: {{name: Anna Schmidt, extension: 201, password: !secret anna}}
  ben: {{name: Ben Müller, extension: 202, password: !secret ben, mailbox: ben}}
  cleo: {{name: Cleo Martin, extension: 203, password: !secret cleo}}
mailboxes:
  ben: {{pin: !secret box}}
  support: {{number: 900, pin: !secret box}}
ring_groups:
  front: {{ring: [anna, ben], strategy: hunt, timeout: 2s, extension: 300}}
  again: {{ring: [anna, ben], strategy: hunt, timeout: 1s, repeats: 2}}
  mixed: {{ring: [anna, ben, cleo], strategy: random, timeout: 1s}}
conferences:
  board: {{pin: !secret pin, max_members: 2, extension: 301}}
flows:
  hunt: [{{dial: front, on_no_answer: gone, on_busy: busy, on_failed: failed}}]
  all: [{{dial: [anna, ben], timeout: 3s, on_no_answer: gone, on_busy: busy, on_failed: failed}}]
  sure:
    - dial: [anna, ben, "+491711234567"]
      timeout: 20s
      confirm: tone
      music: tone
      on_no_answer: gone
      on_busy: busy
      on_failed: failed
  twice: [{{dial: [anna, ben], strategy: hunt, timeout: 3s, confirm: tone, on_no_answer: gone}}]
  outside: [{{dial: "+491711234567", timeout: 5s, on_no_answer: gone, on_busy: busy, on_failed: failed}}]
  by-name: [{{directory: users, on_none: gone}}]
  board: [{{conference: board}}, {{goto: gone}}]
  away: [{{transfer: "+4930999", on_failed: gone}}]
  rounds: [{{dial: again, on_no_answer: gone}}]
  late-transfer: [{{play: tone}}, {{transfer: "+4930999", on_failed: gone}}]
  refused: [{{reject: busy}}]
  short: [{{dial: anna, max_duration: 10s, on_no_answer: gone}}]
  nobody: [{{dial: "+491711234567", on_no_answer: gone}}]
  shuffled: [{{dial: mixed, on_no_answer: gone, on_failed: failed}}]
  gone: [{{play: tone}}, hangup]
  busy: [{{play: tone}}, hangup]
  failed: [{{play: tone}}, hangup]
prompts:
  tone: {{all: sounds/tone.wav}}
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with house_with(SITE) as house:
        yield house


@pytest.fixture
async def desks(house: House) -> AsyncIterator[Desks]:
    async with desks_of(house) as desks:
        yield desks


@pytest.fixture
async def calls(house: House) -> AsyncIterator[LocalCalls]:
    async with LocalCalls(house.lab.node) as calls:
        yield calls


async def quiet(phone: Phone) -> bool:
    """It does not ring."""
    try:
        await phone.incoming(0.5)
    except PhoneError:
        return True
    return False


async def test_a_hunt_goes_to_the_next_who_answers(calls: LocalCalls, desks: Desks) -> None:
    call = await calls.call("+49301000")
    first = await desks.anna.incoming()
    await first.until_ended(6)
    second = await desks.ben.incoming()
    second.answer()
    await call.passes("CC_DIAL", "ben")
    assert ("CC_DIAL_END", "NOANSWER") in call.marks
    await second.until_answered()
    second.hangup()
    await call.passes("CC_HANGUP", "hunt")
    assert call.marks[-2] == ("CC_DIAL_END", "ANSWER")


async def test_ringing_counts_more_than_busy(calls: LocalCalls, desks: Desks) -> None:
    """Anna is busy, Ben is not at his desk."""
    call = await calls.call("+49301000")
    (await desks.anna.incoming()).reject(486)
    await desks.ben.incoming()
    await call.passes("CC_FLOW", "gone")
    assert [value for mark, value in call.marks if mark == "CC_DIAL_END"] == ["BUSY", "NOANSWER"]


async def test_all_busy_is_busy(calls: LocalCalls, desks: Desks) -> None:
    for number in ("+49301000", "+49301001"):
        call = await calls.call(number)
        (await desks.anna.incoming()).reject(486)
        (await desks.ben.incoming()).reject(486)
        await call.passes("CC_FLOW", "busy")


async def test_the_first_who_answers_stops_the_others(calls: LocalCalls, desks: Desks) -> None:
    await calls.call("+49301001")
    anna, ben = await desks.anna.incoming(), await desks.ben.incoming()
    ben.answer()
    await ben.until_answered()
    await anna.until_ended()


async def test_the_order_of_a_random_group_is_drawn(calls: LocalCalls, desks: Desks) -> None:
    call = await calls.call("+49301010", CC_DICE="1")
    await call.passes("CC_FLOW", "gone", timeout=15)
    drawn = [value for mark, value in call.marks if mark == "CC_DIAL"]
    assert drawn == ["ben", "cleo", "anna"]
    call = await calls.call("+49301010", CC_DICE="3")
    await call.passes("CC_FLOW", "gone", timeout=15)
    assert [value for mark, value in call.marks if mark == "CC_DIAL"] == ["anna", "cleo", "ben"]


async def test_who_does_not_confirm_has_not_answered(desks: Desks) -> None:
    """A mailbox takes the mobile's call: the others ring on, the caller hears music on, and the one who
    presses 1 gets the call."""
    caller = desks.carrier.call("+49301002", caller="+491700000001", tone=CALLER)
    anna, ben, mobile = (
        await desks.anna.incoming(),
        await desks.ben.incoming(),
        await desks.carrier.incoming(),
    )
    await caller.until_heard({MUSIC}, 8, among=EARS)
    mobile.answer()
    await mobile.until_heard({PROMPT}, 8, among=EARS)
    await caller.until_heard({MUSIC}, among=EARS)
    mobile.hangup()
    await mobile.until_ended()
    await caller.until_heard({MUSIC}, among=EARS)
    ben.answer()
    await ben.until_heard({PROMPT}, 8, among=EARS)
    ben.press("1")
    await caller.until_heard({BEN}, 8, among=EARS)
    await ben.until_heard({CALLER}, among=EARS)
    await anna.until_ended()


async def test_without_the_key_the_next_is_tried(calls: LocalCalls, desks: Desks) -> None:
    call = await calls.call("+49301011")
    anna = await desks.anna.incoming()
    anna.answer()
    await anna.until_ended(20)
    ben = await desks.ben.incoming()
    ben.answer()
    ben.hangup()
    await call.passes("CC_FLOW", "gone")
    assert [value for mark, value in call.marks if mark == "CC_DIAL_END"] == ["NOANSWER", "NOANSWER"]


async def test_numbers_see_the_number_of_the_trunk(calls: LocalCalls, desks: Desks) -> None:
    call = await calls.call("+49301003")
    ringing = await desks.carrier.incoming()
    assert ringing.caller == "+49301000"
    assert ringing.invite.user == "+491711234567"
    ringing.reject(486)
    await call.passes("CC_FLOW", "busy")


async def test_a_full_trunk_takes_no_more_calls(calls: LocalCalls, desks: Desks, house: House) -> None:
    """Two channels: one call in, one out. The third is told so, in both directions."""
    inside = desks.carrier.call("+49301001", caller="+491700000001")
    (await desks.anna.incoming()).answer()
    await inside.until_answered()
    await calls.call("+49301003")
    out = await desks.carrier.incoming()
    out.answer()
    await out.until_answered()
    third = await calls.call("+49301003")
    await third.passes("CC_FLOW", "failed")
    assert ("CC_DIAL_END", "CONGESTION") in third.marks
    refused = desks.carrier.call("+49301001", caller="+491700000002")
    with pytest.raises(PhoneError) as told:
        await refused.until_answered()
    assert told.value.status == 503
    out.hangup()
    await out.until_ended()
    await until(lambda: house.lab.ask("group show channels").count("PJSIP/telco") == 1, 5, "a free line")
    again = desks.carrier.call("+49301001", caller="+491700000003")
    await again.until_ringing()


async def test_a_limited_talk_ends_politely(desks: Desks) -> None:
    caller = desks.carrier.call("+49301008", caller="+491700000001")
    anna = await desks.anna.incoming()
    anna.answer()
    await caller.until_heard({ANNA}, 8, among=EARS)
    await caller.until_ended(15)
    assert 9.5 < caller.times["ended"] - anna.times["answered"] < 14


async def test_a_call_is_refused_before_it_is_answered(desks: Desks) -> None:
    caller = desks.carrier.call("+49301007", caller="+491700000001")
    with pytest.raises(PhoneError) as told:
        await caller.until_answered()
    assert told.value.status == 486


async def test_a_transfer_asks_the_network(desks: Desks) -> None:
    caller = desks.carrier.call("+49301006", caller="+491700000001")
    with pytest.raises(PhoneError) as told:
        await caller.until_answered()
    assert told.value.status == 302


async def test_a_group_is_rung_a_second_time(calls: LocalCalls, desks: Desks) -> None:
    call = await calls.call("+49301012")
    for phone in (desks.anna, desks.ben, desks.anna):
        ringing = await phone.incoming(8)
        await ringing.until_ended(6)
    last = await desks.ben.incoming(8)
    last.answer()
    await call.passes("CC_DIAL", "ben", times=2)
    last.hangup()
    await call.passes("CC_HANGUP", "rounds")


async def test_a_network_that_takes_no_transfer_leaves_the_caller_here(desks: Desks) -> None:
    """The call was answered, so it is a REFER; this carrier does not know it."""
    caller = desks.carrier.call("+49301013", caller="+491700000001")
    await caller.until_answered()
    await caller.until_ended(20)
    assert (
        caller.sound_seconds() > 1.5
    )  # the tone of one second before the transfer, and the one of on_failed

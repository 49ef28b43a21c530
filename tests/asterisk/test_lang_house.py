"""What desks have beside talks, on a real Asterisk: boxes, mail, lamps, switches, names, rooms, codes."""

import asyncio
import email
import re
from collections.abc import AsyncIterator, Iterator
from email.message import Message

import pytest

from ccctl.lab.phones import Phone, State
from tests.support.house import CALLER, EARS, MUSIC, PROMPT, Desks, House, desks_of, house_with
from tests.support.local_calls import LocalCalls
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

SITE = """
ccctl: 1
defaults:
  timezone: UTC
  languages: [en, de]
  mail:
    from: pbx@acme.example
    name: Acme
    subject: "From {{{{ number }}}}"
    body: "For {{{{ name }}}}, listen."
trunks:
  telco: {{host: 127.0.0.1, port: {port}, codecs: [ulaw]}}
numbers:
  "+49301000": message
  "+49301001": by-name
  "+49301002": board
  "+49301003": office
  "+49301004": own
  "+49301005": small
  "+49301006": lost
hours:
  office: {{open: always, switch: "*27", emergency: "*28"}}
users:
  anna: {{name: Anna Schmidt, extension: 201, password: !secret anna, mailbox: anna}}
  ben: {{name: Ben Müller, extension: 202, password: !secret ben, language: de}}
  cleo: {{name: Cleo Martin, extension: 203, password: !secret cleo}}
mailboxes:
  anna: {{pin: !secret box, email: anna@acme.example, name: Anna}}
  own: {{number: 900, pin: !secret box, greeting: tone, operator: desk}}
conferences:
  board: {{pin: !secret pin, max_members: 2, extension: 301}}
  small: {{max_members: 2, record: true, music: tone}}
flows:
  small: [{{conference: small}}, {{goto: gone}}]
  lost: [{{voicemail: own, on_failed: gone}}]
  message: [{{voicemail: anna, greeting: none}}]
  own: [{{voicemail: own}}]
  desk: [{{dial: cleo, timeout: 2s, on_no_answer: gone}}]
  by-name: [{{directory: users, on_none: gone}}]
  board: [{{conference: board}}, {{goto: gone}}]
  office:
    - hours: office
      on_closed: closed
      on_emergency: alarm
    - goto: gone
  alarm: [{{play: tone}}, hangup]
  closed: [{{play: tone}}, hangup]
  gone: [{{play: tone}}, hangup]
feature_codes:
  "*97": voicemail
  "*8": pickup
  "*75": park
  "*55": {{page: [anna, cleo]}}
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


# -- messages --------------------------------------------------------------------------------------


def lamp(phone: Phone) -> str:
    """The last word on waiting messages."""
    told = [notice for notice in phone.notices if "message-summary" in notice.get("event")]
    return told[-1].body if told else ""


def mails(house: House) -> list[Message]:
    return [email.message_from_bytes(path.read_bytes()) for path in house.lab.lab.spool.glob("mail/*.eml")]


async def test_a_message_is_mailed_and_lights_the_lamp(calls: LocalCalls, desks: Desks, house: House) -> None:
    caller = desks.carrier.call("+49301000", caller="+491701112233", tone=CALLER)
    await caller.until_answered()
    inbox = house.lab.lab.spool / "voicemail/ccctl/201"
    await until(lambda: [p for p in inbox.glob("tmp/*.wav") if p.stat().st_size > 60_000], 15, "a recording")
    caller.hangup()
    await until(lambda: "Messages-Waiting: yes" in lamp(desks.anna), 10, "the lamp")
    mail = (await until(lambda: mails(house), 10, "the mail"))[0]
    assert mail["From"] == '"Acme" <pbx@acme.example>'
    assert "anna@acme.example" in mail["To"]
    assert mail["Subject"] == "From +491701112233"
    text, sound = mail.walk(), None
    for part in text:
        if part.get_content_type().startswith("audio/"):
            sound = part.get_payload(decode=True)
        elif part.get_content_type() == "text/plain":
            assert "For Anna, listen." in part.get_payload(decode=True).decode()
    assert sound is not None
    assert sound[:4] == b"RIFF"
    assert len(sound) > 40_000


async def test_the_key_0_of_an_own_greeting_leads_to_the_operator(desks: Desks) -> None:
    caller = desks.carrier.call("+49301004", caller="+491700000001", tone=CALLER)
    await caller.until_heard({PROMPT}, 8, among=(PROMPT,))
    caller.press("0")
    (await desks.cleo.incoming()).answer()
    await caller.until_answered()


async def test_the_own_box_by_code(desks: Desks) -> None:
    call = desks.anna.call("*97")
    await call.until_answered()
    await call.until_sound()
    stranger = desks.ben.call("*97")
    await stranger.until_answered()
    await stranger.until_ended(15)


# -- switches --------------------------------------------------------------------------------------


async def test_the_day_switch_goes_round_and_is_set_directly(calls: LocalCalls, house: House) -> None:
    for code, state, hint, flow in (
        ("*27", "closed", "InUse", "closed"),
        ("*27", "open", "Ringing", "gone"),
        ("*27", "auto", "Idle", "gone"),
        ("*272", "closed", "InUse", "closed"),
        ("*271", "open", "Ringing", "gone"),
        ("*270", "auto", "Idle", "gone"),
    ):
        call = await calls.call(code, "cc-phones", CC_USER="anna")
        await call.passes("CC_SWITCH", f"office {state} anna")
        await call.ends()
        assert state in house.lab.ask("database get cc/mode office")
        assert hint in house.lab.ask("core show hint *27")
        caller = await calls.call("+49301003")
        await caller.passes("CC_FLOW", flow)


async def test_the_emergency_announcement_beats_all(calls: LocalCalls, house: House) -> None:
    house.lab.ask("database put cc/mode office open")
    try:
        for code, state, flow in (
            ("*28", "on", "alarm"),
            ("*28", "off", "gone"),
            ("*281", "on", "alarm"),
            ("*280", "off", "gone"),
        ):
            call = await calls.call(code, "cc-phones", CC_USER="ben")
            await call.passes("CC_SWITCH", f"office emergency-{state} ben")
            await call.ends()
            assert ("InUse" if state == "on" else "Idle") in house.lab.ask("core show hint *28")
            caller = await calls.call("+49301003")
            await caller.passes("CC_FLOW", flow)
    finally:
        house.lab.ask("database del cc/mode office")


@pytest.mark.parametrize("family", ["cc/mode", "cc/emergency"])
async def test_a_state_that_nobody_knows_is_auto(calls: LocalCalls, house: House, family: str) -> None:
    house.lab.ask(f"database put {family} office bogus")
    try:
        caller = await calls.call("+49301003")
        await caller.passes("CC_FLOW", "gone")
    finally:
        house.lab.ask(f"database del {family} office")


async def test_the_state_is_spoken_in_the_language_of_the_phone(desks: Desks, house: House) -> None:
    for phone, language in ((desks.anna, "en"), (desks.ben, "de")):
        call = phone.call("*270")
        await call.until_answered()
        shown = await until(lambda: _playing(house), 5, "what is played")
        assert f"language: {language}" in shown.lower()
        await call.until_ended(15)


def _playing(house: House) -> str:
    names = [
        line.split("!")[0] for line in house.lab.ask("core show channels concise").splitlines() if "!" in line
    ]
    return house.lab.ask(f"core show channel {names[0]}") if names else ""


# -- names and rooms -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "extension"), [("724", "201"), ("6853", "202"), ("685", "202"), ("627", "203"), ("253", "203")]
)
async def test_names_are_found_with_and_without_a_mailbox(
    calls: LocalCalls, desks: Desks, keys: str, extension: str
) -> None:
    """SCH, MUE (an umlaut), MUL, MAR, CLE."""
    caller = desks.carrier.call("+49301001", caller="+491700000001", tone=CALLER)
    await caller.until_answered()
    await caller.until_sound()
    await caller.until_pressed(keys[:3])
    wanted = {"201": desks.anna, "202": desks.ben, "203": desks.cleo}[extension]

    async def rings() -> bool:
        await caller.until_pressed("1")
        return any(call for call in wanted.calls)

    await until(rings, 20, f"{extension} rings", every=1)


async def test_nobody_chosen_goes_on(calls: LocalCalls) -> None:
    call = await calls.call("+49301001")
    await call.press_until("0", "CC_FLOW", "gone")


async def test_a_room_is_behind_its_pin(desks: Desks, house: House) -> None:
    def members() -> str:
        return house.lab.ask("confbridge list")

    first, second = desks.anna.call("301"), desks.carrier.call("+49301002", caller="+491700000001")
    for call in (first, second):
        await call.until_answered()
        await call.until_sound()
        await call.until_pressed("4711#")
    await until(lambda: "board" in members() and " 2 " in members(), 15, "two in the room")

    def left() -> bool:
        first.press("#")  # keys count when the announcements of the room are over
        return first.state is State.ENDED

    await until(left, 20, "the end of the first", every=1)
    await until(lambda: " 1 " in members(), 10, "one in the room")
    wrong = desks.cleo.call("301")
    await wrong.until_answered()
    for _ in range(3):
        await wrong.until_sound()
        await wrong.until_pressed("1234#")
    await wrong.until_ended(30)
    assert " 1 " in members()


async def test_a_full_room_sends_its_guests_on_and_is_recorded(desks: Desks, house: House) -> None:
    alone = desks.carrier.call("+49301005", caller="+491700000001")
    await alone.until_heard({MUSIC}, 20, among=EARS)
    second = desks.carrier.call("+49301005", caller="+491700000003")
    await until(lambda: " 2 " in house.lab.ask("confbridge list"), 20, "two in the room")
    late = desks.carrier.call("+49301005", caller="+491700000002")
    await late.until_heard({PROMPT}, 20, among=EARS)  # the flow went on
    await late.until_ended(10)
    for call in (alone, second):
        call.hangup()
    made = house.lab.lab.spool / "monitor"
    files = await until(lambda: list(made.glob("confbridge-small-*.wav")), 10, "a recording of the room")
    await until(lambda: files[0].stat().st_size > 16_000, 10, "its sound")


async def test_a_box_that_is_not_there_sends_the_caller_on(calls: LocalCalls, house: House) -> None:
    """Somebody took the mailbox away by hand."""
    boxes = house.lab.lab.etc / "ccctl/current/voicemail.conf"
    whole = boxes.read_text()
    boxes.write_text(re.sub(r"^900 =.*$", "", whole, flags=re.MULTILINE))
    assert boxes.read_text() != whole
    try:
        house.lab.ask("voicemail reload")
        call = await calls.call("+49301006")
        await call.passes("CC_VOICEMAIL_END", "FAILED")
        await call.passes("CC_FLOW", "gone")
    finally:
        boxes.write_text(whole)
        house.lab.ask("voicemail reload")


# -- codes -----------------------------------------------------------------------------------------


async def test_a_page_opens_the_loudspeakers(desks: Desks) -> None:
    desks.ben.call("*55")
    for phone in (desks.anna, desks.cleo):
        ringing = await phone.incoming()
        assert "answer-after=0" in ringing.invite.get("call-info")
        assert "alert-autoanswer" in ringing.invite.get("alert-info")
        ringing.answer()
        await ringing.until_heard({850}, 8, among=(850,))


async def test_a_parked_call_is_fetched_at_its_slot(desks: Desks, house: House) -> None:
    parked = desks.cleo.call("*75")
    await parked.until_answered()
    await until(lambda: "701" in house.lab.ask("parking show default"), 5, "the slot")
    await until(lambda: "InUse" in house.lab.ask("core show hint 701"), 5, "the lamp of the slot")
    fetching = desks.anna.call("701")
    await fetching.until_heard({1050}, 10, among=(1050,))
    await parked.until_heard({650}, 10, among=(650,))


async def test_a_ringing_phone_is_picked_up(desks: Desks) -> None:
    caller = desks.ben.call("203")
    await desks.cleo.incoming()
    picking = desks.anna.call("*8")
    await picking.until_answered()
    await caller.until_heard({650}, 8, among=(650,))


async def test_lamps_and_states_outlive_a_restart(calls: LocalCalls, house: House) -> None:
    call = await calls.call("*272", "cc-phones", CC_USER="anna")
    await call.ends()
    await calls.ami.close()
    await asyncio.to_thread(house.lab.down)
    await asyncio.to_thread(house.lab.up)
    await until(lambda: "InUse" in house.lab.ask("core show hint *27"), 10, "the lamp")
    async with LocalCalls(house.lab.node) as later:
        caller = await later.call("+49301003")
        await caller.passes("CC_FLOW", "closed")
    house.lab.ask("database del cc/mode office")

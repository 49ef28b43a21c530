"""The test phones against a real Asterisk: what they claim to hear and do is so."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from ccctl.lab.phones import Carrier, IncomingCall, Phone, PhoneError, Phones, State
from tests.support.labhome import LabHome
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

ANNA, BEN, CARRIER = 650, 850, 450
ENDPOINT = """
[{name}]
type = endpoint
context = try
disallow = all
allow = {codecs}
direct_media = no
aors = {name}
auth = {name}
[{name}]
type = auth
auth_type = digest
username = {name}
password = secret-{name}
[{name}]
type = aor
max_contacts = 1
remove_existing = yes
"""
TRUNK = """
[telco]
type = endpoint
context = try
disallow = all
allow = alaw
direct_media = no
[telco]
type = identify
endpoint = telco
match = 127.0.0.1
"""
DIALPLAN = """
[try]
exten => anna,1,Dial(PJSIP/anna,20)
exten => short,1,Dial(PJSIP/anna,1)
exten => ben,1,Dial(PJSIP/ben,20)
exten => echo,1,Answer()
 same => n,Echo()
exten => tone,1,Answer()
 same => n,Playtones(1500)
 same => n,Wait(60)
exten => silence,1,Answer()
 same => n,Wait(60)
exten => keys,1,Answer()
 same => n,Read(KEYS,,4,,1,10)
 same => n,SendDTMF(${FILTER(0-9*#,${KEYS})})
 same => n,Wait(10)
exten => busy,1,Hangup(17)
"""


@pytest.fixture(scope="module")
def pbx() -> Iterator[LabHome]:
    home = LabHome()
    try:
        home.up()
        phones = ENDPOINT.format(name="anna", codecs="ulaw,alaw") + ENDPOINT.format(name="ben", codecs="alaw")
        home.write("pjsip.conf", phones + TRUNK)
        home.write("extensions.conf", DIALPLAN)
        home.ask("module reload res_pjsip.so")
        home.ask("dialplan reload")
        yield home
    finally:
        home.remove()


@pytest.fixture
async def phones(pbx: LabHome) -> AsyncIterator[Phones]:
    async with Phones(server=(pbx.node.host, pbx.node.sip_port)) as phones:
        yield phones
        for call in phones.calls:
            call.hangup()
    await until(lambda: "0 active channels" in pbx.ask("core show channels count"), what="all channels gone")


@pytest.fixture
async def anna(phones: Phones) -> Phone:
    phone = phones.phone("anna", "secret-anna", tone=ANNA)
    await phone.register()
    return phone


@pytest.fixture
async def ben(phones: Phones) -> Phone:
    phone = phones.phone("ben", "secret-ben", tone=BEN)
    await phone.register()
    return phone


@pytest.fixture
async def carrier(phones: Phones) -> Carrier:
    return phones.carrier(tone=CARRIER)


async def test_registers_and_unregisters(pbx: LabHome, anna: Phone) -> None:
    assert f"sip:anna@127.0.0.1:{anna.wire.address[1]}" in pbx.ask("pjsip show contacts")
    await anna.unregister()
    assert "sip:anna@" not in pbx.ask("pjsip show contacts")


async def test_a_wrong_password_is_refused(phones: Phones) -> None:
    with pytest.raises(PhoneError, match="401") as refused:
        await phones.phone("ben", "wrong").register()
    assert refused.value.status == 401


async def test_leaving_unregisters(pbx: LabHome) -> None:
    async with Phones(server=(pbx.node.host, pbx.node.sip_port)) as phones:
        await phones.phone("ben", "secret-ben").register()
        assert "sip:ben@" in pbx.ask("pjsip show contacts")
    assert "sip:ben@" not in pbx.ask("pjsip show contacts")


async def test_both_hear_each_other_across_codecs(anna: Phone, ben: Phone) -> None:
    call = ben.call("anna")
    ringing = await anna.incoming()
    await call.until_ringing()
    assert call.state is State.RINGING
    ringing.answer()
    await call.until_answered()
    await ringing.until_answered()
    await asyncio.gather(call.until_heard({ANNA}), ringing.until_heard({BEN}))
    began = time.time()
    await until(lambda: len(call.frames(began)) > 25, what="half a second of sound")
    assert (call.heard(began), ringing.heard(began)) == ({ANNA}, {BEN})
    ringing.hangup()
    await call.until_ended()
    await ringing.until_ended()
    assert call.times["invite_sent"] < call.times["ringing"] < call.times["answered"] < call.times["bye"]
    assert "cause=16" in call.reason


async def test_a_carrier_shows_its_callers_number(anna: Phone, carrier: Carrier) -> None:
    call = carrier.call("anna", caller="+491701112233", name="Zoë")
    ringing = await anna.incoming()
    assert (ringing.caller, ringing.caller_name) == ("+491701112233", "Zoë")
    ringing.answer()
    await call.until_heard({ANNA})
    await ringing.until_heard({CARRIER})


async def test_the_caller_can_give_up(anna: Phone, ben: Phone) -> None:
    call = ben.call("anna")
    ringing = await anna.incoming()
    await call.until_ringing()
    call.hangup()
    await ringing.until_ended()
    await call.until_ended()
    assert (call.status, ringing.status) == (487, 487)
    assert ringing.times["cancelled"] > ringing.times["invited"]


async def test_giving_up_before_anything_rings(pbx: LabHome, ben: Phone) -> None:
    call = ben.call("silence")
    call.hangup()
    await call.until_ended()
    await until(lambda: "0 active channels" in pbx.ask("core show channels count"))


async def test_a_call_can_be_rejected(anna: Phone, ben: Phone) -> None:
    call = ben.call("anna")
    ringing = await anna.incoming()
    ringing.reject(486)
    await ringing.until_ended()
    with pytest.raises(PhoneError, match="486") as refused:
        await call.until_answered()
    assert refused.value.status == 486


async def test_a_call_that_nobody_answers_ends(anna: Phone, ben: Phone) -> None:
    call = ben.call("short")
    ringing = await anna.incoming()
    await ringing.until_ended(10)
    await call.until_ended(10)
    assert ringing.status == 487
    assert not anna.calls


async def test_on_call_takes_the_place_of_waiting(anna: Phone, ben: Phone) -> None:
    taken: list[IncomingCall] = []
    anna.on_call = taken.append
    call = ben.call("anna")
    await until(lambda: taken, what="the call at anna's phone")
    taken[0].reject(603)
    await call.until_ended()
    assert taken[0].status == 603
    assert call.status >= 400
    with pytest.raises(PhoneError, match="no call"):
        await anna.incoming(timeout=0.1)


async def test_answered_and_hung_up_at_once(anna: Phone, ben: Phone) -> None:
    call = ben.call("anna")
    ringing = await anna.incoming()
    ringing.answer()
    ringing.hangup()  # before the ACK is here
    await ringing.until_ended()
    await call.until_ended()
    assert call.times["bye"] > call.times["answered"]


async def test_keys_go_both_ways(ben: Phone) -> None:
    call = ben.call("keys")
    await call.until_answered()
    await call.until_pressed("4*2#")
    await call.until_digits("4*2", 15)


async def test_keys_between_phones(anna: Phone, ben: Phone) -> None:
    call = ben.call("anna")
    ringing = await anna.incoming()
    ringing.answer()
    await call.until_answered()
    call.press("0123456789*#")
    await ringing.until_digits("0123456789*#", 10)


async def test_hold_and_resume(anna: Phone, ben: Phone) -> None:
    call = ben.call("anna")
    ringing = await anna.incoming()
    ringing.answer()
    await call.until_heard({ANNA})
    ringing.hold()
    await until(lambda: ANNA not in call.heard(time.time() - 0.3), what="anna is silent")
    ringing.resume()
    await call.until_heard({ANNA})


async def test_the_tone_can_change_and_silence_is_silence(ben: Phone) -> None:
    call = ben.call("echo")
    await call.until_heard({BEN})
    call.say(1050)
    await call.until_heard({1050})
    call.say(0)
    await call.until_silence()
    assert call.heard(time.time() - 0.3) == set()


async def test_sound_of_the_other_side_is_heard(ben: Phone) -> None:
    call = ben.call("tone")
    await call.until_heard({1500}, among={1500, 650, 850})


async def test_waiting_in_vain_says_what_was_heard(ben: Phone) -> None:
    call = ben.call("echo")
    await call.until_heard({BEN})
    with pytest.raises(PhoneError, match=r"no tones \[650\] within 0.2 s; heard \[850\]"):
        await call.until_heard({ANNA}, timeout=0.2, among={ANNA, BEN})


async def test_no_server_is_said(unused_udp_port: int) -> None:
    async with Phones(server=("127.0.0.1", unused_udp_port)) as phones:
        with pytest.raises(PhoneError, match="not answered"):
            await phones.phone("anna", "x").register(timeout=0.3)


async def test_a_port_in_use_is_named(phones: Phones, carrier: Carrier) -> None:
    port = carrier.wire.address[1]
    with pytest.raises(PhoneError, match=str(port)):
        phones.carrier(port=port)

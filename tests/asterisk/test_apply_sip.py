"""The applied site with real phones: registration, trunk, whisper of the native queue, pickup, music."""

import socket
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site, generation_id
from ccctl.lab.phones import Carrier, PhoneError, Phones
from ccctl.runtime.apply import apply
from tests.support import sample_site
from tests.support.labhome import LabHome
from tests.support.ports import free_port
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

ANNA, BEN, CALLER, RECEPTION = 650, 850, 450, 1050
NUMBER = "+491701112233"


@pytest.fixture(scope="module")
def sip_home() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


class Party:
    def __init__(self, phones: Phones, carrier: Carrier) -> None:
        self.carrier = carrier
        self.anna = phones.phone("anna", "pw-anna", ANNA)
        self.ben = phones.phone("ben", "pw-ben", BEN)
        self.reception = phones.phone("reception", "pw-reception", RECEPTION)


@pytest.fixture
async def party(sip_home: LabHome) -> AsyncIterator[Party]:
    """Three at their desks, and the carrier."""
    node = sip_home.node
    async with Phones(server=(node.host, node.sip_port)) as phones:
        port = free_port(socket.SOCK_DGRAM)
        carrier = phones.carrier(port=port, tone=CALLER)
        await put(sip_home, port)
        party = Party(phones, carrier)
        for phone in (party.anna, party.ben, party.reception):
            await phone.register()
        yield party


async def put(home: LabHome, port: int) -> None:
    """The sample site; its carrier answers on `port`."""
    site = sample_site.site()
    trunk = msgspec.structs.replace(site.trunks["telco"], port=port)
    outside = g.Dial(targets=("+49305559999",), via="telco", timeout_ms=5000)
    flows = {**site.flows, "partner": sample_site.flow("partner", outside)}
    numbers = {**site.numbers, "+4930888": g.Number(number="+4930888", flow="partner")}
    site = msgspec.structs.replace(site, trunks={"telco": trunk}, flows=flows, numbers=numbers)
    await apply(home.settings, site, compile_site(site, generation_id(site)), lambda text: None)


async def test_colleagues_talk(party: Party) -> None:
    call = party.anna.call("202")
    ringing = await party.ben.incoming()
    ringing.answer()
    await call.until_heard({BEN})
    await ringing.until_heard({ANNA})
    call.hangup()
    await ringing.until_ended()


async def test_a_wrong_password_gets_no_phone(party: Party, sip_home: LabHome) -> None:
    async with Phones(server=(sip_home.node.host, sip_home.node.sip_port)) as phones:
        with pytest.raises(PhoneError) as error:
            await phones.phone("dora", "pw-anna").register()
    assert error.value.status in (401, 403)


async def test_the_native_queue_whispers_to_the_agent_and_connects(party: Party) -> None:
    call = party.carrier.call("+49301234530", NUMBER)
    await until(lambda: party.anna.calls or party.ben.calls, what="a ringing agent")
    phone = party.anna if party.anna.calls else party.ben
    ringing = await phone.incoming()
    ringing.answer()
    await ringing.until_sound()  # the queue's title, before the caller
    await ringing.until_heard({CALLER}, timeout=10)
    await call.until_heard({ANNA if phone is party.anna else BEN})
    ringing.hangup()
    await call.until_ended()


async def test_out_through_the_trunk_and_in_again(party: Party) -> None:
    call = party.anna.call("+4930888")
    outside = await party.carrier.incoming()
    outside.answer()
    await outside.until_heard({ANNA})
    await call.until_heard({CALLER})
    outside.hangup()
    await call.until_ended()


async def test_a_colleague_picks_up(party: Party) -> None:
    call = party.reception.call("201")
    ringing = await party.anna.incoming()
    picked = party.ben.call("*8")
    await picked.until_heard({RECEPTION})
    await call.until_heard({BEN})
    await ringing.until_ended()
    picked.hangup()
    await call.until_ended()


async def test_a_waiting_caller_hears_music_without_the_daemon(party: Party) -> None:
    call = party.carrier.call("+49301234520", NUMBER)
    await call.until_answered()
    await call.until_sound()
    call.hangup()
    await call.until_ended()


async def test_an_own_box_is_opened_by_its_phone_only(party: Party) -> None:
    anna = party.anna.call("*97")
    await anna.until_answered()
    await anna.until_sound()  # "password"
    anna.hangup()
    ben = party.ben.call("*97")  # has none
    await ben.until_ended(timeout=10)

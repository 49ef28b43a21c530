"""What holds callbacks back on the real Asterisk: hours, the list, a full trunk, an agent who hangs up."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.desk import Desk, at_desk, ears, everybody_home
from tests.support.ports import free_port
from tests.support.running import ANNA, CALLER, SITE, WHISPER, Centre, write_tone
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]
ANN, BLOCKED = "+4917055600", "+491705560099"


def site(port: int) -> str:
    text = SITE.replace("codecs: [ulaw]}", f"port: {port}, channels: 1, codecs: [ulaw]}}")
    text = text.replace("pause_reasons: {1: lunch}}", "pause_reasons: {1: lunch}, do_not_call: blocked}")
    text = text.replace("hours:\n", 'hours:\n  office: {open: always, switch: "*28"}\n', 1)
    text = text.replace(
        "  plain: {ring",
        "  day: {ring: 4s, wrap_up: 0s, whisper: none, callback: {hours: office, ring: 10s}}\n  plain: {ring",
    )
    text = text.replace(
        "wrap_up: 1s, whisper: tone,", "wrap_up: 1s, whisper: tone, callback: {ring: 10s, gap: 2s},"
    )
    return text + "tables:\n  blocked: {file: blocked.csv, key: phone, keys: phone}\n"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture(scope="module")
def centre(port: int) -> Iterator[Centre]:
    centre = Centre()
    try:
        sounds = centre.site / "sounds" / "en"
        sounds.mkdir(parents=True)
        write_tone(sounds / "callback-agent.wav", WHISPER, 1)
        (centre.site / "blocked.csv").write_text(f"phone\n{BLOCKED}\n")
        yield centre.up(site(port))
    finally:
        centre.down()


@pytest.fixture
async def desk(centre: Centre, port: int) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben") as desk:
        desk.carrier = desk.phones.carrier(port=port, tone=CALLER)
        yield desk
    await everybody_home(centre)
    for one in await waiting(desk):
        centre.ccctl("callback", "cancel", one["id"])


async def waiting(desk: Desk) -> list[dict[str, Any]]:
    found = await asyncio.to_thread(desk.centre.client.get, "callbacks")
    return list(found["callbacks"])


async def schedule(desk: Desk, number: str, queue: str = "support") -> str:
    done = await asyncio.to_thread(desk.centre.ccctl, "callback", "schedule", queue, number)
    return str(done.stdout.split()[1].rstrip(":"))


async def test_hours_closed_by_hand_hold_it_until_they_are_opened(desk: Desk) -> None:
    await desk.dial_code(desk.anna, "*282")
    await desk.login("anna")
    await schedule(desk, ANN + "1", "day")
    (one,) = await waiting(desk)
    assert (one["state"], one["tries"]) == ("scheduled", 0)
    await desk.dial_code(desk.ben, "*280")
    anna = await desk.anna.incoming(8)
    anna.answer()
    customer = await desk.carrier.incoming(10)
    customer.answer()
    await ears({"anna": anna, "customer": customer}, {"anna": {CALLER}, "customer": {ANNA}})


async def test_nobody_of_the_list_is_called(desk: Desk) -> None:
    refused = await asyncio.to_thread(
        desk.centre.ccctl, "callback", "schedule", "support", BLOCKED, check=False
    )
    assert refused.returncode == 1
    assert "list of those who are not called" in refused.stderr
    assert await waiting(desk) == []


async def test_an_agent_who_hangs_up_while_it_rings_has_rejected_it(desk: Desk) -> None:
    await desk.login("anna")
    ident = await schedule(desk, ANN + "2")
    anna = await desk.anna.incoming(8)
    anna.answer()
    customer = await desk.carrier.incoming(10)
    anna.hangup()
    await customer.until_ended(5)
    await desk.presence("anna", "not_responding")
    offers = "select outcome from offers where queue = 'support' and ended is not null order by offered desc"
    await until(lambda: [row["outcome"] for row in desk.centre.rows(offers)][:1] == ["rejected"], 8)
    (one,) = await waiting(desk)
    assert (one["id"], one["tries"]) == (ident, 0)
    await asyncio.to_thread(desk.centre.ccctl, "agent", "unpause", "anna")
    again = await desk.anna.incoming(8)
    again.answer()
    customer = await desk.carrier.incoming(10)
    customer.answer()
    await ears({"anna": again, "customer": customer}, {"anna": {CALLER}, "customer": {ANNA}})


async def test_a_full_trunk_rings_nobody_and_costs_no_try(desk: Desk) -> None:
    await desk.login("ben")
    caller, talking = await desk.talk(desk.ben)
    ident = await schedule(desk, ANN + "3")
    await desk.login("anna")

    async def held() -> bool:
        return any(one["id"] == ident and one["due"] > one["asked"] for one in await waiting(desk))

    await until(held, 8, "the callback waits for the trunk")
    assert desk.anna.calls == []
    await desk.presence("anna", "ready")
    caller.hangup()
    await talking.until_ended(5)
    await asyncio.to_thread(desk.centre.ccctl, "agent", "logout", "ben")
    anna = await desk.anna.incoming(20)
    anna.answer()
    customer = await desk.carrier.incoming(10)
    customer.answer()
    await ears({"anna": anna, "customer": customer}, {"anna": {CALLER}, "customer": {ANNA}})
    answered = "select * from callbacks where id = :id and outcome = 'answered'"
    (row,) = await until(lambda: desk.centre.rows(answered, id=ident), 8, "it is over in the ledger")
    assert (row["tries"], row["agent"]) == (1, "anna")
    told = (await asyncio.to_thread(desk.centre.ccctl, "why", ident)).stdout
    assert "trunk telco had no channel left" in told
    assert "over: answered by anna" in told

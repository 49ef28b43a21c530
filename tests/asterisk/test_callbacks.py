"""Customers who are called back, on the real Asterisk: their place, who hears whom, nobody dialled twice."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from ccctl.lab.phones import IncomingCall
from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home
from tests.support.running import ANNA, BEN, CALLER, MUSIC, SECOND, SITE, WELCOME, WHISPER, Centre, write_tone
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]
RINGING = 440  # of the tone that an agent hears while the customer's phone rings
ANN = "+4917055500"


def site(port: int) -> str:
    text = SITE.replace("codecs: [ulaw]}", f"port: {port}, codecs: [ulaw]}}")
    text = text.replace(
        "  plain: {ring",
        "  first: {ring: 4s, wrap_up: 0s, whisper: none, music: tone, callback: "
        "{first: customer, ring: 10s}}\n  plain: {ring",
    )
    text = text.replace(
        "wrap_up: 1s, whisper: tone,",
        'wrap_up: 1s, whisper: tone, callback: {ring: 10s, retries: 1, gap: 2s, caller_id: "+49301000"},',
    )
    offer = "offer_callback: {after: 1s, every: 3s, prompt: welcome%s}"
    flows = {
        "offered": offer % "",
        "gathered": offer % ", to: gather",
        "hidden": offer % ", on_withheld: {voicemail: support}",
    }
    numbers = "".join(f'  "+4930101{n}": {name}\n' for n, name in enumerate(flows))
    steps = "".join(
        f"  {name}:\n    - recording: on\n    - {{queue: support, {each}}}\n    - hangup\n"
        for name, each in flows.items()
    )
    text = text.replace("hours:\n", numbers + "hours:\n", 1)
    return text.replace("feature_codes:", steps + "feature_codes:")


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def centre(port: int) -> Iterator[Centre]:
    centre = Centre()
    try:
        sounds = centre.site / "sounds" / "en"
        sounds.mkdir(parents=True)
        for name in ("agent", "customer", "noted", "number"):
            write_tone(sounds / f"callback-{name}.wav", WHISPER, 1)
        yield centre.up(site(port))
    finally:
        centre.down()


@pytest.fixture
async def desk(centre: Centre, port: int) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben") as desk:
        desk.carrier = desk.phones.carrier(port=port, tone=CALLER)
        yield desk
    await everybody_home(centre)
    for one in centre.client.get("callbacks")["callbacks"]:
        centre.ccctl("callback", "cancel", one["id"])


def schedule(desk: Desk, number: str, queue: str = "support") -> str:
    return desk.centre.ccctl("callback", "schedule", queue, number).stdout.split()[1].rstrip(":")


async def over(desk: Desk, ident: str, outcome: str) -> dict[str, Any]:
    def row() -> dict[str, Any]:
        found = desk.centre.rows(
            "select * from callbacks where id = :id and outcome = :o", id=ident, o=outcome
        )
        return found[0] if found else {}

    return await until(row, 10, f"callback {ident} is {outcome}")


async def call_row(desk: Desk, ident: str) -> dict[str, Any]:
    def row() -> dict[str, Any]:
        found = desk.centre.rows("select * from calls where id = :id and ended is not null", id=ident)
        return found[0] if found else {}

    return await until(row, 8, f"call {ident} is over in the ledger")


async def picked_up(desk: Desk) -> tuple[IncomingCall, IncomingCall]:
    """Anna takes the callback and hears what it is; the customer's phone rings."""
    anna = await desk.anna.incoming(8)
    anna.answer()
    return anna, await desk.carrier.incoming(10)


async def test_the_agent_is_first_hears_the_ringing_then_the_customer(desk: Desk) -> None:
    await desk.login("anna")
    ident = await asyncio.to_thread(schedule, desk, ANN + "1")
    anna = await desk.anna.incoming(8)
    anna.answer()
    await anna.until_heard({WHISPER}, 6, among=EARS)
    customer = await desk.carrier.incoming(10)
    await anna.until_heard({RINGING}, 6, among={RINGING})
    customer.answer()
    await ears({"anna": anna, "customer": customer}, {"anna": {CALLER}, "customer": {ANNA}})
    await desk.presence("anna", "talking")
    customer.hangup()
    await anna.until_ended(5)
    await desk.presence("anna", "ready")
    row = await over(desk, ident, "answered")
    assert (row["agent"], row["tries"]) == ("anna", 1)
    call = await call_row(desk, row["talk"])
    assert (call["direction"], call["caller"]) == ("callback", ANN + "1")
    parts = desk.centre.rows("select * from segments where call = :id order by n", id=call["id"])
    assert [part["kind"] for part in parts] == ["dial", "talk"]
    assert parts[0]["ended"] == parts[1]["started"]
    recorded = desk.centre.rows("select * from recordings where call = :id", id=call["id"])
    assert [each["failed"] for each in recorded] == [""]


async def test_a_callback_that_was_accepted_is_served_before_who_came_later(desk: Desk) -> None:
    caller = desk.call("+49301010")
    await caller.until_heard({WELCOME}, 10, among=EARS)
    caller.press("1")
    await caller.until_ended(10)
    row = await desk.ended(caller)
    visits = desk.centre.rows("select * from visits where call = :id", id=row["id"])
    assert [visit["outcome"] for visit in visits] == ["callback"]
    later = desk.call("+49301000", tone=SECOND)
    await later.until_heard({MUSIC}, 8, among=EARS)
    await desk.login("anna")
    anna, customer = await picked_up(desk)
    customer.answer()
    await ears(
        {"anna": anna, "customer": customer, "later": later},
        {"anna": {CALLER}, "customer": {ANNA}, "later": {MUSIC}},
    )
    anna.hangup()
    await customer.until_ended(5)
    second = await desk.anna.incoming(8)
    second.answer()
    await later.until_heard({ANNA}, 8, among=EARS)


async def test_a_customer_who_is_busy_is_tried_again(desk: Desk) -> None:
    await desk.login("anna")
    ident = await asyncio.to_thread(schedule, desk, ANN + "2")
    anna, customer = await picked_up(desk)
    customer.reject(486)
    await anna.until_ended(5)
    await desk.presence("anna", "ready")
    anna, customer = await picked_up(desk)
    customer.answer()
    await ears({"anna": anna, "customer": customer}, {"anna": {CALLER}, "customer": {ANNA}})
    row = await over(desk, ident, "answered")
    assert row["tries"] == 2


async def test_tries_that_are_used_up_end_it(desk: Desk) -> None:
    await desk.login("anna")
    ident = await asyncio.to_thread(schedule, desk, ANN + "3")
    for _ in range(2):
        _, customer = await picked_up(desk)
        customer.reject(486)
        await desk.presence("anna", "ready")
    await over(desk, ident, "busy")


async def test_the_customer_is_first_and_hears_music_until_the_agent_picks_up(desk: Desk) -> None:
    await desk.login("anna", "ben")
    ident = await asyncio.to_thread(schedule, desk, ANN + "4", "first")
    customer = await desk.carrier.incoming(8)
    customer.answer()
    ringing = await desk.anna.incoming(8)
    await customer.until_heard({MUSIC}, 8, among=EARS)
    ringing.reject(486)  # she misses him: he waits for the next
    ben = await desk.ben.incoming(8)
    ben.answer()
    await customer.until_heard({BEN}, 8, among=EARS)
    row = await over(desk, ident, "answered")
    assert row["agent"] == "ben"


async def test_the_same_number_is_called_once(desk: Desk) -> None:
    first = await asyncio.to_thread(schedule, desk, ANN + "5")
    assert await asyncio.to_thread(schedule, desk, ANN + "5") == first
    rows = desk.centre.rows("select * from callbacks where number = :n order by asked", n=ANN + "5")
    await until(
        lambda: len(desk.centre.rows("select id from callbacks where number = :n", n=ANN + "5")) == 2, 8
    )
    rows = desk.centre.rows("select * from callbacks where number = :n order by asked", n=ANN + "5")
    assert [row["outcome"] for row in rows] == [None, "merged"]


async def test_a_withheld_number_leaves_by_its_edge(desk: Desk) -> None:
    caller = desk.carrier.call("+49301012", caller="anonymous")
    await caller.until_heard({WELCOME}, 10, among=EARS)
    caller.press("1")
    visits = "select v.* from visits v join calls c on c.id = v.call where c.number = '+49301012'"
    found = await until(lambda: [row for row in desk.centre.rows(visits) if row["outcome"]], 8)
    assert [row["outcome"] for row in found] == ["key_exit"]
    assert desk.centre.client.get("callbacks")["callbacks"] == []


async def test_a_number_is_asked_for_and_the_place_is_kept(desk: Desk) -> None:
    caller = desk.call("+49301011")
    await caller.until_heard({WELCOME}, 10, among=EARS)
    caller.press("1")
    await caller.until_heard({WHISPER}, 10, among=EARS)
    await caller.until_pressed("004917055577#")
    await caller.until_ended(15)
    later = desk.call("+49301000", tone=SECOND)
    await later.until_heard({MUSIC}, 8, among=EARS)
    await desk.login("anna")
    anna, customer = await picked_up(desk)
    customer.answer()
    await ears({"anna": anna, "customer": customer}, {"anna": {CALLER}, "customer": {ANNA}})
    row = await desk.ended(caller)
    visits = desk.centre.rows("select * from visits where call = :id", id=row["id"])
    assert [visit["outcome"] for visit in visits] == ["callback"]


async def test_a_daemon_that_is_killed_while_it_rings_dials_nobody_twice(desk: Desk) -> None:
    await desk.login("anna")
    ident = await asyncio.to_thread(schedule, desk, ANN + "6")
    anna, customer = await picked_up(desk)
    desk.centre.kill()
    await asyncio.to_thread(desk.centre.start)
    customer.answer()
    await ears({"anna": anna, "customer": customer}, {"anna": {CALLER}, "customer": {ANNA}})
    assert desk.carrier.calls == [customer]
    customer.hangup()
    row = await over(desk, ident, "answered")
    assert row["tries"] == 1


async def test_a_customer_who_was_gone_when_the_daemon_came_back_had_his_try(desk: Desk) -> None:
    await desk.login("anna")
    ident = await asyncio.to_thread(schedule, desk, ANN + "7")
    _, customer = await picked_up(desk)
    desk.centre.kill()
    customer.reject(486)
    await customer.until_ended(5)
    await asyncio.to_thread(desk.centre.start)
    found = await until(
        lambda: [one for one in desk.centre.client.get("callbacks")["callbacks"] if one["tries"]], 8
    )
    assert [(one["id"], one["tries"]) for one in found] == [(ident, 1)]

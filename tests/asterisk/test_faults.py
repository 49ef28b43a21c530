"""What goes wrong in a real call centre: phones, people, files and servers that fail while calls run."""

import asyncio
import itertools
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ccctl.lab.dialog import PhoneError
from ccctl.lab.phones import Phones
from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.running import ANNA, BEN, CALLER, MUSIC, SECOND, WELCOME, WHISPER, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running() as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben") as desk:
        yield desk
    await everybody_home(centre)
    assert "Traceback" not in centre.log.read_text()


async def nothing_is_left(centre: Centre) -> None:
    """No channel, no bridge but the one of those who wait, no open row."""
    await until(lambda: "0 active channels" in centre.lab.ask("core show channels count"), 10, "no channel")
    tables = ("calls", "visits", "segments", "offers", "recordings", "watches")

    def left() -> list[dict[str, Any]]:
        return [row for table in tables for row in centre.rows(f"select * from {table} where ended is null")]

    await until(lambda: not left(), 10, f"open rows: {left()}")


async def visit_of(desk: Desk, row: dict[str, Any]) -> dict[str, Any]:
    return desk.centre.rows("select * from visits where call = :call", call=row["id"])[0]


async def test_a_phone_that_is_gone_costs_the_caller_nothing(desk: Desk) -> None:
    await desk.login("anna", "ben")
    await desk.anna.unregister()
    await desk.presence("anna", "unreachable")
    caller = desk.call()
    (await desk.ben.incoming(4)).answer()
    await caller.until_heard({BEN}, 8, among=EARS)
    caller.hangup()
    row = await desk.ended(caller)
    offers = desk.centre.rows(
        "select agent, outcome from offers where call = :c order by offered", c=row["id"]
    )
    assert [(o["agent"], o["outcome"]) for o in offers] == [("ben", "answered")]


async def test_wrong_password_double_login_and_logout_in_the_talk(desk: Desk) -> None:
    async with Phones(server=desk.centre.server) as others:
        with pytest.raises(PhoneError, match="401"):
            await others.phone("ben", "not-his-password").register()
    began = int(time.time() * 1000)
    await desk.login("anna", "anna")
    assert desk.centre.presence("anna") == "ready"
    caller, agent = await desk.talk(desk.anna, "+49301002")
    await asyncio.to_thread(desk.centre.ccctl, "agent", "logout", "anna")
    await ears({"caller": caller, "agent": agent}, {"caller": {ANNA}, "agent": {CALLER}})
    assert desk.centre.presence("anna") == "talking"
    agent.hangup()
    await desk.presence("anna", "offline")
    rows = desk.centre.rows(
        "select * from agent_states where agent = 'anna' and started >= :t order by started", t=began
    )
    assert [row["presence"] for row in rows] == ["ready", "ringing", "talking"]
    assert all(a["ended"] == b["started"] for a, b in itertools.pairwise(rows))


async def test_an_unknown_code_and_an_unknown_number_end_at_once(desk: Desk) -> None:
    for number in ("*99999", "777", "*"):
        call = desk.anna.call(number)
        await call.until_ended(10)
    await nothing_is_left(desk.centre)


async def test_the_caller_hangs_up_at_every_step(desk: Desk) -> None:
    announced, menu = desk.call("+49301001"), desk.call("+49301001", tone=SECOND)
    await announced.until_heard({WELCOME}, among=EARS)
    announced.hangup()

    async def waits() -> bool:  # a key pressed into the announcement before the menu counts for nothing
        await menu.until_pressed("1")
        return MUSIC in menu.heard(0, among=EARS)

    await until(waits, 10, "the menu leads to the queue", every=0.3)
    menu.hangup()
    voicemail = desk.call("+49301004")
    await voicemail.until_heard({MUSIC}, among=EARS)
    await voicemail.until_pressed("0")
    query = "select 1 from segments join calls on call = calls.id where caller = :c and kind = 'voicemail'"
    number = desk.numbers[voicemail]
    await until(lambda: desk.centre.rows(query, c=number), 10, "the mailbox has him")
    voicemail.hangup()
    steps = [(await desk.ended(call))["ended_in"] for call in (announced, menu, voicemail)]
    assert steps == ["ivr", "waiting", "voicemail"]

    await desk.login("anna")
    ringing = desk.call()
    offer = await desk.anna.incoming()
    ringing.hangup()
    await offer.until_ended()
    await desk.presence("anna", "ready")
    whispered = desk.call()
    offer = await desk.anna.incoming()
    offer.answer()
    await offer.until_heard({WHISPER}, among=EARS)
    whispered.hangup()
    await offer.until_ended()
    await desk.presence("anna", "ready")
    visits = [await visit_of(desk, await desk.ended(call)) for call in (ringing, whispered)]
    assert [visit["outcome"] for visit in visits] == ["abandoned", "abandoned"]
    await nothing_is_left(desk.centre)


HOSTILE = (
    'a"b',
    "${SHELL(touch /tmp/ccctl-was-here)}",
    "x,y;z&PJSIP/ben",
    "<sip:ben@127.0.0.1>",
    "'; drop table calls; --",
    "Zoë 🐈 \u202eevil",
    "n" * 300,
    "\\",
    "=1+1|cmd",
    "a\tb\x07c",
)


async def test_hostile_names_are_text_and_nothing_else(desk: Desk) -> None:
    await desk.login("anna")
    witness = Path("/tmp/ccctl-was-here")
    for name in HOSTILE:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        Desk.callers += 1
        number = f"+49171{Desk.callers:06d}"
        caller = desk.carrier.call("+49301002", caller=number, name=quoted, tone=CALLER)
        desk.numbers[caller] = number
        offer = await desk.anna.incoming(5)
        channels = desk.centre.lab.ask("core show channels count")
        assert "2 active channels" in channels, f"{name!r}: {channels}"
        offer.answer()
        await caller.until_heard({ANNA}, 8, among=EARS)
        offer.hangup()
        row = await desk.ended(caller)
        assert row["caller_name"], name
        await desk.presence("anna", "ready")
    assert not witness.exists()
    assert [phone.calls for phone in (desk.anna, desk.ben)] == [[], []]
    await nothing_is_left(desk.centre)


@pytest.mark.parametrize(
    "number", ["%24%7BEXTEN%7D", "a,b&c", "%22;x=y", "'--", "anonymous", "+" + "9" * 200]
)
async def test_hostile_numbers_are_text_and_nothing_else(desk: Desk, number: str) -> None:
    await desk.login("anna")
    before = len(desk.centre.rows("select id from calls"))
    caller = desk.carrier.call("+49301002", caller=number, tone=CALLER)
    offer = await desk.anna.incoming(5)
    offer.answer()
    await caller.until_heard({ANNA}, 8, among=EARS)
    offer.hangup()
    await caller.until_ended()
    await nothing_is_left(desk.centre)
    assert len(desk.centre.rows("select id from calls")) == before + 1


async def test_no_room_for_recordings_and_the_talk_goes_on(desk: Desk) -> None:
    folder = Path(desk.centre.lab.node.recordings_dir)
    aside = folder.with_suffix(".aside")
    if folder.exists():
        folder.rename(aside)
    folder.write_text("no folder")
    try:
        await desk.login("anna")
        caller, agent = await desk.talk(desk.anna)
        await ears({"caller": caller, "agent": agent}, {"caller": {ANNA}, "agent": {CALLER}})
        await until(lambda: desk.centre.rows("select * from recordings where failed > ''"), 8, "the failure")
        agent.hangup()
        row = await desk.ended(caller)
    finally:
        folder.unlink()
        if aside.exists():
            aside.rename(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    recording = desk.centre.rows("select * from recordings where call = :c", c=row["id"])
    assert recording[0]["failed"], recording
    assert recording[0]["ended"] is not None


async def test_the_database_is_locked_while_calls_run(desk: Desk) -> None:
    await desk.login("anna")
    url = desk.centre.lab.settings.database_url
    holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("begin immediate")
    caller, agent = await desk.talk(desk.anna)
    agent.hangup()
    await caller.until_ended()

    async def alarmed() -> bool:
        done = await asyncio.to_thread(desk.centre.ccctl, "status", check=False)
        return done.returncode == 1 and "FAILING" in done.stdout and "locked" in done.stdout

    await until(alarmed, 15, "status says that the database is locked")
    second = desk.call(tone=SECOND)
    await desk.presence("anna", "ringing")
    holder.execute("rollback")
    holder.close()
    (await desk.anna.incoming()).answer()
    await second.until_heard({ANNA}, 8, among=EARS)
    second.hangup()
    row = await desk.ended(caller)
    assert (await visit_of(desk, row))["outcome"] == "answered"
    row = await desk.ended(second)
    assert (await visit_of(desk, row))["outcome"] == "answered"
    done = await asyncio.to_thread(desk.centre.ccctl, "status", check=False)
    assert done.returncode == 0, done.stdout

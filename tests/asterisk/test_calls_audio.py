"""Calls through the whole product on a real Asterisk, judged by what every ear hears."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ccctl.lab.tones import read_wave, share
from tests.support.desk import EARS, Desk, at_desk, ears, everybody_home, running
from tests.support.running import (
    ANNA,
    BEN,
    CALLER,
    MUSIC,
    SECOND,
    SUPER,
    WELCOME,
    WHISPER,
    Centre,
)
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running() as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna", "ben", "sue", "joe") as desk:
        yield desk
    await everybody_home(centre)


async def test_whisper_is_heard_by_the_agent_alone_then_both_hear_each_other(desk: Desk) -> None:
    await desk.login("anna")
    caller = desk.call()
    ringing = await desk.anna.incoming()
    assert ringing.caller == desk.numbers[caller]
    await caller.until_heard({MUSIC}, among=EARS)
    ringing.answer()
    await ears({"agent": ringing, "caller": caller}, {"agent": {WHISPER}, "caller": {MUSIC}})
    await desk.presence("anna", "whisper")
    await ears({"agent": ringing, "caller": caller}, {"agent": {CALLER}, "caller": {ANNA}})
    await desk.presence("anna", "talking")
    heard_by_caller = caller.heard(0, among=[WHISPER])
    assert WHISPER not in heard_by_caller
    ringing.hangup()
    await caller.until_ended()
    await desk.presence("anna", "wrapup")
    await desk.presence("anna", "ready")
    row = await desk.ended(caller)
    assert (row["path"], row["ended_in"], row["ended_by"]) == ("support", "talk", "agent")
    visit = desk.centre.rows("select * from visits where call = :call", call=row["id"])[0]
    assert (visit["outcome"], visit["agent"], visit["engine"]) == ("answered", "anna", "acd")
    segments = desk.centre.rows("select kind from segments where call = :call order by n", call=row["id"])
    assert [s["kind"] for s in segments][-2:] == ["waiting", "talk"]
    recording = desk.centre.rows("select * from recordings where call = :call", call=row["id"])[0]
    path = Path(desk.centre.lab.node.recordings_dir) / recording["path"]
    frames = await until(lambda: read_wave(path), 5, "the recording can be read")
    for tone in (CALLER, ANNA):
        assert share(frames, tone) > 0.5, f"{tone} Hz is not in the recording"
    assert share(frames, WHISPER) < 0.1


async def test_caller_hangs_up_first(desk: Desk) -> None:
    await desk.login("anna")
    caller, agent = await desk.talk(desk.anna)
    caller.hangup()
    await agent.until_ended()
    row = await desk.ended(caller)
    assert (row["ended_in"], row["ended_by"]) == ("talk", "caller")


async def test_no_answer_rings_the_next_agent_and_the_code_brings_the_first_back(desk: Desk) -> None:
    await desk.login("anna", "ben")
    caller = desk.call()
    await desk.anna.incoming()
    ringing = await desk.ben.incoming(10)
    await desk.presence("anna", "not_responding")
    ringing.answer()
    await caller.until_heard({BEN}, 8, among=EARS)
    await desk.dial_code(desk.anna, "*45")
    await desk.presence("anna", "ready")
    caller.hangup()


async def test_agent_hangs_up_in_the_whisper_and_the_caller_keeps_his_place(desk: Desk) -> None:
    await desk.login("anna")
    first, second = desk.call(), None
    ringing = await desk.anna.incoming()
    second = desk.call(tone=SECOND)
    await second.until_heard({MUSIC}, among=EARS)
    ringing.answer()
    await ringing.until_heard({WHISPER}, among=EARS)
    ringing.hangup()
    await desk.presence("anna", "not_responding")
    await first.until_heard({MUSIC}, among=EARS)
    await desk.login("ben")
    (await desk.ben.incoming()).answer()
    await first.until_heard({BEN}, 8, among=EARS)
    assert second.heard(0, among=[BEN]) == set()
    first.hangup()
    second.hangup()


async def test_desk_phone_codes_log_in_pause_and_log_out(desk: Desk) -> None:
    for code, presence in (("*45", "ready"), ("*461", "paused"), ("*46", "ready"), ("*45", "offline")):
        await desk.dial_code(desk.anna, code)
        await desk.presence("anna", presence)
    rows = desk.centre.rows("select reason from agent_states where presence = 'paused' and agent = 'anna'")
    assert {row["reason"] for row in rows} == {"lunch"}


async def test_listen_whisper_barge_from_the_desk_phone(desk: Desk) -> None:
    await desk.login("anna")
    caller, agent = await desk.talk(desk.anna)
    await agent.until_heard({CALLER}, among=EARS)
    ear = desk.sue.call("*222201")
    await ear.until_answered()
    parties = {"caller": caller, "agent": agent, "supervisor": ear}
    both = {CALLER, ANNA}
    listen = {"caller": {ANNA}, "agent": {CALLER}, "supervisor": both}
    whisper = {"caller": {ANNA}, "agent": {CALLER, SUPER}, "supervisor": both}
    barge = {"caller": {ANNA, SUPER}, "agent": {CALLER, SUPER}, "supervisor": both}
    await ears(parties, listen)
    for key, wanted in (("5", whisper), ("6", barge), ("4", listen), ("6", barge), ("5", whisper)):
        ear.press(key)
        await ears(parties, wanted)
    ear.hangup()
    await ears(parties, {"caller": {ANNA}, "agent": {CALLER}})
    await until(lambda: not desk.centre.rows("select * from watches where ended is null"), 5, "watches ended")
    rows = desk.centre.rows("select * from watches order by started")
    assert [row["mode"] for row in rows[-6:]] == ["listen", "whisper", "barge", "listen", "barge", "whisper"]
    assert {(row["supervisor"], row["agent"]) for row in rows} == {("sue", "anna")}
    caller.hangup()


async def test_supervisor_is_rung_from_the_command_line_and_hung_up_with_the_talk(desk: Desk) -> None:
    await desk.login("anna")
    caller, agent = await desk.talk(desk.anna)
    await asyncio.to_thread(desk.centre.ccctl, "monitor", "anna", "--whisper", "--to", "sue")
    ear = await desk.sue.incoming()
    ear.answer()
    await ears(
        {"caller": caller, "agent": agent, "supervisor": ear},
        {"caller": {ANNA}, "agent": {CALLER, SUPER}, "supervisor": {CALLER, ANNA}},
    )
    agent.hangup()
    await ear.until_ended()


async def test_no_role_no_ear(desk: Desk) -> None:
    await desk.login("anna")
    caller, agent = await desk.talk(desk.anna)
    await agent.until_heard({CALLER}, among=EARS)
    ear = desk.joe.call("*222201")
    await ear.until_ended(10)
    assert ear.heard(0, among=[CALLER, ANNA]) == set()
    refused = await asyncio.to_thread(
        desk.centre.ccctl, "monitor", "anna", "--listen", "--to", "joe", check=False
    )
    assert refused.returncode == 1
    assert "forbidden" in refused.stderr
    await ears({"caller": caller, "agent": agent}, {"caller": {ANNA}, "agent": {CALLER}})
    caller.hangup()


async def test_max_wait_exit_key_menu_and_night(desk: Desk) -> None:
    timed = desk.call("+49301004")
    keyed = desk.call("+49301004", tone=SECOND)
    await keyed.until_heard({MUSIC}, among=EARS)
    await keyed.until_pressed("0")
    night = desk.call("+49301003", tone=BEN)
    await night.until_heard({WELCOME}, among=EARS)
    for call in (timed, keyed):
        await call.until_sound(8)
    await night.until_ended(8)
    row = await desk.ended(night)
    assert (row["ended_in"], row["ended_by"], row["path"]) == ("closed", "system", "night")
    timed.hangup()
    keyed.hangup()
    outcomes = {}
    for tone, call in ((CALLER, timed), (SECOND, keyed)):
        row = await desk.ended(call)
        assert row["ended_in"] == "voicemail"
        outcomes[tone] = desk.centre.rows("select outcome from visits where call = :c", c=row["id"])[0][
            "outcome"
        ]
    assert outcomes == {CALLER: "timed_out", SECOND: "key_exit"}


async def test_abandoned_in_the_queue(desk: Desk) -> None:
    caller = desk.call()
    await caller.until_heard({MUSIC}, among=EARS)
    caller.hangup()
    row = await desk.ended(caller)
    visit = desk.centre.rows("select * from visits where call = :call", call=row["id"])[0]
    assert (visit["outcome"], row["ended_in"], row["ended_by"]) == ("abandoned", "waiting", "caller")


async def test_line_breaks_in_a_callers_number_make_no_lines_of_the_log(desk: Desk) -> None:
    """sip:%0d%0a... is unescaped by Asterisk: without care it ends records and events, and begins others."""
    await desk.login("anna")
    log = Path(desk.centre.lab.node.cel_file)
    before = log.stat().st_size if log.exists() else 0
    forged = "%22%0a%221795719697.1%22,%22HANGUP%22,%22x%22"
    caller = desk.carrier.call("+49301000", caller=f"%2b4917%0d%0a%0d%0a{forged}", name="Zoe")
    ringing = await desk.anna.incoming()
    assert ringing.caller.startswith("+4917")
    assert "%0" not in ringing.caller
    ringing.answer()
    await caller.until_heard({ANNA}, 8, among=EARS)
    caller.hangup()
    await ringing.until_ended()
    query = "select * from calls where caller like '%HANGUP%' and ended is not null"
    row = (await until(lambda: desk.centre.rows(query), 8, "the end of the call in the ledger"))[0]
    assert (row["path"], row["ended_in"], row["ended_by"]) == ("support", "talk", "caller")
    lines = log.read_bytes()[before:].decode().splitlines()
    assert len(lines) > 10
    assert not [line for line in lines if not re.match(r'"\d+\.\d+","[A-Z_]+","[\w.]+",', line)]

"""The compiled dialplan on a real Asterisk: every way through a menu, hours, a queue, voicemail."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import pytest

from ccctl.asterisk.ari import Ari
from ccctl.errors import AsteriskRefused
from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site, generation_id
from ccctl.runtime.apply import apply
from tests.support import sample_site
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCalls
from tests.support.until import until

pytestmark = pytest.mark.asterisk

MONDAY_MORNING = "1795424400"  # 2026-11-23 10:00 in Berlin
SUNDAY = "1795338000"
CHRISTMAS = "1798189200"  # Friday 2026-12-25 10:00
MAIN, SUPPORT, BILLING = "+49301234500", "+49301234520", "+49301234530"


async def put_in_force(home: LabHome, site: g.Site) -> str:
    plan = compile_site(site, generation_id(site))
    await apply(home.settings, site, plan, lambda text: None)
    return plan.generation


@pytest.fixture(scope="module")
def centre() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


@pytest.fixture
async def calls(centre: LabHome) -> AsyncIterator[LocalCalls]:
    await put_in_force(centre, sample_site.site())
    async with LocalCalls(centre.node) as calls:
        yield calls


async def test_a_pressed_key_leads_to_its_flow(calls: LocalCalls) -> None:
    call = await calls.call(MAIN, TESTTIME=MONDAY_MORNING)
    await call.press_until("1", "CC_FLOW", "support")
    assert call.marks[:3] == [("CC_CALL", "inbound"), ("CC_FLOW", "main"), ("CC_FLOW", "support")]


async def test_spellings_of_a_number_are_one_number(calls: LocalCalls) -> None:
    for number in ("49301234500", "0049301234500"):
        call = await calls.call(number, TESTTIME=CHRISTMAS)
        await call.passes("CC_FLOW", "main")


@pytest.mark.parametrize("when", [SUNDAY, CHRISTMAS])
async def test_closed_and_holiday_lead_to_voicemail(calls: LocalCalls, when: str) -> None:
    call = await calls.call(MAIN, TESTTIME=when)
    await call.passes("CC_VOICEMAIL", "support")
    assert ("CC_CLOSED", "office") in call.marks


async def test_the_switch_beats_the_timetable(calls: LocalCalls, centre: LabHome) -> None:
    centre.ask("database put cc/mode office closed")
    try:
        call = await calls.call(MAIN, TESTTIME=MONDAY_MORNING)
        await call.passes("CC_CLOSED", "office")
        centre.ask("database put cc/mode office open")
        call = await calls.call(MAIN, TESTTIME=CHRISTMAS)
        await call.press_until("1", "CC_FLOW", "support")
        assert ("CC_CLOSED", "office") not in call.marks
    finally:
        centre.ask("database del cc/mode office")


async def test_the_switch_is_a_code_with_a_lamp(calls: LocalCalls, centre: LabHome) -> None:
    try:
        await (await calls.call("*27", "cc-phones")).ends()
        assert "closed" in centre.ask("database get cc/mode office")
        assert "InUse" in centre.ask("core show hint *27")
        await (await calls.call("*27", "cc-phones")).ends()
        assert "open" in centre.ask("database get cc/mode office")
        await (await calls.call("*27", "cc-phones")).ends()
        assert "auto" in centre.ask("database get cc/mode office")
        assert "Idle" in centre.ask("core show hint *27")
    finally:
        centre.ask("database del cc/mode office")


async def test_silence_in_a_menu_ends_in_a_message(calls: LocalCalls, centre: LabHome) -> None:
    """Two attempts, then on_exhausted: the message is really recorded."""
    call = await calls.call(MAIN, TESTTIME=MONDAY_MORNING)
    await call.passes("CC_VOICEMAIL", "support", timeout=20)
    inbox = centre.lab.spool / "voicemail/ccctl/900"
    await until(lambda: list(inbox.glob("tmp/*.wav")), 20, "a recording")
    recording = next(iter(inbox.glob("tmp/*.wav")))
    await until(lambda: recording.stat().st_size > 40_000, 10, "some seconds of it")
    await call.hang_up()
    await until(lambda: list(inbox.glob("INBOX/msg*.wav")), 10, "the message")


async def test_wrong_keys_count_as_attempts(calls: LocalCalls) -> None:
    call = await calls.call(MAIN, TESTTIME=MONDAY_MORNING)
    await call.press_until("9", "CC_VOICEMAIL", "support")


async def test_an_inline_option_returns_after_the_menu(calls: LocalCalls) -> None:
    """Key 2 changes the language, speaks, and goes on to say and hangup."""
    call = await calls.call(MAIN, TESTTIME=MONDAY_MORNING)
    await call.press_until("2", "CC_HANGUP", "main")
    await call.ends()


async def test_an_unreachable_phone_has_a_way_out(calls: LocalCalls) -> None:
    call = await calls.call(MAIN, TESTTIME=MONDAY_MORNING)
    await call.press_until("0", "CC_DIAL", "reception+anna")
    await call.passes("CC_VOICEMAIL", "support")
    assert ("CC_DIAL_END", "CHANUNAVAIL") in call.marks


async def test_a_native_queue_without_agents_follows_its_outcome(calls: LocalCalls) -> None:
    """No phone is registered, so app_queue lets nobody in and the flow goes to the partner."""
    call = await calls.call(BILLING)
    await call.passes("CC_FLOW", "partner")
    assert ("CC_NATIVE", "billing") in call.marks
    assert ("CC_NATIVE_END", "JOINEMPTY") in call.marks


async def test_without_the_daemon_callers_hear_music_and_then_queue_natively(calls: LocalCalls) -> None:
    call = await calls.call(SUPPORT)
    await call.passes("CC_QUEUE", "support")
    await until(lambda: call.music, what="music")
    assert ("CC_NATIVE", "support") not in call.marks
    await call.passes("CC_NATIVE", "support", timeout=10)
    assert not call.ended


async def test_a_phone_without_a_name_of_ours_hears_no_secrets(calls: LocalCalls) -> None:
    call = await calls.call("*97", "cc-phones")
    await call.ends()


async def test_colleagues_and_own_numbers(calls: LocalCalls) -> None:
    desk = await calls.call("201", "cc-phones")
    await desk.passes("CC_VOICEMAIL", "anna")
    assert desk.marks[:2] == [("CC_CALL", "internal"), ("CC_DIAL", "anna")]
    did = await calls.call(MAIN, "cc-phones", TESTTIME=CHRISTMAS)
    await did.passes("CC_FLOW", "main")
    assert did.marks[0] == ("CC_CALL", "internal")


async def test_unknown_numbers_are_refused(calls: LocalCalls) -> None:
    call = await calls.call("+4930999")
    await call.ends()
    assert call.marks == []


# -- with the daemon's side of the contract ----------------------------------------------------------


class Daemon:
    """Takes callers as the daemon would and gives them back with a result."""

    def __init__(self, home: LabHome, result: str) -> None:
        self.result = result
        self.entered: list[list[str]] = []
        self.up = False
        self.ari = Ari(home.node, self._take, self._state)

    def _state(self, up: bool, detail: str) -> None:
        self.up = up

    def _take(self, event: dict[str, Any]) -> None:
        if event["type"] == "StasisStart":
            self.entered.append([event["channel"]["id"], *event["args"]])

    async def __aenter__(self) -> Self:
        await self.ari.start()
        await until(lambda: self.up, 10, "Asterisk's connection")
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.ari.close()

    async def give_back(self) -> list[str]:
        """Of earlier calls that nobody served Asterisk tells now, too: they are gone."""
        while True:
            await until(lambda: self.entered, what="a caller")
            channel, *arguments = self.entered.pop()
            try:
                await self.ari.channels_set_channel_var(channel, "CC_RESULT", self.result)
                await self.ari.channels_continue_in_dialplan(channel)
            except AsteriskRefused as error:
                if error.status != 404:
                    raise
                continue
            return arguments


@pytest.mark.parametrize(
    ("result", "mark", "value"),
    [
        ("answered", "CC_HANGUP", "support"),
        ("timeout", "CC_VOICEMAIL", "support"),
        ("full", "CC_VOICEMAIL", "support"),
        ("key_0", "CC_VOICEMAIL", "support"),
        ('x" = "x', "CC_VOICEMAIL", "support"),
        ("", "CC_VOICEMAIL", "support"),
    ],
)
async def test_results_of_the_daemon(
    calls: LocalCalls, centre: LabHome, result: str, mark: str, value: str
) -> None:
    async with Daemon(centre, result) as daemon:
        call = await calls.call(SUPPORT)
        arguments = await daemon.give_back()
        await call.passes(mark, value)
    assert arguments[0] == "queue"
    assert arguments[2:7] == ["support", "5", "600", "0", ""]
    assert ("CC_NATIVE", "support") not in call.marks


async def test_a_code_without_the_daemon_is_answered_all_the_same(calls: LocalCalls) -> None:
    call = await calls.call("*45", "cc-phones", CC_USER="anna")
    await call.ends(timeout=25)


async def test_a_caller_whom_the_daemon_took_and_left_is_served_natively(
    calls: LocalCalls, centre: LabHome
) -> None:
    async with Daemon(centre, "") as daemon:
        call = await calls.call(SUPPORT)
        await until(lambda: daemon.entered, what="the caller")
    await call.passes("CC_NATIVE", "support")
    assert not call.ended


async def test_codes_say_who_what_and_why(calls: LocalCalls, centre: LabHome) -> None:
    async with Daemon(centre, "") as daemon:
        for dialled, expected in (
            ("*45", ["agent-login", "anna", ""]),
            ("*46", ["agent-pause", "anna", ""]),
            ("*461", ["agent-pause", "anna", "lunch"]),
            ("*222202", ["anna", "202"]),
        ):
            call = await calls.call(dialled, "cc-phones", CC_USER="anna")
            assert (await daemon.give_back())[2:] == expected
            await call.ends()

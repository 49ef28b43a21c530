"""Agents' phones: lost and found again, and calls on them that are none of the queues'."""

import pytest

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence as P
from tests.support.centre import Centre, kinds, make_roster

DIALLED = "PJSIP/a0-0000002a"


def at_work(**queue: object) -> Centre:
    centre = Centre(make_roster(1, **queue))
    centre.login("a0")
    return centre


def seen(centre: Centre, reachable: bool, idle: bool = False) -> list[c.Command]:
    centre.at += 1
    return centre.send(e.PhoneSeen(at=centre.at, agent="a0", reachable=reachable, idle=idle))


def dials(centre: Centre, channel: str = "pbx1/7", name: str = DIALLED) -> None:
    centre.at += 1
    centre.send(e.CallMarked(at=centre.at, call=channel, mark="CC_CALL", value="internal", name=name))


def hangs_up(centre: Centre, channel: str = "pbx1/7") -> list[c.Command]:
    centre.at += 1
    return centre.send(e.ChannelEnded(at=centre.at, channel=channel, name=DIALLED))


def test_who_has_no_phone_is_offered_nothing_until_it_is_back() -> None:
    centre = at_work()
    seen(centre, False)
    assert centre.presence("a0") is P.UNREACHABLE
    centre.queued()
    assert not centre.leg_of("a0")
    assert "Offer" in kinds(seen(centre, True))


def test_a_login_without_a_phone_waits_for_it() -> None:
    centre = Centre(make_roster(1))
    seen(centre, False)
    centre.login("a0")
    assert centre.presence("a0") is P.UNREACHABLE
    seen(centre, True)
    assert centre.presence("a0") is P.READY


def test_an_offer_that_finds_no_phone_makes_him_unreachable() -> None:
    centre = at_work()
    call = centre.queued()
    centre.leg_ended(centre.leg_of("a0"), cause=20)
    assert centre.presence("a0") is P.UNREACHABLE
    assert centre.visit(call).ended is None
    seen(centre, True)
    assert centre.leg_of("a0")


def test_a_phone_that_goes_in_wrap_up_does_not_end_or_stop_it() -> None:
    centre = at_work(wrap_up_ms=5000)
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.leg_ended(leg)
    seen(centre, False)
    assert centre.presence("a0") is P.WRAPUP
    centre.tick(6000)
    assert centre.presence("a0") is P.UNREACHABLE


def test_a_call_of_his_own_keeps_offers_from_him() -> None:
    centre = at_work()
    dials(centre)
    assert (centre.presence("a0"), centre.world.agents["a0"].call) == (P.DIRECT_CALL, "pbx1/7")
    centre.queued()
    assert not centre.leg_of("a0")
    assert "Offer" in kinds(hangs_up(centre))


def test_a_queue_may_say_that_it_does_not() -> None:
    centre = at_work(direct_calls="ignore")
    dials(centre)
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    assert centre.presence("a0") is P.TALKING
    centre.leg_ended(leg)
    assert centre.presence("a0") is P.DIRECT_CALL  # the other call goes on


def test_of_two_calls_the_last_counts() -> None:
    centre = at_work()
    dials(centre)
    centre.at += 1
    centre.send(e.ChannelAnswered(at=centre.at, channel="pbx1/8", name="PJSIP/a0-0000002b"))
    hangs_up(centre)
    assert (centre.presence("a0"), centre.world.agents["a0"].call) == (P.DIRECT_CALL, "pbx1/8")
    hangs_up(centre, "pbx1/8")
    assert centre.presence("a0") is P.READY


@pytest.mark.parametrize("name", ["PJSIP/telco-0000002a", "Local/a0@x-0000002a;1", "PJSIP/a0x-1", ""])
def test_other_channels_are_nobody_s_call(name: str) -> None:
    centre = at_work()
    dials(centre, name=name)
    assert centre.presence("a0") is P.READY


def test_a_feature_code_is_no_call() -> None:
    centre = at_work()
    centre.send(e.AgentCode(at=centre.at, channel="pbx1/7", code="agent-login", agent="ghost"))
    centre.send(e.ChannelAnswered(at=centre.at, channel="pbx1/7", name=DIALLED))
    assert centre.presence("a0") is P.READY
    hangs_up(centre)
    assert not centre.world.codes


def test_what_ended_unseen_is_over_with_the_next_look() -> None:
    centre = at_work()
    dials(centre)
    centre.at += 1
    centre.send(e.Resynced(at=centre.at, node="pbx1"))
    assert (centre.presence("a0"), centre.world.directs) == (P.READY, {})


def test_a_look_finds_a_call_that_no_log_told_of() -> None:
    centre = at_work()
    talk = e.LiveChannel(channel="pbx1/7", name=DIALLED, up=True)
    centre.send(e.Resynced(at=centre.at, node="pbx1", channels=(talk,)))
    assert centre.presence("a0") is P.DIRECT_CALL


def test_a_look_that_was_slow_does_not_bring_a_call_back() -> None:
    centre = at_work()
    dials(centre)
    looked = centre.at
    hangs_up(centre)
    talk = e.LiveChannel(channel="pbx1/7", name=DIALLED, up=True)
    centre.send(e.Resynced(at=looked, node="pbx1", channels=(talk,)))
    assert centre.presence("a0") is P.READY


def test_a_phone_that_is_in_no_call_ends_what_is_thought_to_be_one() -> None:
    centre = at_work()
    dials(centre)
    seen(centre, True, idle=True)
    assert centre.presence("a0") is P.DIRECT_CALL  # the log may only be late
    centre.tick(10_000)
    seen(centre, True, idle=True)
    assert centre.presence("a0") is P.READY


def test_a_row_keeps_its_cause_when_it_ends() -> None:
    centre = at_work()
    seen(centre, False)
    seen(centre, True)
    rows = [(row.presence, row.cause) for row in centre.rows[ch.AgentStateRow].values()]
    assert rows[1:] == [("unreachable", "phone"), ("ready", "phone")]

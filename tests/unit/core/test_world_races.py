"""What comes late, twice, in another order or not at all: nobody is lost, no number is wrong."""

import pytest
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.changes import OfferOutcome, Outcome, SegmentKind
from ccctl.flow import marks
from ccctl.flow.roster import to_json as roster_json
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import from_json, to_json
from tests.support.centre import WHISPER, Centre, kinds, make_roster

NODE = "pbx1"
ARGS = ("queue", "abc123", "q0", "0", "0", "", "")


def channel(reference: str, **fields: object) -> e.LiveChannel:
    return e.LiveChannel(channel=reference, **({"ours": True} | fields))  # type: ignore[arg-type] # fields of any type


def look(centre: Centre, *channels: e.LiveChannel, bridges: tuple[str, ...] = ()) -> list[c.Command]:
    centre.at += 1
    return centre.send(e.Resynced(at=centre.at, node=NODE, channels=channels, bridges=bridges))


def mark(centre: Centre, call: str, name: str, value: str = "", at: int = 0) -> None:
    centre.send(e.CallMarked(at=at or centre.at, call=call, mark=name, value=value))


def deaf(centre: Centre) -> None:
    centre.send(e.NodeDown(at=centre.at, node=NODE, deaf=True))


def open_rows(centre: Centre) -> list[object]:
    return [
        row
        for kind, rows in centre.rows.items()
        for row in rows.values()
        if row.ended is None and kind is not ch.AgentStateRow
    ]


def offers(commands: list[c.Command]) -> list[c.Offer]:
    return [command for command in commands if isinstance(command, c.Offer)]


# -- the log alone tells -------------------------------------------------------------------------------


def test_the_log_ends_a_waiting_caller_whose_leaving_ari_never_told() -> None:
    centre = Centre()
    call = centre.queued()
    deaf(centre)
    centre.send(e.ChannelEnded(at=centre.at + 50, channel=call))
    assert centre.visit(call).outcome is Outcome.ABANDONED
    assert centre.visit(call).ended == centre.at + 50
    look(centre)
    assert not centre.world.visits
    assert not open_rows(centre)


def test_the_log_ends_a_talk_at_its_true_moment() -> None:
    centre = Centre(make_roster(1))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    deaf(centre)
    hung_up = centre.at + 700
    centre.send(e.ChannelEnded(at=hung_up, channel=leg, cause_code=16))
    centre.at += 60_000
    commands = look(centre, channel(call, app_args=ARGS))
    assert (centre.visit(call).talk_ended, centre.visit(call).ended_by) == (hung_up, "agent")
    assert c.Release(call=call, result="answered") in commands
    assert call not in centre.world.visits  # talked already: he does not wait again


def test_late_news_of_a_call_that_is_over_does_not_bring_it_back() -> None:
    centre = Centre(make_roster(1))
    centre.login("a0")
    call, entered = "pbx1/17.5000", centre.at + 10
    mark(centre, call, marks.CALL, "inbound", entered - 1)
    mark(centre, call, marks.QUEUE, "q0", entered)
    centre.send(e.ChannelEnded(at=entered + 5, channel=call))
    commands = centre.send(e.CallerQueued(at=entered, call=call, queue="q0"))
    centre.send(e.CallerLeft(at=entered + 5, call=call))
    assert not offers(commands)
    assert not centre.world.calls
    assert not open_rows(centre)
    assert [v.outcome for v in centre.rows[ch.VisitRow].values()] == [Outcome.ABANDONED]


def test_late_news_of_a_caller_whom_app_queue_has_now_makes_no_second_visit() -> None:
    centre = Centre(make_roster(1))
    centre.login("a0")
    call, entered = "pbx1/17.5001", centre.at + 10
    mark(centre, call, marks.CALL, "inbound", entered - 1)
    mark(centre, call, marks.QUEUE, "q0", entered)
    mark(centre, call, marks.NATIVE, "q0", entered + 3000)
    commands = centre.send(e.CallerQueued(at=entered + 1, call=call, queue="q0"))
    centre.send(e.CallerLeft(at=entered + 3000, call=call))
    assert not offers(commands)
    centre.send(e.ChannelEnded(at=entered + 9000, channel=call))
    assert [(v.engine, v.entered) for v in centre.rows[ch.VisitRow].values()] == [("native", entered)]
    assert not open_rows(centre)


def test_a_caller_taken_over_by_app_queue_unheard_is_not_ours_any_more() -> None:
    centre = Centre()
    call = centre.queued()
    mark(centre, call, marks.NATIVE, "q0", centre.at + 60_000)
    assert call not in centre.world.visits
    assert centre.visit(call).outcome is Outcome.WITHDRAWN
    assert centre.visit(call, 2).engine == "native"
    assert centre.segments(call)[-1] == "waiting"


def test_memory_of_ended_calls_is_bounded() -> None:
    centre = Centre()
    for _ in range(20):
        call = centre.queued()
        centre.left(call)
        centre.send(e.ChannelEnded(at=centre.at, channel=call))
    assert len(centre.world.ended) == 20
    centre.tick(61_000)
    assert not centre.world.ended


# -- the look ------------------------------------------------------------------------------------------


def test_a_look_finds_a_waiting_caller_in_his_dialplan() -> None:
    centre = Centre()
    call = centre.queued()
    look(centre, channel(call, ours=False))
    assert centre.visit(call).outcome is Outcome.WITHDRAWN
    assert call in centre.world.calls


def test_callers_who_came_while_nobody_looked_keep_their_order_and_their_time() -> None:
    centre = Centre()
    first, second = "pbx1/17.6002", "pbx1/17.6001"
    came = {first: centre.at + 100, second: centre.at + 200}
    for call, at in came.items():
        mark(centre, call, marks.CALL, "inbound", at)
        mark(centre, call, marks.QUEUE, "q0", at)
    centre.at += 5000
    look(centre, *(channel(call, app_args=ARGS) for call in sorted(came)))
    assert [key[3] for key in centre.world.lines["q0"].waiting()] == [first, second]
    assert {call: centre.visit(call).entered for call in came} == came
    assert centre.segments(first) == ["ivr", "waiting"]


def test_bridges_and_legs_that_nobody_knows_are_taken_away() -> None:
    centre = Centre(make_roster(1))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    stray = "ccffffff0000000001"
    bridges = (f"b{leg.partition('/')[2]}", f"b{stray}", f"w{stray}", marks.HOLD_BRIDGE, "other")
    commands = look(centre, channel(call), channel(leg, up=False), bridges=bridges)
    tidied = [x for x in commands if isinstance(x, c.Disconnect | c.EndWatch)]
    assert tidied == [c.Disconnect(leg=f"pbx1/{stray}"), c.EndWatch(leg=f"pbx1/{stray}")]


def test_who_is_held_already_is_left_in_his_music() -> None:
    centre = Centre()
    held, lost = centre.queued(), centre.queued()
    commands = look(centre, channel(held, bridge=marks.HOLD_BRIDGE), channel(lost))
    assert [(type(x), x.call) for x in commands if isinstance(x, c.Hold | c.ExtendWait)] == [
        (c.ExtendWait, held),
        (c.Hold, lost),
    ]


def test_after_a_look_the_agent_idle_longest_is_first() -> None:
    centre = Centre(make_roster(2))
    centre.login("a1", "a0")
    deaf(centre)
    call = centre.queued()
    assert [o.agent for o in offers(look(centre, channel(call)))] == ["a1"]


def test_a_caller_who_goes_while_we_look_is_not_taken_for_one_who_waits() -> None:
    centre = Centre()
    call = centre.queued()
    asked = centre.at
    centre.left(call)
    centre.send(e.Resynced(at=asked, node=NODE, channels=(channel(call, app_args=ARGS),)))
    assert not centre.world.visits
    assert centre.visit(call).outcome is Outcome.ABANDONED


# -- Asterisk away -------------------------------------------------------------------------------------


def test_while_asterisk_is_away_no_agent_is_rung_and_none_is_punished() -> None:
    centre = Centre(make_roster(2))
    centre.login("a0", "a1")
    deaf(centre)
    call = centre.queued()
    assert not centre.world.legs
    centre.login("a1")
    assert centre.presence("a0") is centre.presence("a1") is Presence.READY
    assert offers(look(centre, channel(call)))


def test_a_request_without_an_answer_costs_the_agent_nothing_and_is_made_again() -> None:
    centre = Centre(make_roster(2))
    centre.login("a0", "a1")
    centre.queued()
    leg = centre.leg_of("a0")
    centre.send(e.LegFailed(at=centre.at, leg=leg, reason="no answer", down=True))
    assert centre.presence("a0") is Presence.READY
    assert not centre.world.legs  # not at once the next, who would fail too
    assert centre.rows[ch.OfferRow][leg].outcome is OfferOutcome.FAILED
    centre.tick(2500)
    assert centre.presence("a0") is Presence.RINGING


def test_what_rang_when_the_daemon_died_is_judged_by_the_look_not_by_the_clock() -> None:
    centre = Centre(make_roster(1, whisper=(), ring_ms=5000))
    centre.send(e.NodeUp(at=centre.at, node=NODE))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    world = from_json(to_json(centre.world))
    rebuild_lines(world)
    centre.world = world
    centre.at += 30_000
    centre.send(e.Started(at=centre.at, boot="c11c11"))
    centre.tick(1500)  # the ring timer is long due
    assert leg in centre.world.legs
    commands = look(centre, channel(call), channel(leg, up=True))
    assert "Connect" in kinds(commands)


def test_a_release_that_was_lost_is_made_again() -> None:
    centre = Centre(make_roster(1))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.leg_ended(leg)
    centre.log.clear()
    centre.tick(31_000)
    assert c.Release(call=call, result="answered") in centre.log
    centre.left(call)
    centre.log.clear()
    centre.tick(31_000)
    assert "Release" not in kinds(centre.log)


# -- at the moment of connecting -----------------------------------------------------------------------


def connecting(centre: Centre) -> tuple[str, str]:
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.answer(leg)
    centre.send(e.WhisperDone(at=centre.at, leg=leg))
    return call, leg


def test_an_agent_who_hangs_up_while_being_connected_leaves_the_caller_in_music() -> None:
    centre = Centre(make_roster(1, whisper=WHISPER))
    call, leg = connecting(centre)
    commands = centre.leg_ended(leg)
    assert c.Hold(call=call, again=True) in commands


def test_a_caller_who_hangs_up_while_being_connected_costs_the_agent_nothing() -> None:
    centre = Centre(make_roster(1, whisper=WHISPER))
    call, leg = connecting(centre)
    centre.left(call)
    centre.send(e.ConnectFailed(at=centre.at, leg=leg, reason="gone"))
    assert centre.presence("a0") is Presence.READY
    assert centre.rows[ch.OfferRow][leg].outcome is OfferOutcome.CALLER_LEFT


def test_the_longest_wait_that_ended_during_the_whisper_is_not_forgotten() -> None:
    centre = Centre(make_roster(1, whisper=WHISPER))
    centre.login("a0")
    call = centre.queued(max_wait_ms=7000)
    leg = centre.leg_of("a0")
    centre.answer(leg)
    centre.tick(8000)
    assert centre.visit(call).ended is None
    centre.leg_ended(leg)
    assert centre.visit(call).outcome is Outcome.TIMED_OUT


def test_the_last_agent_who_leaves_by_missing_a_call_leaves_nobody_waiting_for_him() -> None:
    centre = Centre(make_roster(1))
    centre.login("a0")
    call = centre.queued(leave_if_empty=True)
    leg = centre.leg_of("a0")
    centre.send(e.AgentLogout(at=centre.at, agent="a0"))
    centre.leg_ended(leg, 19)
    assert centre.visit(call).outcome is Outcome.NO_AGENTS


# -- numbers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("early", [1, 40])
def test_nothing_ends_before_it_began_though_clocks_differ(early: int) -> None:
    centre = Centre(make_roster(1))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.send(e.LegEnded(at=centre.at - early, leg=leg))  # stamped by Asterisk before we knew of the talk
    centre.send(e.ChannelEnded(at=centre.at - early, channel=call))
    for rows in centre.rows.values():
        for row in rows.values():
            start = getattr(row, "started", None) or getattr(row, "entered", None) or row.offered
            assert row.ended is None or row.ended >= start, row
    visit = centre.visit(call)
    assert visit.talk_ended is not None
    assert visit.answered is not None
    assert visit.talk_ended >= visit.answered


def test_a_queue_reached_within_the_millisecond_of_the_arrival_has_its_segment() -> None:
    centre = Centre()
    call, at = "pbx1/17.7000", centre.at
    mark(centre, call, marks.CALL, "inbound", at)
    mark(centre, call, marks.FLOW, "main", at)
    centre.send(e.CallerQueued(at=at, call=call, queue="q0"))
    mark(centre, call, marks.FLOW, "main", at)
    assert centre.segments(call) == [SegmentKind.IVR, SegmentKind.WAITING]


def test_bridges_of_our_own_are_not_remembered() -> None:
    centre = Centre()
    for bridge in (marks.HOLD_BRIDGE, "bccb00b000000000001"):
        centre.send(e.ChannelBridged(at=centre.at, channel="pbx1/1.1", name="PJSIP/x-1", bridge=bridge))
    assert not centre.world.bridges


def test_a_caller_lost_while_nobody_looked_is_an_abandoned_visit() -> None:
    centre = Centre()
    call = "pbx1/1.1"
    mark(centre, call, "CC_CALL", "inbound")
    mark(centre, call, "CC_QUEUE", "q0")
    asked = centre.at
    centre.tick(2000)
    centre.send(e.ChannelEnded(at=centre.at, channel=call, cause_code=16))
    row = centre.visit(call)
    assert (row.outcome, row.entered, row.ended) == (Outcome.ABANDONED, asked, centre.at)


def test_a_new_site_gives_its_agents_the_caller_whose_turn_it_is_over_all_queues() -> None:
    site = make_roster(1, 2)
    idle = {name: replace(queue, agents=()) for name, queue in site.queues.items()}
    away = {name: replace(agent, queues=()) for name, agent in site.agents.items()}
    centre = Centre(replace(site, queues=idle, agents=away))
    centre.login("a0")
    first, urgent = centre.queued("q0"), centre.queued("q1", priority=5)
    centre.send(e.RosterChanged(at=centre.at, roster=roster_json(site).decode()))
    assert (centre.agents_of(first), centre.agents_of(urgent)) == ([], ["a0"])

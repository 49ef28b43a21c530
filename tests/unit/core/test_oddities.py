"""Names that nobody has, people and queues that go from the site under way, clocks that are set: defined."""

import pytest
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.changes import OfferOutcome, Outcome
from ccctl.flow.roster import AnnounceConfig, RelaxConfig, Roster, to_json
from ccctl.world.recovery import queued_from_args, rebuild_lines
from ccctl.world.state import Phase, from_json
from ccctl.world.state import to_json as world_json
from tests.support.centre import WHISPER, Centre, make_roster

HOUR = 3_600_000


def notes(commands: list[c.Command]) -> list[c.Note]:
    return [each for each in commands if isinstance(each, c.Note)]


def apply(centre: Centre, roster: Roster) -> list[c.Command]:
    centre.at += 1
    return centre.send(e.RosterChanged(at=centre.at, roster=to_json(roster).decode()))


def without(roster: Roster, *agents: str) -> Roster:
    """The same site, these agents deleted."""
    queues = {
        name: replace(queue, agents=tuple(a for a in queue.agents if a not in agents))
        for name, queue in roster.queues.items()
    }
    return replace(roster, agents={n: a for n, a in roster.agents.items() if n not in agents}, queues=queues)


# -- names that nobody has -----------------------------------------------------------------------------


def test_a_queue_that_is_not_in_the_site_sends_its_caller_on_and_says_so_under_one_cause() -> None:
    centre = Centre()
    calls = [centre.queued("gone") for _ in range(3)]
    assert [centre.visit(call).outcome for call in calls] == [Outcome.FAILED] * 3
    assert c.Release(call=calls[0], result="failed") in centre.log
    assert {note.cause for note in notes(centre.log)} == {"queue gone"}
    assert not centre.world.visits


def test_a_skill_that_nobody_has_is_said_unless_a_longer_wait_makes_less_enough() -> None:
    never = Centre(make_roster(skills={"klingon": 1}))
    later = Centre(make_roster(skills={"klingon": 1}, relax=(RelaxConfig(3000, {"klingon": 0}),)))
    for centre in (never, later):
        centre.login("a0")
        centre.queued(max_wait_ms=9000)
        centre.tick(3000)
    assert [note.cause for note in notes(never.log)] == ["needs q0 klingon:1"]
    assert not notes(later.log)
    assert later.leg_of("a0")
    never.tick(6000)  # he waits for what he was told to wait, no longer
    assert not never.world.visits


def test_a_language_that_the_queue_does_not_know_asks_for_nothing() -> None:
    centre = Centre(make_roster(language_skill={"en": "english"}))
    centre.login("a0")
    centre.queued(language="tlh")
    assert centre.leg_of("a0")
    assert not notes(centre.log)


@pytest.mark.parametrize(
    ("priority", "wait", "found", "odd"),
    [
        ("3", "20", (3, 20_000), ""),
        ("-2", "0", (-2, 0), ""),
        ("", "", (0, 0), ""),
        ("nine", "soon", (0, 0), 'priority "nine", longest wait "soon"'),
        ("--5", "-3", (0, 0), 'priority "--5"'),
        ("²", "٣", (0, 0), 'priority "²", longest wait "٣"'),
        ("9" * 17, "9" * 12, (1_000_000, 604_800_000), ""),
        ("9" * 400, "1.5", (0, 0), f'priority "{"9" * 40}", longest wait "1.5"'),
    ],
)
def test_numbers_that_are_none(priority: str, wait: str, found: tuple[int, int], odd: str) -> None:
    channel = e.LiveChannel(channel="pbx1/1", app_args=("queue", "g", "q0", priority, wait, "", ""))
    event = queued_from_args(channel, 5)
    assert event is not None
    assert (event.priority, event.max_wait_ms) == found
    assert event.odd == odd
    centre = Centre()
    centre.send(replace(event, at=centre.at))
    assert [note.cause for note in notes(centre.log)] == (["odd q0"] if odd else [])


# -- agents that go from the site ----------------------------------------------------------------------


def test_an_agent_deleted_while_he_talks_ends_his_talk_and_is_gone() -> None:
    roster = make_roster(wrap_up_ms=2000)
    centre = Centre(roster)
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    apply(centre, without(roster, "a0"))
    assert centre.presence("a0") is Presence.TALKING
    centre.leg_ended(leg)
    centre.tick(2000)
    assert centre.presence("a0") is Presence.OFFLINE
    assert centre.visit(call).talk_ended is not None
    centre.queued()
    assert not centre.world.legs


@pytest.mark.parametrize("phase", [Phase.RINGING, Phase.WHISPER])
def test_an_agent_deleted_while_he_is_rung_may_still_take_the_call(phase: Phase) -> None:
    roster = make_roster(whisper=WHISPER)
    centre = Centre(roster)
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    if phase is Phase.WHISPER:
        centre.answer(leg)
    apply(centre, without(roster, "a0"))
    centre.talk(leg)
    centre.leg_ended(leg)
    assert centre.visit(call).agent == "a0"
    assert centre.presence("a0") is Presence.OFFLINE


def test_an_agent_deleted_while_he_is_rung_who_does_not_answer_leaves_his_caller_to_the_others() -> None:
    roster = make_roster()
    centre = Centre(roster)
    centre.login("a0", "a1")
    call = centre.queued()
    leg = centre.leg_of("a0")
    apply(centre, without(roster, "a0"))
    centre.leg_ended(leg, 19)
    assert centre.presence("a0") is Presence.OFFLINE
    assert centre.world.agents["a1"].call == call


def test_an_agent_deleted_in_his_wrap_up_is_gone_at_once() -> None:
    roster = make_roster(wrap_up_ms=60_000)
    centre = Centre(roster)
    centre.login("a0")
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.leg_ended(leg)
    apply(centre, without(roster, "a0"))
    assert centre.presence("a0") is Presence.OFFLINE
    centre.tick(60_000)
    assert centre.presence("a0") is Presence.OFFLINE


# -- queues that go, rules that change -----------------------------------------------------------------


def test_a_queue_deleted_with_callers_in_it_serves_them_to_the_last() -> None:
    both = make_roster(3, 2, wrap_up_ms=0)
    agents = {name: replace(agent, queues=("q1",)) for name, agent in both.agents.items()}
    one = replace(both, queues={"q1": both.queues["q1"]}, agents=agents)
    centre = Centre(both)
    centre.login("a0", "a1")
    talks, rings, waits = (centre.queued("q0") for _ in range(3))
    first, second = centre.leg_of("a0"), centre.leg_of("a1")
    centre.talk(first)
    apply(centre, one)
    centre.talk(second)
    centre.leg_ended(first)  # who is free again serves the queue that is going
    assert centre.world.agents["a0"].call == waits
    third = centre.leg_of("a0")
    centre.talk(third)
    for leg in (second, third):
        centre.leg_ended(leg)
    outcomes = [centre.visit(call).outcome for call in (talks, rings, waits)]
    assert outcomes == [Outcome.ANSWERED] * 3
    apply(centre, one)
    assert centre.visit(centre.queued("q0")).outcome is Outcome.FAILED


def test_rules_that_change_while_phones_ring_count_from_the_next_offer_on() -> None:
    centre = Centre(make_roster(ring_ms=5000, strategy="ring-all"))
    centre.login("a0", "a1")
    call = centre.queued()
    apply(centre, make_roster(ring_ms=60_000, wrap_up_ms=4000))
    assert len(centre.world.visits[call].legs) == 2  # both ring on, as they began
    winner = centre.leg_of("a1")
    centre.talk(winner)
    assert centre.presence("a0") is Presence.READY
    centre.leg_ended(winner)
    assert centre.presence("a1") is Presence.WRAPUP  # the wrap-up is that of the moment
    centre.queued()
    leg = centre.leg_of("a0")
    offered = centre.rows[ch.OfferRow][leg].offered
    assert centre.world.timers[f"ring:{leg}"] == offered + 63_000


# -- out of order --------------------------------------------------------------------------------------


def test_who_is_told_to_talk_before_his_answer_was_told_has_won_the_caller() -> None:
    centre = Centre(make_roster(strategy="ring-all", whisper=WHISPER))
    centre.login("a0", "a1")
    call = centre.queued()
    leg, other = centre.leg_of("a0"), centre.leg_of("a1")
    centre.send(e.Connected(at=centre.at, leg=leg))
    assert centre.presence("a0") is Presence.TALKING
    assert centre.rows[ch.OfferRow][other].outcome is OfferOutcome.WITHDRAWN
    assert not [name for name in centre.world.timers if name.startswith(("ring", "whisper"))]
    assert not [x for x in centre.answer(leg) if isinstance(x, c.Whisper)]
    centre.leg_ended(leg)
    assert centre.visit(call).talk_ended is not None


def test_a_request_whose_answer_was_lost_does_not_end_the_talk_that_came_of_it() -> None:
    centre = Centre()
    centre.login("a0")
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.send(e.LegFailed(at=centre.at, leg=leg, reason="no answer", down=True))
    assert centre.presence("a0") is Presence.TALKING
    assert not centre.world.held


def test_callers_who_are_all_gone_when_an_agent_who_wished_to_leave_was_rung() -> None:
    """Taking the offer back logs him out, which sends others on while they are being ended."""
    centre = Centre(make_roster(1))
    centre.login("a0")
    calls = [centre.queued(leave_if_empty=True) for _ in range(3)]
    centre.send(e.AgentLogout(at=centre.at, agent="a0", request="r"))
    centre.at += 1
    centre.send(e.Resynced(at=centre.at, node="pbx1"))
    assert not centre.world.visits
    assert {centre.visit(call).outcome for call in calls} == {Outcome.ABANDONED, Outcome.NO_AGENTS}
    assert centre.presence("a0") is Presence.OFFLINE


def test_a_recording_of_who_never_came_to_talk_is_closed_with_his_offer() -> None:
    centre = Centre(make_roster(whisper=WHISPER))
    centre.login("a0")
    centre.queued()
    leg = centre.leg_of("a0")
    centre.answer(leg)
    centre.send(e.RecordingStarted(at=centre.at, leg=leg, path="x.wav"))
    centre.leg_ended(leg)
    assert centre.rows[ch.RecordingRow][leg].ended == centre.at


# -- clocks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-5 * HOUR, -2000, 2000, 5 * HOUR])
def test_a_clock_that_is_set_under_way(jump: int) -> None:
    """Nothing is negative, nobody is stuck, and what rings is not ended by it."""
    centre = Centre(
        make_roster(
            whisper=WHISPER, wrap_up_ms=4000, announce=AnnounceConfig(2000, wait_time=True), ageing_ms=500
        )
    )
    centre.at = 20 * HOUR
    centre.login("a0", "a1")
    before = centre.queued()
    centre.at += jump
    for agent in ("a0", "a1"):
        if agent != "a0":
            centre.queued()
        leg = centre.leg_of(agent)
        whisper = next(x for x in centre.answer(leg) if isinstance(x, c.Whisper))
        assert all(int(m.removeprefix("number:")) >= 0 for m in whisper.media if m.startswith("number:"))
        centre.talk(leg)
        centre.leg_ended(leg)
    for timer in [name for name in centre.world.timers if name.startswith("wrapup")]:
        centre.send(e.TimerFired(at=centre.at, timer=timer))
    assert centre.presence("a0") is centre.presence("a1") is Presence.READY
    row = centre.visit(before)
    assert row.ended is not None
    assert row.talk_ended is not None
    assert row.entered <= row.ended <= row.talk_ended
    for state in centre.rows[ch.AgentStateRow].values():
        assert state.ended is None or state.ended >= state.started


def test_a_leg_that_began_by_a_clock_that_is_set_back_since_is_not_younger_than_the_look() -> None:
    centre = Centre()
    centre.at += HOUR
    centre.login("a0")
    call = centre.queued()
    centre.talk(centre.leg_of("a0"))
    centre.at -= HOUR
    centre.send(e.Resynced(at=centre.at, node="pbx1"))
    assert not centre.world.legs
    assert not centre.world.visits
    row = centre.visit(call)
    assert row.talk_ended is not None
    assert row.answered is not None
    assert row.talk_ended >= row.answered


def test_a_clock_set_back_between_two_runs_does_not_make_a_wrap_up_longer() -> None:
    centre = Centre(make_roster(wrap_up_ms=4000))
    centre.at += 5 * HOUR
    centre.login("a0")
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.leg_ended(leg)
    world = from_json(world_json(centre.world))
    rebuild_lines(world)
    centre.world, centre.at = world, centre.at - 5 * HOUR
    centre.send(e.Started(at=centre.at, boot="c11c11"))
    centre.tick(4000)
    assert centre.presence("a0") is Presence.READY


def test_a_pause_of_one_queue_right_after_a_restart_counts_who_is_free_once() -> None:
    centre = Centre()
    centre.login("a0")
    centre.world = from_json(world_json(centre.world))
    rebuild_lines(centre.world)
    centre.send(e.AgentPause(at=centre.at, agent="a0", queue="q0", request="r"))
    assert centre.world.line("q0").free == 0

"""Queues that are overrun: callers who are sent on, agents who are lent, and the goal that guards them."""

from typing import Any

from msgspec.structs import replace

from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.changes import Outcome
from ccctl.flow.roster import LendConfig, OverflowRule, Roster, to_json
from ccctl.queue import estimate as q
from ccctl.world import lending
from ccctl.world.explain import callers_for, candidates
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import from_json
from ccctl.world.state import to_json as world_json
from tests.support.centre import Centre, make_roster

SECOND = 1000


def site(*rules: OverflowRule, lend: LendConfig | None = None, **more: Any) -> Roster:
    """q0 has a0, by these rules; q1 has a1 and a2."""
    made = make_roster(3, 2, whisper=(), ring_ms=60_000, **more)
    teams = {"q0": ("a0",), "q1": ("a1", "a2")}
    return replace(
        made,
        agents={
            agent: replace(each, queues=tuple(queue for queue, team in teams.items() if agent in team))
            for agent, each in made.agents.items()
        },
        queues={
            "q0": replace(made.queues["q0"], agents=teams["q0"], overflow=rules),
            "q1": replace(made.queues["q1"], agents=teams["q1"], lend=lend),
        },
    )


def centre(*rules: OverflowRule, **more: Any) -> Centre:
    return Centre(site(*rules, **more))


def results(world: Centre) -> list[tuple[str, str]]:
    return [(x.call, x.result) for x in world.log if isinstance(x, c.Release)]


AFTER = OverflowRule(after_ms=60 * SECOND, borrow=("q1",))


# -- borrowing -----------------------------------------------------------------------------------------


def test_others_are_asked_after_the_wait_and_after_the_own() -> None:
    world = centre(AFTER)
    world.login("a1", "a0")
    first, second = world.queued(), world.queued()
    assert (world.agents_of(first), world.agents_of(second)) == (["a0"], [])
    world.tick(59 * SECOND)
    assert world.agents_of(second) == []
    world.tick(SECOND)
    assert world.agents_of(second) == ["a1"]
    assert world.visit(second).queue == "q0"


def test_own_agents_come_first_though_others_are_idle_longer() -> None:
    world = centre(replace(AFTER, after_ms=0))
    world.login("a1", "a0")
    call = world.queued()
    assert world.agents_of(call) == ["a0"]
    assert world.agents_of(world.queued()) == ["a1"]


def test_an_agent_who_becomes_free_serves_his_own_callers_first_then_the_oldest_of_the_others() -> None:
    world = centre(replace(AFTER, after_ms=0))
    foreign, own = world.queued(), world.queued("q1")
    world.login("a1")
    assert (world.agents_of(foreign), world.agents_of(own)) == ([], ["a1"])
    world.login("a2")
    assert world.agents_of(foreign) == ["a2"]


def test_while_a_caller_waits_in_it_a_queue_lends_nobody_not_even_whom_he_cannot_have() -> None:
    roster = site(replace(AFTER, after_ms=0))
    skilled = replace(roster.queues["q1"], skills={"tech": 1})
    agents = roster.agents | {"a1": replace(roster.agents["a1"], skills={"tech": 1})}
    world = Centre(replace(roster, agents=agents, queues=roster.queues | {"q1": skilled}))
    own = world.queued("q1")
    world.login("a2")
    foreign = world.queued()
    assert world.agents_of(foreign) == []
    world.left(own)
    assert world.agents_of(foreign) == ["a2"]


def test_who_is_lent_keeps_the_skills_that_the_caller_needs() -> None:
    roster = site(replace(AFTER, after_ms=0))
    skilled = replace(roster.queues["q0"], skills={"tech": 2})
    agents = roster.agents | {"a2": replace(roster.agents["a2"], skills={"tech": 3})}
    world = Centre(replace(roster, agents=agents, queues=roster.queues | {"q0": skilled}))
    world.login("a1", "a2")
    assert world.agents_of(world.queued()) == ["a2"]


def test_agents_are_lent_after_a_restart_too() -> None:
    world = centre(replace(AFTER, after_ms=0))
    world.send(e.NodeUp(at=world.at, node="pbx1"))
    foreign = world.queued()
    world.send(e.NodeDown(at=world.at, node="pbx1", deaf=True))
    world.login("a1")
    world.world = from_json(world_json(world.world))
    rebuild_lines(world.world)
    world.send(e.Started(at=world.at, boot="c11c11"))
    there = (e.LiveChannel(channel=foreign, ours=True, up=True),)
    world.send(e.Resynced(at=world.at, node="pbx1", channels=there))
    assert world.agents_of(foreign) == ["a1"]


def test_a_caller_who_was_lent_an_agent_in_vain_keeps_his_place() -> None:
    world = centre(replace(AFTER, after_ms=0))
    world.login("a1")
    first, second = world.queued(), world.queued()
    world.leg_ended(world.leg_of("a1"), cause=17)
    assert [key[3] for key in world.world.line("q0").waiting()] == [first, second]


def test_the_number_who_wait_and_the_agents_who_are_there_count_at_once() -> None:
    for rule in (OverflowRule(length=1, borrow=("q1",)), OverflowRule(staffed=0, borrow=("q1",))):
        world = centre(rule)
        world.login("a1", "a0")
        world.queued()
        first = world.queued()  # a0's phone rings for the one before him, who waits, too
        if rule.length:
            assert world.agents_of(first) == ["a1"]
            continue
        assert world.agents_of(first) == []
        world.send(e.AgentLogout(at=world.at, agent="a0"))  # after the call
        assert world.agents_of(first) == []
        world.leg_ended(world.leg_of("a0"), cause=17)
        assert world.presence("a0") is Presence.OFFLINE
        assert world.presence("a1") is Presence.RINGING


def test_all_phones_ring_those_who_are_lent_too() -> None:
    world = centre(replace(AFTER, after_ms=5 * SECOND), strategy="ring-all")
    world.login("a0", "a1")
    call = world.queued()
    assert world.agents_of(call) == ["a0"]
    world.tick(5 * SECOND)
    assert world.agents_of(call) == ["a0", "a1"]


# -- the guard -----------------------------------------------------------------------------------------

GOAL = LendConfig(percent=80, goal_ms=20 * SECOND, window_ms=600 * SECOND)


def missed(world: Centre, wait_ms: int = 30 * SECOND) -> None:
    call = world.queued("q1")
    world.tick(wait_ms)
    world.left(call)


def test_agents_are_lent_only_while_their_queue_keeps_its_goal() -> None:
    world = centre(replace(AFTER, after_ms=0), lend=GOAL)
    missed(world)
    world.login("a1")
    call = world.queued()
    assert world.agents_of(call) == []
    ended = world.at
    world.tick(600 * SECOND)
    assert world.agents_of(call) == ["a1"]  # what was missed is long ago, by a timer
    offered = next(iter(world.world.legs.values())).offer.offered
    assert 0 <= offered - (ended - 2) <= 600 * SECOND


def test_a_call_that_is_answered_in_time_brings_the_goal_back() -> None:
    world = centre(replace(AFTER, after_ms=0), lend=GOAL)
    missed(world)
    for _ in range(4):
        world.login("a1")
        own = world.queued("q1")
        world.talk(world.leg_of("a1"))
        world.send(e.AgentLogout(at=world.at, agent="a1"))
        world.left(own)
    assert lending.level_of(world.world, "q1", world.at) == 80
    world.login("a1")
    assert world.agents_of(world.queued()) == ["a1"]


def test_a_restart_remembers_the_level_and_another_goal_forgets_it() -> None:
    world = centre(replace(AFTER, after_ms=0), lend=GOAL)
    missed(world)
    world.world = from_json(world_json(world.world))
    rebuild_lines(world.world)
    world.login("a1")
    call = world.queued()
    assert world.agents_of(call) == []
    other = site(replace(AFTER, after_ms=0), lend=replace(GOAL, percent=70))
    world.send(e.RosterChanged(at=world.at, roster=to_json(other).decode()))
    assert world.agents_of(call) == ["a1"]


# -- sent on -------------------------------------------------------------------------------------------


def test_who_comes_when_too_many_wait_leaves_before_he_is_held() -> None:
    world = centre(OverflowRule(length=2, leave=True))
    world.queued()
    world.queued()
    third = world.queued()
    assert results(world) == [(third, "overflow")]
    assert world.visit(third).outcome is Outcome.OVERFLOWED
    assert c.Hold(call=third) not in world.log


def test_after_the_wait_those_leave_for_whom_no_phone_rings() -> None:
    world = centre(OverflowRule(after_ms=60 * SECOND, leave=True))
    world.login("a0")
    rung, waits = world.queued(), world.queued()
    world.tick(60 * SECOND)
    assert results(world) == [(waits, "overflow")]
    world.leg_ended(world.leg_of("a0"), cause=17)
    assert results(world) == [(waits, "overflow"), (rung, "overflow")]


def test_what_came_about_while_asterisk_was_away_sends_callers_on_when_it_is_back() -> None:
    world = centre(OverflowRule(available=0, leave=True))
    world.login("a0")
    rung = world.queued()
    world.send(e.LegFailed(at=world.at, leg=world.leg_of("a0"), reason="test", down=True))
    world.send(e.PhoneSeen(at=world.at, agent="a0", reachable=False))
    assert results(world) == []
    world.tick(3 * SECOND)
    assert results(world) == [(rung, "overflow")]


def test_the_last_of_the_line_leave_until_it_is_short_enough() -> None:
    world = centre(OverflowRule(staffed=0, length=2, leave=True))
    world.login("a0")
    world.send(e.AgentPause(at=world.at, agent="a0"))
    calls = [world.queued(priority=n % 2) for n in range(4)]
    assert results(world) == []
    world.send(e.AgentLogout(at=world.at, agent="a0"))
    assert [call for call, _ in results(world)] == [calls[2], calls[0]]


def test_the_last_logout_sends_on_who_waits_but_not_whom_an_agent_has() -> None:
    world = centre(OverflowRule(staffed=0, leave=True))
    world.login("a0")
    talks = world.queued()
    world.talk(world.leg_of("a0"))
    waits = world.queued()
    world.send(e.AgentLogout(at=world.at, agent="a0"))
    assert results(world) == []
    world.leg_ended(world.leg_of("a0"))
    assert (waits, "overflow") in results(world)
    assert world.visit(talks).outcome is Outcome.ANSWERED


def test_nobody_free_means_nobody_waits() -> None:
    world = centre(OverflowRule(available=0, leave=True))
    world.login("a0")
    first, second = world.queued(), world.queued()
    assert world.agents_of(first) == ["a0"]
    assert results(world) == [(second, "overflow")]


def test_a_long_estimate_counts_while_estimates_are_right_and_is_looked_at_again() -> None:
    world = centre(OverflowRule(estimated_ms=300 * SECOND, leave=True))
    world.login("a0")
    world.queued()
    waits = world.queued()
    state = world.world.estimates["q0"]
    state.handling = q.Lately(50, 50, 50 * 400 * SECOND)
    state.taking = q.Lately()
    world.tick(10 * SECOND)
    assert results(world) == []  # not proven
    state.measured = q.Measured(right=0.9)
    world.tick(10 * SECOND)
    assert results(world) == [(waits, "overflow")]
    world.left(world.queued())
    assert "overflow:q0" not in world.world.timers


def test_rules_of_a_new_site_hold_for_those_who_wait() -> None:
    world = centre()
    world.login("a1")
    call = world.queued()
    world.tick(30 * SECOND)
    world.send(e.RosterChanged(at=world.at, roster=to_json(site(AFTER)).decode()))
    assert world.agents_of(call) == []
    world.tick(30 * SECOND)
    assert world.agents_of(call) == ["a1"]
    world.send(e.RosterChanged(at=world.at, roster=to_json(site()).decode()))
    other = world.queued()
    assert world.agents_of(other) == []


def test_who_is_kept_for_his_agent_is_sent_on_and_not_lent_another() -> None:
    rules = (OverflowRule(borrow=("q1",)), OverflowRule(after_ms=20 * SECOND, leave=True))
    world = centre(*rules, sticky_ms=600 * SECOND, sticky_wait_ms=30 * SECOND)
    world.login("a0", "a1")
    world.queued(caller="+4930111")
    world.talk(world.leg_of("a0"))
    again = world.queued(caller="+4930111")
    assert world.agents_of(again) == []
    world.tick(20 * SECOND)
    assert results(world) == [(again, "overflow")]


# -- told why ------------------------------------------------------------------------------------------


def test_why_says_who_would_be_lent_and_what_is_in_the_way() -> None:
    world = centre(AFTER, lend=GOAL)
    missed(world)
    world.login("a1")
    call, own = world.queued(), world.queued("q1")
    world.at += 1

    def reasons() -> dict[str, list[str]]:
        found = candidates(world.world, call, world.at, str)
        return {each.agent: [reason.id for reason in each.reasons] for each in found}

    assert world.agents_of(own) == ["a1"]
    assert reasons()["a2"] == ["not_asked", "service_level", "offline"]
    world.tick(60 * SECOND)
    world.queued("q1")
    assert reasons()["a2"] == ["own_callers", "service_level", "offline"]
    found = candidates(world.world, call, world.at, str)
    text = next(r.text for each in found for r in each.reasons if r.id == "service_level")
    assert text == "q1 keeps 80 % in 20 s for its own, and had 0 % lately"


def test_why_says_that_an_agent_is_lent_and_in_which_order_he_serves() -> None:
    world = centre(replace(AFTER, after_ms=0))
    world.login("a1")
    taken, waits = world.queued(), world.queued()
    told = {each.agent: each for each in candidates(world.world, waits, world.at, str)}
    assert told["a1"].reasons[0].id == "ringing"
    own = world.queued("q1")
    order = callers_for(world.world, "a2", (world.at, str))
    assert [(each.call, each.place) for each in order] == [(own, 1), (waits, 0)]
    assert [reason.id for reason in order[1].reasons] == ["own_callers"]
    assert world.agents_of(taken) == ["a1"]
    world.left(own)
    world.login("a2")
    assert world.agents_of(waits) == ["a2"]

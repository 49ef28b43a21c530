"""Why him: every reason that an agent is not asked, the words of every strategy, whose turn it was."""

from typing import Any

import pytest
from msgspec.structs import replace

from ccctl import events as e
from ccctl.whatif.why import Decision, Watch
from ccctl.world.explain import callers_for, candidates
from tests.support.centre import Centre, make_roster


def centre(agents: int = 3, **rules: Any) -> Centre:
    made = make_roster(agents, 1, **rules)
    skilled = {
        name: replace(each, skills={"tech": at}) for at, (name, each) in enumerate(made.agents.items())
    }
    return Centre(replace(made, agents=skilled))


def why_not(world: Centre, call: str) -> dict[str, list[str]]:
    found = candidates(world.world, call, world.at, str)
    return {each.agent: [reason.text for reason in each.reasons] for each in found}


def ids(world: Centre, call: str, agent: str) -> list[str]:
    found = candidates(world.world, call, world.at, str)
    return [reason.id for each in found if each.agent == agent for reason in each.reasons]


def watched(world: Centre, event: e.Event, **about: str) -> list[Decision]:
    watch = Watch(str, **about)
    watch.step(world.world, event)
    return watch.decisions


def test_states_in_which_nobody_is_rung() -> None:
    world = centre(5, wrap_up_ms=60_000)
    world.login("a0", "a1", "a2", "a3")
    world.send(e.AgentPause(at=world.at, agent="a0", reason="lunch"))
    talk, over = world.queued(), world.queued()
    world.talk(world.leg_of("a1"))
    world.talk(world.leg_of("a2"))
    world.leg_ended(world.leg_of("a2"))
    ringing = world.queued()
    call = world.queued()
    texts = why_not(world, call)
    assert texts["a0"] == [f"paused since {world.world.agents['a0'].since}: lunch"]
    assert texts["a1"][0].endswith(f"to {talk}")
    assert texts["a2"][0].startswith("in wrap-up since")
    assert texts["a3"][0].endswith(f"for {ringing}")
    assert texts["a4"] == ["not logged in"]
    assert ids(world, ringing, "a3") == ["rung"]
    assert over not in world.world.visits
    world.leg_ended(world.leg_of("a3"), cause=21)
    assert ids(world, call, "a3") == ["not_responding"]


def test_skills_and_ranks() -> None:
    world = centre(skills={"tech": 1}, ranks={"a2": 2}, escalate={"2": 30_000})
    world.login("a0", "a2")
    call = world.queued()
    texts = why_not(world, call)
    assert texts["a0"] == ["skill tech 0 < 1"]
    assert texts["a2"] == ["rank 2 not asked before 30 s"]


def test_kept_for_the_agent_he_had() -> None:
    world = centre(sticky_ms=3_600_000, sticky_wait_ms=15_000)
    world.login("a0")
    first = world.queued(caller="+4930")
    world.talk(world.leg_of("a0"))
    world.leg_ended(world.leg_of("a0"))
    world.left(first)
    world.queued(caller="+4931")
    world.login("a1")
    again = world.queued(caller="+4930")
    until = world.world.visits[again].row.entered + 15_000
    assert why_not(world, again)["a1"] == [f"kept for a0, the agent he had, until {until}"]


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ("longest-idle", "idle since"),
        ("round-robin", "not yet rung"),
        ("fewest-calls", "0 calls"),
        ("least-occupied", "with calls 0.0 %"),
        ("most-skilled", "skills 0"),
        ("random", "drawn by lot"),
        ("linear", "place 1 of"),
    ],
)
def test_an_offer_is_looked_at_while_it_is_decided(strategy: str, words: str) -> None:
    world = centre(1, strategy=strategy)
    world.login("a0")
    event = e.CallerQueued(at=world.at, call="pbx1/1", queue="q0")
    (decision,) = watched(world, event, call="pbx1/1")
    assert (decision.kind, decision.agent) == ("offer", "a0")
    (one,) = decision.candidates
    assert (one.place, one.reasons) == (1, ())
    assert one.score.startswith(words)


def test_whose_turn_it_was_and_who_was_passed() -> None:
    world = centre(keep_place_ms=60_000)
    low, high = world.queued(), world.queued(priority=5)
    event = e.AgentLogin(at=world.at, agent="a0")
    (decision,) = watched(world, event, call=low)
    assert (decision.kind, decision.other) == ("passed", high)
    assert [(each.call, each.place) for each in decision.callers] == [(high, 1), (low, 2)]
    assert decision.callers[0].turn.startswith("priority 5")


def test_a_kept_place_and_ageing_are_in_his_turn() -> None:
    world = centre(keep_place_ms=60_000, ageing_ms=10_000)
    lost = world.queued(caller="+4930")
    came = world.world.visits[lost].row.entered
    world.left(lost)
    again = world.queued(caller="+4930", priority=1)
    turn = callers_for(world.world, "a0", (world.at, str))[0].turn
    assert f"kept his place of {came}" in turn
    assert f"counts as since {came - 10_000} by ageing" in turn
    world.world.held["pbx1"] = True
    (held,) = callers_for(world.world, "a0", (world.at, str))
    assert (held.call, held.place, held.reasons[0].id) == (again, 0, "held")
    assert callers_for(world.world, "sue", (world.at, str))[0].reasons[0].id == "not_a_member"


def test_nobody_to_be_rung_is_a_decision_too() -> None:
    world = centre(1)
    event = e.CallerQueued(at=world.at, call="pbx1/1", queue="q0")
    (decision,) = watched(world, event, call="pbx1/1")
    assert decision.kind == "wait"
    assert decision.candidates[0].reasons[0].id == "offline"


def test_what_holds_now_says_what_the_agent_does_and_who_is_with_the_caller() -> None:
    world = centre(2)
    watch = {name: Watch(str, **{"agent": name}) for name in ("a0", "a1")}
    world.login("a0")
    call = world.queued()
    of_call = Watch(str, call=call)

    def states() -> list[str]:
        found = [each.now(world.world, world.at) for each in (watch["a0"], watch["a1"], of_call)]
        return [each.state if each else "nothing" for each in found]

    leg = world.leg_of("a0")
    rung = world.world.agents["a0"].since
    assert states() == [
        f"ringing since {rung} for {call}",
        "not logged in",
        f"a0 ringing for this caller since {rung}",
    ]
    world.talk(leg)
    talks = world.world.agents["a0"].since
    told = f"talking since {talks} to {call}"
    assert states() == [told, "not logged in", f"a0 {told}"]
    world.leg_ended(leg)
    assert states()[2] == "nothing"
    assert states()[0].startswith("free since")

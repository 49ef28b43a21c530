"""Who is rung for whom: strategies, skills, tiers, ageing, the agent one had, phones that ring together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.changes import OfferOutcome, Outcome
from ccctl.flow.roster import QueueConfig, RelaxConfig
from ccctl.queue.line import turn
from ccctl.queue.needs import Need, stages
from tests.support.centre import Centre, make_roster

SKILLS = {"a0": {"tech": 1, "english": 5}, "a1": {"tech": 3}, "a2": {"tech": 5, "english": 2}}


def centre(agents: int = 3, **rules: Any) -> Centre:
    made = make_roster(agents, 1, **rules)
    skilled = {name: replace(each, skills=SKILLS.get(name, {})) for name, each in made.agents.items()}
    return Centre(replace(made, agents=skilled))


def serve(world: Centre, talk_ms: int = 1000) -> str:
    """One call from its arrival to its end: the agent who had it."""
    call = world.queued()
    leg = world.world.visits[call].leg
    agent = world.world.legs[leg].agent
    world.talk(leg)
    world.tick(talk_ms)
    world.leg_ended(leg)
    return agent


def rung(world: Centre, call: str) -> list[str]:
    return [world.world.legs[leg].agent for leg in world.world.visits[call].legs]


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        ("longest-idle", ["a0", "a1", "a2", "a0", "a1", "a2"]),
        ("round-robin", ["a0", "a1", "a2", "a0", "a1", "a2"]),
        ("fewest-calls", ["a0", "a1", "a2", "a0", "a1", "a2"]),
        ("linear", ["a0"] * 6),
    ],
)
def test_the_order_of_agents_who_are_all_free(strategy: str, order: list[str]) -> None:
    world = centre(strategy=strategy)
    world.login("a0", "a1", "a2")
    assert [serve(world) for _ in order] == order


def test_most_skilled_is_who_has_most_of_what_the_queue_asks_for() -> None:
    world = centre(strategy="most-skilled", skills={"tech": 1})
    world.login("a0", "a1", "a2")
    assert [rung(world, world.queued()) for _ in range(3)] == [["a2"], ["a1"], ["a0"]]


def test_fewest_calls_and_round_robin_differ_when_somebody_was_away() -> None:
    for strategy, first in (("fewest-calls", "a2"), ("round-robin", "a2")):
        world = centre(strategy=strategy)
        world.login("a0", "a1")
        assert sorted(serve(world) for _ in range(4)) == ["a0", "a0", "a1", "a1"]
        world.login("a2")
        assert serve(world) == first
    assert [serve(world) for _ in range(3)] == ["a0", "a1", "a2"]  # round-robin goes on in turn


def test_fewest_calls_begin_anew_with_the_login() -> None:
    world = centre(strategy="fewest-calls")
    world.login("a0", "a1")
    assert sorted(serve(world) for _ in range(4)) == ["a0", "a0", "a1", "a1"]
    world.send(e.AgentLogout(at=world.at, agent="a1"))
    world.login("a1")
    assert [serve(world), serve(world)] == ["a1", "a1"]


@pytest.mark.parametrize("withheld", ["", "anonymous"])
def test_callers_who_withhold_their_number_are_not_one_caller(withheld: str) -> None:
    world = centre(keep_place_ms=30_000, sticky_ms=60_000, sticky_wait_ms=15_000)
    lost = world.queued(caller=withheld)
    other = world.queued(caller="+4931")
    world.left(lost)
    again = world.queued(caller=withheld)
    world.login("a0")
    assert rung(world, other) == ["a0"]
    world.login("a1")
    leg = world.leg_of("a1")
    world.talk(leg)
    world.leg_ended(leg)
    world.left(again)
    world.login("a2")
    assert world.world.last_agents == {}


def test_least_occupied_is_who_was_busy_for_the_smallest_part_of_his_time() -> None:
    world = centre(strategy="least-occupied")
    world.login("a0")
    assert serve(world, talk_ms=60_000) == "a0"
    world.login("a1")
    assert serve(world, talk_ms=1000) == "a1"
    world.tick(600_000)
    assert serve(world) == "a1"


def test_random_draws_from_all_and_a_replay_draws_the_same() -> None:
    def drawn() -> list[str]:
        world = centre(strategy="random")
        world.login("a0", "a1", "a2")
        return [serve(world) for _ in range(60)]

    found = drawn()
    assert found == drawn()
    assert all(found.count(agent) > 8 for agent in ("a0", "a1", "a2"))


def test_skills_relax_with_time() -> None:
    world = centre(
        skills={"tech": 5}, relax=(RelaxConfig(30_000, {"tech": 3}), RelaxConfig(60_000, {"tech": 1}))
    )
    world.login("a0", "a1")
    call = world.queued()
    assert rung(world, call) == []
    world.tick(29_000)
    assert rung(world, call) == []
    world.tick(2000)
    assert rung(world, call) == ["a1"]
    world.talk(world.leg_of("a1"))
    other = world.queued()
    world.tick(59_000)
    assert rung(world, other) == []
    world.tick(1000)
    assert rung(world, other) == ["a0"]


def test_a_language_asks_for_its_skill() -> None:
    world = centre(language_skill={"en": "english"})
    world.login("a1", "a2")
    assert rung(world, world.queued(language="en")) == ["a2"]
    assert rung(world, world.queued(language="de")) == ["a1"]
    assert rung(world, world.queued(language="en")) == []


def test_ranks_are_asked_in_order_and_open_with_time() -> None:
    world = centre(ranks={"a0": 2, "a1": 3}, escalate={"3": 20_000})
    world.login("a0", "a1", "a2")
    assert rung(world, world.queued()) == ["a2"]  # idle shortest, but of the first rank
    assert rung(world, world.queued()) == ["a0"]
    for agent in ("a0", "a2"):
        world.talk(world.leg_of(agent))
    third = world.queued()
    world.tick(19_000)
    assert rung(world, third) == []
    world.tick(1000)
    assert rung(world, third) == ["a1"]


@given(
    st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10**7)), min_size=2, max_size=2, unique=True),
    st.integers(1, 600_000),
)
def test_ageing_bounds_how_long_one_may_be_overtaken(two: list[tuple[int, int]], ageing: int) -> None:
    (priority, entered), (other_priority, other_entered) = two
    later = other_entered - entered
    overtakes = turn(other_priority, other_entered, ageing) < turn(priority, entered, ageing)
    assert not overtakes or later < (other_priority - priority) * ageing or later < 0


def test_priority_is_strict_without_ageing_and_worth_waiting_with_it() -> None:
    for ageing, first in ((0, 1), (10_000, 0)):
        world = centre(ageing_ms=ageing)
        calls = [world.queued(priority=0)]
        world.tick(30_000)
        calls.append(world.queued(priority=2))
        world.login("a0")
        assert rung(world, calls[first]) == ["a0"]


def test_a_caller_gets_the_agent_he_had() -> None:
    world = centre(sticky_ms=3_600_000, sticky_wait_ms=15_000)
    world.login("a0", "a1", "a2")
    call = world.queued(caller="+4930")
    leg = world.world.visits[call].leg
    world.talk(leg)
    world.tick(1000)
    world.leg_ended(leg)
    world.left(call)
    again = world.queued(caller="+4930")
    assert rung(world, again) == ["a0"]  # though a1 is idle longer
    third = world.queued(caller="+4930")
    assert rung(world, third) == []  # he alone is asked for a while
    assert rung(world, world.queued(caller="+4931")) == ["a1"]
    world.tick(16_000)
    assert rung(world, third) == ["a2"]


def test_the_agent_he_had_is_not_waited_for_when_he_is_away_or_it_was_long_ago() -> None:
    for away in (True, False):
        world = centre(sticky_ms=60_000, sticky_wait_ms=15_000)
        world.login("a0")
        call = world.queued(caller="+4930")
        leg = world.world.visits[call].leg
        world.talk(leg)
        world.leg_ended(leg)
        world.left(call)
        world.login("a1")
        if away:
            world.send(e.AgentLogout(at=world.at, agent="a0"))
        else:
            world.tick(61_000)
            world.queued(caller="+4999")  # keeps a0 busy
        assert rung(world, world.queued(caller="+4930")) == ["a1"]


def test_who_was_lost_keeps_his_place_for_a_while() -> None:
    world = centre(keep_place_ms=30_000)
    lost = world.queued(caller="+4930")
    other = world.queued(caller="+4931")
    world.tick(5000)
    world.left(lost)
    world.tick(10_000)
    again = world.queued(caller="+4930")
    world.login("a0")
    assert rung(world, again) == ["a0"]
    assert rung(world, other) == []
    assert world.visit(again).entered > world.visit(other).entered  # his wait is counted from now


def test_a_place_is_not_kept_for_ever() -> None:
    world = centre(keep_place_ms=30_000)
    world.left(world.queued(caller="+4930"))
    other = world.queued(caller="+4931")
    world.tick(31_000)
    world.queued(caller="+4930")
    world.login("a0")
    assert rung(world, other) == ["a0"]
    world.tick(60_000)
    assert world.world.places == {}


# -- all phones together -------------------------------------------------------------------------------


def together(**rules: Any) -> tuple[Centre, str]:
    world = centre(strategy="ring-all", ring_ms=15_000, **rules)
    world.login("a0", "a1", "a2")
    call = world.queued()
    assert rung(world, call) == ["a0", "a1", "a2"]
    return world, call


def outcomes(world: Centre) -> dict[str, OfferOutcome | None]:
    rows = sorted(world.rows[ch.OfferRow].values(), key=lambda row: row.id)
    return {row.agent: row.outcome for row in rows}


def test_the_first_who_answers_wins_and_the_others_are_free_at_once() -> None:
    world, call = together()
    winner = world.leg_of("a1")
    commands = world.talk(winner)
    gone = [each.leg for each in commands if isinstance(each, c.Disconnect)]
    assert len(gone) == 2
    assert winner not in gone
    assert outcomes(world) == {
        "a0": OfferOutcome.WITHDRAWN,
        "a1": OfferOutcome.ANSWERED,
        "a2": OfferOutcome.WITHDRAWN,
    }
    assert world.presence("a0") is world.presence("a2") is Presence.READY
    assert world.visit(call).outcome is Outcome.ANSWERED
    assert rung(world, world.queued()) == ["a0", "a2"]  # nobody lost his turn


def test_one_who_declines_ends_nothing_for_the_others() -> None:
    world, call = together()
    before = world.world.visits[call].legs[1:]
    world.leg_ended(world.leg_of("a0"), cause=21)
    assert world.world.visits[call].legs == before  # the same ringing goes on
    assert world.presence("a0") is Presence.NOT_RESPONDING


def test_who_hangs_up_in_the_whisper_loses_him_and_the_others_ring_on() -> None:
    world, call = together(whisper=("waited",))
    legs = list(world.world.visits[call].legs)
    world.answer(legs[0])
    assert world.world.visits[call].legs == legs
    world.leg_ended(legs[0])
    assert world.world.visits[call].legs == legs[1:]
    world.talk(legs[2])
    assert world.visit(call).agent == "a2"


def test_who_picks_up_second_is_given_up_when_the_first_has_won() -> None:
    world, call = together(whisper=("waited",))
    first, second, _third = world.world.visits[call].legs
    world.answer(first)
    world.answer(second)
    world.send(e.WhisperDone(at=world.at, leg=second))
    world.send(e.Connected(at=world.at, leg=second))
    assert world.visit(call).agent == "a1"
    assert outcomes(world)["a0"] is OfferOutcome.WITHDRAWN
    world.send(e.WhisperDone(at=world.at, leg=first))  # told late
    assert world.presence("a0") is Presence.READY


def test_an_agent_who_becomes_free_rings_too() -> None:
    world = centre(strategy="ring-all")
    world.login("a0")
    call = world.queued()
    world.login("a1")
    assert rung(world, call) == ["a0", "a1"]
    other = world.queued()
    assert rung(world, other) == []


def test_nobody_is_punished_for_a_phone_that_rang_with_all() -> None:
    world, call = together()
    world.tick(20_000)
    assert world.presence("a0") is Presence.RINGING
    assert sorted(rung(world, call)) == ["a0", "a1", "a2"]


def test_a_caller_who_hangs_up_frees_them_all() -> None:
    world, call = together()
    world.left(call)
    assert {world.presence(agent) for agent in ("a0", "a1", "a2")} == {Presence.READY}
    assert set(outcomes(world).values()) == {OfferOutcome.CALLER_LEFT}


# -- needs ---------------------------------------------------------------------------------------------


def test_what_a_caller_needs_becomes_less_in_steps() -> None:
    queue = QueueConfig(
        "q",
        "Q",
        skills={"tech": 3},
        relax=(RelaxConfig(60_000, {"tech": 1}),),
        language_skill={"en": "english"},
        escalate={"2": 30_000},
        sticky_wait_ms=45_000,
    )
    english = (("english", 1), ("tech", 3))
    assert [(each.after_ms, each.need) for each in stages(queue, "en")] == [
        (0, Need(english, 1)),
        (30_000, Need(english)),
        (60_000, Need((("english", 1), ("tech", 1)))),
    ]
    assert [(each.after_ms, each.need) for each in stages(queue, "de", "ben")] == [
        (0, Need(agent="ben")),
        (45_000, Need((("tech", 3),))),
        (60_000, Need((("tech", 1),))),
    ]
    assert len({each.need.key for each in (*stages(queue, "en"), *stages(queue, "de", "ben"))}) == 6

"""What would be different: settings and people."""

import pytest

from ccctl.flow.roster import Roster
from ccctl.flow.values import Wrong
from ccctl.whatif.plan import Duty, Plan, Window
from ccctl.whatif.variation import by_presence, with_agents, with_setting
from tests.support.centre import make_roster

WINDOW = Window(0, 0, 10_000)


def changed(roster: Roster, *settings: str) -> Roster:
    for setting in settings:
        found = with_setting(roster, setting)
        assert isinstance(found, Roster), found
        roster = found
    return roster


def test_settings_in_the_words_of_the_site() -> None:
    roster = changed(
        make_roster(2, 2),
        "queues.q0.wrap_up=10s",
        "queues.q0.ring=8s",
        "queues.q0.service_level=90% in 10s",
        "queues.q0.max_callers=7",
        "queues.q1.strategy=most-skilled",
        "agents.a0.skills.german=4",
    )
    q0 = roster.queues["q0"]
    assert (q0.wrap_up_ms, q0.ring_ms, q0.max_callers) == (10_000, 8000, 7)
    assert (q0.sl_percent, q0.sl_ms) == (90, 10_000)
    assert (q0.strategy, roster.queues["q1"].strategy) == ("longest-idle", "most-skilled")
    assert roster.agents["a0"].skills == {"german": 4}


def test_members_stand_on_both_sides() -> None:
    roster = changed(make_roster(3, 2), "queues.q0.agents=a1, a2", "agents.a2.queues=q0")
    assert (roster.queues["q0"].agents, roster.queues["q1"].agents) == (("a1", "a2"), ("a0", "a1"))
    assert {name: agent.queues for name, agent in roster.agents.items()} == {
        "a0": ("q1",),
        "a1": ("q0", "q1"),
        "a2": ("q0",),
    }
    assert changed(roster, "queues.q1.agents=a2").agents["a2"].queues == ("q0", "q1")


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("wrap_up=10s", "queues.support.wrap_up=10s"),
        ("queues.q0.wrap_up", "queues.support.wrap_up=10s"),
        ("queues.q9.wrap_up=1s", "known: q0"),
        ("queues.q0.wrapup=1s", 'did you mean "wrap_up"?'),
        ("queues.q0.wrap_up=10", 'did you mean "10s"?'),
        ("queues.q0.strategy=most-skiled", 'did you mean "most-skilled"?'),
        ("queues.q0.agents=a0,nobody", "known: a0, a1"),
        ("agents.a0.skills.german=9", "write a number"),
        ("agents.a0.skill.german=2", "skills.NAME"),
        ("agents.a0.queues=support", "known: q0"),
        ("flows.main.x=1", "queues.support.wrap_up=10s"),
    ],
)
def test_what_cannot_be_set_says_what_to_write(setting: str, hint: str) -> None:
    found = with_setting(make_roster(2), setting)
    assert isinstance(found, Wrong)
    assert hint in found.hint


def plan() -> Plan:
    """a1 is there longest, then a0, who comes twice; a2 never comes."""
    duties = (
        Duty(0, "a0", "login"),
        Duty(0, "a1", "login"),
        Duty(3000, "a0", "logout"),
        Duty(6000, "a0", "login"),
        Duty(7000, "a0", "pause"),
        Duty(9000, "a0", "logout"),
    )
    return Plan(WINDOW, make_roster(3), duties)


def test_more_agents_have_the_hours_and_queues_of_those_who_are_there_longest() -> None:
    assert by_presence(plan(), "q0") == ["a1", "a0"]
    found = with_agents(plan(), 3, "q0")
    assert isinstance(found, Plan)
    assert found.roster.agents["extra-2"].queues == ("q0",)
    assert found.roster.queues["q0"].agents == ("a0", "a1", "a2", "extra-1", "extra-2", "extra-3")

    def hours(agent: str) -> list[tuple[int, str]]:
        return [(duty.at, duty.what) for duty in found.duties if duty.agent == agent]

    assert hours("extra-2") == hours("a0")
    assert hours("extra-3") == [(0, "login")]
    again = with_agents(found, 1)
    assert isinstance(again, Plan)
    assert "extra-4" in again.roster.agents


def test_fewer_agents() -> None:
    found = with_agents(plan(), -1)
    assert isinstance(found, Plan)
    assert {duty.agent for duty in found.duties} == {"a0"}
    for more, queue in ((-3, ""), (1, "q7")):
        assert isinstance(with_agents(plan(), more, queue), Wrong)
    assert isinstance(with_agents(Plan(WINDOW, make_roster(1), ()), 1), Wrong)

"""Agents pause one of their queues, join and leave: what they are offered then."""

from typing import Any

import pytest
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence as P
from ccctl.flow.roster import Roster, to_json
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import from_json
from ccctl.world.state import to_json as world_json
from tests.support.centre import Centre, make_roster


def roster(**queue: Any) -> Roster:
    made = make_roster(2, 2, **queue)
    return replace(made, pause_reasons={"1": "lunch"})


def without(made: Roster, queue: str, agent: str) -> Roster:
    queues = made.queues | {queue: replace(made.queues[queue], agents=("a0",))}
    rest = tuple(q for q in made.agents[agent].queues if q != queue)
    return replace(
        made, queues=queues, agents=made.agents | {agent: replace(made.agents[agent], queues=rest)}
    )


def at_work(**queue: Any) -> Centre:
    centre = Centre(roster(**queue))
    centre.login("a0")
    return centre


def ask(centre: Centre, kind: type[Any], agent: str = "a0", queue: str = "q0", **more: Any) -> c.Reply:
    centre.at += 1
    event = kind(at=centre.at, agent=agent, queue=queue, request="r", by="sue", **more)
    return next(x for x in centre.send(event) if isinstance(x, c.Reply))


def pauses(centre: Centre) -> list[ch.QueuePauseRow]:
    return list(centre.rows.get(ch.QueuePauseRow, {}).values())


def test_paused_for_one_queue_he_serves_the_other() -> None:
    centre = at_work()
    assert ask(centre, e.AgentPause, reason="lunch").text == "a0 is ready, paused for q0"
    centre.queued("q0")
    assert not centre.leg_of("a0")
    centre.queued("q1")
    assert centre.world.legs[centre.leg_of("a0")].queue == "q1"
    row = pauses(centre)[0]
    assert (row.agent, row.queue, row.reason, row.ended, row.cause) == ("a0", "q0", "lunch", None, "user:sue")


def test_the_end_of_it_brings_who_waits() -> None:
    centre = at_work()
    ask(centre, e.AgentPause)
    centre.queued("q0")
    ask(centre, e.AgentUnpause)
    assert centre.leg_of("a0")
    assert [row.ended for row in pauses(centre)] == [centre.at]


def test_a_logout_ends_it() -> None:
    centre = at_work()
    ask(centre, e.AgentPause)
    centre.send(e.AgentLogout(at=centre.at, agent="a0"))
    assert not centre.world.queue_pauses
    assert pauses(centre)[0].ended is not None


def test_a_pause_of_all_leaves_it_as_it_is() -> None:
    centre = at_work()
    ask(centre, e.AgentPause)
    centre.send(e.AgentPause(at=centre.at, agent="a0"))
    centre.send(e.AgentUnpause(at=centre.at, agent="a0"))
    centre.queued("q0")
    assert centre.presence("a0") is P.READY


def test_app_queue_is_told_of_it_whenever_it_is_told_of_him() -> None:
    centre = at_work()
    ask(centre, e.AgentPause)
    centre.log.clear()
    centre.send(e.NodeUp(at=centre.at, node="pbx1"))
    told = [x for x in centre.log if isinstance(x, c.MirrorAgent) and x.endpoint == "PJSIP/a0"]
    assert [(x.present, x.queue) for x in told] == [(True, ""), (False, "q0")]


@pytest.mark.parametrize(
    ("kind", "agent", "queue", "more", "error"),
    [
        (e.AgentPause, "ghost", "q0", {}, "unknown-agent"),
        (e.AgentPause, "a0", "q9", {}, "unknown-queue"),
        (e.AgentPause, "a0", "q0", {"reason": "nap"}, "unknown-reason"),
        (e.AgentPause, "a1", "q0", {}, "not-logged-in"),
        (e.AgentJoin, "a0", "q0", {}, "fixed-members"),
        (e.AgentLeave, "a0", "q0", {}, "fixed-members"),
    ],
)
def test_refusals(kind: type[Any], agent: str, queue: str, more: dict[str, str], error: str) -> None:
    assert ask(at_work(), kind, agent, queue, **more).error == error


def test_who_is_forced_may_neither_leave_nor_pause_it() -> None:
    centre = at_work(membership="dynamic", forced=("a0",))
    assert ask(centre, e.AgentPause).error == "forced"
    assert ask(centre, e.AgentLeave).error == "forced"
    centre.queued("q0")
    assert centre.leg_of("a0")


def test_who_joins_gets_who_waits_and_who_leaves_gets_nobody() -> None:
    centre = Centre(without(roster(membership="dynamic"), "q0", "a1"))
    centre.login("a1")
    centre.queued("q0")
    assert not centre.leg_of("a1")
    assert not ask(centre, e.AgentJoin, "a1").error
    leg = centre.leg_of("a1")
    centre.talk(leg)
    ask(centre, e.AgentLeave, "a1")
    centre.leg_ended(leg)
    centre.queued("q0")
    assert centre.presence("a1") is P.READY


def test_a_caller_leaves_when_the_last_agent_has_left() -> None:
    centre = at_work(membership="dynamic")
    ask(centre, e.AgentPause)
    call = centre.queued("q0", leave_if_empty=True)
    ask(centre, e.AgentLeave)
    assert centre.visit(call).outcome is ch.Outcome.NO_AGENTS


def test_members_survive_a_restart_and_a_site_that_says_the_same() -> None:
    site = without(roster(membership="dynamic"), "q0", "a1")
    centre = Centre(site)
    ask(centre, e.AgentJoin, "a1")
    ask(centre, e.AgentLeave, "a0")
    centre.world = from_json(world_json(centre.world))
    rebuild_lines(centre.world)
    centre.send(e.RosterChanged(at=centre.at, roster=to_json(site).decode()))
    assert centre.world.roster.queues["q0"].agents == ("a1",)
    assert centre.world.roster.agents["a0"].queues == ("q1",)


def test_a_site_that_makes_it_static_has_the_last_word() -> None:
    centre = Centre(without(roster(membership="dynamic"), "q0", "a1"))
    ask(centre, e.AgentJoin, "a1")
    centre.send(e.RosterChanged(at=centre.at, roster=to_json(without(roster(), "q0", "a1")).decode()))
    assert centre.world.roster.queues["q0"].agents == ("a0",)
    assert not centre.world.joined


def test_a_site_without_the_queue_ends_its_pause() -> None:
    centre = at_work()
    ask(centre, e.AgentPause, queue="q1")
    centre.send(e.RosterChanged(at=centre.at, roster=to_json(make_roster(2, 1)).decode()))
    assert pauses(centre)[0].ended is not None

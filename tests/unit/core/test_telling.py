"""What callers who wait are told, and when: place, time, prompts, and nothing that would delay an agent."""

from typing import Any

from msgspec.structs import replace

from ccctl import commands as c
from ccctl import events as e
from ccctl.flow.roster import AnnounceConfig, to_json
from ccctl.queue import estimate as q
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import from_json
from ccctl.world.state import to_json as world_json
from tests.support.centre import Centre, make_roster

EVERY = 10_000
NEXT = ("sound:queue-youarenext",)


def second(position: int) -> tuple[str, ...]:
    return "sound:queue-thereare", f"number:{position}", "sound:queue-callswaiting"


def centre(agents: int = 2, **announce: Any) -> Centre:
    told = AnnounceConfig(EVERY, **announce)
    return Centre(make_roster(agents, announce=told, ring_ms=60_000, wrap_up_ms=1000))


def told(world: Centre, call: str) -> list[tuple[str, ...]]:
    return [x.media for x in world.log if isinstance(x, c.Tell) and x.call == call]


def test_places_are_told_in_turn_and_who_is_being_rung_for_counts() -> None:
    world = centre(position=True)
    world.login("a0")
    first, other, urgent = world.queued(language="de"), world.queued(), world.queued(priority=1)
    world.tick(EVERY)
    assert told(world, first) == [second(2)]  # a phone rings for him; the urgent one has his turn before
    assert told(world, other) == [second(3)]
    assert told(world, urgent) == [NEXT]
    tell = next(x for x in world.log if isinstance(x, c.Tell))
    assert (tell.language, len(tell.playback)) == ("de", 17)
    world.left(urgent)
    world.tick(EVERY)
    assert (told(world, first)[1:], told(world, other)[1:]) == ([NEXT], [second(2)])


def test_nobody_is_told_that_he_is_further_back() -> None:
    world = centre(position=True, media=("sound:a", "sound:b"))
    call = world.queued()
    world.tick(EVERY)
    world.queued(priority=5)
    world.tick(EVERY)
    assert told(world, call) == [(*NEXT, "sound:a"), ("sound:b",)]


def test_prompts_come_in_turn_with_one_id_and_end_with_the_wait() -> None:
    world = centre(media=("sound:a", "sound:b"))
    call = world.queued()
    world.tick(3 * EVERY)
    assert told(world, call) == [("sound:a",), ("sound:b",), ("sound:a",)]
    assert len({x.playback for x in world.log if isinstance(x, c.Tell)}) == 1
    world.left(call)
    world.tick(3 * EVERY)
    assert len(told(world, call)) == 3
    assert not [timer for timer in world.world.timers if timer.startswith("tell:")]


def test_a_phone_rings_meanwhile_and_connecting_stops_what_is_said() -> None:
    world = centre(position=True)
    call = world.queued()
    world.tick(EVERY)
    playback = next(x.playback for x in world.log if isinstance(x, c.Tell))
    assert [x.call for x in world.login("a0") if isinstance(x, c.Offer)] == [call]
    leg = world.leg_of("a0")
    assert c.Connect(call=call, leg=leg, telling=playback) in world.answer(leg)
    world.tick(2 * EVERY)  # Asterisk is slow to tell that they are bridged
    assert len(told(world, call)) == 1


def test_an_exit_key_stops_what_is_said() -> None:
    world = centre(position=True)
    call = world.queued(keys="0")
    world.tick(EVERY)
    playback = next(x.playback for x in world.log if isinstance(x, c.Tell))
    commands = world.send(e.DigitPressed(at=world.at, channel=call, digit="0"))
    assert c.Release(call=call, result="key_0", telling=playback) in commands


def test_what_was_due_while_nobody_looked_is_not_told_at_once() -> None:
    world = centre(position=True)
    call = world.queued()
    world.tick(EVERY)
    world.world = from_json(world_json(world.world))
    rebuild_lines(world.world)
    world.at += 5 * EVERY
    world.send(e.Started(at=world.at, boot="c11c11"))
    alive = (e.LiveChannel(channel=call, ours=True, up=True),)
    world.send(e.Resynced(at=world.at, node="pbx1", channels=alive))
    world.tick(EVERY - 1)
    assert len(told(world, call)) == 1
    world.tick(1)
    assert len(told(world, call)) == 2


def test_a_site_that_says_nothing_any_more_ends_it() -> None:
    world = centre(position=True)
    call = world.queued()
    world.send(e.RosterChanged(at=world.at, roster=to_json(make_roster(2)).decode()))
    world.tick(2 * EVERY)
    assert told(world, call) == []


def busy_day(world: Centre, callers: int) -> None:
    """One after the other waits about a minute for the only agent."""
    for _ in range(callers):
        world.queued()
        world.tick(30_000)
        leg = world.leg_of("a0")
        world.talk(leg)
        world.queued()
        world.tick(60_000)
        world.leg_ended(leg)
        world.tick(2000)
        world.talk(world.leg_of("a0"))
        world.tick(30_000)
        world.leg_ended(world.leg_of("a0"))
        world.tick(2000)


def test_a_time_is_told_when_such_times_were_right_and_never_a_later_one() -> None:
    world = centre(1, wait_time=True)
    world.login("a0")
    early = world.queued()
    world.tick(EVERY)
    assert told(world, early) == [NEXT]  # instead of a time
    world.left(early)
    busy_day(world, 40)
    state = world.world.estimates["q0"]
    assert (state.agents, state.in_line, state.calls) == (1, 0, {})
    assert state.handling.events > 40
    assert q.proven(state)
    world.queued()
    late = world.queued()
    world.tick(EVERY)
    assert told(world, late)[0][0] == "sound:queue-holdtime"
    world.tick(6 * EVERY)
    times = [(n, media[1]) for n, media in enumerate(told(world, late)) if media[0] == "sound:queue-holdtime"]
    ends = [n * EVERY + 60_000 * int(said.removeprefix("number:")) for n, said in times]
    assert ends == sorted(ends, reverse=True)


def test_the_number_of_agents_follows_logins_and_a_new_site() -> None:
    world = centre(wait_time=True)
    world.queued()
    world.login("a0", "a1")
    assert world.world.estimates["q0"].agents == 2
    world.send(e.AgentPause(at=world.at, agent="a1"))
    assert world.world.estimates["q0"].agents == 1
    roster = world.world.roster
    silent = replace(roster, queues={"q0": replace(roster.queues["q0"], announce=None)})
    world.send(e.RosterChanged(at=world.at, roster=to_json(silent).decode()))
    assert world.world.estimates == {}

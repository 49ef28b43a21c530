"""Queues whose agents take a call by a key: the key, another key, no key at all, and everything between."""

import pytest

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.changes import OfferOutcome, Outcome
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import Phase, from_json, to_json
from tests.support.centre import WHISPER, Centre, kinds, make_roster

WITHIN = 5000


def centre(agents: int = 1, **queue: object) -> Centre:
    rules = {"whisper": WHISPER, "accept_key": "1", "accept_ms": WITHIN, **queue}
    return Centre(make_roster(agents, **rules))


def press(world: Centre, leg: str, digit: str) -> list[c.Command]:
    world.at += 1
    return world.send(e.DigitPressed(at=world.at, channel=leg, digit=digit))


def whispered(world: Centre, leg: str) -> list[c.Command]:
    world.at += 1
    return world.send(e.WhisperDone(at=world.at, leg=leg))


def outcome(world: Centre, leg: str) -> OfferOutcome:
    return world.rows[ch.OfferRow][leg].outcome  # type: ignore[no-any-return] # rows are of any kind


def test_the_key_takes_the_call_after_the_whisper() -> None:
    world = centre()
    world.login("a0")
    world.queued()
    leg = world.leg_of("a0")
    world.answer(leg)
    assert "Connect" not in kinds(whispered(world, leg))
    [connect] = [x for x in press(world, leg, "1") if isinstance(x, c.Connect)]
    assert connect.whispering
    world.send(e.Connected(at=world.at, leg=leg))
    assert outcome(world, leg) is OfferOutcome.ANSWERED
    world.tick(WITHIN * 2)
    assert world.presence("a0") is Presence.TALKING


def test_the_key_counts_in_the_whisper_whose_end_then_means_nothing() -> None:
    world = centre()
    world.login("a0")
    world.queued()
    leg = world.leg_of("a0")
    world.answer(leg)
    assert "Connect" in kinds(press(world, leg, "1"))
    assert kinds(whispered(world, leg)) == []
    assert kinds(press(world, leg, "5")) == []  # on the way into the talk keys are only heard


@pytest.mark.parametrize("late", [False, True])
def test_another_key_declines_and_the_caller_keeps_his_place(late: bool) -> None:
    world = centre()
    world.login("a0")
    first, second = world.queued(), world.queued()
    leg = world.leg_of("a0")
    world.answer(leg)
    if late:
        whispered(world, leg)
    assert "Disconnect" in kinds(press(world, leg, "2"))
    assert outcome(world, leg) is OfferOutcome.REJECTED
    assert world.presence("a0") is Presence.NOT_RESPONDING
    assert [key[3] for key in world.world.line("q0").waiting()] == [first, second]


def test_without_a_key_the_offer_was_not_accepted_and_the_next_agent_is_rung() -> None:
    world = centre(2)
    world.login("a0", "a1")
    call = world.queued()
    leg = world.leg_of("a0")
    world.answer(leg)
    world.tick(WITHIN * 2)
    assert world.world.legs[leg].phase is Phase.WHISPER  # the time begins with the end of the whisper
    whispered(world, leg)
    world.tick(WITHIN)
    assert outcome(world, leg) is OfferOutcome.NOT_ACCEPTED
    assert world.presence("a0") is Presence.NOT_RESPONDING
    assert world.agents_of(call) == ["a1"]


def test_without_a_whisper_a_beep_asks_for_the_key() -> None:
    world = centre(whisper=())
    world.login("a0")
    world.queued()
    [whisper] = [x for x in world.answer(world.leg_of("a0")) if isinstance(x, c.Whisper)]
    assert whisper.media == ("sound:beep",)


def test_of_all_who_ring_the_first_key_wins_not_the_first_who_picks_up() -> None:
    world = centre(2, strategy="ring-all")
    world.login("a0", "a1")
    world.queued()
    one, other = world.leg_of("a0"), world.leg_of("a1")
    world.answer(one)
    world.answer(other)
    press(world, other, "1")
    assert outcome(world, one) is OfferOutcome.WITHDRAWN
    assert world.presence("a0") is Presence.READY


def test_who_hangs_up_instead_of_pressing_did_not_take_the_call() -> None:
    world = centre()
    world.login("a0")
    world.queued()
    leg = world.leg_of("a0")
    world.answer(leg)
    whispered(world, leg)
    world.leg_ended(leg)
    assert outcome(world, leg) is OfferOutcome.HUNG_UP
    assert f"accept:{leg}" not in world.world.timers


def test_a_caller_whose_longest_wait_ends_meanwhile_leaves_when_nobody_takes_him() -> None:
    world = centre()
    world.login("a0")
    call = world.queued(max_wait_ms=2000)
    leg = world.leg_of("a0")
    world.answer(leg)
    whispered(world, leg)
    world.tick(WITHIN)
    assert world.visit(call).outcome is Outcome.TIMED_OUT


def test_a_restart_in_the_whisper_goes_on_waiting_for_the_key() -> None:
    world = centre()
    world.login("a0")
    call = world.queued()
    leg = world.leg_of("a0")
    world.answer(leg)
    world.world = from_json(to_json(world.world))
    rebuild_lines(world.world)
    world.send(e.Started(at=world.at, boot="c11c11"))
    alive = tuple(e.LiveChannel(channel=name, ours=True) for name in (call, leg))
    assert "Connect" not in kinds(world.send(e.Resynced(at=world.at + 1, node="pbx1", channels=alive)))
    assert world.world.legs[leg].phase is Phase.ACCEPT
    assert "Connect" in kinds(press(world, leg, "1"))

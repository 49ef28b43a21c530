"""What does not last for ever: wrap-up, pauses, not responding."""

from typing import Any

import pytest
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence as P
from ccctl.flow.graph import PauseLimit
from tests.support.centre import Centre, make_roster


def at_work(limit: PauseLimit | None = None, **queue: Any) -> Centre:
    limits = {"lunch": limit} if limit else {}
    centre = Centre(replace(make_roster(1, **queue), pause_reasons={"1": "lunch"}, pause_limits=limits))
    centre.login("a0")
    return centre


def wrapping(**queue: Any) -> Centre:
    centre = at_work(wrap_up_ms=10_000, **queue)
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.leg_ended(leg)
    assert centre.presence("a0") is P.WRAPUP
    return centre


def extend(centre: Centre, ms: int) -> c.Reply:
    event = e.AgentWrapUp(at=centre.at, agent="a0", extend_ms=ms, request="r", by="sue")
    return next(x for x in centre.send(event) if isinstance(x, c.Reply))


def misses(centre: Centre) -> None:
    centre.leg_ended(centre.leg_of("a0"), cause=17)


def states(centre: Centre) -> list[tuple[str, str]]:
    return [(row.presence, row.cause) for row in centre.rows[ch.AgentStateRow].values()]


def test_a_wrap_up_is_made_longer() -> None:
    centre = wrapping()
    assert extend(centre, 5000).text == "the wrap-up of a0 ends in 15 s"
    centre.tick(14_000)
    assert centre.presence("a0") is P.WRAPUP
    centre.tick(2000)
    assert centre.presence("a0") is P.READY


def test_but_not_beyond_its_limit() -> None:
    centre = wrapping(wrap_up_max_ms=12_000)
    assert extend(centre, 60_000).text == "the wrap-up of a0 ends in 12 s"
    refused = extend(centre, 60_000)
    assert (refused.error, refused.text) == ("wrap-up-limit", "no longer: the wrap-up of a0 ends in 12 s")
    centre.tick(13_000)
    assert centre.presence("a0") is P.READY


def test_a_limit_below_the_time_does_not_shorten_it() -> None:
    centre = wrapping(wrap_up_max_ms=1000)
    assert extend(centre, 1000).error == "wrap-up-limit"
    assert centre.world.agents["a0"].until == centre.world.agents["a0"].since + 10_000


def test_a_wrap_up_ends_early() -> None:
    centre = wrapping()
    centre.send(e.AgentUnpause(at=centre.at, agent="a0"))
    assert centre.presence("a0") is P.READY
    assert "wrapup:a0" not in centre.world.timers


def test_who_is_not_in_wrap_up_cannot_make_it_longer() -> None:
    assert extend(at_work(), 1000).error == "not-in-wrap-up"


@pytest.mark.parametrize(("most", "media"), [(60_000, "sound:activated"), (10_000, "sound:agent-incorrect")])
def test_the_phone_code_gives_as_much_again(most: int, media: str) -> None:
    centre = wrapping(wrap_up_max_ms=most)
    code = e.AgentCode(at=centre.at, channel="pbx1/7", code="agent-wrap-up", agent="a0")
    said = [x for x in centre.send(code) if isinstance(x, c.SayToPhone)]
    assert [x.media for x in said] == [(media,)]
    lasts = centre.world.agents["a0"].until - centre.world.agents["a0"].since
    assert lasts == min(most, 20_000)


def test_a_pause_over_its_limit_is_an_alarm() -> None:
    centre = at_work(PauseLimit(60_000))
    centre.send(e.AgentPause(at=centre.at, agent="a0", reason="lunch"))
    centre.tick(59_000)
    assert not centre.world.agents["a0"].over
    centre.tick(2000)
    assert centre.presence("a0") is P.PAUSED
    assert centre.world.agents["a0"].over
    notes = [x for x in centre.log if isinstance(x, c.Note)]
    assert [(x.text, x.warning) for x in notes] == [("a0: pause lunch is over its limit", True)]
    centre.send(e.AgentUnpause(at=centre.at, agent="a0"))
    assert not centre.world.agents["a0"].over


def test_or_the_end_of_his_login() -> None:
    centre = at_work(PauseLimit(60_000, "offline"))
    centre.send(e.AgentPause(at=centre.at, agent="a0", reason="lunch"))
    centre.tick(61_000)
    assert centre.presence("a0") is P.OFFLINE


def test_another_pause_begins_anew() -> None:
    centre = at_work(PauseLimit(60_000))
    centre.send(e.AgentPause(at=centre.at, agent="a0", reason="lunch"))
    centre.tick(50_000)
    centre.send(e.AgentPause(at=centre.at, agent="a0"))
    centre.tick(20_000)
    assert not centre.world.agents["a0"].over
    assert "paused:a0" not in centre.world.timers


def test_a_pause_that_was_wished_for_in_a_talk_is_limited_too() -> None:
    centre = wrapping()
    centre.world.roster.pause_limits["lunch"] = PauseLimit(60_000)
    centre.send(e.AgentPause(at=centre.at, agent="a0", reason="lunch"))
    centre.tick(61_000)
    assert centre.world.agents["a0"].over


def test_not_responding_only_after_so_many_offers() -> None:
    centre = at_work(miss_limit=3)
    centre.queued()
    misses(centre)
    assert centre.presence("a0") is P.RINGING  # nobody else is there
    misses(centre)
    misses(centre)
    assert centre.presence("a0") is P.NOT_RESPONDING


def test_who_missed_and_stays_ready_gets_nobody_before_the_one_he_missed() -> None:
    centre = at_work(miss_limit=2)
    first, _second = centre.queued(), centre.queued()
    misses(centre)
    assert centre.world.legs[centre.leg_of("a0")].call == first


def test_an_answer_counts_anew() -> None:
    centre = at_work(miss_limit=2)
    centre.queued()
    misses(centre)
    centre.talk(centre.leg_of("a0"))
    centre.leg_ended(centre.leg_of("a0"))
    centre.queued()
    misses(centre)
    assert centre.presence("a0") is P.RINGING


def test_not_responding_for_so_long() -> None:
    centre = at_work(rest_ms=30_000)
    centre.queued()
    misses(centre)
    centre.tick(29_000)
    assert centre.presence("a0") is P.NOT_RESPONDING
    centre.tick(2000)
    assert centre.presence("a0") is P.RINGING
    assert states(centre)[-2:] == [("ready", "timer"), ("ringing", "distributor")]

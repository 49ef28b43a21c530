"""The presence machine: every state x trigger, as a golden table."""

import itertools

from ccctl.agent.state import ON_CALL, TABLE, Agent, Presence, Trigger, advance

P, T = Presence, Trigger
GOLDEN = """
offline         login            ready
ready           logout           offline
ready           pause            paused
ready           offered          ringing
ringing         connected        talking
ringing         missed           not_responding
ringing         offer_ended      ready
talking         talk_ended       wrapup
talking         talk_ended_free  ready
wrapup          login            ready
wrapup          logout           offline
wrapup          pause            paused
wrapup          unpause          ready
wrapup          wrapup_over      ready
paused          login            ready
paused          logout           offline
paused          pause            paused
paused          unpause          ready
not_responding  login            ready
not_responding  logout           offline
not_responding  pause            paused
not_responding  unpause          ready
"""


def test_every_pair_of_state_and_trigger_is_as_in_the_table() -> None:
    golden = {(P(a), T(b)): P(to) for a, b, to in (line.split() for line in GOLDEN.split("\n") if line)}
    assert golden == TABLE
    for presence, trigger in itertools.product(P, T):
        before = Agent("anna", presence, since=1)
        after = advance(before, trigger, 9)
        if (presence, trigger) in golden:
            assert (after.presence, after.since) == (golden[presence, trigger], 9)
        else:
            assert (after.presence, after.since) == (presence, 1)


def test_wishes_during_a_call_take_effect_after_it() -> None:
    for presence in ON_CALL:
        wished = advance(Agent("anna", presence), T.PAUSE, 5, "lunch")
        assert (wished.presence, wished.after) == (presence, P.PAUSED)
    talking = advance(Agent("anna", P.TALKING), T.PAUSE, 5, "lunch")
    wrapping = advance(talking, T.TALK_ENDED, 6)
    assert wrapping.presence is P.WRAPUP
    paused = advance(wrapping, T.WRAPUP_OVER, 7)
    assert (paused.presence, paused.reason, paused.after) == (P.PAUSED, "lunch", None)


def test_a_wish_can_be_taken_back() -> None:
    wished = advance(Agent("anna", P.TALKING), T.LOGOUT, 5)
    taken_back = advance(wished, T.LOGIN, 6)
    assert advance(taken_back, T.TALK_ENDED_FREE, 7).presence is P.READY


def test_missing_a_call_with_a_wish_goes_where_wished() -> None:
    wished = advance(Agent("anna", P.RINGING), T.LOGOUT, 5)
    assert advance(wished, T.MISSED, 6).presence is P.OFFLINE


def test_a_withdrawn_offer_keeps_the_turn() -> None:
    ready = Agent("anna", P.READY, idle_since=3)
    ringing = advance(ready, T.OFFERED, 10)
    assert advance(ringing, T.OFFER_ENDED, 12).idle_since == 3
    talking = advance(ringing, T.CONNECTED, 12)
    assert advance(talking, T.TALK_ENDED_FREE, 20).idle_since == 20

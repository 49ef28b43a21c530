"""The presence machine: every state x trigger, as a golden table (agent_states.txt; UPDATE_GOLDEN=1)."""

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ccctl.agent.state import BUSY, ON_CALL, TABLE, Agent, Presence, Trigger, advance

P, T = Presence, Trigger
GOLDEN = Path(__file__).parent / "agent_states.txt"
ENDS = (T.MISSED, T.EXCUSED, T.UNREACHED, T.OFFER_ENDED)
CONDITIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "phone-gone": {"phone_gone": True},
    "direct-call": {"direct": "pbx1/7"},
    "wants-pause": {"after": P.PAUSED, "after_reason": "lunch"},
    "wants-to-go": {"after": P.OFFLINE},
}


def _cell(presence: P, trigger: T, condition: str) -> str:
    before = Agent("anna", presence, since=1, **CONDITIONS[condition])
    after = advance(before, trigger, 9)
    moved = after.since == 9
    assert moved or after.presence is presence
    wish = f"+{after.after}" if after.after is not None and after.after != before.after else ""
    return (str(after.presence) if moved else ".") + wish


def _table() -> str:
    """Each state x trigger, one column for each condition; "." is where nothing changes, "+" a wish kept."""
    lines = ["".join(f"{word:<28}" for word in ("state", "trigger", *CONDITIONS))]
    for presence, trigger in itertools.product(P, T):
        cells = [_cell(presence, trigger, condition) for condition in CONDITIONS]
        lines.append("".join(f"{word:<28}" for word in (presence, trigger, *cells)))
    return "\n".join(line.rstrip() for line in lines) + "\n"


def test_every_pair_of_state_and_trigger_is_as_in_the_table() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(_table())
    assert _table() == GOLDEN.read_text()


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("presence", [P.RESERVED, P.RINGING, P.WHISPER])
def test_an_offer_always_ends(presence: P, condition: str) -> None:
    """However it ends the agent is not left in it; and nothing but a talk or its end leads out."""
    agent = Agent("anna", presence, since=1, **CONDITIONS[condition])
    for trigger in ENDS:
        assert advance(agent, trigger, 9).presence not in BUSY
    for trigger in T:
        after = advance(agent, trigger, 9)
        assert after.presence in BUSY or trigger in ENDS


def test_every_state_can_be_left_by_what_ends_it() -> None:
    """From wherever he is there is a way to ready."""
    ways = {presence: {to for (a, _), to in TABLE.items() if a is presence} for presence in P}
    for presence in P:
        seen, reached = {presence}, {presence}
        while reached:
            reached = {to for state in reached for to in ways[state]} - seen
            seen |= reached
        assert P.READY in seen, presence


def test_a_registered_phone_brings_back_who_was_unreachable() -> None:
    gone = advance(Agent("anna", P.READY), T.PHONE_GONE, 5)
    assert gone.presence is P.UNREACHABLE
    assert advance(gone, T.PHONE_BACK, 6).presence is P.READY
    paused = advance(gone, T.PAUSE, 6, "lunch")
    back = advance(paused, T.PHONE_BACK, 7)
    assert (back.presence, back.reason) == (P.PAUSED, "lunch")
    assert advance(advance(paused, T.UNPAUSE, 7), T.PHONE_BACK, 8).presence is P.READY


def test_a_phone_that_goes_during_a_talk_is_missed_after_it() -> None:
    talking = advance(Agent("anna", P.TALKING), T.PHONE_GONE, 5)
    assert talking.presence is P.TALKING
    assert advance(talking, T.TALK_ENDED_FREE, 6).presence is P.UNREACHABLE


def test_after_a_direct_call_he_is_what_he_was() -> None:
    for presence in (P.READY, P.PAUSED, P.NOT_RESPONDING):
        agent = Agent("anna", presence, reason="lunch", direct="pbx1/7")
        called = advance(agent, T.DIRECT_BEGAN, 5)
        assert (called.presence, called.call) == (P.DIRECT_CALL, "pbx1/7")
        after = advance(replace(called, direct=""), T.DIRECT_ENDED, 6)
        assert (after.presence, after.call, after.after) == (presence, "", None)
        assert after.reason == ("" if presence is P.READY else "lunch")


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


def test_what_is_asked_for_in_wrap_up_counts_more_than_a_wish_of_the_talk() -> None:
    wrapping = advance(advance(Agent("anna", P.TALKING), T.PAUSE, 5), T.TALK_ENDED, 6)
    assert advance(wrapping, T.LOGOUT, 7).presence is P.OFFLINE
    assert advance(wrapping, T.UNPAUSE, 7).presence is P.READY


def test_missing_a_call_with_a_wish_goes_where_wished() -> None:
    wished = advance(Agent("anna", P.RINGING), T.LOGOUT, 5)
    assert advance(wished, T.MISSED, 6).presence is P.OFFLINE


def test_a_withdrawn_offer_keeps_the_turn() -> None:
    ready = Agent("anna", P.READY, idle_since=3)
    ringing = advance(ready, T.OFFERED, 10)
    assert advance(ringing, T.OFFER_ENDED, 12).idle_since == 3
    talking = advance(ringing, T.CONNECTED, 12)
    assert advance(talking, T.TALK_ENDED_FREE, 20).idle_since == 20

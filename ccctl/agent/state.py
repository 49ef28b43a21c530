"""Presence of an agent: one table of state x trigger. A pair that is not listed changes nothing.

Two facts stand beside the state, and say where an agent goes who would be ready: `direct` (he is in a call
outside the queues) and `phone_gone` (his phone is not registered). A login, logout or pause that comes
while he is on a call is kept and takes effect after it.
"""

from enum import StrEnum

import msgspec
from msgspec.structs import replace


class Presence(StrEnum):
    OFFLINE = "offline"
    READY = "ready"
    RESERVED = "reserved"  # chosen for a caller, but nothing rings yet
    RINGING = "ringing"
    WHISPER = "whisper"  # he picked up, and hears the announcement
    TALKING = "talking"
    HELD = "held"  # his caller is on hold
    CONSULTING = "consulting"  # he talks to somebody else while his caller waits
    WRAPUP = "wrapup"
    PAUSED = "paused"
    NOT_RESPONDING = "not_responding"
    DIRECT_CALL = "direct_call"  # a call outside the queues
    UNREACHABLE = "unreachable"  # would be ready, but his phone is not registered


class Trigger(StrEnum):
    LOGIN = "login"
    LOGOUT = "logout"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    RESERVED = "reserved"
    OFFERED = "offered"
    PICKED_UP = "picked_up"
    CONNECTED = "connected"
    MISSED = "missed"  # did not answer, rejected, hung up in the whisper
    EXCUSED = "excused"  # the same, and his queue lets him miss more than this one
    REST_OVER = "rest_over"  # he was not responding for as long as his queue says
    UNREACHED = "unreached"  # there is no phone to ring
    OFFER_ENDED = "offer_ended"  # not the agent's doing: caller left, offer withdrawn
    HELD = "held"
    UNHELD = "unheld"
    CONSULTS = "consults"
    CONSULT_ENDED = "consult_ended"
    TALK_ENDED = "talk_ended"
    TALK_ENDED_FREE = "talk_ended_free"  # no wrap-up on this queue
    WRAPUP_OVER = "wrapup_over"
    DIRECT_BEGAN = "direct_began"
    DIRECT_ENDED = "direct_ended"
    PHONE_GONE = "phone_gone"
    PHONE_BACK = "phone_back"


class Agent(msgspec.Struct, frozen=True):
    """`idle_since` orders agents for longest-idle; `after` is the state wanted once the call is over."""

    name: str
    presence: Presence = Presence.OFFLINE
    since: int = 0
    reason: str = ""
    idle_since: int = 0
    login_at: int = 0
    busy_ms: int = 0  # with calls since then: ringing, talk, wrap-up
    leg: str = ""
    call: str = ""
    queue: str = ""
    after: Presence | None = None
    after_reason: str = ""
    direct: str = ""  # channel of his call outside the queues
    phone_gone: bool = False
    misses: int = 0  # one after the other
    until: int = 0  # when a timer ends this state, or its longest time is over; 0: never
    over: bool = False  # the pause is longer than its reason allows


_P, _T = Presence, Trigger
IN_TALK = frozenset({_P.TALKING, _P.HELD, _P.CONSULTING})
ON_CALL = frozenset({_P.RINGING, _P.WHISPER, *IN_TALK})  # he has a leg of ours
BUSY = frozenset({_P.RESERVED, *ON_CALL, _P.WRAPUP})  # with a caller of a queue
KEEPS_WISHES = frozenset({_P.RESERVED, *ON_CALL, _P.DIRECT_CALL})
MAY_BE_FREE = frozenset({_P.READY, _P.DIRECT_CALL})  # the queue decides about calls of his own
AWAY = frozenset({_P.OFFLINE, _P.PAUSED, _P.NOT_RESPONDING})  # until somebody asks for something else

TABLE: dict[tuple[Presence, Trigger], Presence] = {
    (_P.OFFLINE, _T.LOGIN): _P.READY,
    (_P.READY, _T.LOGOUT): _P.OFFLINE,
    (_P.READY, _T.PAUSE): _P.PAUSED,
    (_P.READY, _T.RESERVED): _P.RESERVED,
    (_P.READY, _T.OFFERED): _P.RINGING,
    (_P.READY, _T.DIRECT_BEGAN): _P.DIRECT_CALL,
    (_P.READY, _T.PHONE_GONE): _P.UNREACHABLE,
    (_P.RESERVED, _T.OFFERED): _P.RINGING,
    (_P.RINGING, _T.PICKED_UP): _P.WHISPER,
    **{(state, _T.CONNECTED): _P.TALKING for state in (_P.RINGING, _P.WHISPER)},
    **{(state, _T.MISSED): _P.NOT_RESPONDING for state in (_P.RESERVED, _P.RINGING, _P.WHISPER)},
    **{(state, _T.EXCUSED): _P.READY for state in (_P.RESERVED, _P.RINGING, _P.WHISPER)},
    **{(state, _T.UNREACHED): _P.UNREACHABLE for state in (_P.RESERVED, _P.RINGING, _P.WHISPER)},
    **{(state, _T.OFFER_ENDED): _P.READY for state in (_P.RESERVED, _P.RINGING, _P.WHISPER)},
    (_P.TALKING, _T.HELD): _P.HELD,
    (_P.HELD, _T.UNHELD): _P.TALKING,
    (_P.TALKING, _T.CONSULTS): _P.CONSULTING,
    (_P.HELD, _T.CONSULTS): _P.CONSULTING,
    (_P.CONSULTING, _T.CONSULT_ENDED): _P.TALKING,
    **{(state, _T.TALK_ENDED): _P.WRAPUP for state in (_P.TALKING, _P.HELD, _P.CONSULTING)},
    **{(state, _T.TALK_ENDED_FREE): _P.READY for state in (_P.TALKING, _P.HELD, _P.CONSULTING)},
    (_P.WRAPUP, _T.WRAPUP_OVER): _P.READY,
    (_P.WRAPUP, _T.UNPAUSE): _P.READY,
    (_P.WRAPUP, _T.LOGIN): _P.READY,
    (_P.WRAPUP, _T.LOGOUT): _P.OFFLINE,
    (_P.WRAPUP, _T.PAUSE): _P.PAUSED,
    (_P.PAUSED, _T.UNPAUSE): _P.READY,
    (_P.PAUSED, _T.LOGIN): _P.READY,
    (_P.PAUSED, _T.LOGOUT): _P.OFFLINE,
    (_P.PAUSED, _T.PAUSE): _P.PAUSED,
    (_P.PAUSED, _T.DIRECT_BEGAN): _P.DIRECT_CALL,
    (_P.NOT_RESPONDING, _T.UNPAUSE): _P.READY,
    (_P.NOT_RESPONDING, _T.LOGIN): _P.READY,
    (_P.NOT_RESPONDING, _T.REST_OVER): _P.READY,
    (_P.NOT_RESPONDING, _T.LOGOUT): _P.OFFLINE,
    (_P.NOT_RESPONDING, _T.PAUSE): _P.PAUSED,
    (_P.NOT_RESPONDING, _T.DIRECT_BEGAN): _P.DIRECT_CALL,
    (_P.DIRECT_CALL, _T.DIRECT_ENDED): _P.READY,
    (_P.DIRECT_CALL, _T.RESERVED): _P.RESERVED,  # where a queue says that such calls block no offers
    (_P.DIRECT_CALL, _T.OFFERED): _P.RINGING,
    (_P.UNREACHABLE, _T.PHONE_BACK): _P.READY,
    (_P.UNREACHABLE, _T.LOGOUT): _P.OFFLINE,
    (_P.UNREACHABLE, _T.PAUSE): _P.PAUSED,
    (_P.UNREACHABLE, _T.DIRECT_BEGAN): _P.DIRECT_CALL,
}
_WISHES: dict[Trigger, Presence | None] = {
    _T.LOGOUT: _P.OFFLINE,
    _T.PAUSE: _P.PAUSED,
    _T.UNPAUSE: None,
    _T.LOGIN: None,
}
_HERE = (_T.CONNECTED, _T.MISSED, _T.LOGIN, _T.UNPAUSE)  # misses are counted anew
_GONE = {_T.PHONE_GONE: True, _T.UNREACHED: True, _T.PHONE_BACK: False}


def advance(agent: Agent, trigger: Trigger, at: int, reason: str = "") -> Agent:
    """The agent after `trigger`; the same object when nothing changes."""
    if trigger in _GONE and agent.phone_gone is not _GONE[trigger]:
        agent = replace(agent, phone_gone=_GONE[trigger])
    if agent.presence in KEEPS_WISHES and trigger in _WISHES:
        return replace(agent, after=_WISHES[trigger], after_reason=reason)
    to = TABLE.get((agent.presence, trigger))
    if to is None:
        return agent
    if trigger in _WISHES and agent.after is not None:
        agent = replace(agent, after=None, after_reason="")  # what he asks for now counts, not what he did
    return _enter(agent, to, trigger, at, reason)


def _enter(agent: Agent, to: Presence, trigger: Trigger, at: int, reason: str) -> Agent:
    after, after_reason = agent.after, agent.after_reason
    if to is _P.DIRECT_CALL and agent.presence in (_P.PAUSED, _P.NOT_RESPONDING):
        after, after_reason = agent.presence, agent.reason  # back to that
    elif after is not None and to not in BUSY and to is not _P.DIRECT_CALL:
        to, reason, after, after_reason = after, after_reason, None, ""
    to = _instead_of_ready(agent, to)
    keeps_turn = trigger is _T.OFFER_ENDED and to is _P.READY
    at = max(at, agent.since)  # two clocks may differ by a moment: no state ends before it began
    came = agent.presence is _P.OFFLINE
    return replace(
        agent,
        presence=to,
        since=at,
        reason=reason,
        idle_since=at if to is _P.READY and not keeps_turn else agent.idle_since,
        login_at=at if came else agent.login_at,
        busy_ms=0 if came else agent.busy_ms + (at - agent.since if agent.presence in BUSY else 0),
        leg=agent.leg if to in ON_CALL else "",
        call=agent.call if to in BUSY else agent.direct if to is _P.DIRECT_CALL else "",
        queue=agent.queue if to in BUSY else "",
        after=after,
        after_reason=after_reason,
        misses=agent.misses + 1 if trigger is _T.EXCUSED else 0 if trigger in _HERE else agent.misses,
        until=0,
        over=False,
    )


def _instead_of_ready(agent: Agent, to: Presence) -> Presence:
    if to is not _P.READY:
        return to
    if agent.direct:
        return _P.DIRECT_CALL
    return _P.UNREACHABLE if agent.phone_gone else to

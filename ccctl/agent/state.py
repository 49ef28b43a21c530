"""Presence of an agent: one table of state x trigger. A pair that is not listed changes nothing.

A login, logout or pause that comes while the agent is on a call is kept and takes effect after it.
"""

from enum import StrEnum

import msgspec


class Presence(StrEnum):
    OFFLINE = "offline"
    READY = "ready"
    RINGING = "ringing"  # an offer rings, or the agent hears the whisper
    TALKING = "talking"
    WRAPUP = "wrapup"
    PAUSED = "paused"
    NOT_RESPONDING = "not_responding"


class Trigger(StrEnum):
    LOGIN = "login"
    LOGOUT = "logout"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    OFFERED = "offered"
    CONNECTED = "connected"
    MISSED = "missed"  # did not answer, rejected, hung up in the whisper, unreachable
    OFFER_ENDED = "offer_ended"  # not the agent's doing: caller left, offer withdrawn
    TALK_ENDED = "talk_ended"
    TALK_ENDED_FREE = "talk_ended_free"  # no wrap-up on this queue
    WRAPUP_OVER = "wrapup_over"


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


_P, _T = Presence, Trigger
TABLE: dict[tuple[Presence, Trigger], Presence] = {
    (_P.OFFLINE, _T.LOGIN): _P.READY,
    (_P.READY, _T.LOGOUT): _P.OFFLINE,
    (_P.READY, _T.PAUSE): _P.PAUSED,
    (_P.READY, _T.OFFERED): _P.RINGING,
    (_P.RINGING, _T.CONNECTED): _P.TALKING,
    (_P.RINGING, _T.MISSED): _P.NOT_RESPONDING,
    (_P.RINGING, _T.OFFER_ENDED): _P.READY,
    (_P.TALKING, _T.TALK_ENDED): _P.WRAPUP,
    (_P.TALKING, _T.TALK_ENDED_FREE): _P.READY,
    (_P.WRAPUP, _T.WRAPUP_OVER): _P.READY,
    (_P.WRAPUP, _T.UNPAUSE): _P.READY,
    (_P.WRAPUP, _T.LOGIN): _P.READY,
    (_P.WRAPUP, _T.LOGOUT): _P.OFFLINE,
    (_P.WRAPUP, _T.PAUSE): _P.PAUSED,
    (_P.PAUSED, _T.UNPAUSE): _P.READY,
    (_P.PAUSED, _T.LOGIN): _P.READY,
    (_P.PAUSED, _T.LOGOUT): _P.OFFLINE,
    (_P.PAUSED, _T.PAUSE): _P.PAUSED,
    (_P.NOT_RESPONDING, _T.UNPAUSE): _P.READY,
    (_P.NOT_RESPONDING, _T.LOGIN): _P.READY,
    (_P.NOT_RESPONDING, _T.LOGOUT): _P.OFFLINE,
    (_P.NOT_RESPONDING, _T.PAUSE): _P.PAUSED,
}
BUSY = frozenset({_P.RINGING, _P.TALKING, _P.WRAPUP})
ON_CALL = frozenset({_P.RINGING, _P.TALKING})
_WISHES: dict[Trigger, Presence | None] = {
    _T.LOGOUT: _P.OFFLINE,
    _T.PAUSE: _P.PAUSED,
    _T.UNPAUSE: None,
    _T.LOGIN: None,
}


def advance(agent: Agent, trigger: Trigger, at: int, reason: str = "") -> Agent:
    """The agent after `trigger`; the same object when nothing changes."""
    if agent.presence in ON_CALL and trigger in _WISHES:
        return msgspec.structs.replace(agent, after=_WISHES[trigger], after_reason=reason)
    to = TABLE.get((agent.presence, trigger))
    if to is None:
        return agent
    return _enter(agent, to, trigger, at, reason)


def _enter(agent: Agent, to: Presence, trigger: Trigger, at: int, reason: str) -> Agent:
    after, after_reason = agent.after, agent.after_reason
    if agent.after is not None and to not in ON_CALL and to is not _P.WRAPUP:
        to, reason, after, after_reason = agent.after, agent.after_reason, None, ""
    at = max(at, agent.since)  # two clocks may differ by a moment: no state ends before it began
    keeps_turn = trigger is _T.OFFER_ENDED and to is _P.READY
    idle_since = at if to is _P.READY and not keeps_turn else agent.idle_since
    on_call = to in ON_CALL or to is _P.WRAPUP
    came = agent.presence is _P.OFFLINE
    busy_ms = 0 if came else agent.busy_ms + (at - agent.since if agent.presence in BUSY else 0)
    return Agent(
        name=agent.name,
        presence=to,
        since=at,
        reason=reason,
        idle_since=idle_since,
        login_at=at if came else agent.login_at,
        busy_ms=busy_ms,
        leg=agent.leg if to in ON_CALL else "",
        call=agent.call if on_call else "",
        queue=agent.queue if on_call else "",
        after=after,
        after_reason=after_reason,
    )

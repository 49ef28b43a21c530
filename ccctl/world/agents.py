"""What agents and the operator ask for, by phone code or by command."""

from msgspec.structs import replace

from ccctl import commands as c
from ccctl.agent.state import KEEPS_WISHES, Agent, Presence, Trigger
from ccctl.diagnostics import did_you_mean
from ccctl.events import (
    AgentCode,
    AgentLogin,
    AgentLogout,
    AgentPause,
    AgentUnpause,
    AgentWrapUp,
    Request,
)
from ccctl.world.presence import change
from ccctl.world.queueing import trigger
from ccctl.world.state import Out, World
from ccctl.world.timers import start_timer

SAID = {
    Presence.READY: ("sound:agent-loginok",),
    Presence.OFFLINE: ("sound:agent-loggedoff",),
    Presence.PAUSED: ("sound:activated",),
}

_TRIGGERS: dict[type[Request], Trigger] = {
    AgentLogin: Trigger.LOGIN,
    AgentLogout: Trigger.LOGOUT,
    AgentPause: Trigger.PAUSE,
    AgentUnpause: Trigger.UNPAUSE,
}
Asked = AgentLogin | AgentLogout | AgentPause | AgentUnpause


def unknown_agent(world: World, name: str) -> str:
    near = did_you_mean(name, world.roster.agents)
    return f'no agent "{name}"' + (f'; did you mean "{near}"?' if near else "")


def on_request(world: World, event: Asked, out: Out) -> None:
    if event.agent not in world.roster.agents:
        text = unknown_agent(world, event.agent)
        out.do(c.Reply(request=event.request, error="unknown-agent", text=text))
        return
    what = _TRIGGERS[type(event)]
    reason = event.reason if isinstance(event, AgentPause) else ""
    before = world.agents.get(event.agent, Agent(event.agent))
    if what in (Trigger.PAUSE, Trigger.UNPAUSE) and before.presence is Presence.OFFLINE:
        text = f"{event.agent} is not logged in"
        out.do(c.Reply(request=event.request, error="not-logged-in", text=text))
        return
    known = world.roster.pause_reasons.values()
    if reason and known and reason not in known:
        text = f'no pause reason "{reason}"; reasons: {", ".join(known)}'
        out.do(c.Reply(request=event.request, error="unknown-reason", text=text))
        return
    _ask(world, out, before, what, event, reason)
    after = world.agents[event.agent]
    stays = what is Trigger.LOGIN and after.presence is Presence.PAUSED
    out.do(c.Reply(request=event.request, text=_still_paused(after) if stays else _told(after)))


def _ask(world: World, out: Out, before: Agent, what: Trigger, event: Asked | AgentCode, reason: str) -> None:
    """LOGIN leaves an agent who pauses paused: only unpause (or the code) ends a pause."""
    if what is Trigger.LOGIN and before.presence is Presence.PAUSED and not isinstance(event, AgentCode):
        return
    trigger(world, out, event.agent, what, event.at, (reason, event.cause or f"user:{event.by}"))


def _still_paused(agent: Agent) -> str:
    why = f" ({agent.reason})" if agent.reason else ""
    was = f"{agent.name} was logged in already and stays paused{why}: no calls come"
    return f"{was}; 'ccctl agent unpause {agent.name}', or the phone's pause code, ends the pause"


def _told(agent: Agent) -> str:
    if agent.after is not None:
        return f"{agent.name} is {agent.presence}; {agent.after} after the call"
    return f"{agent.name} is {agent.presence}"


def on_code(world: World, event: AgentCode, out: Out) -> None:
    """A desk phone's code. Login toggles login and logout; pause toggles pause and ready."""
    if event.agent not in world.roster.agents:
        out.do(c.SayToPhone(channel=event.channel, media=("sound:agent-incorrect",)))
        return
    before = world.agents.get(event.agent, Agent(event.agent))
    if event.code == "agent-wrap-up":
        _more_time(world, event, before, out)
        return
    what = _toggle(before, event)
    if what is None:
        out.do(c.SayToPhone(channel=event.channel, media=("sound:agent-incorrect",)))
        return
    reason = world.roster.pause_reasons.get(event.reason, event.reason)
    _ask(world, out, before, what, event, reason if what is Trigger.PAUSE else "")
    after = world.agents[event.agent]
    wanted = after.after or after.presence
    said = SAID.get(wanted, SAID[Presence.READY])
    if event.code == "agent-pause" and wanted is not Presence.PAUSED:
        said = ("sound:de-activated",)
    language = world.roster.agents[event.agent].language
    out.do(c.SayToPhone(channel=event.channel, media=said, language=language))


def _more_time(world: World, event: AgentCode, agent: Agent, out: Out) -> None:
    """As much again as the queue gives, if he is in wrap-up and it may be longer."""
    queue = world.queue(agent.queue)
    given = agent.presence is Presence.WRAPUP and queue is not None
    more = queue.wrap_up_ms if queue else 0
    done = given and extend(world, out, agent.name, more) > agent.until
    language = world.roster.agents[agent.name].language
    media = "sound:activated" if done else "sound:agent-incorrect"
    out.do(c.SayToPhone(channel=event.channel, media=(media,), language=language))


def _toggle(agent: Agent, event: AgentCode) -> Trigger | None:
    now = agent.after if agent.after is not None and agent.presence in KEEPS_WISHES else agent.presence
    if event.code == "agent-login":
        comes = now in (Presence.OFFLINE, Presence.NOT_RESPONDING, Presence.WRAPUP)
        return Trigger.LOGIN if comes else Trigger.LOGOUT
    if now is Presence.OFFLINE:
        return None
    if now in (Presence.PAUSED, Presence.NOT_RESPONDING):
        return Trigger.UNPAUSE
    return Trigger.PAUSE


def on_reserved_timer(world: World, name: str, at: int, out: Out) -> None:
    if world.agents[name].presence is Presence.RESERVED:
        trigger(world, out, name, Trigger.OFFER_ENDED, at, ("", "timer"))


def on_wrap_up(world: World, event: AgentWrapUp, out: Out) -> None:
    """More time for the wrap-up, as far as its queue allows."""
    if event.agent not in world.roster.agents:
        text = unknown_agent(world, event.agent)
        out.do(c.Reply(request=event.request, error="unknown-agent", text=text))
        return
    if world.agents[event.agent].presence is not Presence.WRAPUP:
        text = f"{event.agent} is {world.agents[event.agent].presence}, not in wrap-up"
        out.do(c.Reply(request=event.request, error="not-in-wrap-up", text=text))
        return
    before = world.agents[event.agent].until
    until = extend(world, out, event.agent, event.extend_ms)
    left = f"the wrap-up of {event.agent} ends in {max(0, until - event.at) // 1000} s"
    error = "" if until > before else "wrap-up-limit"
    out.do(c.Reply(request=event.request, error=error, text=left if until > before else f"no longer: {left}"))


def extend(world: World, out: Out, name: str, more_ms: int) -> int:
    """The end that the wrap-up has then."""
    agent = world.agents[name]
    queue = world.queue(agent.queue)
    longest = queue.wrap_up_max_ms if queue else 0
    until = max(agent.until, min(agent.until + more_ms, agent.since + longest))
    if until > agent.until:
        change(world, out, replace(agent, until=until), "")
        start_timer(world, out, f"wrapup:{name}", until)
    return until


def on_pause_timer(world: World, name: str, at: int, out: Out) -> None:
    """A pause is longer than its reason allows."""
    agent = world.agents[name]
    limit = world.roster.pause_limits.get(agent.reason)
    if agent.presence is not Presence.PAUSED or limit is None or agent.over or not 0 < agent.until <= at:
        return
    out.do(c.Note(text=f"{name}: pause {agent.reason} is over its limit", warning=True))
    if limit.over == "offline":
        trigger(world, out, name, Trigger.LOGOUT, at, ("", "pause limit"))
    else:
        change(world, out, replace(agent, over=True), "pause limit")


def on_rest_timer(world: World, name: str, at: int, out: Out) -> None:
    trigger(world, out, name, Trigger.REST_OVER, at, ("", "timer"))


def on_wrapup_timer(world: World, name: str, at: int, out: Out) -> None:
    trigger(world, out, name, Trigger.WRAPUP_OVER, at, ("", "timer"))

"""Who serves which queue at run time: agents join and leave where the queue allows it, and pause one queue
while they go on to serve the others."""

from ccctl import commands as c
from ccctl.agent.state import MAY_BE_FREE, Agent, Presence
from ccctl.changes import QueuePauseRow
from ccctl.diagnostics import did_you_mean
from ccctl.events import AgentJoin, AgentLeave, AgentPause, AgentUnpause
from ccctl.flow.roster import with_members
from ccctl.world import foretelling
from ccctl.world.agents import unknown_agent
from ccctl.world.presence import end_queue_pause, mirror
from ccctl.world.queueing import find_agent, give_work, release_if_empty
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import Out, World

Asked = AgentPause | AgentUnpause | AgentJoin | AgentLeave
Refusal = tuple[str, str] | None


def _unknown(world: World, event: Asked) -> Refusal:
    if event.agent not in world.roster.agents:
        return "unknown-agent", unknown_agent(world, event.agent)
    if event.queue not in world.roster.queues:
        near = did_you_mean(event.queue, world.roster.queues)
        return "unknown-queue", f'no queue "{event.queue}"' + (f'; did you mean "{near}"?' if near else "")
    return None


# -- pause of one queue --------------------------------------------------------------------------------


def on_pause(world: World, event: AgentPause | AgentUnpause, out: Out) -> None:
    refusal = _unknown(world, event) or _refuse_pause(world, event)
    if refusal is not None:
        out.do(c.Reply(request=event.request, error=refusal[0], text=refusal[1]))
        return
    name, queue = event.agent, event.queue
    agent = world.agents[name]
    line, was_free = world.line(queue), world.is_free(agent, queue)  # one made later would count what is now
    end_queue_pause(world, out, name, queue, event.at)
    if isinstance(event, AgentPause):
        _begin(world, out, event)
    line.free += world.is_free(agent, queue) - was_free
    world.put_in_order(agent)
    mirror(world, out, agent)
    out.touch(f"agent/{name}", f"queue/{queue}")
    if isinstance(event, AgentUnpause) and agent.presence in MAY_BE_FREE:
        give_work(world, out, name, event.at)
    out.do(c.Reply(request=event.request, text=_told(world, agent)))


def _refuse_pause(world: World, event: AgentPause | AgentUnpause) -> Refusal:
    name, queue = event.agent, world.roster.queues[event.queue]
    if name not in queue.agents:
        return "not-a-member", f"{name} does not serve {queue.name}"
    if world.agents[name].presence is Presence.OFFLINE:
        return "not-logged-in", f"{name} is not logged in"
    if isinstance(event, AgentUnpause):
        return None
    if name in queue.forced:
        return "forced", f"{queue.name} is forced for {name}: it can be neither paused nor left"
    known = world.roster.pause_reasons.values()
    if event.reason and known and event.reason not in known:
        return "unknown-reason", f'no pause reason "{event.reason}"; reasons: {", ".join(known)}'
    return None


def _begin(world: World, out: Out, event: AgentPause) -> None:
    row = QueuePauseRow(
        id=f"{event.agent}:{event.queue}:{event.at}:{world.next_serial()}",
        agent=event.agent,
        queue=event.queue,
        started=event.at,
        reason=event.reason,
        cause=event.cause or f"user:{event.by}",
    )
    world.queue_pauses.setdefault(event.agent, {})[event.queue] = row
    out.row(row)


def _told(world: World, agent: Agent) -> str:
    paused = world.queue_pauses.get(agent.name, {})
    return f"{agent.name} is {agent.presence}" + (f", paused for {', '.join(paused)}" if paused else "")


# -- members -------------------------------------------------------------------------------------------


def on_member(world: World, event: AgentJoin | AgentLeave, out: Out) -> None:
    joins = isinstance(event, AgentJoin)
    refusal = _unknown(world, event) or _refuse_member(world, event)
    if refusal is not None:
        out.do(c.Reply(request=event.request, error=refusal[0], text=refusal[1]))
        return
    if (event.agent in world.roster.queues[event.queue].agents) is not joins:
        _set(world, out, event, joins)
    text = f"{event.agent} {'serves' if joins else 'does not serve'} {event.queue}"
    out.do(c.Reply(request=event.request, text=text))


def _refuse_member(world: World, event: AgentJoin | AgentLeave) -> Refusal:
    queue = world.roster.queues[event.queue]
    if queue.membership != "dynamic":
        return "fixed-members", f"the agents of {queue.name} are those of the site: its membership is static"
    if isinstance(event, AgentLeave) and event.agent in queue.forced:
        return "forced", f"{queue.name} is forced for {event.agent}: it can be neither paused nor left"
    return None


def _set(world: World, out: Out, event: AgentJoin | AgentLeave, joins: bool) -> None:
    name, queue, at = event.agent, event.queue, event.at
    if not joins:
        end_queue_pause(world, out, name, queue, at)
    world.joined.setdefault(queue, {})[name] = joins
    world.roster = with_members(world.roster, {queue: {name: joins}})
    rebuild_lines(world)
    foretelling.staffed(world, queue, at)
    mirror(world, out, world.agents.get(name, Agent(name)))
    out.touch(f"agent/{name}", f"queue/{queue}")
    if not joins:
        release_if_empty(world, out, [queue], at)
    for key in world.line(queue).waiting() if joins else ():
        if key[3] in world.visits:
            find_agent(world, out, world.visits[key[3]], at)

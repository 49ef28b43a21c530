"""An agent's state as it is kept: idle orders, ledger rows, live view."""

from msgspec.structs import replace

from ccctl import commands as c
from ccctl.agent.state import AWAY, MAY_BE_FREE, Agent, Presence, Trigger, advance
from ccctl.changes import AgentStateRow
from ccctl.world import foretelling
from ccctl.world.state import Out, World


def change(world: World, out: Out, agent: Agent, cause: str) -> None:
    """Store a new state of an agent: ready orders, ledger rows, live view."""
    before = world.agents.get(agent.name, Agent(agent.name))
    if agent == before:
        return
    world.recount(before, agent)
    world.agents[agent.name] = agent
    if before.presence is Presence.OFFLINE:
        world.forget_answered(agent.name)
    if agent.presence is Presence.OFFLINE:
        for queue in list(world.queue_pauses.get(agent.name, ())):
            end_queue_pause(world, out, agent.name, queue, agent.since)
    foretelling.changed(world, before, agent)
    if before.presence in MAY_BE_FREE or agent.presence in MAY_BE_FREE:
        world.put_in_order(agent)
    if (agent.presence, agent.reason, agent.since) != (before.presence, before.reason, before.since):
        _rows(world, out, before, agent, cause)
    if takes_calls(agent) != takes_calls(before):
        mirror(world, out, agent)
    out.touch(f"agent/{agent.name}", *(f"queue/{q}" for q in world.queues_of(agent.name)))


def takes_calls(agent: Agent) -> bool:
    """A phone that is not there is app_queue's own to see; it says only what the agent wants."""
    return agent.presence not in AWAY


def mirror(world: World, out: Out, agent: Agent) -> None:
    config = world.roster.agents.get(agent.name)
    if config is None:
        return
    present, paused = takes_calls(agent), world.queue_pauses.get(agent.name, {})
    out.do(c.MirrorAgent(endpoint=config.endpoint, present=present))
    for queue in (name for name, members in world.joined.items() if agent.name in members):
        out.do(
            c.MirrorMember(
                endpoint=config.endpoint,
                queue=queue,
                title=config.title,
                member=world.joined[queue][agent.name],
                present=present and queue not in paused,
            )
        )
    for queue in paused if present else ():
        out.do(c.MirrorAgent(endpoint=config.endpoint, present=False, queue=queue))


def end_queue_pause(world: World, out: Out, name: str, queue: str, at: int) -> None:
    row = world.queue_pauses.get(name, {}).pop(queue, None)
    if row is not None:
        out.row(replace(row, ended=max(at, row.started)))
        out.touch(f"agent/{name}", f"queue/{queue}")
    if not world.queue_pauses.get(name, True):
        del world.queue_pauses[name]


def _rows(world: World, out: Out, before: Agent, agent: Agent, cause: str) -> None:
    open_id = world.agent_rows.pop(agent.name, "")
    if open_id:
        out.row(_row(open_id, before, agent.since, world.agent_causes.pop(agent.name, "")))
    if agent.presence is not Presence.OFFLINE:
        row_id = f"{agent.name}:{agent.since}:{world.next_serial()}"
        world.agent_rows[agent.name], world.agent_causes[agent.name] = row_id, cause
        out.row(_row(row_id, agent, None, cause))


def _row(row_id: str, agent: Agent, ended: int | None, cause: str) -> AgentStateRow:
    return AgentStateRow(
        id=row_id,
        agent=agent.name,
        presence=str(agent.presence),
        started=agent.since,
        ended=ended,
        reason=agent.reason,
        queue=agent.queue,
        call=agent.call,
        cause=cause,
    )


RESERVED_MS = 120_000


def reserve(world: World, out: Out, name: str, where: tuple[str, str], at: int) -> None:
    """READY -> RESERVED for `where` = call, queue. Whoever reserves also ends it; a timer of the agent's
    frees him if that is forgotten."""
    call, queue = where
    before = world.agents[name]
    after = advance(before, Trigger.RESERVED, at)
    if after is before:
        return
    change(world, out, replace(after, call=call, queue=queue), "distributor")
    timer = f"reserved:{name}"
    world.timers[timer] = at + RESERVED_MS
    out.do(c.StartTimer(timer=timer, at=at + RESERVED_MS))


def occupy(world: World, out: Out, name: str, where: tuple[str, str, str], at: int) -> None:
    """READY or RESERVED -> RINGING; `where` = leg, call, queue."""
    leg, call, queue = where
    before = world.agents[name]
    after = advance(before, Trigger.OFFERED, at)
    change(world, out, replace(after, leg=leg, call=call, queue=queue), "distributor")

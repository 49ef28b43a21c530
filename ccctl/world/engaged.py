"""Agents whom app_queue has. After we were away it still serves those whom it took over, beside us: nobody
shall have two calls for it. It sees our calls by the state of the phones, we see its by the event log.
"""

from ccctl.agent.state import Agent, Presence
from ccctl.changes import OfferOutcome
from ccctl.events import ChannelStarted, LiveChannel, Ref, Resynced, split_ref
from ccctl.world.queueing import back_in_line, give_work, withdraw
from ccctl.world.state import Out, Phase, World


def on_channel_started(world: World, event: ChannelStarted, out: Out) -> None:
    call = world.calls.get(event.linked)
    name = _agent_of(world, event.name)
    if call is None or call.native is None or not name:
        return
    agent = world.agents.get(name, Agent(name))
    free = _free(world, agent)
    world.engaged[event.channel] = (name, event.at)
    _recount(world, agent, free)
    _yield(world, out, agent.leg, event.at)
    out.touch(f"agent/{name}")


def _agent_of(world: World, channel: str) -> str:
    endpoint = channel.rpartition("-")[0]
    return next((name for name, a in world.roster.agents.items() if a.endpoint == endpoint), "")


def _yield(world: World, out: Out, leg: Ref, at: int) -> None:
    """Both began to ring him in the same moment: ours goes."""
    state = world.legs.get(leg)
    if state is None or state.phase is not Phase.RINGING:
        return
    visit = world.visits.get(state.call)
    withdraw(world, out, leg, OfferOutcome.WITHDRAWN, at)
    if visit is not None and leg in visit.legs:
        visit.legs.remove(leg)
        back_in_line(world, out, visit, at)


def ended(world: World, channel: Ref, at: int, out: Out) -> None:
    agent = world.agents.get(world.engaged.get(channel, ("", 0))[0])
    free = _free(world, agent) if agent else []
    world.engaged.pop(channel, None)
    if agent is None or world.is_engaged(agent.name):
        return
    _recount(world, agent, free)
    if agent.presence is Presence.READY:
        give_work(world, out, agent.name, at)


def on_look(world: World, event: Resynced, live: dict[Ref, LiveChannel], out: Out) -> None:
    """What a look at Asterisk does not find is over."""
    for channel, (_, since) in list(world.engaged.items()):
        if split_ref(channel)[0] == event.node and channel not in live and since < event.at:
            ended(world, channel, event.at, out)


def _free(world: World, agent: Agent) -> list[bool]:
    for queue in world.queues_of(agent.name):
        world.line(queue)  # one made later would count what is then
    return [world.is_free(agent, queue) for queue in world.queues_of(agent.name)]


def _recount(world: World, agent: Agent, before: list[bool]) -> None:
    """Into or out of the orders and the counts of his queues."""
    for queue, was in zip(world.queues_of(agent.name), before, strict=True):
        world.line(queue).free += world.is_free(agent, queue) - was
    world.put_in_order(agent)

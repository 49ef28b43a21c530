"""Agents' phones: whether they are there, and calls on them that are none of our queues'.

Calls are learnt from the channel event log, which misses none: a phone that dials is in a call at once, one
that is dialled when it answers. Feature codes are no calls. What a look at Asterisk does not find is over.
"""

from msgspec.structs import replace

from ccctl.agent.state import Agent, Trigger
from ccctl.events import ChannelEnded, LiveChannel, PhoneSeen, Ref, Resynced, split_ref
from ccctl.world.presence import change
from ccctl.world.queueing import trigger
from ccctl.world.state import Out, World, is_leg

SURE_MS = 5000  # a phone that is in no call may have begun one that the log tells in a moment


def agent_of(world: World, channel_name: str) -> str:
    """The agent whose phone this channel is, or ''."""
    kind, _, rest = channel_name.partition("/")
    who = rest.rpartition("-")[0]
    return who if kind == "PJSIP" and who in world.roster.agents else ""


def on_seen(world: World, event: PhoneSeen, out: Out) -> None:
    if event.agent not in world.agents:
        return
    what = Trigger.PHONE_BACK if event.reachable else Trigger.PHONE_GONE
    reason = "" if event.reachable else "phone not registered"
    trigger(world, out, event.agent, what, event.at, (reason, "phone"))
    for channel, (agent, began) in list(world.directs.items()):
        if event.idle and agent == event.agent and began < event.at - SURE_MS:
            ended(world, out, channel, event.at)


def began(world: World, out: Out, channel: Ref, name: str, at: int) -> None:
    agent = agent_of(world, name)
    if not agent or is_leg(channel) or channel in world.codes or channel in world.ended:
        return
    if channel in world.directs:
        return
    world.directs[channel] = agent, at
    before = world.agents.get(agent, Agent(agent))
    if not before.direct:
        change(world, out, replace(before, direct=channel), "phone")
        trigger(world, out, agent, Trigger.DIRECT_BEGAN, at, ("", "phone"))


def ended(world: World, out: Out, channel: Ref, at: int) -> None:
    agent, _ = world.directs.pop(channel, ("", 0))
    state = world.agents.get(agent)
    if state is None or state.direct != channel:
        return
    other = next((ref for ref, (who, _) in world.directs.items() if who == agent), "")
    call = other if state.call == channel else state.call
    change(world, out, replace(state, direct=other, call=call), "phone")
    if not other:
        trigger(world, out, agent, Trigger.DIRECT_ENDED, at, ("", "phone"))


def on_ended(world: World, event: ChannelEnded, out: Out) -> None:
    """A look that began before this must not find the call again."""
    world.codes.pop(event.channel, None)
    if agent_of(world, event.name):
        world.ended[event.channel] = True
    ended(world, out, event.channel, event.at)


def on_look(world: World, event: Resynced, live: dict[Ref, LiveChannel], out: Out) -> None:
    """What lives on a node, and what is not in the log that we have."""
    for channel in [ref for ref in world.codes if split_ref(ref)[0] == event.node and ref not in live]:
        del world.codes[channel]
    for channel, (_, since) in list(world.directs.items()):
        if split_ref(channel)[0] == event.node and channel not in live and since < event.at:
            ended(world, out, channel, event.at)
    for one in event.channels:
        if one.up and not one.ours:
            began(world, out, one.channel, one.name, event.at)

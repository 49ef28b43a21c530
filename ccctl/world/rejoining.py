"""Callers who come to a queue from a talk, and not out of their dialplan."""

from ccctl import commands as c
from ccctl.events import CallerQueued
from ccctl.world.queueing import enter, find_agent
from ccctl.world.state import Out, Visit, World
from ccctl.world.timers import tell_later


def turn_of(visit: Visit) -> int:
    """The time that gave him his turn."""
    return visit.came or visit.since or visit.row.entered


def enter_again(world: World, out: Out, old: Visit, queue: str, came: int, at: int) -> None:
    """A caller from a talk waits, with the turn of who came at `came`. What his flow says of keys, recording
    and empty queues is still so: he is at the same step of it. He is offered no callback a second time."""
    call = world.calls[old.row.call]
    event = CallerQueued(
        at=at,
        call=old.row.call,
        queue=queue,
        priority=old.row.priority,
        keys=old.keys,
        leave_if_empty=old.leave_if_empty,
        recording=old.recording,
        language=call.language,
        cause="transfer",
    )
    visit = enter(world, out, call, event, came=came)
    visit.quiet = old.quiet
    find_agent(world, out, visit, at)
    out.do(c.Hold(call=old.row.call, music=world.roster.queues[queue].music, again=True))
    tell_later(world, out, visit, at)

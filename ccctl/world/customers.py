"""The phone of a customer who is called back: whether it may be rung, and that it is rung.

The channel has an id that follows from the callback and how often it was dialled. So whoever dials again
after a crash, not knowing, is refused by Asterisk, and the end of that channel in the event log is known for
what it is.
"""

from msgspec.structs import replace

from ccctl import commands as c
from ccctl.changes import SegmentKind
from ccctl.events import Ref, split_ref
from ccctl.flow.roster import QueueConfig
from ccctl.queue import opening
from ccctl.world.ledger import begin
from ccctl.world.state import Callback, Out, Visit, World
from ccctl.world.timers import start_timer

RING_GRACE_MS = 3000  # Asterisk itself ends the ringing; this timer is for when it does not say so
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int, width: int) -> str:
    found = ""
    while number:
        number, digit = divmod(number, 36)
        found = _DIGITS[digit] + found
    return found.rjust(width, "0")


def new_id(world: World) -> str:
    """Of a callback: 14 characters, so that with a number of two digits it is as long as a leg's id."""
    return f"{world.boot}{base36(world.next_serial(), 8)}"


def channel_of(callback: Callback) -> Ref:
    return f"{callback.node}/cc{callback.row.id}{base36(callback.dials, 2)}"


# -- whether -------------------------------------------------------------------------------------------


def opens_at(world: World, queue: QueueConfig, at: int) -> int | None:
    """When the queue may call back: `at` itself while it may; None for never."""
    name = queue.callback.hours
    hours = world.roster.hours.get(name)
    switched = world.switches.get(name, "")
    if hours is None or switched == "open":
        return at
    if switched == "closed":
        return None
    return opening.next_open(hours, at)


def may_dial(world: World, callback: Callback, at: int) -> bool:
    queue = world.queue(callback.row.queue)
    if queue is None or callback.row.number in world.roster.do_not_call or callback.row.expires <= at:
        return False
    return opens_at(world, queue, at) == at


# -- doing it ------------------------------------------------------------------------------------------


def dial(world: World, out: Out, visit: Visit, leg: Ref, at: int) -> bool:
    """Ring the customer; `leg` is the agent who hears it, or ''. False when it may not be now: then the
    callback leaves the line."""
    callback = world.callbacks[visit.callback]
    if not may_dial(world, callback, at):
        start_timer(world, out, f"shut:{callback.row.id}", at)
        return False
    callback.dialled = at
    call, queue = world.calls[visit.row.call], world.roster.queues[visit.row.queue]
    call.row = replace(call.row, started=at)
    out.row(call.row)
    begin(call, out, SegmentKind.DIAL, at, (queue.name, _agent(world, visit, leg), callback.row.number))
    visit.telling = f"r{split_ref(leg)[1]}" if leg else ""  # the same when it is asked for again
    rules = queue.callback
    out.do(
        c.Dial(
            call=visit.row.call,
            endpoint=f"PJSIP/{callback.row.number}@{rules.via}",
            trunk=rules.via,
            ring_ms=rules.ring_ms,
            caller_id=rules.caller_id,
            music=queue.music,
            language=callback.language,
            leg=leg,
            telling=visit.telling,
            most=rules.channels,
        )
    )
    start_timer(world, out, f"dial:{visit.row.call}", at + rules.ring_ms + RING_GRACE_MS)
    out.touch(f"callback/{callback.row.id}", f"call/{visit.row.call}", f"queue/{queue.name}")
    return True


def _agent(world: World, visit: Visit, leg: Ref) -> str:
    return world.legs[leg].agent if leg in world.legs else visit.reserved

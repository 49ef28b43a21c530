"""What callers are told while they wait: their place, the wait that is expected, prompts in turn.

A timer for each of them. What is said never delays an agent's phone, and nothing is begun for whom an
agent has picked up for; what still plays then is stopped by Connect and Release, which know its id.
"""

from ccctl import commands as c
from ccctl.events import Ref
from ccctl.flow.roster import AnnounceConfig
from ccctl.queue import estimate as q
from ccctl.world.queueing import is_picked_up, tell_later
from ccctl.world.state import Out, Visit, World

Media = tuple[str, ...]


def on_tell_timer(world: World, call: Ref, at: int, out: Out) -> None:
    visit = world.visits.get(call)
    queue = world.queue(visit.row.queue) if visit else None
    if visit is None or visit.row.ended is not None or queue is None or queue.announce is None:
        return
    tell_later(world, out, visit, at)
    media = () if is_picked_up(world, visit) else _media(world, visit, queue.announce, at)
    if media:
        visit.telling = visit.telling or f"t{world.boot}{world.next_serial():010d}"
        language = world.calls[call].language
        out.do(c.Tell(call=call, playback=visit.telling, media=media, language=language))


def resume(world: World, out: Out, visit: Visit, at: int) -> None:
    """After a gap nobody is told what was due in it: he may have heard the last one a moment ago."""
    due = world.timers.get(f"tell:{visit.row.call}")
    if due is not None and due <= at:
        tell_later(world, out, visit, at)


def _media(world: World, visit: Visit, announce: AnnounceConfig, at: int) -> Media:
    media = _place_and_time(world, visit, announce, at)
    if announce.media:
        media += (announce.media[visit.prompts % len(announce.media)],)
        visit.prompts += 1
    return media


def _place_and_time(world: World, visit: Visit, announce: AnnounceConfig, at: int) -> Media:
    """The place when it is asked for, and instead of a time that could not be said honestly."""
    time = _time(world, visit, at) if announce.wait_time else ()
    asked = announce.position or (announce.wait_time and not time)
    return (_place(world, visit, at) if asked else ()) + time


def _time(world: World, visit: Visit, at: int) -> Media:
    state = world.estimates.get(visit.row.queue)
    if state is None:
        return ()
    position = 1 + world.line(visit.row.queue).before(visit.key)
    said = q.announcement(state, visit.told, position, at)
    if not isinstance(said, q.Minutes):
        return ()
    visit.told = visit.told.and_now(said, at)
    unit = "sound:queue-minute" if said.minutes == 1 else "sound:queue-minutes"
    return "sound:queue-holdtime", f"number:{said.minutes}", unit


def _place(world: World, visit: Visit, at: int) -> Media:
    position = place(world, visit)
    if 0 < visit.told.position < position:
        return ()  # somebody went before him: he is not told that he is further back
    visit.told = visit.told.and_now(q.Position(position), at)
    if position == 1:
        return ("sound:queue-youarenext",)
    return "sound:queue-thereare", f"number:{position}", "sound:queue-callswaiting"


def place(world: World, visit: Visit) -> int:
    """From 1; before him are all whose turn is sooner, those included for whom a phone rings."""
    queue = visit.row.queue
    rung = {leg.call for leg in world.legs.values() if leg.queue == queue}
    others = (world.visits[call] for call in rung if call in world.visits)
    offered = sum(v.row.ended is None and not v.waits and v.key < visit.key for v in others)
    return 1 + world.line(queue).before(visit.key) + offered

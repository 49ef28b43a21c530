"""What callers are told while they wait: their place, the wait that is expected, prompts in turn.

A menu tells them their keys, which count all the time. A timer for each of them. What is said never delays
an agent's phone, and nothing is begun for whom an agent has picked up for; what still plays then is stopped
by Connect and Release, which know its id.
"""

from ccctl import commands as c
from ccctl.events import Ref
from ccctl.flow.roster import AnnounceConfig, WaitingKey
from ccctl.queue import estimate as q
from ccctl.world.queueing import leave_by_key
from ccctl.world.state import Out, Visit, World, is_picked_up
from ccctl.world.timers import start_timer, stop_timer, tell_later
from ccctl.world.wishes import callable_number

Media = tuple[str, ...]
NEAR_MS = 10_000


def on_tell_timer(world: World, call: Ref, at: int, out: Out) -> None:
    _speak(world, call, at, out, "tell")


def on_offer_timer(world: World, call: Ref, at: int, out: Out) -> None:
    """To be called back is offered to those who wait."""
    _speak(world, call, at, out, "offer")


def _speak(world: World, call: Ref, at: int, out: Out, fired: str) -> None:
    """Announcement and offer that are due at nearly the same time are one: a second sound is not begun
    while the first plays."""
    visit = world.visits.get(call)
    if visit is None or visit.row.ended is not None:
        return
    soon = {
        kind for kind in ("tell", "offer") if world.timers.get(f"{kind}:{call}", at + NEAR_MS) < at + NEAR_MS
    }
    due = soon | {fired}
    media = (*_told(world, out, visit, at, due), *_offered(world, out, visit, at, due))
    if media:
        _tell(world, out, visit, media)


def _tell(world: World, out: Out, visit: Visit, media: Media, instead: str = "") -> None:
    """With `instead` of what may still play, of which nothing shall be heard any more."""
    if instead or not visit.telling:
        visit.telling = f"t{world.boot}{world.next_serial():010d}"
    call = visit.row.call
    language = world.calls[call].language
    out.do(c.Tell(call=call, playback=visit.telling, media=media, language=language, instead=instead))


def _told(world: World, out: Out, visit: Visit, at: int, due: set[str]) -> Media:
    queue = world.queue(visit.row.queue)
    if "tell" not in due or queue is None or queue.announce is None:
        return ()
    tell_later(world, out, visit, at)
    return () if is_picked_up(world, visit) else _media(world, visit, queue.announce, at)


def _offered(world: World, out: Out, visit: Visit, at: int, due: set[str]) -> Media:
    offer = world.roster.offers.get(visit.offer)
    if "offer" not in due or offer is None:
        return ()
    stop_timer(world, out, f"offer:{visit.row.call}")
    if offer.every_ms or is_picked_up(world, visit):
        start_timer(world, out, f"offer:{visit.row.call}", at + (offer.every_ms or offer.after_ms))
    nowhere = offer.to == "caller" and not offer.withheld
    if is_picked_up(world, visit) or (nowhere and not callable_number(world, world.calls[visit.row.call])):
        return ()
    visit.offered = True
    return offer.media


def resume(world: World, out: Out, visit: Visit, at: int) -> None:
    """After a gap nobody is told what was due in it: he may have heard the last one a moment ago."""
    due = world.timers.get(f"tell:{visit.row.call}")
    if due is not None and due <= at:
        tell_later(world, out, visit, at)
    offer, due = world.roster.offers.get(visit.offer), world.timers.get(f"offer:{visit.row.call}")
    if offer is not None and due is not None and due <= at:
        start_timer(world, out, f"offer:{visit.row.call}", at + (offer.every_ms or offer.after_ms))
    due = world.timers.get(f"menu:{visit.row.call}")
    if due is not None and due <= at and visit.menu is not None:
        start_timer(world, out, f"menu:{visit.row.call}", at + visit.menu.every_ms)


# -- the menu of those who wait ------------------------------------------------------------------------


def on_menu_timer(world: World, call: Ref, at: int, out: Out) -> None:
    visit = world.visits.get(call)
    if visit is None or visit.row.ended is not None or visit.menu is None:
        return
    start_timer(world, out, f"menu:{call}", at + visit.menu.every_ms)
    if not is_picked_up(world, visit):
        _tell(world, out, visit, visit.menu.media)


def on_key(world: World, call: Ref, digit: str, at: int, out: Out) -> None:
    """A key of a caller who waits: it leads him out of the queue, or does what the menu says, and then
    he waits on where he is."""
    visit = world.visits.get(call)
    if visit is None or visit.row.ended is not None or is_picked_up(world, visit):
        return
    if digit in visit.keys:
        leave_by_key(world, out, visit, digit, at)
    elif visit.menu is not None and digit in visit.menu.keys:
        _choose(world, out, visit, visit.menu.keys[digit], at)


def _choose(world: World, out: Out, visit: Visit, key: WaitingKey, at: int) -> None:
    call = visit.row.call
    if key.does == "quiet":
        visit.quiet = True
        stop_timer(world, out, f"tell:{call}")
        stop_timer(world, out, f"menu:{call}")
        stop_timer(world, out, f"offer:{call}")
    elif visit.menu is not None and not visit.quiet:
        start_timer(world, out, f"menu:{call}", at + visit.menu.every_ms)  # not right after the answer
    media = _asked(world, visit, key, at)
    if media or visit.telling:
        _tell(world, out, visit, media, instead=visit.telling)


def _asked(world: World, visit: Visit, key: WaitingKey, at: int) -> Media:
    match key.does:
        case "position":
            return _said_place(world, visit)
        case "wait_time":
            return _time(world, visit, at) or _said_place(world, visit)
        case "repeat":
            return visit.menu.media if visit.menu else ()
    return key.media


# -- what is said --------------------------------------------------------------------------------------


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
    return _place_in_words(position)


def _said_place(world: World, visit: Visit) -> Media:
    """Who asks is told where he is, also when that is further back than before."""
    return _place_in_words(place(world, visit))


def _place_in_words(position: int) -> Media:
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

"""Who wishes to be called back: a caller who waits and accepts the offer, or one whose flow notes it.

Whoever accepts keeps the place that he had: he is in the line as a callback before he is out of it as a
caller. One who is asked for a number first has left our hands; his place is kept until the dialplan says the
number, or he is back in the queue, or gone.
"""

from ccctl.changes import CallbackRow, Outcome
from ccctl.events import CallMarked, Ref
from ccctl.flow.numbering import international, is_number
from ccctl.flow.roster import OfferConfig
from ccctl.queue import opening
from ccctl.world import callbacks
from ccctl.world.ledger import gathered
from ccctl.world.queueing import may_leave, send_on
from ccctl.world.state import Call, Gathering, Out, Visit, World

FACTS = 8


# -- the offer -----------------------------------------------------------------------------------------


def on_key(world: World, call: Ref, digit: str, at: int, out: Out) -> bool:
    """True when the key accepted the offer that he was made."""
    visit = world.visits.get(call)
    offer = world.roster.offers.get(visit.offer) if visit else None
    if visit is None or offer is None or not visit.offered or digit != offer.key:
        return False
    if visit.row.ended is None and may_leave(world, visit):
        _accept(world, out, visit, offer, at)
    return True


def _accept(world: World, out: Out, visit: Visit, offer: OfferConfig, at: int) -> None:
    call = world.calls[visit.row.call]
    if offer.to == "gather":
        call.gathering = Gathering(visit.row, since(world, visit), visit.recording)
        send_on(world, out, visit, Outcome.CALLBACK, at, "callback_gather")
        return
    number = callable_number(world, call)
    if number:
        row = _row(call, visit.row.queue, number, at)
        made = callbacks.make(world, row, call.row.node, (since(world, visit), offer.retries, offer.gap_ms))
        made.priority, made.language, made.recording = visit.row.priority, call.language, visit.recording
        callbacks.add(world, out, made, at)
        send_on(world, out, visit, Outcome.CALLBACK, at, "callback")
    elif offer.withheld:
        send_on(world, out, visit, Outcome.KEY_EXIT, at, "callback_withheld")


def callable_number(world: World, call: Call) -> str:
    """The caller's own, as it is dialled; '' when he withholds it or nobody may call it."""
    number = international(call.row.caller, world.roster.country) if is_number(call.row.caller) else ""
    allowed = callbacks.may_be_called(world, number) and number not in world.roster.do_not_call
    return number if allowed else ""


def since(world: World, visit: Visit) -> int:
    """The time that gives him his place, without what his priority adds to it."""
    queue = world.queue(visit.row.queue)
    return visit.key[1] + visit.row.priority * (queue.ageing_ms if queue else 0)


def _row(call: Call, queue: str, number: str, at: int, due: int = 0, source: str = "offer") -> CallbackRow:
    return CallbackRow(
        id="",
        queue=queue,
        number=number,
        asked=at,
        due=max(due, at),
        expires=0,
        call=call.row.id,
        source=source,
    )


# -- the mark ------------------------------------------------------------------------------------------


def on_wish(world: World, call: Call, event: CallMarked, out: Out) -> None:
    """The dialplan noted a wish: queue/number/when/delay/retries/gap/language/second."""
    facts = event.value.split("/")
    if len(facts) != FACTS or facts[0] not in world.roster.queues:
        return
    queue, number, when, delay, retries, gap, language, _ = facts
    kept = call.gathering
    gathered(world, call, out, event.at, Outcome.CALLBACK)
    due = _due(world, queue, when, event.at) + 1000 * _whole(delay)
    turn = kept.turn if kept else max(due, event.at)
    row = _row(call, queue, number, event.at, due, "offer" if kept else "flow")
    made = callbacks.make(world, row, call.row.node, (turn, _whole(retries), 1000 * _whole(gap)))
    made.language, made.recording = language, kept.recording if kept else ""
    made.priority = kept.visit.priority if kept else 0
    callbacks.add(world, out, made, event.at)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _due(world: World, queue: str, when: str, at: int) -> int:
    """`now`, `next-open`, `next-open-<hours>`, `at-<hour and minute, four digits>`."""
    kind, _, rest = when.rpartition("-") if when.startswith("at-") else ("", "", "")
    if kind == "at" and rest.isdigit():
        return opening.next_time(world.roster.timezone, 60 * int(rest[:2]) + int(rest[2:]), at)
    if not when.startswith("next-open"):
        return at
    named = when.removeprefix("next-open").removeprefix("-") or world.roster.queues[queue].callback.hours
    hours = world.roster.hours.get(named or next(iter(world.roster.hours), ""))
    return (opening.next_open(hours, at) or at) if hours else at


def on_switch(world: World, value: str, at: int, out: Out) -> None:
    """Somebody switched hours by phone: "office closed anna"."""
    name, _, rest = value.partition(" ")
    state = rest.partition(" ")[0]
    if state in ("open", "closed"):
        world.switches[name] = state
    elif state == "auto":
        world.switches.pop(name, None)
    callbacks.on_switched(world, name, at, out)

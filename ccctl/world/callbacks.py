"""Callbacks: asked for, due, in the line among the callers who wait, tried again, over.

Whoever is to be called back waits like a caller, by the time when he asked, in the same pool: one order with
those on the line. He is dialled only when an agent is there for him alone, so never more of them than agents.
An end comes once, with one outcome; a try that fails is none while others are left.
"""

from msgspec.structs import replace

from ccctl import commands as c
from ccctl.changes import CallbackOutcome, CallbackRow, CallRow, OfferOutcome, Outcome
from ccctl.diagnostics import did_you_mean
from ccctl.events import CallbackAsked, CallbackCancelled, CallbackRetried, CallerQueued, LegFailed, Ref
from ccctl.flow.numbering import can_be_called, international, is_number
from ccctl.flow.roster import QueueConfig
from ccctl.queue import opening
from ccctl.world.customers import channel_of, may_dial, new_id, opens_at
from ccctl.world.ledger import end_call
from ccctl.world.queueing import (
    back_in_line,
    end_waiting,
    enter,
    find_agent,
    free_reserved,
    withdraw_all,
)
from ccctl.world.state import Call, Callback, Out, Visit, World
from ccctl.world.timers import hold_back, start_timer, stop_timer

TIMERS = ("due", "expire", "shut")
BUSY_CAUSES = {17, 21}
FULL_MS = 10_000  # so long nobody is called back over a trunk that had no channel left
RUNG_CAUSES = {0, 16, 18, 19, 102, 127}  # it rang, or nobody can say; all others: no way there


# -- beginning -----------------------------------------------------------------------------------------


def add(world: World, out: Out, callback: Callback, at: int) -> Callback:
    """One more who is to be called back; or, when he is already, that one."""
    row = callback.row
    older = find(world, row.queue, row.number)
    if older is None:
        world.callbacks[row.id] = callback
        out.row(row)
        start_timer(world, out, f"expire:{row.id}", row.expires)
        await_due(world, out, callback, at)
        return callback
    out.row(replace(row, ended=at, outcome=CallbackOutcome.MERGED, into=older.row.id))
    older.turn = min(older.turn, callback.turn)
    older.row = replace(
        older.row, due=min(older.row.due, row.due), expires=max(older.row.expires, row.expires)
    )
    out.row(older.row)
    start_timer(world, out, f"expire:{older.row.id}", older.row.expires)
    await_due(world, out, older, at)
    return older


def find(world: World, queue: str, number: str) -> Callback | None:
    """The open callback of this number for this queue."""
    same = (each for each in world.callbacks.values() if each.row.number == number)
    return next((each for each in same if each.row.queue == queue), None)


def make(world: World, row: CallbackRow, node: str, rules: tuple[int, int, int]) -> Callback:
    """`rules`: his turn, retries, gap. The id is given here."""
    turn, retries, gap_ms = rules
    queue = world.queue(row.queue) or QueueConfig(row.queue, row.queue)
    expires = max(row.due, row.asked) + queue.callback.expires_ms
    row = replace(row, id=new_id(world), expires=expires)
    return Callback(row=row, node=node, turn=turn, retries=retries, gap_ms=gap_ms)


def is_in_line(world: World, callback: Callback) -> bool:
    return bool(callback.call) and callback.call in world.visits


def await_due(world: World, out: Out, callback: Callback, at: int) -> None:
    out.touch(f"callback/{callback.row.id}", f"queue/{callback.row.queue}")
    if is_in_line(world, callback):
        return
    if callback.row.due > at:
        start_timer(world, out, f"due:{callback.row.id}", callback.row.due)
    else:
        into_line(world, out, callback, at)


def on_due_timer(world: World, ident: str, at: int, out: Out) -> None:
    callback = world.callbacks.get(ident)
    if callback is not None and not is_in_line(world, callback):
        into_line(world, out, callback, at)


def into_line(world: World, out: Out, callback: Callback, at: int) -> None:
    row, queue = callback.row, world.queue(callback.row.queue)
    stop_timer(world, out, f"due:{row.id}")
    refusal = _refusal(world, row.number, queue)
    if queue is None or refusal[1]:
        finish(world, out, callback, refusal[0], at, refusal[1])
        return
    if row.expires <= at:
        finish(world, out, callback, CallbackOutcome.EXPIRED, at)
        return
    free = world.full.get(queue.callback.via, 0)
    if free > at:
        _later(world, out, callback, free)
        return
    opens = opens_at(world, queue, at)
    if opens is None or opens > at:
        if opens is not None:  # what never opens expires
            _later(world, out, callback, opens)
        return
    callback.dials += 1
    callback.call, callback.dialled = channel_of(callback), 0
    call = world.calls[callback.call] = Call(row=_call_row(callback, at), language=callback.language)
    event = CallerQueued(
        at=at, call=callback.call, queue=row.queue, priority=callback.priority, language=callback.language
    )
    visit = enter(world, out, call, event, callback.turn)
    visit.callback, visit.on_line, visit.recording = row.id, False, callback.recording
    _until_closed(world, out, callback, queue, at)
    out.touch(f"callback/{row.id}")
    find_agent(world, out, visit, at)


def _call_row(callback: Callback, at: int) -> CallRow:
    return CallRow(
        id=callback.call,
        node=callback.node,
        started=at,
        direction="callback",
        caller=callback.row.number,
        language=callback.language,
    )


def _refusal(world: World, number: str, queue: QueueConfig | None) -> tuple[CallbackOutcome, str]:
    """Why nobody is called, with the outcome; or ''."""
    if queue is None:
        return CallbackOutcome.FAILED, "the queue is not in the site any more"
    if number in world.roster.do_not_call:
        return CallbackOutcome.CANCELLED, "the number is on the list of those who are not called"
    if not queue.callback.via:
        return CallbackOutcome.FAILED, "the queue has no trunk to call over"
    return CallbackOutcome.FAILED, ""


def _later(world: World, out: Out, callback: Callback, due: int) -> None:
    callback.row = replace(callback.row, due=due)
    out.row(callback.row)
    start_timer(world, out, f"due:{callback.row.id}", due)
    out.touch(f"callback/{callback.row.id}")


def _until_closed(world: World, out: Out, callback: Callback, queue: QueueConfig, at: int) -> None:
    hours = world.roster.hours.get(queue.callback.hours)
    closes = opening.next_close(hours, at) if hours else None
    if closes is not None:
        start_timer(world, out, f"shut:{callback.row.id}", closes)


# -- out of the line -----------------------------------------------------------------------------------


def on_shut_timer(world: World, ident: str, at: int, out: Out) -> None:
    """It closes: whoever is not being dialled is called when it opens again."""
    callback = world.callbacks.get(ident)
    if callback is None or not is_in_line(world, callback) or callback.dialled:
        return
    queue = world.queue(callback.row.queue)
    if queue is not None and may_dial(world, callback, at):
        _until_closed(world, out, callback, queue, at)  # open over midnight
        return
    leave_line(world, out, callback, Outcome.WITHDRAWN, at)
    on_due_timer(world, ident, at, out)


def on_switched(world: World, name: str, at: int, out: Out) -> None:
    """Hours were opened or closed by hand: whoever waited for them is called now, or not any more."""
    hours = world.roster.hours.get(name)
    opens = opening.next_open(hours, at) if hours else None
    for ident, callback in list(world.callbacks.items()):
        queue = world.queue(callback.row.queue)
        if queue is None or queue.callback.hours != name:
            continue
        if is_in_line(world, callback):
            on_shut_timer(world, ident, at, out)
        elif callback.row.due <= at or callback.row.due == opens:
            on_due_timer(world, ident, at, out)


def on_expire_timer(world: World, ident: str, at: int, out: Out) -> None:
    """Too late. One who is being dialled at this moment has this last try."""
    callback = world.callbacks.get(ident)
    if callback is None or (is_in_line(world, callback) and callback.dialled):
        return
    end(world, out, callback, CallbackOutcome.EXPIRED, at)


def leave_line(
    world: World,
    out: Out,
    callback: Callback,
    outcome: Outcome,
    at: int,
    why: OfferOutcome = OfferOutcome.WITHDRAWN,
) -> None:
    """Off the agents' phones; his own is hung up if it was rung."""
    visit, was_dialled = world.visits[callback.call], callback.dialled
    stop_timer(world, out, f"dial:{callback.call}")
    stop_timer(world, out, f"shut:{callback.row.id}")
    if was_dialled or visit.on_line:
        out.do(c.Hangup(channel=callback.call))
    callback.dialled, reference = 0, callback.call
    end_waiting(world, out, visit, outcome, at, why)
    if not (was_dialled or visit.on_line):
        world.calls.pop(reference, None)  # there was no call


def finish(
    world: World, out: Out, callback: Callback, outcome: CallbackOutcome, at: int, detail: str = ""
) -> None:
    """Out of the books, with its one outcome."""
    del world.callbacks[callback.row.id]
    for kind in TIMERS:
        stop_timer(world, out, f"{kind}:{callback.row.id}")
    out.row(replace(callback.row, ended=max(at, callback.row.asked), outcome=outcome, detail=detail))
    out.touch(f"callback/{callback.row.id}", f"queue/{callback.row.queue}")


def end(
    world: World, out: Out, callback: Callback, outcome: CallbackOutcome, at: int, detail: str = ""
) -> None:
    """finish(), wherever it is."""
    if is_in_line(world, callback):
        leave_line(world, out, callback, Outcome.WITHDRAWN, at)
    finish(world, out, callback, outcome, at, detail)


# -- a try ---------------------------------------------------------------------------------------------


def answered(world: World, out: Out, visit: Visit, agent: str, at: int) -> None:
    """An agent and a customer talk: his callback is over, whoever called whom."""
    callback = world.callbacks.get(visit.callback) if visit.callback else None
    if callback is not None:
        tries = callback.row.tries + 1
        callback.row = replace(callback.row, agent=agent, talk=visit.row.call, tries=tries)
        finish(world, out, callback, CallbackOutcome.ANSWERED, at)
        return
    caller = world.calls[visit.row.call].row.caller
    if world.callbacks and is_number(caller):
        own = find(world, visit.row.queue, international(caller, world.roster.country))
        if own is not None:
            own.row = replace(own.row, agent=agent, talk=visit.row.call)
            end(world, out, own, CallbackOutcome.CALLED_IN, at)


def again(world: World, out: Out, visit: Visit, at: int) -> None:
    """The agent hung up while the customer's phone rang: that is no try, and he keeps his place."""
    callback = world.callbacks[visit.callback]
    leave_line(world, out, callback, Outcome.WITHDRAWN, at)
    into_line(world, out, callback, at)


def customer_gone(world: World, out: Out, visit: Visit, cause: int, at: int) -> None:
    """His phone was busy, was not answered, could not be reached; or he hung up before an agent came."""
    if visit.on_line or cause in RUNG_CAUSES:
        why = CallbackOutcome.NO_ANSWER
    else:
        why = CallbackOutcome.BUSY if cause in BUSY_CAUSES else CallbackOutcome.FAILED
    try_failed(world, out, world.callbacks[visit.callback], why, at)


def on_dial_timer(world: World, call: Ref, at: int, out: Out) -> None:
    visit, callback = world.visits.get(call), world.callback_of(call)
    if visit is not None and callback is not None and not visit.on_line:
        try_failed(world, out, callback, CallbackOutcome.NO_ANSWER, at)


def on_dial_failed(world: World, event: LegFailed, out: Out) -> None:
    visit, callback = world.visits[event.leg], world.callback_of(event.leg)
    if callback is None or visit.on_line:
        return
    if event.full:
        on_trunk_full(world, out, event.leg, event)
        end_call(world, out, event.leg, event.at)
        return
    out.do(c.Note(text=f"{callback.row.number} could not be called back: {event.reason}", warning=True))
    if not event.down:
        try_failed(world, out, callback, CallbackOutcome.FAILED, event.at)
        end_call(world, out, event.leg, event.at)
        return
    # Asterisk did not answer: perhaps it rings. The same channel is asked for again, and is refused then.
    hold_back(world, out, callback.node, event.at)
    stop_timer(world, out, f"dial:{event.leg}")
    callback.dialled = 0
    withdraw_all(world, out, visit, OfferOutcome.FAILED, event.at)
    free_reserved(world, out, visit, event.at)
    back_in_line(world, out, visit, event.at)


def on_trunk_full(world: World, out: Out, call: Ref, event: LegFailed) -> None:
    """That is no try: the agent keeps his turn, the customer his place, and both are asked again soon."""
    callback = world.callback_of(call)
    queue = world.queue(callback.row.queue) if callback is not None else None
    if callback is None or queue is None:
        return
    trunk, callback.dialled = queue.callback.via, 0  # nobody's phone rings that could be hung up
    until = world.full[trunk] = event.at + FULL_MS
    out.do(c.Note(text=f"callbacks wait: {event.reason}", cause=f"full {trunk}"))
    leave_line(world, out, callback, Outcome.WITHDRAWN, event.at)
    _later(world, out, callback, until)


def try_failed(world: World, out: Out, callback: Callback, why: CallbackOutcome, at: int) -> None:
    """The agent is free at once; the customer has another try, or that was all."""
    tries, talk = callback.row.tries + 1, callback.call
    callback.row = replace(callback.row, tries=tries, talk=talk)
    callback.dialled = callback.dialled or at
    leave_line(world, out, callback, Outcome.FAILED, at, OfferOutcome.NO_CUSTOMER)
    if tries > callback.retries or callback.row.expires <= at:
        finish(world, out, callback, why, at)
    else:
        _later(world, out, callback, at + callback.gap_ms)


# -- people --------------------------------------------------------------------------------------------


def on_asked(world: World, event: CallbackAsked, out: Out) -> None:
    number = international(event.number, world.roster.country)
    refusal = _refuse(world, event, number)
    if refusal:
        out.do(c.Reply(request=event.request, error=refusal[0], text=refusal[1]))
        return
    rules, due = world.roster.queues[event.queue].callback, max(event.due, event.at)
    row = CallbackRow(
        id="",
        queue=event.queue,
        number=number,
        asked=event.at,
        due=due,
        expires=0,
        source=event.by or "operator",
    )
    made = make(world, row, next(iter(sorted(world.nodes))), (due, rules.retries, rules.gap_ms))
    made.language = event.language
    kept = add(world, out, made, event.at)
    merged = "" if kept is made else ": the number waits for this queue already"
    out.do(c.Reply(request=event.request, text=f"callback {kept.row.id}{merged}"))


def _refuse(world: World, event: CallbackAsked, number: str) -> tuple[str, str] | None:
    queue = world.queue(event.queue)
    if queue is None:
        near = did_you_mean(event.queue, world.roster.queues)
        return "unknown-queue", f'no queue "{event.queue}"' + (f'; did you mean "{near}"?' if near else "")
    if queue.engine == "native":
        return "native-queue", f"{event.queue} is served by app_queue, which calls nobody back"
    if not may_be_called(world, number):
        return "bad-number", f'"{event.number}" cannot be called back'
    why = _refusal(world, number, queue)[1]
    if why:
        return "not-called", why
    return None if world.nodes else ("asterisk-down", "no Asterisk is known yet")


def may_be_called(world: World, number: str) -> bool:
    return can_be_called(number, world.roster.own_numbers, world.roster.country)


def on_cancelled(world: World, event: CallbackCancelled, out: Out) -> None:
    callback = world.callbacks.get(event.callback)
    if callback is None:
        _unknown(out, event)
        return
    end(world, out, callback, CallbackOutcome.CANCELLED, event.at, event.by or "operator")
    out.do(c.Reply(request=event.request, text=f"callback {event.callback} is cancelled"))


def on_retried(world: World, event: CallbackRetried, out: Out) -> None:
    callback = world.callbacks.get(event.callback)
    if callback is None:
        _unknown(out, event)
        return
    if not is_in_line(world, callback):
        callback.row = replace(callback.row, due=event.at)
        out.row(callback.row)
        into_line(world, out, callback, event.at)
    out.do(c.Reply(request=event.request, text=f"callback {event.callback} is in the line"))


def _unknown(out: Out, event: CallbackCancelled | CallbackRetried) -> None:
    text = f'no open callback "{event.callback}"'
    out.do(c.Reply(request=event.request, error="unknown-callback", text=text))

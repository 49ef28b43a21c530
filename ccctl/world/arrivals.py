"""What Asterisk's channel event log tells: calls arriving, passing marks, being bridged, ending."""

from msgspec.structs import replace

from ccctl.changes import AnswerRow, Outcome, SegmentKind
from ccctl.events import (
    CallMarked,
    ChannelAnswered,
    ChannelBridged,
    ChannelEnded,
    ChannelUnbridged,
    Ref,
    split_ref,
)
from ccctl.flow import marks
from ccctl.world import wishes
from ccctl.world.ledger import (
    add_lead,
    begin,
    call_for,
    close_segment,
    end_call,
    gathered,
    is_open,
    new_visit_row,
    update_row,
)
from ccctl.world.offers import on_connected
from ccctl.world.partings import caller_gone
from ccctl.world.queueing import end_waiting
from ccctl.world.state import Call, Out, Phase, Visit, World, is_leg

WITH_AGENT = (SegmentKind.TALK, SegmentKind.HOLD, SegmentKind.CONSULT, SegmentKind.TRANSFER)
NATIVE_OUTCOMES = {
    "TIMEOUT": Outcome.TIMED_OUT,
    "FULL": Outcome.FULL,
    "JOINEMPTY": Outcome.NO_AGENTS,
    "LEAVEEMPTY": Outcome.NO_AGENTS,
    "JOINUNAVAIL": Outcome.NO_AGENTS,
    "LEAVEUNAVAIL": Outcome.NO_AGENTS,
    "CONTINUE": Outcome.KEY_EXIT,
    "WITHDRAW": Outcome.WITHDRAWN,
}


def on_mark(world: World, event: CallMarked, out: Out) -> None:
    if event.mark == marks.SWITCH:
        wishes.on_switch(world, event.value, event.at, out)
    if event.mark == marks.CALL:
        if event.call not in world.ended:
            _arrive(world, event, out)
        return
    call = world.calls.get(event.call)
    act = _MARKS.get(event.mark)
    if call is None or act is None:
        return
    call.marked = max(call.marked, event.at)
    visit = world.visits.get(event.call)
    if visit is not None and visit.row.entered < event.at:
        _taken_over(world, visit, event.at, out)
    if event.mark == marks.NATIVE:
        gathered(world, call, out, event.at, Outcome.WITHDRAWN)
    act(call, event, out)
    if event.mark == marks.CALLBACK:
        wishes.on_wish(world, call, event, out)


def _taken_over(world: World, visit: Visit, at: int, out: Out) -> None:
    """The dialplan speaks of a caller whom we think ours: he has left us, and nobody told."""
    if visit.row.ended is None:
        end_waiting(world, out, visit, Outcome.WITHDRAWN, at)
    else:
        caller_gone(world, out, visit, at, "system")


def _arrive(world: World, event: CallMarked, out: Out) -> None:
    call = call_for(world, out, event.call, event.at)
    row = replace(
        call.row,
        started=min(call.row.started, event.at),
        direction=event.value or call.row.direction,
        caller=event.caller or call.row.caller,
        caller_name=event.caller_name or call.row.caller_name,
        number=event.number or call.row.number,
    )
    update_row(call, out, row)
    if call.segment is None:
        begin(call, out, SegmentKind.IVR, event.at)
    else:
        add_lead(call, out, event.at)


def _flow(call: Call, event: CallMarked, out: Out) -> None:
    path = f"{call.row.path}>{event.value}" if call.row.path else event.value
    update_row(call, out, replace(call.row, path=path))
    if not is_open(call, SegmentKind.IVR):
        begin(call, out, SegmentKind.IVR, event.at, ("", "", event.value))


def _asked(call: Call, event: CallMarked, out: Out) -> None:
    """Remembered until the caller reaches us. Both logs have Asterisk's clock: a mark older than
    the waiting that we know of is only late."""
    entered = max(
        call.last_visit.entered if call.last_visit else 0, call.segment.started if call.segment else 0
    )
    known = call.segment is not None and call.segment.kind is not SegmentKind.IVR
    if not known or entered < event.at:
        call.asked_queue, call.asked_at = event.value, event.at


def _native(call: Call, event: CallMarked, out: Out) -> None:
    last = call.last_visit
    if _is_told_already(call, event):
        return
    _end_native(call, out, Outcome.WITHDRAWN, event.at)  # its own end was not told
    if last is not None and last.outcome is Outcome.ABANDONED and last.engine == "acd":
        call.last_visit = replace(last, outcome=Outcome.WITHDRAWN)  # he had not left: the dialplan took over
        out.row(call.last_visit)
    entered = call.asked_at if call.asked_queue == event.value else event.at
    call.asked_queue = ""
    call.native = new_visit_row(call, event.value, entered, "native", 0)
    out.row(call.native)
    if not is_open(call, SegmentKind.WAITING):
        begin(call, out, SegmentKind.WAITING, event.at, (event.value, "", ""))


def _native_end(call: Call, event: CallMarked, out: Out) -> None:
    if call.native is not None:
        _end_native(call, out, NATIVE_OUTCOMES.get(event.value, Outcome.FAILED), event.at)
        close_segment(call, out, event.at)


def _end_native(call: Call, out: Out, outcome: Outcome, at: int) -> None:
    row = call.native
    if row is None:
        return
    if row.ended is None:
        row = replace(row, ended=max(at, row.entered), outcome=outcome)
    else:
        row = replace(row, talk_ended=max(at, row.ended))
    call.native, call.last_visit = None, row
    out.row(row)
    out.touch(f"queue/{row.queue}")


def _is_told_already(call: Call, event: CallMarked) -> bool:
    """The same entry into app_queue, a second time."""
    row, last = call.native, call.last_visit
    if row is not None:
        return (row.queue == event.value and row.ended is None) or event.at <= row.entered
    return last is not None and last.engine == "native" and event.at < (last.talk_ended or last.ended or 0)


def _dial(call: Call, event: CallMarked, out: Out) -> None:
    begin(call, out, SegmentKind.DIAL, event.at, ("", "", event.value))


def _voicemail(call: Call, event: CallMarked, out: Out) -> None:
    begin(call, out, SegmentKind.VOICEMAIL, event.at, ("", "", event.value))


def _back_to_ivr(call: Call, event: CallMarked, out: Out) -> None:
    close_segment(call, out, event.at)


def _closed(call: Call, event: CallMarked, out: Out) -> None:
    call.closed = True


def _answer(call: Call, event: CallMarked, out: Out) -> None:
    """An answer is a row of its own. The same question answered again is the same row."""
    kind = event.mark.removeprefix("CC_").lower()
    head, _, value = event.value.rpartition("=") if kind in _NAMED else ("", "", event.value)
    name, _, question = head.partition("/")
    ident = f"{call.row.id}:{kind}:{head}" if head else f"{call.row.id}:{kind}"
    out.row(
        AnswerRow(
            id=ident, call=call.row.id, kind=kind, name=name, question=question, value=value, at=event.at
        )
    )
    out.touch(f"call/{call.row.id}")


_NAMED = ("survey", "message")


def _hangup(call: Call, event: CallMarked, out: Out) -> None:
    call.hung_up_by_us = True


_MARKS = {
    marks.FLOW: _flow,
    marks.QUEUE: _asked,
    marks.NATIVE: _native,
    marks.NATIVE_END: _native_end,
    marks.DIAL: _dial,
    marks.DIAL_END: _back_to_ivr,
    marks.VOICEMAIL: _voicemail,
    marks.VOICEMAIL_END: _back_to_ivr,
    marks.CLOSED: _closed,
    marks.HANGUP: _hangup,
    **dict.fromkeys((marks.SURVEY, marks.MESSAGE, marks.CONSENT, marks.CALLBACK, marks.DENIED), _answer),
}


def on_answered(world: World, event: ChannelAnswered, out: Out) -> None:
    call = world.calls.get(event.channel)
    if call is not None and call.row.answered is None:
        update_row(call, out, replace(call.row, answered=event.at))


def on_bridged(world: World, event: ChannelBridged, out: Out) -> None:
    """app_queue's talks are learnt from bridges; our own are known before, unless we died."""
    if event.bridge == marks.HOLD_BRIDGE:
        return
    if is_leg(f"/{event.bridge[1:]}"):
        _joined(world, event, out)
        return
    members = world.bridges.setdefault(event.bridge, {})
    members[event.channel] = event.name
    for reference in members:
        call = world.calls.get(reference)
        if call is not None and call.native is not None and call.native.ended is None:
            _native_talk(call, reference, members, event.at, out)


def _joined(world: World, event: ChannelBridged, out: Out) -> None:
    """We may have died between the request and its answer: then only the log knows when they met."""
    leg = f"{split_ref(event.channel)[0]}/{event.bridge[1:]}"
    state = world.legs.get(leg)
    if state is None or state.phase is Phase.TALK:
        return
    state.inside = (*state.inside, event.channel)
    if {leg, state.call} <= set(state.inside):
        on_connected(world, leg, event.at, out)


def _native_talk(call: Call, caller: Ref, members: dict[Ref, str], at: int, out: Out) -> None:
    names = [name for reference, name in members.items() if reference != caller]
    if not names or call.native is None:
        return
    agent, at = names[0].partition("/")[2].rpartition("-")[0], max(at, call.native.entered)
    call.native = replace(call.native, ended=at, answered=at, outcome=Outcome.ANSWERED, agent=agent, offers=1)
    out.row(call.native)
    begin(call, out, SegmentKind.TALK, at, (call.native.queue, agent, ""))


def on_unbridged(world: World, event: ChannelUnbridged, out: Out) -> None:
    members = world.bridges.get(event.bridge)
    if members is not None:
        members.pop(event.channel, None)
        if not members:
            del world.bridges[event.bridge]


def on_channel_ended(world: World, event: ChannelEnded, out: Out) -> None:
    call = world.calls.get(event.channel)
    if call is None:
        return
    end_call(world, out, event.channel, event.at, (event.cause_code, _ended_by(call, event)))


def _ended_by(call: Call, event: ChannelEnded) -> str:
    talk = call.segment is not None and call.segment.kind in WITH_AGENT
    by = call.talk_ended_by or (call.last_visit.ended_by if call.last_visit is not None else "")
    if talk and by:
        return by
    if call.hung_up_by_us:
        return "system"
    return "caller" if event.source.startswith("PJSIP/") or not event.source else "system"

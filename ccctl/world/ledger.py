"""Segments and call rows: how the ledger of a call is opened, continued and closed.

Facts reach us over two roads (ARI at once, the channel event log a little later), so a fact may be
late: a segment is never opened before the start of the one that is already there.
"""

from msgspec.structs import replace

from ccctl.changes import CallRow, OfferOutcome, Outcome, SegmentKind, SegmentRow, VisitRow
from ccctl.events import Ref, split_ref
from ccctl.world import lending
from ccctl.world.state import Call, Leg, Out, World

Names = tuple[str, str, str]
PROOF_MS = 10_000


def call_for(world: World, out: Out, reference: Ref, at: int) -> Call:
    """The call; opened now when this is the first we hear of it."""
    call = world.calls.get(reference)
    if call is None:
        row = CallRow(id=reference, node=split_ref(reference)[0], started=at)
        call = world.calls[reference] = Call(row=row)
        out.row(row)
    out.touch(f"call/{reference}")
    return call


def update_row(call: Call, out: Out, row: CallRow) -> None:
    if row != call.row:
        call.row = row
        out.row(row)
        out.touch(f"call/{row.id}")


def open_segment(call: Call, out: Out, segment: SegmentRow) -> None:
    """Begin `segment` (its id and n are given here), ending the one before at the same moment."""
    last = call.segment
    if last is not None and (_is_late(segment, last) or segment.started < (last.ended or 0)):
        return
    close_segment(call, out, segment.started)
    call.begun = call.begun or segment.started
    call.segments += 1
    call.segment = replace(segment, id=f"{call.row.id}:{call.segments}", n=call.segments)
    out.row(call.segment)
    out.touch(f"call/{call.row.id}")


def _is_late(segment: SegmentRow, last: SegmentRow) -> bool:
    """Of two that began in one millisecond the IVR was first."""
    if segment.started == last.started:
        return last.kind is not SegmentKind.IVR or segment.kind is SegmentKind.IVR
    return segment.started < last.started


def add_lead(call: Call, out: Out, at: int) -> None:
    """The arrival became known after the first segment: what lay between was the IVR, number 0."""
    if call.begun > at:
        lead = SegmentRow(
            id=f"{call.row.id}:0", n=0, call=call.row.id, kind=SegmentKind.IVR, started=at, ended=call.begun
        )
        out.row(lead)


def close_segment(call: Call, out: Out, at: int) -> None:
    if call.segment is not None and call.segment.ended is None:
        call.segment = replace(call.segment, ended=max(at, call.segment.started))
        out.row(call.segment)
        out.touch(f"call/{call.row.id}")


def begin(
    call: Call, out: Out, kind: SegmentKind, at: int, names: tuple[str, str, str] = ("", "", "")
) -> None:
    """open_segment() from parts; `names` are queue, agent, detail."""
    queue, agent, detail = names
    blank = SegmentRow(
        id="", n=0, call=call.row.id, kind=kind, started=at, queue=queue, agent=agent, detail=detail
    )
    open_segment(call, out, blank)


def is_open(call: Call, kind: SegmentKind) -> bool:
    return call.segment is not None and call.segment.ended is None and call.segment.kind is kind


def new_visit_row(call: Call, queue: str, at: int, engine: str, position: int) -> VisitRow:
    call.visits += 1
    return VisitRow(
        id=f"{call.row.id}/{call.visits}",
        call=call.row.id,
        queue=queue,
        entered=at,
        engine=engine,
        position=position,
    )


def end_call(world: World, out: Out, reference: Ref, at: int, how: tuple[int, str] = (0, "")) -> None:
    """Close everything the ledger has open for this call. `how` = Q.850 cause, who ended it."""
    call = world.calls.pop(reference, None)
    if call is None:
        return
    world.ended[reference] = True
    cause, ended_by = how
    _end_lost_visit(call, out, at)
    gathered(world, call, out, at, Outcome.ABANDONED)
    close_segment(call, out, at)
    kind = str(call.segment.kind) if call.segment else str(SegmentKind.IVR)
    ended_in = "closed" if call.closed and kind == SegmentKind.IVR else kind
    at = max(at, call.row.started, (call.segment and call.segment.ended) or 0)
    row = replace(call.row, ended=at, cause_code=cause, ended_by=ended_by, ended_in=ended_in)
    update_row(call, out, row)
    out.touch(f"call/{reference}")


def gathered(world: World, call: Call, out: Out, at: int, outcome: Outcome) -> None:
    """Whoever was asked where to call him back has said it, or has not: now his visit is over."""
    kept, call.gathering = call.gathering, None
    if kept is not None:
        row = replace(kept.visit, ended=max(at, kept.visit.entered), outcome=outcome)
        lending.ended(world, row)
        out.row(row)
        out.touch(f"queue/{row.queue}")


def _end_lost_visit(call: Call, out: Out, at: int) -> None:
    """A native visit still open, or a caller who asked for a queue and was gone before we saw him."""
    row = call.native
    if row is None and call.asked_queue:
        row = new_visit_row(call, call.asked_queue, call.asked_at, "acd", 0)
    if row is None:
        return
    if row.ended is None:
        row = replace(row, ended=max(at, row.entered), outcome=Outcome.ABANDONED)
    elif row.outcome is Outcome.ANSWERED and row.talk_ended is None:
        row = replace(row, talk_ended=max(at, row.ended))
    call.native, call.asked_queue, call.last_visit = None, "", row
    out.row(row)
    out.touch(f"queue/{row.queue}")


def end_offer(world: World, out: Out, leg: Leg, why: OfferOutcome, at: int) -> None:
    leg.offer = replace(leg.offer, ended=max(at, leg.offer.answered or leg.offer.offered), outcome=why)
    out.row(leg.offer)
    if why is not OfferOutcome.ANSWERED:
        end_recording(world, out, leg, at)


def end_recording(world: World, out: Out, leg: Leg, at: int) -> None:
    """It is remembered for a moment: a short talk may be over before it is known that nothing was written."""
    if leg.recording is None:
        return
    row = replace(leg.recording, ended=max(at, leg.recording.started))
    out.row(row)
    recorded = {who: old for who, old in world.recorded.items() if (old.ended or 0) > at - PROOF_MS}
    world.recorded = recorded | {row.id: row}

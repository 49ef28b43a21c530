"""After a restart, or a gap: callers on hold, and talks on their way to somebody else, as Asterisk has them.

Nobody is rung a second time: a phone that was to be rung and is not there has not answered.
"""

from ccctl import commands as c
from ccctl.events import LiveChannel, Ref, Resynced, split_ref
from ccctl.flow.marks import HOLD_BRIDGE
from ccctl.world import holding, transfers
from ccctl.world.deskphone import on_target_answered
from ccctl.world.state import Handover, HandoverStage, Held, Out, Phase, World

Live = dict[Ref, LiveChannel]


def end_dead(world: World, event: Resynced, live: Live, out: Out) -> None:
    """Phones that were rung for a transfer and are gone."""
    for target in list(world.targets):
        handover = world.handovers.get(world.targets.get(target, ""))
        if handover is None or split_ref(target)[0] != event.node or target in live:
            continue
        if handover.rung < event.at:
            rings = handover.stage is HandoverStage.RINGING
            transfers.target_gone(world, out, target, "failed" if rings else "target_left", event.at)


def resume(world: World, event: Resynced, live: Live, out: Out) -> None:
    """Callers on hold have music; who was on his way to somebody arrives."""
    for handover in list(world.handovers.values()):
        if split_ref(handover.target)[0] == event.node and handover.target in live:
            _resume_one(world, event, live, handover, out)
    for leg, state in world.legs.items():
        caller = live.get(state.call)
        if leg not in live or caller is None:
            continue
        if state.held is Held.US and caller.bridge != HOLD_BRIDGE:
            holding.to_music(world, out, state, again=True)
        elif state.held is Held.RESUMING and _together(caller, live[leg]):
            transfers.on_connected(world, leg, event.at, out)
        elif state.held is Held.RESUMING:
            holding.resume(out, leg, state)
        elif state.phase is Phase.TALK and state.held is Held.NO and caller.bridge == HOLD_BRIDGE:
            holding.resume(out, leg, state)  # we died before it was written down who held him


def _together(one: LiveChannel | None, other: LiveChannel | None) -> bool:
    return one is not None and other is not None and bool(one.bridge) and one.bridge == other.bridge


def _resume_one(world: World, event: Resynced, live: Live, handover: Handover, out: Out) -> None:
    target, caller = live[handover.target], live.get(handover.row.call)
    match handover.stage:
        case HandoverStage.RINGING if target.up:
            on_target_answered(world, handover.target, event.at, out)
        case HandoverStage.TAKING if target.ours:
            on_target_answered(world, handover.target, event.at, out)
        case HandoverStage.TAKING:
            transfers.target_gone(world, out, handover.target, "failed", event.at)
        case HandoverStage.JOINING if _together(target, live.get(handover.leg)):
            transfers.on_joined(world, handover.target, event.at, out)
        case HandoverStage.JOINING:
            out.do(c.Consult(leg=handover.leg, target=handover.target))
        case HandoverStage.CONNECTING if _together(target, caller):
            transfers.on_connected(world, handover.target, event.at, out)
        case HandoverStage.CONNECTING:
            transfers.connect(world, out, handover, event.at)
    waits = not handover.leg and handover.stage in (HandoverStage.RINGING, HandoverStage.TAKING)
    if waits and caller is not None and caller.bridge != HOLD_BRIDGE:
        queue = world.queue(world.visits[handover.row.call].row.queue)
        out.do(c.Hold(call=handover.row.call, music=queue.music if queue else "default", again=True))

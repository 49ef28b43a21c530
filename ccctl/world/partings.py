"""Who hangs up: a caller, an agent, or the one who was asked, in a talk or on the way to another."""

from ccctl import commands as c
from ccctl.changes import OfferOutcome
from ccctl.events import LegFailed, Ref
from ccctl.world import offers, transfers
from ccctl.world.ledger import close_segment
from ccctl.world.state import Handover, HandoverStage, Out, Phase, Visit, World
from ccctl.world.watching import end_watches

TOGETHER = (HandoverStage.CONSULT, HandoverStage.MERGING, HandoverStage.CONFERENCE)  # agent and target talk


# -- the caller leaves ---------------------------------------------------------------------------------


def caller_gone(world: World, out: Out, visit: Visit, at: int, by: str = "") -> None:
    by = by or offers.who_ended(world, visit.row.call)
    handover = world.handovers.get(visit.row.call)
    if handover is not None and handover.leg and handover.stage in TOGETHER:
        _step_aside(world, out, handover, visit, by, at)
        return
    if handover is not None:
        transfers.drop_target(world, out, handover, "caller_left", at)
        transfers.end(world, out, handover, "caller_left", at)
    if visit.leg:
        offers.end_talk(world, out, visit.leg, by, at)
    else:
        del world.visits[visit.row.call]
        offers.end_visit(world, out, visit, by, at)
        close_segment(world.calls[visit.row.call], out, at)


def _step_aside(world: World, out: Out, handover: Handover, visit: Visit, by: str, at: int) -> None:
    """Agent and target go on talking; nobody is rung for either meanwhile."""
    leg, target = handover.leg, handover.target
    world.legs[leg].phase = Phase.ASIDE
    asked = transfers.leg_of(handover, visit, at, Phase.ASIDE)
    asked.queue = ""  # no wrap-up
    world.legs[target] = asked
    world.asides[leg], world.asides[target] = target, leg
    del world.targets[target], world.visits[visit.row.call]
    transfers.end(world, out, handover, "caller_left", at)
    offers.end_visit(world, out, visit, by, at)
    close_segment(world.calls[visit.row.call], out, at)
    end_watches(world, out, leg, at)


def _aside_ended(world: World, out: Out, leg: Ref, at: int) -> None:
    for each in (leg, world.asides[leg]):
        del world.asides[each]
        offers.leave_talk(world, out, each, at)
        out.do(c.Disconnect(leg=each))


# -- endings of legs -----------------------------------------------------------------------------------


def on_leg_ended(world: World, leg: Ref, cause: int, at: int, out: Out) -> None:
    handover = transfers.handover_of(world, leg)
    if leg in world.targets:
        rings = world.handovers[world.targets[leg]].stage is HandoverStage.RINGING
        transfers.target_gone(world, out, leg, offers.why_missed(cause) if rings else "target_left", at)
    elif leg in world.asides:
        _aside_ended(world, out, leg, at)
    elif handover is not None:
        transfers.agent_left(world, out, handover, at)
    else:
        offers.on_leg_ended(world, leg, cause, at, out)


def on_leg_failed(world: World, event: LegFailed, out: Out) -> None:
    if event.leg not in world.targets:
        offers.on_leg_failed(world, event, out)
        return
    if world.handovers[world.targets[event.leg]].stage is not HandoverStage.RINGING:
        return  # he has answered: only our request got no answer
    out.do(c.Note(text=f"{event.leg} could not be rung: {event.reason}", warning=True))
    why = OfferOutcome.FAILED if event.down else OfferOutcome.UNREACHABLE
    transfers.target_gone(world, out, event.leg, why, event.at)


def on_ring_timer(world: World, leg: Ref, at: int, out: Out) -> None:
    if leg not in world.targets:
        offers.on_ring_timer(world, leg, at, out)
    elif world.handovers[world.targets[leg]].stage is HandoverStage.RINGING:
        transfers.target_gone(world, out, leg, OfferOutcome.NO_ANSWER, at)

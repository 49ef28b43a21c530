"""Talks that go on with somebody else: handed on at once, after a word with him, or in three.

A caller is never lost by it. Until somebody has him he hears his queue's music. Whoever is to have him is
rung on a leg of ours, a target; it becomes the leg of the talk when caller and he hear each other. Who
does not answer leads back: to the agent when he still takes part, to his phone when he has left and is
not busy, else to the queue, with the turn of when the caller came first.
"""

from msgspec.structs import replace

from ccctl import commands as c
from ccctl.agent.state import Agent, Presence, Trigger, advance
from ccctl.changes import OfferOutcome, OfferRow, SegmentKind, TransferRow
from ccctl.events import ConnectFailed, ConsultRequested, Ref, TransferRequested, split_ref
from ccctl.flow.handing import TransferConfig
from ccctl.recording.policy import is_recorded, recording_path
from ccctl.world import holding, offers, targets
from ccctl.world.customers import RING_GRACE_MS
from ccctl.world.ledger import begin, close_segment
from ccctl.world.presence import change, occupy
from ccctl.world.queueing import release, trigger
from ccctl.world.rejoining import enter_again, turn_of
from ccctl.world.state import Handover, HandoverStage, Held, Leg, Out, Phase, Visit, World
from ccctl.world.targets import Refusal, Wanted
from ccctl.world.timers import start_timer, stop_timer
from ccctl.world.watching import end_watches

RING_MS = 25_000  # of phones that are no agents'
MISSES = {OfferOutcome.NO_ANSWER, OfferOutcome.REJECTED, OfferOutcome.UNREACHABLE}
TOGETHER = (
    HandoverStage.CONSULT,
    HandoverStage.MERGING,
    HandoverStage.CONFERENCE,
)  # agent and target hear each other


# -- asking for it -------------------------------------------------------------------------------------


def on_request(world: World, event: TransferRequested, out: Out) -> None:
    kind = "attended" if event.attended else "blind"
    refusal = holding.no_talk(world, event.call)
    if refusal is None:
        leg = world.visits[event.call].leg
        refusal = ask(world, out, leg, event.to, (kind, "request", event.by), event.at)
    error, text = refusal or ("", f"{event.call} is being transferred to {event.to}")
    out.do(c.Reply(request=event.request, error=error, text=text))


def ask(world: World, out: Out, leg: Ref, to: str, how: tuple[str, str, str], at: int) -> Refusal | None:
    """Hand the talk of `leg` on; a reason when that cannot be, and the talk goes on. `how`: kind, way, by."""
    found = check(world, leg, to, how[0])
    wanted = targets.find(world, to)
    row = new_row(world, leg, wanted.label if isinstance(wanted, Wanted) else to, how, at)
    if not isinstance(found, Wanted):
        out.row(refused(row, found[0], at))
        return found
    act = {"queue": _to_queue, "flow": _to_flow}.get(found.kind)
    if act is not None:
        act(world, out, leg, row, at)
    else:
        _to_person(world, out, leg, row, found, at)
    return None


def check(world: World, leg: Ref, to: str, kind: str) -> Wanted | Refusal:
    state = world.legs[leg]
    if state.call in world.handovers:
        return "in-transfer", f"{state.call} is being transferred already"
    found = targets.find(world, to)
    if not isinstance(found, Wanted):
        return found
    visit = world.visits[state.call]
    return targets.refusal(world, found, state.agent, visit, kind == "attended") or found


def new_row(world: World, leg: Ref, target: str, how: tuple[str, str, str], at: int) -> TransferRow:
    state, (kind, way, by) = world.legs[leg], how
    call = world.calls[state.call]
    call.transfers += 1
    return TransferRow(
        id=f"{state.call}:t{call.transfers}",
        call=state.call,
        agent=state.agent or state.who,
        kind=kind,
        way=way,
        target=target,
        started=at,
        by=by,
    )


def refused(row: TransferRow, why: str, at: int) -> TransferRow:
    return replace(row, ended=at, outcome="refused", detail=why)


def handover_of(world: World, leg: Ref) -> Handover | None:
    """Of the agent's leg, as long as he takes part."""
    state = world.legs.get(leg)
    handover = world.handovers.get(state.call) if state is not None else None
    return handover if handover is not None and handover.leg == leg else None


# -- beginning -----------------------------------------------------------------------------------------


def _to_queue(world: World, out: Out, leg: Ref, row: TransferRow, at: int) -> None:
    name = row.target.partition(":")[2]
    visit = _hand_over(world, out, leg, at)
    out.row(replace(row, ended=at, outcome="completed"))
    del world.visits[row.call]
    came = at if world.roster.queues[name].new_place else turn_of(visit)
    enter_again(world, out, visit, name, came, at)
    out.do(c.Disconnect(leg=leg, after=row.call))


def _to_flow(world: World, out: Out, leg: Ref, row: TransferRow, at: int) -> None:
    flow = row.target.partition(":")[2]
    _hand_over(world, out, leg, at)
    out.row(replace(row, ended=at, outcome="completed"))
    del world.visits[row.call]
    close_segment(world.calls[row.call], out, at)
    release(world, out, row.call, f"to:{world.roster.generation}/{flow}")
    out.do(c.Disconnect(leg=leg, after=row.call))


def _to_person(world: World, out: Out, leg: Ref, row: TransferRow, wanted: Wanted, at: int) -> None:
    state = world.legs[leg]
    agent = wanted.name if wanted.kind == "agent" else ""
    handover = Handover(row, leg, "", wanted.name, agent, HandoverStage.RINGING, at)
    world.handovers[row.call] = handover
    out.row(row)
    _ring(world, out, handover, wanted.endpoint, at)
    if row.kind == "blind":
        handover.leg = ""
        _hand_over(world, out, leg, at)
        _on_the_way(world, out, handover, at)
        _to_music(world, out, row.call)
        out.do(c.Disconnect(leg=leg, after=row.call))
        return
    state.held = Held.US
    begin(world.calls[row.call], out, SegmentKind.CONSULT, at, (state.queue, state.agent, row.target))
    trigger(world, out, state.agent, Trigger.CONSULTS, at, ("", f"consults {wanted.name}"))
    holding.to_music(world, out, state, again=True)
    out.do(c.Ringback(leg=leg))


def _hand_over(world: World, out: Out, leg: Ref, at: int) -> Visit:
    """The agent is out of it, at once: wrap-up begins, his part of the ledger ends."""
    visit = world.visits[world.legs[leg].call]
    visit.legs = []
    offers.end_visit(world, out, visit, "transfer", at)
    offers.leave_talk(world, out, leg, at)
    end_watches(world, out, leg, at)
    return visit


def _on_the_way(world: World, out: Out, handover: Handover, at: int) -> None:
    row = handover.row
    queue = world.visits[row.call].row.queue
    begin(world.calls[row.call], out, SegmentKind.TRANSFER, at, (queue, row.agent, row.target))


def _ring(world: World, out: Out, handover: Handover, endpoint: str, at: int) -> None:
    call = world.calls[handover.row.call].row
    queue = world.visits[call.id].row.queue
    config, user = world.queue(queue), world.roster.users.get(handover.who)
    ring_ms = config.ring_ms if config and handover.agent else RING_MS
    target = world.new_leg(split_ref(call.id)[0])
    world.targets[target] = call.id
    handover.target, handover.rung, handover.stage = target, at, HandoverStage.RINGING
    via = world.roster.transfers if user is None else TransferConfig()
    out.do(
        c.Offer(
            leg=target,
            call=call.id,
            agent=handover.agent,
            endpoint=endpoint,
            ring_ms=ring_ms,
            caller=via.shown or call.caller,
            caller_name=call.caller_name or (config.title if config else ""),
            queue=queue,
            language=user.language if user else "",
            trunk=via.trunk,
            most=via.channels,
        )
    )
    if handover.agent:
        occupy(world, out, handover.agent, (target, call.id, queue), at)
    start_timer(world, out, f"ring:{target}", at + ring_ms + RING_GRACE_MS)
    out.touch(f"call/{call.id}")


# -- the one who is rung -------------------------------------------------------------------------------


def on_answered(world: World, leg: Ref, at: int, out: Out) -> None:
    handover = world.handovers[world.targets[leg]]
    if handover.stage is not HandoverStage.RINGING:
        return
    stop_timer(world, out, f"ring:{leg}")
    _note_answer(out, handover, at)
    if handover.leg:
        handover.stage = HandoverStage.JOINING
        out.do(c.Ringback(leg=handover.leg, on=False))
        out.do(c.Consult(leg=handover.leg, target=leg))
    else:
        connect(world, out, handover, at)


def _note_answer(out: Out, handover: Handover, at: int) -> None:
    handover.row = replace(handover.row, answered=max(at, handover.row.started))
    out.row(handover.row)


def on_joined(world: World, leg: Ref, at: int, out: Out) -> None:
    handover = world.handovers.get(world.targets.get(leg, ""))
    if handover is not None and handover.stage is HandoverStage.JOINING:
        handover.stage = HandoverStage.CONSULT
        trigger(world, out, handover.agent, Trigger.CONNECTED, at, ("", "consulted"))


def connect(world: World, out: Out, handover: Handover, at: int) -> None:
    """Caller and target come together, in the target's own bridge."""
    handover.stage = HandoverStage.CONNECTING
    visit = world.visits[handover.row.call]
    queue = world.queue(visit.row.queue)
    wanted = queue is not None and is_recorded(queue.recording, visit.recording)
    record = recording_path(handover.target, at) if wanted else ""
    out.do(c.Connect(call=handover.row.call, leg=handover.target, record=record))


def on_connected(world: World, leg: Ref, at: int, out: Out) -> None:
    handover, state = handover_of(world, leg), world.legs.get(leg)
    if leg in world.targets:
        _begin_talk(world, out, leg, at)
    elif handover is not None and handover.stage is HandoverStage.MERGING:
        _merged(world, out, handover, at)
    elif state is not None and state.phase is Phase.TALK:
        holding.on_resumed(world, out, leg, at)
    else:
        offers.on_connected(world, leg, at, out)


def _begin_talk(world: World, out: Out, leg: Ref, at: int) -> None:
    handover = world.handovers[world.targets[leg]]
    if handover.stage is not HandoverStage.CONNECTING:
        return
    call, visit = world.calls[handover.row.call], world.visits[handover.row.call]
    world.legs[leg] = leg_of(handover, visit, at)
    visit.legs = [leg]
    del world.targets[leg]
    begin(call, out, SegmentKind.TALK, at, (visit.row.queue, handover.agent or handover.who, ""))
    trigger(world, out, handover.agent, Trigger.CONNECTED, at, ("", "transfer"))
    end(world, out, handover, "returned" if handover.back else "completed", at)


def leg_of(handover: Handover, visit: Visit, at: int, phase: Phase = Phase.TALK) -> Leg:
    """The target's leg as that of a talk. It was not offered by a queue: its offer is in no ledger."""
    row, agent = visit.row, handover.agent
    offer = OfferRow(
        id=handover.target,
        visit=row.id,
        call=row.call,
        queue=row.queue,
        agent=agent,
        offered=handover.rung,
        ended=at,
        outcome=OfferOutcome.ANSWERED,
    )
    return Leg(call=row.call, agent=agent, queue=row.queue, phase=phase, offer=offer, who=handover.who)


def end(world: World, out: Out, handover: Handover, outcome: str, at: int) -> None:
    row = handover.row
    del world.handovers[row.call]
    handover.row = replace(row, ended=max(at, row.answered or row.started), outcome=outcome)
    out.row(handover.row)
    out.touch(f"call/{row.call}")
    if handover.refer and handover.leg:
        out.do(c.AnswerRefer(leg=handover.leg, state="channel_declined"))


def on_connect_failed(world: World, out: Out, event: ConnectFailed) -> None:
    leg = event.leg
    handover, state = handover_of(world, leg), world.legs.get(leg)
    if leg in world.targets:
        target_gone(world, out, leg, OfferOutcome.FAILED, event.at)
    elif state is not None and state.phase is Phase.TALK:
        if handover is not None and handover.stage is HandoverStage.MERGING:
            handover.stage = HandoverStage.CONSULT
        holding.on_not_resumed(world, out, leg)
    else:
        offers.on_connect_failed(world, event, out)


# -- the target is gone --------------------------------------------------------------------------------


def target_gone(world: World, out: Out, leg: Ref, why: str, at: int) -> None:
    """He did not answer, declined, or has hung up. The caller goes back to where he can be served; in a queue
    he stands again before the one who was asked is given the next caller of it."""
    handover = world.handovers[world.targets[leg]]
    if handover.leg:
        drop_target(world, out, handover, why, at)
        end(world, out, handover, str(why), at)
        _back_to_agent(world, out, handover, at)
        return
    asked = (handover.stage, handover.agent, leg)
    _hang_up_target(world, out, handover)
    if handover.back or not _ring_back(world, out, handover, str(why), at):
        if not handover.back:
            handover.row = replace(handover.row, detail=str(why))
        end(world, out, handover, "queued", at)
        _back_to_queue(world, out, handover.row.call, at)
    _free_asked(world, out, asked, why, at)


def drop_target(world: World, out: Out, handover: Handover, why: str, at: int) -> None:
    _hang_up_target(world, out, handover)
    _free_asked(world, out, (handover.stage, handover.agent, handover.target), why, at)


def _hang_up_target(world: World, out: Out, handover: Handover) -> None:
    leg = handover.target
    del world.targets[leg]
    stop_timer(world, out, f"ring:{leg}")
    if handover.stage is not HandoverStage.TAKING:
        out.do(c.Disconnect(leg=leg))


def _free_asked(world: World, out: Out, asked: tuple[HandoverStage, str, Ref], why: str, at: int) -> None:
    stage, agent, leg = asked
    if stage is HandoverStage.RINGING and why in MISSES and not world.is_held(leg):
        trigger(world, out, agent, Trigger.MISSED, at, (str(why), "transfer"))
    else:
        free_target(world, out, agent, at)


def free_target(world: World, out: Out, agent: str, at: int) -> None:
    """Whoever was only asked has nothing to write down."""
    presence = world.agents[agent].presence if agent else Presence.OFFLINE
    what = Trigger.OFFER_ENDED if presence is Presence.RINGING else Trigger.TALK_ENDED_FREE
    trigger(world, out, agent, what, at, ("", "transfer"))


def _back_to_agent(world: World, out: Out, handover: Handover, at: int) -> None:
    state, stage = world.legs[handover.leg], handover.stage
    if stage is HandoverStage.RINGING:
        out.do(c.Ringback(leg=handover.leg, on=False))
    if stage is HandoverStage.CONFERENCE:
        begin(world.calls[state.call], out, SegmentKind.TALK, at, (state.queue, state.agent, ""))
    elif stage is not HandoverStage.TAKING:
        holding.resume(out, handover.leg, state)


def _ring_back(world: World, out: Out, handover: Handover, why: str, at: int) -> bool:
    """Whoever handed the caller on is rung for him, if he does nothing else."""
    name = handover.row.agent
    agent, config = world.agents.get(name, Agent(name)), world.roster.agents.get(name)
    ready = advance(agent, Trigger.WRAPUP_OVER, at)
    if agent.presence is Presence.WRAPUP and ready.presence is Presence.READY and config is not None:
        stop_timer(world, out, f"wrapup:{name}")
        change(world, out, ready, "rung back")
        agent = ready
    if agent.presence is not Presence.READY or config is None or world.is_held(handover.row.call):
        return False
    handover.back, handover.who, handover.agent = True, name, name
    handover.row = replace(handover.row, detail=why, answered=None)
    out.row(handover.row)
    _ring(world, out, handover, config.endpoint, at)
    return True


def _back_to_queue(world: World, out: Out, call: Ref, at: int) -> None:
    visit = world.visits.pop(call)
    close_segment(world.calls[call], out, at)
    if visit.row.queue in world.roster.queues:
        enter_again(world, out, visit, visit.row.queue, turn_of(visit), at)
    else:
        release(world, out, call, "failed")


# -- the agent leaves, or decides ----------------------------------------------------------------------


def on_decision(world: World, event: ConsultRequested, out: Out) -> None:
    refusal = holding.no_talk(world, event.call)
    if refusal is None:
        refusal = decide(world, out, world.visits[event.call].leg, event.what, event.at)
    error, text = refusal or ("", f"{event.call}: {event.what}")
    out.do(c.Reply(request=event.request, error=error, text=text))


def decide(world: World, out: Out, leg: Ref, what: str, at: int) -> Refusal | None:
    """complete, cancel or conference."""
    handover = handover_of(world, leg)
    if handover is None or handover.stage is HandoverStage.TAKING:
        return "not-consulting", "the agent consults nobody"
    if what == "conference":
        return _merge(world, out, handover)
    if what == "cancel":
        _cancel(world, out, handover, at)
    elif what == "complete":
        agent_left(world, out, handover, at)
    else:
        return "bad-request", f'"{what}" is not one of complete, cancel, conference'
    return None


def _merge(world: World, out: Out, handover: Handover) -> Refusal | None:
    if handover.stage is not HandoverStage.CONSULT:
        return "not-consulting", f"{handover.who} has not answered, or all talk already"
    handover.stage = HandoverStage.MERGING
    holding.resume(out, handover.leg, world.legs[handover.leg])
    return None


def _merged(world: World, out: Out, handover: Handover, at: int) -> None:
    state = world.legs[handover.leg]
    handover.stage, state.held = HandoverStage.CONFERENCE, Held.NO
    handover.row = replace(handover.row, kind="conference")
    out.row(handover.row)
    names = (state.queue, state.agent, f"conference with {handover.row.target}")
    begin(world.calls[state.call], out, SegmentKind.TALK, at, names)
    trigger(world, out, state.agent, Trigger.CONSULT_ENDED, at, ("", "conference"))


def _cancel(world: World, out: Out, handover: Handover, at: int) -> None:
    drop_target(world, out, handover, "cancelled", at)
    end(world, out, handover, "cancelled", at)
    _back_to_agent(world, out, handover, at)


def agent_left(world: World, out: Out, handover: Handover, at: int) -> None:
    """The agent hangs up, or says that it is done: the caller is the target's."""
    leg, handover.leg = handover.leg, ""
    _hand_over(world, out, leg, at)
    if handover.stage in (HandoverStage.RINGING, HandoverStage.TAKING):
        _on_the_way(world, out, handover, at)
        _to_music(world, out, handover.row.call)
    else:
        connect(world, out, handover, at)
    out.do(c.Disconnect(leg=leg, after=handover.row.call))


def _to_music(world: World, out: Out, call: Ref) -> None:
    queue = world.queue(world.visits[call].row.queue)
    out.do(c.Hold(call=call, music=queue.music if queue else "default", again=True))

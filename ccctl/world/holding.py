"""A caller on hold: by the agent's phone, by a code in the talk, or by request.

A phone that holds says so itself, and Asterisk plays the caller's music where he is. Otherwise the caller is
moved to those who wait; he has the music of his queue there, and its dead-man timer. The agent's leg
stays in its bridge, and its recording goes on.
"""

from ccctl import commands as c
from ccctl.agent.state import Trigger
from ccctl.changes import SegmentKind
from ccctl.events import HoldRequested, LegHeld, Ref
from ccctl.world.ledger import begin
from ccctl.world.queueing import trigger
from ccctl.world.state import Held, Leg, Out, Phase, World


def on_phone(world: World, event: LegHeld, out: Out) -> None:
    state = world.legs.get(event.leg)
    if state is None or state.phase is not Phase.TALK:
        return
    if event.held and state.held is Held.NO:
        _hold(world, out, state, Held.PHONE, event.at)
    elif not event.held and state.held is Held.PHONE:
        on_resumed(world, out, event.leg, event.at)


def on_request(world: World, event: HoldRequested, out: Out) -> None:
    refusal = no_talk(world, event.call)
    if refusal is None:
        refusal = ask(world, out, world.visits[event.call].leg, event.hold, event.at)
    error, text = refusal or ("", f"{event.call} is {'on hold' if event.hold else 'being taken back'}")
    out.do(c.Reply(request=event.request, error=error, text=text))


def no_talk(world: World, call: Ref) -> tuple[str, str] | None:
    """Why nothing can be done with the talk of a call; None when there is one."""
    visit = world.visits.get(call)
    state = world.legs.get(visit.leg) if visit is not None else None
    if state is not None and state.phase is Phase.TALK:
        return None
    if call not in world.calls:
        return "unknown-call", f'no live call "{call}"'
    return "not-talking", f"{call} is not in a talk with an agent"


def ask(world: World, out: Out, leg: Ref, hold: bool, at: int) -> tuple[str, str] | None:
    """Hold or take back by us; the reason when that cannot be."""
    state = world.legs[leg]
    if state.call in world.handovers:
        return "in-transfer", f"{state.call} is being transferred"
    if hold and state.held is not Held.NO:
        return "held", f"the caller of {state.agent} is on hold already"
    if not hold and state.held is Held.PHONE:
        return "held-by-phone", f"the phone of {state.agent} holds the call: it is taken back there"
    if not hold and state.held is not Held.US:
        return "not-held", f"the caller of {state.agent} is not on hold"
    if hold:
        _hold(world, out, state, Held.US, at)
    else:
        resume(out, leg, state)
    return None


def _hold(world: World, out: Out, state: Leg, by: Held, at: int) -> None:
    state.held = by
    begin(world.calls[state.call], out, SegmentKind.HOLD, at, (state.queue, state.agent, str(by)))
    trigger(world, out, state.agent, Trigger.HELD, at, ("", f"held by {by}"))
    if by is Held.US:
        to_music(world, out, state)


def to_music(world: World, out: Out, state: Leg, again: bool = False) -> None:
    queue = world.queue(state.queue)
    out.do(c.Hold(call=state.call, music=queue.music if queue else "default", again=again))


def resume(out: Out, leg: Ref, state: Leg) -> None:
    """Back to the agent; Connected tells when they hear each other."""
    state.held = Held.RESUMING
    out.do(c.Connect(call=state.call, leg=leg))


def on_resumed(world: World, out: Out, leg: Ref, at: int) -> None:
    state = world.legs[leg]
    if state.held is Held.NO:
        return
    state.held = Held.NO
    begin(world.calls[state.call], out, SegmentKind.TALK, at, (state.queue, state.agent, ""))
    trigger(world, out, state.agent, Trigger.UNHELD, at, ("", "taken back"))
    trigger(world, out, state.agent, Trigger.CONSULT_ENDED, at, ("", "taken back"))


def on_not_resumed(world: World, out: Out, leg: Ref) -> None:
    """He stays on hold, with his music; it can be tried again."""
    state = world.legs[leg]
    if state.held is Held.RESUMING:
        state.held = Held.US
        to_music(world, out, state, again=True)

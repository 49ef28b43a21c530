"""From the ringing of an agent's phone over whisper and talk to wrap-up."""

from msgspec.structs import replace

from ccctl import commands as c
from ccctl.agent.state import IN_TALK, Trigger, advance
from ccctl.changes import OfferOutcome, Outcome, RecordingRow, SegmentKind
from ccctl.events import ConnectFailed, LegFailed, Ref, split_ref
from ccctl.flow.numbering import is_number
from ccctl.recording.policy import is_recorded, recording_path
from ccctl.world import callbacks, customers, foretelling, lending
from ccctl.world.ledger import begin, close_segment, end_offer, end_recording, update_row
from ccctl.world.presence import change
from ccctl.world.queueing import (
    RING_ALL,
    ask_on,
    back_in_line,
    make_offer,
    rejoin,
    release,
    trigger,
    withdraw,
    withdraw_all,
)
from ccctl.world.state import Leg, Out, Phase, Visit, World, is_reserved, out_of_pool
from ccctl.world.timers import hold_back, start_timer, stop_timer
from ccctl.world.watching import end_watches

MOST_CALLERS = 20_000  # whose last agent is remembered
WHISPER_LIMIT_MS = 120_000
ASK = ("sound:beep",)  # for the accept key, where there is no whisper
NO_ANSWER_CAUSES = {18, 19, 102}
REJECTED_CAUSES = {17, 21}


def on_leg_answered(world: World, leg: Ref, at: int, out: Out, again: bool = False) -> None:
    """`again`: perhaps we knew it before, and it was lost with us."""
    state = world.legs.get(leg)
    if state is None or state.phase is not Phase.RINGING:
        return
    stop_timer(world, out, f"ring:{leg}")
    state.offer = replace(state.offer, answered=max(at, state.offer.offered))
    out.row(state.offer)
    out.touch(f"call/{state.call}")
    queue = world.roster.queues[state.queue]
    visit = world.visits[state.call]
    whisper = (*queue.callback.whisper, *queue.whisper) if visit.callback else queue.whisper
    if not whisper and not queue.accept_key:
        connect(world, out, leg, state, at)
        return
    state.phase = Phase.WHISPER
    trigger(world, out, state.agent, Trigger.PICKED_UP, at, ("", "distributor"))
    out_of_pool(world, visit)
    out.touch(f"queue/{state.queue}")
    waited = max(0, at - (visit.since or visit.row.entered)) // 1000
    media = tuple(f"number:{waited}" if item == "waited" else item for item in whisper or ASK)
    language = world.roster.agents[state.agent].language if state.agent in world.roster.agents else ""
    out.do(c.Whisper(leg=leg, media=media, language=language, again=again))
    start_timer(world, out, f"whisper:{leg}", at + WHISPER_LIMIT_MS)


def on_whisper_done(world: World, leg: Ref, at: int, out: Out, playing: bool = False) -> None:
    """`playing`: perhaps it is not done, and would keep both from each other."""
    state = world.legs.get(leg)
    if state is None or state.phase is not Phase.WHISPER:
        return
    queue = world.roster.queues[state.queue]
    if not queue.accept_key:
        connect(world, out, leg, state, at, playing)
        return
    state.phase = Phase.ACCEPT
    stop_timer(world, out, f"whisper:{leg}")
    start_timer(world, out, f"accept:{leg}", at + queue.accept_ms)


def whispers_lost(world: World, node: str) -> None:
    """The events of this node are lost for a while: the end of a whisper may be among them."""
    for leg, state in world.legs.items():
        if split_ref(leg)[0] == node and state.phase is Phase.WHISPER:
            state.lost = True


def on_accept_key(world: World, leg: Ref, digit: str, at: int, out: Out) -> None:
    """The agent presses a key in the whisper or after it: that of his queue takes the call, any other
    declines it."""
    state = world.legs[leg]
    key = world.roster.queues[state.queue].accept_key
    if not key or state.phase not in (Phase.WHISPER, Phase.ACCEPT):
        return
    if digit == key:
        connect(world, out, leg, state, at)
    else:
        miss(world, out, leg, OfferOutcome.REJECTED, at)


def on_accept_timer(world: World, leg: Ref, at: int, out: Out) -> None:
    state = world.legs.get(leg)
    if state is not None and state.phase is Phase.ACCEPT:
        miss(world, out, leg, OfferOutcome.NOT_ACCEPTED, at)


def connect(world: World, out: Out, leg: Ref, state: Leg, at: int, playing: bool = False) -> None:
    state.lost = False
    visit = world.visits.get(state.call)
    _win(world, out, leg, visit, at)
    if visit is not None and not visit.on_line:
        state.phase = Phase.DIALLING
        customers.dial(world, out, visit, leg, at)
        return
    state.phase = Phase.CONNECTING
    wanted = is_recorded(world.roster.queues[state.queue].recording, visit.recording if visit else "")
    record, telling = recording_path(leg, at) if wanted else "", visit.telling if visit else ""
    whispering = playing or bool(world.roster.queues[state.queue].accept_key)
    out.do(c.Connect(call=state.call, leg=leg, record=record, telling=telling, whispering=whispering))


def _win(world: World, out: Out, leg: Ref, visit: Visit | None, at: int) -> None:
    """The caller is his: nobody else's phone rings for him any more."""
    for timer in ("ring", "whisper", "accept"):
        stop_timer(world, out, f"{timer}:{leg}")
    if visit is not None:
        out_of_pool(world, visit)
        withdraw_all(world, out, visit, OfferOutcome.WITHDRAWN, at, but=leg)


def on_customer_answered(world: World, call: Ref, at: int, out: Out) -> None:
    """Who was to be called back is on the line: to the agent who heard it ring; or music, until one comes."""
    visit = world.visits.get(call)
    if visit is None or visit.on_line:
        return
    stop_timer(world, out, f"dial:{call}")
    visit.on_line = True
    state = world.calls[call]
    update_row(state, out, replace(state.row, answered=at))
    ready = [leg for leg in visit.legs if world.legs[leg].phase is Phase.DIALLING]
    if ready:
        connect(world, out, ready[0], world.legs[ready[0]], at)
        return
    queue = world.roster.queues[visit.row.queue]
    begin(state, out, SegmentKind.WAITING, at, (queue.name, "", ""))
    out.do(c.Hold(call=call, music=queue.music))
    if queue.callback.greeting:
        visit.telling = f"t{world.boot}{world.next_serial():010d}"
        media, language = queue.callback.greeting, state.language
        out.do(c.Tell(call=call, playback=visit.telling, media=media, language=language))
    out.touch(f"call/{call}", f"queue/{queue.name}")
    if is_reserved(world, visit):
        make_offer(world, out, visit, visit.reserved, at)
        if queue.strategy == RING_ALL:
            back_in_line(world, out, visit, at)
    elif not visit.legs:
        visit.reserved = ""
        back_in_line(world, out, visit, at)


def on_connected(world: World, leg: Ref, at: int, out: Out) -> None:
    state = world.legs.get(leg)
    visit = world.visits.get(state.call) if state else None
    if state is None or visit is None or state.phase is Phase.TALK:
        return
    state.phase = Phase.TALK
    _win(world, out, leg, visit, at)  # done by connect(), unless this is the first that we hear of it
    stop_timer(world, out, f"wait:{state.call}")
    world.line(state.queue).size -= 1
    at = max(at, visit.row.entered)
    if state.offer.answered is None:
        state.offer = replace(state.offer, answered=max(at, state.offer.offered))
    end_offer(world, out, state, OfferOutcome.ANSWERED, at)
    stop_timer(world, out, f"stage:{state.call}")
    stop_timer(world, out, f"tell:{state.call}")
    stop_timer(world, out, f"menu:{state.call}")
    stop_timer(world, out, f"offer:{state.call}")
    foretelling.answered(world, state, at)
    _remember(world, state, at)
    row = replace(visit.row, ended=at, answered=at, outcome=Outcome.ANSWERED, agent=state.agent)
    visit.row = row
    lending.ended(world, row)
    out.row(row)
    begin(world.calls[state.call], out, SegmentKind.TALK, at, (state.queue, state.agent, ""))
    trigger(world, out, state.agent, Trigger.CONNECTED, at, ("", "distributor"))
    callbacks.answered(world, out, visit, state.agent, at)
    out.touch(f"queue/{state.queue}")


def _remember(world: World, state: Leg, at: int) -> None:
    """Who served whom: for the strategies, and for callers who belong to the agent they had."""
    world.tally(state.queue, state.agent).answered += 1
    caller = world.calls[state.call].row.caller
    if is_number(caller) and any(queue.sticky_ms for queue in world.roster.queues.values()):
        world.last_agents.pop(caller, None)
        world.last_agents[caller] = (state.agent, at)
        if len(world.last_agents) > MOST_CALLERS:
            del world.last_agents[next(iter(world.last_agents))]


def on_recording(world: World, leg: Ref, path: str, failed: str, at: int, out: Out) -> None:
    state = world.legs.get(leg)
    if state is None:
        if failed and (over := world.recorded.pop(leg, None)):
            out.row(replace(over, failed=failed))
        return
    row = RecordingRow(
        id=leg,
        call=state.call,
        visit=state.offer.visit,
        queue=state.queue,
        agent=state.agent or state.who,
        path=path,
        started=at,
        ended=at if failed else None,
        failed=failed,
    )
    if failed and state.recording is not None:  # it had begun
        row = replace(state.recording, ended=max(at, state.recording.started), failed=failed)
    state.recording = None if failed else row
    out.row(row)
    if failed:
        out.do(c.Note(text=f"recording of {leg} failed: {failed}", warning=True, cause=f"recording {failed}"))


# -- endings -------------------------------------------------------------------------------------------


def on_leg_ended(world: World, leg: Ref, cause: int, at: int, out: Out) -> None:
    state = world.legs.get(leg)
    if state is None:
        return
    if state.phase is Phase.TALK:
        end_talk(world, out, leg, "agent", at)
    elif state.phase is Phase.RINGING:
        miss(world, out, leg, why_missed(cause), at)
    elif state.phase is Phase.DIALLING:  # he heard for whom it is
        miss(world, out, leg, OfferOutcome.REJECTED, at)
    else:
        miss(world, out, leg, OfferOutcome.HUNG_UP, at)


def why_missed(cause: int) -> OfferOutcome:
    if cause in NO_ANSWER_CAUSES:
        return OfferOutcome.NO_ANSWER
    return OfferOutcome.REJECTED if cause in REJECTED_CAUSES else OfferOutcome.UNREACHABLE


def on_leg_failed(world: World, event: LegFailed, out: Out) -> None:
    state = world.legs.get(event.leg)
    if state is None or state.phase is not Phase.RINGING:  # it was answered: only our request got no answer
        return
    if event.full:
        callbacks.on_trunk_full(world, out, state.call, event)
        return
    text = f"{state.agent} could not be rung: {event.reason}"
    out.do(c.Note(text=text, warning=True, cause=f"down {event.reason}" if event.down else text))
    if event.down:
        take_back(world, out, event.leg, event.at)
    else:
        miss(world, out, event.leg, OfferOutcome.UNREACHABLE, event.at)


def take_back(world: World, out: Out, leg: Ref, at: int) -> None:
    """Asterisk did not answer: the agent keeps his turn, the caller his place, both wait for it."""
    hold_back(world, out, split_ref(leg)[0], at)
    visit = world.visits.get(world.legs[leg].call)
    withdraw(world, out, leg, OfferOutcome.FAILED, at)
    if visit is not None and leg in visit.legs:
        visit.legs.remove(leg)
        rejoin(world, visit, at)
        _to_music(world, out, visit, at)


def on_ring_timer(world: World, leg: Ref, at: int, out: Out) -> None:
    state = world.legs.get(leg)
    if state is not None and state.phase is Phase.RINGING:
        miss(world, out, leg, OfferOutcome.NO_ANSWER, at)


def miss(world: World, out: Out, leg: Ref, why: OfferOutcome, at: int) -> None:
    """The agent did not take the call: not-responding; the caller keeps his place."""
    state = world.legs.pop(leg)
    stop_timer(world, out, f"ring:{leg}")
    stop_timer(world, out, f"whisper:{leg}")
    stop_timer(world, out, f"accept:{leg}")
    end_offer(world, out, state, why, at)
    what = _follows(world, leg, state, why)
    visit = world.visits.get(state.call)
    offered = visit is not None and leg in visit.legs
    if visit is not None and offered:
        visit.legs.remove(leg)
        if state.phase is Phase.DIALLING:
            callbacks.again(world, out, visit, at)
        else:
            rejoin(world, visit, at)  # first: an agent who stays free is asked for nobody behind him
    trigger(world, out, state.agent, what, at, (str(why), "distributor"))
    if visit is not None and offered and world.visits.get(state.call) is visit:
        (_to_music if state.phase is Phase.CONNECTING else ask_on)(world, out, visit, at)
    out.do(c.Disconnect(leg=leg))


def _to_music(world: World, out: Out, visit: Visit, at: int) -> None:
    """He was on his way to the agent, and may already be out of the holding bridge."""
    if visit.on_line:
        music = world.roster.queues[visit.row.queue].music
        out.do(c.Hold(call=visit.row.call, music=music, again=True))
    ask_on(world, out, visit, at)


def _follows(world: World, leg: Ref, state: Leg, why: OfferOutcome) -> Trigger:
    """While nobody hears Asterisk it is not the agent's doing: he got silence, or his answer was lost."""
    if world.is_held(leg) or _rang_with_all(world, state, why):
        return Trigger.OFFER_ENDED
    if why is OfferOutcome.UNREACHABLE:
        return Trigger.UNREACHED
    queue = world.queue(state.queue)
    misses = 1 + world.agents[state.agent].misses
    return Trigger.EXCUSED if queue is not None and misses < queue.miss_limit else Trigger.MISSED


def _rang_with_all(world: World, state: Leg, why: OfferOutcome) -> bool:
    """Where all phones ring, not to be the first is no fault."""
    queue = world.queue(state.queue)
    return why is OfferOutcome.NO_ANSWER and queue is not None and queue.strategy == RING_ALL


def on_connect_failed(world: World, event: ConnectFailed, out: Out) -> None:
    """Both may still be alive; the caller keeps his place."""
    state = world.legs.get(event.leg)
    if state is None or state.phase is Phase.TALK:
        return
    text = f"could not connect {state.agent}: {event.reason}"
    out.do(c.Note(text=text, warning=True, cause=f"down {event.reason}" if event.down else text))
    if event.down:
        take_back(world, out, event.leg, event.at)
    else:
        miss(world, out, event.leg, OfferOutcome.FAILED, event.at)


def end_talk(world: World, out: Out, leg: Ref, by: str, at: int) -> None:
    """The talk is over. The agent is freed and offered his next call before anything is tidied up."""
    state = world.legs[leg]
    visit = world.visits.pop(state.call)
    at = max(at, visit.row.answered or at)
    leave_talk(world, out, leg, at)
    end_visit(world, out, visit, by, at)
    close_segment(world.calls[state.call], out, at)
    if by == "agent":
        release(world, out, state.call, "answered")
    out.do(c.Disconnect(leg=leg))
    end_watches(world, out, leg, at)


def leave_talk(world: World, out: Out, leg: Ref, at: int) -> Leg:
    """An agent leaves his talk, which may go on without him: he is freed, his recording ends."""
    state = world.legs.pop(leg)
    stop_timer(world, out, f"keys:{leg}")
    free_agent(world, out, state, at)
    end_recording(world, out, state, at)
    out.touch(f"queue/{state.queue}", f"call/{state.call}")
    return state


def end_visit(world: World, out: Out, visit: Visit, by: str, at: int) -> None:
    """The talk of a visit ends once: what comes after a transfer is no part of it."""
    if visit.row.talk_ended is None:
        visit.row = replace(visit.row, talk_ended=max(at, visit.row.answered or at), ended_by=by)
        out.row(visit.row)
    call = world.calls[visit.row.call]
    call.last_visit, call.talk_ended_by = visit.row, by


def free_agent(world: World, out: Out, state: Leg, at: int) -> None:
    queue = world.roster.queues.get(state.queue)
    wrap_up = queue.wrap_up_ms if queue else 0
    if not wrap_up:
        trigger(world, out, state.agent, Trigger.TALK_ENDED_FREE, at, ("", "talk ended"))
        return
    before = world.agents.get(state.agent)
    if before is None or before.presence not in IN_TALK:
        return
    after = advance(before, Trigger.TALK_ENDED, at)
    until = after.since + wrap_up
    change(world, out, replace(after, until=until), "talk ended")
    start_timer(world, out, f"wrapup:{state.agent}", until)


def who_ended(world: World, call: Ref) -> str:
    """A caller is gone: by himself, or because somebody asked us to hang up."""
    return "system" if world.calls[call].hung_up_by_us else "caller"

"""Waiting and matching: callers enter, are offered to agents, give up, are sent on."""

from collections.abc import Iterable

from msgspec.structs import replace

from ccctl import commands as c
from ccctl.agent.state import MAY_BE_FREE, Agent, Presence, Trigger, advance
from ccctl.changes import OfferOutcome, OfferRow, Outcome, SegmentKind
from ccctl.events import CallerQueued, Ref, split_ref
from ccctl.flow.marks import DEADMAN_RENEW_MS, DEADMAN_WAIT_S
from ccctl.flow.roster import QueueConfig
from ccctl.queue.distribute import first_rank, head, next_agent, next_caller
from ccctl.queue.line import Pool, put, take, turn
from ccctl.queue.needs import members, stages
from ccctl.queue.strategy import drawn, occupancy
from ccctl.world import foretelling, lending
from ccctl.world.customers import RING_GRACE_MS, dial
from ccctl.world.ledger import begin, call_for, close_segment, end_offer, new_visit_row, update_row
from ccctl.world.places import kept_place, last_agent, remember_place
from ccctl.world.presence import change, occupy, reserve
from ccctl.world.state import (
    Call,
    Leg,
    Out,
    Phase,
    Visit,
    World,
    is_at_music,
    is_leg,
    is_picked_up,
    is_reserved,
    out_of_pool,
)
from ccctl.world.timers import start_timer, stop_timer, tell_later

RING_ALL = "ring-all"
_TIMED = (Presence.WRAPUP, Presence.RESERVED, Presence.PAUSED, Presence.NOT_RESPONDING)  # timers' names
ALONE = 2  # fewer than so many who are free: nothing to choose
RESULTS = {
    Outcome.TIMED_OUT: "timeout",
    Outcome.FULL: "full",
    Outcome.NO_AGENTS: "no_agents",
    Outcome.FAILED: "failed",
    Outcome.OVERFLOWED: "overflow",
    Outcome.ANSWERED: "answered",
}


# -- entering ------------------------------------------------------------------------------------------


def on_queued(world: World, event: CallerQueued, out: Out) -> None:
    if event.call in world.visits or _is_over(world, event):
        return
    call = call_for(world, out, event.call, event.at)
    if event.cause == "resync" and call.asked_queue == event.queue:
        event = replace(event, at=call.asked_at)  # he came while nobody looked, and has his place by that
    _describe(call, event, out)
    call.asked_queue = call.leaving = ""
    refusal = _refusal(world, event)
    visit = enter(world, out, call, event)
    _note_oddities(world, event, visit, out)
    if refusal is not None:
        end_waiting(world, out, visit, refusal, event.at)
        release(world, out, event.call, RESULTS[refusal])
        return
    find_agent(world, out, visit, event.at)
    if not visit.legs and lending.goes_on(world, visit, event.at):
        send_on(world, out, visit, Outcome.OVERFLOWED, event.at)
        return
    queue = world.roster.queues[event.queue]
    out.do(c.Hold(call=event.call, music=queue.music))
    tell_later(world, out, visit, event.at)
    if visit.menu is not None:
        start_timer(world, out, f"menu:{event.call}", event.at + visit.menu.after_ms)
    offer = world.roster.offers.get(visit.offer)
    if offer is not None:
        start_timer(world, out, f"offer:{event.call}", max(event.at, visit.row.entered + offer.after_ms))
    if event.max_wait_ms:
        start_timer(world, out, f"wait:{event.call}", max(event.at, visit.row.entered + event.max_wait_ms))


def _note_oddities(world: World, event: CallerQueued, visit: Visit, out: Out) -> None:
    """What his flow asks for and the site has not; each of them is said once in a while, not at each call."""
    queue = event.queue
    if queue not in world.roster.queues:
        told = f'a caller asked for queue "{queue}", which is not in the site: his flow goes on by "failed"'
        out.do(c.Note(text=told, warning=True, cause=f"queue {queue}"))
        return
    if not world.pool(queue, visit.need).members and not _is_served_later(world, visit):
        told = f"nobody of queue {queue} may ever serve a caller who needs {visit.need.key or 'no skill'}"
        out.do(c.Note(text=told, warning=True, cause=f"needs {queue} {visit.need.key}"))
    if event.odd:
        told = f"a caller came to queue {queue} with {event.odd}: left aside"
        out.do(c.Note(text=told, warning=True, cause=f"odd {queue}"))


def _is_served_later(world: World, visit: Visit) -> bool:
    queue, agents = world.roster.queues[visit.row.queue], world.roster.agents
    return any(members(stage.need, queue, agents) for stage in visit.later)


def _is_over(world: World, event: CallerQueued) -> bool:
    """Told late, after a gap: his dialplan is further already, or he is gone. The log has it all."""
    call = world.calls.get(event.call)
    return event.call in world.ended or (call is not None and (call.gone > 0 or event.at < call.marked))


def _describe(call: Call, event: CallerQueued, out: Out) -> None:
    call.name, call.language = event.name, event.language
    row = replace(
        call.row,
        caller=call.row.caller or event.caller,
        caller_name=call.row.caller_name or event.caller_name,
        number=call.row.number or event.number,
        generation=event.generation,
        language=event.language,
        answered=call.row.answered or event.at,
    )
    update_row(call, out, row)


def _refusal(world: World, event: CallerQueued) -> Outcome | None:
    queue = world.queue(event.queue)
    if queue is None:
        return Outcome.FAILED
    if queue.max_callers and world.on_line(event.queue) >= queue.max_callers:
        return Outcome.FULL
    if event.leave_if_empty and not world.staffed(event.queue):
        return Outcome.NO_AGENTS
    return None


def enter(
    world: World, out: Out, call: Call, event: CallerQueued, waits_since: int = 0, came: int = 0
) -> Visit:
    """Begin a visit. `waits_since`: this is no call that comes, but a customer to be called back, who has
    waited since then. `came`: he comes from a talk, and has the turn of that time."""
    line, queue = world.line(event.queue), world.queue(event.queue) or QueueConfig(event.queue, event.queue)
    back = call.gathering if call.gathering and call.gathering.visit.queue == event.queue else None
    given = waits_since or min(came, event.at)
    since = given or (back.turn if back else kept_place(world, queue, call.row.caller, event.at))
    key = (*turn(event.priority, since, queue.ageing_ms), world.next_serial(), event.call)
    offered = line.size - sum(len(pool.waiting) for pool in line.pools.values())
    line.size += 1
    engine = "callback" if waits_since else "acd"
    row = (
        replace(back.visit, ended=None, outcome=None)  # his number was none: he goes on waiting
        if back
        else new_visit_row(call, event.queue, event.at, engine, 1 + line.before(key) + offered)
    )
    call.gathering = None
    row = replace(row, priority=event.priority)
    last = "" if came else last_agent(world, queue, call.row.caller, event.at)
    needs = stages(queue, event.language, last)
    now = sum(stage.after_ms <= event.at - since for stage in needs) if waits_since else 1
    visit = Visit(row=row, key=key, need=needs[max(0, now - 1)].need, later=needs[max(1, now) :])
    visit.keys, visit.since, visit.came = event.keys, waits_since, came
    visit.leave_if_empty, visit.recording, visit.offer = event.leave_if_empty, event.recording, event.offer
    visit.menu = world.roster.menus.get(event.menu)
    world.visits[event.call] = visit
    visit.waits = event.queue in world.roster.queues
    if visit.waits:
        foretelling.entered(world, visit)
        put(world.pool(event.queue, visit.need).waiting, key)
        _await_stage(world, out, visit)
    out.row(row)
    if not waits_since:
        begin(call, out, SegmentKind.WAITING, event.at, (event.queue, "", ""))
    out.touch(f"queue/{event.queue}")
    return visit


def _await_stage(world: World, out: Out, visit: Visit) -> None:
    if visit.later:
        since = visit.since or visit.row.entered
        start_timer(world, out, f"stage:{visit.row.call}", since + visit.later[0].after_ms)


def on_stage_timer(world: World, call: Ref, at: int, out: Out) -> None:
    """He has waited so long that less is enough, or that more agents are asked."""
    visit = world.visits.get(call)
    if visit is None or visit.row.ended is not None or not visit.later:
        return
    if visit.waits:
        take(world.pool(visit.row.queue, visit.need).waiting, visit.key)
    _drop_if_empty(world, visit)
    visit.need, visit.later = visit.later[0].need, visit.later[1:]
    _await_stage(world, out, visit)
    out.touch(f"queue/{visit.row.queue}")
    if visit.waits:
        put(world.pool(visit.row.queue, visit.need).waiting, visit.key)
        find_agent(world, out, visit, at)


def _drop_if_empty(world: World, visit: Visit) -> None:
    """A pool of one agent's own callers is not kept: there may be one for each agent."""
    pools = world.line(visit.row.queue).pools
    if visit.need.agent and visit.need.key in pools and not pools[visit.need.key].waiting:
        del pools[visit.need.key]


# -- matching ------------------------------------------------------------------------------------------


def find_agent(world: World, out: Out, visit: Visit, at: int) -> None:
    """A caller began to wait: offer the head of his pool (him, or one before him) to an idle agent."""
    serve(world, out, visit.row.queue, world.pool(visit.row.queue, visit.need), at)


def serve(world: World, out: Out, queue: str, pool: Pool, at: int) -> None:
    """Offer the callers of a pool to whoever is free for them."""
    while (key := head(pool, world.held)) and (agent := _choose(world, queue, pool, at)):
        make_offer(world, out, world.visits[key[3]], agent, at)


def _choose(world: World, queue: str, pool: Pool, at: int) -> str:
    if not pool.ready and pool.lent:
        return lending.agent_for(world, queue, pool, at)
    strategy = world.roster.queues[queue].strategy
    if len(pool.ready) < ALONE or strategy not in ("random", "least-occupied"):
        return next_agent(pool)
    free = first_rank(pool)
    if strategy == "random":
        return free[drawn(len(free), world.serial)]
    return min(free, key=lambda name: occupancy(world.agents[name], at))


def give_work(world: World, out: Out, agent: str, at: int) -> None:
    """An agent became ready: offer him the best caller of his queues; if there is none, of those that
    may ask their agents."""
    if world.is_engaged(agent):
        return
    found = next_caller(world.lines, world.queues_of(agent), agent, world.held)
    found = found or lending.caller_for(world, agent, at)
    if found is not None:
        make_offer(world, out, world.visits[found[3]], agent, at)


def go_on(world: World, out: Out, node: str, at: int) -> None:
    """Phones can be rung again from this node: whoever is free gets work, longest idle first."""
    world.held.pop(node, None)
    out.touch(*(f"queue/{name}" for name, line in world.lines.items() if line.size))
    ready = sorted((a.idle_since, a.name) for a in world.agents.values() if a.presence in MAY_BE_FREE)
    for _since, agent in ready:
        if world.agents[agent].presence in MAY_BE_FREE:
            give_work(world, out, agent, at)


def make_offer(world: World, out: Out, visit: Visit, agent: str, at: int) -> None:
    row, config = visit.row, world.roster.agents[agent]
    queue = world.roster.queues[row.queue]
    if not visit.on_line and not visit.legs and queue.callback.first == "customer":
        _ring_customer(world, out, visit, agent, at)
        return
    visit.reserved = ""
    leg = world.new_leg(split_ref(row.call)[0])
    if queue.strategy != RING_ALL:
        out_of_pool(world, visit)
    visit.legs.append(leg)
    foretelling.taken(world, row, at)
    visit.row = replace(row, offers=row.offers + 1)
    world.tally(row.queue, agent).turn = world.serial
    offer = OfferRow(id=leg, visit=row.id, call=row.call, queue=row.queue, agent=agent, offered=at)
    world.legs[leg] = Leg(call=row.call, agent=agent, queue=row.queue, phase=Phase.RINGING, offer=offer)
    caller = world.calls[row.call].row
    out.do(
        c.Offer(
            leg=leg,
            call=row.call,
            agent=agent,
            endpoint=config.endpoint,
            ring_ms=queue.ring_ms,
            caller=caller.caller,
            caller_name=caller.caller_name or (f"callback {queue.title}" if visit.callback else queue.title),
            queue=row.queue,
            language=config.language,
            trunk="" if visit.on_line else queue.callback.via,
            most=0 if visit.on_line else queue.callback.channels,
        )
    )
    occupy(world, out, agent, (leg, row.call, row.queue), at)
    start_timer(world, out, f"ring:{leg}", at + queue.ring_ms + RING_GRACE_MS)
    out.row(offer)
    out.row(visit.row)
    out.touch(f"queue/{row.queue}", f"call/{row.call}")


def _ring_customer(world: World, out: Out, visit: Visit, agent: str, at: int) -> None:
    """The agent is kept for him; his phone rings when the customer's was answered."""
    out_of_pool(world, visit)
    visit.reserved = agent
    world.tally(visit.row.queue, agent).turn = world.serial
    reserve(world, out, agent, (visit.row.call, visit.row.queue), at)
    dial(world, out, visit, "", at)


def free_reserved(world: World, out: Out, visit: Visit, at: int) -> None:
    name, kept, visit.reserved = visit.reserved, is_reserved(world, visit), ""
    if kept:
        trigger(world, out, name, Trigger.OFFER_ENDED, at, ("", "customer not reached"))


def back_in_line(world: World, out: Out, visit: Visit, at: int) -> None:
    """An offer failed: the caller is again where he was, and the next agent is looked for. What still
    rings for him goes on ringing."""
    rejoin(world, visit, at)
    ask_on(world, out, visit, at)


def rejoin(world: World, visit: Visit, at: int) -> None:
    if not visit.legs:
        foretelling.back(world, visit.row, at)
    elif is_picked_up(world, visit) or world.roster.queues[visit.row.queue].strategy != RING_ALL:
        return
    if not visit.waits:
        visit.waits = True
        put(world.pool(visit.row.queue, visit.need).waiting, visit.key)


def ask_on(world: World, out: Out, visit: Visit, at: int) -> None:
    """The next agent for who is back in line, unless his time is over."""
    if not visit.waits:
        return
    out.touch(f"queue/{visit.row.queue}", f"call/{visit.row.call}")
    if visit.overdue:
        send_on(world, out, visit, Outcome.TIMED_OUT, at)
    elif visit.leave_if_empty and not world.staffed(visit.row.queue):
        send_on(world, out, visit, Outcome.NO_AGENTS, at)
    else:
        find_agent(world, out, visit, at)


# -- leaving -------------------------------------------------------------------------------------------


def end_waiting(
    world: World, out: Out, visit: Visit, outcome: Outcome, at: int, why: OfferOutcome | None = None
) -> None:
    """The visit ends without a talk: out of the line, off the agent's phone, into the ledger."""
    row = visit.row
    out_of_pool(world, visit)
    world.line(row.queue).size -= 1
    del world.visits[row.call]
    _drop_if_empty(world, visit)
    for kind in ("wait", "stage", "tell", "menu", "offer"):
        stop_timer(world, out, f"{kind}:{row.call}")
    foretelling.left(world, row, at)
    row = replace(row, ended=max(at, row.entered), outcome=outcome)
    call = world.calls[row.call]
    call.last_visit = row
    if call.gathering is None:  # else it is over when his number is known
        lending.ended(world, row)
        out.row(row)
    close_segment(call, out, at)
    out.touch(f"queue/{row.queue}", f"call/{row.call}")
    left = outcome is Outcome.ABANDONED
    if left:
        remember_place(world, visit, call.row.caller, at)
    why = why or (OfferOutcome.CALLER_LEFT if left else OfferOutcome.WITHDRAWN)
    withdraw_all(world, out, visit, why, at)
    free_reserved(world, out, visit, at)


def withdraw_all(world: World, out: Out, visit: Visit, why: OfferOutcome, at: int, but: Ref = "") -> None:
    """Take the offers back from everybody whose phone rings for him. Nobody is given work before all are."""
    legs = [leg for leg in visit.legs if leg != but]
    visit.legs = [leg for leg in visit.legs if leg == but]
    for leg in legs:
        withdraw(world, out, leg, why, at)


def withdraw(world: World, out: Out, leg: Ref, why: OfferOutcome, at: int) -> None:
    """Take an offer back from the agent, who keeps his turn."""
    state = world.legs.pop(leg, None)
    if state is None:
        return
    stop_timer(world, out, f"ring:{leg}")
    stop_timer(world, out, f"whisper:{leg}")
    stop_timer(world, out, f"accept:{leg}")
    end_offer(world, out, state, why, at)
    trigger(world, out, state.agent, Trigger.OFFER_ENDED, at, ("", str(why)))
    out.do(c.Disconnect(leg=leg))


def send_on(world: World, out: Out, visit: Visit, outcome: Outcome, at: int, result: str = "") -> None:
    """End the waiting and give the caller back to his dialplan."""
    end_waiting(world, out, visit, outcome, at)
    release(world, out, visit.row.call, result or RESULTS[outcome], visit.telling)


def release(world: World, out: Out, call: Ref, result: str, telling: str = "") -> None:
    """Back to the dialplan; remembered until he is gone, so that a crash in between loses nothing. Who was
    called back has no dialplan to go back to."""
    if is_leg(call):
        out.do(c.Hangup(channel=call))
        return
    world.calls[call].leaving = result
    out.do(c.Release(call=call, result=result, telling=telling))


def may_leave(world: World, visit: Visit) -> bool:
    """False once an agent has picked up for him: then he stays for the talk."""
    return not is_picked_up(world, visit)


def on_wait_timer(world: World, call: Ref, at: int, out: Out) -> None:
    visit = world.visits.get(call)
    if visit is None or visit.row.ended is not None:
        return
    if may_leave(world, visit):
        send_on(world, out, visit, Outcome.TIMED_OUT, at)
    else:
        visit.overdue = True


def leave_by_key(world: World, out: Out, visit: Visit, digit: str, at: int) -> None:
    send_on(world, out, visit, Outcome.KEY_EXIT, at, f"key_{digit}")


def release_if_empty(world: World, out: Out, queues: Iterable[str], at: int) -> None:
    """The last agent of a queue logged out: callers whose flow has an edge for that leave."""
    for queue in queues:
        if world.staffed(queue):
            continue
        for key in world.line(queue).waiting():
            visit = world.visits[key[3]]
            if visit.leave_if_empty:
                send_on(world, out, visit, Outcome.NO_AGENTS, at)


# -- agents becoming free or busy ----------------------------------------------------------------------


def trigger(
    world: World, out: Out, name: str, what: Trigger, at: int, why: tuple[str, str] = ("", "")
) -> None:
    """Advance an agent; if he became ready, give him work; if he left, see to his queues.

    `why` is the reason shown with the state, and the cause kept in the ledger."""
    reason, cause = why
    before = world.agents.get(name, Agent(name))
    after = advance(before, what, at, reason)
    if after is before:
        return
    if after.since != before.since or after.presence is not before.presence:
        after = _limited(world, before, after)
    change(world, out, after, cause)
    if before.presence is not after.presence and before.presence in _TIMED:
        stop_timer(world, out, f"{before.presence}:{name}")
    if after.until and after.until != before.until:
        start_timer(world, out, f"{after.presence}:{name}", after.until)
    if after.presence in MAY_BE_FREE:
        give_work(world, out, name, at)
    elif after.presence is Presence.OFFLINE and before.presence is not Presence.OFFLINE:
        release_if_empty(world, out, world.queues_of(name), at)


def _limited(world: World, before: Agent, after: Agent) -> Agent:
    """With the end of a state that does not last for ever."""
    limit = 0
    if after.presence is Presence.PAUSED and after.reason in world.roster.pause_limits:
        limit = world.roster.pause_limits[after.reason].max_ms
    elif after.presence is Presence.NOT_RESPONDING:
        queue = world.queue(before.queue)
        limit = queue.rest_ms if queue else 0
    return replace(after, until=after.since + limit) if limit else after


# -- timers --------------------------------------------------------------------------------------------


def on_renew(world: World, at: int, out: Out) -> None:
    renew(world, at, out)
    kept = (call for call, fresh in world.ended.items() if fresh or world.is_held(call))
    world.ended = dict.fromkeys(kept, False)  # what is told late comes at once after a gap


def renew(world: World, at: int, out: Out) -> None:
    """Renew the dead-man timer of everybody who waits; send on again who should be gone long ago."""
    for call, visit in world.visits.items():
        if is_at_music(world, visit) and not world.is_held(call):
            out.do(c.ExtendWait(call=call, seconds=DEADMAN_WAIT_S))
    for reference, state in world.calls.items():
        if state.leaving and not world.is_held(reference):
            out.do(c.Release(call=reference, result=state.leaving))
    most = max((queue.keep_place_ms for queue in world.roster.queues.values()), default=0)
    world.places = {who: place for who, place in world.places.items() if at - place[1] <= most}
    start_timer(world, out, "renew", at + DEADMAN_RENEW_MS)

"""Start-up, resync with Asterisk, a new site. Nothing is ever re-executed: what is alive is taken
over, what is gone is ended in the ledger, what is ours and unknown is hung up."""

import re

from ccctl import commands as c
from ccctl.agent.state import Agent, Presence, Trigger, advance
from ccctl.changes import OfferOutcome, Outcome
from ccctl.events import CallerQueued, LiveChannel, Ref, Resynced, RosterChanged, Started, split_ref
from ccctl.flow.marks import DEADMAN_WAIT_S, HOLD_BRIDGE
from ccctl.flow.roster import Roster, from_json, with_members, with_retired
from ccctl.queue.line import put
from ccctl.queue.needs import Stage, refitted
from ccctl.world import engaged, foretelling, lending, partings, phones, retaking, telling
from ccctl.world.callbacks import customer_gone
from ccctl.world.customers import RING_GRACE_MS
from ccctl.world.ledger import end_call
from ccctl.world.offers import (
    WHISPER_LIMIT_MS,
    connect,
    miss,
    on_connected,
    on_customer_answered,
    on_leg_answered,
    on_whisper_done,
)
from ccctl.world.presence import change, end_queue_pause, mirror
from ccctl.world.queueing import (
    RING_ALL,
    end_waiting,
    find_agent,
    go_on,
    on_queued,
    release,
    release_if_empty,
    renew,
)
from ccctl.world.state import Leg, Out, Phase, Visit, World, is_leg, is_picked_up
from ccctl.world.timers import start_timer
from ccctl.world.watching import end as end_watch

LOOK_MS = 60_000  # no look takes longer
MOST_PRIORITY, MOST_WAIT_S = 1_000_000, 7 * 86_400
NUMBER = re.compile(r"-?[0-9]{1,18}")
LOG_MS = 1000  # the log tells an end a moment after the channel is gone, but to the millisecond


def on_started(world: World, event: Started, out: Out) -> None:
    world.boot = event.boot
    world.bridges.clear()
    world.held = dict.fromkeys(world.nodes, True)  # until the first look: nobody rings by what is old news
    for leg in world.legs.values():
        leg.lost = leg.phase in (Phase.WHISPER, Phase.CONNECTING)
    _set_timers_back(world, event.at, out)
    renew(world, event.at, out)


def _set_timers_back(world: World, at: int, out: Out) -> None:
    """Who set the clock back between two runs would have all that was begun before last as much longer."""
    queues = world.roster.queues.values()
    longest = {
        "ring": max((queue.ring_ms for queue in queues), default=0) + RING_GRACE_MS,
        "wrapup": max((agent.until - agent.since for agent in world.agents.values()), default=0),
        "whisper": WHISPER_LIMIT_MS,
        "accept": max((queue.accept_ms for queue in queues), default=0),
    }
    for timer, due in list(world.timers.items()):
        most = longest.get(timer.partition(":")[0])
        if most is not None and due > at + most:
            start_timer(world, out, timer, at + most)


# -- a new site ----------------------------------------------------------------------------------------


def on_roster(world: World, event: RosterChanged, out: Out) -> None:
    new, old = from_json(event.roster), world.roster
    world.roster = _keep_used_queues(world, new)
    _still_joined(world)
    _drop_strange_pauses(world, out, event.at)
    for name, agent in list(world.agents.items()):
        if name not in new.agents and agent.presence is not Presence.OFFLINE:
            change(world, out, advance(agent, Trigger.LOGOUT, event.at), "site changed")
    for name in new.agents:
        world.agents.setdefault(name, Agent(name, since=event.at))
    _refit(world, out, event.at)
    rebuild_lines(world)
    foretelling.new_site(world, event.at)
    lending.new_site(world, old)
    mirror_all(world, out)
    release_if_empty(world, out, list(world.lines), event.at)
    for key in sorted(key for line in world.lines.values() for key in line.waiting()):  # over all queues
        if key[3] in world.visits:
            find_agent(world, out, world.visits[key[3]], event.at)
    names = (f"queue/{q}" for q in {**old.queues, **world.roster.queues})
    out.touch("system", *names, *(f"agent/{a}" for a in {**old.agents, **world.roster.agents}))


def _refit(world: World, out: Out, at: int) -> None:
    """Who waits goes on by the overflow rules that his queue has now."""
    for call, visit in world.visits.items():
        queue = world.queue(visit.row.queue)
        if queue is None or visit.row.ended is not None:
            continue
        now, *later = refitted(Stage(max(0, at - visit.row.entered), visit.need), visit.later, queue)
        if (now.need, tuple(later)) != (visit.need, visit.later):
            visit.need, visit.later = now.need, tuple(later)
            if visit.later:
                start_timer(world, out, f"stage:{call}", visit.row.entered + visit.later[0].after_ms)


def _keep_used_queues(world: World, new: Roster) -> Roster:
    """A queue that is gone from the site but still holds callers keeps its rules until they left, and those
    of its agents who are still there serve it."""
    used = sorted({visit.row.queue for visit in world.visits.values()})
    kept = with_retired(new, world.roster, used)
    for queue in (kept.queues[name] for name in used if name in kept.queues and name not in new.queues):
        for name in queue.agents:
            if name in world.roster.agents and name not in kept.agents and world.agents[name].leg:
                kept.agents[name] = world.roster.agents[name]
    return kept


def _still_joined(world: World) -> None:
    """A new site: what it says itself, or forbids now, is forgotten; the rest holds on."""
    kept: dict[str, dict[str, bool]] = {}
    for name, members in world.joined.items():
        queue = world.roster.queues.get(name)
        if queue is None or queue.membership != "dynamic":
            continue
        for agent, joins in members.items():
            news = agent in world.roster.agents and (agent in queue.agents) is not joins
            if news and (joins or agent not in queue.forced):
                kept.setdefault(name, {})[agent] = joins
    world.joined = kept
    world.roster = with_members(world.roster, kept)


def _drop_strange_pauses(world: World, out: Out, at: int) -> None:
    """Of queues that an agent does not serve any more."""
    for name, paused in list(world.queue_pauses.items()):
        for queue in [q for q in paused if q not in world.queues_of(name)]:
            end_queue_pause(world, out, name, queue, at)


# -- resync --------------------------------------------------------------------------------------------


def on_resynced(world: World, event: Resynced, out: Out) -> None:
    live = {channel.channel: channel for channel in event.channels}
    world.held[event.node] = True  # what was missed came in no order: who is next is seen when all is known
    _end_dead(world, event, live, out)
    phones.on_look(world, event, live, out)
    for channel in event.channels:
        if channel.ours:
            _adopt(world, event, channel, out)
    _tidy(world, event, out)
    _resume(world, event, live, out)


def mirror_all(world: World, out: Out) -> None:
    """A reload or a restart of Asterisk may have forgotten who takes calls."""
    for name in world.roster.agents:
        mirror(world, out, world.agents.get(name, Agent(name)))


def _on(event: Resynced, reference: Ref) -> bool:
    return split_ref(reference)[0] == event.node


def _end_dead(world: World, event: Resynced, live: dict[Ref, LiveChannel], out: Out) -> None:
    """What our books have and Asterisk has not, unless it is younger than the look we took."""
    at = event.at
    for call, visit in list(world.visits.items()):
        if not _on(event, call) or _is_younger(visit.row.entered, at) or (call in live and live[call].ours):
            continue
        if call not in world.visits:  # the end of another one's sent him on
            continue
        if not visit.on_line and not _is_rung(world, visit, at):
            continue  # nobody rang him
        if visit.row.ended is not None:
            partings.caller_gone(world, out, visit, at)
        elif visit.callback:
            customer_gone(world, out, visit, 0, at)
        else:
            outcome = Outcome.WITHDRAWN if call in live else Outcome.ABANDONED  # in the dialplan, or gone
            end_waiting(world, out, visit, outcome, at)
    for leg, state in list(world.legs.items()):
        gone = _on(event, leg) and leg not in live and not _is_younger(state.offer.offered, at)
        if gone and leg in world.legs:
            _end_leg(world, out, leg, at)
    engaged.on_look(world, event, live, out)
    retaking.end_dead(world, event, live, out)
    for leg in [leg for leg in world.watches if _on(event, leg) and leg not in live]:
        end_watch(world, out, leg, at)
    for call in [ref for ref in world.calls if _on(event, ref) and ref not in live]:
        if call not in world.visits and not _is_younger(world.calls[call].row.started, at):
            world.calls[call].gone = at
            start_timer(world, out, f"gone:{event.node}", at + LOG_MS)


def on_gone_timer(world: World, node: str, at: int, out: Out) -> None:
    """Calls that a look did not find, and whose end the log has not told since: Asterisk died with them."""
    for call, state in list(world.calls.items()):
        if state.gone and split_ref(call)[0] == node and call not in world.visits:
            end_call(world, out, call, state.gone)


def _is_younger(began: int, at: int) -> bool:
    """It began while we looked. What began much later than now did so by a clock that was set back since."""
    return at <= began <= at + LOOK_MS


def _is_rung(world: World, visit: Visit, at: int) -> bool:
    """His phone rang before the look was taken."""
    dialled = world.callbacks[visit.callback].dialled
    return dialled > 0 and not _is_younger(dialled, at)


def _end_leg(world: World, out: Out, leg: Ref, at: int) -> None:
    if world.legs[leg].phase in (Phase.TALK, Phase.ASIDE):
        partings.on_leg_ended(world, leg, 0, at, out)
    else:
        miss(world, out, leg, OfferOutcome.FAILED, at)


def _adopt(world: World, event: Resynced, channel: LiveChannel, out: Out) -> None:
    """In our application but not in our books: a caller waits, a leg is nobody's."""
    reference = channel.channel
    if is_leg(reference):
        known = (
            reference in world.legs
            or reference in world.watches
            or reference in world.visits
            or reference in world.targets
        )
        if not known:
            out.do(c.Disconnect(leg=reference))
        return
    if reference in world.visits or reference in world.watches:
        return
    call = world.calls.get(reference)
    if call is not None and call.left >= event.at:  # he went while we looked
        return
    if call is not None and call.leaving:
        release(world, out, reference, call.leaving)
        return
    queued = queued_from_args(channel, event.at)
    if queued is not None:
        on_queued(world, queued, out)


def _tidy(world: World, event: Resynced, out: Out) -> None:
    """Bridges of legs that nobody knows any more: of a talk (b...) or of a supervisor (w...)."""
    for bridge in event.bridges:
        leg = f"{event.node}/{bridge[1:]}"
        if not is_leg(leg) or leg in world.legs or leg in world.watches or leg in world.targets:
            continue
        if bridge[0] == "b":
            out.do(c.Disconnect(leg=leg))
        elif bridge[0] == "w":
            out.do(c.EndWatch(leg=leg))


def queued_from_args(channel: LiveChannel, at: int, cause: str = "resync") -> CallerQueued | None:
    """The CallerQueued of a channel that runs Stasis(ccctl,queue,...): see flow/marks.py."""
    args = (*channel.app_args, *[""] * 9)[:9]
    if args[0] != "queue":
        return None
    said = (("priority", args[3]), ("longest wait", args[4]))
    return CallerQueued(
        at=at,
        call=channel.channel,
        generation=args[1],
        queue=args[2],
        priority=_number(args[3], -MOST_PRIORITY, MOST_PRIORITY) or 0,
        max_wait_ms=(_number(args[4], 0, MOST_WAIT_S) or 0) * 1000,
        odd=", ".join(f'{what} "{said[:40]}"' for what, said in said if said and _number(said) is None),
        keys=args[5],
        leave_if_empty="n" in args[6],
        recording="yes" if "r" in args[6] else "no" if "x" in args[6] else "",
        offer=args[7],
        menu=args[8],
        caller=channel.caller,
        caller_name=channel.caller_name,
        number=channel.number,
        language=channel.language,
        name=channel.name,
        cause=cause,
    )


def _number(text: str, least: int = 0, most: int = 0) -> int | None:
    """None when it is none; what is beyond all sense is as much as there can be."""
    if not NUMBER.fullmatch(text):
        return None
    return min(max(int(text), least), most)


def _resume(world: World, event: Resynced, live: dict[Ref, LiveChannel], out: Out) -> None:
    """Callers who wait are held again (which renews their timer); legs go on from where they are."""
    for leg in [leg for leg, state in world.legs.items() if _are_together(state, leg, live)]:
        on_connected(world, leg, event.at, out)  # before somebody is taken out of his talk, into the music
    for call, visit in list(world.visits.items()):
        if _on(event, call) and visit.row.ended is None:
            if not visit.on_line:
                _resume_dialling(world, event, visit, live.get(call), out)
                continue
            telling.resume(world, out, visit, event.at)
            if not world.is_connecting(visit):
                _hold_again(world, out, visit, live.get(call))
    retaking.resume(world, event, live, out)
    for leg, state in list(world.legs.items()):
        channel = live.get(leg)
        if channel is None or not channel.up or leg not in world.legs:
            continue
        if state.phase is Phase.RINGING:
            on_leg_answered(world, leg, event.at, out, again=True)
        elif state.phase is Phase.WHISPER and state.lost:
            on_whisper_done(world, leg, event.at, out, playing=True)
        elif state.phase is Phase.CONNECTING:
            _reconnect(world, event, leg, out)
    go_on(world, out, event.node, event.at)


def _hold_again(world: World, out: Out, visit: Visit, channel: LiveChannel | None) -> None:
    call, queue = visit.row.call, world.roster.queues.get(visit.row.queue)
    if channel is not None and channel.bridge == HOLD_BRIDGE:
        out.do(c.ExtendWait(call=call, seconds=DEADMAN_WAIT_S))
    else:
        out.do(c.Hold(call=call, music=queue.music if queue else "default", again=True))


def _resume_dialling(
    world: World, event: Resynced, visit: Visit, channel: LiveChannel | None, out: Out
) -> None:
    """His phone rings, though we may not have known; or he has answered meanwhile."""
    if channel is None:
        return
    callback = world.callbacks[visit.callback]
    callback.dialled = callback.dialled or event.at
    if channel.up:
        on_customer_answered(world, visit.row.call, event.at, out)
    elif f"dial:{visit.row.call}" not in world.timers:
        ring_ms = world.roster.queues[visit.row.queue].callback.ring_ms
        start_timer(world, out, f"dial:{visit.row.call}", event.at + ring_ms)


def _are_together(state: Leg, leg: Ref, live: dict[Ref, LiveChannel]) -> bool:
    if state.phase is Phase.DIALLING or state.call not in live or leg not in live:
        return False
    return live[state.call].bridge == live[leg].bridge != ""


def _reconnect(world: World, event: Resynced, leg: Ref, out: Out) -> None:
    """What this run has asked for will be answered: asked twice, both would lose each other for a moment."""
    state = world.legs[leg]
    if state.lost:
        connect(world, out, leg, state, event.at, playing=True)


def rebuild_lines(world: World) -> None:
    """After reading a snapshot or a new site: the orders are made anew from visits and agents."""
    world.lines = {}
    for call, visit in world.visits.items():
        visit.legs = [leg for leg in visit.legs if leg in world.legs] or _legs_of(world, call)
        visit.waits = visit.row.ended is None and _is_asked_for(world, visit)
        if visit.row.ended is None:
            world.line(visit.row.queue).size += 1
        if visit.waits:
            put(world.pool(visit.row.queue, visit.need).waiting, visit.key)


def _legs_of(world: World, call: Ref) -> list[Ref]:
    """By the legs themselves: a snapshot of an older version does not say it with the caller."""
    return [leg for leg, state in world.legs.items() if state.call == call]


def _is_asked_for(world: World, visit: Visit) -> bool:
    """Somebody who becomes free may be rung for him."""
    queue, callback = world.queue(visit.row.queue), world.callbacks.get(visit.callback)
    if queue is None or (not visit.on_line and (visit.reserved or (callback and callback.dialled))):
        return False
    return not visit.legs or (queue.strategy == RING_ALL and not is_picked_up(world, visit))

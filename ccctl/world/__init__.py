"""The call centre itself: all nouns put together. Pure.

`step(world, event)` is the only thing that changes a World. It reads no clock, makes no ids by
chance and does no I/O: the same events give the same world, rows and commands, always.
"""

from collections.abc import Callable
from typing import Any

from ccctl import commands as c
from ccctl import events as e
from ccctl.changes import Outcome
from ccctl.flow import marks
from ccctl.world import (
    agents,
    arrivals,
    callbacks,
    deskphone,
    engaged,
    holding,
    membership,
    offers,
    overflow,
    partings,
    phones,
    queueing,
    recovery,
    telling,
    transfers,
    watching,
    wishes,
)
from ccctl.world.state import Out, Phase, Visit, World
from ccctl.world.timers import start_timer

__all__ = ["Out", "World", "step"]


def step(world: World, event: e.Event, out: Out | None = None) -> Out:
    """Change the world by one event; the ledger rows, commands and touched view keys it causes. Whoever
    gives an `out` of his own hears of each of them in the moment when it is decided."""
    out = Out() if out is None else out
    if isinstance(event, e.Logged) and event.file:
        _remember(world, event)
    _STEPS[type(event)](world, event, out)
    overflow.review(world, out, event.at)
    return out


def _remember(world: World, event: e.Logged) -> None:
    channel = event.call if isinstance(event, e.CallMarked) else getattr(event, "channel", "")
    world.logged[e.split_ref(channel)[0]] = (event.file, event.place)


def _log_opened(world: World, event: e.LogOpened, _out: Out) -> None:
    world.logged[event.node] = (event.file, event.place)


def _marked(world: World, event: e.CallMarked, out: Out) -> None:
    if event.mark == marks.CALL:
        phones.began(world, out, event.call, event.name, event.at)
    arrivals.on_mark(world, event, out)


def _answered(world: World, event: e.ChannelAnswered, out: Out) -> None:
    phones.began(world, out, event.channel, event.name, event.at)
    arrivals.on_answered(world, event, out)


def _pause(world: World, event: e.AgentPause | e.AgentUnpause, out: Out) -> None:
    (membership.on_pause if event.queue else agents.on_request)(world, event, out)


def _code(world: World, event: e.AgentCode, out: Out) -> None:
    world.codes[event.channel] = True
    agents.on_code(world, event, out)


def _caller_left(world: World, event: e.CallerLeft, out: Out) -> None:
    if event.call in world.watches:
        watching.end(world, out, event.call, event.at)
        return
    if event.call in world.legs or event.call in world.targets:  # a phone that was fetched from the dialplan
        partings.on_leg_ended(world, event.call, NORMAL, event.at, out)
        return
    call = world.calls.get(event.call)
    if call is not None:
        call.leaving, call.left = "", event.at
    visit = world.visits.get(event.call)
    if visit is not None:
        _end_visit(world, visit, event.at, out)


def _end_visit(world: World, visit: Visit, at: int, out: Out, cause: int = 0) -> None:
    if visit.row.ended is not None:
        partings.caller_gone(world, out, visit, at)
    elif visit.callback:
        callbacks.customer_gone(world, out, visit, cause, at)
    else:
        queueing.end_waiting(world, out, visit, Outcome.ABANDONED, at)


def _channel_ended(world: World, event: e.ChannelEnded, out: Out) -> None:
    """The log comes a moment after ARI, but is the only witness of what ended while ARI was away."""
    channel, at = event.channel, event.at
    if channel in world.watches:
        watching.end(world, out, channel, at)
    elif channel in world.legs or channel in world.targets:
        partings.on_leg_ended(world, channel, event.cause_code, at, out)
    elif channel in world.visits:
        _end_visit(world, world.visits[channel], at, out, event.cause_code)
    else:
        engaged.ended(world, channel, at, out)
    phones.on_ended(world, event, out)
    arrivals.on_channel_ended(world, event, out)


def _leg_answered(world: World, event: e.LegAnswered, out: Out) -> None:
    watch = world.watches.get(event.leg)
    if event.leg in world.visits:
        offers.on_customer_answered(world, event.leg, event.at, out)
    elif event.leg in world.targets:
        deskphone.on_target_answered(world, event.leg, event.at, out)
    elif watch is None:
        if event.leg not in world.legs:
            out.do(c.Disconnect(leg=event.leg))
        offers.on_leg_answered(world, event.leg, event.at, out)
    elif watch.target in world.legs:
        watching.start(world, out, event.leg, event.at)
    else:
        watching.end(world, out, event.leg, event.at)


def _leg_ended(world: World, event: e.LegEnded, out: Out) -> None:
    if event.leg in world.watches:
        watching.end(world, out, event.leg, event.at)
    elif event.leg in world.visits:
        _end_visit(world, world.visits[event.leg], event.at, out, event.cause_code)
    else:
        partings.on_leg_ended(world, event.leg, event.cause_code, event.at, out)


def _leg_failed(world: World, event: e.LegFailed, out: Out) -> None:
    if event.leg in world.watches:
        watching.end(world, out, event.leg, event.at)
    elif event.leg in world.visits:
        callbacks.on_dial_failed(world, event, out)
    else:
        partings.on_leg_failed(world, event, out)


def _join_failed(world: World, event: e.JoinFailed, out: Out) -> None:
    if event.leg in world.targets:
        out.do(c.Note(text=f"{event.leg} could not be joined: {event.reason}", warning=True))
        transfers.target_gone(world, out, event.leg, "failed", event.at)


def _digit(world: World, event: e.DigitPressed, out: Out) -> None:
    if event.channel in world.watches:
        watching.on_key(world, event.channel, event.digit, event.at, out)
    elif event.channel in world.legs:
        phase = world.legs[event.channel].phase
        take = offers.on_accept_key if phase in (Phase.WHISPER, Phase.ACCEPT) else deskphone.on_key
        take(world, event.channel, event.digit, event.at, out)
    elif not wishes.on_key(world, event.channel, event.digit, event.at, out):
        telling.on_key(world, event.channel, event.digit, event.at, out)


def _timer(world: World, event: e.TimerFired, out: Out) -> None:
    kind, _, rest = event.timer.partition(":")
    if world.timers.pop(event.timer, None) is None:
        return
    if kind in _OF_CHANNELS and world.is_held(rest):
        start_timer(world, out, event.timer, event.at + LATER_MS)
    else:
        _TIMERS[kind](world, rest, event.at, out)


_OF_CHANNELS = frozenset(
    {"wait", "tell", "menu", "ring", "whisper", "accept", "stage", "dial", "offer"}
)  # the next look sees what became of them
LATER_MS = 1000
NORMAL = 16  # Q.850: hung up
_TIMERS: dict[str, Callable[[World, str, int, Out], None]] = {
    "renew": lambda world, _rest, at, out: queueing.on_renew(world, at, out),
    "wait": queueing.on_wait_timer,
    "stage": queueing.on_stage_timer,
    "tell": telling.on_tell_timer,
    "menu": telling.on_menu_timer,
    "offer": telling.on_offer_timer,
    "ring": partings.on_ring_timer,
    "keys": deskphone.on_keys_timer,
    "whisper": offers.on_whisper_done,
    "accept": offers.on_accept_timer,
    "wrapup": agents.on_wrapup_timer,
    "reserved": agents.on_reserved_timer,
    "overflow": overflow.on_timer,
    "lend": overflow.on_timer,
    "paused": agents.on_pause_timer,
    "not_responding": agents.on_rest_timer,
    "due": callbacks.on_due_timer,
    "expire": callbacks.on_expire_timer,
    "shut": callbacks.on_shut_timer,
    "dial": callbacks.on_dial_timer,
    "gone": recovery.on_gone_timer,
    "again": lambda world, node, at, out: queueing.go_on(world, out, node, at),
}


def _hangup(world: World, event: e.HangupRequested, out: Out) -> None:
    if event.call not in world.calls:
        out.do(c.Reply(request=event.request, error="unknown-call", text=f'no live call "{event.call}"'))
        return
    world.calls[event.call].hung_up_by_us = True
    out.do(c.Hangup(channel=event.call))
    out.do(c.Reply(request=event.request, text="hanging up"))


def _node(world: World, event: e.NodeUp | e.NodeDown, out: Out) -> None:
    world.nodes[event.node] = isinstance(event, e.NodeUp)
    if isinstance(event, e.NodeDown) and event.deaf:
        world.held[event.node] = True
        offers.whispers_lost(world, event.node)
    out.touch("system")
    if isinstance(event, e.NodeUp):
        recovery.mirror_all(world, out)


_STEPS: dict[type[Any], Callable[[World, Any, Out], None]] = {
    e.CallMarked: _marked,
    e.ChannelAnswered: _answered,
    e.ChannelStarted: engaged.on_channel_started,
    e.ChannelBridged: arrivals.on_bridged,
    e.ChannelUnbridged: arrivals.on_unbridged,
    e.ChannelEnded: _channel_ended,
    e.CallerQueued: queueing.on_queued,
    e.CallerLeft: _caller_left,
    e.LegAnswered: _leg_answered,
    e.LegEnded: _leg_ended,
    e.LegFailed: _leg_failed,
    e.WhisperDone: lambda w, ev, out: offers.on_whisper_done(w, ev.leg, ev.at, out, ev.cause == "failed"),
    e.Connected: lambda w, ev, out: transfers.on_connected(w, ev.leg, ev.at, out),
    e.ConnectFailed: lambda w, ev, out: transfers.on_connect_failed(w, out, ev),
    e.Joined: lambda w, ev, out: transfers.on_joined(w, ev.leg, ev.at, out),
    e.JoinFailed: _join_failed,
    e.RecordingStarted: lambda w, ev, out: offers.on_recording(w, ev.leg, ev.path, "", ev.at, out),
    e.RecordingFailed: lambda w, ev, out: offers.on_recording(w, ev.leg, "", ev.reason, ev.at, out),
    e.DigitPressed: _digit,
    e.AgentLogin: agents.on_request,
    e.AgentLogout: agents.on_request,
    e.AgentPause: _pause,
    e.AgentUnpause: _pause,
    e.AgentWrapUp: agents.on_wrap_up,
    e.AgentJoin: membership.on_member,
    e.AgentLeave: membership.on_member,
    e.AgentCode: _code,
    e.PhoneSeen: phones.on_seen,
    e.MonitorRequested: watching.on_request,
    e.MonitorCode: watching.on_code,
    e.MonitorEnd: watching.on_end_request,
    e.HangupRequested: _hangup,
    e.CallbackAsked: callbacks.on_asked,
    e.CallbackCancelled: callbacks.on_cancelled,
    e.CallbackRetried: callbacks.on_retried,
    e.LegHeld: holding.on_phone,
    e.HoldRequested: holding.on_request,
    e.ReferReceived: deskphone.on_refer,
    e.TransferRequested: transfers.on_request,
    e.ConsultRequested: transfers.on_decision,
    e.TimerFired: _timer,
    e.Started: recovery.on_started,
    e.RosterChanged: recovery.on_roster,
    e.Resynced: recovery.on_resynced,
    e.LogOpened: _log_opened,
    e.NodeUp: _node,
    e.NodeDown: _node,
}

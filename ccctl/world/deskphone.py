"""What an agent does with his talk at his phone: keys pressed in it, the phone's own transfer (SIP REFER).

A transfer code is followed by a number, which ends with # or a pause; * forgets it. In a consultation the
codes of transfers complete it, that of hold leads back to the caller.
"""

from ccctl import commands as c
from ccctl.agent.state import Agent, Presence
from ccctl.events import Ref, ReferReceived
from ccctl.world import holding, transfers
from ccctl.world.presence import occupy
from ccctl.world.state import Handover, HandoverStage, Held, Leg, Out, Phase, World
from ccctl.world.targets import Refusal, Wanted, spoken
from ccctl.world.timers import start_timer, stop_timer

PAUSE_MS = 3000  # after which a number is typed
KINDS = {"blind-transfer": "blind", "attended-transfer": "attended"}
DECLINED = ("forbidden", "unknown-target")


# -- keys ----------------------------------------------------------------------------------------------


def on_key(world: World, leg: Ref, digit: str, at: int, out: Out) -> None:
    state = world.legs[leg]
    if state.phase is not Phase.TALK or not state.agent:
        return
    if not state.typing:
        _read_code(world, leg, state, state.keys + digit, at, out)
    elif digit == "#":
        _typed(world, leg, at, out)
    elif digit == "*":
        _forget(world, out, leg, state)
    else:
        state.keys += digit
    if state.keys or state.typing:
        start_timer(world, out, f"keys:{leg}", at + PAUSE_MS)
    else:
        stop_timer(world, out, f"keys:{leg}")


def _read_code(world: World, leg: Ref, state: Leg, keys: str, at: int, out: Out) -> None:
    """The keys as far as they may become a code."""
    codes = world.roster.transfers.codes
    while keys and not any(code.startswith(keys) for code in codes):
        keys = keys[1:]
    state.keys = "" if keys in codes else keys
    if keys in codes:
        refusal = _act(world, leg, codes[keys], at, out)
        if refusal is not None:
            say(world, out, leg, spoken(refusal))


def _act(world: World, leg: Ref, action: str, at: int, out: Out) -> Refusal | None:
    state, consults = world.legs[leg], transfers.handover_of(world, leg) is not None
    if action == "conference":
        return transfers.decide(world, out, leg, "conference", at)
    if action == "hold":
        if consults:
            return transfers.decide(world, out, leg, "cancel", at)
        return holding.ask(world, out, leg, state.held is Held.NO, at)
    if consults:
        return transfers.decide(world, out, leg, "complete", at)
    state.typing = KINDS[action]
    say(world, out, leg, "sound:beep")
    return None


def on_keys_timer(world: World, leg: Ref, at: int, out: Out) -> None:
    state = world.legs.get(leg)
    if state is None:
        return
    if state.typing and state.keys and state.phase is Phase.TALK:
        _typed(world, leg, at, out)
    else:
        state.typing = state.keys = ""


def _forget(world: World, out: Out, leg: Ref, state: Leg) -> None:
    state.typing = state.keys = ""
    say(world, out, leg, "sound:beeperr")


def _typed(world: World, leg: Ref, at: int, out: Out) -> None:
    state = world.legs[leg]
    kind, keys = state.typing, state.keys
    state.typing = state.keys = ""
    refusal = transfers.ask(world, out, leg, keys, (kind, "code", ""), at)
    if refusal is not None:
        say(world, out, leg, spoken(refusal))


def say(world: World, out: Out, leg: Ref, sound: str) -> None:
    """To the agent alone."""
    config = world.roster.agents.get(world.legs[leg].agent)
    out.do(c.Whisper(leg=leg, media=(sound,), language=config.language if config else ""))


# -- the phone's own transfer --------------------------------------------------------------------------


def on_refer(world: World, event: ReferReceived, out: Out) -> None:
    state = world.legs.get(event.leg)
    if state is None or state.phase is not Phase.TALK:
        out.do(c.AnswerRefer(leg=event.leg, state="channel_declined"))
    elif event.other:
        _take(world, event, state, out)
    else:
        _refer(world, event, out)


def _refer(world: World, event: ReferReceived, out: Out) -> None:
    """A blind transfer: the phone is told at once, and is out of it."""
    leg, how = event.leg, ("blind", "phone", "")
    found = transfers.check(world, leg, event.to, "blind")
    if isinstance(found, Wanted):
        out.do(c.AnswerRefer(leg=leg, state="channel_answered"))
        if event.own:  # its own call still rings there
            out.do(c.Hangup(channel=event.own))
    refusal = transfers.ask(world, out, leg, event.to, how, event.at)
    if refusal is not None:
        failed = "channel_declined" if refusal[0] in DECLINED else "channel_unavailable"
        out.do(c.AnswerRefer(leg=leg, state=failed))
        say(world, out, leg, spoken(refusal))


def _take(world: World, event: ReferReceived, state: Leg, out: Out) -> None:
    """The phone consulted by itself: the other side of its second call is fetched out of the dialplan."""
    leg, other, at = event.leg, event.other, event.at
    who = event.name.partition("/")[2].rpartition("-")[0]
    row = transfers.new_row(world, leg, f"user:{who}", ("attended", "phone", ""), at)
    busy = state.call in world.handovers or other in world.legs or other in world.targets
    if busy or other in world.visits:
        out.row(transfers.refused(row, "in-transfer", at))
        out.do(c.AnswerRefer(leg=leg, state="channel_declined"))
        return
    agent = who if _is_free(world, who) else ""
    world.handovers[state.call] = Handover(row, leg, other, who, agent, HandoverStage.TAKING, at, refer=True)
    world.targets[other] = state.call
    out.row(row)
    if agent:
        occupy(world, out, agent, (other, state.call, state.queue), at)
    out.do(c.TakeOver(leg=leg, target=other, name=event.name))


def _is_free(world: World, name: str) -> bool:
    return world.agents.get(name, Agent(name)).presence in (Presence.READY, Presence.DIRECT_CALL)


def on_target_answered(world: World, leg: Ref, at: int, out: Out) -> None:
    handover = world.handovers[world.targets[leg]]
    if handover.stage is not HandoverStage.TAKING:
        transfers.on_answered(world, leg, at, out)
        return
    if handover.leg:
        out.do(c.AnswerRefer(leg=handover.leg, state="channel_answered"))
        handover.refer, handover.stage = False, HandoverStage.JOINING
        transfers.agent_left(world, out, handover, at)
    else:  # the phone has hung up already
        transfers.connect(world, out, handover, at)

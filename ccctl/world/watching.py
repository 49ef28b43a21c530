"""Supervisors: listen, whisper, barge; every stretch in the ledger, every refusal with its reason."""

from msgspec.structs import replace

from ccctl import commands as c
from ccctl.changes import WatchRow
from ccctl.events import MonitorCode, MonitorEnd, MonitorRequested, Ref, split_ref
from ccctl.flow.roster import UserConfig
from ccctl.supervision.modes import Mode, may_monitor
from ccctl.world.agents import unknown_agent
from ccctl.world.state import Out, Phase, WatchState, World


def on_request(world: World, event: MonitorRequested, out: Out) -> None:
    current = _watched_by(world, event.phone, event.agent)
    if current and event.mode in set(Mode) and not _refuse_role(world, event.by, event.phone):
        switch(world, out, current, event.mode, event.at)
        out.do(c.Reply(request=event.request, text=f"{event.phone}: {event.mode} {event.agent}"))
        return
    refusal = _refuse(world, event)
    if refusal:
        out.do(c.Reply(request=event.request, error=refusal[0], text=refusal[1]))
        return
    target, call = _talk_of(world, event.agent)
    leg = world.new_leg(split_ref(target)[0])
    world.watches[leg] = WatchState(
        supervisor=event.phone, agent=event.agent, target=target, call=call, mode=event.mode
    )
    name = f"{event.mode} {event.agent}"
    out.do(c.CallSupervisor(leg=leg, endpoint=world.roster.users[event.phone].endpoint, caller_name=name))
    out.do(c.Reply(request=event.request, text=f"ringing {event.phone} to {event.mode} to {event.agent}"))
    out.touch(f"watch/{leg}")


def _refuse(world: World, event: MonitorRequested) -> tuple[str, str] | None:
    if event.agent not in world.roster.agents:
        return "unknown-agent", unknown_agent(world, event.agent)
    if event.mode not in set(Mode):
        return "bad-mode", f'no mode "{event.mode}"; modes are listen, whisper, barge'
    phone = world.roster.users.get(event.phone)
    if phone is None:
        return "unknown-phone", f'no user "{event.phone}"'
    return _refuse_ear(world, event.by, phone, event.agent)


def _refuse_ear(world: World, by: str, phone: UserConfig, agent: str) -> tuple[str, str] | None:
    refusal = _refuse_role(world, by, phone.name)
    if refusal:
        return refusal
    if phone.name == agent:
        return "forbidden", f"{agent} cannot monitor himself"
    if any(watch.supervisor == phone.name for watch in world.watches.values()):
        return "busy", f"{phone.name} is monitoring already"
    if not _talk_of(world, agent)[0]:
        return "not-talking", f"{agent} is not in a call"
    return None


def _refuse_role(world: World, *names: str) -> tuple[str, str] | None:
    for name in filter(None, names):
        user = world.roster.users.get(name)
        if user is None or not may_monitor(user.roles, world.roster.monitor_roles):
            return "forbidden", f"{name} has none of the roles {', '.join(world.roster.monitor_roles)}"
    return None


def _watched_by(world: World, supervisor: str, agent: str) -> Ref:
    """The leg on which this supervisor hears this agent, or ''."""
    watches = world.watches.items()
    return next((leg for leg, w in watches if (w.supervisor, w.agent) == (supervisor, agent) and w.row), "")


def _talk_of(world: World, agent: str) -> tuple[Ref, Ref]:
    """(leg, call) of the agent's talk, or two empty strings."""
    state = world.agents.get(agent)
    leg = world.legs.get(state.leg) if state else None
    if state is None or leg is None or leg.phase is not Phase.TALK:
        return "", ""
    return state.leg, leg.call


def on_code(world: World, event: MonitorCode, out: Out) -> None:
    """The listen code was dialled: the phone itself is the supervisor's leg."""
    agent = next((a.name for a in world.roster.agents.values() if a.extension == event.extension), "")
    phone = world.roster.users.get(event.by)
    refusal = ("", "") if not agent or phone is None else _refuse_ear(world, event.by, phone, agent)
    if refusal is not None:
        media = "sound:privacy-incorrect" if refusal[0] == "forbidden" else "sound:vm-nobodyavail"
        out.do(c.SayToPhone(channel=event.channel, media=(media,)))
        out.do(c.Note(text=f"{event.by or 'a phone'} may not monitor {event.extension}: {refusal[1]}"))
        return
    target, call = _talk_of(world, agent)
    world.watches[event.channel] = WatchState(
        supervisor=event.by, agent=agent, target=target, call=call, mode=event.mode, own_channel=True
    )
    start(world, out, event.channel, event.at)


def start(world: World, out: Out, leg: Ref, at: int) -> None:
    """The supervisor is on the line: let him hear, and write that he does."""
    watch = world.watches[leg]
    _open_row(world, out, leg, watch, at)
    out.do(c.Watch(leg=leg, target=watch.target, mode=watch.mode, serial=watch.serial))


def _open_row(world: World, out: Out, leg: Ref, watch: WatchState, at: int) -> None:
    if watch.row is not None:
        out.row(replace(watch.row, ended=max(at, watch.row.started)))
    watch.serial += 1
    watch.row = WatchRow(
        id=f"{leg}:{watch.serial}",
        supervisor=watch.supervisor,
        agent=watch.agent,
        call=watch.call,
        mode=watch.mode,
        started=at,
    )
    out.row(watch.row)
    out.touch(f"watch/{leg}", f"agent/{watch.agent}")


def on_key(world: World, leg: Ref, digit: str, at: int, out: Out) -> None:
    mode = world.roster.monitor_keys.get(digit)
    if mode is not None and world.watches[leg].row is not None:
        switch(world, out, leg, mode, at)


def switch(world: World, out: Out, leg: Ref, mode: str, at: int) -> None:
    watch = world.watches[leg]
    if mode == watch.mode:
        return
    watch.mode = mode
    _open_row(world, out, leg, watch, at)
    out.do(c.Watch(leg=leg, target=watch.target, mode=mode, serial=watch.serial))


def on_end_request(world: World, event: MonitorEnd, out: Out) -> None:
    legs = [
        leg
        for leg, watch in world.watches.items()
        if watch.agent == event.agent and event.supervisor in ("", watch.supervisor)
    ]
    for leg in legs:
        end(world, out, leg, event.at)
    error, text = ("", "monitoring ended") if legs else ("not-monitored", f"nobody monitors {event.agent}")
    out.do(c.Reply(request=event.request, error=error, text=text))


def end_watches(world: World, out: Out, target: Ref, at: int) -> None:
    """The talk is over: whoever monitored it is taken off."""
    for leg in [leg for leg, watch in world.watches.items() if watch.target == target]:
        end(world, out, leg, at)


def end(world: World, out: Out, leg: Ref, at: int) -> None:
    watch = world.watches.pop(leg, None)
    if watch is None:
        return
    if watch.row is not None:
        out.row(replace(watch.row, ended=max(at, watch.row.started)))
    out.do(c.EndWatch(leg=leg, serial=watch.serial))
    out.touch(f"watch/{leg}", f"agent/{watch.agent}")

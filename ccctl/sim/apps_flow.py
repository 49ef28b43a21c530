"""Applications that decide where a call goes on: jumps, subroutines, loops, assignments, endings."""

from ccctl.sim.channel import Frame
from ccctl.sim.core import STOP, Application, Core, Result, Steps
from ccctl.sim.text import condition, lower, scan_int, scan_long, separate, strip, whole_int
from ccctl.sim.timing import timing

_INT_CAUSE = 16
_CAUSES = {"normal": 16, "busy": 17, "no_user_response": 18, "no_answer": 19, "call_rejected": 21}


# -- Goto ----------------------------------------------------------------------------------------------


def jump(core: Core, text: str) -> bool:
    """Move to `[[context,]extension,]priority`; False if there is no such label."""
    channel = core.channel
    parts = text.split(",")[:3]
    context, exten, priority = [""] * (3 - len(parts)) + parts
    sign, priority = (priority[:1], priority[1:]) if priority[:1] in ("+", "-") else ("", priority)
    number = whole_int(priority.rstrip())
    if number is None:
        number = core.program.label(context or channel.context, exten or channel.exten, priority)
        if number < 1:
            return False
    elif sign:
        number = channel.priority + (number if sign == "+" else -number)
    channel.move(context or channel.context, exten or channel.exten, number - 1)
    return True


def _goto(core: Core, data: str) -> Result:
    place = core.channel.place
    if not data or not jump(core, data):
        return STOP
    core.coverage.branch(place, core.destination())
    return 0


def _branch(core: Core, chosen: bool, targets: str) -> Result:
    yes, _, no = targets.partition(":")
    core.coverage.branch(core.channel.place, "true" if chosen else "false")
    target = yes if chosen else no
    return 0 if not target or jump(core, target) else STOP


def _gotoif(core: Core, data: str) -> Result:
    asked, _, targets = data.partition("?")
    return _branch(core, condition(asked), targets) if data else 0


def _now_s(core: Core) -> float:
    """TESTTIME, if it is set, else the clock."""
    given = core.get("TESTTIME")
    seconds = scan_long(given) if given is not None else None
    if given is not None and seconds is None:
        core.put("TESTTIME", None)
    return core.now_ms / 1000 if seconds is None else seconds


def _gotoiftime(core: Core, data: str) -> Result:
    if not data:
        return STOP
    asked, _, targets = data.partition("?")
    when = timing(asked)
    chosen = when is not None and when.holds(_now_s(core), core.outside.zone)
    return _branch(core, chosen, targets)


# -- running another application ---------------------------------------------------------------------------


def _inner_application(core: Core, text: str) -> Steps:
    name, _, rest = text.partition("(")
    end = rest.rfind(")")
    application = core.tables.applications.get(lower(strip(name)))
    if application is None:
        raise core.error(f"application {name!r} is unknown to the simulator")
    return (yield from core.run_application(application, rest[:end] if end >= 0 else rest))


def _execif(core: Core, data: str) -> Steps:
    question, comma = data.find("?"), data.find(",")
    if question < 0 or 0 <= comma < question:
        raise core.error("ExecIf without `?`")
    asked = separate(data, 2, "?", raw=True)
    if len(asked) < 2 or not asked[1]:
        return STOP
    choices = separate(asked[1], 2, ":", raw=True)
    chosen = condition(asked[0])
    core.coverage.branch(core.channel.place, "true" if chosen else "false")
    if chosen:
        return (yield from _inner_application(core, choices[0])) if choices[0] else STOP
    return (yield from _inner_application(core, choices[1])) if len(choices) > 1 and choices[1] else 0


def _execiftime(core: Core, data: str) -> Steps:
    asked, given, application = data.partition("?")
    when = timing(asked)
    if not given or when is None:
        return STOP
    if not when.holds(core.now_ms / 1000, core.outside.zone):
        return 0
    return (yield from _inner_application(core, application))


# -- Gosub ---------------------------------------------------------------------------------------------


def gosub(core: Core, data: str) -> Result:
    label, opened, rest = data.partition("(")
    end = rest.rfind(")")
    given = separate(rest[:end] if end >= 0 else rest, 100, raw=True) if opened else []
    channel = core.channel
    origin = channel.place
    if not data or not jump(core, label):
        channel.move(*origin)
        return STOP
    context, exten, priority = channel.place
    if not core.program.exists(context, exten, priority + 1):
        channel.move(*origin)
        return STOP
    last = channel.frames[-1].arguments if channel.frames else 0
    frame = Frame((origin[0], origin[1], origin[2] + 1), max(last, len(given)))
    channel.enter(frame, given)
    return 0


def _gosubif(core: Core, data: str) -> Result:
    asked = separate(data, 2, "?", raw=True)
    if len(asked) != 2:
        return 0
    choices = separate(asked[1], 2, ":", raw=True)
    chosen = condition(asked[0])
    core.coverage.branch(core.channel.place, "true" if chosen else "false")
    target = choices[0] if chosen else (choices[1] if len(choices) > 1 else "")
    return gosub(core, target) if target else 0


def _return(core: Core, data: str) -> Result:
    channel = core.channel
    if not channel.frames:
        return STOP
    frame = channel.leave()
    channel.move(frame.context, frame.exten, frame.priority - 1)
    core.put("GOSUB_RETVAL", data)
    return STOP if frame.special else 0


def _stackpop(core: Core, data: str) -> Result:
    frames = core.channel.frames
    if frames and frames[-1].special:
        return STOP
    if frames:
        core.channel.leave()
    return 0


# -- While -----------------------------------------------------------------------------------------------


def _index(core: Core) -> int:
    """The innermost loop that is being run, -1 if none is."""
    index = 0
    while core.get(f"WHILE_{index}") is not None:
        index += 1
    return index - 1


def _own_name(core: Core) -> str:
    return "_".join(map(str, core.channel.place))


def _while(core: Core, data: str) -> Result:
    own = _own_name(core)
    label = core.get(own)
    if label is None:
        label = str(_index(core) + 1)
        core.put(own, label)
    if not condition(data):
        return _leave_loop(core, f"WHILE_{label}", own)
    if core.get(f"WHILE_{label}") is None:
        core.put(f"WHILE_{label}", ",".join(map(str, core.channel.place)))
    core.coverage.branch(core.channel.place, "true")
    return 0


def _leave_loop(core: Core, name: str, own: str) -> Result:
    core.coverage.branch(core.channel.place, "false")
    core.put(name, None)
    core.put(own, None)
    after = core.get(f"END_{name}")
    if after is not None:
        jump(core, after)
        core.put(f"END_{name}", None)
    elif priority := core.program.end_while(*core.channel.place):
        core.channel.priority = priority
    return 0


def _endwhile(core: Core, data: str) -> Result:
    name = f"WHILE_{_index(core)}"
    start = core.get(name)
    if start is not None:
        if core.get(f"END_{name}") is None:
            context, exten, priority = core.channel.place
            core.put(f"END_{name}", f"{context},{exten},{priority + 1}")
        jump(core, start)
    return 0


def _exitwhile(core: Core, data: str) -> Result:
    own = _own_name(core)
    label = core.get(own)
    if label is None:
        label = str(_index(core) + 1)
        core.put(own, label)
    return _leave_loop(core, f"WHILE_{_index(core)}", own)


def _continuewhile(core: Core, data: str) -> Result:
    start = core.get(f"WHILE_{_index(core)}")
    if start is not None:
        jump(core, start)
    return 0


# -- variables and endings -----------------------------------------------------------------------------------


def _set(core: Core, data: str) -> Result:
    name, given, value = data.partition("=")
    if given and name:
        core.put(name, value)
    return 0


def _mset(core: Core, data: str) -> Result:
    for pair in separate(data, 99):
        found = separate(pair, 2, "=")
        if len(found) == 2:
            core.put(found[0], found[1])
    return 0


def _hangup(core: Core, data: str) -> Result:
    cause = _CAUSES.get(data.lower(), scan_int(data) or 0)
    channel = core.channel
    channel.cause = cause if cause > 0 else channel.cause or _INT_CAUSE
    channel.gone = channel.gone or "hangup"
    return STOP


def _tone(core: Core, data: str, cause: int) -> Steps:
    """Busy and Congestion: a tone until the caller or the time given ends the call."""
    if core.channel.state != "Up":
        core.channel.cause = cause
        core.channel.state = "Busy"
    seconds = scan_int(data) or 0
    wait = "busy" if cause == 17 else "congestion"
    yield from core.pause(seconds * 1000 if seconds > 0 else None, "tone", wait)
    return STOP


def _busy(core: Core, data: str) -> Steps:
    return (yield from _tone(core, data, 17))


def _congestion(core: Core, data: str) -> Steps:
    return (yield from _tone(core, data, 34))


def nothing(core: Core, data: str) -> Result:
    return 0


def _raise_exception(core: Core, data: str) -> Result:
    core.raise_exception(data)
    return 0


def _transfer(core: Core, data: str) -> Result:
    core.put("TRANSFERSTATUS", core.outside.transfer if data else "FAILURE")
    return 0


_PLAIN = {
    "Goto": _goto,
    "GotoIf": _gotoif,
    "GotoIfTime": _gotoiftime,
    "Gosub": gosub,
    "GosubIf": _gosubif,
    "Return": _return,
    "StackPop": _stackpop,
    "While": _while,
    "EndWhile": _endwhile,
    "ExitWhile": _exitwhile,
    "ContinueWhile": _continuewhile,
    "Set": _set,
    "MSet": _mset,
    "Hangup": _hangup,
    "RaiseException": _raise_exception,
    "Transfer": _transfer,
    **dict.fromkeys(
        (
            "NoOp", "Ringing", "Progress", "Proceeding", "CELGenUserEvent", "UserEvent", "Log", "Verbose",
            "StartMusicOnHold", "StopMusicOnHold", "SetMusicOnHold", "ResetCDR", "ForkCDR", "StopPlayTones",
            "PlayTones",
        ),
        nothing,
    ),
}  # fmt: skip
_BLOCKING = {"ExecIf": _execif, "ExecIfTime": _execiftime, "Busy": _busy, "Congestion": _congestion}
APPLICATIONS = (
    *(Application(name, plain=run) for name, run in _PLAIN.items()),
    *(Application(name, blocking=run) for name, run in _BLOCKING.items()),
)

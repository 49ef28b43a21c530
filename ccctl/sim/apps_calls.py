"""Applications that bring somebody else into the call; who that is and what he does the test decides."""

from collections.abc import Generator

from ccctl.sim.apps_flow import nothing
from ccctl.sim.apps_media import answered, collect, play
from ccctl.sim.core import ANY, HUNG, STOP, Application, Core, Result, Steps
from ccctl.sim.outside import Agents, Box, Native
from ccctl.sim.records import Moment
from ccctl.sim.text import arguments, atoi, inner, options, outer, scan_float, separate

_LOGIN_MS = 3000


# -- Stasis ----------------------------------------------------------------------------------------------


def _stasis(core: Core, data: str) -> Steps:
    core.put("STASISSTATUS", "")
    given = separate(data, 129)
    agents = core.outside.agents(tuple(map(outer, given)))
    if not given or agents.does == "failed" or core.is_hung():
        core.put("STASISSTATUS", "FAILED")
        return STOP if core.is_hung() else 0
    ended = yield from _held(core, agents, outer(",".join(given[1:])))
    core.put("STASISSTATUS", "SUCCESS")
    return STOP if ended == HUNG else 0


def _held(core: Core, agents: Agents, what: str) -> Generator[Moment, None, str]:
    """While the application has the caller: HUNG when he goes or the dead man's timer fires."""
    takes = agents.does in ("result", "driver", "dies")
    if takes and agents.renews_ms and core.channel.timeouts.absolute_at is not None:
        core.channel.timeouts.absolute_at = None
    ends = agents.after_ms if agents.does in ("result", "dies") else None
    ended = yield from core.pause(ends, "stasis", what, agents.keys if takes else "")
    if ended == HUNG:
        return HUNG
    if agents.does == "dies" and not ended and core.released is None:
        core.channel.timeouts.absolute_at = core.now_ms + agents.renews_ms
        return (yield from core.pause(None, "stasis", what))
    results = {"CC_RESULT": f"key_{ended}"} if ended else agents.variables
    given, core.released = core.released, None
    for name, value in (results if given is None else given).items():
        core.put(inner(name), inner(value))
    return ""


# -- Queue -----------------------------------------------------------------------------------------------


def _queue(core: Core, data: str) -> Steps:
    name, flags, _, _, timeout, _, _ = arguments(data, 7)
    queues = core.outside.queues
    native = queues.get(outer(name)) or queues.get("") or Native()
    letters = options(flags)
    limit = int((scan_float(timeout) or 0) * 1000)
    if native.status == "UNKNOWN":
        core.put("QUEUESTATUS", "UNKNOWN")
        return 0
    late = native.status == "TIMEOUT" or 0 < limit < native.after_ms
    status = "TIMEOUT" if late else native.status
    ended = yield from core.pause((limit or None) if late else native.after_ms, "queue", outer(name))
    if ended == HUNG:
        core.put("ABANDONED", "TRUE")
        return STOP
    if status != "ANSWERED":
        core.put("QUEUESTATUS", status)
        return 0
    return (yield from _with_agent(core, native, "c" in letters or "C" in letters))


def _with_agent(core: Core, native: Native, goes_on: bool) -> Steps:
    ended = yield from core.pause(native.talk_ms if native.hangs_up else None, "talk", "agent")
    core.released = None
    if ended == HUNG or not goes_on:
        core.channel.gone = core.channel.gone or "hangup"
        return STOP
    core.put("QUEUESTATUS", "CONTINUE")
    return 0


# -- voicemail ---------------------------------------------------------------------------------------------


def _voicemail(core: Core, data: str) -> Steps:
    boxes, flags = arguments(data, 2)
    letters = options(flags)
    if (yield from answered(core)):
        return STOP
    box = _box(core, boxes.partition("&")[0])
    if not box.exists:
        core.put("VMSTATUS", "FAILED")
        return 0
    operator, assistant = (core.program.exists(core.channel.context, exten) for exten in "oa")
    operator = operator and box.operator
    if "u" in letters or "b" in letters or "s" not in letters:
        keys = "#" + "0" * operator + "*" * assistant
        ended = yield from core.pause(box.greeting_ms, "voicemail", outer(boxes), keys)
        if ended == HUNG:
            core.put("VMSTATUS", "FAILED")
            return STOP
        if ended in ("*", "0"):
            core.put("VMSTATUS", "USEREXIT")
            core.channel.move(core.channel.context, "a" if ended == "*" else "o", 0)
            return 0
    return (yield from _message(core, boxes, box))


def _message(core: Core, boxes: str, box: Box) -> Steps:
    """The recording, and the question whether it is to be kept; no answer means yes."""
    if (yield from play(core, "beep", "")) == HUNG:
        return STOP
    ended = yield from core.pause(box.message_ms, "record", outer(boxes), "#")
    if ended == "#" and box.review_ms:
        ended = yield from core.pause(box.review_ms, "voicemail", "review", "1")
    core.put("VMSTATUS", "SUCCESS")
    return STOP if ended == HUNG else 0


def _box(core: Core, name: str) -> Box:
    boxes = core.outside.boxes
    return boxes.get(outer(name)) or boxes.get("") or Box()


def _voicemail_main(core: Core, data: str) -> Steps:
    if (yield from answered(core)):
        return STOP
    ended = yield from core.pause(_LOGIN_MS, "voicemail", outer(data), "#")
    return STOP if ended == HUNG else 0


# -- recordings ----------------------------------------------------------------------------------------------


def _record(core: Core, data: str) -> Steps:
    name, silence, most, flags = arguments(data, 4)
    letters = options(flags)
    file, _, kind = name.rpartition("." if "." in name else ":")
    core.put("RECORDED_FILE", file)
    if not file or not kind:
        core.put("RECORD_STATUS", "ERROR")
        return STOP
    if core.channel.state != "Up":
        if "s" in letters:
            core.put("RECORD_STATUS", "SKIP")
            return 0
        if "n" not in letters and (yield from answered(core)):
            return STOP
    if "q" not in letters and (yield from play(core, "beep", "")) == HUNG:
        return STOP
    return (yield from _recording(core, file, (atoi(silence) * 1000, atoi(most) * 1000), letters))


def _recording(core: Core, file: str, limits: tuple[int, int], letters: dict[str, str]) -> Steps:
    """Until a key, the most that is allowed, or silence after the caller has spoken."""
    silence, most = limits
    ends = [(most, "TIMEOUT")] if most > 0 else []
    if silence > 0:
        ends.append((core.outside.speech_ms + silence, "SILENCE"))
    wait, status = min(ends) if ends else (None, "")
    started = core.now_ms
    ended = yield from core.pause(wait, "record", outer(file), _enders(letters))
    core.channel.fields["RECORDING_INFO(duration)"] = str(core.now_ms - started)
    if ended == HUNG:
        status = "HANGUP"
    elif ended:
        status = "OPERATOR" if ended == "0" and "o" in letters else "DTMF"
    core.put("RECORD_STATUS", status)
    return STOP if ended == HUNG else 0


def _enders(letters: dict[str, str]) -> str:
    if "y" in letters:
        return ANY
    ender = "" if "x" in letters else "*" if "t" in letters else "#"
    return ender + ("0" if "o" in letters else "")


def _mixmonitor(core: Core, data: str) -> Result:
    file, flags, _ = arguments(data, 3)
    core.serial += 1
    core.put("MIXMONITOR_FILENAME", file)
    if (variable := options(flags).get("i")) is not None:
        core.put(variable, f"0x{core.serial:x}")
    return 0


# -- directory, conference, authentication -------------------------------------------------------------


def _directory(core: Core, data: str) -> Steps:
    box_context, dial_context, _ = arguments(data, 3)
    if (yield from answered(core)):
        return STOP
    ended = yield from core.pause(_LOGIN_MS, "digits", "directory", "0*" + ANY)
    if ended == HUNG:
        core.put("DIRECTORY_RESULT", "HANGUP")
        return STOP
    if ended in ("0", "*"):
        extension, result = ("o", "OPERATOR") if ended == "0" else ("a", "ASSISTANT")
        core.put("DIRECTORY_RESULT", result)
        if core.program.exists(core.channel.context, extension):
            core.channel.move(core.channel.context, extension, 0)
        return 0
    found = inner(core.outside.directory)
    context = dial_context or box_context
    core.put("DIRECTORY_RESULT", "SELECTED" if found else "TIMEOUT")
    if found:
        core.put("DIRECTORY_EXTEN", found)
        core.channel.move(context, found, 0)
    return 0


def _confbridge(core: Core, data: str) -> Steps:
    room = arguments(data, 4)[0]
    if (yield from answered(core)):
        return STOP
    stays = core.outside.conferences.get(outer(room), core.outside.conferences.get(""))
    ended = yield from core.pause(stays, "conference", outer(room))
    core.released = None
    core.put("CONFBRIDGE_RESULT", "HANGUP" if ended == HUNG else "ENDMARKED")
    return STOP if ended == HUNG else 0


def _authenticate(core: Core, data: str) -> Steps:
    pin, _, most, sound = arguments(data, 4)
    if (yield from answered(core)):
        return STOP
    for attempt in range(3):
        prompt = (sound or "agent-pass") if not attempt else "auth-incorrect"
        digits, status = yield from collect(core, prompt, atoi(most) or 255, 0, "#")
        if status == "HANGUP":
            return STOP
        if digits == pin:
            return STOP if (yield from play(core, "auth-thankyou", ANY)) == HUNG else 0
    yield from play(core, "vm-goodbye", "")
    return STOP


def _elsewhere(core: Core, data: str) -> Steps:
    """ChanSpy and Park: the call stands there until somebody ends it."""
    if (yield from answered(core)):
        return STOP
    ended = yield from core.pause(None, "talk", outer(data))
    core.released = None
    return STOP if ended == HUNG else 0


_PLAIN = {
    "MixMonitor": _mixmonitor,
    "StopMixMonitor": nothing,
    "Pickup": nothing,
}
_BLOCKING = {
    "Stasis": _stasis,
    "Queue": _queue,
    "VoiceMail": _voicemail,
    "VoiceMailMain": _voicemail_main,
    "Record": _record,
    "Directory": _directory,
    "ConfBridge": _confbridge,
    "Authenticate": _authenticate,
    "ChanSpy": _elsewhere,
    "Park": _elsewhere,
}
APPLICATIONS = (
    *(Application(name, plain=run) for name, run in _PLAIN.items()),
    *(Application(name, blocking=run) for name, run in _BLOCKING.items()),
)

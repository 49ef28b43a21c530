"""Applications that play, say, wait and listen."""

from collections.abc import Generator

from ccctl.sim.core import ANY, HUNG, STOP, Application, Core, Result, Steps
from ccctl.sim.records import Moment
from ccctl.sim.text import arguments, atoi, milliseconds, options, outer, scan_float, scan_int, strip, truth

SAY_MS = 500  # a digit, a letter, a part of a number
_ANSWER_MS = 500  # Answer waits at least as long, if it has to wait at all
_DIGITS = 255

Played = Generator[Moment, None, str]


def answered(core: Core, delay_ms: int = 0) -> Steps:
    """Pick up, if nobody has; keys pressed meanwhile are kept."""
    if core.is_hung():
        return STOP
    if core.channel.state == "Up":
        return 0
    core.answer()
    if delay_ms:
        ended = yield from core.pause(max(delay_ms, _ANSWER_MS), "sleep", "answer", "keep")
        return STOP if ended == HUNG else 0
    return 0


def _answer(core: Core, data: str) -> Steps:
    delay, flags = arguments(data, 2)
    ms = max(0, atoi(delay)) if delay and core.channel.state != "Up" else 0
    return (yield from answered(core, 0 if flags == "i" else ms))


def play(core: Core, sound: str, keys: str, language: str = "") -> Played:
    """One sound: the key that stopped it, HUNG, "" when it is over, "missing"."""
    if core.is_hung():
        return HUNG
    ms = core.outside.sound(outer(sound), outer(language or core.channel.language))
    if ms is None:
        return "missing"
    return (yield from core.pause(ms, "play", outer(sound), keys))


def _sounds(text: str) -> list[str]:
    return [strip(sound) for sound in text.split("&")]


def _playback(core: Core, data: str) -> Steps:
    if not data:
        return STOP
    names, flags = arguments(data, 2)
    failed = False
    if core.channel.state != "Up":
        if "skip" in flags.lower():
            core.put("PLAYBACKSTATUS", "SUCCESS")
            return 0
        if "noanswer" not in flags.lower() and (yield from answered(core)):
            return STOP
    for sound in _sounds(names):
        ended = yield from play(core, sound, "")
        failed |= ended == "missing"
        if ended == HUNG:
            break
    core.put("PLAYBACKSTATUS", "FAILED" if failed else "SUCCESS")
    return STOP if core.is_hung() else 0


def _background(core: Core, data: str) -> Steps:
    if not data:
        return STOP
    names, flags, language, context = arguments(data, 4)
    letters = {"skip": "s", "noanswer": "n"}.get(flags.lower(), flags)
    context = context or core.channel.context
    status, ended = "SUCCESS", ""
    if core.channel.state != "Up":
        if "s" in letters:
            core.put("BACKGROUNDSTATUS", status)
            return 0
        if "n" not in letters and (yield from answered(core)):
            ended = HUNG
    keys = _barge_in(core, letters, context)
    for sound in [] if ended else _sounds(names):
        ended = yield from play(core, sound, keys, language)
        if ended == "missing":
            status, ended = "FAILED", ""
            break
        if ended:
            break
    core.put("BACKGROUNDSTATUS", status)
    return _pressed(core, ended, context)


def _barge_in(core: Core, letters: str, context: str) -> str:
    if "p" in letters:
        return ""
    if "m" in letters:
        return "".join(key for key in ANY if core.program.exists(context, key))
    return ANY


def _pressed(core: Core, ended: str, context: str) -> Result:
    """A key that is a whole extension is jumped to at once; others begin the collection of digits."""
    if ended == HUNG or not ended:
        return STOP if ended or core.is_hung() else 0
    if core.program.possible(context, ended) and not core.program.more(context, ended):
        core.channel.move(context, ended, 0)
        return 0
    return ended


# -- waiting ---------------------------------------------------------------------------------------------


def _wait(core: Core, data: str) -> Steps:
    ms = milliseconds(data) or 0
    if ms <= 0:
        return 0
    ended = yield from core.pause(ms, "sleep", "wait")
    return STOP if ended == HUNG else 0


def _waitexten(core: Core, data: str) -> Steps:
    given, _ = arguments(data, 2)
    ms = milliseconds(given) or 0
    ended = yield from core.pause(ms if ms > 0 else core.channel.timeouts.response, "digits", "", ANY)
    if ended:
        return STOP if ended == HUNG else ended
    context, exten, priority = core.channel.place
    if core.program.exists(context, exten, priority + 1):
        return 0
    if core.program.exists(context, "t"):
        core.channel.move(context, "t", 0)
        return 0
    if core.program.exists(context, "e"):
        core.raise_exception("RESPONSETIMEOUT")
        return 0
    return STOP


def _waitdigit(core: Core, data: str) -> Steps:
    given, wanted = arguments(data, 2)
    ms = milliseconds(given)
    if ms is None or ms < 0:
        core.put("WAITDIGITSTATUS", "ERROR")
        return 0
    ended = yield from core.pause(ms, "digits", "", wanted or ANY)
    core.put("WAITDIGITSTATUS", {HUNG: "CANCEL", "": "TIMEOUT"}.get(ended, "DTMF"))
    if ended and ended != HUNG:
        core.put("WAITDIGITRESULT", ended)
    return STOP if ended == HUNG else 0


# -- Read --------------------------------------------------------------------------------------------------


def _read(core: Core, data: str) -> Steps:
    core.put("READSTATUS", "ERROR")
    variable, sounds, most, flags, attempts, timeout = arguments(data, 6)
    letters = options(flags)
    sounds = "" if "i" in letters else sounds
    if not variable:
        return 0
    ender = letters.get("t", "#")
    if core.channel.state != "Up":
        if "s" in letters:
            core.put(variable, "")
            core.put("READSTATUS", "SKIPPED")
            return 0
        if "n" not in letters and (yield from answered(core)):
            core.put("READSTATUS", "HANGUP")
            return 0
    limit = atoi(most) if 0 < atoi(most) <= _DIGITS else _DIGITS
    ms = int((scan_float(timeout) or 0) * 1000)
    status = "ERROR"
    for _ in range(max(1, atoi(attempts))):
        digits, status = yield from collect(core, sounds, limit, max(0, ms), ender)
        digits = ender if status == "EMPTY" and "e" in letters else digits
        core.put(variable, digits)
        if digits or status in ("HANGUP", "ERROR"):
            break
    core.put("READSTATUS", "HANGUP" if core.is_hung() else {"EMPTY": "OK"}.get(status, status))
    return 0


def collect(
    core: Core, sounds: str, limit: int, timeout_ms: int, ender: str
) -> Generator[Moment, None, tuple[str, str]]:
    """ast_app_getdata: prompts that a key stops, then digits. Gives (digits, status)."""
    queue = _sounds(sounds)
    status = "TIMEOUT"
    for index, sound in enumerate(queue):
        first = ""
        if sound:
            first = yield from play(core, sound, ANY)
            if first == "missing":
                status = "ERROR"
                continue
        last = index == len(queue) - 1
        wait = (timeout_ms or core.channel.timeouts.response) if last else 50
        between = timeout_ms if last and timeout_ms else core.channel.timeouts.digit
        digits, status = yield from _digits(core, first, (wait, between), limit, ender)
        if digits or status in ("EMPTY", "HANGUP"):
            return digits, status
    return "", status


def _digits(
    core: Core, first: str, waits: tuple[int, int], limit: int, ender: str
) -> Generator[Moment, None, tuple[str, str]]:
    digits, key, wait = "", first, waits[0]
    while True:
        if not key:
            key = yield from core.pause(wait, "digits", digits, ANY)
        if key == HUNG:
            return digits, "HANGUP"
        if not key:
            return digits, "TIMEOUT"
        if key in ender:
            return digits, "OK" if digits else "EMPTY"
        digits += key
        if len(digits) >= limit:
            return digits, "OK"
        key, wait = "", waits[1]


# -- Say -----------------------------------------------------------------------------------------------------


def _say(core: Core, text: str, parts: int) -> Steps:
    interrupt = truth(core.get("SAY_DTMF_INTERRUPT"))
    ended = yield from core.pause(parts * SAY_MS, "say", outer(text), ANY if interrupt else "")
    if ended == HUNG:
        return STOP
    return ended if ended else 0


def _say_text(core: Core, data: str) -> Steps:
    return (yield from _say(core, data, len(data)))


def _say_number(core: Core, data: str) -> Steps:
    number, gender = arguments(data, 2)
    if not data or (gender and gender.lower() not in "fmcn"):
        return STOP
    if scan_int(number) is None:
        return 0
    return (yield from _say(core, number, len(number.strip())))


def _say_time(core: Core, data: str) -> Steps:
    when, _, form = arguments(data, 3)
    return (yield from _say(core, when or "now", len(form) or 7))


# -- music -----------------------------------------------------------------------------------------------


def _music(core: Core, data: str) -> Steps:
    _, seconds = arguments(data, 2)
    ms = int((scan_float(seconds) or 0) * 1000)
    ended = yield from core.pause(ms or None, "sleep", "music")
    return STOP if ended == HUNG else 0


_BLOCKING = {
    "Answer": _answer,
    "Playback": _playback,
    "BackGround": _background,
    "Wait": _wait,
    "WaitExten": _waitexten,
    "WaitDigit": _waitdigit,
    "Read": _read,
    "SayDigits": _say_text,
    "SayAlpha": _say_text,
    "SayPhonetic": _say_text,
    "SayMoney": _say_text,
    "SayNumber": _say_number,
    "SayOrdinal": _say_number,
    "SayUnixTime": _say_time,
    "MusicOnHold": _music,
}
APPLICATIONS = tuple(Application(name, blocking=run) for name, run in _BLOCKING.items())

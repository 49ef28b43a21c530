"""Dial: phones that ring at once, confirmation by who answered, and the talk."""

from collections.abc import Generator

import msgspec

from ccctl.sim.apps_flow import jump
from ccctl.sim.core import HUNG, STOP, Application, Core, Steps
from ccctl.sim.outside import Phone
from ccctl.sim.records import Moment
from ccctl.sim.text import arguments, atoi, inner, options, outer, scan_float

_CAUSES = {"busy": 17, "congestion": 34, "unavailable": 3, "reject": 21}
_FAILED = {"busy": "BUSY", "congestion": "CONGESTION", "unavailable": "CHANUNAVAIL", "reject": "CHANUNAVAIL"}
_WORST = ("BUSY", "CONGESTION", "CHANUNAVAIL")
_NONE = Phone(does="unavailable")


class _Outcome(msgspec.Struct, frozen=True):
    status: str
    wait_ms: int | None
    cause: int = 0
    winner: str = ""


def _phone(core: Core, target: str) -> Phone:
    """By the whole target, without options of its own, or the default."""
    phones = core.outside.phones
    return phones.get(outer(target)) or phones.get("") or _NONE


def _outcome(rings: dict[str, Phone], timeout_ms: int | None) -> _Outcome:
    limit = timeout_ms if timeout_ms is not None else 1 << 60
    answers = [(phone.after_ms, name) for name, phone in rings.items() if phone.does == "answer"]
    if answers and min(answers)[0] < limit:
        after, winner = min(answers)
        return _Outcome("ANSWER", after, 0, winner)
    waiting = [phone for phone in rings.values() if phone.does not in _FAILED]
    failed = [phone for phone in rings.values() if phone.does in _FAILED]
    times = [0 if phone.does == "unavailable" else phone.after_ms for phone in failed]
    if waiting or not failed or max(times) >= limit:
        return _Outcome("NOANSWER", timeout_ms)
    statuses = {_FAILED[phone.does] for phone in failed}
    status = next(each for each in _WORST if each in statuses)
    last = failed[times.index(max(times))] if max(times) else failed[-1]
    return _Outcome(status, max(times), _CAUSES[last.does] if last.cause < 0 else last.cause)


def _dial(core: Core, data: str) -> Steps:
    names, seconds, flags, _ = arguments(data, 4)
    letters = options(flags)
    targets = [name for name in names.split("&") if name]
    for variable in ("DIALEDPEERNUMBER", "DIALEDPEERNAME", "ANSWEREDTIME", "DIALEDTIME"):
        core.put(variable, "")
    if not targets:
        core.put("DIALSTATUS", "CHANUNAVAIL")
        return 0
    rings = {name: _phone(core, name) for name in targets}
    yield from _predial(core, rings, letters)
    timeout = scan_float(seconds) if seconds else None
    outcome = _outcome(rings, int(timeout * 1000) if timeout else None)
    ended = yield from core.pause(outcome.wait_ms, "ring", outer(names))
    if ended == HUNG:
        core.put("DIALSTATUS", "CANCEL")
        return STOP
    core.put("DIALSTATUS", outcome.status)
    if outcome.status != "ANSWER":
        if outcome.status != "NOANSWER":
            core.channel.cause = outcome.cause
        return 0
    return (yield from _answered(core, outcome.winner, rings[outcome.winner], letters))


def _predial(core: Core, rings: dict[str, Phone], letters: dict[str, str]) -> Generator[Moment, None, None]:
    if caller_sub := letters.get("B"):
        yield from core.subroutine(caller_sub.replace("^", ","))
    for name, phone in rings.items():
        if letters.get("b") and phone.does != "unavailable":
            yield from core.guest(name, phone.keys).subroutine(letters["b"].replace("^", ","))


def _answered(core: Core, name: str, phone: Phone, letters: dict[str, str]) -> Steps:
    goes_on = "g" in letters
    if letters.get("U"):
        refused = yield from _confirmation(core, name, phone, letters["U"])
        if refused is not None:
            return 0 if refused or goes_on else _over(core)
        if core.is_hung():
            return STOP
    if "G" in letters:
        jump(core, letters["G"].replace("^", ","))
        return 0
    core.answer()
    core.put("DIALEDPEERNAME", inner(name))
    started = core.now_ms
    limits = [int(number) for number in (letters.get("L", "").split(":")[0],) if number.isdigit()]
    limits += [atoi(letters["S"]) * 1000] if letters.get("S") else []
    limits += [phone.talk_ms] if phone.hangs_up else []
    ended = yield from core.pause(min(limits) if limits else None, "talk", outer(name))
    core.released = None
    core.put("ANSWEREDTIME", str((core.now_ms - started) // 1000))
    if ended == HUNG:
        return STOP
    core.channel.cause = 16
    return 0 if goes_on else _over(core)


def _over(core: Core) -> int:
    core.channel.gone = core.channel.gone or "hangup"
    return STOP


def _confirmation(core: Core, name: str, phone: Phone, sub: str) -> Generator[Moment, None, bool | None]:
    """None: he takes the call. Else whether the caller goes on (True) or only with option g (False)."""
    context, _, given = sub.replace("^", ",").partition(",")
    guest = core.guest(name, phone.keys)
    yield from guest.subroutine(f"{context},s,1" + (f"({given})" if given else ""))
    core.now_ms = max(core.now_ms, guest.now_ms)
    result = guest.get("GOSUB_RESULT")
    if (value := guest.get("GOSUB_RETVAL")) is not None:
        core.put("GOSUB_RETVAL", value)
    if guest.channel.gone:
        return False
    word = (result or "").upper()
    if word in ("BUSY", "CONGESTION", "CHANUNAVAIL"):
        core.put("DIALSTATUS", word)
        return True
    if word.startswith("GOTO:"):
        return jump(core, (result or "")[5:].replace("^", ","))
    return {"CONTINUE": True, "ABORT": False}.get(word)


APPLICATIONS = (Application("Dial", blocking=_dial),)

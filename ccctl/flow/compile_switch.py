"""Switches that a phone sets: day/night, and the emergency announcement. Each has a lamp and says its state.

The state is in AstDB, where neither a reload nor a restart loses it; Asterisk keeps the lamps there, too.
"""

from ccctl.flow import marks
from ccctl.flow.built_in import state_prompt
from ccctl.flow.dialplan import Exten, Line, go_if, goto, mark, name, put
from ccctl.flow.graph import Hours, Site

MODES = "cc/mode"  # AstDB families
EMERGENCIES = "cc/emergency"
DIRECT = {"0": "auto", "1": "open", "2": "closed"}  # digit after the code
ON_OFF = {"0": "off", "1": "on"}
LAMPS = {"auto": "NOT_INUSE", "open": "RINGING", "closed": "INUSE", "off": "NOT_INUSE", "on": "INUSE"}


def switches(site: Site, context: str) -> list[Exten]:
    return [exten for hours in site.hours.values() for exten in _of(site, hours, context)]


def _of(site: Site, hours: Hours, context: str) -> list[Exten]:
    found: list[Exten] = []
    if hours.switch:
        key, lamp = f"DB({MODES}/{name(hours.name)})", f"Custom:cc_hours_{name(hours.name)}"
        cycle = {"closed": "1", "open": "0", "": "2"}
        found.append(_cycle(hours.switch, key, cycle, context, lamp))
        found += [
            _set(site, hours, f"{hours.switch}{digit}", (key, lamp, state, state))
            for digit, state in DIRECT.items()
        ]
    if hours.emergency:
        key, lamp = f"DB({EMERGENCIES}/{name(hours.name)})", f"Custom:cc_emergency_{name(hours.name)}"
        found.append(_cycle(hours.emergency, key, {"on": "0", "": "1"}, context, lamp))
        found += [
            _set(site, hours, f"{hours.emergency}{digit}", (key, lamp, state, f"emergency-{state}"))
            for digit, state in ON_OFF.items()
        ]
    return found


def _cycle(code: str, key: str, after: dict[str, str], context: str, lamp: str) -> Exten:
    """The code alone: what comes after each state; whatever else stands there counts as the first."""
    jumps = [
        go_if(f'"${{CC_MODE}}" = "{state}"', f"{code}{digit},1") for state, digit in after.items() if state
    ]
    state = put("CC_MODE", f"${{FILTER(a-z,${{{key}}})}}")
    return Exten(code, (state, *jumps, goto((context, f"{code}{after['']}", "1"))), lamp)


def _set(site: Site, hours: Hours, code: str, what: tuple[str, str, str, str]) -> Exten:
    key, lamp, state, spoken = what
    lines = (
        put(key, state),
        put(f"DEVICE_STATE({lamp})", LAMPS[state]),
        mark(marks.SWITCH, f"{name(hours.name)} {spoken} ${{CC_USER}}"),
        Line("Answer"),
        Line("Playback", (site.prompts[state_prompt(spoken)].sound,)),
        Line("Hangup"),
    )
    return Exten(code, lines)


def emergency_first(hours: Hours) -> list[Line]:
    """The first question of a set of hours: is the emergency announcement on?"""
    if not hours.emergency:
        return []
    state = f"${{FILTER(a-z,${{DB({EMERGENCIES}/{name(hours.name)})}})}}"
    return [go_if(f'"{state}" = "on"', "emergency")]

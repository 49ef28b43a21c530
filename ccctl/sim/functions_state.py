"""Dialplan functions on variables, AstDB, time and the call's own state."""

from ccctl.sim.core import Core, Read, Write
from ccctl.sim.text import (
    arguments,
    atoi,
    condition,
    inner,
    outer,
    scan_float,
    scan_int,
    scan_long,
    separate,
    strip,
)
from ccctl.sim.timing import local, strftime, timing

# -- conditions and variables ------------------------------------------------------------------------


def _if(core: Core, text: str) -> str | None:
    asked = separate(text, 2, "?")
    choices = separate(asked[1], 2, ":") if len(asked) > 1 else []
    if not asked or not asked[0] or not choices:
        return None
    chosen = 0 if condition(strip(asked[0])) else 1
    return strip(choices[chosen]) if chosen < len(choices) else ""


def _iftime(core: Core, text: str) -> str | None:
    asked, given, rest = _unquoted(text).partition("?")
    yes, _, no = rest.partition(":")
    when = timing(asked)
    if when is None or not given:
        return None
    return _unquoted(yes if when.holds(core.now_ms / 1000, core.outside.zone) else no)


def _unquoted(text: str) -> str:
    text = strip(text)
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _set(core: Core, text: str) -> str | None:
    name, given, value = text.partition("=")
    if not name or not given:
        return None
    core.put(strip(name), strip(value))
    return strip(value)


def _global_write(core: Core, name: str, value: str) -> None:
    core.outside.globals[name] = value


def _shared(core: Core, text: str) -> str | None:
    name, channel = arguments(text, 2)
    return core.outside.shared.get((channel or core.channel.name, name))


def _shared_write(core: Core, text: str, value: str) -> None:
    name, channel = arguments(text, 2)
    core.outside.shared[channel or core.channel.name, name] = value


def _delete(core: Core, name: str, value: str) -> None:
    core.put(name, None)


# -- Gosub ---------------------------------------------------------------------------------------------


def _local(core: Core, name: str) -> str | None:
    frames = core.channel.frames
    return core.get(name) if frames and name in frames[-1].names else None


def _local_write(core: Core, name: str, value: str) -> None:
    if core.channel.frames:
        core.channel.set_local(core.channel.frames[-1], name, value)


def _local_peek(core: Core, text: str) -> str | None:
    number, name = arguments(text, 2)
    if not number or not name:
        return None
    values = [*core.channel.variables.below.get(name, ()), core.channel.variables.top.get(name)]
    there = [value for value in values if value is not None]
    return there[-1 - atoi(number)] if atoi(number) < len(there) else ""


def _stack_peek(core: Core, text: str) -> str | None:
    number, which, _ = arguments(text, 3)
    frames = core.channel.frames
    if not 0 < atoi(number) <= len(frames):
        return None
    frame = frames[-atoi(number)]
    place = (frame.context, frame.exten, str(frame.priority - 1))
    return {"l": ",".join(place), "c": place[0], "e": place[1], "p": place[2]}.get(strip(which)[:1])


# -- AstDB ---------------------------------------------------------------------------------------------


def _key(text: str) -> str:
    """ "" if the text is no family/key."""
    found = separate(text, 2, "/")
    return outer("/".join(found)) if len(found) == 2 else ""


def _db(core: Core, text: str) -> str | None:
    key = _key(text)
    if not key:
        return None
    if key not in core.outside.astdb:
        return ""
    value = inner(core.outside.astdb[key])
    core.put("DB_RESULT", value)
    return value


def _db_write(core: Core, text: str, value: str) -> None:
    if key := _key(text):
        core.outside.astdb[key] = outer(value)


def _db_exists(core: Core, text: str) -> str | None:
    if not (key := _key(text)):
        return None
    if key not in core.outside.astdb:
        return "0"
    core.put("DB_RESULT", inner(core.outside.astdb[key]))
    return "1"


def _db_delete(core: Core, text: str) -> str | None:
    if not (key := _key(text)):
        return None
    value = inner(core.outside.astdb.pop(key, ""))
    core.put("DB_RESULT", value)
    return value


def _db_delete_write(core: Core, text: str, value: str) -> None:
    _db_delete(core, text)


def _children(core: Core, text: str) -> list[str]:
    prefix = text.strip("/") + "/" if text.strip("/") else ""
    below = [key[len(prefix) :] for key in core.outside.astdb if key.startswith(outer(prefix))]
    return sorted({inner(key.partition("/")[0]) for key in below})


def _db_keys(core: Core, text: str) -> str:
    return ",".join(key.replace("\\", "\\\\").replace(",", "\\,") for key in _children(core, text))


# -- time ----------------------------------------------------------------------------------------------


def _strftime(core: Core, text: str) -> str:
    found = separate(text, 3)
    epoch, zone = (found[0] if found else ""), (found[1] if len(found) > 1 else "")
    given = scan_float(epoch) if epoch else None
    at_s = core.now_ms / 1000 if given is None else given
    when = local(at_s, zone or core.outside.zone)
    return strftime(when, found[2] if len(found) > 2 else "%c")


def _timeout(core: Core, which: str) -> str | None:
    timeouts = core.channel.timeouts
    kind = which[:1].lower()
    if kind == "a":
        if timeouts.absolute_at is None:
            return "0"
        return f"{max(0, timeouts.absolute_at - core.now_ms) / 1000:.3f}"
    ms = {"r": timeouts.response, "d": timeouts.digit}.get(kind)
    return None if ms is None else f"{ms / 1000:.3f}"


def _timeout_write(core: Core, which: str, value: str) -> None:
    seconds = scan_long(value)
    ms = 0 if seconds is None or seconds < 0 else int((scan_float(value) or 0) * 1000)
    timeouts = core.channel.timeouts
    kind = which[:1].lower()
    if kind == "a":
        timeouts.absolute_at = core.now_ms + ms if ms else None
    elif kind == "r":
        timeouts.response = ms
    elif kind == "d":
        timeouts.digit = ms


# -- the dialplan and its surroundings -------------------------------------------------------------------


def _dialplan_exists(core: Core, text: str) -> str | None:
    context, exten, priority = arguments(text, 3)
    if not text or not context:
        return None
    if not exten:
        return str(int(context in core.program.blocks))
    number = scan_int(priority) if priority else 1
    if number is None:
        return str(int(core.program.label(context, exten, priority) > 0))
    return str(int(core.program.exists(context, exten, number)))


def _group_parts(text: str) -> tuple[str, str]:
    """(category, group) of `group@category`."""
    group, _, category = text.partition("@")
    return category, group


def _group(core: Core, category: str) -> str | None:
    return core.channel.groups.get(category)


def _group_write(core: Core, category: str, value: str) -> None:
    core.channel.groups[category] = value


def _group_count(core: Core, text: str) -> str | None:
    category, group = _group_parts(text)
    own = core.channel.groups.get(category)
    group = group or own or ""
    if not group:
        return None
    others = core.outside.groups.get((category, group), 0)
    return str(others + (own == group))


def _device_state(core: Core, device: str) -> str:
    return core.outside.devices.get(device, "UNKNOWN" if device.startswith("Custom:") else "INVALID")


def _device_state_write(core: Core, device: str, value: str) -> None:
    core.outside.devices[device] = value


def _vm_info(core: Core, text: str) -> str | None:
    box, attribute, _ = arguments(text, 3)
    there = box in core.outside.boxes or "" in core.outside.boxes
    if attribute == "exists":
        return str(int(there))
    return "0" if there and attribute == "count" else None


def _confbridge_info(core: Core, text: str) -> str:
    kind, conference = arguments(text, 2)
    return str(int(kind in ("parties", "admins", "marked") and conference in core.outside.conferences))


def _ignore(core: Core, text: str, value: str) -> None:
    """Has no effect on the way of a call."""


def _field_reader(prefix: str) -> Read:
    return lambda core, text: core.channel.fields.get(f"{prefix}({text})")


def _field_writer(prefix: str) -> Write:
    def write(core: Core, text: str, value: str) -> None:
        core.channel.fields[f"{prefix}({text})"] = value

    return write


READ: dict[str, Read] = {
    "IF": _if,
    "IFTIME": _iftime,
    "SET": _set,
    "EXISTS": lambda core, text: "1" if text else "0",
    "ISNULL": lambda core, text: "0" if text else "1",
    "VARIABLE_EXISTS": lambda core, name: str(int(core.get(name) is not None)),
    "GLOBAL": lambda core, name: core.outside.globals.get(name, ""),
    "GLOBAL_EXISTS": lambda core, name: str(int(name in core.outside.globals)),
    "SHARED": _shared,
    "LOCAL": _local,
    "LOCAL_PEEK": _local_peek,
    "STACK_PEEK": _stack_peek,
    "DB": _db,
    "DB_EXISTS": _db_exists,
    "DB_DELETE": _db_delete,
    "DB_KEYS": _db_keys,
    "DB_KEYCOUNT": lambda core, text: str(len(_children(core, text))),
    "STRFTIME": _strftime,
    "TIMEOUT": _timeout,
    "DIALPLAN_EXISTS": _dialplan_exists,
    "VALID_EXTEN": _dialplan_exists,
    "GROUP": _group,
    "GROUP_COUNT": _group_count,
    "DEVICE_STATE": _device_state,
    "VM_INFO": _vm_info,
    "CONFBRIDGE_INFO": _confbridge_info,
    "CONFBRIDGE": _field_reader("CONFBRIDGE"),
    "CDR": _field_reader("CDR"),
    "EXCEPTION": _field_reader("EXCEPTION"),
    "RECORDING_INFO": _field_reader("RECORDING_INFO"),
    "HANGUPCAUSE": lambda core, text: None,
}
WRITE: dict[str, Write] = {
    "GLOBAL": _global_write,
    "SHARED": _shared_write,
    "DELETE": _delete,
    "LOCAL": _local_write,
    "DB": _db_write,
    "DB_DELETE": _db_delete_write,
    "TIMEOUT": _timeout_write,
    "GROUP": _group_write,
    "DEVICE_STATE": _device_state_write,
    "CONFBRIDGE": _field_writer("CONFBRIDGE"),
    "CDR": _field_writer("CDR"),
    "MUTEAUDIO": _ignore,
    "CDR_PROP": _ignore,
    "JITTERBUFFER": _ignore,
    "VOLUME": _ignore,
    "DENOISE": _ignore,
}

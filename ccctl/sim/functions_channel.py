"""CALLERID, CHANNEL, CURL and JSON_DECODE."""

import json
from collections.abc import Iterator
from typing import Any

from ccctl.sim.channel import Channel
from ccctl.sim.core import Core, Read, Write
from ccctl.sim.outside import HttpRequest
from ccctl.sim.template import read
from ccctl.sim.text import atoi, inner, options, outer, scan_float, separate, strip, whole_int

# -- CALLERID ------------------------------------------------------------------------------------------


def _callerid(core: Core, text: str) -> str | None:
    kind = strip(text.partition(",")[0]).lower()
    channel = core.channel
    if kind == "all":
        return f'"{channel.caller_name}" <{channel.number}>'
    if kind == "name":
        return channel.caller_name
    if kind.startswith("num") or kind.startswith("ani"):
        return "0" if kind == "ani2" else channel.number
    if kind == "dnid":
        return channel.dialled
    return channel.fields.get(f"CALLERID({kind})", "")


def _callerid_write(core: Core, text: str, value: str) -> None:
    kind = strip(text.partition(",")[0]).lower()
    channel = core.channel
    if kind == "all":
        channel.caller_name, channel.number = _split_callerid(value)
    elif kind == "name":
        channel.caller_name = strip(value)
    elif kind.startswith("num"):
        channel.number = strip(value)
    elif kind == "dnid":
        channel.dialled = strip(value)
    else:
        channel.fields[f"CALLERID({kind})"] = value


def _split_callerid(text: str) -> tuple[str, str]:
    name, opened, number = text.partition("<")
    if not opened:
        digits = text.strip()
        return ("", digits) if digits.strip("+*#0123456789()- .") == "" else (digits.strip('"'), "")
    return name.strip().strip('"'), number.partition(">")[0]


# -- CHANNEL -------------------------------------------------------------------------------------------


def _channel(core: Core, item: str) -> str | None:
    channel = core.channel
    own = {
        "language": channel.language,
        "musicclass": channel.music,
        "name": channel.name,
        "channame": channel.name,
        "state": channel.state,
        "uniqueid": channel.uniqueid,
        "linkedid": channel.uniqueid,
        "exten": channel.exten,
        "context": channel.context,
        "checkhangup": str(int(core.is_hung())),
        "channeltype": channel.name.partition("/")[0],
        "onhold": "0",
    }
    return own.get(item.lower(), channel.fields.get(item.lower(), ""))


def _channel_write(core: Core, item: str, value: str) -> None:
    channel, kind = core.channel, item.lower()
    if kind == "language":
        channel.language = value
    elif kind == "musicclass":
        channel.music = value
    elif kind.startswith("hangup_handler_"):
        _handler(channel, kind.removeprefix("hangup_handler_"), value)
    else:
        channel.fields[kind] = value


def _handler(channel: Channel, how: str, value: str) -> None:
    if how == "wipe":
        channel.handlers.clear()
    elif how == "pop" and channel.handlers:
        channel.handlers.pop()
    if value:
        channel.handlers.append(_whole_place(channel, value))


def _whole_place(channel: Channel, text: str) -> str:
    """A Gosub's target with context and extension, as they are where the handler is pushed."""
    label, opened, rest = text.partition("(")
    parts = label.split(",", 2)
    missing = [channel.context, channel.exten][: 3 - len(parts)]
    place = ",".join([*missing, *parts])
    arguments = rest[: rest.rfind(")")] if ")" in rest else rest
    return f"{place}({arguments})" if opened and arguments else place


# -- CURL and JSON -------------------------------------------------------------------------------------


def _curl(core: Core, text: str) -> str | None:
    found = separate(text, 2)
    if not found or "\r" in found[0] or "\n" in found[0]:
        return None
    body = found[1] if len(found) > 1 else ""
    settings = dict(core.channel.curl)
    method = "POST" if len(found) > 1 else "GET"
    request = HttpRequest(method, outer(found[0]), outer(body), {k: outer(v) for k, v in settings.items()})
    reply = core.outside.http(request)
    limit = int((scan_float(settings.get("httptimeout", "")) or 0) * 1000)
    core.skip(min(reply.after_ms, limit) if limit else reply.after_ms)
    if not reply.status or (limit and reply.after_ms >= limit) or _fails(core.channel, reply.status):
        return None
    return inner(reply.text).rstrip()


def _fails(channel: Channel, status: int) -> bool:
    """Asterisk cuts the list at its first comma while it reads it: a second request knows one code only."""
    codes = channel.curl.get("failurecodes", "").split(",")
    if codes[0]:
        channel.curl["failurecodes"] = codes[0]
    return status in map(atoi, filter(None, codes))


def _curlopt(core: Core, name: str) -> str:
    return core.channel.curl.get(name, "")


def _curlopt_write(core: Core, name: str, value: str) -> None:
    if name == "httpheader" and name in core.channel.curl:
        value = core.channel.curl[name] + "\n" + value
    core.channel.curl[name] = value


def _json_decode(core: Core, text: str) -> str | None:
    found = separate(text, 4)
    if len(found) < 2 or not found[0] or not found[1]:
        return None
    mark = found[2] if len(found) > 2 and len(found[2]) == 1 else "."
    count = len(found) > 3 and "c" in options(found[3])
    value = read(core, found[0])
    try:
        document = json.loads(outer(value), parse_constant=_no_constant) if value else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict | list):
        return None
    keys = [outer(key) for key in found[1].split(mark)]
    return _descend(document, iter(keys), count)


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _descend(document: Any, keys: Iterator[str], count: bool) -> str | None:
    while isinstance(document, dict | list):
        key = next(keys, None)
        if key is None:
            counted = count and isinstance(document, list)
            return str(len(document)) if counted else inner(_compact(document))
        if isinstance(document, dict):
            if key not in document:
                return None
            document = document[key]
            continue
        index = whole_int(key)
        if index is None or not 0 <= index < len(document):
            return ""
        document = document[index]
    return _scalar(document)


def _compact(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _scalar(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str((value + (1 << 31)) % (1 << 32) - (1 << 31))
    return f"{value:.17g}" if isinstance(value, float) else inner(str(value))


READ: dict[str, Read] = {
    "CALLERID": _callerid,
    "CHANNEL": _channel,
    "CURL": _curl,
    "CURLOPT": _curlopt,
    "JSON_DECODE": _json_decode,
    "CONNECTEDLINE": lambda core, text: core.channel.fields.get(f"CONNECTEDLINE({text})", ""),
    "REDIRECTING": lambda core, text: core.channel.fields.get(f"REDIRECTING({text})", ""),
    "PJSIP_HEADER": lambda core, text: "",
    "PJSIP_DIAL_CONTACTS": lambda core, text: f"PJSIP/{text.partition(',')[0]}",
}


def _field(prefix: str) -> Write:
    def write(core: Core, text: str, value: str) -> None:
        core.channel.fields[f"{prefix}({text})"] = value

    return write


WRITE: dict[str, Write] = {
    "CALLERID": _callerid_write,
    "CHANNEL": _channel_write,
    "CURLOPT": _curlopt_write,
    "CONNECTEDLINE": _field("CONNECTEDLINE"),
    "REDIRECTING": _field("REDIRECTING"),
    "PJSIP_HEADER": _field("PJSIP_HEADER"),
}

"""The files that phones on desks fetch, made of a site: name -> text. Templates are in asterisk-conf/phones.

They hold passwords: written for the owner and the group alone, and shown without.
"""

import difflib
import hashlib
import os
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from ccctl.asterisk.conf import shipped
from ccctl.errors import ApplyError
from ccctl.flow.graph import MODELS, Device, DeviceKey, Site, User
from ccctl.runtime.posixzone import Change, zone_of

HIDDEN = "********"
INDEX, FETCHES = "devices.json", "fetches.json"
_LANGUAGES = {  # as each maker calls them
    "de": {"yealink": "German", "grandstream": "de", "snom": "Deutsch", "poly": "German_Germany"},
    "en": {"yealink": "English", "grandstream": "en", "snom": "English", "poly": "English_United_States"},
    "es": {"yealink": "Spanish", "grandstream": "es", "snom": "Español", "poly": "Spanish_Spain"},
    "fr": {"yealink": "French", "grandstream": "fr", "snom": "Français", "poly": "French_France"},
    "it": {"yealink": "Italian", "grandstream": "it", "snom": "Italiano", "poly": "Italian_Italy"},
    "nl": {"yealink": "Dutch", "grandstream": "nl", "snom": "Nederlands", "poly": "Dutch_Netherlands"},
}
_FILES = {
    "yealink": {"{mac}.cfg": "yealink.cfg.j2"},
    "grandstream": {"cfg{mac}.xml": "grandstream.xml.j2"},
    "snom": {"{mac}.xml": "snom.xml.j2"},
    "poly": {
        "{mac}.cfg": "poly-master.cfg.j2",
        "{mac}-ccctl.cfg": "poly.cfg.j2",
        "{mac}-directory.xml": "poly-directory.xml.j2",
    },
}
_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


# -- escaping --------------------------------------------------------------------------------------


def _whole(text: str) -> str:
    """A sign that shows nothing would end a line, or the file; left out, a password would be another one."""
    if not text.isprintable():
        raise ApplyError(
            "a password holds signs that no phone can be told", "choose one of letters and digits"
        )
    return text


def line(text: str) -> str:
    """A value of Yealink: to the end of its line, blanks around it do not count."""
    if text != text.strip():
        raise ApplyError("a password begins or ends with a blank", "choose one of letters and digits")
    return _whole(text)


def xml(text: str) -> str:
    return re.sub("[&<>\"']", lambda found: _XML[found[0]], _whole(text))


def _snom(change: Change) -> str:
    return f"{change.month:02}.{change.week:02}.{change.weekday or 7:02} {change.hour:02}:00:00"


@cache
def _templates() -> jinja2.Environment:
    environment = shipped("phones")
    environment.filters |= {"line": line, "xml": xml, "snom": _snom}
    return environment


# -- files -----------------------------------------------------------------------------------------


def files_of(site: Site, device: Device) -> dict[str, str]:
    """What this phone fetches."""
    values = _values(site, device)
    try:
        return {
            name.format(mac=device.mac): _templates().get_template(template).render(values)
            for name, template in _FILES[MODELS[device.model].maker].items()
        }
    except ApplyError as error:
        raise ApplyError(f"{device.name}: {error.text}", error.hint) from None


def _values(site: Site, device: Device) -> dict[str, Any]:
    told, model = site.provision, MODELS[device.model]
    users = [site.users[who] for who in device.lines]
    transport = site.transports.get(device.transport)
    language = device.language or users[0].language or site.defaults.languages[0]
    return {
        "mac": device.mac,
        "lines": [_line(site, number, user) for number, user in enumerate(users, 1)],
        "keys": [_key(site, number, key) for number, key in enumerate(device.keys, len(users) + 1)],
        "most_lines": model.lines,
        "most_keys": model.keys,
        "server": told.server,
        "port": transport.at if transport else told.port,
        "transport": transport.type if transport else "udp",
        "codecs": device.codecs,
        "voicemail": _code(site, "voicemail"),
        "language": _LANGUAGES.get(language.partition("_")[0], dict.fromkeys(_FILES, "")),
        "zone": zone_of(site.defaults.timezone),
        "ntp": told.ntp,
        "dial_after": told.dial_after.removesuffix("s"),
        "password": told.password,
        "url": told.url,
        "secret": device.secret,
    }


def _line(site: Site, number: int, user: User) -> dict[str, Any]:
    return {
        "number": number,
        "user": user.name,
        "extension": user.extension,
        "title": _shown(user.title),
        "password": user.password,
        "srtp": user.srtp or site.defaults.srtp,
    }


def _key(site: Site, number: int, key: DeviceKey) -> dict[str, Any]:
    value, label = key.value, key.value
    if key.kind == "watch":
        value, label = site.users[key.value].extension, site.users[key.value].title
    elif key.kind == "switch":
        value = site.hours[key.value].switch
    lamp = key.kind in ("watch", "switch")
    return {"number": number, "value": value, "label": _shown(key.label or label), "lamp": lamp}


def _code(site: Site, action: str) -> str:
    return next((code.code for code in site.feature_codes.values() if code.action == action), "")


def _shown(title: str) -> str:
    """A name as a display can show it."""
    return " ".join("".join(char if char.isprintable() else " " for char in title).split())


# -- who may fetch what ----------------------------------------------------------------------------


class Known(msgspec.Struct, frozen=True):
    """A device, as the door knows it that gives out the files. Without `secret` it fetches nothing there."""

    name: str
    mac: str
    files: tuple[str, ...]
    secret: str = ""  # a digest


class Fetch(msgspec.Struct, frozen=True):
    at_ms: int
    address: str
    file: str


def digest(mac: str, secret: str) -> str:
    return hashlib.sha256(f"{mac}\0{secret}".encode()).hexdigest()


def index_of(site: Site, written: Collection[str], before: Iterable[Known]) -> str:
    """The text of the file that tells the door of all devices; those that were not written now stay as they
    were: their phones know the secret of then."""
    stay = [each for each in before if each.name in site.devices and each.name not in written]
    known = [
        Known(
            each.name,
            each.mac,
            tuple(name.format(mac=each.mac) for name in _FILES[MODELS[each.model].maker]),
            digest(each.mac, each.secret) if each.secret else "",
        )
        for each in site.devices.values()
        if each.name in written
    ]
    known = sorted((*stay, *known), key=lambda each: each.name)
    return msgspec.json.format(msgspec.json.encode(known), indent=1).decode() + "\n"


def known_in(folder: Path) -> tuple[Known, ...]:
    try:
        return msgspec.json.decode((folder / INDEX).read_bytes(), type=tuple[Known, ...])
    except (OSError, msgspec.MsgspecError):
        return ()


def note_fetch(folder: Path, device: str, address: str, file: str, at_ms: int) -> None:
    """For `ccctl phone list`. A folder that cannot be written keeps no phone from its file."""
    noted = {**fetches_in(folder), device: Fetch(at_ms, address, file)}
    with suppress(OSError):
        write(folder, FETCHES, msgspec.json.encode(noted).decode())


def fetches_in(folder: Path) -> dict[str, Fetch]:
    try:
        return msgspec.json.decode((folder / FETCHES).read_bytes(), type=dict[str, Fetch])
    except (OSError, msgspec.MsgspecError):
        return {}


# -- disk ------------------------------------------------------------------------------------------


def changed(folder: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of the wanted files that are not there in that way: name -> what is there."""
    there = {name: _read(folder / name) for name in wanted}
    return {name: there[name] for name, text in wanted.items() if there[name] != text}


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def write(folder: Path, name: str, text: str) -> None:
    """Whole or not at all; nobody else may read it at any time."""
    fresh = folder / f".{name}.new"
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    fresh.replace(folder / name)


def difference(name: str, before: str, after: str, secrets: Iterable[str]) -> str:
    """As `diff -u` shows it, without passwords: those of the site, and whatever stood in their place."""
    old, new = (_hidden(text, secrets).splitlines(keepends=True) for text in (before, after))
    shown = "".join(difflib.unified_diff(old, new, name, f"{name} (provisioned)", n=1))
    return shown or f"{name}: passwords differ\n"


_SECRET_LINES = (
    r"(\.password = |user_password = admin:).*()",
    r'((?:assword|auth\.password)=")[^"]*(")',
    r"(<(?:P34|P2|P1361|user_pass|admin_mode_password|http_pass|http_client_pass)\b[^>]*>).*?(</)",
)


def _hidden(text: str, secrets: Iterable[str]) -> str:
    for pattern in _SECRET_LINES:
        text = re.sub(pattern, rf"\g<1>{HIDDEN}\g<2>", text)
    for secret in sorted(
        {form for each in secrets if each for form in (each, xml(each))}, key=len, reverse=True
    ):
        text = text.replace(secret, HIDDEN) if len(secret) > 3 else text
    return text


def secrets_of(site: Site) -> set[str]:
    users = {user.password for user in site.users.values()}
    return users | {device.secret for device in site.devices.values()} | {site.provision.password}

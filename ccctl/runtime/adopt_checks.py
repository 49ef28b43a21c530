"""What stands in the way of living in an Asterisk that is there already: clashes, modules, settings."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from ccctl.asterisk.etc import Part, read
from ccctl.asterisk.node import Node
from ccctl.flow.compile import Plan
from ccctl.flow.compile_flow import VOICEMAIL

EVENTS = (
    "CHAN_START",
    "ANSWER",
    "HANGUP",
    "CHAN_END",
    "BRIDGE_ENTER",
    "BRIDGE_EXIT",
    "USER_DEFINED",
    "LINKEDID_END",
)
APP = "ccctl"


class Remark(msgspec.Struct, frozen=True):
    """`clash` and `fail` are in the way; a clash can only be put right by hand. `lacks` is what --write-base
    makes."""

    state: Literal["ok", "warn", "lacks", "fail", "clash"]
    what: str
    text: str
    hint: str = ""


def remarks(etc: Path, node: Node, plan: Plan | None, needed: Iterable[str]) -> list[Remark]:
    return [*clashes(etc, plan), *_modules(etc, needed), *base(etc, node), *_pjsip(etc)]


# -- names -----------------------------------------------------------------------------------------


def clashes(etc: Path, plan: Plan | None) -> Iterator[Remark]:
    """Names that both would have. Asterisk takes the first, or mixes both, without a word."""
    rename = "rename one of them"
    for part in read(etc, "extensions.conf"):
        if part.name.startswith("cc-"):
            yield Remark("clash", "context", f"{part.name} at {part.place} has a name of ours", "rename it")
    for file, what in (("pjsip.conf", "phone or trunk"), ("queues.conf", "queue")):
        ours = {section.name for section in plan.sections[file]} if plan else set()
        for part in read(etc, file):
            if part.name in ours and not part.template:
                yield Remark("clash", what, f"{part.name} at {part.place} is in the site, too", rename)
    for part in read(etc, "voicemail.conf"):
        if part.name == VOICEMAIL:
            text = f"the context {VOICEMAIL} at {part.place} is where the site's boxes are"
            yield Remark("clash", "mailbox", text, "rename it")
    for part in read(etc, "musiconhold.conf"):
        if plan and part.name in plan.music:
            yield Remark("clash", "music", f"{part.name} at {part.place} is in the site, too", rename)


# -- modules ---------------------------------------------------------------------------------------


def _modules(etc: Path, needed: Iterable[str]) -> Iterator[Remark]:
    parts = [part for part in read(etc, "modules.conf") if part.name == "modules"]
    options = [(key, value.removesuffix(".so")) for part in parts for key, value in part.options]
    excluded = {value for key, value in options if key == "noload"}
    missing = sorted(set(needed) & excluded)
    if ("autoload", "yes") not in options:
        loaded = {value for key, value in options if key in ("load", "require", "preload")}
        missing = sorted(set(needed) - loaded | set(missing))
    if missing:
        hint = "take them out of noload, or load them, and restart Asterisk"
        yield Remark("fail", "modules", f"modules.conf does not load {', '.join(missing)}", hint)
    else:
        yield Remark("ok", "modules", "modules.conf excludes nothing that we use")


# -- base files ------------------------------------------------------------------------------------


def base(etc: Path, node: Node) -> Iterator[Remark]:
    """The doors that the daemon needs. Settings in your own [general] are yours to change."""
    yield from _door(etc, "manager.conf", node.ami_user, {"enabled": "yes", "port": str(node.ami_port)})
    yield from _general(etc, "http.conf", {"enabled": "yes", "bindport": str(node.ari_port)})
    yield from _door(etc, "ari.conf", node.ari_user, {"enabled": "yes"})
    if node.events_port:
        yield from _door(etc, "ari.conf", f"{APP}-events", {})
        yield from _door(etc, "websocket_client.conf", APP, {})
    yield from _general(etc, "cel.conf", {"enable": "yes"})
    yield from _events(etc)
    mapped = any(key == "ccctl.csv" for part in read(etc, "cel_custom.conf") for key, _ in part.options)
    if not mapped:
        yield Remark(
            "lacks", "cel_custom.conf", "has no mapping ccctl.csv, which the ledger is completed from"
        )


def _door(etc: Path, file: str, section: str, general: dict[str, str]) -> Iterator[Remark]:
    yield from _general(etc, file, general)
    if all(part.name != section for part in read(etc, file)):
        yield Remark("lacks", file, f"has no [{section}]")


_DEFAULTS = {"port": "5038", "bindport": "8088", "ari.conf enabled": "yes"}


def _general(etc: Path, file: str, wanted: dict[str, str]) -> Iterator[Remark]:
    """A file that is not there is ours to write."""
    if not (etc / file).exists():
        yield Remark("lacks", file, "is not there")
        return
    part = next((part for part in read(etc, file) if part.name == "general"), Part("general", file, 1))
    for key, value in wanted.items():
        default = _DEFAULTS.get(f"{file} {key}") or _DEFAULTS.get(key, "no")
        if _plain(part.get(key) or default) != value:
            text = f"[general] at {part.place} has {key} = {part.get(key) or default}"
            yield Remark("fail", file, text, f"write {key} = {value} there")


def _plain(value: str) -> str:
    return "yes" if value.lower() in ("yes", "true", "1", "on", "y", "t") else value


def _events(etc: Path) -> Iterator[Remark]:
    if not (etc / "cel.conf").exists():
        return
    found = [part.get("events") for part in read(etc, "cel.conf") if part.name == "general"]
    have = {word.strip().upper() for text in found for word in text.split(",")}
    missing = [name for name in EVENTS if name not in have and "ALL" not in have]
    if missing:
        yield Remark("fail", "cel.conf", f"logs no {', '.join(missing)}", "add them to events in [general]")


# -- pjsip -----------------------------------------------------------------------------------------


def _pjsip(etc: Path) -> Iterator[Remark]:
    parts = read(etc, "pjsip.conf")
    if not any(part.get("type") == "transport" for part in parts):
        yield Remark(
            "fail", "pjsip.conf", "has no transport", "add one: type = transport, protocol = udp, bind = ..."
        )
    order = next(
        (part.get("endpoint_identifier_order") for part in parts if part.get("type") == "global"), ""
    )
    if not order.startswith("auth_username"):
        hint = "endpoint_identifier_order = auth_username,username,ip in the section of type global"
        yield Remark("warn", "pjsip.conf", "phones behind one address may be taken for a trunk there", hint)

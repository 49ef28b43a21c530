"""The base files of an adopted Asterisk: what is missing of them, rendered into files of ours only."""

import re
import secrets
from importlib import resources
from pathlib import Path

import jinja2
from msgspec.structs import replace

from ccctl.asterisk.etc import read
from ccctl.asterisk.node import Node
from ccctl.lab.folder import event_filters
from ccctl.runtime.adopt_checks import APP, Remark
from ccctl.runtime.settings import Settings

_NEWEST = (22, 5)


def draft_settings(home: str, etc: Path) -> Settings:
    """Settings for this Asterisk, with secrets of their own; ports and folders as its files say."""
    manager, http = _general(etc, "manager.conf"), _general(etc, "http.conf")
    folders = next(
        (dict(part.options) for part in read(etc, "asterisk.conf") if part.name == "directories"), {}
    )
    data = folders.get("astdatadir") or folders.get("astvarlibdir") or "/usr/share/asterisk"
    node = Node(
        ami_port=int(manager.get("port") or 5038),
        ami_secret=secrets.token_urlsafe(24),
        ari_port=int(http.get("bindport") or 8088),
        ari_secret=secrets.token_urlsafe(24),
        events_secret=secrets.token_urlsafe(24),
        etc_dir=str(etc.resolve()),
        sounds_dir=f"{data}/sounds",
        spool_dir=folders.get("astspooldir") or "/var/spool/asterisk",
        log_dir=folders.get("astlogdir") or "/var/log/asterisk",
    )
    return Settings(home=home, node=replace(node, sip_port=_sip_port(etc)))


def _general(etc: Path, file: str) -> dict[str, str]:
    return next((dict(part.options) for part in read(etc, file) if part.name == "general"), {})


def _sip_port(etc: Path) -> int:
    for part in read(etc, "pjsip.conf"):
        found = re.search(r":(\d+)$", part.get("bind")) if part.get("type") == "transport" else None
        if found:
            return int(found[1])
    return 5060


def render(etc: Path, node: Node, lacking: list[Remark]) -> dict[str, str]:
    """File -> text to be included there, for each file that lacks something of ours."""
    return {file: _text(etc, node, file) for file in dict.fromkeys(each.what for each in lacking)}


def _text(etc: Path, node: Node, file: str) -> str:
    source = resources.files("ccctl.asterisk_conf").joinpath(f"base/{file}.j2").read_text("utf-8")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration, not HTML
    )
    text = environment.from_string(source).render(_values(node))
    return text if not (etc / file).exists() else _sections(etc, file, text)


def _values(node: Node) -> dict[str, object]:
    fields = {name: getattr(node, name) for name in node.__struct_fields__}
    return {
        **fields,
        "outbound_apps": [APP] if node.events_port else [],
        "event_filters": event_filters(_NEWEST),
    }


def _sections(etc: Path, file: str, text: str) -> str:
    """Only what is not there: your [general] stays the one that counts."""
    there = {part.name for part in read(etc, file)}
    head, *blocks = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    kept = []
    for block in blocks:
        name = block[1 : block.index("]")]
        if name == "mappings" and name in there:  # Asterisk reads the first one only: ours is added to it
            kept.append(block.replace("[mappings]", "[mappings](+)", 1))
        elif name != "general" and name not in there:
            kept.append(block)
    return head + "".join(kept)

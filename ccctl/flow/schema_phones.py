"""The section transports. Declared as a table, like those of schema_sections.py."""

import re

from ccctl.flow import graph, shapes, values
from ccctl.flow.schema_steps import whole
from ccctl.flow.schema_types import Key, Reader, Table, choice, read_keys, typed
from ccctl.flow.source import Node, Scalar
from ccctl.flow.values import Wrong

Entries = list[tuple[Scalar, Node]]


def _address(text: str) -> str | Wrong:
    found = values.host(text)
    if isinstance(found, Wrong) or not re.fullmatch(r"[0-9.]+", text):
        return Wrong(f'"{text}" is no address of this machine', "write for example 0.0.0.0 or 192.0.2.10")
    return found


def _path(text: str) -> str | Wrong:
    if re.fullmatch(r"(/[A-Za-z0-9_@+=.-]+)+", text) and "/../" not in f"{text}/":
        return text
    hint = "write the whole path, for example /etc/asterisk/keys/pbx.crt"
    return Wrong(f'"{text}" is not a path from the root, of letters, digits and ._@+=-', hint)


ADDRESS = typed("IPv4 address", _address, shape=shapes.HOST)
PATH = typed("path from the root", _path, shape=shapes.matching("/.+", "a path from the root"))
TRANSPORT = Table(
    "transport",
    "Where Asterisk listens for phones, beside what its own files say. Paths are those of its machine.",
    (
        Key("type", choice("udp", "tcp", "tls"), "kind", required=True, example="type: tls"),
        Key("bind", ADDRESS, "address of the machine", "0.0.0.0"),  # noqa: S104 - phones come from outside
        Key("port", whole(1, 65535), "port", "5060, of tls 5061"),
        Key("certificate", PATH, "certificate of a tls transport, with those between it and its root"),
        Key("key", PATH, "its private key; Asterisk must be able to read it, and nobody else should"),
    ),
)


def read_transports(reader: Reader, entries: Entries) -> dict[str, graph.Transport]:
    found = {
        word.text: read_keys(reader, node, TRANSPORT, at=("transports", word.text)) for word, node in entries
    }
    spans = reader.names["transports"]
    return {
        name: graph.Transport(name=name, span=spans[name], **{"type": "", **keys})
        for name, keys in found.items()
    }

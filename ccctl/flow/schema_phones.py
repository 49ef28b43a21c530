"""The sections transports, devices and provision. Declared as tables, like those of schema_sections.py."""

import re

from ccctl.flow import checks_reading as findings
from ccctl.flow import graph, shapes, values
from ccctl.flow.schema_sections import HOST, LANGUAGE
from ccctl.flow.schema_steps import whole
from ccctl.flow.schema_types import (
    Key,
    Kind,
    Reader,
    Table,
    choice,
    listed,
    named,
    read_keys,
    read_secret,
    typed,
)
from ccctl.flow.source import Mapping, Node, Scalar
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


# -- devices ---------------------------------------------------------------------------------------

LABEL_MOST = 32


def _mac(text: str) -> str | Wrong:
    bare = re.sub(r"[:.-]", "", text).lower()
    if re.fullmatch(r"[0-9a-f]{12}", bare):
        return bare
    return Wrong(f'"{text}" is no MAC address', 'write twelve hex digits in quotes: "00:15:65:12:34:56"')


def _url(text: str) -> str | Wrong:
    if re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*/?", text):
        return text.rstrip("/")
    return Wrong(
        f'"{text}" is no address of a folder', "write for example https://pbx.acme.example/provision"
    )


def _dialled(text: str) -> str | Wrong:
    if re.fullmatch(r"\+?[0-9*#]{1,24}", text):
        return text
    return Wrong(f'"{text}" cannot be dialled', "write digits, in quotes")


def _label(text: str) -> str | Wrong:
    if len(text) <= LABEL_MOST and text.isprintable():
        return text
    return Wrong(f'"{text}" does not fit a key', f"write at most {LABEL_MOST} letters")


LABEL = typed("text", _label, shape=shapes.LINE)
DIALLED = typed("digits", _dialled, shape=shapes.matching(r"\+?[0-9*#]{1,24}", "digits, in quotes", True))
KEY = Table(
    "device key",
    "A key beside the display of a phone; one of `watch`, `switch`, `code` and `dial` says what it does.",
    (
        Key("watch", named("users", "a user"), "lamp of this user; pressed, it calls"),
        Key("switch", named("hours", "a set of opening hours"), "lamp and key of the switch of these hours"),
        Key("code", DIALLED, 'feature code that it dials, with what may follow: `"*451"`'),
        Key("dial", DIALLED, "number that it dials"),
        Key("label", LABEL, "what stands beside it", "name of the user or hours, or what is dialled"),
    ),
)
ACTIONS = ("watch", "switch", "code", "dial")
ONE_ACTION: shapes.Shape = {**KEY.shape, "oneOf": [{"required": [word]} for word in ACTIONS]}


def _read_key(reader: Reader, node: Node) -> graph.DeviceKey | None:
    found = read_keys(reader, node, KEY)
    written = [word.text for word, _ in node.entries] if isinstance(node, Mapping) else []
    actions = [word for word in ACTIONS if word in written]
    if isinstance(node, Mapping) and len(actions) != 1:
        text = "a key does one thing" if actions else "nothing says what this key does"
        reader.report(findings.shape(node.span, text, f"write one of {', '.join(ACTIONS)}"))
        return None
    values = {word: found[word] for word in actions if word in found}
    return next(
        (
            graph.DeviceKey(kind=kind, value=value, label=found.get("label", ""), span=node.span)
            for kind, value in values.items()
        ),
        None,
    )


DEVICE = Table(
    "device",
    "A phone on a desk, for which `ccctl phone provision` writes what it fetches.",
    (
        Key("model", choice(*graph.MODELS), "family", required=True, example="model: yealink-t4x"),
        Key(
            "mac",
            typed(
                "MAC address",
                _mac,
                shape=shapes.matching("([0-9A-Fa-f]{2}[:.-]?){5}[0-9A-Fa-f]{2}", "", True),
            ),
            "its address, on the back",
            required=True,
            example='mac: "00:15:65:12:34:56"',
        ),
        Key(
            "lines",
            listed(named("users", "a user")),
            "whose phone it is",
            required=True,
            example="lines: anna",
        ),
        Key("transport", named("transports", "a transport"), "how it reaches Asterisk", "UDP"),
        Key("language", LANGUAGE, "of its display", "of its first user"),
        Key("codecs", listed(choice("alaw", "ulaw")), "codecs in order of choice", "[alaw, ulaw]"),
        Key("keys", listed(Kind("mapping, below", _read_key, ONE_ACTION)), "keys after those of its lines"),
        Key("secret", read_secret("a password"), "with which it fetches its file, by its MAC as user"),
    ),
)
PROVISION = Table(
    "provision",
    "What all phones on desks are told. The time zone is that of `defaults`.",
    (
        Key("server", HOST, "where they register", required=True, example="server: pbx.acme.example"),
        Key("port", whole(1, 65535), "port there, of phones without a transport", "5060"),
        Key("ntp", HOST, "where they get the time", "pool.ntp.org"),
        Key(
            "url",
            typed("address of a folder", _url, shape=shapes.SINGLE),
            "where they fetch their files again",
        ),
        Key("password", read_secret("a password"), "of their own pages and menus, for `admin`"),
        Key("dial_after", choice("2s", "5s", "10s", "15s"), "how long after the last digit they dial", "5s"),
    ),
)


def read_devices(reader: Reader, entries: Entries) -> dict[str, graph.Device]:
    found = {word.text: read_keys(reader, node, DEVICE, at=("devices", word.text)) for word, node in entries}
    spans = reader.names["devices"]
    return {name: graph.Device(name=name, span=spans[name], **keys) for name, keys in found.items()}


def read_provision(reader: Reader, entries: Entries) -> graph.Provision:
    if not entries:
        return graph.Provision()
    span = entries[0][0].span
    reader.names["provision"] = {"provision": span}
    keys = read_keys(reader, Mapping(tuple(entries), span), PROVISION, at=("provision", "provision"))
    return graph.Provision(span=span, **keys)

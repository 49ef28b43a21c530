"""Checks of phones: transports, encryption, devices."""

from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic
from ccctl.flow.checks_names import hint_for
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import place
from ccctl.flow.graph import MODELS, Transport
from ccctl.flow.schema import Draft

FILES = ("certificate", "key")


@finding("E808")
def check_certificates(draft: Draft) -> Iterator[Diagnostic]:
    """A tls transport without its certificate or key, or another with one.

    Without both Asterisk cannot prove who it is, and no phone connects. Other transports encrypt nothing.

    Bad:
        transports: {secure: {type: tls, port: 5061}}
    Good:
        transports: {secure: {type: tls, certificate: /etc/pbx.crt, key: /etc/pbx.key}}
    """
    for transport in draft.site.transports.values():
        written = [word for word in FILES if ("transports", transport.name, word) in draft.spots]
        lacking = [word for word in FILES if word not in written]
        if transport.type == "tls" and lacking:
            text = f'transport "{transport.name}" is of type tls and has no {" and no ".join(lacking)}'
            yield found("E808", transport.span, text, f"add {lacking[0]}: and the path of a file")
        elif transport.type in ("udp", "tcp") and written:
            span = draft.spot("transports", transport.name, written[0])
            yield found(
                "E808", span, f"{transport.type} has no {written[0]}", "write type: tls, or take it out"
            )


@finding("E809")
def check_transport_addresses(draft: Draft) -> Iterator[Diagnostic]:
    """Two transports at one address.

    Asterisk can give it to one of them only. tcp and udp may have the same port; tcp and tls may not.

    Bad:
        transports: {plain: {type: tcp, port: 5061}, secure: {type: tls, certificate: /c, key: /k}}
    Good:
        transports: {plain: {type: tcp, port: 5060}, secure: {type: tls, certificate: /c, key: /k}}
    """
    transports = [transport for transport in draft.site.transports.values() if transport.type]
    for at, transport in enumerate(transports):
        for other in transports[:at]:
            if _clash(transport, other):
                text = f'port {transport.at} is also that of "{other.name}" ({place(other.span)})'
                yield found("E809", transport.span, text, "write another port:")
                break


def _clash(one: Transport, other: Transport) -> bool:
    binds = {one.bind, other.bind}
    same_wire = (one.type == "udp") == (other.type == "udp")
    return same_wire and one.at == other.at and (len(binds) == 1 or "0.0.0.0" in binds)  # noqa: S104 - compared only


@finding("E810")
def check_encryption(draft: Draft) -> Iterator[Diagnostic]:
    """Encrypted media whose keys anybody can read, or that is encrypted anyway.

    With `srtp` the keys are part of the signalling: without a transport of type tls they are sent in the
    clear. A phone in a browser encrypts by itself, with keys that it agrees on in another way.

    Bad:
        users: {anna: {extension: 201, password: !secret ph201, srtp: required}}     # no tls
    Good:
        transports: {secure: {type: tls, certificate: /etc/pbx.crt, key: /etc/pbx.key}}
        users: {anna: {extension: 201, password: !secret ph201, srtp: required}}
    """
    site = draft.site
    secure = any(transport.type == "tls" for transport in site.transports.values())
    hint = "add a transport of type tls, or take srtp out"
    if site.defaults.srtp != "off" and not secure:
        span = draft.spot("defaults", "defaults", "srtp")
        yield found("E810", span, "the keys of srtp are sent in the clear without tls", hint)
    for user in site.users.values():
        span = draft.spot("users", user.name, "srtp")
        if user.srtp and user.phone == "webrtc":
            yield found("E810", span, "a phone in a browser encrypts by itself", "take srtp out")
        elif user.srtp not in ("", "off") and not secure:
            yield found("E810", span, "the keys of srtp are sent in the clear without tls", hint)


def check_encrypted_devices(draft: Draft) -> Iterator[Diagnostic]:
    """The page of E810 is with check_encryption."""
    site = draft.site
    for device in site.devices.values():
        transport = site.transports.get(device.transport)
        lines = [site.users[line] for line in device.lines if line in site.users]
        if any((line.srtp or site.defaults.srtp) != "off" for line in lines) and (
            not device.transport or (transport and transport.type in ("udp", "tcp"))
        ):
            span = draft.spot("devices", device.name, "transport")
            text = f'the phone "{device.name}" would send the keys of srtp in the clear'
            yield found("E810", span, text, "name a transport of type tls")


# -- devices ---------------------------------------------------------------------------------------


@finding("E811")
def check_transport_names(draft: Draft) -> Iterator[Diagnostic]:
    """A transport that does not exist.

    Bad:
        devices: {desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna, transport: secur}}
    Good:
        devices: {desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna, transport: secure}}
    """
    for ref in draft.missing:
        if ref.kind == "transports":
            yield found("E811", ref.span, f'unknown transport "{ref.name}"', hint_for(draft, ref))


@finding("E812")
def check_macs(draft: Draft) -> Iterator[Diagnostic]:
    """Two devices with the same MAC address.

    Each phone fetches the file of its address; one of the two would never be used.

    Bad:
        devices:
          desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna}
          desk-2: {model: yealink-t4x, mac: 00-15-65-12-34-56, lines: ben}
    Good:
        devices:
          desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna}
          desk-2: {model: yealink-t4x, mac: "00:15:65:12:34:57", lines: ben}
    """
    first: dict[str, str] = {}
    for device in draft.site.devices.values():
        other = first.setdefault(device.mac, device.name)
        if device.mac and other != device.name:
            span = draft.spot("devices", device.name, "mac")
            yield found("E812", span, f'"{other}" has this address, too', "look at the back of the phone")


@finding("E813")
def check_room(draft: Draft) -> Iterator[Diagnostic]:
    """More lines or keys than a phone of that family has.

    Counted are those that every phone of the family has; the keys of the lines are among the keys.

    Bad:
        devices: {desk-1: {model: grandstream-gxp, mac: "00:0b:82:12:34:56", lines: [anna, ben]}}
    Good:
        devices: {desk-1: {model: grandstream-gxp, mac: "00:0b:82:12:34:56", lines: anna}}
    """
    for device in draft.site.devices.values():
        model = MODELS.get(device.model)
        if model and len(device.lines) > model.lines:
            span = draft.spot("devices", device.name, "lines")
            yield found(
                "E813", span, f"{device.model} is used with at most {model.lines} lines", "take some out"
            )
        elif model and len(device.lines) + len(device.keys) > model.keys:
            left = model.keys - len(device.lines)
            span = draft.spot("devices", device.name, "keys")
            yield found("E813", span, f"{device.model} has {left} keys beside its lines", "take some out")


@finding("E814")
def check_lines(draft: Draft) -> Iterator[Diagnostic]:
    """A line that cannot be on that phone: of a user in a browser, or who has another phone.

    A user has one phone: the second that registers would turn the first away.

    Bad:
        devices:
          desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna}
          desk-2: {model: yealink-t4x, mac: "00:15:65:12:34:57", lines: [ben, anna]}
    Good:
        devices:
          desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna}
          desk-2: {model: yealink-t4x, mac: "00:15:65:12:34:57", lines: ben}
    """
    where: dict[str, str] = {}
    for device in draft.site.devices.values():
        span = draft.spot("devices", device.name, "lines")
        for line in device.lines:
            user = draft.site.users.get(line)
            if user and user.phone == "webrtc":
                yield found("E814", span, f"the phone of {line} is in a browser", "write phone: sip there")
            elif line in where:
                yield found("E814", span, f'{line} is on "{where[line]}" already', "name each user once")
            where.setdefault(line, device.name)


@finding("E815")
def check_device_keys(draft: Draft) -> Iterator[Diagnostic]:
    """A key that does nothing: its code is none of the site's, or its hours have no switch.

    Bad:
        devices:
          desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna, keys: [{code: "*45"}]}
    Good:
        feature_codes: {"*45": agent-login}
        devices:
          desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna, keys: [{code: "*45"}]}
    """
    site = draft.site
    codes = tuple(site.feature_codes) + tuple(
        code for hours in site.hours.values() for code in (hours.switch, hours.emergency) if code
    )
    for device in site.devices.values():
        for key in device.keys:
            hours = site.hours.get(key.value)
            if key.kind == "code" and not key.value.startswith(codes or ("none",)):
                known = ", ".join(codes) or "none"
                yield found("E815", key.span, f'"{key.value}" is no feature code', f"feature codes: {known}")
            elif key.kind == "switch" and hours and not hours.switch:
                text = f'hours "{key.value}" have no switch'
                yield found("E815", key.span, text, "add switch: and a code to them")


@finding("E816")
def check_provision(draft: Draft) -> Iterator[Diagnostic]:
    """Phones are not told where to register.

    Bad:
        devices: {desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna}}
    Good:
        provision: {server: pbx.acme.example}
        devices: {desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna}}
    """
    devices = draft.site.devices
    if devices and "provision" not in draft.names:
        first = next(iter(devices.values()))
        yield found(
            "E816", first.span, "phones are not told where to register", "write provision: {server: ...}"
        )


CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_certificates,
    check_transport_addresses,
    check_encryption,
    check_encrypted_devices,
    check_transport_names,
    check_macs,
    check_room,
    check_lines,
    check_device_keys,
    check_provision,
)

"""Checks of phones: transports, encryption."""

from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import place
from ccctl.flow.graph import Transport
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
    return same_wire and one.at == other.at and (len(binds) == 1 or "0.0.0.0" in binds)  # noqa: S104


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


CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_certificates,
    check_transport_addresses,
    check_encryption,
)

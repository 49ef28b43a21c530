"""Who may do what: host names, origins, the token, and the headers that tell browsers to be strict.

The unix socket has every right: its file permissions are the check. On TCP a page of another site
must not reach us (Host and Origin), and without the token nothing can be changed.
"""

import hmac
import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from ccctl.web.answers import Problem
from ccctl.web.keys import LOCAL, SETTINGS

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # a board that runs for months must not mix files of two versions
}
SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    headers: CIMultiDict[str] = response.headers
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not request.app[LOCAL]:
        check_host(request)
        if request.method not in SAFE or hdrs.UPGRADE in request.headers:
            check_origin(request)
        if request.method not in SAFE:
            check_token(request)
    return await handler(request)


def check_host(request: web.Request) -> None:
    """A name we do not know may be an attacker's, pointed at our address (DNS rebinding).
    An address in the Host header cannot be: no name was looked up."""
    name = _hostname(request.host)
    if not (is_address(name) or name in _names(request)):
        raise Problem(
            403, "unknown-host", "this host name is not served here", "add it to web_names in settings.yaml"
        )


def _names(request: web.Request) -> set[str]:
    settings = request.app[SETTINGS]
    own = {"localhost", socket.gethostname().lower(), settings.web_host.lower()}
    return own | {name.lower() for name in settings.web_names}


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def check_origin(request: web.Request) -> None:
    """Browsers send Origin with a POST and a WebSocket; programs send none."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return
    if urlsplit(origin).netloc.lower() != request.host.lower():
        raise Problem(403, "foreign-origin", "requests from pages of another site are refused")


def check_token(request: web.Request) -> None:
    token = request.app[SETTINGS].web_token
    if not token:
        raise Problem(
            403,
            "read-only",
            "changes are off on this port",
            "set web_token in settings.yaml, or use the ccctl command",
        )
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise Problem(
            401, "unauthorized", "the token is missing or wrong", "send Authorization: Bearer <token>"
        )


def check_local(request: web.Request) -> None:
    if not request.app[LOCAL]:
        raise Problem(
            403, "local-only", "this is only possible on the daemon's unix socket", "use the ccctl command"
        )


def is_loopback(host: str) -> bool:
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)

"""The door at which phones on desks fetch their files: a port of its own, nothing else behind it.

A phone proves itself by its MAC and the secret of its device (HTTP basic). What is not its file, a MAC that
nobody has and a wrong secret get one and the same answer. The folder is what `ccctl phone provision` wrote.
"""

import hmac
import logging
import re
import ssl
import time
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from ccctl.errors import SettingsError
from ccctl.runtime import provision
from ccctl.runtime.provision import Known
from ccctl.runtime.settings import Settings
from ccctl.web.guard import is_loopback

log = logging.getLogger(__name__)

TRIES, LOCKED_S = 5, 300.0  # wrong secrets in a row for one MAC from one address
BURST, PER_SECOND = 40.0, 4.0  # requests of one address
KEPT = 4096  # addresses that are remembered
NOBODY = "-" * 64  # no digest is like this
TYPES = {".xml": "text/xml", ".cfg": "text/plain"}


class Limits:
    """Who asks too often, and who guesses. Nothing is remembered for long, and only so much of it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._asked: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens left, when
        self._failed: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()  # how often, last

    def asks(self, address: str) -> bool:
        """False: too often."""
        now = self._clock()
        left, at = self._asked.pop(address, (BURST, now))
        left = min(BURST, left + (now - at) * PER_SECOND)
        self._asked[address] = (max(left - 1, 0), now)
        _prune(self._asked)
        return left >= 1

    def is_locked(self, address: str, mac: str) -> bool:
        failed, at = self._failed.get((address, mac), (0, 0.0))
        return failed >= TRIES and self._clock() - at < LOCKED_S

    def failed(self, address: str, mac: str) -> None:
        before, at = self._failed.pop((address, mac), (0, 0.0))
        again = before if self._clock() - at < LOCKED_S else 0
        self._failed[address, mac] = (again + 1, self._clock())
        _prune(self._failed)

    def succeeded(self, address: str, mac: str) -> None:
        self._failed.pop((address, mac), None)


def _prune(known: OrderedDict[Any, Any]) -> None:
    while len(known) > KEPT:
        known.popitem(last=False)


class Door:
    """Closed when the settings name no port."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.folder = Path(settings.phones)
        self.limits = Limits(clock)
        self._runner: web.AppRunner | None = None

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1024)
        app.router.add_get("/provision/{name}", self.fetch)
        app.on_response_prepare.append(_add_headers)
        return app

    async def start(self) -> None:
        if not self.settings.phones_port:
            return
        host, port = self.settings.phones_host, self.settings.phones_port
        secure = _secure(self.settings)
        if secure is None and not is_loopback(host):
            raise SettingsError(
                f"phones would fetch their passwords in the clear from {host}",
                "set phones_certificate and phones_key in settings.yaml",
            )
        self._runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=2, handle_signals=False)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, ssl_context=secure).start()
        except OSError as error:
            raise SettingsError(f"port {port} on {host}: {error.strerror}", "set phones_port") from None
        log.info("phones fetch at http%s://%s:%s/provision", "s" if secure else "", host, port)

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def fetch(self, request: web.Request) -> web.Response:
        address = request.remote or ""
        if not self.limits.asks(address):
            return web.Response(status=429, text="too often\n", headers={hdrs.RETRY_AFTER: "60"})
        who = _who(request)
        if who is None:  # phones ask without, first
            return _refused()
        mac, name = re.sub("[^0-9a-f]", "", who[0].lower())[:12], request.match_info["name"].lower()
        if self.limits.is_locked(address, mac):
            log.warning("%s asks for the phone %s after wrong secrets", address, mac)
            return _refused()
        known = next((each for each in provision.known_in(self.folder) if each.mac == mac), None)
        right = hmac.compare_digest(provision.digest(mac, who[1]), (known.secret if known else "") or NOBODY)
        if not (known and right):
            self.limits.failed(address, mac)
            log.warning("%s was refused the file of the phone %s", address, mac)
            return _refused()
        self.limits.succeeded(address, mac)
        return self._give(known, name, address)

    def _give(self, known: Known, name: str, address: str) -> web.Response:
        path = self.folder / name
        if name not in known.files or not path.is_file():
            return web.Response(status=404, text="not here\n")
        log.info("%s fetched %s of the phone %s", address, name, known.name)
        provision.note_fetch(self.folder, known.name, address, name, int(time.time() * 1000))
        return web.Response(body=path.read_bytes(), content_type=TYPES.get(path.suffix, "text/plain"))


def _who(request: web.Request) -> tuple[str, str] | None:
    """User and password (RFC 7617)."""
    kind, _, proof = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, colon, secret = b64decode(proof.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, secret) if colon else None


def _refused() -> web.Response:
    headers = {hdrs.WWW_AUTHENTICATE: 'Basic realm="phones", charset="UTF-8"'}
    return web.Response(status=401, text="not known\n", headers=headers)


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"


def _secure(settings: Settings) -> ssl.SSLContext | None:
    if not settings.phones_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.phones_certificate, settings.phones_key or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"{settings.phones_certificate} and its key cannot be used: {error}",
            "correct phones_certificate and phones_key in settings.yaml",
        ) from None
    return context

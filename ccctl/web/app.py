"""The web application and the two doors it is served at: a unix socket and a TCP port.

Both doors have the same routes. The application of the socket trusts its caller (file mode 0660);
the one of the TCP port checks host, origin and token: see guard.py.
"""

import errno
import logging
import os
import socket
from pathlib import Path

import aiohttp_jinja2
import jinja2
import sqlalchemy
from aiohttp import web
from aiohttp.typedefs import Handler

from ccctl.errors import AsteriskDown, CcctlError, SettingsError
from ccctl.runtime.settings import Settings
from ccctl.web import (
    agents,
    callbacks,
    calls,
    guard,
    ledger,
    live,
    queues,
    recordings,
    reports,
    status,
    supervision,
    wallboard,
)
from ccctl.web.answers import Problem, problem
from ccctl.web.keys import ENGINE, JOURNAL, LOCAL, SETTINGS, STORE, Engine, JournalStatus

log = logging.getLogger(__name__)

NOUNS = (status, agents, supervision, queues, callbacks, calls, recordings, reports, live, wallboard)
HERE = Path(__file__).parent
STATUS = {404: "not-found", 405: "bad-method", 413: "too-large"}


def create_app(
    engine: Engine,
    store: sqlalchemy.Engine,
    settings: Settings,
    journal: JournalStatus = dict,
    local: bool = False,
) -> web.Application:
    """`journal` tells how the ledger's writer is; `local` is for the unix socket only: it lifts the
    checks of host, origin and token."""
    app = web.Application(middlewares=[errors, guard.guard], client_max_size=64 * 1024)
    app[ENGINE], app[STORE], app[SETTINGS], app[LOCAL] = engine, store, settings, local
    app[JOURNAL] = journal
    app.on_response_prepare.append(guard.add_headers)
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(HERE / "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for noun in NOUNS:
        app.add_routes(noun.routes)
    app.router.add_static("/static", HERE / "static")
    live.setup(app)
    ledger.setup(app)
    return app


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure is JSON with an error id; the cause of an unforeseen one goes to the log only."""
    try:
        return await handler(request)
    except Problem as error:
        return problem(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem(Problem(error.status, STATUS.get(error.status, "http"), error.reason))
    except CcctlError as error:
        status = 503 if isinstance(error, AsteriskDown) or error.id == "store" else 409
        return problem(Problem(status, error.id, error.text, error.hint))
    except Exception:
        log.exception("%s %s failed", request.method, request.path, extra={"action": "request-failed"})
        return problem(Problem(500, "internal", "the daemon failed on this request", "see the daemon's log"))


class Server:
    """Both doors, opened and closed together."""

    def __init__(
        self, engine: Engine, store: sqlalchemy.Engine, settings: Settings, journal: JournalStatus = dict
    ) -> None:
        self.settings = settings
        self._bound = False
        self._local = _runner(create_app(engine, store, settings, journal, local=True))
        self._tcp = _runner(create_app(engine, store, settings, journal))

    async def start(self) -> None:
        await self._local.setup()
        await self._tcp.setup()
        try:
            await self._open_socket()
            await self._open_port()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        await self._tcp.cleanup()
        await self._local.cleanup()
        if self._bound:
            Path(self.settings.socket).unlink(missing_ok=True)

    async def _open_socket(self) -> None:
        try:
            sock = bind_socket(self.settings.socket)
        except OSError as error:
            raise SettingsError(
                f"{self.settings.socket}: {error.strerror or error}", "is the home folder there and writable?"
            ) from None
        self._bound = True
        await web.SockSite(self._local, sock).start()

    async def _open_port(self) -> None:
        host, port = self.settings.web_host, self.settings.web_port
        try:
            await web.TCPSite(self._tcp, host, port).start()
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
            raise SettingsError(
                f"port {port} on {host} {why}",
                "set web_host and web_port in settings.yaml, or end the other program",
            ) from None


def _runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(app, access_log=None, shutdown_timeout=2, handle_signals=False)


def bind_socket(path: str) -> socket.socket:
    """The unix socket, born with mode 0660; one that a killed daemon left behind is taken away."""
    if _is_answered(path):
        raise SettingsError(
            f"{path}: another daemon runs with this home", "end it first, or give another --home"
        )
    Path(path).unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX)
    before = os.umask(0o117)
    try:
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(before)
    return sock


def _is_answered(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(path)
        except OSError:
            return False
    return True

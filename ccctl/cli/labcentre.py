"""A whole call centre of one home as child processes: what a person would type, and the daemon.

Everything that is started here is stopped here, by its pid, in the opposite order; what ran before stays.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import click

from ccctl.errors import CcctlError, DaemonDown, LabError
from ccctl.flow.graph import Site
from ccctl.runtime.settings import Settings, load

READY_SECONDS = 30.0
QUIET_SECONDS, QUIET_LOOKS = 3.0, 30
STOP_SECONDS = 10.0


def program() -> list[str]:
    """This very ccctl, also when it is not on the PATH."""
    script = Path(sys.executable).with_name("ccctl")
    return (
        [str(script)]
        if script.exists()
        else [sys.executable, "-c", "from ccctl.cli.main import main; main()"]
    )


async def run_ccctl(home: str, *arguments: str, echo: bool = True) -> tuple[int, str]:
    """Run one command of ours; its exit code and what it printed."""
    if echo:
        click.secho(f"$ ccctl {' '.join(arguments)}", dim=True)
    process = await asyncio.create_subprocess_exec(
        *program(),
        "--home",
        home,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for us: we stop things in order
    )
    assert process.stdout is not None
    lines = []
    try:
        async for line in process.stdout:
            lines.append(line.decode(errors="replace"))
            if echo:
                click.echo(f"  {lines[-1].rstrip()}")
        return await process.wait(), "".join(lines)
    finally:
        if process.returncode is None:  # we are being stopped
            process.terminate()
            await process.wait()


async def must_run(home: str, *arguments: str) -> str:
    code, text = await run_ccctl(home, *arguments)
    if code:
        last = text.strip().splitlines()[-1:] or ["it said nothing"]
        raise LabError(f"ccctl {arguments[0]} ended with {code}: {last[0].removeprefix('ccctl: ')}")
    return text


class Api:
    """The daemon's REST interface over its unix socket."""

    def __init__(self, settings: Settings) -> None:
        self._socket = settings.socket

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            "http://ccctl",
            connector=aiohttp.UnixConnector(self._socket),
            timeout=aiohttp.ClientTimeout(total=5),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return await self._ask("POST", path, body or {})

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            async with self._session.request(method, f"/api/v1/{path}", json=body) as answer:
                said = await answer.json()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DaemonDown(hint="start it with 'ccctl serve'") from error
        if answer.status >= 400:
            raise CcctlError(f"{path}: {said.get('text', answer.status)}", said.get("hint", ""))
        return said

    async def is_ready(self) -> bool:
        """The daemon answers and has both doors to Asterisk open."""
        try:
            system = (await self.get("status"))["system"]
        except CcctlError:
            return False
        return bool(system.get("ami") and system.get("ari"))


class Daemon:
    """`ccctl serve` as a child; one that runs already is used and left alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self.log = Path(settings.home) / "serve.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def __aenter__(self) -> Self:
        async with Api(self._settings) as api:
            if await api.is_ready():
                click.echo("  the daemon runs already")
                return self
            try:
                await self._start(api)
            except BaseException:
                await self._stop()
                raise
        return self

    async def _start(self, api: Api) -> None:
        click.secho("$ ccctl serve", dim=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *program(),
                "--home",
                self._settings.home,
                "serve",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        while not await api.is_ready():
            if self._process.returncode is not None:
                raise LabError(f"the daemon ended with {self._process.returncode}: {self._last_words()}")
            if loop.time() > deadline:
                raise LabError(f"the daemon was not ready in {READY_SECONDS:.0f} s", f"see {self.log}")
            await asyncio.sleep(0.1)
        click.echo(f"  ready, pid {self._process.pid}")

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"see {self.log}"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        await self._let_calls_end()
        for number in (signal.SIGTERM, signal.SIGKILL):
            process.send_signal(number)
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
                return
            except TimeoutError:
                click.echo(f"the daemon (pid {process.pid}) does not stop on {number.name}", err=True)

    async def _let_calls_end(self) -> None:
        """The phones have hung up: let the ledger hear of it, else the next start has to find out."""
        async with Api(self._settings) as api:
            with contextlib.suppress(CcctlError):
                for _ in range(QUIET_LOOKS):
                    if not (await api.get("status"))["calls"]:
                        return
                    await asyncio.sleep(QUIET_SECONDS / QUIET_LOOKS)


class Centre:
    """Lab, site and daemon of one home: up on entry, down on exit."""

    def __init__(self, home: str, site: Path, make_site: Callable[[Settings], None] | None = None) -> None:
        """`make_site` writes the site folder once the lab's ports are known."""
        self.home, self.site_folder = home, site
        self._make_site = make_site
        self._ours = False

    async def __aenter__(self) -> Self:
        self._ours = (await run_ccctl(self.home, "lab", "status", echo=False))[0] != 0
        try:
            await must_run(self.home, "lab", "up")
            self.settings = load(self.home)
            if self._make_site:
                self._make_site(self.settings)
            elif not self.site_folder.exists():
                await must_run(self.home, "init", str(self.site_folder))
            await must_run(self.home, "apply", str(self.site_folder), "--yes")
            self.site = read_site(self.site_folder)
            self.daemon = Daemon(self.settings)
            await self.daemon.__aenter__()
        except BaseException:
            await self._down()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.daemon.__aexit__(kind, error, trace)
        finally:
            await self._down()

    async def _down(self) -> None:
        if self._ours:
            await run_ccctl(self.home, "lab", "down")


def read_site(folder: Path) -> Site:
    from ccctl.runtime.site import load_site

    site, findings = load_site(folder)
    if site is None:
        raise LabError(str(findings[0]), f"see 'ccctl check {os.path.relpath(folder)}'")
    return site

"""Ways to Asterisk and to the daemon for one command."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.node import Node
from ccctl.asterisk.reload import Doors
from ccctl.errors import AsteriskDown
from ccctl.runtime.settings import Settings

CONNECT_S = 5.0
DAEMON_S = 10.0


@asynccontextmanager
async def asterisk(node: Node) -> AsyncIterator[Doors]:
    """Doors for one command: requests only, the daemon's event stream is left alone."""
    up = asyncio.Event()
    reasons: list[str] = []

    def on_state(connected: bool, detail: str) -> None:
        reasons.append(detail)
        if connected:
            up.set()

    ari = Ari(node, _ignore, lambda connected, detail: None)
    ami = Ami(node, _ignore, on_state, wanted=frozenset())
    await ari.open()
    try:
        await ari.asterisk_ping()
        await ami.start()
        await _wait(up, reasons)
        yield Doors(node, ari, ami)
    finally:
        await ami.close()
        await ari.shut()


async def _wait(up: asyncio.Event, reasons: list[str]) -> None:
    try:
        await asyncio.wait_for(up.wait(), CONNECT_S)
    except TimeoutError:
        raise AsteriskDown(f"AMI does not answer: {reasons[-1] if reasons else 'no connection'}") from None


def _ignore(event: dict[str, Any]) -> None:
    """One command needs no events."""


async def tell_daemon(settings: Settings, generation: str = "") -> str:
    """Ask the daemon to read the new roster; it reads it at its start otherwise. "refused: ..." when it
    does not take it, or has another generation than this one afterwards."""
    if not os.path.exists(settings.socket):
        return "not running"
    try:
        async with _session(settings) as session:
            async with session.post("http://ccctl/api/v1/reload", json={}) as answer:
                if not answer.ok:
                    return f"refused: {answer.status} {await answer.text()}"
            have = await _generation(session)
            if generation and have != generation:
                return f"refused: it has generation {have or 'none'} instead of {generation}"
            return "reloaded"
    except aiohttp.ClientConnectorError:
        return "not running"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"did not answer: {error or 'too slow'}"


def _session(settings: Settings) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(settings.socket), timeout=aiohttp.ClientTimeout(total=DAEMON_S)
    )


async def _generation(session: aiohttp.ClientSession) -> str:
    async with session.get("http://ccctl/api/v1/status") as answer:
        return str((await answer.json()).get("system", {}).get("generation", ""))


async def ask_daemon(settings: Settings, path: str) -> Any:
    """One answer of the API; None when there is no daemon that answers."""
    if not os.path.exists(settings.socket):
        return None
    try:
        async with _session(settings) as session, session.get(f"http://ccctl/api/v1/{path}") as answer:
            return await answer.json() if answer.ok else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None

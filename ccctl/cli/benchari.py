"""The smallest distributor over ARI that does the job: the yardstick of `ccctl bench --minimal`.

No journal, no ledger, no whisper, no timers: first caller to first free agent. It measures what
Asterisk and ARI cost by themselves, and shares nothing with the product.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Coroutine
from typing import Any

import aiohttp
import orjson

from ccctl.asterisk.node import Node

APP = "ccbench"
_GONE = ("ChannelHangupRequest", "StasisEnd", "ChannelDestroyed")
_QUIET = ("ChannelVarset", "ChannelDialplan", "ChannelCallerId", "ChannelConnectedLine", "Dial")


class MinimalAcd:
    """One queue; agents are endpoints."""

    def __init__(self, http: aiohttp.ClientSession, agents: list[str]) -> None:
        self._http = http
        self._free = deque(agents)
        self._waiting: deque[str] = deque()
        self._legs: dict[str, tuple[str, str]] = {}  # leg -> agent, caller
        self._talks: dict[str, tuple[str, str]] = {}  # leg -> caller, bridge
        self._serial = itertools.count()
        self._tasks: set[asyncio.Future[Any]] = set()

    def take(self, event: dict[str, Any]) -> None:
        kind, channel = event["type"], event.get("channel", {}).get("id", "")
        if kind == "StasisStart":
            if channel in self._legs:
                self._soon(self._connect(channel))
            else:
                self._soon(self._hold(channel))
        elif kind in _GONE:
            self._gone(channel)

    def _soon(self, what: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, method: str, path: str, **query: str) -> int:
        async with self._http.request(method, f"/ari/{path}", params=query) as answer:
            await answer.read()
            return answer.status

    async def _hold(self, channel: str) -> None:
        self._waiting.append(channel)
        self._offer()
        await self._ask(
            "POST", "bridges/ccbench-hold/addChannel", channel=channel, role="holding_participant"
        )

    def _offer(self) -> None:
        while self._free and self._waiting:
            agent, caller = self._free.popleft(), self._waiting.popleft()
            leg = f"ccbench-{next(self._serial):08d}"
            self._legs[leg] = agent, caller
            self._soon(self._ring(leg, agent, caller))

    async def _ring(self, leg: str, agent: str, caller: str) -> None:
        query = {"endpoint": f"PJSIP/{agent}", "app": APP, "originator": caller, "timeout": "30"}
        if await self._ask("POST", f"channels/{leg}", **query) >= 400:
            self._gone(leg)

    async def _connect(self, leg: str) -> None:
        _, caller = self._legs[leg]
        bridge = f"ccbench-b{next(self._serial):08d}"
        self._talks[leg] = caller, bridge
        await self._ask("POST", f"bridges/{bridge}", type="mixing")
        await self._ask("POST", f"bridges/{bridge}/addChannel", channel=f"{caller},{leg}")

    def _gone(self, channel: str) -> None:
        if channel in self._legs:
            agent, _ = self._legs.pop(channel)
            self._free.append(agent)
            self._offer()
            if channel in self._talks:
                self._soon(self._clean(*self._talks.pop(channel)))
        elif channel in self._waiting:
            self._waiting.remove(channel)

    async def _clean(self, caller: str, bridge: str) -> None:
        await self._ask("DELETE", f"channels/{caller}")
        await self._ask("DELETE", f"bridges/{bridge}")


async def serve(node: Node, agents: list[str]) -> None:
    """Until cancelled."""
    auth = aiohttp.BasicAuth(node.ari_user, node.ari_secret)
    base = f"http://{node.host}:{node.ari_port}"
    connector = aiohttp.TCPConnector(limit=16)
    async with (
        aiohttp.ClientSession(base, auth=auth, connector=connector) as http,
        http.ws_connect(f"/ari/events?app={APP}", max_msg_size=0) as socket,
    ):
        await _prepare(http)
        acd = MinimalAcd(http, agents)
        print("ready", flush=True)
        async for message in socket:
            acd.take(orjson.loads(message.data))


async def _prepare(http: aiohttp.ClientSession) -> None:
    quiet = {"disallowed": [{"type": kind} for kind in _QUIET]}
    async with http.put(f"/ari/applications/{APP}/eventFilter", json=quiet):
        pass
    async with http.post("/ari/bridges/ccbench-hold", params={"type": "holding"}):
        pass

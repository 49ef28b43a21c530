"""The application `ccctl` of a test lab: takes callers of a queue step as the daemon would."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

from ccctl.asterisk.ari import Ari
from ccctl.asterisk.background import spawn
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown, AsteriskRefused

CONNECT_S = 15
Take = Callable[[dict[str, Any]], None]


class Desk:
    """`callers` maps a caller's channel to who takes its events: StasisStart, ChannelDtmfReceived."""

    def __init__(self, node: Node) -> None:
        self.callers: dict[str, Take] = {}
        self._up = asyncio.Event()
        self._why = "no connection"
        self.ari = Ari(node, self._take, self._state)

    async def __aenter__(self) -> Self:
        await self.ari.start()
        try:
            await asyncio.wait_for(self._up.wait(), CONNECT_S)
        except TimeoutError:
            await self.ari.close()
            raise AsteriskDown(f"ARI does not answer: {self._why}") from None
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.ari.close()

    def _state(self, up: bool, detail: str) -> None:
        self._why = detail
        if up:
            self._up.set()

    def _take(self, event: dict[str, Any]) -> None:
        channel = event.get("channel", {}).get("id", "")
        take = self.callers.get(channel)
        if take:
            take(event)
        elif event["type"] == "StasisStart":
            spawn(self.give_back(channel, ""), "desk")

    async def keep(self, channel: str) -> None:
        """The timer that gives a caller to Asterisk's own queue when no daemon takes him."""
        try:
            await self.ari.channels_set_channel_var(channel, "TIMEOUT(absolute)", "0")
        except (AsteriskRefused, AsteriskDown):
            return  # the caller has gone

    async def give_back(self, channel: str, result: str) -> None:
        try:
            await self.ari.channels_set_channel_var(channel, "CC_RESULT", result)
            await self.ari.channels_continue_in_dialplan(channel)
        except (AsteriskRefused, AsteriskDown):
            return

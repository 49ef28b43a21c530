"""One Asterisk node: both doors, its event log, and the resync after every (re)connect."""

import asyncio
import logging
from typing import Any

from ccctl import events as e
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.eventlog import EventLog
from ccctl.asterisk.execute import Door, Executor
from ccctl.asterisk.node import Node
from ccctl.asterisk.resync import look
from ccctl.asterisk.translate import translate
from ccctl.errors import CcctlError
from ccctl.runtime.engine import Engine
from ccctl.runtime.tasks import now_ms, spawn

log = logging.getLogger(__name__)
RETRY_S = 1.0
WANTED = frozenset({"FullyBooted", "Shutdown"})  # AMI is for actions: facts come by ARI and the event log


class Link:
    """`executor` is made by the caller from the doors of all links, then set here."""

    executor: Executor

    def __init__(self, node: Node, engine: Engine) -> None:
        self.node, self.engine = node, engine
        self.ari = Ari(node, self._on_ari, self._on_ari_state)
        self.ami = Ami(node, self._on_ami, self._on_ami_state, wanted=WANTED)
        self.door = Door(node, self.ari, self.ami)
        self.log = EventLog(node, engine.emit, now_ms)
        self._follower: asyncio.Task[None] | None = None
        self._resyncing = asyncio.Lock()
        self._details: dict[str, str] = {}  # door -> what it said last

    async def start(self) -> None:
        self._details = {"ARI": "starting", "AMI": "starting"}
        self._show()
        self._follower = spawn(self.log.follow(self.engine.world.logged.get(self.node.name)), "event-log")
        await self.ari.start()
        await self.ami.start()

    async def close(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
        await self.ari.close()
        await self.ami.close()

    # -- from Asterisk -----------------------------------------------------------------------------

    def _on_ari(self, raw: dict[str, Any]) -> None:
        self.executor.observe(self.node.name, raw)
        event = translate(self.node.name, raw)
        if event is not None:
            self.engine.emit(event)

    def _on_ami(self, raw: dict[str, str]) -> None:
        log.debug("AMI %s", raw.get("Event"))

    def _on_ari_state(self, up: bool, detail: str) -> None:
        self._state("ARI", up, detail)
        if up:
            spawn(self._resync(), "resync")

    def _on_ami_state(self, up: bool, detail: str) -> None:
        self._state("AMI", up, detail)

    def _state(self, door: str, up: bool, detail: str) -> None:
        awaited = self._details.get(door) == "starting" and detail.startswith(
            "waiting"
        )  # it is Asterisk's turn to connect
        level = logging.INFO if up or awaited else logging.WARNING
        log.log(level, "%s of %s is %s: %s", door, self.node.name, "up" if up else "down", detail)
        was = self.engine.world.nodes.get(self.node.name)
        both = self.ari.up and self.ami.up
        if both != was:
            event = e.NodeUp if both else e.NodeDown
            self.engine.emit(event(at=now_ms(), node=self.node.name, cause=door.lower()))
        if door == "ARI" and not up:
            self.engine.emit(e.NodeDown(at=now_ms(), node=self.node.name, deaf=True, cause="ari"))
        self._details[door] = detail
        self._show()

    def _show(self) -> None:
        """Of a door that is down its reason, else what Asterisk says of itself."""
        both = self.ari.up and self.ami.up
        down = [name for name, up in (("ARI", self.ari.up), ("AMI", self.ami.up)) if not up]
        reasons = dict.fromkeys(self._details.get(name, "") for name in down)
        detail = "; ".join(reasons) if down else self._details.get("ARI", "")
        system = self.engine.live.system
        system.update(asterisk="up" if both else "down", ami=self.ami.up, ari=self.ari.up, detail=detail)
        self.engine.live.update(["system"], ())

    # -- what we missed ----------------------------------------------------------------------------

    async def _resync(self) -> None:
        """First the log, for the exact ends of what is gone, then a look at what lives."""
        async with self._resyncing:
            self.log.drain()
            while self.ari.up:
                try:
                    self.engine.emit(await look(self.ari, self.node.name, now_ms()))
                    return
                except CcctlError as error:
                    log.warning("resync: %s", error, extra={"action": "resync-failed"})
                    await asyncio.sleep(RETRY_S)

"""One Asterisk node: both doors, its event log, and the resync after every (re)connect."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from ccctl import events as e
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.eventlog import EventLog
from ccctl.asterisk.execute import Door, Executor
from ccctl.asterisk.node import Node
from ccctl.asterisk.phones import GONE, phones_of
from ccctl.asterisk.resync import look
from ccctl.asterisk.translate import translate
from ccctl.errors import CcctlError
from ccctl.runtime.engine import Engine
from ccctl.runtime.tasks import now_ms, spawn

log = logging.getLogger(__name__)
RETRY_S = 1.0
# AMI is for actions: facts come by ARI and the event log. Device states only by AMI, and they are hints: the
# list of them, asked for again and again, is the truth; that a phone is gone only the contacts know.
WANTED = frozenset({"FullyBooted", "Shutdown", "DeviceStateChange"})
PHONES_S = 30.0


class Link:
    """`executor` is made by the caller from the doors of all links, then set here."""

    executor: Executor

    def __init__(self, node: Node, engine: Engine) -> None:
        self.node, self.engine = node, engine
        self.ari = Ari(node, self._on_ari, self._on_ari_state)
        self.ami = Ami(node, self._on_ami, self._on_ami_state, wanted=WANTED)
        self.door = Door(node, self.ari, self.ami)
        self.log = EventLog(node, engine.emit, now_ms)
        self._tasks: list[asyncio.Task[None]] = []
        self._phones_wanted = asyncio.Event()
        self._resyncer: asyncio.Task[None] | None = None
        self._look_wanted = False
        self._details: dict[str, str] = {}  # door -> what it said last

    async def start(self) -> None:
        self._details = {"ARI": "starting", "AMI": "starting"}
        self._show()
        place = self.engine.world.logged.get(self.node.name)
        self._tasks = [
            spawn(self.log.follow(place), "event-log"), spawn(self._look_at_phones(), "phones")
        ]  # fmt: skip
        await self.ari.start()
        await self.ami.start()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.ari.close()
        await self.ami.close()

    # -- from Asterisk -----------------------------------------------------------------------------

    def _on_ari(self, raw: dict[str, Any]) -> None:
        self.executor.observe(self.node.name, raw)
        event = translate(self.node.name, raw)
        if event is not None:
            self.engine.emit(event)

    def _on_ami(self, raw: dict[str, str]) -> None:
        if raw.get("Event") != "DeviceStateChange":
            return
        if raw.get("State") in GONE:
            self._phones_wanted.set()
        else:
            self._phone(raw, gone=False, looked=False)

    def _phone(self, row: Mapping[str, str], gone: bool, looked: bool = True) -> None:
        """Tell the core what is news to it of an agent's phone."""
        kind, _, name = row.get("Device", "").partition("/")
        agent = self.engine.world.agents.get(name)
        state = row.get("State", "")
        if kind != "PJSIP" or agent is None or state == "UNKNOWN":
            return
        idle = looked and state in ("NOT_INUSE", *GONE)
        if agent.phone_gone is not gone or (idle and agent.direct):
            seen = e.PhoneSeen(at=now_ms(), agent=name, reachable=not gone, idle=idle, cause="ami")
            self.engine.emit(seen)

    async def _look_at_phones(self) -> None:
        while True:
            if self.ami.up:
                try:
                    for row, gone in await phones_of(self.ami):
                        self._phone(row, gone)
                except CcctlError as error:
                    log.warning("phones: %s", error, extra={"action": "phones-not-seen"})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._phones_wanted.wait(), PHONES_S)
            self._phones_wanted.clear()

    def _on_ari_state(self, up: bool, detail: str) -> None:
        self._state("ARI", up, detail)
        if up:
            self.resync()

    def _on_ami_state(self, up: bool, detail: str) -> None:
        if up:
            self._phones_wanted.set()
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

    def resync(self) -> None:
        """Look, once ARI is there. While one look is on its way one more is enough for all who want it."""
        self._look_wanted = True
        if self._resyncer is None or self._resyncer.done():
            self._resyncer = spawn(self._resync(), "resync")

    def stalled(self, seconds: float) -> None:
        """We stood still, and what comes now is old: as after a lost connection, nobody is rung by it."""
        log.warning("the daemon stood still for %.1f s", seconds, extra={"action": "stalled"})
        self.engine.emit(e.NodeDown(at=now_ms(), node=self.node.name, deaf=True, cause="stall"))
        if self.ari.up and self.ami.up:
            self.engine.emit(e.NodeUp(at=now_ms(), node=self.node.name, cause="stall"))
        if self.ari.up:
            self.resync()

    async def _resync(self) -> None:
        """First the log, for the exact ends of what is gone, then a look at what lives."""
        while self._look_wanted and self.ari.up:
            self._look_wanted = False
            self.log.drain()
            try:
                self.engine.emit(await look(self.ari, self.node.name, now_ms()))
            except CcctlError as error:
                log.warning("resync: %s", error, extra={"action": "resync-failed"})
                self._look_wanted = True
                await asyncio.sleep(RETRY_S)

"""The live picture: one JSON-able object per queue, agent, call and watch, numbered changes, readers.

A reader takes snapshot() and then every Delta after its `seq`; a reader that is too slow gets
Lagged and starts over. Nothing here ever waits for a reader.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ccctl.agent.state import Agent, Presence
from ccctl.changes import Change, Outcome, SegmentKind, VisitRow
from ccctl.report.kpi import DEFAULT_PRESET, Verdict, judge, preset
from ccctl.world.state import Phase, World

Json = dict[str, Any]
BACKLOG = 1000
FLUSH_S = 0.1  # nobody sees more than ten pictures a second


class Delta(msgspec.Struct, frozen=True):
    seq: int
    set: dict[str, Json]
    gone: list[str]


class Lagged(Exception):
    """the reader is too slow; take a new snapshot"""


class Subscription:
    """Async context manager and iterator of Delta."""

    def __init__(self, view: "LiveView") -> None:
        self._view = view
        self._queue: asyncio.Queue[Delta] = asyncio.Queue(BACKLOG)
        self._lagged = False

    async def __aenter__(self) -> "Subscription":
        self._view.readers.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._view.readers.discard(self)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Delta:
        if self._lagged:
            raise Lagged
        return await self._queue.get()

    def offer(self, delta: Delta) -> None:
        try:
            self._queue.put_nowait(delta)
        except asyncio.QueueFull:
            self._lagged = True


class Today(msgspec.Struct):
    """Visits of one queue that ended today (the day of the site's time zone)."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    other: int = 0
    in_sl: int = 0
    sl_counted: int = 0

    def count(self, visit: VisitRow, sl_ms: int) -> None:
        if visit.outcome is None or visit.ended is None:
            return
        self.offered += 1
        if visit.outcome is Outcome.ANSWERED:
            self.answered += 1
        elif visit.outcome is Outcome.ABANDONED:
            self.abandoned += 1
        else:
            self.other += 1
        verdict = judge(visit, preset(DEFAULT_PRESET, sl_ms))
        self.in_sl += verdict is Verdict.MET
        self.sl_counted += verdict is not Verdict.UNCOUNTED


class LiveView:
    """See the module. `system` is what the engine knows about itself and Asterisk."""

    def __init__(self, world: World, now: Callable[[], int]) -> None:
        self.world, self._now = world, now
        self.seq = 0
        self.readers: set[Subscription] = set()
        self.system: Json = {}
        self._objects: dict[str, Json] = {}
        self._today: dict[str, Today] = {}
        self._counted: set[str] = set()
        self._day = ""
        self._dirty: set[str] = set()
        self._flusher: asyncio.TimerHandle | None = None

    def snapshot(self) -> dict[str, Json]:
        self.flush()
        return dict(self._objects)

    def subscribe(self) -> Subscription:
        return Subscription(self)

    # -- filling -----------------------------------------------------------------------------------

    def restart(self, world: World, today: Iterable[VisitRow]) -> None:
        """A new world: make every object; `today` are the visits that ended since midnight."""
        self.world = world
        self._new_day()
        for visit in today:
            self._count(visit)
        keys = ["system", *(f"queue/{q}" for q in world.roster.queues)]
        keys += [*(f"agent/{a}" for a in world.roster.agents), *(f"call/{c}" for c in world.calls)]
        keys += [*(f"watch/{leg}" for leg in world.watches), *(f"callback/{i}" for i in world.callbacks)]
        self.update([*keys, *(key for key in self._objects if key not in keys)], ())

    def midnight(self) -> int:
        """Start of the present day in the site's zone, Unix ms."""
        zone = ZoneInfo(self.world.roster.timezone)
        day = datetime.fromtimestamp(self._now() / 1000, zone)
        return int(day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)

    def _today_name(self) -> str:
        return f"{datetime.fromtimestamp(self._now() / 1000, ZoneInfo(self.world.roster.timezone)):%Y%m%d}"

    def _new_day(self) -> None:
        self._day = self._today_name()
        self._today.clear()
        self._counted.clear()

    def _count(self, visit: VisitRow) -> None:
        if visit.ended is None or visit.id in self._counted or visit.engine == "callback":
            return
        self._counted.add(visit.id)
        queue = self.world.roster.queues.get(visit.queue)
        self._today.setdefault(visit.queue, Today()).count(visit, queue.sl_ms if queue else 20_000)

    def touch(self, keys: Iterable[str], changes: Iterable[Change]) -> None:
        """Note what changed; it is shown within FLUSH_S, many changes of one object as one."""
        for change in changes:
            if isinstance(change, VisitRow):
                self._count(change)
        self._dirty.update(keys)
        if self._dirty and self._flusher is None:
            self._flusher = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def flush(self) -> None:
        if self._flusher is not None:
            self._flusher.cancel()
            self._flusher = None
        dirty, self._dirty = self._dirty, set()
        self.update(dirty, ())

    def update(self, touched: Iterable[str], changes: Iterable[Change]) -> None:
        """Make the touched objects anew and tell the readers what really changed."""
        for change in changes:
            if isinstance(change, VisitRow):
                self._count(change)
        new: dict[str, Json] = {}
        gone: list[str] = []
        for key in touched:
            value = self._make(key)
            if value is None:
                if self._objects.pop(key, None) is not None:
                    gone.append(key)
            elif self._objects.get(key) != value:
                self._objects[key] = new[key] = value
        if new or gone:
            self._publish(new, gone)

    def check_day(self) -> None:
        """To be called now and then: a new day begins with empty counters."""
        if self._today_name() != self._day:
            self._new_day()
            self.update([f"queue/{q}" for q in self.world.roster.queues], ())

    def _publish(self, new: dict[str, Json], gone: list[str]) -> None:
        self.seq += 1
        delta = Delta(self.seq, new, gone)
        for reader in self.readers:
            reader.offer(delta)

    # -- objects -----------------------------------------------------------------------------------

    def _make(self, key: str) -> Json | None:
        kind, _, name = key.partition("/")
        match kind:
            case "system":
                return {**self.system, "generation": self.world.roster.generation}
            case "queue":
                return self._queue(name)
            case "agent":
                return self._agent(name)
            case "call":
                return self._call(name)
            case "watch":
                return self._watch(name)
            case "callback":
                return self._callback(name)
        return None

    def _queue(self, name: str) -> Json | None:
        config = self.world.roster.queues.get(name)
        if config is None:
            return None
        waiting = [v for v in self.world.visits.values() if v.row.queue == name and v.row.ended is None]
        callers = [visit.row for visit in waiting if visit.on_line]
        callers.sort(key=lambda row: (-row.priority, row.entered))
        return {
            "name": name,
            "title": config.title,
            "engine": config.engine,
            "waiting": len(callers),
            "callbacks": sum(each.row.queue == name for each in self.world.callbacks.values()),
            "oldest": min((row.entered for row in callers), default=None),
            "callers": [self._caller(row) for row in callers],
            "agents": self._presences(name, config.agents),
            "today": self._figures(name, config.sl_percent, config.sl_ms),
        }

    def _caller(self, row: VisitRow) -> Json:
        call = self.world.calls[row.call].row
        return {
            "call": row.call,
            "caller": call.caller,
            "caller_name": call.caller_name,
            "since": row.entered,
            "priority": row.priority,
        }

    def _presences(self, queue: str, agents: Iterable[str]) -> dict[str, int]:
        """Who would be ready but is paused for this queue is paused here."""
        counts = {str(presence): 0 for presence in Presence}
        for name in agents:
            presence = self.world.agents.get(name, Agent(name)).presence
            paused = presence is Presence.READY and queue in self.world.queue_pauses.get(name, ())
            counts[str(Presence.PAUSED if paused else presence)] += 1
        return counts

    def _figures(self, name: str, sl_percent: int, sl_ms: int) -> Json:
        today = self._today.get(name, Today())
        level = round(100 * today.in_sl / today.sl_counted, 1) if today.sl_counted else None
        return {
            "offered": today.offered,
            "answered": today.answered,
            "abandoned": today.abandoned,
            "other": today.other,
            "in_sl": today.in_sl,
            "sl": level,
            "sl_percent": sl_percent,
            "sl_ms": sl_ms,
            "sl_preset": DEFAULT_PRESET,
        }

    def _agent(self, name: str) -> Json | None:
        config = self.world.roster.agents.get(name)
        if config is None:
            return None
        agent = self.world.agents.get(name, Agent(name))
        call = self.world.calls.get(agent.call)
        return {
            "name": name,
            "title": config.title,
            "extension": config.extension,
            "presence": str(agent.presence),
            "since": agent.since,
            "reason": agent.reason,
            "until": agent.until or None,
            "over": agent.over,
            "after": str(agent.after) if agent.after else "",
            "queues": list(config.queues),
            "paused_in": {q: row.reason for q, row in self.world.queue_pauses.get(name, {}).items()},
            "call": agent.call,
            "caller": call.row.caller if call else "",
            "queue": agent.queue,
            "monitored": [w.supervisor for w in self.world.watches.values() if w.agent == name and w.row],
        }

    def _call(self, reference: str) -> Json | None:
        call, customer = self.world.calls.get(reference), self.world.callback_of(reference)
        if call is None or (customer and not customer.dialled):
            return None
        segment = call.segment
        phase, agent = (str(segment.kind), segment.agent) if segment else (str(SegmentKind.IVR), "")
        visit = self.world.visits.get(reference)
        leg = self.world.legs.get(visit.leg) if visit else None
        if leg is not None and leg.phase is not Phase.TALK:
            phase, agent = "ringing", leg.agent
        return {
            "call": reference,
            "caller": call.row.caller,
            "caller_name": call.row.caller_name,
            "number": call.row.number,
            "started": call.row.started,
            "phase": phase,
            "since": segment.started if segment else call.row.started,
            "flow": call.row.path.rpartition(">")[2],
            "queue": segment.queue if segment else "",
            "agent": agent,
        }

    def _callback(self, ident: str) -> Json | None:
        callback = self.world.callbacks.get(ident)
        if callback is None:
            return None
        in_line = callback.call in self.world.visits
        state = "dialling" if in_line and callback.dialled else "waiting" if in_line else "scheduled"
        return {**msgspec.structs.asdict(callback.row), "state": state}

    def _watch(self, leg: str) -> Json | None:
        watch = self.world.watches.get(leg)
        if watch is None:
            return None
        since = watch.row.started if watch.row else None
        return {"supervisor": watch.supervisor, "agent": watch.agent, "mode": watch.mode, "since": since}

"""The single writer: event -> step -> journal -> commands, ledger, live view.

The only place where the World changes. An event is handled at once and to its end on the event
loop; nothing on this path waits for a disk or a socket. Start-up: the last snapshot, then the
journal after it, gives the world as it was; then every node is asked what is still alive.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from ccctl import commands as c
from ccctl import events as e
from ccctl.changes import Change
from ccctl.errors import CcctlError, SettingsError
from ccctl.flow.roster import from_json as roster_from_json
from ccctl.runtime.live import LiveView
from ccctl.runtime.tasks import new_request, now_ms
from ccctl.whatif.replay import fingerprint
from ccctl.world import World, step
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import from_json, to_json

log = logging.getLogger(__name__)
NOTE_MS, MOST_CAUSES = 3600 * 1000, 1000
SNAPSHOT_EVENTS = 5000
SNAPSHOT_MS = 60_000
KEEP_MS = 4 * 3600 * 1000  # a snapshot is kept for replays: the first of each run, then one in so long a time


class Journal(Protocol):
    """What the engine needs of store/journal.py (and what a replay or a bench puts in its place)."""

    def event(self, node_seq: int, at: int, type: str, body: bytes, made: bytes = b"") -> None: ...
    def change(self, row: Change) -> None: ...
    def snapshot(self, seq: int, at: int, body: bytes, kept: bool = False) -> None: ...


class Engine:
    def __init__(
        self, journal: Journal, roster_file: Path, perform: Callable[[c.AsteriskCommand], None] | None = None
    ) -> None:
        self.world = World()
        self.live = LiveView(self.world, now_ms)
        self.journal, self.roster_file = journal, roster_file
        self.perform = perform or (lambda command: None)
        self.before_event: Callable[[], None] = lambda: None  # may emit an event of its own, to go first
        self.seq = 0
        self._queue: deque[e.Event] = deque()
        self._busy = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._asked: dict[str, asyncio.Future[c.Reply]] = {}
        self._snapshot_seq, self._snapshot_at, self._kept_at = 0, 0, 0
        self._anew = False
        self._noted: dict[str, int] = {}  # cause -> when it was last in the log

    # -- start -------------------------------------------------------------------------------------

    def restore(self, snapshot: tuple[int, bytes] | None, tail: "list[tuple[int, bytes]]") -> None:
        """The world of the last run. A snapshot of another version is left aside: then the
        ledger's open rows are closed by the resync and agents log in again."""
        if snapshot is not None:
            self.seq = snapshot[0]
            try:
                self.world = from_json(snapshot[1])
                rebuild_lines(self.world)
            except msgspec.MsgspecError as error:
                self._anew = True
                log.warning("snapshot not usable: %s", error, extra={"action": "snapshot-unusable"})
        for seq, body in tail:
            self.seq = max(self.seq, seq)
            rows = self._replay(body)
            for row in () if self._anew else rows:  # a kill may have come between an event and its rows
                self.journal.change(row)
        rebuild_lines(self.world)  # wherever the snapshot was taken: as a replay does at each start

    def _replay(self, body: bytes) -> list[Change]:
        try:
            return step(self.world, e.from_json(body)).changes
        except Exception:  # what failed once fails again in the same way, and must not stop the start
            log.exception("replay of %r", body[:200], extra={"action": "replay-failed"})
            return []

    def start(self, boot: str) -> None:
        """Begin to work: timers run, the site that was last applied rules."""
        self.live.restart(self.world, ())
        for timer, at in list(self.world.timers.items()):
            self._arm(timer, at)
        self.emit(e.Started(at=now_ms(), boot=boot, anew=self._anew))
        roster = self._read_roster()
        if roster is not None:
            self.emit(e.RosterChanged(at=now_ms(), roster=roster, cause="start"))

    def _read_roster(self) -> str | None:
        """None before the first apply. One that cannot be read is refused: without it nobody is an agent."""
        hint = "put the site in force again: ccctl apply"
        try:
            text = self.roster_file.read_text()
            roster_from_json(text)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsError(f"{self.roster_file}: {error.strerror}", hint) from None
        except ValueError as error:  # not UTF-8, not JSON, not a roster
            raise SettingsError(f"{self.roster_file} is damaged: {error}", hint) from None
        return text

    async def reload(self) -> c.Reply:
        """A site was applied: take its roster."""
        try:
            roster = self._read_roster()
        except CcctlError as error:
            return c.Reply(request="", error="no-roster", text=str(error))
        if roster is None:
            return c.Reply(request="", error="no-roster", text="no site was applied yet")
        self.emit(e.RosterChanged(at=now_ms(), roster=roster, cause="apply"))
        return c.Reply(request="", text=f"generation {self.world.roster.generation}")

    # -- events in ---------------------------------------------------------------------------------

    def emit(self, event: e.Event) -> None:
        """Handle an event now; one that comes while another is handled waits its turn."""
        self.before_event()
        self._queue.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._queue:
                self._handle(self._queue.popleft())
        finally:
            self._busy = False

    async def ask(self, event: e.Request) -> c.Reply:
        """A person's request; `error` of the answer is '' when it was done."""
        request = event.request or new_request()
        future: asyncio.Future[c.Reply] = asyncio.get_running_loop().create_future()
        self._asked[request] = future
        self.emit(msgspec.structs.replace(event, request=request))  # type: ignore[arg-type]
        try:
            return await asyncio.wait_for(future, 10)
        except TimeoutError:
            return c.Reply(request=request, error="no-answer", text="the request got no answer")
        finally:
            self._asked.pop(request, None)

    def _handle(self, event: e.Event) -> None:
        self.seq += 1
        entry = (self.seq, event.at, type(event).__name__, e.to_json(event))
        try:
            out = step(self.world, event)
        except Exception:  # a defect in one step must not stop the others; the journal has the event
            self.journal.event(*entry)
            log.exception("step failed on %r", event, extra={"action": "step-failed"})
            return
        self.journal.event(*entry, fingerprint(out))
        for command in out.commands:
            self._do(command)
        for row in out.changes:
            self.journal.change(row)
        self.live.touch(out.touched, out.changes)
        self._maybe_snapshot(event.at)

    def _maybe_snapshot(self, at: int) -> None:
        events, age = self.seq - self._snapshot_seq, at - self._snapshot_at
        if events >= SNAPSHOT_EVENTS or (events and age >= SNAPSHOT_MS):
            self.save()

    def save(self) -> None:
        self._snapshot_seq, self._snapshot_at = self.seq, now_ms()
        kept = self._snapshot_at - self._kept_at >= KEEP_MS
        if kept:
            self._kept_at = self._snapshot_at
        self.journal.snapshot(self.seq, self._snapshot_at, to_json(self.world), kept)

    # -- commands out ------------------------------------------------------------------------------

    def _do(self, command: c.Command) -> None:
        match command:
            case c.StartTimer():
                self._arm(command.timer, command.at)
            case c.StopTimer():
                self._disarm(command.timer)
            case c.Reply():
                future = self._asked.get(command.request)
                if future is not None and not future.done():
                    future.set_result(command)
            case c.Note():
                self._note(command)
            case _:
                self.perform(command)

    def _note(self, note: c.Note) -> None:
        """What one cause brings about at every call is said once an hour."""
        now = now_ms()
        if note.cause:
            if 0 <= now - self._noted.get(note.cause, -NOTE_MS) < NOTE_MS:
                return
            if len(self._noted) >= MOST_CAUSES:
                self._noted.clear()
            self._noted[note.cause] = now
        log.log(logging.WARNING if note.warning else logging.INFO, "%s", note.text)

    def _arm(self, timer: str, at: int) -> None:
        self._disarm(timer)
        delay = max(0, at - now_ms()) / 1000
        self._timers[timer] = asyncio.get_running_loop().call_later(delay, self._fire, timer)

    def _disarm(self, timer: str) -> None:
        handle = self._timers.pop(timer, None)
        if handle is not None:
            handle.cancel()

    def _fire(self, timer: str) -> None:
        self._timers.pop(timer, None)
        self.emit(e.TimerFired(at=now_ms(), timer=timer, cause="timer"))

    def stop(self) -> None:
        """Timers off, world saved. Calls are left as they are: they go on without us."""
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()
        self.live.flush()
        self.save()

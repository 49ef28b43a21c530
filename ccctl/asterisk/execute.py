"""Commands of the core, done: by ARI, and by AMI where ARI cannot.

Commands about one call or leg are done in order, different ones side by side. Every outcome goes
back as an event through `emit`. A channel that is gone is no failure: its end is an event already
on its way. Ids of bridges, snoops and playbacks follow from the leg's id, so nothing here must be
remembered over a restart.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, assert_never

from ccctl import commands as c
from ccctl import events as e
from ccctl.asterisk import handing
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.dialling import caller_id, dial, full, is_full, quiet
from ccctl.asterisk.disk import recording_fault
from ccctl.asterisk.holding import hold, is_held
from ccctl.asterisk.node import Node
from ccctl.commands import AsteriskCommand
from ccctl.errors import AsteriskDown, AsteriskRefused, CcctlError
from ccctl.flow.marks import APP, DEADMAN_WAIT_S

log = logging.getLogger(__name__)
ANSWER_WAIT_S = 5.0
RECORDING_S = 2.0  # after which the file of a recording must be there, on a busy machine too
RENEW_S = 1.0  # after which the next is renewed, whatever keeps this one
JUST_S, MOST_TOLD = 1.0, 20_000
Coro = Coroutine[Any, Any, None]


class Door:
    """Both doors of one node."""

    def __init__(self, node: Node, ari: Ari, ami: Ami) -> None:
        self.node, self.ari, self.ami = node, ari, ami


class Executor:
    def __init__(
        self,
        doors: Mapping[str, Door],
        emit: Callable[[e.Event], None],
        now: Callable[[], int],
        spawn: Callable[[Coro, str], "asyncio.Task[Any]"],
    ) -> None:
        self._doors, self._emit, self._now, self._spawn = doors, emit, now, spawn
        self.on_doubt: Callable[[], None] = lambda: None  # a request had no answer
        self._tails: dict[str, asyncio.Task[Any]] = {}
        self._waits: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._names: dict[e.Ref, str] = {}  # leg -> channel name, for AMI
        self._told: dict[str, float] = {}  # playback of who waits -> when its last one began
        self._silent: set[str] = set()  # those of which the last one is over
        self._renewals: dict[e.Ref, c.ExtendWait] = {}  # that wait for their turn
        self._renewing: asyncio.Task[Any] | None = None

    # -- in order per call or leg ------------------------------------------------------------------

    def perform(self, command: AsteriskCommand) -> None:
        """Start a command; never blocks."""
        if isinstance(command, c.ExtendWait):
            self._renewals[command.call] = command
            if self._renewing is None or self._renewing.done():
                self._renewing = self._spawn(self._renew(), "renewals")
            return
        if isinstance(command, c.Hold | c.Connect | c.Release):
            self._renewals.pop(command.call, None)  # each of them sets the timer as it must be
        self._start(command)

    async def _renew(self) -> None:
        """One after the other: those of hundreds who wait must not stand before the phone of an agent."""
        while self._renewals:
            task = self._start(self._renewals.pop(next(iter(self._renewals))))
            await asyncio.wait([task], timeout=RENEW_S)

    def _start(self, command: AsteriskCommand) -> "asyncio.Task[Any]":
        keys = _keys(command)
        before = {task for key in keys if (task := self._tails.get(key)) is not None and not task.done()}
        task = self._spawn(self._after(before, command), type(command).__name__)
        for key in keys:
            self._tails[key] = task
        task.add_done_callback(lambda done: self._done(keys, done))
        return task

    def _done(self, keys: tuple[str, ...], task: "asyncio.Task[Any]") -> None:
        for key in keys:
            if self._tails.get(key) is task:
                del self._tails[key]

    async def _after(self, before: "set[asyncio.Task[Any]]", command: AsteriskCommand) -> None:
        if before:
            await asyncio.wait(before)
        try:
            await self._do(command)
        except AsteriskRefused as error:
            if error.status != 404:
                log.warning("%s refused: %s", command, error, extra={"action": "refused"})
        except AsteriskDown as error:
            log.warning("%s: %s", type(command).__name__, error, extra={"action": "asterisk-down"})
            self._look_again(error)

    def _look_again(self, error: CcctlError) -> None:
        """A request without an answer may be done or not: Asterisk is asked what is so."""
        if isinstance(error, AsteriskDown):
            self.on_doubt()

    def observe(self, node: str, raw: dict[str, Any]) -> None:
        """See every ARI event before it is translated: what this executor itself waits for."""
        kind = raw.get("type")
        if kind == "StasisStart":
            channel = raw["channel"]
            if channel["id"].startswith("cc"):
                self._names[e.ref(node, channel["id"])] = channel["name"]
            self._resolve("stasis", channel["id"])
        elif kind == "PlaybackFinished":
            self._resolve("play", raw["playback"]["id"])
            self._fall_silent(raw["playback"]["id"])
        elif kind in ("ChannelDestroyed", "StasisEnd"):
            self._names.pop(e.ref(node, raw["channel"]["id"]), None)

    def _resolve(self, kind: str, ident: str) -> None:
        future = self._waits.pop((kind, ident), None)
        if future is not None and not future.done():
            future.set_result(None)

    def _expect(self, kind: str, ident: str) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waits[kind, ident] = future
        return future

    # -- one command -------------------------------------------------------------------------------

    async def _do(self, command: AsteriskCommand) -> None:  # noqa: PLR0912 - one case a command, all in sight
        match command:
            case c.Hold():
                await self._hold(command)
            case c.ExtendWait():
                await self._set(command.call, "TIMEOUT(absolute)", str(command.seconds))
            case c.Tell():
                await self._tell(command)
            case c.Release():
                await self._release(command)
            case c.Hangup():
                door, ident = self._door(command.channel)
                await door.ari.channels_hangup(ident)
            case c.Offer():
                await self._offer(command)
            case c.Dial():
                door, _ = self._door(command.call)
                await dial(door.ari, door.ami, command, self._emit, self._now)
            case c.Whisper():
                await self._whisper(command)
            case c.Connect():
                await self._connect(command)
            case c.Disconnect():
                await self._disconnect(command)
            case c.Consult():
                await handing.consult(self._door(command.leg)[0].ari, command, self._emit, self._now)
            case c.TakeOver():
                await handing.take_over(self._door(command.target)[0].ami, command, self._emit, self._now)
            case c.Ringback():
                await handing.ringback(self._door(command.leg)[0].ari, command)
            case c.AnswerRefer():
                door, ident = self._door(command.leg)
                await door.ari.channels_transfer_progress(ident, command.state)
            case c.CallSupervisor():
                await self._call_supervisor(command)
            case c.Watch():
                await self._watch_or_say(command)
            case c.EndWatch():
                await self._end_watch(command)
            case c.SayToPhone():
                await self._say(command)
            case c.MirrorAgent():
                await self._mirror(command)
            case c.MirrorMember():
                await self._mirror_member(command)
            case _:
                assert_never(command)

    def _door(self, reference: e.Ref) -> tuple[Door, str]:
        node, ident = e.split_ref(reference)
        door = self._doors.get(node)
        if door is None:
            raise AsteriskDown(f"no node {node}")
        return door, ident

    async def _set(self, reference: e.Ref, variable: str, value: str) -> None:
        door, ident = self._door(reference)
        await door.ari.channels_set_channel_var(ident, variable, value)

    async def _hold(self, command: c.Hold) -> None:
        door, ident = self._door(command.call)
        await self._set(command.call, "TIMEOUT(absolute)", str(DEADMAN_WAIT_S))
        if not command.again or not await is_held(door.ari, ident):
            await hold(door.ari, ident)

    async def _tell(self, command: c.Tell) -> None:
        """Asterisk would play a second one after the first, and music never: then this one is left out."""
        door, ident = self._door(command.call)
        await self._hush(door, command.instead)
        if not command.media or await self._is_told(door, command.playback):
            return
        if len(self._told) + len(self._silent) > MOST_TOLD:  # of callers who hung up
            self._told.clear()
            self._silent.clear()
        self._silent.discard(command.playback)
        self._told[command.playback] = asyncio.get_running_loop().time()
        try:
            language = command.language or None
            await door.ari.channels_play_with_id(ident, command.playback, command.media, lang=language)
        except AsteriskRefused as error:  # he is gone, or on his way out: the music goes on or is over
            log.info("announcement to %s: %s", command.call, error)

    async def _is_told(self, door: Door, playback: str) -> bool:
        try:
            await door.ari.playbacks_get(playback)
        except AsteriskRefused:
            return False
        return True

    async def _hush(self, door: Door, playback: str) -> None:
        """Whoever hears something is moved only after its end, so it is ended, unless it is over."""
        if playback in self._silent:
            self._silent.discard(playback)
        elif playback:
            await quiet(door.ari.playbacks_stop(playback))

    def _fall_silent(self, playback: str) -> None:
        """Its end is told. What began a moment ago may be another of the same name, and plays."""
        begun = self._told.get(playback)
        if begun is not None and asyncio.get_running_loop().time() - begun > JUST_S:
            del self._told[playback]
            self._silent.add(playback)

    async def _release(self, command: c.Release) -> None:
        door, ident = self._door(command.call)
        await self._hush(door, command.telling)
        if handing.is_to_flow(command):
            await handing.to_flow(door.ari, command)
            return
        await self._set(command.call, "CC_RESULT", command.result)
        await door.ari.channels_continue_in_dialplan(ident)

    # -- offers ------------------------------------------------------------------------------------

    async def _mirror(self, command: c.MirrorAgent) -> None:
        where = {"Queue": command.queue} if command.queue else {}
        await self._queue_action("QueuePause", command.endpoint, Paused=_paused(command.present), **where)

    async def _mirror_member(self, command: c.MirrorMember) -> None:
        """Whom the configuration names cannot be removed: he is paused there instead."""
        queue = {"Queue": command.queue}
        if command.member:
            state = {"Paused": _paused(command.present), "StateInterface": command.endpoint}
            await self._queue_action("QueueAdd", command.endpoint, MemberName=command.title, **state, **queue)
        else:
            await self._queue_action("QueuePause", command.endpoint, Paused="true", **queue)
            await self._queue_action("QueueRemove", command.endpoint, **queue)

    async def _queue_action(self, action: str, endpoint: str, **headers: Any) -> None:
        for door in self._doors.values():
            if not door.ami.up:
                continue  # the resync after it is back tells all
            try:
                await door.ami.action(action, Interface=endpoint, **headers)
            except AsteriskRefused as error:  # in no native queue, there already, or not applied yet
                log.debug("%s of %s: %s", action, endpoint, error)

    async def _offer(self, command: c.Offer) -> None:
        door, ident = self._door(command.leg)
        call = e.split_ref(command.call)[1]
        try:
            if await is_full(door.ami, command.trunk, command.most):
                failed = e.LegFailed(at=self._now(), leg=command.leg, reason=full(command.trunk), full=True)
                self._emit(failed)
                return
            await door.ari.channels_originate_with_id(
                ident,
                endpoint=command.endpoint,
                app=APP,
                app_args="leg",
                caller_id=caller_id(command.caller_name, command.caller),
                timeout=max(1, round(command.ring_ms / 1000)),
                originator=None if call.startswith("cc") else call,  # who is called back has no channel yet
                variables={"CC_CALL": call, "CHANNEL(language)": command.language or "en"}
                | (handing.TRANSFERS if command.endpoint.startswith("PJSIP/") else {}),
            )
        except CcctlError as error:
            down = isinstance(error, AsteriskDown)
            self._look_again(error)
            self._emit(e.LegFailed(at=self._now(), leg=command.leg, reason=str(error), down=down))
            return
        await door.ari.bridges_create_with_id(_bridge(ident), "mixing", f"talk-{ident}")

    async def _whisper(self, command: c.Whisper) -> None:
        door, ident = self._door(command.leg)
        try:
            if command.again and await self._is_told(door, _whisper(ident)):
                return  # a second one would play after it, into the talk
            await door.ari.channels_play_with_id(ident, _whisper(ident), command.media, lang=command.language)
        except CcctlError as error:  # no answer, too: he would wait for its end
            log.warning("whisper to %s: %s", command.leg, error, extra={"action": "whisper-failed"})
            self._look_again(error)
            self._emit(e.WhisperDone(at=self._now(), leg=command.leg, cause="failed"))

    async def _connect(self, command: c.Connect) -> None:
        door, leg = self._door(command.leg)
        call = e.split_ref(command.call)[1]
        try:
            await self._hush(door, command.telling)
            await self._hush(door, _whisper(leg) if command.whispering else "")
            await self._set(command.call, "TIMEOUT(absolute)", "0")
            await self._join(door, leg, call)
        except AsteriskRefused as error:
            self._emit(await self._not_connected(door, command, str(error)))
            return
        except CcctlError as error:
            self._look_again(error)
            self._emit(e.ConnectFailed(at=self._now(), leg=command.leg, reason=str(error), down=True))
            return
        self._emit(e.Connected(at=self._now(), leg=command.leg))
        if command.record:
            await self._record(door, command)

    async def _not_connected(self, door: Door, command: c.Connect, reason: str) -> e.Event:
        """Who is missing? An agent must not answer for a caller who hung up in that moment."""
        try:
            if not await self._is_ours(door, e.split_ref(command.call)[1]):
                return e.CallerLeft(at=self._now(), call=command.call, cause="connect")
            if not await self._is_ours(door, e.split_ref(command.leg)[1]):
                return e.LegEnded(at=self._now(), leg=command.leg, cause="connect")
        except CcctlError as error:
            reason = str(error)
        return e.ConnectFailed(at=self._now(), leg=command.leg, reason=reason)

    async def _is_ours(self, door: Door, ident: str) -> bool:
        try:
            channel = await door.ari.channels_get(ident)
        except AsteriskRefused as error:
            if error.status != 404:
                raise
            return False
        return (channel.get("dialplan") or {}).get("app_name") == "Stasis"

    async def _join(self, door: Door, leg: str, call: str) -> None:
        both = f"{call},{leg}"
        try:
            await door.ari.bridges_add_channel(_bridge(leg), both)
        except AsteriskRefused as error:
            if error.status != 404:
                raise
            await door.ari.bridges_create_with_id(_bridge(leg), "mixing", f"talk-{leg}")
            await door.ari.bridges_add_channel(_bridge(leg), both)

    async def _record(self, door: Door, command: c.Connect) -> None:
        path = f"{door.node.recordings_dir}/{command.record}"
        try:
            name = self._names.get(command.leg) or await self._name(door, command.leg)
            await door.ami.action("MixMonitor", Channel=name, File=path)
        except CcctlError as error:
            self._emit(e.RecordingFailed(at=self._now(), leg=command.leg, reason=str(error)))
        else:
            self._emit(e.RecordingStarted(at=self._now(), leg=command.leg, path=command.record))
            self._spawn(self._prove_recording(command.leg, door.node, path), "prove-recording")

    async def _prove_recording(self, leg: e.Ref, node: Node, path: str) -> None:
        """MixMonitor is accepted even when it cannot write: only the file tells."""
        await asyncio.sleep(RECORDING_S)
        fault = await asyncio.to_thread(recording_fault, node, path)
        if fault:
            self._emit(e.RecordingFailed(at=self._now(), leg=leg, reason=fault))

    async def _name(self, door: Door, reference: e.Ref) -> str:
        channel = await door.ari.channels_get(e.split_ref(reference)[1])
        return str(channel["name"])

    async def _disconnect(self, command: c.Disconnect) -> None:
        door, ident = self._door(command.leg)
        await quiet(door.ari.channels_hangup(ident))
        await quiet(door.ari.bridges_destroy(_bridge(ident)))

    # -- supervisors -------------------------------------------------------------------------------

    async def _call_supervisor(self, command: c.CallSupervisor) -> None:
        door, ident = self._door(command.leg)
        try:
            await door.ari.channels_originate_with_id(
                ident,
                endpoint=command.endpoint,
                app=APP,
                app_args="leg",
                caller_id=caller_id(command.caller_name, ""),
                timeout=max(1, round(command.ring_ms / 1000)),
            )
        except CcctlError as error:
            self._emit(e.LegFailed(at=self._now(), leg=command.leg, reason=str(error)))

    async def _watch_or_say(self, command: c.Watch) -> None:
        """A supervisor must not sit in silence, nor the ledger say that he hears."""
        try:
            await self._watch(command)
        except (TimeoutError, CcctlError) as error:
            self._emit(e.LegFailed(at=self._now(), leg=command.leg, reason=f"{command.mode}: {error}"))

    async def _watch(self, command: c.Watch) -> None:
        """The new ear is there before the old one goes: a snoop cannot change its mode."""
        door, leg = self._door(command.leg)
        target = e.split_ref(command.target)[1]
        old = _snoop(leg, command.serial - 1)
        if command.serial == 1 and not leg.startswith("cc"):  # a phone that dialled the listen code
            await door.ari.channels_answer(leg)
        if command.mode == "barge":
            await door.ari.bridges_add_channel(_bridge(target), leg)
        else:
            await self._listen(door, command, target)
        if command.serial > 1:
            await quiet(door.ari.channels_hangup(old))

    async def _listen(self, door: Door, command: c.Watch, target: str) -> None:
        leg = e.split_ref(command.leg)[1]
        snoop, bridge = _snoop(leg, command.serial), f"w{leg}"
        whisper = "out" if command.mode == "whisper" else "none"
        started = self._expect("stasis", snoop)
        try:
            await door.ari.channels_snoop_channel_with_id(
                target, snoop, app=APP, spy="both", whisper=whisper, app_args="snoop"
            )
            await asyncio.wait_for(started, ANSWER_WAIT_S)  # before its StasisStart it cannot be bridged
        finally:
            self._waits.pop(("stasis", snoop), None)
        await quiet(door.ari.bridges_create_with_id(bridge, "mixing", bridge), (409,))
        await door.ari.bridges_add_channel(bridge, f"{leg},{snoop}")

    async def _end_watch(self, command: c.EndWatch) -> None:
        door, leg = self._door(command.leg)
        await quiet(door.ari.channels_hangup(leg))
        await quiet(door.ari.channels_hangup(_snoop(leg, command.serial)))
        await quiet(door.ari.bridges_destroy(f"w{leg}"))

    # -- desk phone codes --------------------------------------------------------------------------

    async def _say(self, command: c.SayToPhone) -> None:
        door, ident = self._door(command.channel)
        playback = f"p{ident}"
        await self._set(command.channel, "TIMEOUT(absolute)", "30")
        await door.ari.channels_answer(ident)
        done = self._expect("play", playback)
        try:
            await door.ari.channels_play_with_id(ident, playback, command.media, lang=command.language)
            await asyncio.wait_for(done, 20)
        except (TimeoutError, AsteriskRefused) as error:
            log.info("announcement to %s: %s", command.channel, error)
        finally:
            self._waits.pop(("play", playback), None)
        await quiet(door.ari.channels_hangup(ident))


def _keys(command: AsteriskCommand) -> tuple[str, ...]:
    match command:
        case c.Connect() | c.Dial():  # both: a Disconnect before it is through would leave its bridge behind
            return command.call, command.leg
        case c.Consult():
            return command.leg, command.target
        case c.Disconnect() if command.after:
            return command.leg, command.after
        case c.TakeOver():
            return (command.target,)
        case c.Hold() | c.ExtendWait() | c.Tell() | c.Release():
            return (command.call,)
        case c.Hangup() | c.SayToPhone():
            return (command.channel,)
        case c.MirrorAgent() | c.MirrorMember():
            return (command.endpoint,)
        case _:
            return (command.leg,)


def _paused(present: bool) -> str:
    return "false" if present else "true"


def _bridge(leg: str) -> str:
    return f"b{leg}"


def _whisper(leg: str) -> str:
    return f"p{leg}"


def _snoop(leg: str, serial: int) -> str:
    return f"s{leg}{serial:03d}"

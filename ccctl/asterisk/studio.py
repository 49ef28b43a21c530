"""Recording a prompt from a desk phone: an ARI application of one command, beside the daemon or without it.

The phone rings, is told what to do, is recorded until # or until it hangs up, hears what it said and chooses:
1 keep it, 2 record again, 3 listen again. What was recorded is never thrown away by a hang-up: it is handed
back with `accepted` false.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ccctl.asterisk.ari import UNWANTED, Ari
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown, AsteriskRefused, Refused

CONNECT_S = 10.0
RING_S = 45
CHOICE_S = 15.0
ASKED = 4  # times for a choice, before the phone is taken to be left alone
LONGEST_S = 600
WRITTEN_S = 3.0  # for Asterisk to finish the file of a caller who hung up
KEEP, AGAIN, LISTEN = "1", "2", "3"
_WIDE = ("g722", "opus", "slin16", "slin48", "siren", "speex16")
_CAUSES = {16: "was rejected", 17: "is busy", 18: "did not answer", 19: "did not answer", 21: "was rejected"}

Say = Callable[[str], None]


class Take(msgspec.Struct, frozen=True):
    """What came of it. `path` is Asterisk's file, '' when nothing was recorded."""

    path: str
    accepted: bool


class Guide(msgspec.Struct, frozen=True):
    """Sounds that the person hears ("sound:..."), '' when they could not be spoken."""

    begin: str = ""
    choose: str = ""
    kept: str = ""


class Gone(Exception):
    """The person hung up."""


class Session:
    """One phone call. `run` does it all and leaves no channel behind."""

    def __init__(self, node: Node, guide: Guide, language: str, say: Say) -> None:
        self.node, self.guide, self.language, self.say = node, guide, language, say
        self.ident = f"ccctl-rec-{secrets.token_hex(6)}"
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.up = asyncio.Event()
        self.reason = "no connection"
        inbound = msgspec.structs.replace(node, events_port=0)
        unwanted = tuple(name for name in UNWANTED if name != "RecordingFinished")
        self.ari = Ari(inbound, self.events.put_nowait, self._state, self.ident, unwanted)
        self.format = "wav"

    def _state(self, up: bool, detail: str) -> None:
        self.reason = detail
        if up:
            self.up.set()

    async def run(self, user: str, shown: str) -> Take:
        await self.ari.start()
        try:
            await self._connected()
            accepted = await self._call(user, shown)
            return Take(await self._file(), accepted)
        finally:
            await self._hang_up()
            await self.ari.close()

    async def _connected(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await self.up.wait()
        except TimeoutError:
            raise AsteriskDown(f"ARI: {self.reason}", "'ccctl doctor' tells more") from None

    # -- the call

    async def _call(self, user: str, shown: str) -> bool:
        self.say(f"ringing {shown}")
        try:
            await self.ari.channels_originate_with_id(
                self.ident, f"PJSIP/{user}", app=self.ident, caller_id='"Record a prompt" <0>', timeout=RING_S
            )
        except AsteriskRefused as error:
            raise Refused(f"{shown} cannot be called: {error.text}", "is the phone registered?") from None
        await self._answered(shown)
        codec = await self.ari.channels_get_channel_var(self.ident, "CHANNEL(audionativeformat)")
        self.format = "wav16" if any(name in codec for name in _WIDE) else "wav"
        self.say(f"{shown} answered")
        try:
            return await self._takes()
        except Gone:
            return False

    async def _answered(self, shown: str) -> None:
        while True:
            event = await self._next(RING_S + 10)
            if event["type"] == "StasisStart":
                return
            if event["type"] == "ChannelDestroyed":
                why = _CAUSES.get(event.get("cause", 0), f"cannot be reached ({event.get('cause_txt', '')})")
                raise Refused(f"{shown} {why}", "is the phone registered and free?")

    async def _takes(self) -> bool:
        while True:
            await self._play(self.guide.begin)
            await self._record()
            choice = LISTEN
            while choice == LISTEN:
                choice = await self._play(f"recording:{self.ident}")
                if choice not in (KEEP, AGAIN, LISTEN):
                    choice = await self._choose()
            if choice != AGAIN:
                if choice == KEEP:
                    with suppress(Gone):  # it was accepted
                        await self._play(self.guide.kept)
                return choice == KEEP

    async def _record(self) -> None:
        self.say("recording: # ends it")
        await self.ari.channels_record(
            self.ident, self.ident, self.format, terminate_on="#", longest_s=LONGEST_S
        )
        while True:
            event = await self._next(LONGEST_S + 10)
            if event["type"] == "RecordingFinished":
                return
            if event["type"] == "RecordingFailed":
                why = event.get("recording", {}).get("cause", "no reason given")
                raise Refused(f"Asterisk could not record: {why}", "is its spool folder writable?")

    async def _choose(self) -> str:
        """The key that was pressed; '' when nobody answers."""
        self.say("press 1 to keep it, 2 to record again, 3 to listen again")
        for _ in range(ASKED):
            key = await self._play(self.guide.choose) or await self._key(CHOICE_S)
            if key in (KEEP, AGAIN, LISTEN):
                return key
        return ""

    async def _play(self, media: str) -> str:
        """Until it is over or a key is pressed, which is returned."""
        if not media:
            return ""
        playback = f"{self.ident}-{secrets.token_hex(4)}"
        await self._gone_if_missing(
            self.ari.channels_play_with_id(self.ident, playback, media, lang=self.language)
        )
        while True:
            event = await self._next(LONGEST_S + 10)
            if event["type"] == "PlaybackFinished" and event["playback"]["id"] == playback:
                return ""
            if event["type"] == "ChannelDtmfReceived":
                await self._quietly(self.ari.playbacks_stop(playback))
                return str(event["digit"])

    async def _key(self, seconds: float) -> str:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    event = await self._next(seconds + 60)
                    if event["type"] == "ChannelDtmfReceived":
                        return str(event["digit"])
        except TimeoutError:
            return ""

    async def _next(self, seconds: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                event = await self.events.get()
        except TimeoutError:
            raise AsteriskDown(f"Asterisk told nothing for {seconds:.0f} s", "see its log") from None
        if event["type"] == "StasisEnd":
            raise Gone
        return event

    # -- the end

    async def _file(self) -> str:
        """The recording on disk, complete; Asterisk finishes it a moment after a hang-up."""
        path = Path(self.node.spool_dir) / "recording" / f"{self.ident}.{self.format}"
        for _ in range(int(WRITTEN_S / 0.1)):
            before = path.stat().st_size if path.exists() else 0
            await asyncio.sleep(0.1)
            if path.exists() and path.stat().st_size == before > 0:
                return str(path)
        return ""

    async def _hang_up(self) -> None:
        await self._quietly(self.ari.channels_hangup(self.ident))

    async def _gone_if_missing(self, request: Any) -> None:
        try:
            await request
        except AsteriskRefused as error:
            if error.status in (404, 409, 422):
                raise Gone from None
            raise

    async def _quietly(self, request: Any) -> None:
        try:
            await request
        except (AsteriskRefused, AsteriskDown):
            return  # it is over already

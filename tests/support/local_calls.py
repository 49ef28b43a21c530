"""Calls without SIP: Local channels into the dialplan, and the marks that they pass."""

import itertools
from contextlib import suppress
from typing import Self

from ccctl.asterisk.ami import Ami
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskRefused
from tests.support.until import until

_numbers = itertools.count(1)
EVENTS = frozenset({"CEL", "MusicOnHoldStart", "Newexten"})
SPEAKING = ("Playback", "BackGround", "Read")


class LocalCall:
    """`caller` is the channel in the dialplan, `far` the other end: its application is the caller's voice."""

    def __init__(self, calls: "LocalCalls", ident: str) -> None:
        self._calls = calls
        self.far, self.caller = ident, f"{ident}-c"

    @property
    def marks(self) -> list[tuple[str, str]]:
        return self._calls.marks.get(self.caller, [])

    @property
    def ended(self) -> bool:
        return self.caller in self._calls.ended

    @property
    def music(self) -> bool:
        return self.caller in self._calls.music

    async def passes(self, mark: str, value: str, timeout: float = 10, times: int = 1) -> None:
        def seen() -> bool:
            return self.marks.count((mark, value)) >= times

        try:
            await until(seen, timeout)
        except AssertionError:
            raise AssertionError(f"{mark} {value} was not passed; passed: {self.marks}") from None

    async def ends(self, timeout: float = 30) -> None:
        await until(lambda: self.ended, timeout, "the end of the call")

    async def press(self, digit: str) -> None:
        await self._calls.ami.action("PlayDTMF", Channel=self.far, Digit=digit)

    async def press_until(self, digit: str, mark: str, value: str) -> None:
        """Press when the menu listens: a digit during a plain prompt is lost, as on a real phone."""

        async def pressed() -> bool:
            if (mark, value) in self.marks:
                return True
            with suppress(AsteriskRefused):  # the channel is not there yet, or gone after the last key
                await self.press(digit)
            return False

        await until(pressed, 15, f"{mark} {value} after pressing {digit}", every=0.3)

    async def type(self, keys: str) -> None:
        """One key after the other, each when the one before has been sent."""
        for key in keys:
            await self.press(key)

    def heard(self, prompt: str) -> int:
        """How often a prompt of the site was begun."""
        return sum(line.count(f"cc/{prompt}-") for line in self._calls.spoken.get(self.caller, []))

    async def hears(self, prompt: str, times: int = 1, timeout: float = 15) -> None:
        await until(lambda: self.heard(prompt) >= times, timeout, f"{prompt}, {times} times; {self.marks}")

    async def hang_up(self) -> None:
        """Both ends: one that sends keys may not see that it was hung up before it has sent all."""
        for end in (self.far, self.caller):
            with suppress(AsteriskRefused):  # it may have gone by itself
                await self._calls.ami.action("Hangup", Channel=end)
        await self.ends()


class LocalCalls:
    def __init__(self, node: Node) -> None:
        self.up = False
        self.marks: dict[str, list[tuple[str, str]]] = {}
        self.ended: set[str] = set()
        self.spoken: dict[str, list[str]] = {}
        self.music: set[str] = set()
        self.calls: list[LocalCall] = []
        self.ami = Ami(node, self._take, self._state, wanted=EVENTS)

    async def __aenter__(self) -> Self:
        await self.ami.start()
        await until(lambda: self.up, what="AMI")
        return self

    async def __aexit__(self, *error: object) -> None:
        try:
            for call in self.calls:
                if not call.ended:
                    await call.hang_up()
        finally:
            await self.ami.close()

    def _state(self, up: bool, detail: str) -> None:
        self.up = up

    def _take(self, event: dict[str, str]) -> None:
        if event["Event"] == "MusicOnHoldStart":
            self.music.add(event["Uniqueid"])
        elif event["Event"] == "Newexten":
            if event["Application"] in SPEAKING:
                self.spoken.setdefault(event["Uniqueid"], []).append(event["AppData"])
        elif event["Event"] != "CEL":
            return  # FullyBooted
        elif event["EventName"].startswith("CC_"):
            extra = event.get("Extra", "").removeprefix('{"extra":"').removesuffix('"}')
            self.marks.setdefault(event["UniqueID"], []).append((event["EventName"], extra))
        elif event["EventName"] == "CHAN_END":
            self.ended.add(event["UniqueID"])

    async def call(
        self,
        number: str,
        context: str = "cc-in",
        voice: tuple[str, str] = ("Milliwatt", ""),
        caller: str = '"Zoë O\'Neil, x" <+491701112233>',
        codecs: str = "",
        **variables: str,
    ) -> LocalCall:
        call = LocalCall(self, f"test-{next(_numbers)}")
        self.calls.append(call)
        await self.ami.action(
            "Originate",
            Channel=f"Local/{number}@{context}/n",
            ChannelId=call.far,
            OtherChannelId=call.caller,
            Application=voice[0],
            Data=voice[1],
            CallerID=caller,
            **({"Codecs": codecs} if codecs else {}),
            Variable=[f"__{name}={value}" for name, value in variables.items()],
            Async="true",
            Timeout="60000",
        )
        return call

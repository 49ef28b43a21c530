"""More loads for measurements: one caller at a time, callers at a steady rate, callers who only wait."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ccctl.lab.dialog import Call, IncomingCall, PhoneError
from ccctl.lab.phones import Carrier, Phone

ONE_TALK = 0.2  # seconds, of one caller at a time
TALK = 0.5  # while calls come at a rate: who hangs up sooner may do so before both hear each other
PATIENCE = 5.0
COMES_EVERY = 0.01


class OneByOne:
    """From a caller's INVITE to the INVITE at an agent's phone, while every agent is idle."""

    def __init__(self, carrier: Carrier, phones: list[Phone], number: str, caller: str) -> None:
        self._carrier, self._phones = carrier, phones
        self._number, self._caller = number, caller

    async def measure(self, count: int) -> list[float]:
        """Milliseconds, of each of so many calls."""
        rings: asyncio.Queue[IncomingCall] = asyncio.Queue()
        for phone in self._phones:
            phone.on_call = rings.put_nowait
        return [await self._once(rings) for _ in range(count)]

    async def _once(self, rings: asyncio.Queue[IncomingCall]) -> float:
        call = self._carrier.call(self._number, self._caller)
        async with asyncio.timeout(PATIENCE):
            ring = await rings.get()
        ring.answer()
        await ring.until_answered(PATIENCE)
        await asyncio.sleep(ONE_TALK)
        ring.hangup()
        await ring.until_ended(PATIENCE)
        await call.until_ended(PATIENCE)
        return (ring.times["invited"] - call.times["invite_sent"]) * 1000


@dataclass(slots=True)
class Held:
    """What became of callers who came at a steady rate; `late`: gone only long after the talk's time."""

    rate: float = 0.0
    asked: int = 0
    talks: int = 0
    failed: int = 0
    late: int = 0
    seconds: float = 0.0
    load: float = 0.0  # share of one processor that the phones themselves took

    @property
    def is_clean(self) -> bool:
        """Every caller came when he should and was served in time."""
        on_time = self.asked >= 0.97 * self.rate * self.seconds
        return on_time and not self.failed and self.talks == self.asked and self.late <= self.asked / 100


class Steady:
    """Callers at a rate; agents answer at once and talk for a short time."""

    def __init__(self, carrier: Carrier, phones: list[Phone], number: str, caller: str) -> None:
        self._carrier, self._phones = carrier, phones
        self._number, self._caller = number, caller
        self._held = Held()

    async def measure(self, rate: float, seconds: float) -> Held:
        self._held = held = Held(rate=rate)
        began, busy = time.monotonic(), time.process_time()
        async with asyncio.TaskGroup() as group:

            def take(call: IncomingCall) -> None:
                group.create_task(self._serve(call))

            for phone in self._phones:
                phone.on_call = take
            while (now := time.monotonic() - began) < seconds and not self._is_broken():
                while held.asked < now * rate:
                    held.asked += 1
                    group.create_task(self._call())
                await asyncio.sleep(max(0.001, held.asked / rate - now))
            held.seconds = time.monotonic() - began
            held.load = (time.process_time() - busy) / held.seconds
        for phone in self._phones:
            phone.on_call = IncomingCall.reject
        return held

    def _is_broken(self) -> bool:
        """Not to be made worse: what is broken would take minutes to clear."""
        return self._held.failed > 0 or self._held.late > max(20, self._held.asked / 50)

    async def _call(self) -> None:
        call = self._carrier.call(self._number, self._caller)
        try:
            await call.until_ended(TALK + PATIENCE)
        except PhoneError:
            self._held.failed += 1
            await _end(call)
            return
        if "answered" not in call.times:
            self._held.failed += 1
        elif call.times["ended"] - call.times["invite_sent"] > TALK + 0.5:
            self._held.late += 1

    async def _serve(self, call: IncomingCall) -> None:
        call.answer()
        try:
            await call.until_answered(PATIENCE)
            await asyncio.sleep(TALK)
            call.hangup()
            await call.until_ended(PATIENCE)
        except PhoneError:
            return
        self._held.talks += "bye_sent" in call.times


async def _end(call: Call) -> None:
    call.hangup()
    try:
        await call.until_ended(PATIENCE)
    except PhoneError:
        return


@asynccontextmanager
async def crowd(carrier: Carrier, number: str, caller: str, count: int) -> AsyncIterator[None]:
    """So many callers wait, and are gone at the end."""
    calls: list[Call] = []
    try:
        for _ in range(count):
            calls.append(carrier.call(number, caller))
            await asyncio.sleep(COMES_EVERY)
        for call in calls:
            await call.until_answered(PATIENCE)
        yield
    finally:
        for call in calls:
            call.hangup()
            await asyncio.sleep(COMES_EVERY / 4)
        for call in calls:
            await _end(call)

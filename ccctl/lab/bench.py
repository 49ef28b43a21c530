"""Loads for measurements: agents who answer at once, callers who never run out, times from the kernel.

The idle gap is the time from an agent's BYE to the next INVITE at the same agent's phone, while
calls wait. Nothing but the distributor under test lies between the two.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

from ccctl.lab.dialog import IncomingCall, PhoneError
from ccctl.lab.phones import Carrier, Phone

CALLS_PER_SECOND = 10.0  # what all agents together may serve: the machine must not be the limit
SHORTEST_TALK = 1.0  # seconds, on average


@dataclass(slots=True)
class Load:
    """How many agents serve and how many callers wait, for how many seconds."""

    agents: int = 10
    waiting: int = 20
    seconds: float = 30.0
    seed: int = 1

    @property
    def talk(self) -> float:
        """Seconds of a talk on average; each is half to one and a half times as long."""
        return max(SHORTEST_TALK, self.agents / CALLS_PER_SECOND)

    @property
    def warm_up(self) -> float:
        """Seconds until every agent has had a first call."""
        return 1.5 * self.talk + 1.5


@dataclass(slots=True)
class Gaps:
    """What was measured: gaps in milliseconds, calls that were talked, callers that failed."""

    gaps: list[float] = field(default_factory=list)
    talks: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.talks / self.seconds if self.seconds else 0.0

    def add(self, more: "Gaps") -> None:
        """What another round measured."""
        self.gaps += more.gaps
        self.talks += more.talks
        self.failed += more.failed
        self.seconds += more.seconds


class GapMeter:
    """Drives one distributor: `number` is what its callers dial, `caller` who they say they are."""

    def __init__(self, carrier: Carrier, phones: list[Phone], number: str, caller: str) -> None:
        self._carrier, self._phones = carrier, phones
        self._number, self._caller = number, caller
        self._left: dict[str, float] = {}  # agent -> when the last BYE went out
        self._result = Gaps()
        self._from = float("inf")
        self._ending = False

    async def measure(self, load: Load) -> Gaps:
        chance = random.Random(load.seed)
        async with asyncio.TaskGroup() as group:

            def take(call: IncomingCall) -> None:
                group.create_task(self._serve(call, load.talk * chance.uniform(0.5, 1.5)))

            for phone in self._phones:
                phone.on_call = take
            callers = [group.create_task(self._call_again()) for _ in range(load.agents + load.waiting)]
            await asyncio.sleep(load.warm_up)
            self._from = began = time.time()
            await asyncio.sleep(load.seconds)
            self._result.seconds = time.time() - began
            self._ending = True
            self._from = float("inf")
            for caller in callers:
                caller.cancel()
            await self._clear()
        for phone in self._phones:
            phone.on_call = IncomingCall.reject
        return self._result

    async def _serve(self, call: IncomingCall, talk: float) -> None:
        """An agent: answer at once, talk, hang up."""
        agent, rang = call.line.user, call.times["invited"]
        left = self._left.pop(agent, None)
        if left is not None and rang >= self._from:
            self._result.gaps.append((rang - left) * 1000)
        if self._ending:
            call.reject()
            return
        call.answer()
        try:
            await call.until_answered(10)
            await asyncio.sleep(talk)
        except PhoneError:
            return  # somebody else had the caller
        if time.time() >= self._from:
            self._result.talks += 1
        call.hangup()
        if "bye_sent" in call.times:
            self._left[agent] = call.times["bye_sent"]

    async def _call_again(self) -> None:
        """A caller, and another one as soon as he has been served."""
        while True:
            call = self._carrier.call(self._number, self._caller)
            try:
                await call.until_answered(20)
                await call.until_ended(600)
            except PhoneError:
                self._result.failed += 1
                await asyncio.sleep(0.1)
            finally:
                call.hangup()

    async def _clear(self) -> None:
        """Nobody may be left in the distributor when the next one is measured."""
        calls = [*self._carrier.calls, *(call for phone in self._phones for call in phone.calls)]
        for call in calls:
            call.hangup()
        for call in calls:
            try:
                await call.until_ended(5)
            except PhoneError:
                self._result.failed += 1


def percentile(values: list[float], part: float) -> float:
    """Nearest rank; nan of nothing."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(part / 100 * len(ranked)))] if ranked else float("nan")

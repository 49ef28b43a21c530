"""Callers who come, wait, talk and go, and agents who serve them: real phones with tones, by one seed.

Every phone is asked whether it is treated well; what it complains of is in `complaints`. `next` waits for a
moment of a call, for faults that shall hit just there.
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from ccctl.lab.phones import Call, Carrier, IncomingCall, OutgoingCall, Phone, PhoneError, Phones, State
from ccctl.runtime.tasks import spawn
from tests.chaos import ears
from tests.support.running import MUSIC, SECRETS, WELCOME

AGENTS = {"anna": 650, "ben": 850, "sue": 1050, "joe": 1250}
CALLERS = (450, 550, 750, 950, 1150, 1450, 1750, 1850, 2150)  # each caller's tone
SUPPORT, PLAIN, TOGETHER = "+49301000", "+49301002", "+49301005"
NUMBERS = (SUPPORT, SUPPORT, PLAIN, PLAIN, PLAIN, TOGETHER)
LIVE = (State.INCOMING, State.ANSWERING, State.UP)
LOOK_S = 0.06
EMPTY_S = 40.0  # an agent waits so long for a caller's voice
HELD_S = 2.0  # two calls at one phone: the old one ends in this time
END_S = 0.1  # before the end of a call its sound may be gone
MOMENTS = (
    "ringing",  # an agent's phone rings
    "whisper",  # he has answered and hears the whisper
    "connecting",  # he has answered, no whisper: between Connect and Connected
    "hung up",  # somebody has just hung up
    "leaving",  # a caller leaves while he waits or an agent's phone rings for him
    "wrap-up",
    "announced",  # a caller hears an announcement
    "any",
)


@dataclass
class Person:
    """One caller and what became of him."""

    number: str
    dialled: str
    tone: int
    call: OutgoingCall
    placed: float
    agent: str = ""  # who talks to him
    since: float = 0.0  # and since when
    talking: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Talk:
    agent: str
    caller: str
    began: float
    ended: float
    gap: ears.Gap  # the longest at either ear


class Load:
    def __init__(self, phones: Phones, seed: int, talks_s: tuple[float, float] = (1.0, 4.0)) -> None:
        self.chance = random.Random(seed)
        self.phones, self.talks_s = phones, talks_s
        self.carrier: Carrier = phones.carrier(tone=0)
        self.agents: dict[str, Phone] = {
            name: phones.phone(name, SECRETS[name], tone=tone) for name, tone in AGENTS.items()
        }
        self.people: dict[str, Person] = {}
        self.answered: list[tuple[str, IncomingCall]] = []
        self.talks: list[Talk] = []
        self.music: list[tuple[ears.Gap, str]] = []  # the longest gap of each caller who waited
        self.complaints: list[str] = []
        self.lost_before = 0.0  # calls of that time or before may have been lost: Asterisk died
        self.seen: Counter[str] = Counter()
        self._moments: defaultdict[str, list[asyncio.Future[None]]] = defaultdict(list)
        self._running = True
        self._tasks: set[asyncio.Task[None]] = set()
        for name, phone in self.agents.items():
            phone.on_call = lambda call, name=name: self._ring(name, call)

    async def register(self) -> None:
        for phone in self.agents.values():
            await phone.register()

    def begin(self) -> None:
        for tone in CALLERS:
            self._go(self._callers(tone))

    async def end(self, timeout: float = 60) -> None:
        """Nobody calls any more; who waits goes after a while, all phones are on their hooks."""
        self._running = False
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout)
            self.complaints += [f"a phone has not come to its end: {task.get_name()}" for task in late]
            for task in late:
                task.cancel()

    def served(self, dialled: str) -> list[Person]:
        return [person for person in self.people.values() if person.dialled == dialled and person.since]

    def _go(self, what: Coroutine[Any, Any, None], name: str = "load") -> None:
        task = spawn(what, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- moments -----------------------------------------------------------------------------------

    def happens(self, moment: str) -> None:
        self.seen[moment] += 1
        for future in self._moments.pop(moment, ()):
            if not future.done():
                future.set_result(None)

    async def next(self, moment: str, timeout: float = 8) -> bool:
        """Until it happens the next time; False when it does not."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._moments[moment].append(future)
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            return False
        return True

    # -- agents ------------------------------------------------------------------------------------

    def _ring(self, agent: str, call: IncomingCall) -> None:
        call.ring()
        others = [other for other in self.agents[agent].calls if other is not call and other.state in LIVE]
        for other in others:
            self._go(self._both(agent, other, call), f"{agent} has two calls")
        self._go(self._serve(agent, call), f"{agent} serves {call.caller}")

    async def _both(self, agent: str, one: Call, other: Call) -> None:
        began = time.time()
        while one.state in LIVE and other.state in LIVE:
            if time.time() - began > HELD_S:
                self.complaints.append(f"{agent} has two calls at {began:.3f}: {one!r} and {other!r}")
                return
            await asyncio.sleep(LOOK_S)

    async def _serve(self, agent: str, call: IncomingCall) -> None:
        person = self.people[call.caller]
        self.happens("ringing")
        await asyncio.sleep(self.chance.uniform(0.05, 0.6))
        if call.state is not State.INCOMING:
            return
        call.answer()
        self.answered.append((agent, call))
        self.happens("connecting" if person.dialled == PLAIN else "whisper")
        if await self._hears(call, person.tone):
            person.agent, person.since = agent, time.time()
            person.talking.set()
            await self._talk(agent, call, person)
        elif call.state in LIVE:
            self.complaints.append(f"{agent} heard nobody for {EMPTY_S:g} s: {person.number}")
            call.hangup()

    async def _hears(self, call: IncomingCall, tone: int) -> bool:
        deadline = time.time() + EMPTY_S
        while call.state is not State.ENDED and time.time() < deadline:
            if ears.hears(call, tone):
                return True
            await asyncio.sleep(LOOK_S)
        return False

    async def _talk(self, agent: str, call: IncomingCall, person: Person) -> None:
        long = self.chance.random() < 0.25
        seconds = self.chance.uniform(6, 20) if long else self.chance.uniform(*self.talks_s)
        if not await self._is_over(call, seconds):
            call.hangup()
            self.happens("hung up")
            self._go(self._wraps_up())
        await _ended(call)
        self._hold_against(agent, call, person)

    async def _is_over(self, call: Call, seconds: float) -> bool:
        """By the other side, in that time; at the end of a trial nobody talks for long."""
        deadline = time.time() + seconds
        while call.state is not State.ENDED and time.time() < deadline:
            if not self._running:
                deadline = min(deadline, time.time() + 1)
            await asyncio.sleep(LOOK_S)
        return call.state is State.ENDED

    async def _wraps_up(self) -> None:
        await asyncio.sleep(self.chance.uniform(0.1, 0.9))
        self.happens("wrap-up")

    def _hold_against(self, agent: str, call: IncomingCall, person: Person) -> None:
        """Both heard each other all the time, and one of them has ended it."""
        times = [*_ends(call), *_ends(person.call)]
        end = min(times, default=call.times["ended"]) - END_S
        mine, his = ears.times_of(call, [person.tone]), ears.times_of(person.call, [AGENTS[agent]])
        began = min([*mine[:1], *his[:1]], default=end)
        ticks = list(self.phones.sound.ticks)
        gap = (
            max(ears.longest_gap(times, end, ticks) for times in (mine, his)) if began < end else ears.Gap(0)
        )
        self.talks.append(Talk(agent, person.number, began, end, gap))
        own = "bye_sent" in call.times or "bye_sent" in person.call.times
        if not own and began > self.lost_before:
            self.complaints.append(f"nobody hung up, and the talk of {agent} and {person.number} is over")

    # -- callers -----------------------------------------------------------------------------------

    async def _callers(self, tone: int) -> None:
        serial = 0
        await asyncio.sleep(self.chance.uniform(0, 2))
        while self._running:
            serial += 1
            number = f"+49170{tone:04d}{serial:04d}"
            dialled = self.chance.choice(NUMBERS)
            call = self.carrier.call(dialled, caller=number, tone=tone)
            person = self.people[number] = Person(number, dialled, tone, call, time.time())
            await self._waits(person)
            await asyncio.sleep(self.chance.uniform(0.1, 1.0))

    async def _waits(self, person: Person) -> None:
        patience = self.chance.choice((0.3, 2.0, 6.0, 25.0, 45.0, 45.0, 45.0))
        if await self._until(person, person.talking, patience):
            await self._talks(person)
        elif person.call.state is not State.ENDED:
            person.call.hangup()
            self.happens("leaving")
            await _ended(person.call)
        elif "bye_sent" not in person.call.times and person.placed > self.lost_before:
            self.complaints.append(f"{person.number} was thrown out: {person.call!r} {person.call.reason}")
        self._listen(person)

    async def _until(self, person: Person, event: asyncio.Event, seconds: float) -> bool:
        deadline, was = time.time() + seconds, False
        while person.call.state is not State.ENDED and time.time() < deadline and self._patient(deadline):
            if event.is_set():
                return True
            if not was and person.dialled == SUPPORT and ears.hears(person.call, WELCOME):
                was = True
                self.happens("announced")
            await asyncio.sleep(LOOK_S)
        return event.is_set()

    def _patient(self, deadline: float) -> bool:
        """At the end of a trial those who would wait for long go."""
        return self._running or deadline - time.time() < 5

    async def _talks(self, person: Person) -> None:
        impatient = self.chance.random() < 0.3
        try:
            await person.call.until_ended(self.chance.uniform(0.5, 5) if impatient else 90)
        except PhoneError:
            if not impatient:
                self.complaints.append(f"the call of {person.number} is not ended after its talk")
            person.call.hangup()
            self.happens("hung up")
        await _ended(person.call)

    def _listen(self, person: Person) -> None:
        """From the first music to the talk, or to the end, there was always something to hear."""
        heard = ears.times_of(person.call, [MUSIC, WELCOME])
        if not heard:
            return
        talk = ears.times_of(person.call, [AGENTS[person.agent]]) if person.agent else []
        end = talk[0] if talk else min(_ends(person.call), default=person.call.times["ended"]) - END_S
        if heard[0] < end:
            self.music.append((ears.longest_gap(heard, end, list(self.phones.sound.ticks)), person.number))


def _ends(call: Call) -> list[float]:
    return [call.times[name] for name in ("bye_sent", "bye") if name in call.times]


async def _ended(call: Call) -> None:
    try:
        await call.until_ended(40)  # the other side may be dead: until our BYE is given up
    except PhoneError:
        return

"""Plays a call centre with test phones: agents at their desks, callers by script.

What anybody does next follows from what is heard; only human pauses are waits. The pieces above
(daemon, ledger) are not known here: presence is asked through a function that is given.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection
from types import TracebackType
from typing import Protocol, Self, assert_never

from ccctl.lab.callers import (
    Choose,
    Converse,
    HangUp,
    HearRinging,
    LeaveMessage,
    Listen,
    Reach,
    Script,
    Step,
    Trial,
)
from ccctl.lab.dialog import Call, IncomingCall, PhoneError, State
from ccctl.lab.phones import Carrier, Phone, Phones

# Above the lab's music and most of speech, and no tone a multiple of another.
AGENT_TONES = (1750, 1850, 1950, 2050, 2150, 2250, 2450, 2650, 2850)
CALLER_TONES = (1150, 1250, 1350, 1450, 1550, 1650)
LONGEST_WAIT = 180  # seconds a caller waits for an agent before the trial counts as failed
HEARING = 0.4  # seconds of a voice after which one knows it
SETTLE = 0.3  # seconds at both ends of a talk that are not judged

PATIENCE = 60  # seconds for everything else that must happen in a call


class Eyes(Protocol):
    """What a person at the wallboard sees."""

    async def presence(self, agent: str) -> str:
        """Of agent/state.py; '' when it cannot be seen now."""
        ...

    async def places(self, caller: str) -> set[str]:
        """Flow and phase of the live call with this number; empty when there is none."""
        ...


class Desk:
    """A person with a phone: an agent who logs in, or somebody else who just answers."""

    def __init__(self, simulation: "Simulation", name: str, phone: Phone, agent: bool) -> None:
        self.name, self.phone, self.agent = name, phone, agent
        self._simulation = simulation
        self._chance = random.Random(name)
        phone.on_call = lambda call: simulation.spawn(self._take(call))

    async def _take(self, call: IncomingCall) -> None:
        trial = self._simulation.trial_of(call.caller)
        call.ring()
        if trial is None:
            await call.until_ended(120)
            return
        trial.offered.append(self.name)
        if self._ignores(trial):
            await self._miss(call, trial)
        else:
            await self._answer(call, trial)

    def _ignores(self, trial: Trial) -> bool:
        way = trial.script.agents if self.agent else "answer"
        return way == "ignore" or (way == "first ignores" and len(trial.offered) == 1)

    async def _miss(self, call: IncomingCall, trial: Trial) -> None:
        """Let it ring. Who has missed a call must report back with the login code."""
        await call.until_ended(120)
        await asyncio.sleep(1.5)
        await self.log_in()

    async def _answer(self, call: IncomingCall, trial: Trial) -> None:
        try:
            await asyncio.sleep(self._chance.uniform(1.0, 2.0))
            call.answer()
            await call.until_answered(5)
            if key := self._simulation.accept_keys.get(self.name):
                await call.until_sound(10)
                await call.until_silence(30)  # what is said before the key
                await call.until_pressed(key)
            await call.until_heard({trial.tone}, 30, HEARING)  # the whisper comes first
            trial.whisper_s = call.sound_seconds(end=time.time() - HEARING - SETTLE)
            await self._talk(call, trial)
        except PhoneError as error:
            if trial.phase != "over":  # a caller may leave while the agent hears the whisper
                trial.faults.append(f"agent {self.name}: {error}")
            call.hangup()

    async def _talk(self, call: IncomingCall, trial: Trial) -> None:
        trial.talk_began = time.time()
        last = trial.script.steps[-1]
        if isinstance(last, Converse) and last.ends == "agent":
            await asyncio.sleep(last.seconds)
            call.hangup()
        await call.until_ended(PATIENCE)
        trial.talk_ended = min(call.times.get(name, call.times["ended"]) for name in ("bye", "bye_sent"))
        _judge_ear(trial, f"agent {self.name}", call, trial.talk_began, {trial.tone})

    async def log_in(self) -> None:
        """Dial the login code unless it would log out."""
        deadline = time.monotonic() + PATIENCE
        while not (presence := await self._simulation.eyes.presence(self.name)):
            if time.monotonic() > deadline:
                raise PhoneError(f"{self.name}: nobody says whether this agent is logged in")
            await asyncio.sleep(0.5)
        if presence in ("offline", "not_responding"):
            await self._dial_code()

    async def _dial_code(self) -> None:
        call = self.phone.call(self._simulation.login_code)
        try:
            await call.until_answered(10)
            await call.until_ended(10)
        finally:
            call.hangup()


class Simulation:
    """`on_change` is told of every trial that moves."""

    def __init__(self, phones: Phones, carrier: Carrier, eyes: Eyes, login_code: str = "*45") -> None:
        self.phones, self.carrier, self.eyes, self.login_code = phones, carrier, eyes, login_code
        self.desks: dict[str, Desk] = {}
        self.accept_keys: dict[str, str] = {}  # agent -> what takes a call
        self.trials: list[Trial] = []
        self.on_change: Callable[[Trial], None] = lambda trial: None
        self._by_caller: dict[str, Trial] = {}
        self._run = int(time.time()) % 1_000_000
        self._group = asyncio.TaskGroup()
        self.quiet = asyncio.Event()  # set while no call runs
        self.quiet.set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as several:  # one trouble with a name says more than a bundle
            raise several.exceptions[0] from None

    @property
    def tones(self) -> dict[str, int]:
        return {name: desk.phone.tone or 0 for name, desk in self.desks.items()}

    @property
    def running(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.phase != "over"]

    def spawn(self, what: Awaitable[None]) -> None:
        self._group.create_task(_logged(what))

    def trial_of(self, caller: str) -> Trial | None:
        """By the last digits: networks write the same number in several ways."""
        return self._by_caller.get(caller[-9:])

    async def seat(self, passwords: dict[str, str], agents: Collection[str]) -> None:
        """Put people at registered phones; the agents among them log in."""
        for name, password in passwords.items():
            tone = AGENT_TONES[len(self.desks) % len(AGENT_TONES)]
            self.desks[name] = Desk(self, name, self.phones.phone(name, password, tone), name in agents)
        await asyncio.gather(*(self._seat(desk) for desk in self.desks.values()))

    async def _seat(self, desk: Desk) -> None:
        await desk.phone.register()
        if desk.agent:
            await desk.log_in()

    def place(self, script: Script) -> Trial:
        """A caller begins; the trial moves on by itself."""
        n = len(self.trials) + 1
        caller = f"+4915{self._run:06d}{n:04d}"
        trial = Trial(script, n, caller, CALLER_TONES[n % len(CALLER_TONES)])
        self.trials.append(trial)
        self.quiet.clear()
        self._by_caller[caller[-9:]] = trial
        self.spawn(self._play(trial))
        return trial

    async def _play(self, trial: Trial) -> None:
        trial.started = int(time.time() * 1000)
        call = self.carrier.call(trial.script.number, trial.caller, tone=trial.tone)
        try:
            self._enter(trial, "calls")
            await call.until_answered(20)
            for step in trial.script.steps:
                self._enter(trial, _PHASES[type(step)])
                await self._do(step, call, trial)
            await call.until_ended(10)
        except PhoneError as error:
            trial.faults.append(f"caller: {error}")
        finally:
            call.hangup()
            trial.ended = int(time.time() * 1000)
            self._enter(trial, "over")

    def _enter(self, trial: Trial, phase: str) -> None:
        trial.phase = phase
        self.on_change(trial)
        if phase == "over" and not self.running:
            self.quiet.set()

    async def _do(self, step: Step, call: Call, trial: Trial) -> None:
        match step:
            case Listen(seconds):
                await call.until_sound(15)
                await asyncio.sleep(seconds)
            case Choose(key, reaches):
                await self._choose(key, reaches, call, trial)
            case Reach(place):
                await self._reach(place, call, trial, PATIENCE)
            case HearRinging(seconds):
                await self._until_offered(call, trial)
                await asyncio.sleep(seconds)
            case Converse():
                await self._converse(step, call, trial)
            case LeaveMessage(seconds):
                await _leave_message(call, seconds)
            case HangUp():
                call.hangup()
            case _:
                assert_never(step)

    async def _converse(self, step: Converse, call: Call, trial: Trial) -> None:
        agent = await self._hear_agent(call)
        began = time.time()
        trial.agent = agent.name
        self._enter(trial, "talks")
        if step.ends == "caller":
            await asyncio.sleep(step.seconds)
            call.hangup()
        await call.until_ended(PATIENCE)
        _judge_ear(trial, "caller", call, began, {agent.phone.tone or 0})

    async def _choose(self, key: str, reaches: str, call: Call, trial: Trial) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            await call.until_pressed(key)
            if await self._reach(reaches, call, trial, 2.0, must=False):
                return
        raise PhoneError(f"{call}: key {key} did not lead to {reaches}")

    async def _reach(self, place: str, call: Call, trial: Trial, timeout: float, must: bool = True) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and call.state is not State.ENDED:
            if place in await self.eyes.places(trial.caller):
                return True
            await asyncio.sleep(0.1)
        if must or call.state is State.ENDED:
            raise PhoneError(f"{call}: did not reach {place}")
        return False

    async def _until_offered(self, call: Call, trial: Trial) -> None:
        deadline = time.monotonic() + LONGEST_WAIT
        while not trial.offered:
            if call.state is State.ENDED or time.monotonic() > deadline:
                raise PhoneError(f"{call}: no agent's phone rang")
            await asyncio.sleep(0.1)

    async def _hear_agent(self, call: Call) -> Desk:
        """Music and prompts pass; the first voice of an agent is the talk."""
        voices = {desk.phone.tone or 0: desk for desk in self.desks.values()}
        deadline = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < deadline and call.state is not State.ENDED:
            heard = call.heard(time.time() - 0.3, among=voices)
            if len(heard) == 1 and call.hears_sound():
                return voices[heard.pop()]
            await asyncio.sleep(0.1)
        raise PhoneError(f"{call}: no agent within {LONGEST_WAIT} s")


_PHASES: dict[type[Step], str] = {
    Listen: "listens",
    Choose: "chooses",
    Reach: "listens",
    HearRinging: "waits",
    Converse: "waits",
    LeaveMessage: "speaks",
    HangUp: "leaves",
}


def _judge_ear(trial: Trial, who: str, call: Call, began: float, wanted: set[int]) -> None:
    """Through the whole talk nobody else may be heard."""
    end = min(call.times.get(name, call.times["ended"]) for name in ("bye", "bye_sent"))
    end = min(end, trial.talk_ended or end)  # after the agent a caller may hear a prompt
    heard = call.heard(began + SETTLE, end - SETTLE)
    if heard != wanted:
        trial.faults.append(f"{who} heard {sorted(heard)} in the talk, expected {sorted(wanted)}")


async def _leave_message(call: Call, seconds: float) -> None:
    await call.until_sound(15)
    await asyncio.sleep(1.0)
    await call.until_pressed("#")  # skips the greeting
    await call.until_silence(15)  # the beep is over
    await asyncio.sleep(seconds)


async def _logged(what: Awaitable[None]) -> None:
    """One party's trouble must not end the others' calls."""
    try:
        await what
    except PhoneError as error:
        print(f"phones: {error}", flush=True)

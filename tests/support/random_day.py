"""A day in the call centre at random: callers, agents and phones that do what they like, for any writer."""

import random
from collections.abc import Callable

from ccctl import events as e
from ccctl.world.state import Phase, World

AGENTS = ("a0", "a1", "a2", "a3")
QUEUES = ("q0", "q1", "gone")
ASKED = (e.AgentLogin, e.AgentLogin, e.AgentUnpause, e.AgentPause, e.AgentLogout)


class RandomDay:
    """`send` takes an event, `world` gives the world as it is; `at` is the time, by hand."""

    def __init__(
        self, chance: random.Random, send: Callable[[e.Event], object], world: Callable[[], World], at: int
    ) -> None:
        self.chance, self.send, self.world, self.at = chance, send, world, at
        self.calls = 0

    def go(self, steps: int) -> None:
        acts = (self._comes, self._comes, self._asks, self._phone, self._phone, self._phone, self._goes)
        for _ in range(steps):
            self._pass(self.chance.choice((0, 1, 200, 3000, 9000)))
            self.chance.choice(acts)()

    def _pass(self, ms: int) -> None:
        end = self.at + ms
        while due := sorted((at, name) for name, at in self.world().timers.items() if at <= end):
            self.at = max(self.at, due[0][0])
            self.send(e.TimerFired(at=self.at, timer=due[0][1]))
        self.at = end

    def _comes(self) -> None:
        self.calls += 1
        call = f"pbx1/{self.at}.{self.calls:04d}"
        self.send(e.CallMarked(at=self.at, call=call, mark="CC_CALL", caller=f"+49{self.calls}"))
        self.send(
            e.CallerQueued(
                at=self.at,
                call=call,
                queue=self.chance.choice(QUEUES),
                priority=self.chance.randrange(3),
                max_wait_ms=self.chance.choice((0, 7000)),
                keys="0",
                leave_if_empty=self.chance.random() < 0.2,
            )
        )

    def _goes(self) -> None:
        visits = sorted(self.world().visits)
        if visits:
            call = self.chance.choice(visits)
            if self.chance.random() < 0.8:
                self.send(e.CallerLeft(at=self.at, call=call))
            self.send(e.ChannelEnded(at=self.at, channel=call, cause_code=16, source="PJSIP/t-1"))

    def _asks(self) -> None:
        self.send(self.chance.choice(ASKED)(at=self.at, agent=self.chance.choice(AGENTS), request="r"))

    def _phone(self) -> None:
        legs = sorted(self.world().legs)
        if not legs:
            return
        leg = self.chance.choice(legs)
        if self.chance.random() < 0.2:
            self.send(e.LegEnded(at=self.at, leg=leg, cause_code=self.chance.choice((16, 17, 19))))
            return
        match self.world().legs[leg].phase:
            case Phase.RINGING:
                self.send(e.LegAnswered(at=self.at, leg=leg))
            case Phase.WHISPER:
                self.send(e.WhisperDone(at=self.at, leg=leg))
            case Phase.CONNECTING:
                self.send(e.Connected(at=self.at, leg=leg))
            case Phase.TALK:
                self.send(e.RecordingStarted(at=self.at, leg=leg, path="x.wav"))

"""The part `core` of `ccctl bench acd`: what an event costs in the pure core, in small and large centres.

A day without Asterisk: all agents talk and callers wait (each talk that ends decides who is next), or all
agents are free and callers come (each decides who is rung). Queues ask for skills that less of is enough
later and for languages, callers have priorities, agents serve some of the queues.
"""

import json
import os
import random
import time

import msgspec

from ccctl import commands as c
from ccctl import events as e
from ccctl.cli.benchcompile import measured
from ccctl.cli.benchrows import Row, less_is_better
from ccctl.flow.roster import AgentConfig, QueueConfig, RelaxConfig, Roster, UserConfig, to_json
from ccctl.world import World, step
from ccctl.world.state import Phase

STRATEGIES = ("longest-idle", "round-robin", "fewest-calls", "most-skilled")
SERVED = 5  # queues of one agent
EVENTS = 6000
ROUNDS = 3  # the best counts
ONCE = (
    "import json, sys; from ccctl.cli.benchcore import cost; print(json.dumps(cost(*map(int, sys.argv[1:]))))"
)


class Size(msgspec.Struct, frozen=True):
    agents: int
    waiting: int
    queues: int

    def __str__(self) -> str:
        queues = "1 queue" if self.queues == 1 else f"{self.queues} queues"
        return f"{self.agents} agents, {self.waiting} waiting, {queues}"


SIZES = (Size(10, 10, 1), Size(100, 100, 5), Size(1000, 1000, 20))


def roster(size: Size) -> Roster:
    names = [f"a{n}" for n in range(size.agents)]
    queues = [f"q{n}" for n in range(size.queues)]
    served = {
        name: tuple(queues[(n + 7 * k) % size.queues] for k in range(min(SERVED, size.queues)))
        for n, name in enumerate(names)
    }
    skills = {
        name: {"tech": 1 + n % 5, "english": n % 3, "german": 2 - n % 3} for n, name in enumerate(names)
    }
    return Roster(
        agents={n: AgentConfig(n, n, n, f"PJSIP/{n}", "en", served[n], skills[n]) for n in names},
        users={n: UserConfig(n, n, n, f"PJSIP/{n}", "en") for n in names},
        queues={q: _queue(q, n, [a for a in names if q in served[a]]) for n, q in enumerate(queues)},
    )


def _queue(name: str, number: int, agents: list[str]) -> QueueConfig:
    return QueueConfig(
        name,
        name,
        agents=tuple(agents),
        strategy=STRATEGIES[number % len(STRATEGIES)],
        skills={"tech": 1 + number % 3},
        relax=(RelaxConfig(20_000, {"tech": 1}),),
        language_skill={"en": "english", "de": "german"},
    )


class Play:
    """The world, and the phones and callers around it. Only what happens in step() is timed."""

    def __init__(self, size: Size) -> None:
        self.chance = random.Random(1)  # noqa: S311 - a load, no secret
        self.size, self.world, self.at, self.calls = size, World(), 1_000_000, 0
        self.spent, self.events, self.decisions = 0.0, 0, 0
        self.send(e.Started(at=self.at, boot="bench0"))
        self.send(e.RosterChanged(at=self.at, roster=to_json(roster(size)).decode()))
        for agent in self.world.roster.agents:
            self.send(e.AgentLogin(at=self.at, agent=agent))

    def send(self, event: e.Event) -> list[c.Command]:
        began = time.perf_counter()
        out = step(self.world, event)
        self.spent += time.perf_counter() - began
        self.events += 1
        self.decisions += sum(isinstance(command, c.Offer) for command in out.commands)
        return out.commands

    def forget(self) -> None:
        self.spent, self.events, self.decisions = 0.0, 0, 0

    def come(self) -> None:
        self.calls += 1
        self.at += 1
        call = f"pbx1/17.{self.calls:07d}"
        self.send(
            e.CallerQueued(
                at=self.at,
                call=call,
                queue=f"q{self.chance.randrange(self.size.queues)}",
                priority=self.chance.choice((0, 0, 0, 1, 2)),
                language=self.chance.choice(("en", "de", "")),
                caller=f"+49{self.calls}",
            )
        )

    def pick_up(self) -> None:
        for leg, state in list(self.world.legs.items()):
            if state.phase is Phase.RINGING:
                self.send(e.LegAnswered(at=self.at, leg=leg))
                self.send(e.Connected(at=self.at, leg=leg))

    def hang_up(self, leg: str) -> None:
        self.at += 40
        for command in self.send(e.LegEnded(at=self.at, leg=leg, cause_code=16)):
            if isinstance(command, c.Release):
                self.send(e.CallerLeft(at=self.at, call=command.call))
                self.send(e.ChannelEnded(at=self.at, channel=command.call, cause_code=16))

    def due(self) -> None:
        for name in [name for name, at in self.world.timers.items() if at <= self.at]:
            self.send(e.TimerFired(at=self.at, timer=name))


def busy(size: Size) -> Play:
    """Nobody is free: whoever hangs up is given the caller whose turn it is."""
    play = Play(size)
    while len(play.world.visits) < size.agents + size.waiting:
        play.come()
        play.pick_up()
    play.forget()
    number = 0
    while play.events < EVENTS:
        number += 1
        legs = list(play.world.legs)
        play.hang_up(legs[play.chance.randrange(len(legs))])
        play.pick_up()
        play.come()
        if number % 50 == 0:
            play.due()
    return play


def idle(size: Size) -> Play:
    """Everybody is free: for whoever comes an agent is chosen."""
    play = Play(size)
    play.forget()
    while play.events < EVENTS:
        play.come()
        play.pick_up()
        for leg in list(play.world.legs):
            play.hang_up(leg)
    return play


def cost(agents: int, waiting: int, queues: int) -> dict[str, float]:
    """Microseconds of one event and decisions per second, with nobody free and with everybody free."""
    size, found = Size(agents, waiting, queues), {}
    for name, play in (("busy", busy(size)), ("idle", idle(size))):
        found[f"{name} event"] = 1e6 * play.spent / play.events
        found[f"{name} decisions"] = play.decisions / play.spent
    return found


def core_rows() -> list[Row]:
    """Each size in a process of its own; the peer of the larger ones is the smallest."""
    small, *larger = ((size, _best(size)) for size in SIZES)
    rows = []
    for size, found in larger:
        for name, when in (("busy", "nobody is free"), ("idle", "everybody is free")):
            ours, peer = found[f"{name} event"], small[1][f"{name} event"]
            rows.append(less_is_better(f"an event, {when}: {size}; against {small[0]}", ours, peer, "µs"))
            ours, peer = found[f"{name} decisions"], small[1][f"{name} decisions"]
            rows.append(Row(f"decisions, {when}: {size}", ours, peer, ours / peer, "decisions/s"))
    return rows


def _best(size: Size) -> dict[str, float]:
    """What disturbs makes slower, never faster."""
    arguments = [str(part) for part in msgspec.structs.astuple(size)]
    runs = [json.loads(measured(ONCE, arguments, dict(os.environ))[1]) for _ in range(ROUNDS)]
    return {name: (min if "event" in name else max)(run[name] for run in runs) for name in runs[0]}

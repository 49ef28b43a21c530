"""A world to play with: events in, commands and ledger out, time by hand."""

from typing import Any

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.agent.state import Presence
from ccctl.flow.roster import AgentConfig, QueueConfig, Roster, UserConfig, to_json
from ccctl.world import Out, World, step

WHISPER = ("sound:cc/queue-support-1", "waited")


def make_roster(agents: int = 3, queues: int = 1, **queue: Any) -> Roster:
    """Agents a0.. in every queue q0.., supervisor `sue`, `joe` without a role."""
    names = tuple(f"a{i}" for i in range(agents))
    queue_names = tuple(f"q{i}" for i in range(queues))
    users = {n: UserConfig(n, n, str(200 + i), f"PJSIP/{n}", "en") for i, n in enumerate(names)}
    users["sue"] = UserConfig("sue", "Sue", "910", "PJSIP/sue", "en", ("supervisor",))
    users["joe"] = UserConfig("joe", "Joe", "911", "PJSIP/joe", "en")
    return Roster(
        generation="abc123",
        agents={n: AgentConfig(n, n, users[n].extension, f"PJSIP/{n}", "en", queue_names) for n in names},
        users=users,
        queues={q: QueueConfig(q, q, agents=names, **queue) for q in queue_names},
        monitor_keys={"4": "listen", "5": "whisper", "6": "barge"},
        monitor_roles=("supervisor",),
    )


class Centre:
    """`rows` holds the ledger as the store would: the last row of each id."""

    def __init__(self, roster: Roster | None = None) -> None:
        self.world = World()
        self.at = 1_000_000
        self.rows: dict[type, dict[str, Any]] = {}
        self.log: list[c.Command] = []
        self.journal: list[e.Event] = []
        self.calls = 0
        self.send(e.Started(at=self.at, boot="b00b00"))
        self.send(e.RosterChanged(at=self.at, roster=to_json(roster or make_roster()).decode()))

    def send(self, event: e.Event) -> list[c.Command]:
        self.journal.append(event)
        out = step(self.world, event, self.new_out(event))
        for row in out.changes:
            self.rows.setdefault(type(row), {})[row.id] = row
        self.log.extend(out.commands)
        return out.commands

    def new_out(self, event: e.Event) -> Out:
        return Out()

    def tick(self, ms: int = 1000) -> int:
        """Time passes; timers that are due fire in order."""
        end = self.at + ms
        while due := sorted((at, name) for name, at in self.world.timers.items() if at <= end):
            self.at = max(self.at, due[0][0])
            self.send(e.TimerFired(at=self.at, timer=due[0][1]))
        self.at = end
        return end

    # -- people and phones -------------------------------------------------------------------------

    def login(self, *agents: str) -> list[c.Command]:
        """One after the other, a millisecond apart: the first is idle longest."""
        commands: list[c.Command] = []
        for agent in agents:
            self.at += 1
            commands += self.send(e.AgentLogin(at=self.at, agent=agent))
        return commands

    def queued(self, queue: str = "q0", **fields: Any) -> str:
        self.calls += 1
        self.at += 1
        call = f"pbx1/17.{self.calls:04d}"
        fields.setdefault("caller", f"+49{self.calls}")
        self.send(e.CallerQueued(at=self.at, call=call, queue=queue, **fields))
        return call

    def answer(self, leg: str) -> list[c.Command]:
        self.at += 1
        return self.send(e.LegAnswered(at=self.at, leg=leg))

    def talk(self, leg: str) -> list[c.Command]:
        """Answered, whisper heard, bridged."""
        commands = self.answer(leg)
        if leg in self.world.legs:
            commands += self.send(e.WhisperDone(at=self.at, leg=leg))
            commands += self.send(e.Connected(at=self.at, leg=leg))
        return commands

    def leg_ended(self, leg: str, cause: int = 16) -> list[c.Command]:
        self.at += 1
        return self.send(e.LegEnded(at=self.at, leg=leg, cause_code=cause))

    def left(self, call: str) -> list[c.Command]:
        self.at += 1
        return self.send(e.CallerLeft(at=self.at, call=call))

    # -- looking -----------------------------------------------------------------------------------

    def presence(self, agent: str) -> Presence:
        return self.world.agents[agent].presence

    def leg_of(self, agent: str) -> str:
        return self.world.agents[agent].leg

    def agents_of(self, call: str) -> list[str]:
        """Whose phones ring for this caller, or who talks to him."""
        return [self.world.legs[leg].agent for leg in self.world.visits[call].legs]

    def visit(self, call: str, n: int = 1) -> ch.VisitRow:
        return self.rows[ch.VisitRow][f"{call}/{n}"]  # type: ignore[no-any-return]

    def segments(self, call: str) -> list[str]:
        rows = self.rows.get(ch.SegmentRow, {}).values()
        return [str(row.kind) for row in sorted(rows, key=lambda r: r.n) if row.call == call]


def kinds(commands: list[c.Command]) -> list[str]:
    """Names of the commands, timers left out."""
    return [type(x).__name__ for x in commands if not isinstance(x, c.StartTimer | c.StopTimer)]

"""The world's records: what the call centre is at this moment. Goes to JSON and back whole."""

from enum import StrEnum

import msgspec

from ccctl.agent.state import Agent, Presence
from ccctl.changes import (
    CallbackRow,
    CallRow,
    Change,
    OfferRow,
    QueuePauseRow,
    RecordingRow,
    SegmentRow,
    TransferRow,
    VisitRow,
    WatchRow,
)
from ccctl.commands import Command
from ccctl.events import Ref
from ccctl.flow.roster import QueueConfig, Roster, WaitingConfig
from ccctl.queue.estimate import State as Estimator
from ccctl.queue.estimate import Told
from ccctl.queue.line import CallerKey, Line, Pool, Ready, take
from ccctl.queue.needs import Need, Stage, lent, members
from ccctl.queue.standing import Standing
from ccctl.queue.strategy import Candidate, Tally, agent_key


class Gathering(msgspec.Struct, frozen=True):
    """A caller who accepted a callback and is asked for the number: his visit, and his place."""

    visit: VisitRow
    turn: int
    recording: str = ""


class Call(msgspec.Struct):
    """A call with its open ledger rows. `asked_queue` is set between the dialplan's queue mark and
    the moment when the call reaches us (or app_queue)."""

    row: CallRow
    name: str = ""
    segment: SegmentRow | None = None
    segments: int = 0
    begun: int = 0  # start of the first segment
    visits: int = 0
    transfers: int = 0
    last_visit: VisitRow | None = None
    native: VisitRow | None = None
    asked_queue: str = ""
    asked_at: int = 0
    left: int = 0  # when he last left our application
    gone: int = 0  # when a look did not find his channel any more
    marked: int = 0  # when his dialplan last told where he is
    leaving: str = ""  # the result we gave him back with, until he has left our application
    talk_ended_by: str = ""
    closed: bool = False
    hung_up_by_us: bool = False
    language: str = ""
    gathering: Gathering | None = None


class Visit(msgspec.Struct):
    """A caller waiting for, ringing or talking to an agent of our distributor. `legs` are the phones
    that ring for him, or the one that he talks to; `later` what he needs when he has waited longer."""

    row: VisitRow
    key: CallerKey
    need: Need = Need()
    later: tuple[Stage, ...] = ()
    keys: str = ""
    leave_if_empty: bool = False
    recording: str = ""  # what the call says of recordings: yes, no, nothing
    offer: str = ""  # name of the roster's callback offer
    legs: list[Ref] = []
    waits: bool = True  # in his pool: an agent who becomes free may be rung for him
    overdue: bool = False  # his longest wait was over while an agent had picked up for him
    came: int = 0  # when he came first, where a transfer kept him his turn
    told: Told = Told()
    prompts: int = 0  # of the queue's announcement that he heard
    telling: str = ""  # the playback of what he was told last; '': nothing so far
    menu: WaitingConfig | None = None  # of the step by which he came
    quiet: bool = False  # he wants to hear nothing but the music
    callback: str = ""  # the callback whose customer this is
    on_line: bool = True  # False: a customer whose phone has not been answered
    since: int = 0  # the wait that his needs go by, when it began before this visit
    offered: bool = False  # he was told that he can be called back
    reserved: str = ""  # the agent who is kept free for him while his phone rings

    @property
    def leg(self) -> Ref:
        """The first of his legs, or ''."""
        return self.legs[0] if self.legs else ""


class Callback(msgspec.Struct):
    """Somebody to be called back. In the line he is a caller like others: `call` is his visit then, and the
    channel that will be his; each has an id that follows from the callback's and `dials`."""

    row: CallbackRow
    node: str
    turn: int  # the time that gives him his place
    retries: int
    gap_ms: int
    priority: int = 0
    language: str = ""
    recording: str = ""
    call: Ref = ""
    dials: int = 0
    dialled: int = 0  # when; 0: not in this try


class Phase(StrEnum):
    RINGING = "ringing"
    WHISPER = "whisper"
    ACCEPT = "accept"  # the whisper is over, and the key that takes the call is waited for
    DIALLING = "dialling"  # he hears the phone of a customer ring
    CONNECTING = "connecting"
    TALK = "talk"
    ASIDE = "aside"  # the caller has gone; those who talked of him still talk


class Held(StrEnum):
    """Who has put the caller on hold; of his music at the phone Asterisk itself takes care."""

    NO = ""
    PHONE = "phone"
    US = "us"
    RESUMING = "resuming"  # he is on his way back to the agent


class Leg(msgspec.Struct):
    """An agent's phone that we rang for a visit. `inside`: who of both has entered their bridge, by the
    event log; `lost`: nobody will tell how the whisper, or the connecting, ended."""

    call: Ref
    agent: str
    queue: str
    phase: Phase
    offer: OfferRow
    who: str = ""  # whose phone it is, where it is no agent of ours
    recording: RecordingRow | None = None
    inside: tuple[Ref, ...] = ()
    lost: bool = False
    held: Held = Held.NO
    typing: str = ""  # transfer, for which he types a number: blind or attended
    keys: str = ""  # what he has typed so far


class HandoverStage(StrEnum):
    """How far it is with handing a caller on."""

    TAKING = "taking"  # the other side is being fetched out of the dialplan
    RINGING = "ringing"
    JOINING = "joining"  # the one who is asked has answered
    CONSULT = "consult"
    MERGING = "merging"  # the caller is on his way to both
    CONFERENCE = "conference"
    CONNECTING = "connecting"  # the caller is on his way to the one who answered


class Handover(msgspec.Struct):
    """A caller being handed on by an agent. `leg` is the agent's as long as he takes part; `target` the
    phone that is rung, `who` whose it is, `agent` the same when he is one of ours and rung as such."""

    row: TransferRow
    leg: Ref
    target: Ref
    who: str
    agent: str
    stage: HandoverStage
    rung: int  # when the ringing began
    back: bool = False  # the phone rung is that of the agent who handed him on
    refer: bool = False  # a phone waits to be told


class WatchState(msgspec.Struct):
    """A supervisor's leg. `row` is open while he hears something."""

    supervisor: str
    agent: str
    target: Ref
    call: Ref
    mode: str
    own_channel: bool = False
    serial: int = 0
    row: WatchRow | None = None


class World(msgspec.Struct):
    """Everything. Changed only by step()."""

    roster: Roster = Roster()
    boot: str = "000000"
    serial: int = 0
    agents: dict[str, Agent] = {}
    agent_rows: dict[str, str] = {}  # agent -> id of the open AgentStateRow
    queue_pauses: dict[str, dict[str, QueuePauseRow]] = {}  # agent -> queue -> open row
    joined: dict[str, dict[str, bool]] = {}  # queue -> agent -> joined or left, where the site says otherwise
    agent_causes: dict[str, str] = {}  # agent -> the cause of that row
    calls: dict[Ref, Call] = {}
    visits: dict[Ref, Visit] = {}
    legs: dict[Ref, Leg] = {}
    watches: dict[Ref, WatchState] = {}
    handovers: dict[Ref, Handover] = {}  # by the call
    targets: dict[Ref, Ref] = {}  # leg of one who is asked -> the call
    asides: dict[Ref, Ref] = {}  # of two legs whose caller has gone, either to the other
    lines: dict[str, Line] = {}
    tallies: dict[str, dict[str, Tally]] = {}  # queue -> agent -> what he did for it since his login
    last_agents: dict[str, tuple[str, int]] = {}  # caller's number -> who talked to him last, and when
    places: dict[str, tuple[int, int]] = {}  # queue/number of who was lost -> his turn, when he was lost
    estimates: dict[str, Estimator] = {}  # of the queues that say how long it will take
    serving: dict[str, tuple[str, int]] = {}  # agent -> queue of his caller, and when his phone began to ring
    standings: dict[str, Standing] = {}  # of the queues that keep a goal while they lend their agents
    timers: dict[str, int] = {}
    bridges: dict[str, dict[Ref, str]] = {}
    nodes: dict[str, bool] = {}
    logged: dict[str, tuple[int, int]] = {}  # node -> (file, place) read so far of its event log
    held: dict[str, bool] = {}  # nodes that cannot ring a phone now: nobody of theirs is offered
    callbacks: dict[str, Callback] = {}  # those that are open
    full: dict[str, int] = {}  # trunks that had no channel left -> until when nobody is called back by them
    switches: dict[str, str] = {}  # hours -> what somebody switched them to: open, closed
    ended: dict[Ref, bool] = {}  # calls that are over; True: since the last renewal of timers
    directs: dict[Ref, tuple[str, int]] = {}  # agents' own calls: channel -> agent, when it began
    codes: dict[Ref, bool] = {}  # channels that dialled a feature code
    recorded: dict[Ref, RecordingRow] = {}  # recordings that ended a moment ago
    engaged: dict[Ref, tuple[str, int]] = {}  # channels by which app_queue has an agent, and since when

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial

    def new_leg(self, node: str) -> Ref:
        """A channel id of fixed width that no other id is a prefix of."""
        return f"{node}/cc{self.boot}{self.next_serial():010d}"

    def callback_of(self, call: Ref) -> Callback | None:
        """The callback whose customer this is."""
        visit = self.visits.get(call)
        return self.callbacks.get(visit.callback) if visit and visit.callback else None

    def on_line(self, queue: str) -> int:
        """How many wait in this queue on a line of ours."""
        absent = sum(
            not self.visits[each.call].on_line
            for each in self.callbacks.values()
            if each.row.queue == queue and each.call in self.visits
        )
        return self.line(queue).size - absent

    def is_held(self, reference: Ref) -> bool:
        return bool(self.held) and reference.partition("/")[0] in self.held

    def is_connecting(self, visit: Visit) -> bool:
        """On his way to his agent: nobody may put him into the music, or set his timer, behind that."""
        return any(self.legs[leg].phase is Phase.CONNECTING for leg in visit.legs if leg in self.legs)

    def queue(self, name: str) -> QueueConfig | None:
        return self.roster.queues.get(name)

    def line(self, queue: str) -> Line:
        line = self.lines.get(queue)
        if line is None:
            line = self.lines[queue] = self._new_line(queue)
        return line

    def _new_line(self, queue: str) -> Line:
        config = self.queue(queue)
        agents = [self.agents[name] for name in config.agents if name in self.agents] if config else []
        borrowers = (
            each.name
            for each in self.roster.queues.values()
            if any(queue in rule.borrow for rule in each.overflow)
        )
        return Line(
            there=sum(is_there(agent) for agent in agents),
            free=sum(self.is_free(agent, queue) for agent in agents),
            borrowers=tuple(borrowers),
        )

    def pool(self, queue: str, need: Need) -> Pool:
        """Where callers of this need wait; made when the first of them comes."""
        line = self.line(queue)
        pool = line.pools.get(need.key)
        if pool is None:
            pool = line.pools[need.key] = self._new_pool(queue, need)
            for agent in self.agents.values():
                self._put(queue, pool, agent, self.is_free(agent, queue))
                for lender, group in pool.lent.items():
                    self._put(queue, group, agent, self.is_lent(agent, lender))
        return pool

    def _new_pool(self, queue: str, need: Need) -> Pool:
        config, agents = self.roster.queues[queue], self.roster.agents
        asked = dict.fromkeys(name for rule in need.rules for name in config.overflow[rule].borrow)
        lenders = [self.roster.queues[name] for name in asked if name in self.roster.queues]
        groups = {each.name: Ready(lent(need, config, each, agents)) for each in lenders}
        return Pool(need=need, members=members(need, config, agents), lent=groups)

    def tally(self, queue: str, agent: str) -> Tally:
        return self.tallies.setdefault(queue, {}).setdefault(agent, Tally())

    def forget_answered(self, agent: str) -> None:
        """He logged in: what he answered is counted anew."""
        for of_queue in self.tallies.values():
            if agent in of_queue:
                of_queue[agent].answered = 0

    def queues_of(self, agent: str) -> tuple[str, ...]:
        config = self.roster.agents.get(agent)
        return config.queues if config else ()

    def is_engaged(self, agent: str) -> bool:
        """app_queue rings him, or he talks to one of its callers."""
        return bool(self.engaged) and any(agent == name for name, _ in self.engaged.values())

    def is_free(self, agent: Agent, queue: str) -> bool:
        """Callers of this queue may be offered to him now."""
        if queue in self.queue_pauses.get(agent.name, ()) or self.is_engaged(agent.name):
            return False
        if agent.presence is Presence.DIRECT_CALL and agent.after is None:
            config = self.queue(queue)
            return config is not None and config.direct_calls == "ignore"
        return agent.presence is Presence.READY

    def is_lent(self, agent: Agent, lender: str) -> bool:
        """Callers of other queues may be offered to him now, by way of this one of his."""
        return agent.presence is Presence.READY and self.is_free(agent, lender)

    def put_in_order(self, agent: Agent) -> None:
        """Put the agent into, or take him out of, the order of each pool that he may serve."""
        for queue in self.queues_of(agent.name):
            line = self.line(queue)
            free, lent = self.is_free(agent, queue), self.is_lent(agent, queue)
            for pool in line.pools.values():
                self._put(queue, pool, agent, free)
            for borrower in line.borrowers:
                for pool in self.line(borrower).pools.values():
                    if queue in pool.lent:
                        self._put(borrower, pool.lent[queue], agent, lent)

    def _put(self, queue: str, group: Ready, agent: Agent, ready: bool) -> None:
        if agent.name not in group.members:
            return
        group.go(agent.name)
        if ready:
            config, tally = self.roster.agents[agent.name], self.tally(queue, agent.name)
            group.come(agent_key(self.roster.queues[queue], Candidate(agent, config, tally)))

    def recount(self, before: Agent, after: Agent) -> None:
        """How many of each queue's agents are logged in and free, after one has changed."""
        for queue in self.queues_of(after.name):
            line = self.line(queue)
            line.there += is_there(after) - is_there(before)
            line.free += self.is_free(after, queue) - self.is_free(before, queue)

    def staffed(self, queue: str) -> bool:
        """Somebody of the queue is logged in, whatever he does."""
        return self.line(queue).there > 0


def is_there(agent: Agent) -> bool:
    return agent.presence is not Presence.OFFLINE


def is_picked_up(world: World, visit: Visit) -> bool:
    """An agent has picked up for him."""
    return any(world.legs[leg].phase is not Phase.RINGING for leg in visit.legs if leg in world.legs)


def is_reserved(world: World, visit: Visit) -> bool:
    """His agent still is."""
    agent = world.agents.get(visit.reserved)
    return agent is not None and agent.presence is Presence.RESERVED and agent.call == visit.row.call


def out_of_pool(world: World, visit: Visit) -> None:
    """From now on nobody else is rung for him."""
    if visit.waits:
        visit.waits = False
        take(world.pool(visit.row.queue, visit.need).waiting, visit.key)


def is_at_music(world: World, visit: Visit) -> bool:
    """He is among those who wait: for an agent, or on hold by us."""
    waits = visit.row.ended is None and visit.on_line and not world.is_connecting(visit)
    leg = world.legs.get(visit.leg)
    if leg is not None:
        return waits or leg.held is Held.US
    handover = world.handovers.get(visit.row.call)
    return waits or (handover is not None and handover.stage is not HandoverStage.CONNECTING)


class Out:
    """What a step gives back: ledger rows, commands, and the keys of the live view it touched."""

    __slots__ = ("changes", "commands", "touched")

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.commands: list[Command] = []
        self.touched: set[str] = set()

    def row(self, change: Change) -> None:
        self.changes.append(change)

    def do(self, command: Command) -> None:
        self.commands.append(command)

    def touch(self, *keys: str) -> None:
        self.touched.update(keys)


def is_leg(reference: Ref) -> bool:
    """True for the ids that new_leg() makes."""
    return len(reference) - reference.find("/") - 1 == LEG_WIDTH and "/cc" in reference


LEG_WIDTH = 18


def to_json(world: World) -> bytes:
    return msgspec.json.encode(world)


def from_json(data: bytes | str) -> World:
    return msgspec.json.decode(data, type=World)

"""Sites of random days, and a centre that looks at each offer in the moment when it is decided."""

from collections.abc import Callable

from hypothesis import strategies as st
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.flow.roster import (
    AnnounceConfig,
    CallbackConfig,
    HoursConfig,
    LendConfig,
    OfferConfig,
    OverflowRule,
    QueueConfig,
    RelaxConfig,
    Roster,
)
from ccctl.queue.line import CallerKey
from ccctl.queue.opening import is_open
from ccctl.queue.strategy import MEASURES
from ccctl.report import kpi
from ccctl.world import Out
from tests.support.centre import WHISPER, Centre, make_roster

AGENTS = ("a0", "a1", "a2")
BEGAN = {ch.VisitRow: "entered", ch.OfferRow: "offered", ch.CallbackRow: "asked"}


PLAIN = QueueConfig(
    "",
    "",
    callback=CallbackConfig(via="telco", gap_ms=4000, expires_ms=60_000),
    whisper=WHISPER,
    wrap_up_ms=2000,
    wrap_up_max_ms=5000,
    max_callers=4,
    ring_ms=5000,
)
SKILLED = replace(
    PLAIN,
    callback=CallbackConfig(first="customer", ring_ms=5000, via="telco", retries=1, gap_ms=4000),
    skills={"tech": 3},
    relax=(RelaxConfig(3000, {"tech": 1}),),
    language_skill={"en": "english"},
)
TIERED = replace(
    PLAIN,
    callback=CallbackConfig(hours="office", ring_ms=5000, via="telco", retries=1, gap_ms=4000),
    ranks={"a1": 2, "a2": 3},
    escalate={"2": 3000, "3": 6000},
    ageing_ms=1500,
    keep_place_ms=20_000,
    direct_calls="ignore",
    membership="dynamic",
    forced=("a0",),
    miss_limit=2,
    rest_ms=9000,
    sticky_ms=60_000,
    sticky_wait_ms=4000,
    announce=AnnounceConfig(2000, position=True, wait_time=True, media=("sound:a",)),
)
KEYED = replace(PLAIN, accept_key="1", accept_ms=4000)
BOTH = ("q0", "q1")
BORROWING = replace(
    PLAIN,
    overflow=(
        OverflowRule(after_ms=3000, borrow=BOTH),
        OverflowRule(length=2, borrow=BOTH),
        OverflowRule(staffed=0, borrow=BOTH),
    ),
    lend=LendConfig(60, 2000, 20_000),
)
LEAVING = replace(
    SKILLED,
    overflow=(
        OverflowRule(after_ms=5000, available=0, leave=True),
        OverflowRule(length=3, leave=True),
        OverflowRule(after_ms=2000, staffed=1, borrow=BOTH),
    ),
    sticky_ms=60_000,
    sticky_wait_ms=4000,
)
TEAMS = (
    (AGENTS, AGENTS),
    (AGENTS[:2], AGENTS[1:]),
    (AGENTS[:1], AGENTS[1:]),
)
SKILLS = {"a0": {"tech": 5, "english": 2}, "a1": {"tech": 1, "english": 4}, "a2": {"tech": 3}}
queues = st.builds(
    lambda rules, strategy: replace(rules, strategy=strategy),
    st.sampled_from([PLAIN, SKILLED, TIERED, KEYED, BORROWING, BORROWING, LEAVING]),
    st.sampled_from(sorted(MEASURES)),
)


def site(*rules: QueueConfig, teams: tuple[tuple[str, ...], ...] = TEAMS[0]) -> Roster:
    made = make_roster(len(AGENTS), len(rules))
    named = {f"q{n}": replace(each, name=f"q{n}", agents=teams[n]) for n, each in enumerate(rules)}
    agents = {
        name: replace(
            agent, skills=SKILLS[name], queues=tuple(q for q, each in named.items() if name in each.agents)
        )
        for name, agent in made.agents.items()
    }
    offers = {
        to: OfferConfig("q", 100, 5000, "1", ("sound:o",), to, 1, 4000, withheld=True) for to in OFFERS if to
    }
    return replace(made, agents=agents, queues=named, offers=offers, hours={"office": OFFICE})


OFFERS = ("", "caller", "gather")
OFFICE = HoursConfig("UTC", ((3, 0, 17), (3, 18, 1440)))  # closed for a minute soon after the history begins


class Witness(Out):
    """Looks at each offer in the moment when it is made."""

    def __init__(self, seen: Callable[[c.Offer, Out], None]) -> None:
        super().__init__()
        self.seen = seen

    def do(self, command: c.Command) -> None:
        super().do(command)
        if isinstance(command, c.Offer):
            self.seen(command, self)


class FairCentre(Centre):
    """Looks at each offer when it is made: nobody is overtaken. Whoever is rung is rung for the caller
    whose turn it is, of all whom he may serve; and whoever is called back is called once. Who is lent has no
    caller of his own who waits, nor has the queue that lends him, and it keeps its goal."""

    asterisk_was_away = False

    def __init__(self, roster: Roster) -> None:
        self.dialled: set[str] = set()
        super().__init__(roster)
        super().send(e.NodeUp(at=self.at, node="pbx1"))

    def new_out(self, event: e.Event) -> Out:
        return Witness(lambda offer, out: self.offered(offer, out, event.at))

    def offered(self, offer: c.Offer, out: Out, at: int) -> None:
        own = self.world.queues_of(offer.agent)
        if self.world.held or offer.queue in own or offer.leg in self.world.targets:  # asked for a transfer
            return
        assert not self.waiting_for(offer.agent)
        asked = {name for rule in self.world.roster.queues[offer.queue].overflow for name in rule.borrow}
        lenders = [name for name in own if name in asked]
        assert any(self.lends(name, out, at) for name in lenders)

    def lends(self, queue: str, out: Out, at: int) -> bool:
        level, lend = self.level(queue, at, out), self.world.roster.queues[queue].lend
        waiting = self.world.line(queue).waiting()
        return not waiting and (lend is None or level is None or level >= lend.percent)

    def level(self, queue: str, at: int, out: Out | None = None) -> float | None:
        """By the formula of the ledger, over its rows."""
        rows = dict(self.rows.get(ch.VisitRow, {}))
        rows |= {row.id: row for row in (out.changes if out else ()) if isinstance(row, ch.VisitRow)}
        lend = self.world.roster.queues[queue].lend
        if lend is None:
            return None
        lately = [
            row
            for row in rows.values()
            if row.queue == queue and row.ended is not None and row.ended > at - lend.window_ms
            if row.engine != "callback"
        ]
        return kpi.service_level(lately, kpi.preset(kpi.DEFAULT_PRESET, lend.goal_ms))

    def send(self, event: e.Event) -> list[c.Command]:
        commands = super().send(event)
        for command in commands:
            if isinstance(command, c.Offer) and command.leg in self.world.legs and not self.world.held:
                self.nobody_is_overtaken(command.call, command.agent)
            elif isinstance(command, c.Dial):
                self.dialled_once(command)
        return commands

    def nobody_is_overtaken(self, call: str, agent: str) -> None:
        visit = self.world.visits[call]
        if not (visit.callback and visit.on_line):  # one who was called first has his agent already
            assert not [key for key in self.waiting_for(agent) if key < visit.key]

    def dialled_once(self, command: c.Dial) -> None:
        """Only while it is open; no channel twice; one at a time; somebody is there for him."""
        visit = self.world.visits[command.call]
        callback = self.world.callbacks[visit.callback]
        hours = self.world.roster.queues[visit.row.queue].callback.hours
        assert not hours or is_open(OFFICE, self.at)
        assert command.call not in self.dialled or self.asterisk_was_away
        assert callback.call == command.call
        self.dialled.add(command.call)
        ringing = [
            self.world.visits[each.call]
            for each in self.world.callbacks.values()
            if each.dialled and not self.world.visits[each.call].on_line
        ]
        assert all(each.legs or each.reserved for each in ringing) or self.asterisk_was_away
        if visit.reserved and not self.world.held:
            self.nobody_is_overtaken(command.call, visit.reserved)

    def waiting_for(self, agent: str) -> list[CallerKey]:
        world = self.world
        queues = [queue for queue in world.queues_of(agent) if self.may_serve(agent, queue)]
        pools = [pool for queue in queues for pool in world.line(queue).pools.values()]
        return [key for pool in pools if agent in pool.members for key in pool.waiting]

    def may_serve(self, agent: str, queue: str) -> bool:
        """He has not paused this queue, nor does a call of his own keep him from it."""
        if queue in self.world.queue_pauses.get(agent, ()):
            return False
        own = self.world.agents[agent].direct
        return not own or self.world.roster.queues[queue].direct_calls == "ignore"

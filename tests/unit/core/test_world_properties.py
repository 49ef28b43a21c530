"""What must hold whatever happens: random days in the call centre."""

import itertools
import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import events as e
from ccctl.agent.state import ON_CALL, Presence
from ccctl.changes import Outcome
from ccctl.flow.roster import (
    QueueConfig,
)
from ccctl.flow.roster import to_json as to_roster_json
from ccctl.queue.line import Pool
from ccctl.queue.needs import members
from ccctl.world import lending
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import Phase, from_json, to_json
from tests.support.fair_centre import AGENTS, BEGAN, BOTH, OFFERS, PLAIN, TEAMS, FairCentre, queues, site


class Day(RuleBasedStateMachine):
    """Three agents, two queues of any rules, callers and phones that do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.centre = FairCentre(site(PLAIN, PLAIN))
        self.together: set[str] = set()  # callers for whom all phones rang when the rules changed

    @initialize(one=queues, other=queues, teams=st.sampled_from(TEAMS))
    def rules_are_set(self, one: QueueConfig, other: QueueConfig, teams: tuple[tuple[str, ...], ...]) -> None:
        self.centre = FairCentre(site(one, other, teams=teams))

    @rule(one=queues, other=queues)
    def site_changes(self, one: QueueConfig, other: QueueConfig) -> None:
        """Everything but what is measured, of which the past would be another."""
        self.centre.at += 1
        self.together |= {call for call, visit in self.centre.world.visits.items() if len(visit.legs) > 1}
        now = [self.centre.world.roster.queues[name] for name in BOTH]
        rules = [
            replace(rule, lend=old.lend, announce=old.announce)
            for rule, old in zip((one, other), now, strict=True)
        ]
        roster = to_roster_json(site(*rules, teams=tuple(old.agents for old in now))).decode()
        self.centre.send(e.RosterChanged(at=self.centre.at, roster=roster))

    def legs(self, *phases: Phase) -> list[str]:
        return sorted(leg for leg, state in self.centre.world.legs.items() if state.phase in phases)

    @rule(
        queue=st.sampled_from(["q0", "q1", "gone"]),
        priority=st.integers(0, 2),
        wait=st.sampled_from([0, 7000]),
        language=st.sampled_from(["en", "de"]),
        number=st.integers(1, 3),
        offer=st.sampled_from(OFFERS),
    )
    def caller_comes(
        self, queue: str, priority: int, wait: int, language: str, number: int, offer: str
    ) -> None:
        self.centre.queued(
            queue,
            priority=priority,
            max_wait_ms=wait,
            keys="0",
            leave_if_empty=bool(wait),
            language=language,
            caller=f"+4917011{number}" if number < 3 else "anonymous",
            offer=offer,
        )

    @precondition(lambda self: self.centre.world.visits)
    @rule(data=st.data())
    def caller_goes(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.centre.world.visits)))
        self.centre.left(call)
        self.centre.send(e.ChannelEnded(at=self.centre.at, channel=call, cause_code=16, source="PJSIP/t-1"))

    @precondition(lambda self: self.centre.world.visits)
    @rule(data=st.data())
    def caller_presses_the_exit_key(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.centre.world.visits)))
        self.centre.send(e.DigitPressed(at=self.centre.at, channel=call, digit="0"))

    @precondition(lambda self: self.centre.world.visits)
    @rule(data=st.data())
    def caller_accepts_a_callback(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.centre.world.visits)))
        self.centre.tick(200)
        self.centre.send(e.DigitPressed(at=self.centre.at, channel=call, digit="1"))

    def gathering(self) -> list[str]:
        return sorted(call for call, state in self.centre.world.calls.items() if state.gathering)

    @precondition(lambda self: self.gathering())
    @rule(data=st.data(), typed=st.booleans())
    def caller_types_his_number(self, data: st.DataObject, typed: bool) -> None:
        call = data.draw(st.sampled_from(self.gathering()))
        queue = self.centre.world.calls[call].gathering.visit.queue  # type: ignore[union-attr] # it is one of those
        self.centre.left(call)
        self.centre.at += 1
        if typed:
            value = f"{queue}/+49170222/now/0/1/4/en/0"
            self.centre.send(e.CallMarked(at=self.centre.at, call=call, mark="CC_CALLBACK", value=value))
        else:
            self.centre.send(e.CallerQueued(at=self.centre.at, call=call, queue=queue, offer="gather"))

    @rule(queue=st.sampled_from(["q0", "q1"]), number=st.integers(1, 4), later=st.sampled_from([0, 5000]))
    def callback_is_asked(self, queue: str, number: int, later: int) -> None:
        self.centre.at += 1
        due, at = self.centre.at + later if later else 0, self.centre.at
        self.centre.send(
            e.CallbackAsked(at=at, queue=queue, number=f"+4917011{number}", due=due, request="r")
        )

    @precondition(lambda self: self.centre.world.callbacks)
    @rule(data=st.data(), kind=st.sampled_from([e.CallbackCancelled, e.CallbackRetried]))
    def callback_is_cancelled_or_retried(self, data: st.DataObject, kind: type[e.CallbackRetried]) -> None:
        ident = data.draw(st.sampled_from(sorted(self.centre.world.callbacks)))
        self.centre.send(kind(at=self.centre.at, callback=ident, request="r"))

    def customers(self) -> list[str]:
        """Those whose phones ring."""
        world = self.centre.world
        return sorted(
            each.call for each in world.callbacks.values() if each.dialled and each.call in world.visits
        )

    @precondition(lambda self: self.customers())
    @rule(data=st.data(), cause=st.sampled_from([0, 0, 0, 16, 17, 19, 1]))
    def customer_answers_or_not(self, data: st.DataObject, cause: int) -> None:
        call = data.draw(st.sampled_from(self.customers()))
        if cause:
            self.centre.leg_ended(call, cause)
            self.centre.send(e.ChannelEnded(at=self.centre.at, channel=call, cause_code=cause))
        else:
            self.centre.answer(call)

    @precondition(lambda self: self.customers())
    @rule(data=st.data(), down=st.booleans())
    def customer_cannot_be_dialled(self, data: st.DataObject, down: bool) -> None:
        call = data.draw(st.sampled_from(self.customers()))
        if not self.centre.world.visits[call].on_line:
            self.centre.asterisk_was_away |= down
            self.centre.send(e.LegFailed(at=self.centre.at, leg=call, reason="test", down=down))

    @rule(
        agent=st.sampled_from(AGENTS),
        what=st.sampled_from([e.AgentLogin, e.AgentLogout, e.AgentPause, e.AgentUnpause]),
    )
    def agent_asks(self, agent: str, what: type[e.AgentLogin]) -> None:
        self.centre.at += 1
        self.centre.send(what(at=self.centre.at, agent=agent, request="r"))

    @precondition(lambda self: self.legs(Phase.RINGING))
    @rule(data=st.data())
    def phone_is_answered(self, data: st.DataObject) -> None:
        self.centre.answer(data.draw(st.sampled_from(self.legs(Phase.RINGING))))

    @precondition(lambda self: self.legs(Phase.WHISPER))
    @rule(data=st.data())
    def whisper_ends(self, data: st.DataObject) -> None:
        self.centre.send(
            e.WhisperDone(at=self.centre.at, leg=data.draw(st.sampled_from(self.legs(Phase.WHISPER))))
        )

    @precondition(lambda self: self.legs(Phase.WHISPER, Phase.ACCEPT))
    @rule(data=st.data(), digit=st.sampled_from(["1", "1", "2"]))
    def agent_presses(self, data: st.DataObject, digit: str) -> None:
        leg = data.draw(st.sampled_from(self.legs(Phase.WHISPER, Phase.ACCEPT)))
        self.centre.at += 1
        self.centre.send(e.DigitPressed(at=self.centre.at, channel=leg, digit=digit))

    @precondition(lambda self: self.legs(Phase.CONNECTING))
    @rule(data=st.data(), works=st.booleans())
    def bridge(self, data: st.DataObject, works: bool) -> None:
        leg = data.draw(st.sampled_from(self.legs(Phase.CONNECTING)))
        failed = e.ConnectFailed(at=self.centre.at, leg=leg, reason="test")
        self.centre.send(e.Connected(at=self.centre.at, leg=leg) if works else failed)

    @precondition(lambda self: self.centre.world.legs)
    @rule(data=st.data(), cause=st.sampled_from([16, 17, 19, 20]))
    def leg_ends(self, data: st.DataObject, cause: int) -> None:
        self.centre.leg_ended(data.draw(st.sampled_from(sorted(self.centre.world.legs))), cause)

    @precondition(lambda self: self.legs(Phase.RINGING, Phase.CONNECTING))
    @rule(data=st.data())
    def asterisk_does_not_answer(self, data: st.DataObject) -> None:
        leg = data.draw(st.sampled_from(self.legs(Phase.RINGING, Phase.CONNECTING)))
        ringing = self.centre.world.legs[leg].phase is Phase.RINGING
        kind = e.LegFailed if ringing else e.ConnectFailed
        self.centre.send(kind(at=self.centre.at, leg=leg, reason="test", down=True))

    @rule()
    def asterisk_is_away(self) -> None:
        self.centre.send(e.NodeDown(at=self.centre.at, node="pbx1", deaf=True))

    @precondition(lambda self: self.centre.world.visits or self.centre.world.legs)
    @rule(data=st.data())
    def only_the_log_tells_an_end(self, data: st.DataObject) -> None:
        names = sorted([*self.centre.world.visits, *self.centre.world.legs])
        self.centre.at += 1
        self.centre.send(e.ChannelEnded(at=self.centre.at, channel=data.draw(st.sampled_from(names))))

    @rule(
        agent=st.sampled_from(AGENTS),
        queue=st.sampled_from(["q0", "q1", "gone"]),
        what=st.sampled_from([e.AgentPause, e.AgentUnpause, e.AgentJoin, e.AgentLeave]),
    )
    def agent_asks_of_one_queue(self, agent: str, queue: str, what: type[e.AgentPause]) -> None:
        self.centre.at += 1
        self.centre.send(what(at=self.centre.at, agent=agent, queue=queue, request="r"))

    @rule(agent=st.sampled_from(AGENTS), more=st.sampled_from([500, 60_000]))
    def wrap_up_is_made_longer(self, agent: str, more: int) -> None:
        self.centre.send(e.AgentWrapUp(at=self.centre.at, agent=agent, extend_ms=more, request="r"))

    @rule(agent=st.sampled_from(AGENTS), reachable=st.booleans(), idle=st.booleans())
    def phone_is_seen(self, agent: str, reachable: bool, idle: bool) -> None:
        self.centre.at += 1
        self.centre.send(e.PhoneSeen(at=self.centre.at, agent=agent, reachable=reachable, idle=idle))

    @rule(agent=st.sampled_from(AGENTS), number=st.integers(1, 2), dials=st.booleans())
    def agent_is_in_a_call_of_his_own(self, agent: str, number: int, dials: bool) -> None:
        self.centre.at += 1
        channel, name = f"pbx1/9.{agent}{number}", f"PJSIP/{agent}-0000000{number}"
        if dials:
            mark = e.CallMarked(at=self.centre.at, call=channel, mark="CC_CALL", value="internal", name=name)
            self.centre.send(mark)
        self.centre.send(e.ChannelAnswered(at=self.centre.at, channel=channel, name=name))

    @precondition(lambda self: self.centre.world.directs)
    @rule(data=st.data())
    def a_call_of_his_own_ends(self, data: st.DataObject) -> None:
        channel = data.draw(st.sampled_from(sorted(self.centre.world.directs)))
        self.centre.at += 1
        self.centre.send(e.ChannelEnded(at=self.centre.at, channel=channel))

    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        """Some are gone, some callers are back in their dialplan."""
        world = self.centre.world
        rung = {name: data.draw(st.booleans()) for name in self.customers()}
        fate = st.sampled_from(["ours", "ours", "ours", "gone", "dialplan"])
        fates = {name: data.draw(fate) for name in sorted([*self.channels(), *world.legs])}
        alive = tuple(
            e.LiveChannel(
                channel=name, ours=what == "ours", up=rung.get(name, name not in self.legs(Phase.RINGING))
            )
            for name, what in fates.items()
            if what != "gone"
        )
        self.centre.at += 1
        self.centre.send(e.Resynced(at=self.centre.at, node="pbx1", channels=alive))

    def channels(self) -> list[str]:
        """Of callers, and of customers who were dialled."""
        visits = self.centre.world.visits
        return [call for call, visit in visits.items() if visit.on_line or call in self.customers()]

    @rule(ms=st.sampled_from([100, 3000, 10_000]))
    def time_passes(self, ms: int) -> None:
        self.centre.tick(ms)

    @rule()
    def daemon_restarts(self) -> None:
        """Snapshot, a new boot, a look at what lives."""
        world = from_json(to_json(self.centre.world))
        rebuild_lines(world)
        self.centre.world = world
        self.centre.at += 1
        self.centre.send(e.Started(at=self.centre.at, boot="c11c11"))
        names = [*self.channels(), *world.legs]
        alive = tuple(
            e.LiveChannel(channel=n, ours=True, up=n not in self.legs(Phase.RINGING)) for n in names
        )
        self.centre.send(e.Resynced(at=self.centre.at, node="pbx1", channels=alive))

    # -- what must hold ----------------------------------------------------------------------------

    @invariant()
    def nobody_waits_while_somebody_is_free(self) -> None:
        for line in self.centre.world.lines.values():
            for pool in line.pools.values():
                assert not (pool.waiting and pool.ready) or self.centre.world.held

    @invariant()
    def nobody_waits_while_somebody_could_be_lent_or_a_rule_sends_him_on(self) -> None:
        world, at = self.centre.world, self.centre.at
        for name, line in world.lines.items():
            queue = world.queue(name)
            for pool in line.pools.values() if queue and not world.held else ():
                assert not pool.waiting or not lending.agent_for(world, name, pool, at)
                for n in pool.need.rules:
                    waiting = [world.visits[key[3]] for key in pool.waiting]
                    calls = [visit.row.call for visit in waiting if not visit.legs and not visit.callback]
                    rule = queue.overflow[n]
                    assert not (calls and rule.leave and lending.active(world, queue, rule, 1, at))

    @invariant()
    def a_guard_knows_the_service_level_of_the_ledger(self) -> None:
        world = self.centre.world
        for name in world.roster.queues:
            level = self.centre.level(name, self.centre.at)
            assert lending.level_of(world, name, self.centre.at) == pytest.approx(level)

    @invariant()
    def nothing_ends_before_it_began(self) -> None:
        for kind, rows in self.centre.rows.items():
            began = BEGAN.get(kind, "started")
            for row in rows.values():
                assert kind is ch.AnswerRow or row.ended is None or row.ended >= getattr(row, began), row

    @invariant()
    def every_visit_has_its_call_and_every_wait_an_end_in_sight(self) -> None:
        world = self.centre.world
        assert set(world.visits) <= set(world.calls)
        for call, visit in world.visits.items():
            limited = visit.leave_if_empty and visit.row.ended is None  # those with a longest wait here
            assert not limited or f"wait:{call}" in world.timers or visit.overdue

    @invariant()
    def whoever_waits_for_an_announcement_gets_it_and_estimators_know_who_waits(self) -> None:
        world = self.centre.world
        waiting = {call for call, visit in world.visits.items() if visit.row.ended is None}
        assert {name.removeprefix("tell:") for name in world.timers if name.startswith("tell:")} <= waiting
        for name, state in world.estimates.items():
            assert set(state.calls) == {call for call in waiting if world.visits[call].row.queue == name}
            assert state.in_line == sum(not world.visits[call].legs for call in state.calls)

    @invariant()
    def books_agree(self) -> None:
        world = self.centre.world
        for name, line in world.lines.items():
            waiting = [v for v in world.visits.values() if v.row.queue == name and v.row.ended is None]
            assert line.size == len(waiting)
            team = world.roster.queues[name].agents if name in world.roster.queues else ()
            states = [world.agents[agent].presence for agent in team]
            assert line.there == sum(presence is not Presence.OFFLINE for presence in states)
            assert line.free == sum(world.is_free(world.agents[agent], name) for agent in team)
            assert [key[3] for key in line.waiting()] == [
                v.row.call for v in sorted(waiting, key=lambda v: v.key) if v.waits
            ]
            for pool in line.pools.values():
                self.pool_is_right(world.roster.queues[name], pool)

    def pool_is_right(self, queue: QueueConfig, pool: Pool) -> None:
        world = self.centre.world
        assert pool.waiting == sorted(pool.waiting)
        assert all(world.visits[key[3]].need == pool.need for key in pool.waiting)
        assert pool.members == members(pool.need, queue, world.roster.agents)
        ready = {a.name for a in world.agents.values() if world.is_free(a, queue.name)}
        assert [key[3] for key in pool.ready] == sorted(
            ready & pool.members, key=lambda name: pool.keys[name]
        )
        assert set(pool.keys) == ready & pool.members
        for lender, lent in pool.lent.items():
            ready = {a.name for a in world.agents.values() if world.is_lent(a, lender)}
            assert not lent.members & set(queue.agents)
            assert lent.members <= set(world.roster.queues[lender].agents)
            assert [key[3] for key in lent.ready] == sorted(
                ready & lent.members, key=lambda name, keys=lent.keys: keys[name]
            )

    @invariant()
    def one_agent_wins_a_caller(self) -> None:
        world = self.centre.world
        for call, visit in world.visits.items():
            assert all(world.legs[leg].call == call for leg in visit.legs)
            phases = [world.legs[leg].phase for leg in visit.legs]
            won = [phase for phase in phases if phase in (Phase.DIALLING, Phase.CONNECTING, Phase.TALK)]
            if visit.reserved:
                assert (phases, visit.waits) == ([], False)
                continue
            assert not won or len(phases) == 1
            rings_all = visit.row.queue in world.roster.queues and (
                world.roster.queues[visit.row.queue].strategy == "ring-all"
            )
            assert len(phases) <= 1 or rings_all or call in self.together  # what rings goes on as it began
            assert (
                visit.waits
                == (
                    visit.row.ended is None
                    and (
                        not phases
                        or (rings_all and not (Phase.WHISPER in phases or Phase.ACCEPT in phases or won))
                    )
                )
                or visit.row.queue not in world.roster.queues
            )

    @invariant()
    def each_agent_has_one_leg_and_each_leg_one_agent(self) -> None:
        world = self.centre.world
        busy = {a.name: a.leg for a in world.agents.values() if a.presence in ON_CALL}
        assert sorted(busy.values()) == sorted(world.legs)
        for name, leg in busy.items():
            state = world.legs[leg]
            assert state.agent == name
            assert leg in world.visits[state.call].legs

    @invariant()
    def who_is_ready_has_a_phone_and_no_call(self) -> None:
        world = self.centre.world
        for agent in world.agents.values():
            assert not agent.direct or world.directs[agent.direct][0] == agent.name
            assert agent.direct or agent.name not in {who for who, _ in world.directs.values()}
            if agent.presence is Presence.READY:
                assert not agent.direct
                assert not agent.phone_gone
            elif agent.presence is Presence.DIRECT_CALL:
                assert agent.call == agent.direct != ""
            elif agent.presence is Presence.UNREACHABLE:
                assert agent.phone_gone
            elif agent.presence is Presence.WRAPUP:
                assert world.timers[f"wrapup:{agent.name}"] == agent.until
                assert agent.until - agent.since <= PLAIN.wrap_up_max_ms

    @invariant()
    def pauses_of_queues_are_rows_that_are_open(self) -> None:
        world = self.centre.world
        rows = self.centre.rows.get(ch.QueuePauseRow, {})
        kept = {row.id for paused in world.queue_pauses.values() for row in paused.values()}
        assert kept == {row.id for row in rows.values() if row.ended is None}
        for name, paused in world.queue_pauses.items():
            assert world.agents[name].presence is not Presence.OFFLINE
            assert set(paused) <= set(world.queues_of(name))

    @invariant()
    def every_visit_that_is_over_has_one_outcome(self) -> None:
        world = self.centre.world
        open_now = {visit.row.id for visit in world.visits.values()}
        open_now |= {call.gathering.visit.id for call in world.calls.values() if call.gathering}
        for row in self.centre.rows.get(ch.VisitRow, {}).values():
            assert (row.outcome is None) == (row.ended is None)
            if row.id not in open_now:
                assert row.outcome is not None
                assert row.outcome is not Outcome.ANSWERED or row.talk_ended is not None
        for offer in self.centre.rows.get(ch.OfferRow, {}).values():
            assert (offer.outcome is None) == (offer.ended is None)
            if offer.ended is None:
                assert offer.id in self.centre.world.legs

    @invariant()
    def every_callback_is_open_or_has_one_outcome(self) -> None:
        world = self.centre.world
        for row in self.centre.rows.get(ch.CallbackRow, {}).values():
            assert (row.outcome is None) == (row.ended is None) == (row.id in world.callbacks)
        open_now = [(each.row.queue, each.row.number) for each in world.callbacks.values()]
        assert len(open_now) == len(set(open_now))
        for ident, callback in world.callbacks.items():
            visit = world.visits.get(callback.call)
            assert f"expire:{ident}" in world.timers or visit is not None
            assert visit is None or visit.callback == ident
        served = [visit for visit in world.visits.values() if visit.callback in world.callbacks]
        assert all(world.callbacks[visit.callback].call == visit.row.call for visit in served)

    @invariant()
    def agent_states_follow_each_other_without_gap(self) -> None:
        for name in AGENTS:
            rows = [r for r in self.centre.rows.get(ch.AgentStateRow, {}).values() if r.agent == name]
            rows.sort(key=lambda r: (r.started, int(r.id.rpartition(":")[2])))
            for one, other in itertools.pairwise(rows):
                assert one.ended is not None
                assert one.ended <= other.started
            presence = self.centre.world.agents[name].presence
            assert (presence is Presence.OFFLINE) == (not rows or rows[-1].ended is not None)


# The same days each time, so that a change is judged by itself; as many new ones as HISTORIES says.
TestDay = Day.TestCase
TestDay.settings = settings(
    max_examples=int(os.environ.get("HISTORIES", "60")),
    stateful_step_count=50,
    deadline=None,
    derandomize="HISTORIES" not in os.environ,
)

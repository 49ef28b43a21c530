"""What must hold whatever happens, with callers on hold, handed on, asked about, and talked of in three."""

import os

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from msgspec.structs import replace

from ccctl import changes as ch
from ccctl import events as e
from ccctl.agent.state import ON_CALL, Presence
from ccctl.flow.handing import TransferConfig
from ccctl.flow.roster import QueueConfig
from ccctl.world.recovery import rebuild_lines
from ccctl.world.state import HandoverStage, Held, Phase, from_json, to_json
from tests.support.fair_centre import AGENTS, FairCentre, queues, site
from tests.unit.core.test_world_properties import Day

PLACES = TransferConfig(flows=("night",), outside=("+49",), trunk="telco", numbers={"200": "user:a0"})
WANTED = (*AGENTS, "200", "sue", "+4930123456", "+1900123456", "queue:q0", "queue:q1", "flow:night", "nobody")
BEYOND = "pbx1/99.1"  # the other side of a phone's own second call


class HandingDay(Day):
    """The same day, on which nobody keeps a talk for himself."""

    @initialize(one=queues, other=queues)
    def rules_are_set(self, one: QueueConfig, other: QueueConfig) -> None:
        self.centre = FairCentre(replace(site(one, other), transfers=PLACES))
        self.centre.login(*AGENTS)
        self.a_talk_begins("q0")

    def send(self, event: e.Event) -> None:
        self.centre.at += 1
        self.centre.send(replace(event, at=self.centre.at))

    @rule(queue=st.sampled_from(["q0", "q1"]))
    def a_talk_begins(self, queue: str) -> None:
        self.centre.queued(queue, language="en")
        for leg in self.legs(Phase.RINGING)[:1]:
            self.centre.answer(leg)
            for event in (e.WhisperDone(at=0, leg=leg), e.DigitPressed(at=0, channel=leg, digit="1")):
                if leg in self.centre.world.legs:
                    self.send(event)
            if leg in self.legs(Phase.CONNECTING):
                self.send(e.Connected(at=0, leg=leg))

    @precondition(lambda self: self.legs(Phase.TALK))
    @rule(data=st.data(), who=st.sampled_from([*AGENTS, "sue"]), conference=st.booleans())
    def somebody_is_asked(self, data: st.DataObject, who: str, conference: bool) -> None:
        """As far as both talk, or all three."""
        leg = data.draw(st.sampled_from(self.legs(Phase.TALK)))
        call = self.centre.world.legs[leg].call
        self.send(e.TransferRequested(at=0, call=call, to=who, attended=True, request="r"))
        handover = self.centre.world.handovers.get(call)
        if handover is None or handover.stage is not HandoverStage.RINGING or not handover.leg:
            return
        self.send(e.LegAnswered(at=0, leg=handover.target))
        self.send(e.Joined(at=0, leg=handover.target))
        if conference:
            self.send(e.ConsultRequested(at=0, call=call, what="conference", request="r"))
            self.send(e.Connected(at=0, leg=leg))

    @rule(data=st.data(), held=st.booleans())
    @precondition(lambda self: self.legs(Phase.TALK))
    def phone_holds(self, data: st.DataObject, held: bool) -> None:
        leg = data.draw(st.sampled_from(self.legs(Phase.TALK)))
        self.send(e.LegHeld(at=0, leg=leg, held=held))

    @precondition(lambda self: self.centre.world.visits)
    @rule(data=st.data(), hold=st.booleans())
    def hold_is_asked_for(self, data: st.DataObject, hold: bool) -> None:
        call = data.draw(st.sampled_from(sorted(self.centre.world.visits)))
        self.send(e.HoldRequested(at=0, call=call, hold=hold, request="r"))

    @precondition(lambda self: self.centre.world.visits)
    @rule(data=st.data(), to=st.sampled_from(WANTED), attended=st.booleans())
    def transfer_is_asked_for(self, data: st.DataObject, to: str, attended: bool) -> None:
        call = data.draw(st.sampled_from(sorted(self.centre.world.visits)))
        self.send(e.TransferRequested(at=0, call=call, to=to, attended=attended, request="r"))

    @precondition(lambda self: self.legs(Phase.TALK))
    @rule(data=st.data(), keys=st.sampled_from(["#1200#", "#2200", "#2200#", "#2", "#3", "#4", "#1*"]))
    def keys_are_pressed(self, data: st.DataObject, keys: str) -> None:
        leg = data.draw(st.sampled_from(self.legs(Phase.TALK)))
        for key in keys:
            self.send(e.DigitPressed(at=0, channel=leg, digit=key))

    @precondition(lambda self: self.legs(Phase.TALK))
    @rule(data=st.data(), to=st.sampled_from(WANTED), taken=st.booleans(), name=st.sampled_from(AGENTS))
    def phone_refers(self, data: st.DataObject, to: str, taken: bool, name: str) -> None:
        leg = data.draw(st.sampled_from(self.legs(Phase.TALK)))
        names = {"other": BEYOND, "name": f"PJSIP/{name}-00000001"} if taken else {}
        self.send(e.ReferReceived(at=0, leg=leg, to=to, **names))

    @precondition(lambda self: self.centre.world.handovers)
    @rule(data=st.data(), what=st.sampled_from(["complete", "cancel", "conference"]))
    def decision(self, data: st.DataObject, what: str) -> None:
        call = data.draw(st.sampled_from(sorted(self.centre.world.handovers)))
        self.send(e.ConsultRequested(at=0, call=call, what=what, request="r"))

    @precondition(lambda self: self.centre.world.targets)
    @rule(data=st.data(), works=st.booleans())
    def target_goes_on(self, data: st.DataObject, works: bool) -> None:
        """The next thing that Asterisk would say of him."""
        world = self.centre.world
        leg = data.draw(st.sampled_from(sorted(world.targets)))
        good: dict[HandoverStage, e.Event] = {
            HandoverStage.RINGING: e.LegAnswered(at=0, leg=leg),
            HandoverStage.TAKING: e.LegAnswered(at=0, leg=leg),
            HandoverStage.JOINING: e.Joined(at=0, leg=leg),
            HandoverStage.CONNECTING: e.Connected(at=0, leg=leg),
        }
        bad: dict[HandoverStage, e.Event] = {
            HandoverStage.RINGING: e.LegFailed(at=0, leg=leg, reason="test", down=True),
            HandoverStage.TAKING: e.JoinFailed(at=0, leg=leg, reason="test"),
            HandoverStage.JOINING: e.JoinFailed(at=0, leg=leg, reason="test"),
            HandoverStage.CONNECTING: e.ConnectFailed(at=0, leg=leg, reason="test"),
        }
        event = (good if works else bad).get(world.handovers[world.targets[leg]].stage)
        if event is not None:
            self.send(event)

    @precondition(lambda self: self.centre.world.targets)
    @rule(data=st.data(), cause=st.sampled_from([16, 17, 19]))
    def target_ends(self, data: st.DataObject, cause: int) -> None:
        leg = data.draw(st.sampled_from(sorted(self.centre.world.targets)))
        if leg == BEYOND:
            self.send(e.CallerLeft(at=0, call=leg))
        else:
            self.send(e.LegEnded(at=0, leg=leg, cause_code=cause))

    @precondition(lambda self: self.legs(Phase.TALK))
    @rule(data=st.data(), works=st.booleans())
    def caller_is_back(self, data: st.DataObject, works: bool) -> None:
        leg = data.draw(st.sampled_from(self.legs(Phase.TALK)))
        state = self.centre.world.legs[leg]
        if state.held is Held.RESUMING:
            failed = e.ConnectFailed(at=0, leg=leg, reason="test")
            self.send(e.Connected(at=0, leg=leg) if works else failed)

    @rule(data=st.data())
    def daemon_restarts_amid_it(self, data: st.DataObject) -> None:
        world = from_json(to_json(self.centre.world))
        rebuild_lines(world)
        self.centre.world = world
        self.send(e.Started(at=0, boot="d22d22"))
        names = [*self.channels(), *world.legs, *world.targets]
        bridges = st.sampled_from(["", "ccctl-hold", "b1"])
        alive = tuple(
            e.LiveChannel(
                channel=name,
                ours=True,
                up=name not in self.legs(Phase.RINGING) and data.draw(st.booleans()),
                bridge=data.draw(bridges),
            )
            for name in names
            if name not in world.targets or data.draw(st.booleans())
        )
        self.send(e.Resynced(at=0, node="pbx1", channels=alive))

    # -- what must hold ----------------------------------------------------------------------------

    @invariant()
    def every_visit_has_its_call_and_every_wait_an_end_in_sight(self) -> None:
        """Who was transferred waits as long as it takes."""
        assert set(self.centre.world.visits) <= set(self.centre.world.calls)

    @invariant()
    def each_agent_has_one_leg_and_each_leg_one_agent(self) -> None:
        world = self.centre.world
        rung = {h.target: h.agent for h in world.handovers.values()}
        legs = {leg: state.agent for leg, state in world.legs.items()} | rung
        busy = {agent.leg: agent.name for agent in world.agents.values() if agent.presence in ON_CALL}
        assert busy == {leg: agent for leg, agent in legs.items() if agent}

    @invariant()
    def nobody_is_lost_on_the_way(self) -> None:
        """Each caller whose wait has ended has somebody, or somebody is being asked for him."""
        world = self.centre.world
        for call, visit in world.visits.items():
            handover = world.handovers.get(call)
            if visit.row.ended is not None:
                assert visit.leg in world.legs or (handover is not None and not handover.leg)
            else:
                assert handover is None
        assert world.targets == {h.target: call for call, h in world.handovers.items()}
        for call, handover in world.handovers.items():
            assert call in world.visits
            assert not handover.leg or handover.leg == world.visits[call].leg
        for leg, other in world.asides.items():
            assert world.asides[other] == leg
            assert world.legs[leg].phase is Phase.ASIDE

    @invariant()
    def states_say_what_is_so(self) -> None:
        world = self.centre.world
        for agent in world.agents.values():
            leg = world.legs.get(agent.leg)
            if agent.presence is Presence.HELD:
                assert leg is not None
                assert leg.phase is Phase.ASIDE or leg.held is not Held.NO

    @invariant()
    def every_transfer_has_one_outcome(self) -> None:
        going_on = {handover.row.id for handover in self.centre.world.handovers.values()}
        for row in self.centre.rows.get(ch.TransferRow, {}).values():
            assert (row.ended is None) == (not row.outcome) == (row.id in going_on), row


TestHandingDay = HandingDay.TestCase
TestHandingDay.settings = settings(
    max_examples=int(os.environ.get("HISTORIES", "40")),
    stateful_step_count=60,
    deadline=None,
    derandomize="HISTORIES" not in os.environ,
)

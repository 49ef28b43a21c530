"""The decisions about a call or an agent, found again: looked at in the moment when each is made.

Nothing of it is kept when the daemon decides. A replay brings the world back, and what a step decides is
told to its Out while the world is still as the decision found it.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from ccctl import commands as c
from ccctl import events as e
from ccctl.flow.roster import QueueConfig
from ccctl.queue.needs import Need
from ccctl.world import Out, World, step
from ccctl.world.explain import (
    Caller,
    Candidate,
    Clock,
    callers_for,
    candidates,
    lenders_of,
    need_in_words,
    state_of,
)


class Decision(msgspec.Struct, frozen=True):
    """`kind`: offer (`agent` is rung for `call`); passed (he is rung for `other`, though `call` waits too);
    wait (nobody is rung for `call`); kept (`agent` is kept free for `call`, a customer whose phone rings);
    callback (`state` says what became of one); now (what holds at the end; `state`: what the agent does, or
    who is with the caller)."""

    at: int
    kind: str
    event: str
    call: str = ""
    agent: str = ""
    other: str = ""
    queue: str = ""
    need: str = ""
    candidates: tuple[Candidate, ...] = ()
    callers: tuple[Caller, ...] = ()
    state: str = ""


class _Witness(Out):
    """Tells of each offer while the agent is still free."""

    __slots__ = ("_kept", "_seen")

    def __init__(self, seen: Callable[[c.Offer], None], kept: Callable[[c.Dial], None]) -> None:
        super().__init__()
        self._seen, self._kept = seen, kept

    def do(self, command: c.Command) -> None:
        if isinstance(command, c.Offer):
            self._seen(command)
        elif isinstance(command, c.Dial) and not command.leg:
            self._kept(command)
        super().do(command)


class Watch:
    """Steps a world for a replay, and keeps the decisions about one call or one agent."""

    def __init__(self, clock: Clock, call: str = "", agent: str = "") -> None:
        self.decisions: list[Decision] = []
        self._clock, self._call, self._agent = clock, call, agent

    def step(self, world: World, event: e.Event) -> Out:
        before = _place(world, self._call)
        count = len(self.decisions)
        witness = _Witness(
            lambda offer: self._offered(world, event, offer), lambda dial: self._dialled(world, event, dial)
        )
        out = step(world, event, witness)
        offered = any(each.kind == "offer" for each in self.decisions[count:])
        after = _place(world, self._about(world))
        if after is not None and after != before and not offered:
            self.decisions.append(self._waits(world, self._call, event.at, words(event)))
        return out

    def _about(self, world: World) -> str:
        """The caller's channel; of some it is known only when they are there."""
        return self._call

    def now(self, world: World, at: int) -> Decision | None:
        """What holds at the end; None when the call is in no queue any more."""
        if self._agent:
            callers = tuple(callers_for(world, self._agent, (at, self._clock)))
            state = state_of(world, self._agent, self._clock)
            return Decision(at, "now", "", agent=self._agent, callers=callers, state=state)
        if _place(world, self._call) is not None:
            return self._waits(world, self._call, at, "")
        visit = world.visits.get(self._call)
        with_him = [world.legs[leg].agent for leg in visit.legs] if visit else []
        state = "; ".join(f"{name} {state_of(world, name, self._clock, self._call)}" for name in with_him)
        queue = visit.row.queue if visit else ""
        return Decision(at, "now", "", call=self._call, queue=queue, state=state) if with_him else None

    def _waits(self, world: World, call: str, at: int, event: str) -> Decision:
        visit = world.visits[call]
        return Decision(
            at,
            "wait" if event else "now",
            event,
            call=call,
            queue=visit.row.queue,
            need=need_in_words(visit.need),
            candidates=tuple(candidates(world, call, at, self._clock)),
        )

    def _offered(self, world: World, event: e.Event, offer: c.Offer) -> None:
        if self._call == offer.call or self._agent == offer.agent:
            self.decisions.append(self._offer(world, event, offer, offer.call))
        elif self._is_passed(world, offer.agent):
            self.decisions.append(self._offer(world, event, offer, self._call))

    def _dialled(self, world: World, event: e.Event, dial: c.Dial) -> None:
        """His phone rings when the customer's was answered."""
        visit = world.visits[dial.call]
        if self._agent and self._agent == visit.reserved:
            state = state_of(world, self._agent, self._clock)
            kept = Decision(event.at, "kept", words(event), call=dial.call, agent=self._agent, state=state)
            self.decisions.append(replace(kept, queue=visit.row.queue))

    def _is_passed(self, world: World, agent: str) -> bool:
        """An agent of his queue is rung for somebody else while he waits."""
        visit = world.visits.get(self._call)
        queue = world.queue(visit.row.queue) if visit is not None and visit.waits else None
        return queue is not None and (agent in queue.agents or _may_be_lent(world, queue, agent))

    def _offer(self, world: World, event: e.Event, offer: c.Offer, call: str) -> Decision:
        visit, passed = world.visits[call], call != offer.call
        found = () if passed else tuple(candidates(world, call, event.at, self._clock))
        return Decision(
            event.at,
            "passed" if passed else "offer",
            words(event),
            call=call,
            agent=offer.agent,
            other=offer.call if passed else "",
            queue=visit.row.queue,
            need=need_in_words(visit.need),
            candidates=found,
            callers=tuple(callers_for(world, offer.agent, (event.at, self._clock), offer.call)),
        )


def _may_be_lent(world: World, queue: QueueConfig, agent: str) -> bool:
    config = world.roster.agents.get(agent)
    return config is not None and bool(lenders_of(queue, config))


def _place(world: World, call: str) -> Need | None:
    """The pool where he waits; None: he does not."""
    visit = world.visits.get(call)
    return visit.need if visit is not None and visit.waits else None


_TIMERS = {
    "ring": "the time to ring is over",
    "stage": "a caller has waited so long that less is enough for him",
    "wrapup": "the wrap-up is over",
    "overflow": "the expected wait is looked at again",
    "lend": "the goal of a queue that lends its agents may be met again",
    "accept": "the time to press the key is over",
    "not_responding": "he did not respond for as long as his queue says",
    "again": "phones can be rung again",
    "whisper": "the announcement is over",
}


def words(event: e.Event) -> str:
    """What happened, and with whom."""
    match event:
        case e.CallerQueued():
            return f"{event.call} entered {event.queue}"
        case e.CallerLeft():
            return f"{event.call} left"
        case e.AgentLogin() | e.AgentUnpause() | e.AgentLogout() | e.AgentPause() | e.AgentCode():
            return f"{event.agent}: {type(event).__name__.removeprefix('Agent').lower()}"
        case e.LegEnded() | e.ChannelEnded():
            return "somebody hung up"
        case e.LegFailed():
            return f"a phone could not be rung: {event.reason}"
        case e.TimerFired():
            kind, _, who = event.timer.partition(":")
            return f"{_TIMERS.get(kind, kind)} ({who})"
    return type(event).__name__

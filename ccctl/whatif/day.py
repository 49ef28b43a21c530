"""Plays a plan: the distributor itself, on a virtual clock, among callers and phones that are made up.

Nothing here decides who gets a call. Commands of the core are answered as Asterisk, phones and people would
answer them, each at its time; what the core says of its timers is done. No chance: it is in the callers.
"""

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any

import msgspec

from ccctl import commands as c
from ccctl import events as e
from ccctl.changes import AgentStateRow, Outcome, VisitRow
from ccctl.flow.roster import to_json
from ccctl.whatif.plan import AWAY_MS, Caller, Duty, Miss, Plan
from ccctl.world import Out, World, step
from ccctl.world.state import Phase

NODE, BOOT = "sim", "000sim"
LATE_MS = 6 * 3_600_000  # who still waits so long after the end waits for ever
EXIT_KEY = "0"
NO_ANSWER = 19  # Q.850: the phone rang and nobody picked up
NORMAL = 16
_DUTIES: dict[str, Callable[[int, str], e.Event]] = {
    "login": lambda at, agent: e.AgentLogin(at=at, agent=agent),
    "logout": lambda at, agent: e.AgentLogout(at=at, agent=agent),
    "pause": lambda at, agent: e.AgentPause(at=at, agent=agent),
    "unpause": lambda at, agent: e.AgentUnpause(at=at, agent=agent),
}


class Played(msgspec.Struct, frozen=True):
    """The ledger of it: visits, and every stretch of an agent in a state."""

    visits: list[VisitRow]
    states: list[AgentStateRow]
    events: int


def play(plan: Plan, callers: Iterable[Caller]) -> Played:
    """Play `plan` with these callers to its end."""
    day = Day(plan)
    for caller in callers:
        day.comes(caller)
    return day.run()


class _Stay:
    """A caller in the house. `leg` is the phone that he talks to."""

    __slots__ = ("call", "caller", "leg", "offers", "over", "then")

    def __init__(self, call: e.Ref, caller: Caller) -> None:
        self.call, self.caller, self.then = call, caller, caller.then
        self.leg = ""
        self.offers = 0
        self.over = False


class Day:
    """The clock and all that lives by it."""

    def __init__(self, plan: Plan) -> None:
        self.world = World()
        self.now = plan.window.start
        self._window = plan.window
        self._due: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._number = self._calls = self._coming = self._events = 0
        self._pending: deque[e.Event] = deque()
        self._stays: dict[e.Ref, _Stay] = {}
        self._legs: dict[e.Ref, tuple[_Stay, str]] = {}  # with the agent
        self._timers: dict[str, int] = {}
        self._visits: dict[str, VisitRow] = {}
        self._states: dict[str, AgentStateRow] = {}
        self._state_of: dict[str, str] = {}  # agent -> id of the state that he is in
        self._away_ms: dict[str, int] = {}  # agent -> how long he does not notice what he missed
        self._send(e.Started(at=self.now, boot=BOOT))
        self._send(e.RosterChanged(at=self.now, roster=to_json(plan.roster).decode()))
        for duty in plan.duties:
            self._at(duty.at, self._duty, duty)

    def comes(self, caller: Caller) -> None:
        self._coming += 1
        self._at(caller.at, self._enter, caller)

    def run(self) -> Played:
        latest = self._window.end + LATE_MS
        while self._due and (self._coming or self._stays or self.now < self._window.end):
            at, _, act, what = heappop(self._due)
            if at > latest:
                break
            self.now = at
            act(what)
        return Played(list(self._visits.values()), list(self._states.values()), self._events)

    def _at(self, at: int, act: Callable[[Any], None], what: Any) -> None:
        self._number += 1
        heappush(self._due, (max(at, self.now), self._number, act, what))

    # -- the core --------------------------------------------------------------------------------------

    def _send(self, event: e.Event) -> None:
        """One event after the other: what a command leads to at once comes after the whole step."""
        self._pending.append(event)
        if len(self._pending) > 1:
            return
        while self._pending:
            out = step(self.world, self._pending[0])
            self._events += 1
            self._note(out)
            for command in out.commands:
                act = _ACTS.get(type(command))
                if act is not None:
                    act(self, command)
            self._pending.popleft()

    def _note(self, out: Out) -> None:
        for row in out.changes:
            kind = type(row)
            if kind is VisitRow:
                self._visit(row)  # type: ignore[arg-type]
            elif kind is AgentStateRow:
                self._state(row)  # type: ignore[arg-type]

    def _visit(self, row: VisitRow) -> None:
        self._visits[row.id] = row
        over = row.talk_ended if row.outcome is Outcome.ANSWERED else row.ended
        stay = self._stays.get(row.call)
        if over is None or stay is None or stay.then is None:
            return
        then, stay.then = stay.then, None
        if then.after is row.outcome:
            self._coming += 1
            self._at(over + then.gap_ms, self._enter, then.caller)

    def _state(self, row: AgentStateRow) -> None:
        """An agent ends his wrap-up early, or notices that he has missed a call."""
        self._states[row.id] = row
        if row.ended is not None:
            return
        self._state_of[row.agent] = row.id
        if row.presence == "wrapup" and row.call in self._stays:
            wrap_up = self._stays[row.call].caller.wrap_up_ms
            if wrap_up is not None:
                self._at(row.started + wrap_up, self._resume, row)
        elif row.presence == "not_responding":
            self._at(row.started + self._away_ms.get(row.agent, AWAY_MS), self._resume, row)

    def _resume(self, state: AgentStateRow) -> None:
        if self._state_of.get(state.agent) == state.id and self._states[state.id].ended is None:
            self._send(e.AgentUnpause(at=self.now, agent=state.agent))

    # -- people ----------------------------------------------------------------------------------------

    def _duty(self, duty: Duty) -> None:
        self._send(_DUTIES[duty.what](self.now, duty.agent))

    def _enter(self, caller: Caller) -> None:
        self._coming -= 1
        self._calls += 1
        call = f"{NODE}/{self._calls:08d}"
        self._stays[call] = stay = _Stay(call, caller)
        if caller.patience_ms is not None:
            self._at(self.now + caller.patience_ms, self._give_up, stay)
        self._send(
            e.CallerQueued(
                at=self.now,
                call=call,
                queue=caller.queue,
                priority=caller.priority,
                max_wait_ms=caller.max_wait_ms,
                keys=EXIT_KEY if caller.by_key else "",
                leave_if_empty=caller.leave_if_empty,
                language=caller.language,
            )
        )

    def _give_up(self, stay: _Stay) -> None:
        if stay.over or stay.leg:
            return
        if stay.caller.by_key:
            self._send(e.DigitPressed(at=self.now, channel=stay.call, digit=EXIT_KEY))
        else:
            self._goes(stay)

    def _goes(self, stay: _Stay) -> None:
        """He leaves our hands and hangs up."""
        if not stay.over:
            stay.over = True
            self._send(e.CallerLeft(at=self.now, call=stay.call))
            self._send(e.ChannelEnded(at=self.now, channel=stay.call, cause_code=NORMAL))
            self._stays.pop(stay.call, None)

    # -- commands --------------------------------------------------------------------------------------

    def _offer(self, command: c.Offer) -> None:
        stay = self._stays.get(command.call)
        if stay is None:
            return
        self._legs[command.leg] = (stay, command.agent)
        caller, nth = stay.caller, stay.offers
        stay.offers += 1
        if nth >= len(caller.missed) and caller.answer_ms <= command.ring_ms:
            self._at(self.now + caller.answer_ms, self._answer, command.leg)
            return
        late = Miss(command.ring_ms, caller.away_ms)
        miss = caller.missed[nth] if nth < len(caller.missed) else late
        self._at(self.now + min(miss.rings_ms, command.ring_ms), self._miss, (command.leg, miss.away_ms))

    def _answer(self, leg: e.Ref) -> None:
        if leg in self._legs:
            self._send(e.LegAnswered(at=self.now, leg=leg))

    def _miss(self, missed: tuple[e.Ref, int]) -> None:
        leg, away_ms = missed
        if leg in self._legs:
            _, agent = self._legs.pop(leg)
            self._away_ms[agent] = away_ms
            self._send(e.LegEnded(at=self.now, leg=leg, cause_code=NO_ANSWER))

    def _whisper(self, command: c.Whisper) -> None:
        if command.leg in self._legs:
            stay, _ = self._legs[command.leg]
            self._at(self.now + stay.caller.whisper_ms, self._whispered, command.leg)

    def _whispered(self, leg: e.Ref) -> None:
        if leg not in self._legs:
            return
        self._send(e.WhisperDone(at=self.now, leg=leg))
        waiting = self.world.legs.get(leg)
        if waiting is not None and waiting.phase is Phase.ACCEPT:
            key = self.world.roster.queues[waiting.queue].accept_key
            self._send(e.DigitPressed(at=self.now, channel=leg, digit=key))

    def _connect(self, command: c.Connect) -> None:
        if command.leg in self._legs:
            stay, _ = self._legs[command.leg]
            stay.leg = command.leg
            self._send(e.Connected(at=self.now, leg=command.leg))
            self._at(self.now + stay.caller.talk_ms, self._goes, stay)

    def _consult(self, command: c.Consult) -> None:
        self._send(e.Joined(at=self.now, leg=command.target))

    def _take_over(self, command: c.TakeOver) -> None:
        self._send(e.JoinFailed(at=self.now, leg=command.target, reason="there is no dialplan"))

    def _disconnect(self, command: c.Disconnect) -> None:
        self._legs.pop(command.leg, None)

    def _customer_is_away(self, command: c.Dial) -> None:
        """Nobody accepts a callback in a day that is made up; whoever is called all the same is not there."""
        self._at(self.now + command.ring_ms, self._not_there, command.call)

    def _not_there(self, call: e.Ref) -> None:
        self._send(e.LegEnded(at=self.now, leg=call, cause_code=NO_ANSWER))
        self._send(e.ChannelEnded(at=self.now, channel=call, cause_code=NO_ANSWER))

    def _release(self, command: c.Release) -> None:
        if command.call in self._stays:
            self._goes(self._stays[command.call])

    def _hang_up(self, command: c.Hangup) -> None:
        if command.channel in self._stays:
            self._goes(self._stays[command.channel])

    def _start_timer(self, command: c.StartTimer) -> None:
        self._timers[command.timer] = command.at
        self._at(command.at, self._fire, command)

    def _stop_timer(self, command: c.StopTimer) -> None:
        self._timers.pop(command.timer, None)

    def _fire(self, command: c.StartTimer) -> None:
        if self._timers.get(command.timer) == command.at:
            del self._timers[command.timer]
            self._send(e.TimerFired(at=self.now, timer=command.timer))


_ACTS: dict[type[c.Command], Callable[[Day, Any], None]] = {
    c.Offer: Day._offer,
    c.Dial: Day._customer_is_away,
    c.Whisper: Day._whisper,
    c.Connect: Day._connect,
    c.Consult: Day._consult,
    c.TakeOver: Day._take_over,
    c.Disconnect: Day._disconnect,
    c.Release: Day._release,
    c.Hangup: Day._hang_up,
    c.StartTimer: Day._start_timer,
    c.StopTimer: Day._stop_timer,
}

"""Asterisk's queue_log as rows of the ledger: events of app_queue of Asterisk 11 to 22, in their order.

A line is `time|call|queue|agent|EVENT|data...`, times are whole seconds. No row is left open, for the daemon
takes open rows for its own: what has not ended when Asterisk started again, or at the end of the log, ends
there. The names of rows are made of what is in the log, so the same log gives the same rows.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from ccctl.agent.state import Presence
from ccctl.changes import (
    AgentStateRow,
    CallRow,
    Change,
    OfferOutcome,
    OfferRow,
    Outcome,
    SegmentKind,
    SegmentRow,
    VisitRow,
)
from ccctl.imports.reading import Names

ENGINE = "imported"
NOBODY = ("NONE", "")
FORGET_MS = 6 * 3_600_000  # a call that has left its last queue may come into another for so long
SWEEP_MS = 600_000
EXITS = {
    "ABANDON": Outcome.ABANDONED,
    "EXITWITHTIMEOUT": Outcome.TIMED_OUT,
    "EXITWITHKEY": Outcome.KEY_EXIT,
    "EXITEMPTY": Outcome.NO_AGENTS,
    "WITHDRAW": Outcome.WITHDRAWN,
    "SYSCOMPAT": Outcome.FAILED,
}
TALK_ENDS = {
    "COMPLETECALLER": "caller",
    "COMPLETEAGENT": "agent",
    "TRANSFER": "agent",
    "BLINDTRANSFER": "agent",
    "ATTENDEDTRANSFER": "agent",
}
MISSES = {
    "RINGNOANSWER": OfferOutcome.NO_ANSWER,
    "RINGCANCELED": OfferOutcome.CALLER_LEFT,
    "AGENTDUMP": OfferOutcome.HUNG_UP,
}
TOLD = {"CONFIGRELOAD", "INFO", "PENALTY", "RINGINUSE", "OUTCALL"}  # known, and nothing for the ledger


class Wrong(Exception):
    """This line cannot be used; the text says why."""


class Call:
    __slots__ = ("entries", "last", "open", "row", "segments")

    def __init__(self, row: CallRow) -> None:
        self.row = row
        self.segments = 0
        self.entries: list[str] = []
        self.open: VisitRow | None = None
        self.last = row.started


class Agent:
    """`queues` are those that he was seen in, with the reason of his pause there. `member`: that he came was
    logged, so the time in which nothing happens is known to be ready."""

    __slots__ = ("member", "name", "queues", "row", "until")

    def __init__(self, name: str) -> None:
        self.name = name
        self.member = False
        self.queues: dict[str, str | None] = {}
        self.row: AgentStateRow | None = None
        self.until = 0  # what was before this is told

    def rests(self) -> tuple[Presence, str]:
        """What he is when no call has him."""
        reasons = list(self.queues.values())
        if reasons and None not in reasons:
            return Presence.PAUSED, next((one for one in reasons if one), "")
        return (Presence.READY if self.member else Presence.OFFLINE), ""


class History:
    """`line` for each line, `finish` at the end; `rows` is emptied by whoever writes them."""

    def __init__(self, node: str, queues: Names, agents: Names, zone: ZoneInfo) -> None:
        self._node, self._queues, self._agent_names, self._zone = node, queues, agents, zone
        self._calls: dict[str, Call] = {}
        self._agents: dict[str, Agent] = {}
        self._swept = 0
        self.rows: list[Change] = []
        self.first = self.last = 0
        self.visits: Counter[str] = Counter()
        self.calls = self.unfinished = 0
        self.seen_agents: set[str] = set()
        self.unknown: Counter[str] = Counter()
        self._steps: dict[str, Callable[[int, list[str]], None]] = {
            **dict.fromkeys(EXITS, self._exit),
            **dict.fromkeys(TALK_ENDS, self._talk_end),
            **dict.fromkeys(TOLD, self._nothing),
            **dict.fromkeys(("ADDMEMBER", "AGENTLOGIN", "AGENTCALLBACKLOGIN"), self._login),
            **dict.fromkeys(("REMOVEMEMBER", "AGENTLOGOFF", "AGENTCALLBACKLOGOFF"), self._logoff),
            **dict.fromkeys(("PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL"), self._pause),
            "ENTERQUEUE": self._enter,
            "CONNECT": self._connect,
            **dict.fromkeys(MISSES, self._missed),
            "DID": self._did,
            "QUEUESTART": self._restart,
        }

    def line(self, text: str) -> None:
        """Raises Wrong when the line cannot be used; nothing has changed then."""
        parts = text.split("|")
        if len(parts) < 5:
            raise Wrong("not time|call|queue|agent|EVENT")
        try:
            at = int(parts[0]) * 1000
        except ValueError:
            at = self._time(parts[0])
        if not 0 < at < 4_102_444_800_000:
            raise Wrong("the time is not between 1970 and 2100")
        step = self._steps.get(parts[4])
        if step is None:
            if not parts[4].isidentifier():
                raise Wrong("no event stands in the fifth field")
            self.unknown[parts[4]] += 1
            step = self._nothing
        step(at, parts)
        self.first = min(self.first, at) if self.first else at
        if at > self.last:
            self.last = at
            if at - self._swept > SWEEP_MS:
                self._sweep(at)

    def _time(self, text: str) -> int:
        """Seconds with a fraction, or the local time of a table that queue_log was written to."""
        try:
            whole, _, part = text.partition(".")
            if whole.isdecimal() and (not part or part.isdecimal()):
                return int(whole) * 1000 + int((part + "000")[:3])
            moment = datetime.fromisoformat(text)
            return round((moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).timestamp() * 1000)
        except (ValueError, OverflowError):
            raise Wrong("the first field is no time") from None

    def _nothing(self, at: int, parts: list[str]) -> None:
        pass

    # -- callers -----------------------------------------------------------------------------------

    def _enter(self, at: int, parts: list[str]) -> None:
        ident, position = parts[1], _number(parts, 7)
        if ident in NOBODY:
            raise Wrong("ENTERQUEUE without a call")
        call = self._calls.get(ident)
        if call is None:
            call = self._calls[ident] = self._new_call(ident, at, parts)
        elif call.open is not None:
            self._give_up(call, at)
        ref, queue = call.row.id, self._queues[parts[2]]
        entry = f"{ref}:{parts[2]}:{at}"
        again = call.entries.count(entry)  # thrown out and back within a second
        call.entries.append(entry)
        call.open = VisitRow(
            id=f"{entry}:{again}" if again else entry,
            call=ref,
            queue=queue,
            entered=at,
            position=position,
            engine=ENGINE,
        )
        call.last = at

    def _new_call(self, ident: str, at: int, parts: list[str]) -> Call:
        name = parts[8] if len(parts) > 8 else ""
        caller = parts[6] if len(parts) > 6 else ""
        ref = f"{self._node}/{ident}"
        return Call(CallRow(id=ref, node=self._node, started=at, caller=caller, caller_name=name))

    def _visit(self, parts: list[str], talking: bool) -> tuple[Call, VisitRow]:
        call = self._calls.get(parts[1])
        visit = call.open if call else None
        if call is None or visit is None:
            raise Wrong(f"{parts[4]} of a call that is in no queue: give the file before this one, too")
        if visit.queue != self._queues[parts[2]]:
            raise Wrong(f"{parts[4]} in a queue that the call is not in")
        if talking is (visit.answered is None):
            raise Wrong(f"{parts[4]} " + ("before CONNECT" if talking else "after CONNECT"))
        return call, visit

    def _exit(self, at: int, parts: list[str]) -> None:
        call, visit = self._visit(parts, talking=False)
        at = max(at, visit.entered)
        if parts[3] not in NOBODY:  # he had picked up and heard the announcement
            self._offer(visit, self._agent(parts), (at, at), OfferOutcome.CALLER_LEFT)
        outcome = EXITS[parts[4]]
        self._waited(call, at)
        by = "caller" if outcome in (Outcome.ABANDONED, Outcome.KEY_EXIT) else "system"
        self._end(call, replace(call.open or visit, ended=at, outcome=outcome), at, by)

    def _connect(self, at: int, parts: list[str]) -> None:
        call, visit = self._visit(parts, talking=False)
        if parts[3] in NOBODY:
            raise Wrong("CONNECT without an agent")
        rang = _number(parts, 7) * 1000
        agent, at = self._agent(parts), max(at, visit.entered)
        self._offer(visit, agent, (at - rang, at), OfferOutcome.ANSWERED)
        self._waited(call, at)
        call.open = replace(
            call.open or visit, ended=at, outcome=Outcome.ANSWERED, agent=agent.name, answered=at
        )
        if call.row.answered is None:
            call.row = replace(call.row, answered=at)
        self._to(agent, (Presence.TALKING, ""), at, visit)

    def _talk_end(self, at: int, parts: list[str]) -> None:
        call, visit = self._visit(parts, talking=True)
        self._hang_up(call, visit, max(at, visit.answered or at), TALK_ENDS[parts[4]])

    def _hang_up(self, call: Call, visit: VisitRow, at: int, by: str) -> None:
        self._segment(call, SegmentKind.TALK, (visit.answered or at, at), visit.agent)
        self._end(call, replace(visit, talk_ended=at, ended_by=by), at, by)
        agent = self._agents.get(visit.agent)
        if agent and agent.row and agent.row.call == visit.call and agent.row.presence == Presence.TALKING:
            self._to(agent, agent.rests(), at)

    def _waited(self, call: Call, at: int) -> None:
        if call.open:
            self._segment(call, SegmentKind.WAITING, (call.open.entered, at), "")

    def _segment(self, call: Call, kind: SegmentKind, span: tuple[int, int], agent: str) -> None:
        call.segments += 1
        ref, queue = call.row.id, call.open.queue if call.open else ""
        self.rows.append(
            SegmentRow(
                id=f"{ref}:{call.segments}",
                call=ref,
                n=call.segments,
                kind=kind,
                started=span[0],
                ended=span[1],
                queue=queue,
                agent=agent,
            )
        )

    def _end(self, call: Call, visit: VisitRow, at: int, by: str) -> None:
        self.rows.append(visit)
        self.visits[str(visit.outcome)] += 1
        kind = SegmentKind.WAITING if visit.answered is None else SegmentKind.TALK
        call.row = replace(call.row, ended=at, ended_in=kind.value, ended_by=by)
        call.open, call.last = None, at

    def _give_up(self, call: Call, at: int) -> None:
        """Its end is not in the log."""
        visit = call.open
        if visit is None:
            return
        self.unfinished += 1
        if visit.answered is not None:
            self._hang_up(call, visit, max(at, visit.answered), "system")
            return
        at = max(at, visit.entered)
        self._waited(call, at)
        self._end(call, replace(visit, ended=at, outcome=Outcome.FAILED), at, "system")

    def _did(self, at: int, parts: list[str]) -> None:
        call = self._calls.get(parts[1])
        if call is None:
            raise Wrong("DID of a call that is in no queue: give the file before this one, too")
        call.row = replace(call.row, number=parts[5] if len(parts) > 5 else "")

    def _sweep(self, at: int) -> None:
        """Calls that are over become rows: memory holds those of the last hours."""
        self._swept = at
        gone = [ident for ident, call in self._calls.items() if not call.open and call.last < at - FORGET_MS]
        for ident in gone:
            self._forget(ident)

    def _forget(self, ident: str) -> None:
        self.calls += 1
        self.rows.append(self._calls.pop(ident).row)

    # -- agents ------------------------------------------------------------------------------------

    def _agent(self, parts: list[str]) -> Agent:
        name = self._agent_names[parts[3]]
        agent = self._agents.get(name)
        if agent is None:
            agent = self._agents[name] = Agent(name)
            self.seen_agents.add(name)
        if parts[2] not in NOBODY:
            agent.queues.setdefault(parts[2], None)
        return agent

    def _missed(self, at: int, parts: list[str]) -> None:
        _, visit = self._visit(parts, talking=False)
        self._named(parts)
        outcome = MISSES[parts[4]]
        rang = 0 if outcome is OfferOutcome.HUNG_UP else _number(parts, 5)
        agent = self._agent(parts)
        self._offer(visit, agent, (at - rang, at), outcome)
        if agent.row and agent.row.presence == Presence.RINGING:
            self._to(agent, agent.rests(), at)

    def _offer(self, visit: VisitRow, agent: Agent, rang: tuple[int, int], outcome: OfferOutcome) -> None:
        """One ringing. It is in the log when it has ended, so the time before is cut back."""
        start, end = max(rang[0], visit.entered), max(rang[1], visit.entered)
        call = self._calls[visit.call.removeprefix(f"{self._node}/")]
        call.open = replace(visit, offers=visit.offers + 1)
        self.rows.append(
            OfferRow(
                id=f"{visit.id}:{visit.offers + 1}",
                visit=visit.id,
                call=visit.call,
                queue=visit.queue,
                agent=agent.name,
                offered=start,
                answered=end if outcome is OfferOutcome.ANSWERED else None,
                ended=end,
                outcome=outcome,
            )
        )
        row = agent.row
        if start < end and (row is None or row.presence != Presence.TALKING):
            self._to(agent, (Presence.RINGING, ""), start, visit)

    def _to(self, agent: Agent, state: tuple[Presence, str], at: int, visit: VisitRow | None = None) -> None:
        call, queue = (visit.call, visit.queue) if visit else ("", "")
        row, at = agent.row, max(at, agent.until)
        if row is not None:
            if (row.presence, row.reason, row.call) == (*state, call):
                return
            if at > row.started:
                self.rows.append(replace(row, ended=at))
        agent.row, agent.until = None, at
        if state[0] is not Presence.OFFLINE:
            name = state[0].value
            ident = f"{self._node}:{agent.name}:{at}:{name}"
            agent.row = AgentStateRow(
                id=ident,
                agent=agent.name,
                presence=name,
                started=at,
                reason=state[1],
                queue=queue,
                call=call,
                cause="import",
            )

    def _rest(self, agent: Agent, at: int) -> None:
        """What he is told to be counts when no call has him."""
        if agent.row is None or agent.row.presence not in (Presence.RINGING, Presence.TALKING):
            self._to(agent, agent.rests(), at)

    def _login(self, at: int, parts: list[str]) -> None:
        self._named(parts)
        agent = self._agent(parts)
        agent.member = True
        if parts[4] == "ADDMEMBER":
            agent.queues[parts[2]] = "" if parts[5:6] == ["PAUSED"] else None
        self._rest(agent, at)

    def _logoff(self, at: int, parts: list[str]) -> None:
        self._named(parts)
        agent = self._agent(parts)
        agent.queues.pop(parts[2], None)
        if parts[4] != "REMOVEMEMBER":
            agent.queues.clear()
        if not agent.queues:
            agent.member = False
        self._rest(agent, at)

    def _pause(self, at: int, parts: list[str]) -> None:
        self._named(parts)
        agent = self._agent(parts)
        reason = None if parts[4].startswith("UN") else (parts[5] if len(parts) > 5 else "")
        for queue in list(agent.queues) if parts[2] in NOBODY else [parts[2]]:
            agent.queues[queue] = reason
        self._rest(agent, at)

    def _named(self, parts: list[str]) -> None:
        if parts[3] in NOBODY:
            raise Wrong(f"{parts[4]} without an agent")

    # -- the end -----------------------------------------------------------------------------------

    def _restart(self, at: int, parts: list[str]) -> None:
        """Asterisk has started: nobody is in a queue, and who is a member is not known."""
        self._close(max(at, self.last))

    def _close(self, at: int) -> None:
        for call in self._calls.values():
            self._give_up(call, at)
        for agent in self._agents.values():
            self._to(agent, (Presence.OFFLINE, ""), at)
        self._agents.clear()

    def finish(self) -> None:
        self._close(self.last)
        for ident in list(self._calls):
            self._forget(ident)


def _number(parts: list[str], at: int) -> int:
    """A field that older versions do not have is 0."""
    text = parts[at] if len(parts) > at else ""
    if text and not (text.isascii() and text.isdecimal()):
        raise Wrong(f"'{text}' in field {at + 1} is no number")
    return int(text[:9]) if text else 0

"""The report on agents: one row for each interval and agent.

Time in each state is cut at the borders of the intervals, so the states of a row add up to its login
time. Offers count where the phone began to ring, handle time where the wrap-up ended.
"""

from collections import Counter
from collections.abc import Iterable

from ccctl.changes import AgentStateRow, OfferOutcome, OfferRow, VisitRow
from ccctl.report.intervals import Axis, Period
from ccctl.report.kpi import MISSED, login_time, mean, occupancy, overlap, percent, utilisation
from ccctl.report.tables import PERIOD_COLUMNS, Column, Row, Scope, Table, Unit, Wrapups, rounded, share

STATES = (
    *("ready", "ringing", "talking", "wrapup", "paused", "not_responding"),
    *("reserved", "whisper", "held", "consulting", "direct_call", "unreachable"),
)
DETAILS = STATES[6:]  # rare, or short: a terminal does without

COLUMNS = (
    *PERIOD_COLUMNS,
    Column("agent", "agent", Unit.TEXT),
    Column("login_ms", "logged in", Unit.MS),
    *(Column(f"{s}_ms", s.replace("_", " "), Unit.MS, detail=s in DETAILS) for s in STATES),
    Column("offers", "offers"),
    Column("answered", "answered"),
    Column("missed", "missed"),
    Column("offer_answer_rate", "answered %", Unit.PERCENT),
    Column("handled", "handled"),
    Column("handle_talk_ms", "talk", Unit.MS, detail=True),
    Column("handle_wrapup_ms", "wrap-up", Unit.MS, detail=True),
    Column("avg_talk_ms", "avg talk", Unit.MS),
    Column("aht_ms", "AHT", Unit.MS),
    Column("occupancy", "occupancy %", Unit.PERCENT),
    Column("utilisation", "utilisation %", Unit.PERCENT),
)


class Tally:
    __slots__ = ("answered", "handled", "missed", "offers", "talk", "times", "wrapup")

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.offers = self.answered = self.missed = 0
        self.handled = self.talk = self.wrapup = 0

    def add(self, other: "Tally") -> None:
        self.times.update(other.times)
        for name in ("offers", "answered", "missed", "handled", "talk", "wrapup"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Tallies:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._axis = Axis(scope.periods)
        self.at: dict[tuple[int, str], Tally] = {}

    def _numbered(self, number: int, agent: str) -> Tally:
        return self.at.setdefault((number, agent), Tally())

    def state(self, row: AgentStateRow) -> None:
        ended = max(self._scope.now, row.started) if row.ended is None else row.ended
        for number in self._axis.touched(row.started, ended):
            period = self._axis.periods[number]
            if spent := overlap(row.started, ended, period.start, period.end):
                self._numbered(number, row.agent).times[row.presence] += spent

    def offer(self, row: OfferRow) -> None:
        number = self._axis.find(row.offered)
        if number is not None:
            tally = self._numbered(number, row.agent)
            tally.offers += 1
            tally.answered += row.outcome is OfferOutcome.ANSWERED
            tally.missed += row.outcome in MISSED

    def visit(self, row: VisitRow, wrapups: Wrapups) -> None:
        if row.answered is None or row.talk_ended is None:
            return
        wrapup = wrapups.after(row.call, row.agent, row.talk_ended)
        number = self._axis.find(wrapup[1]) if wrapup else None
        if wrapup and number is not None:
            tally = self._numbered(number, row.agent)
            tally.handled += 1
            tally.talk += row.talk_ended - row.answered
            tally.wrapup += wrapup[0]


def agent_table(
    states: Iterable[AgentStateRow],
    offers: Iterable[OfferRow],
    visits: Iterable[VisitRow],
    wrapups: Iterable[AgentStateRow],
    scope: Scope,
) -> Table:
    """`states` are all stretches that touch the scope's time, `wrapups` those that may follow the
    talks of `visits`, later ones included."""
    tallies = Tallies(scope)
    for row in states:
        tallies.state(row)
    for offer in offers:
        tallies.offer(offer)
    after = Wrapups(wrapups)
    for visit in visits:
        tallies.visit(visit, after)
    return _table(tallies, scope)


def _table(tallies: Tallies, scope: Scope) -> Table:
    agents = sorted({agent for _, agent in tallies.at} | set(scope.names))
    rows, whole = [], Tally()
    for number, period in enumerate(scope.periods):
        for agent in agents:
            tally = tallies.at.get((number, agent)) or Tally()
            rows.append(_row(period, agent, tally))
            whole.add(tally)
    return Table("agents", COLUMNS, rows, _row(Period(scope.start, scope.end), "", whole))


def _row(period: Period, agent: str, tally: Tally) -> Row:
    times = dict(tally.times)
    return {
        "start": period.start,
        "end": period.end,
        "agent": agent,
        "login_ms": login_time(times),
        **{f"{state}_ms": times.get(state, 0) for state in STATES},
        "offers": tally.offers,
        "answered": tally.answered,
        "missed": tally.missed,
        "offer_answer_rate": share(percent(tally.answered, tally.offers)),
        "handled": tally.handled,
        "handle_talk_ms": tally.talk,
        "handle_wrapup_ms": tally.wrapup,
        "avg_talk_ms": rounded(mean(tally.talk, tally.handled)),
        "aht_ms": rounded(mean(tally.talk + tally.wrapup, tally.handled)),
        "occupancy": share(occupancy(times)),
        "utilisation": share(utilisation(times)),
    }

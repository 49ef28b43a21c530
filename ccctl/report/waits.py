"""The back-test of estimated waits: what every caller would have been told, beside how long he then waited.

The rows of the ledger become facts in the order of their times, for the estimator (ccctl/queue/estimate.py)
and for two formulas that others use. Each is asked when a caller comes whom no agent is free for, before it
knows how he will fare. Who was not answered counts as longer than he waited (ccctl/queue/censored.py).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from operator import itemgetter

import msgspec

from ccctl.changes import AgentStateRow, OfferOutcome, OfferRow, Outcome, VisitRow
from ccctl.flow.roster import Roster
from ccctl.queue import estimate as q
from ccctl.queue.censored import kaplan_meier
from ccctl.report.intervals import Axis, Period
from ccctl.report.kpi import RINGING, WORKING, mean, percent, percentile
from ccctl.report.tables import PERIOD_COLUMNS, Column, Row, Scope, Table, Unit, Wrapups, rounded, share

CAN_TAKE = ("ready", *RINGING, *WORKING)

COLUMNS = (
    *PERIOD_COLUMNS,
    Column("queue", "queue", Unit.TEXT),
    Column("formula", "formula", Unit.TEXT),
    Column("calls", "calls"),
    Column("answered", "answered"),
    Column("told", "told"),
    Column("told_rate", "told %", Unit.PERCENT),
    Column("coverage", "coverage %", Unit.PERCENT),
    Column("error_p50_ms", "error p50", Unit.MS),
    Column("error_p80_ms", "error p80", Unit.MS),
    Column("mean_error_ms", "mean error", Unit.MS, detail=True),
    Column("bias_ms", "bias", Unit.MS),
)


class Formula(StrEnum):
    P80 = "ccctl p80"
    P50 = "ccctl p50"
    ASTERISK = "asterisk"
    POSITION = "position*aht/agents"


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger has of the time; `roster` says who serves which queue."""

    visits: Sequence[VisitRow]
    offers: Sequence[OfferRow]
    states: Sequence[AgentStateRow]
    roster: Roster = Roster()


class Guess(msgspec.Struct, frozen=True):
    """One formula for one caller. `wait_ms` is what he waited, at least if he was not `answered`."""

    formula: Formula
    at: int
    guess_ms: int
    told: bool
    wait_ms: int
    answered: bool


# -- rows as facts -----------------------------------------------------------------------------------

Placed = tuple[int, int, str, q.Fact]  # time, order within a moment, queue, fact


def facts(records: Records) -> list[tuple[str, q.Fact]]:
    """(queue, fact) in order. Positions are not filled in."""
    visits = {visit.id: visit for visit in records.visits}
    answering = {o.visit: o for o in records.offers if o.outcome is OfferOutcome.ANSWERED}
    wrapups = Wrapups(records.states)
    found: list[Placed] = list(_staffing(records))
    for visit in visits.values():
        found += _of_visit(visit)
        offer = answering.get(visit.id)
        found += _handled(visit, offer.offered if offer else None, wrapups)
    for offer in records.offers:
        if offer.visit in visits:
            found += _of_offer(offer)
    found.sort(key=itemgetter(0, 1))
    return [(queue, fact) for _, _, queue, fact in found]


def _of_visit(visit: VisitRow) -> Iterator[Placed]:
    if visit.ended == visit.entered and visit.outcome is not Outcome.ANSWERED:
        return  # refused at the door
    yield visit.entered, 4, visit.queue, q.Entered(visit.entered, visit.id, 0)
    if visit.ended is not None:
        kind = q.Answered if visit.outcome is Outcome.ANSWERED else q.Left
        yield visit.ended, 6 if visit.ended == visit.entered else 1, visit.queue, kind(visit.ended, visit.id)


def _of_offer(offer: OfferRow) -> Iterator[Placed]:
    yield offer.offered, 5, offer.queue, q.Taken(offer.offered, offer.visit)
    if offer.ended is not None and offer.outcome is not OfferOutcome.ANSWERED:
        yield offer.ended, 2, offer.queue, q.Back(offer.ended, offer.visit)


def _handled(visit: VisitRow, rang: int | None, wrapups: Wrapups) -> Iterator[Placed]:
    if visit.answered is None or visit.talk_ended is None:
        return
    wrapup = wrapups.after(visit.call, visit.agent, visit.talk_ended)
    if wrapup:
        began = visit.answered if rang is None else rang
        yield wrapup[1], 0, visit.queue, q.Handled(wrapup[1], visit.talk_ended - began + wrapup[0])


def _staffing(records: Records) -> Iterator[Placed]:
    """How many agents can take calls, whenever that changes. Who is offered calls of a queue serves it."""
    serves: dict[str, set[str]] = defaultdict(set)
    for name, config in records.roster.queues.items():
        for agent in config.agents:
            serves[agent].add(name)
    for offer in records.offers:
        serves[offer.agent].add(offer.queue)
    turns: Counter[tuple[int, str]] = Counter()
    for row in records.states:
        if row.presence in CAN_TAKE:
            turns[row.started, row.agent] += 1
            if row.ended is not None:
                turns[row.ended, row.agent] -= 1
    there: Counter[str] = Counter()
    for (at, agent), turn in sorted(turns.items()):
        for queue in sorted(serves[agent]) if turn else ():
            there[queue] += turn
            yield at, 3, queue, q.Staffed(at, there[queue])


# -- the formulas ------------------------------------------------------------------------------------


class Trial:
    """One queue: what each formula knows so far, and the guesses for callers who still wait."""

    def __init__(self) -> None:
        self.state = q.State()
        self.guesses: list[Guess] = []
        self._open: dict[str, tuple[int, list[tuple[Formula, int, bool]]]] = {}
        self._hold_s = 0  # Asterisk's average hold time
        self._handled = self._handle_ms = 0

    def fact(self, fact: q.Fact) -> None:
        match fact:
            case q.Entered(at=at, call=call):
                position = self.state.in_line + 1
                self._open[call] = (at, list(self._guess(position, at)))
                fact = q.Entered(at, call, position)
            case q.Taken(at=at, call=call) if call in self._open and self._open[call][0] == at:
                self._open[call] = (at, [])  # an agent was free
            case q.Answered() | q.Left() if fact.call in self._open:
                self._ends(fact)
            case q.Handled(handle_ms=handle_ms):
                self._handled, self._handle_ms = self._handled + 1, self._handle_ms + handle_ms
            case _:
                pass
        q.fold(self.state, fact)

    def _guess(self, position: int, at: int) -> Iterator[tuple[Formula, int, bool]]:
        found = q.estimate(self.state, position, at)
        if found is None or not self._handled:  # the same callers for all
            return
        said = q.announcement(self.state, q.Told(), position, at)
        yield Formula.P80, found.p80_ms, isinstance(said, q.Minutes)
        yield Formula.P50, found.p50_ms, False
        yield Formula.ASTERISK, asterisk_ms(self._hold_s), True
        usual = self._handle_ms / self._handled
        yield Formula.POSITION, round(position * usual / self.state.agents), True

    def _ends(self, fact: q.Answered | q.Left) -> None:
        entered, guesses = self._open.pop(fact.call)
        wait, answered = fact.at - entered, isinstance(fact, q.Answered)
        if answered:
            self._hold_s = (3 * self._hold_s + wait // 1000) >> 2
        if wait:
            self.guesses += (Guess(f, entered, ms, told, wait, answered) for f, ms, told in guesses)


def asterisk_ms(hold_s: int, elapsed_s: int = 0) -> int:
    """What app_queue says: labs((hold + 30 - elapsed) / 60) minutes, as ms; division towards zero."""
    return abs(hold_s + 30 - elapsed_s) // 60 * 60_000


# -- the table ---------------------------------------------------------------------------------------

NOTES = (
    "calls: those no agent was free for; coverage: share that waited no longer than the formula said",
    "error: of answered calls; bias above zero: it says too much; told: a time would have been announced",
)


def wait_table(records: Records, scope: Scope) -> Table:
    """`records` may begin before the scope's time, to learn from; counted is who comes within it."""
    trials: dict[str, Trial] = defaultdict(Trial)
    for queue, fact in facts(records):
        trials[queue].fact(fact)
    axis = Axis(scope.periods)
    found: dict[tuple[int | None, str, Formula], list[Guess]] = defaultdict(list)
    for queue, trial in trials.items():
        for guess in trial.guesses:
            found[axis.find(guess.at), queue, guess.formula].append(guess)
    queues = sorted({queue for number, queue, _ in found if number is not None} | set(scope.names))
    rows = [
        _row(period, queue, formula, found.get((number, queue, formula), []))
        for number, period in enumerate(scope.periods)
        for queue in queues
        for formula in Formula
    ]
    return Table("wait-estimates", COLUMNS, rows, {}, NOTES)


def _row(period: Period, queue: str, formula: Formula, guesses: list[Guess]) -> Row:
    off = [guess.guess_ms - guess.wait_ms for guess in guesses if guess.answered]
    errors = sorted(abs(each) for each in off)
    told = sum(guess.told for guess in guesses)
    tells = formula is not Formula.P50
    return {
        "start": period.start,
        "end": period.end,
        "queue": queue,
        "formula": str(formula),
        "calls": len(guesses),
        "answered": len(off),
        "told": told if tells else None,
        "told_rate": share(percent(told, len(guesses))) if tells else None,
        "coverage": share(_coverage(guesses)),
        "error_p50_ms": percentile(errors, 50),
        "error_p80_ms": percentile(errors, 80),
        "mean_error_ms": rounded(mean(sum(errors), len(errors))),
        "bias_ms": rounded(mean(sum(off), len(off))),
    }


def _coverage(guesses: Iterable[Guess]) -> float | None:
    """Share of callers who waited no longer than was said; per cent."""
    late = [(guess.wait_ms - guess.guess_ms, guess.answered) for guess in guesses]
    return (1 - kaplan_meier(late).share_above(0)) * 100 if late else None

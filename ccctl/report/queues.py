"""The report on queues: one row for each interval and queue.

A visit counts where each thing happened: offered in the interval of queue entry; outcome, service
level and wait in that of the end of waiting; handle time in that of the end of the wrap-up. So in
each row: waiting before + offered = sum of outcomes + waiting.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from ccctl.changes import AgentStateRow, Outcome, VisitRow
from ccctl.report.intervals import Axis, Period
from ccctl.report.kpi import (
    SHORT_ABANDON_MS,
    CountedAt,
    ServiceLevel,
    Verdict,
    is_short,
    judge,
    mean,
    percent,
)
from ccctl.report.tables import (
    PERIOD_COLUMNS,
    Column,
    Row,
    Scope,
    Table,
    Unit,
    Wrapups,
    percentiles,
    rounded,
    share,
    sl_note,
)

OTHERS = [outcome for outcome in Outcome if outcome not in (Outcome.ANSWERED, Outcome.ABANDONED)]

COLUMNS = (
    *PERIOD_COLUMNS,
    Column("queue", "queue", Unit.TEXT),
    Column("offered", "offered"),
    Column("answered", "answered"),
    Column("abandoned", "abandoned"),
    Column("abandoned_short", "short"),
    *(Column(o.value, o.value.replace("_", " "), detail=True) for o in OTHERS),
    Column("other", "other"),
    Column("waiting", "waiting"),
    Column("in_sl", "in SL", detail=True),
    Column("sl_counted", "SL of", detail=True),
    Column("sl", "SL %", Unit.PERCENT),
    Column("sl_preset", "SL preset", Unit.TEXT),
    Column("answer_rate", "answered %", Unit.PERCENT),
    Column("abandon_rate", "abandoned %", Unit.PERCENT),
    Column("asa_ms", "ASA", Unit.MS),
    Column("wait_p50_ms", "wait p50", Unit.MS, detail=True),
    Column("wait_p90_ms", "wait p90", Unit.MS),
    Column("wait_p95_ms", "p95", Unit.MS, detail=True),
    Column("longest_wait_ms", "longest", Unit.MS),
    Column("handled", "handled"),
    Column("talk_ms", "talk", Unit.MS, detail=True),
    Column("wrapup_ms", "wrap-up", Unit.MS, detail=True),
    Column("avg_talk_ms", "avg talk", Unit.MS),
    Column("aht_ms", "AHT", Unit.MS),
)


class Tally:
    """What was counted for one queue in one interval."""

    __slots__ = (
        "counted", "handled", "longest", "met", "offered", "outcomes", "short", "talk", "waits", "wrapup"
    )  # fmt: skip

    def __init__(self) -> None:
        self.offered = self.met = self.counted = self.short = 0
        self.handled = self.talk = self.wrapup = 0
        self.longest: int | None = None
        self.outcomes: Counter[Outcome] = Counter()
        self.waits: list[int] = []

    def end(self, visit: VisitRow, wait: int, outcome: Outcome) -> None:
        self.outcomes[outcome] += 1
        self.longest = wait if self.longest is None else max(self.longest, wait)
        if outcome is Outcome.ANSWERED:
            self.waits.append(wait)
        elif outcome is Outcome.ABANDONED and is_short(wait, SHORT_ABANDON_MS):
            self.short += 1

    def judged(self, verdict: Verdict) -> None:
        self.met += verdict is Verdict.MET
        self.counted += verdict is not Verdict.UNCOUNTED

    def add(self, other: "Tally") -> None:
        for name in ("offered", "met", "counted", "short", "handled", "talk", "wrapup"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest = max((x for x in (self.longest, other.longest) if x is not None), default=None)
        self.outcomes.update(other.outcomes)
        self.waits.extend(other.waits)


class Tallies:
    """All tallies of a report, by interval and queue."""

    def __init__(self, scope: Scope, wrapups: Wrapups) -> None:
        self._scope = scope
        self._axis = Axis(scope.periods)
        self._wrapups = wrapups
        self.at: dict[tuple[int, str], Tally] = {}

    def _of(self, at: int | None, queue: str) -> Tally | None:
        number = self._axis.find(at)
        if number is None:
            return None
        key = (number, queue)
        tally = self.at.get(key)
        if tally is None:
            tally = self.at[key] = Tally()
        return tally

    def add(self, visit: VisitRow) -> None:
        if tally := self._of(visit.entered, visit.queue):
            tally.offered += 1
        if visit.ended is None or visit.outcome is None:
            return
        if tally := self._of(visit.ended, visit.queue):
            tally.end(visit, visit.ended - visit.entered, visit.outcome)
        level = self._scope.level_of(visit.queue)
        if tally := self._of(_judged_at(visit, level), visit.queue):
            tally.judged(judge(visit, level))
        if visit.answered is not None and visit.talk_ended is not None:
            self._handle(visit, visit.talk_ended - visit.answered, visit.talk_ended)

    def _handle(self, visit: VisitRow, talk: int, talk_ended: int) -> None:
        wrapup = self._wrapups.after(visit.call, visit.agent, talk_ended)
        if wrapup and (tally := self._of(wrapup[1], visit.queue)):
            tally.handled += 1
            tally.talk += talk
            tally.wrapup += wrapup[0]


def _judged_at(visit: VisitRow, level: ServiceLevel) -> int | None:
    if visit.outcome is Outcome.ANSWERED and level.counted_at is CountedAt.CALL_END:
        return visit.talk_ended
    return visit.ended


def queue_table(
    visits: Iterable[VisitRow],
    wrapups: Iterable[AgentStateRow],
    scope: Scope,
    waiting_before: Mapping[str, int] | None = None,
) -> Table:
    """`visits` are all that entered, ended or were talked to in the scope's time; `wrapups` the
    stretches of wrap-up that may follow them; `waiting_before` who waited when it began, by queue."""
    tallies = Tallies(scope, Wrapups(wrapups))
    for visit in visits:
        tallies.add(visit)
    waiting = Counter(waiting_before or {})
    queues = sorted({queue for _, queue in tallies.at} | set(scope.names) | set(waiting))
    rows, whole = [], Tally()
    for number, period in enumerate(scope.periods):
        for queue in queues:
            tally = tallies.at.get((number, queue)) or Tally()
            waiting[queue] += tally.offered - tally.outcomes.total()
            rows.append(_row(period, queue, tally, waiting[queue], scope.level_of(queue)))
            whole.add(tally)
    total = _row(Period(scope.start, scope.end), "", whole, waiting.total(), scope.level)
    return Table("queues", COLUMNS, rows, total, (sl_note(scope.level, scope.levels),))


def _row(period: Period, queue: str, tally: Tally, waiting: int, level: ServiceLevel) -> Row:
    ended = tally.outcomes.total()
    answered, abandoned = tally.outcomes[Outcome.ANSWERED], tally.outcomes[Outcome.ABANDONED]
    return {
        "start": period.start,
        "end": period.end,
        "queue": queue,
        "offered": tally.offered,
        **{outcome.value: tally.outcomes[outcome] for outcome in Outcome},
        "other": ended - answered - abandoned,
        "abandoned_short": tally.short,
        "waiting": waiting,
        "in_sl": tally.met,
        "sl_counted": tally.counted,
        "sl": share(percent(tally.met, tally.counted)),
        "sl_preset": level.name,
        "answer_rate": share(percent(answered, ended)),
        "abandon_rate": share(percent(abandoned, ended)),
        "asa_ms": rounded(mean(sum(tally.waits), len(tally.waits))),
        **percentiles(tally.waits),
        "longest_wait_ms": tally.longest,
        "handled": tally.handled,
        "talk_ms": tally.talk,
        "wrapup_ms": tally.wrapup,
        "avg_talk_ms": rounded(mean(tally.talk, tally.handled)),
        "aht_ms": rounded(mean(tally.talk + tally.wrapup, tally.handled)),
    }

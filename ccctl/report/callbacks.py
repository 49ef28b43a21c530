"""The report on callbacks: one row for each interval and queue, counted where they were asked for."""

from collections import Counter
from collections.abc import Iterable

from ccctl.changes import CallbackOutcome, CallbackRow
from ccctl.report.intervals import Axis, Period
from ccctl.report.kpi import mean, percent
from ccctl.report.tables import (
    PERIOD_COLUMNS,
    Column,
    Row,
    Scope,
    Table,
    Unit,
    percentiles,
    rounded,
    share,
)

# Merged ones are not counted again, and who called in himself was served: neither was a failure to call back.
SETTLED = (CallbackOutcome.MERGED, CallbackOutcome.CALLED_IN, CallbackOutcome.CANCELLED)
COLUMNS = (
    *PERIOD_COLUMNS,
    Column("queue", "queue", Unit.TEXT),
    Column("asked", "asked"),
    Column("open", "open"),
    *(Column(outcome.value, outcome.value.replace("_", " ")) for outcome in CallbackOutcome),
    Column("reached_rate", "reached %", Unit.PERCENT),
    Column("tries", "tries"),
    Column("avg_wait_ms", "avg wait", Unit.MS),
    Column("wait_p90_ms", "wait p90", Unit.MS),
)


class Tally:
    __slots__ = ("counts", "waits")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.waits: list[int] = []

    def take(self, row: CallbackRow) -> None:
        self.counts["asked"] += 1
        self.counts["tries"] += row.tries
        self.counts[row.outcome or "open"] += 1
        if row.outcome is CallbackOutcome.ANSWERED and row.ended is not None:
            self.waits.append(row.ended - max(row.asked, row.due if row.tries <= 1 else row.asked))

    def add(self, other: "Tally") -> None:
        self.counts.update(other.counts)
        self.waits += other.waits


def callback_table(callbacks: Iterable[CallbackRow], scope: Scope) -> Table:
    axis = Axis(scope.periods)
    tallies: dict[tuple[int, str], Tally] = {
        (number, name): Tally() for number in range(len(scope.periods)) for name in scope.names
    }
    for row in callbacks:
        number = axis.find(row.asked)
        if number is not None:
            tallies.setdefault((number, row.queue), Tally()).take(row)
    whole = Tally()
    for tally in tallies.values():
        whole.add(tally)
    rows = [_row(scope.periods[number], queue, tallies[number, queue]) for number, queue in sorted(tallies)]
    notes = ("reached: answered, of all that were not merged, cancelled, called in or are open",)
    return Table("callbacks", COLUMNS, rows, _row(Period(scope.start, scope.end), "", whole), notes)


def _row(period: Period, queue: str, tally: Tally) -> Row:
    counts = {column.key: tally.counts[column.key] for column in COLUMNS if column.unit is Unit.COUNT}
    tried = counts["asked"] - counts["open"] - sum(tally.counts[outcome] for outcome in SETTLED)
    return {
        "start": period.start,
        "end": period.end,
        "queue": queue,
        **counts,
        "reached_rate": share(percent(counts["answered"], tried)),
        "avg_wait_ms": rounded(mean(sum(tally.waits), len(tally.waits))),
        "wait_p90_ms": percentiles(tally.waits)["wait_p90_ms"],
    }

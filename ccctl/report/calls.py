"""The report on calls: one row for each interval, counted where the call arrived."""

from collections import Counter
from collections.abc import Iterable

from ccctl.changes import CallRow, SegmentKind
from ccctl.report.intervals import Axis, Period
from ccctl.report.kpi import mean, percent
from ccctl.report.tables import PERIOD_COLUMNS, Column, Row, Scope, Table, Unit, rounded, share

ENDS = (*(kind.value for kind in SegmentKind if kind is not SegmentKind.MONITOR), "closed")
ENDERS = ("caller", "agent", "system")

COLUMNS = (
    *PERIOD_COLUMNS,
    Column("calls", "calls"),
    Column("inbound", "inbound"),
    Column("internal", "internal"),
    Column("callback", "callbacks"),
    Column("connected", "connected"),
    Column("connected_rate", "connected %", Unit.PERCENT),
    Column("in_progress", "in progress"),
    *(Column(f"ended_in_{kind}", f"in {kind}") for kind in ENDS),
    Column("ended_in_other", "in other"),
    *(Column(f"ended_by_{who}", f"by {who}") for who in ENDERS),
    Column("ended_by_other", "by other"),
    Column("duration_ms", "time", Unit.MS),
    Column("avg_duration_ms", "average", Unit.MS),
    Column("longest_ms", "longest", Unit.MS),
)


class Tally:
    __slots__ = ("counts", "duration", "longest")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.duration = 0
        self.longest: int | None = None

    def call(self, row: CallRow) -> None:
        self.counts["calls"] += 1
        self.counts[row.direction] += 1
        self.counts["connected"] += row.answered is not None
        if row.ended is None:
            self.counts["in_progress"] += 1
            return
        lasted = row.ended - row.started
        self.duration += lasted
        self.longest = max(self.longest or 0, lasted)
        self.counts[f"ended_in_{row.ended_in if row.ended_in in ENDS else 'other'}"] += 1
        self.counts[f"ended_by_{row.ended_by if row.ended_by in ENDERS else 'other'}"] += 1

    def add(self, other: "Tally") -> None:
        self.counts.update(other.counts)
        self.duration += other.duration
        self.longest = max((x for x in (self.longest, other.longest) if x is not None), default=None)


def call_table(calls: Iterable[CallRow], scope: Scope) -> Table:
    axis = Axis(scope.periods)
    tallies = [Tally() for _ in scope.periods]
    for row in calls:
        number = axis.find(row.started)
        if number is not None:
            tallies[number].call(row)
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    rows = [_row(period, tally) for period, tally in zip(scope.periods, tallies, strict=True)]
    return Table("calls", COLUMNS, rows, _row(Period(scope.start, scope.end), whole))


def _row(period: Period, tally: Tally) -> Row:
    counts = {column.key: tally.counts[column.key] for column in COLUMNS if column.unit is Unit.COUNT}
    ended = tally.counts["calls"] - tally.counts["in_progress"]
    return {
        "start": period.start,
        "end": period.end,
        **counts,
        "connected_rate": share(percent(tally.counts["connected"], tally.counts["calls"])),
        "duration_ms": tally.duration,
        "avg_duration_ms": rounded(mean(tally.duration, ended)),
        "longest_ms": tally.longest,
    }

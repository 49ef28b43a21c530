"""What is read off a stretch of time, simulated or from the ledger: by queue, and by half hour for the chart.

A visit counts when it began in the window, whenever it ended: so the same callers are counted in whatever
might have happened to them. (Reports count an outcome where it happens.)
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from ccctl.changes import AgentStateRow, Outcome, VisitRow
from ccctl.report.intervals import Period
from ccctl.report.kpi import (
    ServiceLevel,
    Verdict,
    judge,
    mean,
    occupancy,
    overlap,
    percent,
    percentile,
    wait_ms,
)
from ccctl.whatif.demand import HALF_HOUR_MS

ALL = ""  # stands for all queues together


class Half(msgspec.Struct, frozen=True):
    """One half hour: who came, and what share of them was served in time (per cent)."""

    offered: int
    sl: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one queue in one run. Waits are those of answered visits, ms; shares per cent."""

    offered: int
    answered: int
    abandoned: int
    other: int
    sl: float | None
    wait_ms: float | None
    wait_p50_ms: int | None
    wait_p90_ms: int | None
    wait_p95_ms: int | None
    occupancy: float | None
    halves: tuple[Half, ...] = ()


class Reading(msgspec.Struct, frozen=True):
    """How to read: what is counted, the service level and the agents of each queue."""

    counted: Period
    levels: Mapping[str, ServiceLevel]
    members: Mapping[str, tuple[str, ...]]


def figures(
    visits: Iterable[VisitRow], states: Iterable[AgentStateRow], reading: Reading
) -> dict[str, Figures]:
    """By queue; with more than one queue all together as well, under ALL."""
    counted = reading.counted
    by_queue: dict[str, list[VisitRow]] = {queue: [] for queue in reading.levels}
    for visit in visits:
        if counted.start <= visit.entered < counted.end and visit.queue in by_queue:
            by_queue[visit.queue].append(visit)
    times = _times(states, counted)
    found = {q: _figures(rows, reading, _busy(times, reading.members[q])) for q, rows in by_queue.items()}
    if len(found) > 1:
        everybody = {agent for members in reading.members.values() for agent in members}
        rows = [visit for queue in by_queue.values() for visit in queue]
        found[ALL] = _figures(rows, reading, _busy(times, everybody))
    return found


def _times(states: Iterable[AgentStateRow], counted: Period) -> dict[str, Counter[str]]:
    """Agent -> time in each state."""
    times: dict[str, Counter[str]] = {}
    for row in states:
        spent = overlap(row.started, row.ended, counted.start, counted.end)
        times.setdefault(row.agent, Counter())[row.presence] += spent
    return times


def _busy(times: Mapping[str, Counter[str]], agents: Iterable[str]) -> float | None:
    total: Counter[str] = Counter()
    for agent in agents:
        total.update(times.get(agent, {}))
    return occupancy(dict(total))


def _figures(visits: list[VisitRow], reading: Reading, busy: float | None) -> Figures:
    outcomes = Counter(visit.outcome for visit in visits)
    answered, abandoned = outcomes[Outcome.ANSWERED], outcomes[Outcome.ABANDONED]
    waits = sorted(wait_ms(visit) or 0 for visit in visits if visit.outcome is Outcome.ANSWERED)
    verdicts = [(visit.entered, judge(visit, reading.levels[visit.queue])) for visit in visits]
    return Figures(
        offered=len(visits),
        answered=answered,
        abandoned=abandoned,
        other=len(visits) - answered - abandoned,
        sl=_share(verdict for _, verdict in verdicts),
        wait_ms=mean(sum(waits), len(waits)),
        wait_p50_ms=percentile(waits, 50),
        wait_p90_ms=percentile(waits, 90),
        wait_p95_ms=percentile(waits, 95),
        occupancy=busy,
        halves=_halves(verdicts, reading.counted),
    )


def _share(verdicts: Iterable[Verdict]) -> float | None:
    counted = Counter(verdicts)
    return percent(counted[Verdict.MET], counted[Verdict.MET] + counted[Verdict.MISSED])


def _halves(verdicts: list[tuple[int, Verdict]], counted: Period) -> tuple[Half, ...]:
    parts: list[list[Verdict]] = [[] for _ in range(counted.start, counted.end, HALF_HOUR_MS)]
    for entered, verdict in verdicts:
        parts[(entered - counted.start) // HALF_HOUR_MS].append(verdict)
    return tuple(Half(len(part), _share(part)) for part in parts)

"""The back-test of estimated waits: rows of the ledger to facts, figures by hand, and a long shop."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from ccctl.changes import AgentStateRow, OfferOutcome, OfferRow, Outcome, VisitRow
from ccctl.flow.roster import QueueConfig, Roster
from ccctl.queue import estimate as q
from ccctl.report.intervals import Interval, Period, periods
from ccctl.report.tables import Row, Scope
from ccctl.report.waits import Formula, Records, asterisk_ms, facts, wait_table
from tests.support.line import HOUR_MS, Shop
from tests.support.line import facts as shop_facts

UTC = ZoneInfo("UTC")


def visit(name: str, entered: int, ended: int, outcome: Outcome, talk_ended: int | None = None) -> VisitRow:
    answered = ended if outcome is Outcome.ANSWERED else None
    return VisitRow(
        id=name, call=name, queue="sales", entered=entered, ended=ended, outcome=outcome,
        agent="anna", answered=answered, talk_ended=talk_ended,
    )  # fmt: skip


def offer(name: str, offered: int, ended: int, outcome: OfferOutcome = OfferOutcome.ANSWERED) -> OfferRow:
    return OfferRow(
        id=f"{name}{offered}", visit=name, call=name, queue="sales", agent="anna",
        offered=offered, ended=ended, outcome=outcome,
    )  # fmt: skip


def state(agent: str, presence: str, started: int, ended: int | None = None, call: str = "") -> AgentStateRow:
    return AgentStateRow(
        id=f"{agent}:{started}", agent=agent, presence=presence, started=started, ended=ended, call=call
    )


def test_rows_become_facts_in_order() -> None:
    records = Records(
        visits=[
            visit("a", 1000, 9000, Outcome.ANSWERED, 60_000),
            visit("b", 2000, 5000, Outcome.ABANDONED),
            visit("c", 3000, 3000, Outcome.FULL),
        ],
        offers=[offer("a", 1000, 4000, OfferOutcome.NO_ANSWER), offer("a", 6000, 9000)],
        states=[
            state("anna", "ready", 0, 6000),
            state("anna", "talking", 6000, 60_000),
            state("anna", "wrapup", 60_000, 70_000, "a"),
            state("anna", "paused", 70_000),
            state("ben", "ready", 500),
        ],
        roster=Roster(queues={"sales": QueueConfig("sales", "Sales", agents=("ben",))}),
    )
    assert facts(records) == [
        ("sales", q.Staffed(0, 1)),
        ("sales", q.Staffed(500, 2)),
        ("sales", q.Entered(1000, "a", 0)),
        ("sales", q.Taken(1000, "a")),
        ("sales", q.Entered(2000, "b", 0)),
        ("sales", q.Back(4000, "a")),
        ("sales", q.Left(5000, "b")),
        ("sales", q.Taken(6000, "a")),
        ("sales", q.Answered(9000, "a")),
        ("sales", q.Handled(70_000, 64_000)),
        ("sales", q.Staffed(70_000, 1)),
    ]


def test_asterisk_says_more_to_whom_it_forgot() -> None:
    assert [asterisk_ms(60, waited) // 60_000 for waited in (0, 60, 120, 180, 300, 600)] == [1, 0, 0, 1, 3, 8]


def rows(records: Records, hours: int, interval: Interval = Interval.TOTAL) -> dict[str, Row]:
    scope = Scope(periods=periods(0, hours * HOUR_MS, interval, UTC), zone=UTC, now=0, names=("sales",))
    return {row["formula"]: row for row in wait_table(records, scope).rows}


def test_figures_by_hand() -> None:
    """One agent, calls of 100 s: two teach, one waits 60 s, one gives up after 90."""
    records = Records(
        visits=[
            visit("a", 0, 0, Outcome.ANSWERED, 100_000),
            visit("b", 140_000, 200_000, Outcome.ANSWERED, 300_000),
            visit("x", 100_000, 100_000, Outcome.ANSWERED, 200_000),
            visit("c", 150_000, 240_000, Outcome.ABANDONED),
        ],
        offers=[offer("a", 0, 0), offer("x", 100_000, 100_000), offer("b", 200_000, 200_000)],
        states=[state("anna", "ready", 0)],
    )
    found = rows(records, 1)
    by_position = found[Formula.POSITION]
    assert (by_position["calls"], by_position["answered"], by_position["told"]) == (2, 1, 2)
    assert by_position["bias_ms"] == by_position["error_p50_ms"] == 100_000 - 60_000
    assert by_position["coverage"] == 100  # who gave up does not say that it was wrong
    assert found[Formula.ASTERISK]["bias_ms"] == -60_000
    assert found[Formula.ASTERISK]["coverage"] == 0
    assert found[Formula.P80]["told"] == 0
    assert found[Formula.P50]["told"] is None


def test_a_queue_without_calls_has_rows_without_figures() -> None:
    found = rows(Records(visits=[], offers=[], states=[]), 1)
    assert set(found) == set(Formula)
    for row in found.values():
        assert (row["calls"], row["coverage"], row["bias_ms"]) == (0, None, None)


def shop_records(shop: Shop) -> Records:
    """The ledger of a shop in which phones are picked up at once."""
    happened, _ = shop_facts(shop, 3)
    entered = {fact.call: fact.at for fact in happened if isinstance(fact, q.Entered)}
    handled: list[VisitRow] = []
    offers = []
    for fact in happened:
        if isinstance(fact, q.Answered):
            offers.append(offer(fact.call, fact.at, fact.at))
            handled.append(visit(fact.call, entered[fact.call], fact.at, Outcome.ANSWERED))
        elif isinstance(fact, q.Left):
            handled.append(visit(fact.call, entered[fact.call], fact.at, Outcome.ABANDONED))
    lengths = iter([(fact.at, fact.handle_ms) for fact in happened if isinstance(fact, q.Handled)])
    ends: dict[int, list[int]] = {}
    for at, length in lengths:
        ends.setdefault(at - length, []).append(at)
    handled = [
        msgspec.structs.replace(v, talk_ended=ends[v.answered].pop()) if v.answered is not None else v
        for v in handled
    ]
    agents = tuple(f"agent{n}" for n in range(shop.agents))
    return Records(
        visits=handled,
        offers=offers,
        states=[state(agent, "ready", 0) for agent in agents],
        roster=Roster(queues={"sales": QueueConfig("sales", "Sales", agents=agents)}),
    )


def test_a_long_shop_is_covered_as_promised_and_better_than_by_others() -> None:
    records = shop_records(Shop(agents=11, per_hour=240, patience_ms=300_000, hours=40))
    found = rows(records, 40)
    p80, p50, asterisk, position = (found[formula] for formula in Formula)
    assert p80["calls"] > 3000
    assert p80["coverage"] == pytest.approx(80, abs=3)
    assert p50["coverage"] == pytest.approx(50, abs=3)
    assert p80["told_rate"] > 50
    assert p50["mean_error_ms"] < 0.8 * asterisk["mean_error_ms"]
    assert p50["mean_error_ms"] < position["mean_error_ms"]
    assert abs(p50["bias_ms"]) < 10_000


def test_calls_count_where_they_came() -> None:
    records = shop_records(Shop(agents=3, per_hour=60, patience_ms=300_000, hours=6))
    whole = rows(records, 6)[Formula.P80]["calls"]
    scope = Scope(periods=periods(0, 6 * HOUR_MS, Interval.HOUR, UTC), zone=UTC, now=0)
    by_hour = [row["calls"] for row in wait_table(records, scope).rows if row["formula"] == Formula.P80]
    assert len(by_hour) == 6
    assert sum(by_hour) == whole > 0
    late = Scope(periods=[Period(5 * HOUR_MS, 6 * HOUR_MS)], zone=UTC, now=0)
    assert wait_table(records, late).rows[0]["calls"] == by_hour[5]

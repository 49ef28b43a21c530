"""The simulation against theory: Erlang C and Erlang A lie within its confidence intervals."""

import random
from collections.abc import Callable

from ccctl.changes import Outcome, VisitRow
from ccctl.report.erlang import Traffic, delay_probability, erlang_a, mean_wait, service_level
from ccctl.whatif.chance import Shape, Spread
from ccctl.whatif.day import Played, play
from ccctl.whatif.demand import Demand, Stretch, callers
from ccctl.whatif.plan import Duty, Plan, Window
from ccctl.whatif.statistics import Estimate, estimate
from tests.support.centre import make_roster

HOUR_MS = 3_600_000
START = 1_795_000_000_000
THRESHOLD_MS = 20_000
TRAFFIC = Traffic(per_hour=180, handle_ms=180_000, agents=11)  # 9 erlangs
PATIENCE_MS = 120_000
RUNS, HOURS, WARM_UP_HOURS = 24, 8, 1


def played(patience_ms: int | None, seed: str) -> list[VisitRow]:
    """A stretch long enough to have forgotten its empty beginning; no ringing, no wrap-up."""
    roster = make_roster(TRAFFIC.agents)
    window = Window(START, START + WARM_UP_HOURS * HOUR_MS, START + HOURS * HOUR_MS)
    plan = Plan(window, roster, tuple(Duty(START, agent, "login") for agent in roster.agents))
    demand = Demand(
        queue="q0",
        curve=(Stretch(0, HOURS * HOUR_MS, TRAFFIC.per_hour),),
        talk=Spread(Shape.EXPONENTIAL, round(TRAFFIC.handle_ms)),
        patience=Spread(Shape.EXPONENTIAL, patience_ms) if patience_ms else None,
        pick_up=Spread(Shape.CONSTANT, 0),
    )
    found: Played = play(plan, callers([demand], START, random.Random(seed)))
    return [visit for visit in found.visits if window.counted <= visit.entered < window.end]


def wait(visit: VisitRow) -> int:
    assert visit.ended is not None
    return visit.ended - visit.entered


def measured(runs: list[list[VisitRow]], what: Callable[[VisitRow], float]) -> Estimate:
    """Mean of `what` over the visits of each run, estimated over the runs."""
    return estimate([sum(what(visit) for visit in run) / len(run) for run in runs])


def in_time(visit: VisitRow) -> bool:
    return visit.outcome is Outcome.ANSWERED and wait(visit) <= THRESHOLD_MS


def narrow(found: Estimate, share: float) -> bool:
    """The interval says something: its half is below this share of the mean."""
    assert found.mean is not None
    assert found.half is not None
    return found.half < share * found.mean


def test_patient_callers_wait_as_erlang_c_says() -> None:
    runs = [played(None, f"c{n}") for n in range(RUNS)]
    assert all(visit.outcome is Outcome.ANSWERED for run in runs for visit in run)
    waiting = measured(runs, lambda visit: wait(visit) > 0)
    waited = measured(runs, wait)
    level = measured(runs, in_time)
    assert narrow(waiting, 0.1)
    assert narrow(level, 0.1)
    assert narrow(waited, 0.3)
    assert waiting.holds(delay_probability(TRAFFIC))
    assert waited.holds(mean_wait(TRAFFIC))
    assert level.holds(service_level(TRAFFIC, THRESHOLD_MS))


def test_impatient_callers_give_up_as_erlang_a_says() -> None:
    runs = [played(PATIENCE_MS, f"a{n}") for n in range(RUNS)]
    theory = erlang_a(TRAFFIC, PATIENCE_MS, THRESHOLD_MS)
    abandoned = measured(runs, lambda visit: visit.outcome is Outcome.ABANDONED)
    waited = measured(runs, wait)
    assert narrow(abandoned, 0.2)
    assert narrow(waited, 0.2)
    assert abandoned.holds(theory.abandoned)
    assert waited.holds(theory.mean_wait_ms)
    assert measured(runs, lambda visit: wait(visit) > 0).holds(theory.waiting)
    assert measured(runs, in_time).holds(theory.within)

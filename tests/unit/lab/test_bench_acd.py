"""What `ccctl bench acd` measures with: what counts as clean, ratios, the core's own load."""

import math

import pytest

from ccctl.cli.benchacd import QUICK, Plan, gap_rows, plan_of
from ccctl.cli.benchcore import SIZES, busy, idle, roster
from ccctl.cli.benchlab import MINIMAL, NATIVE, OURS
from ccctl.cli.benchrows import less_is_better, more_is_better
from ccctl.lab.bench import Gaps, Load
from ccctl.lab.benchload import Held
from ccctl.queue.line import Pool


def test_a_ratio_above_one_is_better_whatever_is_measured() -> None:
    assert less_is_better("a time", 2.0, 6.0, "ms").ratio == 3.0
    assert more_is_better("a rate", 6.0, 2.0, "calls/s").ratio == 3.0
    assert math.isnan(more_is_better("a rate", 6.0, 0.0, "calls/s").ratio)


def held(**parts: float) -> Held:
    return Held(**({"rate": 10, "asked": 100, "talks": 100, "seconds": 10.0} | parts))  # type: ignore[arg-type] # any fields


def test_a_rate_is_held_when_everybody_came_and_was_served_in_time() -> None:
    assert held().is_clean
    assert held(late=1).is_clean
    assert not held(late=2).is_clean
    assert not held(failed=1).is_clean
    assert not held(talks=99).is_clean
    assert not held(talks=101).is_clean  # somebody was rung twice
    assert not held(asked=90, talks=90).is_clean  # the phones themselves were too slow


def test_rounds_are_added_up_and_all_peers_are_compared() -> None:
    gaps = Gaps()
    gaps.add(Gaps([1.0, 2.0], 2, 0, 10.0))
    gaps.add(Gaps([3.0], 8, 1, 10.0))
    assert (gaps.gaps, gaps.talks, gaps.failed, gaps.rate) == ([1.0, 2.0, 3.0], 10, 1, 0.5)
    rows = gap_rows(Load(10, 20), {NATIVE: Gaps([300.0], 1, 0, 1.0), MINIMAL: gaps, OURS: gaps})
    assert {row.name.rpartition(" ")[2] for row in rows} == {NATIVE, MINIMAL}
    assert rows[0].ratio == 150.0


def test_options_change_the_plan_and_nothing_else() -> None:
    nothing = dict.fromkeys(("seconds", "rounds", "hold", "waiting"))
    assert plan_of({"quick": False, **nothing}) == Plan()
    assert plan_of({"quick": True, **nothing}) == QUICK
    plan = plan_of({"quick": True, **nothing, "seconds": 9.0, "rounds": 2})
    assert (plan.small.seconds, plan.large.seconds, plan.rounds, plan.hold) == (9.0, 9.0, 2, QUICK.hold)


def test_the_load_of_the_core_has_needs_of_many_kinds_and_keeps_everybody_busy() -> None:
    size = SIZES[1]
    play = busy(size)
    pools: list[Pool] = [pool for line in play.world.lines.values() for pool in line.pools.values()]
    assert len({pool.need.key for pool in pools}) >= 6
    assert sum(len(pool.waiting) for pool in pools) >= size.waiting // 2
    assert play.decisions > play.events / 10
    assert play.spent > 0


def test_with_everybody_free_each_caller_is_a_decision() -> None:
    size = SIZES[0]
    play = idle(size)
    assert set(roster(size).agents) == set(play.world.agents)
    assert play.decisions == pytest.approx(play.events / 6, rel=0.2)
    assert not play.world.visits

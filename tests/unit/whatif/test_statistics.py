"""Mean and interval over independent runs."""

import random

import pytest

from ccctl.whatif.statistics import Estimate, difference, estimate, student


def test_quantiles_of_student_as_in_the_tables() -> None:
    table = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 19: 2.093, 30: 2.042}
    for freedom, quantile in {**table, 999: 1.962}.items():
        assert student(freedom) == pytest.approx(quantile, abs=0.0006)
    assert student(5, 0.99) == pytest.approx(4.032, abs=0.0006)


def test_an_interval_by_hand() -> None:
    found = estimate([10.0, 12.0, 14.0])
    assert found.mean == 12
    assert found.half == pytest.approx(4.303 * 2 / 3**0.5, abs=0.001)
    assert (found.holds(12), found.holds(8), found.holds(6)) == (True, True, False)


def test_few_values() -> None:
    assert estimate([]) == Estimate(None, None, 0)
    assert estimate([None, 7.0]) == Estimate(7.0, None, 1)
    assert estimate([7.0, None, 7.0]) == Estimate(7.0, 0.0, 2)


def test_about_95_of_100_intervals_hold_the_mean() -> None:
    chance = random.Random(4)
    held = sum(estimate([chance.gauss(5, 2) for _ in range(8)]).holds(5) for _ in range(2000))
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_pairs_show_a_difference_that_separate_runs_would_hide() -> None:
    chance = random.Random(5)
    before = [chance.gauss(100, 30) for _ in range(10)]
    after = [value + chance.gauss(3, 1) for value in before]
    paired = difference(before, [*after])
    assert paired.low > 0
    assert paired.holds(3)
    assert difference([1.0, None], [2.0, 5.0]) == Estimate(1.0, None, 1)

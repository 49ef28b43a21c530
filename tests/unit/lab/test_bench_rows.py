"""Percentiles and rates of a measurement."""

import math

from ccctl.lab.bench import Gaps, percentile


def test_percentiles_are_of_the_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, p) for p in (0, 50, 95, 99, 100)] == [1, 51, 96, 100, 100]
    assert percentile([7.0], 99) == 7.0


def test_the_percentile_of_nothing_is_no_number() -> None:
    assert math.isnan(percentile([], 50))


def test_the_rate_is_calls_per_second() -> None:
    assert Gaps(talks=30, seconds=10.0).rate == 3.0
    assert Gaps(talks=30).rate == 0.0

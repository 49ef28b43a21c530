"""Erlang C and Erlang A against published figures, against each other, and against plain summation."""

import math

import pytest

from ccctl.report.erlang import (
    Traffic,
    delay_probability,
    erlang_a,
    erlang_b,
    mean_wait,
    service_level,
)


def test_a_well_known_example_of_erlang_c() -> None:
    """360 calls in half an hour, 4 minutes each, 55 agents."""
    traffic = Traffic(per_hour=720, handle_ms=240_000, agents=55)
    assert traffic.load == pytest.approx(48)
    assert delay_probability(traffic) == pytest.approx(0.239, abs=0.0005)
    assert mean_wait(traffic) == pytest.approx(8_184, abs=1)
    assert service_level(traffic, 15_000) == pytest.approx(0.846, abs=0.0005)


def test_the_example_of_mandelbaum_and_zeltyn() -> None:
    """48 calls a minute, 1 minute each, 50 agents; patience of 2 minutes changes much."""
    traffic = Traffic(per_hour=48 * 60, handle_ms=60_000, agents=50)
    assert mean_wait(traffic) == pytest.approx(20_800, abs=50)
    found = erlang_a(traffic, 120_000)
    assert found.abandoned == pytest.approx(0.031, abs=0.0005)
    assert found.mean_wait_ms == pytest.approx(3_700, abs=50)
    assert found.occupancy == pytest.approx(0.93, abs=0.005)


def test_erlang_b() -> None:
    assert erlang_b(1, 1) == pytest.approx(1 / 2)
    assert erlang_b(2, 2) == pytest.approx(2 / 5)
    assert 0 < erlang_b(900, 1000) < 1e-4  # no overflow


def test_too_few_agents_for_patient_callers() -> None:
    traffic = Traffic(per_hour=60, handle_ms=60_000, agents=1)
    assert delay_probability(traffic) == 1
    assert mean_wait(traffic) == math.inf
    assert service_level(traffic, 20_000) == 0


def test_with_endless_patience_a_is_c() -> None:
    traffic = Traffic(per_hour=720, handle_ms=240_000, agents=55)
    found = erlang_a(traffic, 1e10, 15_000)
    assert found.waiting == pytest.approx(delay_probability(traffic), abs=1e-5)
    assert found.within == pytest.approx(service_level(traffic, 15_000), abs=1e-5)
    assert found.answered_wait_ms == pytest.approx(mean_wait(traffic), rel=1e-4)


LOADS = (
    Traffic(per_hour=60, handle_ms=60_000, agents=1),
    Traffic(per_hour=180, handle_ms=180_000, agents=11),
    Traffic(per_hour=6000, handle_ms=60_000, agents=5),  # twenty times too many
    Traffic(per_hour=60_000, handle_ms=180_000, agents=2900),
)


@pytest.mark.parametrize("traffic", LOADS)
def test_as_the_birth_and_death_process_says(traffic: Traffic) -> None:
    patience_ms = 120_000
    arrivals = traffic.per_hour / 3_600_000
    weights, log_weight = [0.0], 0.0
    for n in range(1, 8000):
        busy, queued = min(n, traffic.agents), max(0, n - traffic.agents)
        log_weight += math.log(arrivals / (busy / traffic.handle_ms + queued / patience_ms))
        weights.append(log_weight)
    top = max(weights)
    states = [math.exp(weight - top) for weight in weights]
    queued = sum(max(0, n - traffic.agents) * p for n, p in enumerate(states)) / sum(states)
    found = erlang_a(traffic, patience_ms, 1e9)
    assert found.waiting == pytest.approx(sum(states[traffic.agents :]) / sum(states), rel=1e-6)
    assert found.mean_wait_ms == pytest.approx(queued / arrivals, rel=1e-6)
    assert found.abandoned == pytest.approx(queued / patience_ms / arrivals, rel=1e-6)
    assert found.within == pytest.approx(1 - found.abandoned, rel=1e-6)


def test_more_time_more_callers_answered_in_time() -> None:
    levels = [erlang_a(LOADS[2], 120_000, seconds * 1000).within for seconds in (0, 20, 120, 400, 1000)]
    assert levels == sorted(levels)
    assert levels[-1] == pytest.approx(0.05, abs=1e-6)

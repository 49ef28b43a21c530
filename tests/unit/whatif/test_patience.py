"""Patience learnt from waits that mostly ended otherwise."""

import math
import random

import pytest

from ccctl.whatif.patience import Patience, draw_patience, kaplan_meier


def test_the_textbook_example() -> None:
    """Remissions of leukaemia under 6-MP (Freireich 1963), as Kaplan-Meier is taught with."""
    ended = (6, 6, 6, 7, 10, 13, 16, 22, 23)
    censored = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
    found = kaplan_meier([*((time, True) for time in ended), *((time, False) for time in censored)])
    assert found.times == (6, 7, 10, 13, 16, 22, 23)
    expected = (0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482)
    assert found.there == pytest.approx(expected, abs=0.00005)
    assert (found.share(5), found.share(6), found.share(9)) == pytest.approx((1, 0.8571, 0.8067), abs=0.00005)
    assert found.mean_ms == pytest.approx(359 / 9)


def test_the_patience_behind_censored_waits_is_found_and_drawn_again() -> None:
    """Patience 100 s in the mean, nobody waits longer than a minute: only a part of it is ever seen."""
    chance = random.Random(3)
    waits = []
    for _ in range(20_000):
        patience, answered = chance.expovariate(1 / 100_000), chance.uniform(0, 60_000)
        waits.append((round(min(patience, answered)), patience < answered))
    found = kaplan_meier(waits)
    for wait in (10_000, 30_000, 50_000):
        assert found.share(wait) == pytest.approx(math.exp(-wait / 100_000), abs=0.02)
    drawn = [draw_patience(found, chance) or 0 for _ in range(10_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(100_000, rel=0.05)
    longer = [draw_patience(found, chance, 40_000) or 0 for _ in range(10_000)]
    assert min(longer) > 40_000
    assert sum(longer) / len(longer) == pytest.approx(140_000, rel=0.05)


class Fixed:
    """Chance that always says the same."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value

    def lognormvariate(self, mu: float, sigma: float) -> float:
        return mu + sigma


def test_the_ends_of_the_curve() -> None:
    assert draw_patience(kaplan_meier([(5000, False)]), Fixed(0.5)) is None  # nobody gave up
    found = kaplan_meier([(1000, True), (2000, True)])
    assert found == Patience((1000, 2000), (0.5, 0.0), 1500.0)
    assert draw_patience(found, Fixed(0.0)) == 1000
    assert draw_patience(found, Fixed(0.4)) == 1000
    assert draw_patience(found, Fixed(0.6)) == 2000
    assert draw_patience(found, Fixed(0.0), 1000) == 2000
    beyond = draw_patience(found, Fixed(0.5), 9000)  # longer than anybody: the rate goes on
    assert beyond == 9000 + round(1500 * math.log(2))

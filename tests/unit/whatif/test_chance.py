"""Times drawn by chance, their written forms, arrivals and daily curves."""

import random
import statistics

import pytest

from ccctl.flow.values import Wrong
from ccctl.whatif.chance import Shape, Spread, draw, read_spread
from ccctl.whatif.demand import Stretch, arrivals, calls, read_curve, read_rate

HOUR_MS = 3_600_000


def test_spreads_have_the_mean_and_deviation_that_they_say() -> None:
    chance = random.Random(1)
    for spread, deviation in (
        (Spread(Shape.EXPONENTIAL, 240_000), 240_000),
        (Spread(Shape.LOGNORMAL, 240_000, 120_000), 120_000),
        (Spread(Shape.CONSTANT, 240_000), 0),
    ):
        drawn = [draw(spread, chance) for _ in range(20_000)]
        assert statistics.fmean(drawn) == pytest.approx(240_000, rel=0.02)
        assert statistics.pstdev(drawn) == pytest.approx(deviation, rel=0.05)


def test_written_spreads() -> None:
    assert read_spread("4m") == Spread(Shape.EXPONENTIAL, 240_000)
    assert read_spread("constant:0s") == Spread(Shape.CONSTANT, 0)
    assert read_spread("lognormal:4m:90s") == Spread(Shape.LOGNORMAL, 240_000, 90_000)
    assert str(read_spread("lognormal:4m:90s")) == "lognormal 240 s, standard deviation 90 s"


@pytest.mark.parametrize(
    "text", ["4", "0s", "normal:4m", "lognormal:4m", "constant:4m:2m", "lognormal:0s:1s", ""]
)
def test_what_is_no_spread_says_what_to_write(text: str) -> None:
    found = read_spread(text)
    assert isinstance(found, Wrong)
    assert found.hint


def test_arrivals_are_a_poisson_process() -> None:
    """Counts in equal intervals have a variance like their mean, and follow the curve."""
    length = 100 * HOUR_MS
    curve = tuple(Stretch(n * length, (n + 1) * length, rate) for n, rate in enumerate((60, 0, 6)))
    times = list(arrivals(curve, random.Random(2)))
    assert times == sorted(times)
    counts = [0] * 300
    for at in times:
        counts[at // HOUR_MS] += 1
    assert sum(counts[100:200]) == 0
    assert statistics.fmean(counts[:100]) == pytest.approx(60, abs=3)
    assert statistics.pvariance(counts[:100]) == pytest.approx(60, rel=0.4)
    assert statistics.fmean(counts[200:]) == pytest.approx(6, abs=1)
    assert calls(curve) == pytest.approx(6600)


def test_rates() -> None:
    assert read_rate("120/h") == 120
    assert read_rate("2.5/min") == 150
    assert read_rate("curve.csv") is None
    assert isinstance(read_rate("9999/min"), Wrong)


def test_a_curve_of_half_hours() -> None:
    text = "# weekdays\n08:00 30\n08:30, 45\n\n10:00;120/h  # after the mail\n"
    half = HOUR_MS // 2
    assert read_curve(text, "c.txt") == (
        Stretch(16 * half, 17 * half, 60),
        Stretch(17 * half, 18 * half, 90),
        Stretch(20 * half, 21 * half, 120),
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("08:00 30\n08:15 3\n", "c.txt:2: "),
        ("08:30 30\n08:00 3\n", "c.txt:2: "),
        ("08:00 30\n08:00 3\n", "c.txt:2: "),
        ("24:00 3", "c.txt:1: "),
        ("08:00 many", "c.txt:1: "),
        ("08:00", "c.txt:1: "),
        ("08:00 1000000/h", "c.txt:1: "),
        ("# nothing\n", "c.txt: "),
        ("08:00 0\n", "c.txt: "),
    ],
)
def test_a_curve_that_cannot_be_read_names_its_line(text: str, place: str) -> None:
    found = read_curve(text, "c.txt")
    assert isinstance(found, Wrong)
    assert found.text.startswith(place)
    assert found.hint

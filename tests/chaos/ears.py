"""How long an ear heard nothing of what it should hear. Stalls of the phones' own clock do not count."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ccctl.lab import tones
from ccctl.lab.phones import Call

FRAME_S = 0.02
LATELY = 5  # frames that are looked at to hear what sounds now


@lru_cache(maxsize=50_000)
def _sounds(data: bytes, codec: int, tone: int) -> bool:
    """A tone is one constant payload, so nearly each frame was looked at before."""
    return len(data) == tones.FRAME and tones.sounds(tones.decode(data, codec), tone)


def times_of(call: Call, wanted: Iterable[int]) -> list[float]:
    """When a frame with one of these tones came."""
    heard = call.leg.heard if call.leg else ()
    return [at for at, codec, data in heard if any(_sounds(data, codec, tone) for tone in wanted)]


def hears(call: Call, tone: int) -> bool:
    heard = list(call.leg.heard)[-LATELY:] if call.leg else []
    return sum(_sounds(data, codec, tone) for _, codec, data in heard) >= LATELY - 1


class Gap(NamedTuple):
    seconds: float
    at: float = 0.0

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s at {self.at:.3f}"


def longest_gap(times: Sequence[float], end: float, ticks: Sequence[float]) -> Gap:
    """From the first of the times to the end; infinite when there is none."""
    inside = [at for at in times if at < end]
    if not inside:
        return Gap(float("inf"), end)
    return max(Gap(_silence(one, other, ticks), one) for one, other in pairwise([*inside, end]))


def _silence(one: float, other: float, ticks: Sequence[float]) -> float:
    """Each tick of the phones' clock should have brought a frame; while it stood nobody spoke."""
    frames = bisect_right(ticks, other) - bisect_right(ticks, one)
    return min(other - one, frames * FRAME_S)

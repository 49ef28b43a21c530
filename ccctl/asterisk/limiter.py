"""Loudness without clipping: amplify, and take back only around peaks that would be too high.

The gain falls before a peak and rises after it (look-ahead), over some milliseconds, so that a click in a
recording does not make the rest of it quiet, and is not heard as a crackle.
"""

from array import array
from itertools import pairwise

BLOCK_S = 0.001
REACH = 5  # blocks before and after a peak


def amplify(samples: "array[float]", rate: int, factor: float, ceiling: float) -> "array[float]":
    """`factor` times as loud, no sample above `ceiling` (of full scale)."""
    louder = array("f", [sample * factor for sample in samples])
    step = max(1, round(rate * BLOCK_S))
    needed = [_needed(louder[at : at + step], ceiling) for at in range(0, len(louder), step)]
    if min(needed, default=1.0) == 1.0:
        return louder
    for block, (start, end) in enumerate(pairwise(_edges(_smooth(needed)))):
        if start < 1.0 or end < 1.0:
            first = block * step
            length = min(step, len(louder) - first)
            for at in range(length):
                louder[first + at] *= start + (end - start) * at / length
    return louder


def _needed(block: "array[float]", ceiling: float) -> float:
    peak = max(map(abs, block))
    return min(1.0, ceiling / peak) if peak else 1.0


def _smooth(needed: list[float]) -> list[float]:
    """Never above what a block needs: the mean of least values that all cover it."""
    least = [min(around) for around in _windows(needed)]
    return [sum(around) / len(around) for around in _windows(least)]


def _windows(values: list[float]) -> list[list[float]]:
    return [values[max(0, at - REACH) : at + REACH + 1] for at in range(len(values))]


def _edges(gains: list[float]) -> list[float]:
    """The gain at each border of blocks: the smaller of both sides."""
    return [gains[0], *(min(pair) for pair in pairwise(gains)), gains[-1]]

"""How a queue stands to its goal in the last minutes: the visits that ended in them, met or missed. Pure.

What met and missed mean says report/kpi.py; here they are only counted while they are recent.
"""

from bisect import bisect_right, insort

import msgspec


class Standing(msgspec.Struct):
    """`ends`: when a visit ended, and whether it met the goal; `met` of them did."""

    ends: list[tuple[int, bool]] = []
    met: int = 0


def count(standing: Standing, at: int, met: bool) -> None:
    insort(standing.ends, (at, met))
    standing.met += met


def forget(standing: Standing, until: int) -> None:
    """What ended at `until` or before counts no more."""
    old = bisect_right(standing.ends, (until, True))
    standing.met -= sum(met for _at, met in standing.ends[:old])
    del standing.ends[:old]


def share(standing: Standing, since: int) -> float | None:
    """Per cent that met of what ended after `since`; None of nothing."""
    old = bisect_right(standing.ends, (since, True))
    met = standing.met - sum(met for _at, met in standing.ends[:old])
    return 100 * met / (len(standing.ends) - old) if len(standing.ends) > old else None

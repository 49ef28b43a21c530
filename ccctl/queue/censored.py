"""What is learnt of values of which some are only known to be larger than something (censored). Pure.

Who gave up after 20 s would have been answered later, nobody knows how much later. To leave him out makes a
queue look quicker than it is, to count his 20 s as if he had been answered makes it look quicker still. The
estimate of Kaplan and Meier ("Nonparametric estimation from incomplete observations", 1958) takes what he
does tell, that his wait is more than 20 s.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from operator import neg
from typing import Generic, TypeVar

import msgspec

Value = TypeVar("Value", int, float)


class Curve(msgspec.Struct, Generic[Value], frozen=True):
    """`above[i]` is the share that is larger than `values[i]`, the i-th value that was seen whole."""

    values: tuple[Value, ...] = ()
    above: tuple[float, ...] = ()

    def share_above(self, value: float) -> float:
        """The share that is larger than `value`, 0 to 1."""
        index = bisect_right(self.values, value)
        return self.above[index - 1] if index else 1.0

    def quantile(self, share: float) -> Value | None:
        """The smallest value that at least `share` do not exceed; None: it lies beyond what was seen."""
        index = bisect_left(self.above, share - 1, key=neg)
        return self.values[index] if index < len(self.values) else None


def kaplan_meier(found: Iterable[tuple[Value, bool]]) -> Curve[Value]:
    """From (value, seen whole): at each value that d of n who had come so far had, the share above it falls
    by the factor 1 - d/n. Of equal values those seen whole count first."""
    whole: Counter[Value] = Counter()
    others: Counter[Value] = Counter()
    for value, seen in found:
        (whole if seen else others)[value] += 1
    there = whole.total() + others.total()
    values: list[Value] = []
    above: list[float] = []
    share = 1.0
    for value in sorted(whole | others):
        if whole[value]:
            share *= 1 - whole[value] / there
            values.append(value)
            above.append(share)
        there -= whole[value] + others[value]
    return Curve(tuple(values), tuple(above))

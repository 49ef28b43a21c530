"""How long callers would wait, learnt from waits that mostly ended otherwise. Durations are ms. Pure.

Who was answered after 20 s would have waited longer, only nobody knows how long: his patience is censored.
The estimate of Kaplan and Meier ("Nonparametric estimation from incomplete observations", 1958) takes what
he does tell, that he was still there after 20 s.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from operator import neg

import msgspec

from ccctl.whatif.chance import Chance, exponential


class Patience(msgspec.Struct, frozen=True):
    """`there[i]` is the share of callers who are still there after `times[i]`, when some gave up; before the
    first all are. What lies beyond the last is not known: there a constant rate of giving up goes on, whose
    mean is `mean_ms` (all waiting / callers who gave up). None: nobody gave up."""

    times: tuple[int, ...] = ()
    there: tuple[float, ...] = ()
    mean_ms: float | None = None

    def share(self, wait: int) -> float:
        """Of callers who are still there after `wait`."""
        index = bisect_right(self.times, wait)
        return self.there[index - 1] if index else 1.0


def kaplan_meier(waits: Iterable[tuple[int, bool]]) -> Patience:
    """From (wait, gave up): at each time at which d of n who still waited gave up, the share of those who
    are there falls by the factor 1 - d/n. Of one moment those who gave up count first."""
    gave_up: Counter[int] = Counter()
    others: Counter[int] = Counter()
    for wait, up in waits:
        (gave_up if up else others)[wait] += 1
    waiting = gave_up.total() + others.total()
    total = sum(wait * n for counted in (gave_up, others) for wait, n in counted.items())
    times: list[int] = []
    there: list[float] = []
    share = 1.0
    for wait in sorted(gave_up | others):
        if gave_up[wait]:
            share *= 1 - gave_up[wait] / waiting
            times.append(wait)
            there.append(share)
        waiting -= gave_up[wait] + others[wait]
    return Patience(tuple(times), tuple(there), total / gave_up.total() if times else None)


def draw_patience(patience: Patience, chance: Chance, waited: int = 0) -> int | None:
    """The patience of a caller who was still there after `waited`; None: for ever."""
    if patience.mean_ms is None:
        return None
    left = patience.share(waited) * (1 - chance.random())
    index = max(bisect_left(patience.there, -left, key=neg), bisect_right(patience.times, waited))
    if index < len(patience.times):
        return patience.times[index]
    return max(patience.times[-1], waited) + round(exponential(patience.mean_ms, chance))

"""How long callers would wait, learnt from waits that mostly ended otherwise. Durations are ms. Pure.

Who was answered after 20 s would have waited longer, only nobody knows how long: his patience is censored.
The estimate of Kaplan and Meier takes what he does tell, that he was still there after 20 s.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import neg

import msgspec

from ccctl.queue import censored
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
    """From (wait, gave up). Of one moment those who gave up count first."""
    found = list(waits)
    curve = censored.kaplan_meier(found)
    gave_up = sum(up for _, up in found)
    return Patience(curve.values, curve.above, sum(wait for wait, _ in found) / gave_up if gave_up else None)


def draw_patience(patience: Patience, chance: Chance, waited: int = 0) -> int | None:
    """The patience of a caller who was still there after `waited`; None: for ever."""
    if patience.mean_ms is None:
        return None
    left = patience.share(waited) * (1 - chance.random())
    index = max(bisect_left(patience.there, -left, key=neg), bisect_right(patience.times, waited))
    if index < len(patience.times):
        return patience.times[index]
    return max(patience.times[-1], waited) + round(exponential(patience.mean_ms, chance))

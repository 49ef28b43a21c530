"""Did the daemon itself stand still: stopped, swapped out, starved? Then what it is told is old news.

Every event asks before it is handled: after a stall events and timers come before any clock of ours.
"""

import asyncio
import time
from collections.abc import Callable

BEAT_S = 0.5
STALL_S = 2.5


class Pulse:
    def __init__(
        self, on_stall: Callable[[float], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_stall, self._clock = on_stall, clock
        self._last = clock()
        self._timer: asyncio.TimerHandle | None = None

    def check(self) -> None:
        now = self._clock()
        stood, self._last = now - self._last, now
        if stood > STALL_S:
            self._on_stall(stood)

    def start(self) -> None:
        """From now on, until `stop`."""
        self._last = self._clock()
        self._beat()

    def _beat(self) -> None:
        self.check()
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

"""The two orders of a queue: callers by priority then arrival, agents by longest idle. Pure.

Both are sorted lists of keys, so that the next caller and the next agent are looked up at once
however long the lists are. A caller who is being offered is out of the line but keeps his key: when
the offer fails he goes back to exactly his place.
"""

from bisect import bisect_left, insort
from typing import TypeVar

import msgspec

CallerKey = tuple[int, int, int, str]  # (-priority, entered, serial, call)
AgentKey = tuple[int, str]  # (idle since, agent)
K = TypeVar("K", CallerKey, AgentKey)


class Line(msgspec.Struct):
    """One queue at this moment. `size` counts all who wait, those being offered included."""

    waiting: list[CallerKey] = []
    ready: list[AgentKey] = []
    size: int = 0


def put(keys: list[K], key: K) -> None:
    insort(keys, key)


def take(keys: list[K], key: K) -> bool:
    """Remove `key`; False when it was not there."""
    index = bisect_left(keys, key)
    if index < len(keys) and keys[index] == key:
        del keys[index]
        return True
    return False

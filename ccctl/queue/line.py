"""The orders of a queue: callers by their turn, agents by the queue's strategy. Pure.

A queue's callers do not all need the same: some need a skill, or an agent whom only a longer wait lets
them have. Callers of equal needs share a pool; a pool has two sorted lists of keys, so that the next
caller and the next agent are looked up at once however many there are. A caller who is being offered is
out of his pool but keeps his key: when the offer fails he goes back to exactly his place.
"""

from bisect import bisect_left, insort
from typing import TypeVar

import msgspec

from ccctl.queue.needs import Need

CallerKey = tuple[int, int, int, str]  # (-priority, turn, serial, call): see turn()
AgentKey = tuple[int, int, int, str]  # (rank, first measure, second measure, agent): see strategy.py
K = TypeVar("K", CallerKey, AgentKey)


class Ready(msgspec.Struct):
    """Agents who are free, in their order. `members` are all who may be."""

    members: frozenset[str] = frozenset()
    ready: list[AgentKey] = []
    keys: dict[str, AgentKey] = {}  # of those who are ready

    def come(self, key: AgentKey) -> None:
        self.keys[key[3]] = key
        insort(self.ready, key)

    def go(self, agent: str) -> None:
        if key := self.keys.pop(agent, None):
            take(self.ready, key)


class Pool(Ready, kw_only=True):
    """Callers of equal needs, and the agents who may serve them. `lent`: by the queue that lends them, those
    of other queues who may be asked besides."""

    need: Need
    waiting: list[CallerKey] = []
    lent: dict[str, Ready] = {}


class Line(msgspec.Struct):
    """One queue at this moment. `size` counts all who wait, those being offered included; `there` its agents
    who are logged in, `free` those who are ready. `borrowers`: queues that may ask its agents."""

    pools: dict[str, Pool] = {}
    size: int = 0
    there: int = 0
    free: int = 0
    borrowers: tuple[str, ...] = ()

    def waiting(self) -> list[CallerKey]:
        """Everybody who waits and is not being offered, in their order."""
        return sorted(key for pool in self.pools.values() for key in pool.waiting)

    def before(self, key: CallerKey) -> int:
        """How many of them come before `key`."""
        return sum(bisect_left(pool.waiting, key) for pool in self.pools.values())


def turn(priority: int, entered: int, ageing_ms: int) -> tuple[int, int]:
    """The first two parts of a caller's key.

    Without ageing every higher priority goes before every lower one. With it a point of priority is worth
    `ageing_ms` of waiting: of two callers the one whose entry, so put back, is earlier goes first. Then
    nobody is overtaken by a caller who came more than (difference of priorities) * ageing_ms after him.
    """
    return (0, entered - priority * ageing_ms) if ageing_ms else (-priority, entered)


def put(keys: list[K], key: K) -> None:
    insort(keys, key)


def take(keys: list[K], key: K) -> bool:
    """Remove `key`; False when it was not there."""
    index = bisect_left(keys, key)
    if index < len(keys) and keys[index] == key:
        del keys[index]
        return True
    return False

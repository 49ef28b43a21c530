"""Who gets the next call. Pure: looks at lines, decides, changes nothing.

For a caller: the first of the agents who are free for his pool. For an agent: of the pools of all his
queues that he may serve the caller whose turn it is, in one order over all of them.
"""

from bisect import bisect_left
from collections.abc import Container, Iterable, Mapping

from ccctl.events import split_ref
from ccctl.queue.line import CallerKey, Line, Pool


def next_agent(pool: Pool) -> str:
    """The agent to ring for the head of this pool, or ''."""
    return pool.ready[0][3] if pool.ready else ""


def first_rank(pool: Pool) -> list[str]:
    """Those who are free, of the first rank that has any."""
    rank = pool.ready[0][0]
    return [key[3] for key in pool.ready[: bisect_left(pool.ready, (rank + 1,))]]


def head(pool: Pool, held: Container[str] = ()) -> CallerKey | None:
    """The caller whose turn it is; callers of nodes that are held cannot be served now."""
    if not held:
        return pool.waiting[0] if pool.waiting else None
    return next((key for key in pool.waiting if split_ref(key[3])[0] not in held), None)


def next_caller(
    lines: Mapping[str, Line], queues: Iterable[str], agent: str, held: Container[str] = ()
) -> CallerKey | None:
    """The key of the caller to offer to this agent of these queues, or None."""
    best: CallerKey | None = None
    for queue in queues:
        line = lines.get(queue)
        for pool in line.pools.values() if line else ():
            if not pool.waiting or agent not in pool.keys:
                continue
            first = head(pool, held)
            if first and (best is None or first < best):
                best = first
    return best

"""A queue of alike agents in order of arrival, without the distributor: every caller's wait is known, that of
who gave up, too."""

import random
from heapq import heapify, heapreplace
from itertools import count

import msgspec

from ccctl.queue import estimate as q

HOUR_MS = 3_600_000


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    agents: int
    per_hour: float
    handle_ms: int = 180_000
    patience_ms: int = 0  # mean; 0: for ever
    hours: int = 40


def facts(shop: Shop, seed: int) -> tuple[list[q.Fact], dict[str, int]]:
    """What happens in a shop, in order (positions are those of the line), and the wait of each call until an
    agent would have taken it."""
    chance = random.Random(seed)
    free = [0] * shop.agents
    heapify(free)
    found: list[tuple[int, int, q.Fact]] = [(0, 0, q.Staffed(0, shop.agents))]
    waits: dict[str, int] = {}
    at = 0.0
    for number in count():
        at += chance.expovariate(shop.per_hour / HOUR_MS)
        if at > shop.hours * HOUR_MS:
            break
        call, came = f"c{number}", round(at)
        patience = chance.expovariate(1 / shop.patience_ms) if shop.patience_ms else float("inf")
        turn = max(came, free[0])
        waits[call] = turn - came
        found.append((came, 3, q.Entered(came, call, 0)))
        if patience < turn - came:
            found.append((round(came + patience), 2, q.Left(round(came + patience), call)))
            continue
        handle = round(chance.expovariate(1 / shop.handle_ms))
        heapreplace(free, turn + handle)
        found += [(turn, 4, q.Taken(turn, call)), (turn, 5, q.Answered(turn, call))]
        found.append((turn + handle, 1, q.Handled(turn + handle, handle)))
    return [fact for _, _, fact in sorted(found, key=lambda each: each[:2])], waits

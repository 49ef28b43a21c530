"""Circles in a graph of names: found in a time that grows with the graph, not with its square."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping

Edges = Mapping[str, Collection[str]]


def circles(edges: Edges) -> Iterator[list[str]]:
    """The shortest circle through a name, for each name that is not in an earlier circle."""
    told: set[str] = set()
    inner = _between_circles(edges)
    for name in inner:
        circle = [] if name in told else _circle(inner, name)
        if circle and told.isdisjoint(circle):
            told.update(circle)
            yield circle


def _between_circles(edges: Edges) -> dict[str, list[str]]:
    """Without the names from which, or to which, no circle leads. What is left is nothing, as a rule."""
    known = {
        name: [target for target in dict.fromkeys(targets) if target in edges]
        for name, targets in edges.items()
    }
    backward: dict[str, list[str]] = {name: [] for name in known}
    for name, targets in known.items():
        for target in targets:
            backward[target].append(name)
    kept = _pruned(known, backward) & _pruned(backward, known)
    return {name: [target for target in known[name] if target in kept] for name in known if name in kept}


def _pruned(forward: dict[str, list[str]], backward: dict[str, list[str]]) -> set[str]:
    """Those that keep a way on when all dead ends are taken away, again and again."""
    ways = {name: len(targets) for name, targets in forward.items()}
    dead = [name for name, count in ways.items() if not count]
    kept = set(forward)
    while dead:
        name = dead.pop()
        kept.discard(name)
        for before in backward[name]:
            ways[before] -= 1
            if not ways[before]:
                dead.append(before)
    return kept


def _circle(edges: Edges, start: str) -> list[str]:
    """The shortest way from a name back to itself, without the last step."""
    came: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        name = waiting.popleft()
        for target in edges[name]:
            if target == start:
                way = [name]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return way[::-1]
            if target not in came:
                came[target] = name
                waiting.append(target)
    return []

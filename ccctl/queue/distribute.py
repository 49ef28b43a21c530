"""Who gets the next call. Pure: looks at lines, decides, changes nothing.

longest-idle: of the agents free for a queue the one idle longest; for a free agent, over all his
queues, the caller with the highest priority, then the one who came first.
"""

from collections.abc import Container, Iterable, Mapping

from ccctl.events import split_ref
from ccctl.queue.line import CallerKey, Line


def next_agent(line: Line) -> str:
    """The agent to ring for the head of this line, or ''."""
    return line.ready[0][1] if line.ready else ""


def head(line: Line, held: Container[str] = ()) -> CallerKey | None:
    """The caller whose turn it is; callers of nodes that are held cannot be served now."""
    if not held:
        return line.waiting[0] if line.waiting else None
    return next((key for key in line.waiting if split_ref(key[3])[0] not in held), None)


def next_caller(
    lines: Mapping[str, Line], queues: Iterable[str], held: Container[str] = ()
) -> tuple[str, CallerKey] | None:
    """(queue, key) of the caller to offer to an agent of these queues, or None."""
    best: tuple[str, CallerKey] | None = None
    for queue in queues:
        line = lines.get(queue)
        first = head(line, held) if line else None
        if first and (best is None or first < best[1]):
            best = (queue, first)
    return best

"""Who gets the next call. Pure: looks at lines, decides, changes nothing.

longest-idle: of the agents free for a queue the one idle longest; for a free agent, over all his
queues, the caller with the highest priority, then the one who came first.
"""

from collections.abc import Iterable, Mapping

from ccctl.queue.line import CallerKey, Line


def next_agent(line: Line) -> str:
    """The agent to ring for the head of this line, or ''."""
    return line.ready[0][1] if line.ready else ""


def next_caller(lines: Mapping[str, Line], queues: Iterable[str]) -> tuple[str, CallerKey] | None:
    """(queue, key) of the caller to offer to an agent of these queues, or None."""
    best: tuple[str, CallerKey] | None = None
    for queue in queues:
        line = lines.get(queue)
        if line and line.waiting and (best is None or line.waiting[0] < best[1]):
            best = (queue, line.waiting[0])
    return best

"""Tasks of the daemon: named, kept until they end, their failures logged.

It stands here, in the lowest layer that has tasks; runtime/tasks.py passes it on.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

_running: set[asyncio.Task[Any]] = set()  # the event loop itself keeps only weak references


def spawn(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()):
        log.error("task %s failed", task.get_name(), exc_info=error, extra={"action": "task-failed"})


async def stop(task: asyncio.Task[Any] | None) -> None:
    """Cancel and wait; the task's own errors are already in the log."""
    if task is None:
        return
    task.cancel()
    await asyncio.wait({task})

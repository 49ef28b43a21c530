"""Tasks of the doors to Asterisk: kept until they end, their failures logged.

The runtime's own `spawn` lives in a higher layer, which this one must not import.
"""

import asyncio
import logging
from collections.abc import Coroutine

log = logging.getLogger(__name__)

_running: set[asyncio.Task[None]] = set()  # the event loop itself keeps only weak references


def spawn(work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()):
        log.error("%s ended with an error", task.get_name(), exc_info=error)


async def stop(task: asyncio.Task[None] | None) -> None:
    """Cancel and wait; the task's own errors are already in the log."""
    if task is None:
        return
    task.cancel()
    await asyncio.wait({task})

"""Tasks, clock and ids: the only place of the daemon that reads the clock or makes ids."""

import asyncio
import logging
import secrets
import time
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)
_running: set[asyncio.Task[Any]] = set()


def now_ms() -> int:
    """Unix time in milliseconds, UTC."""
    return time.time_ns() // 1_000_000


def new_boot() -> str:
    """Six characters that make the ids of one run of the daemon unlike those of any other."""
    return secrets.token_hex(3)


def new_request() -> str:
    return secrets.token_hex(8)


def spawn(coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """A task with a name, kept until it ends, its exception logged."""
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task %s failed", task.get_name(), exc_info=error, extra={"action": "task-failed"})

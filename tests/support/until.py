"""Waiting without sleeping and hoping: look again until it is so, or say what never happened."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
EVERY_SECONDS = 0.02


def _describe(what: str, timeout: float, last: object) -> str:
    return f"not within {timeout:g} s: {what or 'the condition'} (last seen: {last!r})"


async def until(
    predicate: Callable[[], T | Awaitable[T]],
    timeout: float = 10.0,
    what: str = "",
    every: float = EVERY_SECONDS,
) -> T:
    """The first true value of `predicate` (plain or async); AssertionError at the deadline."""
    deadline = time.monotonic() + timeout
    while True:
        seen = predicate()
        value: T = await seen if inspect.isawaitable(seen) else seen  # type: ignore[assignment]
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(_describe(what, timeout, value))
        await asyncio.sleep(every)


def wait_until(
    predicate: Callable[[], T], timeout: float = 10.0, what: str = "", every: float = EVERY_SECONDS
) -> T:
    """`until` for tests without a loop."""
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(_describe(what, timeout, value))
        time.sleep(every)
    return value

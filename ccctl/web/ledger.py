"""Reading the ledger for an answer: off the event loop, one question at a time, within bounds.

A long report in a thread still shares the processor with the engine, so the range is bounded here;
`ccctl report` reads the database in its own process and has no such bound.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from ccctl.report.dates import parse_end, parse_start, parse_zone
from ccctl.web.answers import Problem, now
from ccctl.web.keys import ENGINE

T = TypeVar("T")
LONGEST_MS = 400 * 86_400_000

READING: web.AppKey[asyncio.Lock] = web.AppKey("reading", asyncio.Lock)


class Range(msgspec.Struct, frozen=True):
    start: int
    end: int
    zone: ZoneInfo
    now: int


async def read(request: web.Request, question: Callable[[], T]) -> T:
    async with request.app[READING]:
        return await asyncio.to_thread(question)


def time_range(request: web.Request) -> Range:
    """`from`, `to`, `tz` of the query; the default is today in the site's time zone."""
    at = now()
    try:
        zone = parse_zone(request.query.get("tz") or request.app[ENGINE].live.world.roster.timezone)
        start = _moment(request.query.get("from", "today"), parse_start, at, zone)
        end = _moment(request.query.get("to", "today"), parse_end, at, zone)
    except ValueError as error:
        raise Problem(400, "bad-query", str(error)) from None
    if start >= end:
        raise Problem(400, "bad-query", "'from' must be before 'to'")
    if end - start > LONGEST_MS:
        raise Problem(
            400, "bad-query", "the time is longer than 400 days", "ask for less, or use 'ccctl report'"
        )
    return Range(start, end, zone, at)


def _moment(text: str, parse: Callable[[str, int, ZoneInfo], int], at: int, zone: ZoneInfo) -> int:
    """Unix milliseconds as they stand in every answer, or a time as people write it."""
    return int(text) if text.isascii() and text.isdigit() and 9 < len(text) < 16 else parse(text, at, zone)


def plain(row: msgspec.Struct) -> dict[str, Any]:
    """A row of the ledger as JSON: its fields, nothing else."""
    return msgspec.structs.asdict(row)


def setup(app: web.Application) -> None:
    app[READING] = asyncio.Lock()

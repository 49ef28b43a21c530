"""Reports: queues and agents by interval, the same tables as `ccctl report`."""

from typing import Any

import msgspec
from aiohttp import web

from ccctl.report.agents import agent_table
from ccctl.report.intervals import Interval, periods
from ccctl.report.kpi import DEFAULT_PRESET, PRESETS, ServiceLevel, preset
from ccctl.report.queues import queue_table
from ccctl.report.tables import Scope, Table, to_data
from ccctl.store import queries
from ccctl.web.answers import Problem, answer, known
from ccctl.web.keys import ENGINE, STORE
from ccctl.web.ledger import Range, read, time_range

MOST_ROWS = 20_000
DEFAULT_SL_MS = 20_000

routes = web.RouteTableDef()


class Asked(msgspec.Struct, frozen=True):
    span: Range
    scope: Scope
    names: tuple[str, ...]


@routes.get("/api/v1/reports/queues")
async def queues(request: web.Request) -> web.Response:
    known(request, "from", "to", "tz", "interval", "queue", "sl_preset")
    store, asked = request.app[STORE], _asked(request, "queue")

    def table() -> Table:
        start, end = asked.span.start, asked.span.end
        visits = queries.visits_between(store, start, end, asked.names)
        waiting = queries.waiting_at(store, start, asked.names)
        return queue_table(visits, queries.wrapups_around(store, start, end), asked.scope, waiting)

    return answer(_data(await read(request, table), asked))


@routes.get("/api/v1/reports/agents")
async def agents(request: web.Request) -> web.Response:
    known(request, "from", "to", "tz", "interval", "agent")
    store, asked = request.app[STORE], _asked(request, "agent")

    def table() -> Table:
        start, end = asked.span.start, asked.span.end
        states = queries.agent_states_between(store, start, end, asked.names)
        offers = queries.offers_between(store, start, end, asked.names)
        visits = (
            visit
            for visit in queries.visits_between(store, start, end, callbacks=True)
            if not asked.names or visit.agent in asked.names
        )
        return agent_table(states, offers, visits, queries.wrapups_around(store, start, end), asked.scope)

    return answer(_data(await read(request, table), asked))


def _data(table: Table, asked: Asked) -> dict[str, Any]:
    return {"from": asked.span.start, "to": asked.span.end, **to_data(table, asked.span.zone)}


def _asked(request: web.Request, noun: str) -> Asked:
    span, names = time_range(request), tuple(request.query.getall(noun, ()))
    rows = periods(span.start, min(span.end, max(span.now, span.start + 1)), _interval(request), span.zone)
    if len(rows) * max(1, len(names)) > MOST_ROWS:
        raise Problem(
            400, "bad-query", "the report would be too long", "ask for a longer 'interval' or less time"
        )
    levels = _levels(request)
    level = levels.get(names[0], _level(request, DEFAULT_SL_MS)) if names else _level(request, DEFAULT_SL_MS)
    return Asked(
        span,
        Scope(periods=rows, zone=span.zone, now=span.now, level=level, levels=levels, names=names),
        names,
    )


def _interval(request: web.Request) -> Interval:
    text = request.query.get("interval", "day")
    if text not in set(Interval):
        raise Problem(400, "bad-query", f"'interval': no interval '{text}'", f"one of {', '.join(Interval)}")
    return Interval(text)


def _level(request: web.Request, threshold_ms: int) -> ServiceLevel:
    name = request.query.get("sl_preset", DEFAULT_PRESET)
    if name not in PRESETS:
        raise Problem(
            400, "bad-query", f"'sl_preset': no preset '{name}'", f"one of {', '.join(sorted(PRESETS))}"
        )
    return preset(name, threshold_ms)


def _levels(request: web.Request) -> dict[str, ServiceLevel]:
    """Each queue's own threshold under the preset that was asked for."""
    roster = request.app[ENGINE].live.world.roster
    return {queue.name: _level(request, queue.sl_ms) for queue in roster.queues.values()}

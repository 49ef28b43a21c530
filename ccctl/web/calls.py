"""Calls: those that live now, one call with all the ledger knows, those of the past, hanging up."""

from itertools import islice
from typing import Any

import msgspec
from aiohttp import web

from ccctl.events import ConsultRequested, HangupRequested, HoldRequested, TransferRequested
from ccctl.store import queries
from ccctl.web.answers import Problem, answer, body, known, now, objects, whole
from ccctl.web.asking import ask, stamp
from ccctl.web.bodies import By, Consult, Transfer
from ccctl.web.keys import ENGINE, STORE
from ccctl.web.ledger import plain, read, time_range

FILTERS = ("queue", "agent", "outcome", "direction", "text")
TOP = 1000

routes = web.RouteTableDef()


@routes.get("/api/v1/calls")
async def live_calls(request: web.Request) -> web.Response:
    known(request)
    return answer({"now": now(), "calls": objects(request.app[ENGINE].live.snapshot(), "call")})


@routes.get("/api/v1/calls/{id:.+}")
async def call(request: web.Request) -> web.Response:
    known(request)
    ident, store = request.match_info["id"], request.app[STORE]
    found = await read(request, lambda: queries.call(store, ident))
    if found is None:
        raise Problem(404, "unknown-call", f"the ledger has no call '{ident}'")
    return answer(_detail(found))


def _detail(found: queries.CallDetail) -> dict[str, Any]:
    parts = {
        name: [plain(row) for row in rows]
        for name, rows in msgspec.structs.asdict(found).items()
        if name != "call"
    }
    return {"call": plain(found.call), **parts}


@routes.post("/api/v1/calls/{id:.+}/hangup")
async def hangup(request: web.Request) -> web.Response:
    given = await body(request, By)
    return await ask(request, HangupRequested(call=request.match_info["id"], **stamp(request, given.by)))


@routes.post("/api/v1/calls/{id:.+}/hold")
async def hold(request: web.Request) -> web.Response:
    given = await body(request, By)
    return await ask(request, HoldRequested(call=request.match_info["id"], **stamp(request, given.by)))


@routes.post("/api/v1/calls/{id:.+}/unhold")
async def unhold(request: web.Request) -> web.Response:
    given = await body(request, By)
    event = HoldRequested(call=request.match_info["id"], hold=False, **stamp(request, given.by))
    return await ask(request, event)


@routes.post("/api/v1/calls/{id:.+}/transfer")
async def transfer(request: web.Request) -> web.Response:
    given = await body(request, Transfer)
    event = TransferRequested(
        call=request.match_info["id"], to=given.to, attended=given.attended, **stamp(request, given.by)
    )
    return await ask(request, event)


@routes.post("/api/v1/calls/{id:.+}/consult")
async def consult(request: web.Request) -> web.Response:
    given = await body(request, Consult)
    event = ConsultRequested(call=request.match_info["id"], what=given.what, **stamp(request, given.by))
    return await ask(request, event)


@routes.get("/api/v1/history/calls")
async def history(request: web.Request) -> web.Response:
    known(request, "from", "to", "tz", "limit", *FILTERS)
    span, limit, store = time_range(request), whole(request, "limit", 100, TOP), request.app[STORE]
    wanted = queries.CallFilter(
        newest_first=True, limit=limit + 1, **{name: request.query.get(name, "") for name in FILTERS}
    )
    found = await read(request, lambda: list(queries.calls_between(store, span.start, span.end, wanted)))
    calls = [plain(row) for row in islice(found, limit)]
    return answer({"from": span.start, "to": span.end, "calls": calls, "more": len(found) > limit})

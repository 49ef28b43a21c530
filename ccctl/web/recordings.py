"""Recordings: what was recorded of whom, and where the file lies. The sound itself is not served here."""

from itertools import islice

from aiohttp import web

from ccctl.store import queries
from ccctl.web.answers import answer, known, whole
from ccctl.web.keys import STORE
from ccctl.web.ledger import plain, read, time_range

FILTERS = ("queue", "agent", "call")
TOP = 1000

routes = web.RouteTableDef()


@routes.get("/api/v1/recordings")
async def recordings(request: web.Request) -> web.Response:
    known(request, "from", "to", "tz", "limit", *FILTERS)
    span, limit, store = time_range(request), whole(request, "limit", 100, TOP), request.app[STORE]
    wanted = queries.RecordingFilter(
        newest_first=True, limit=limit + 1, **{name: request.query.get(name, "") for name in FILTERS}
    )
    found = await read(request, lambda: list(queries.recordings(store, span.start, span.end, wanted)))
    rows = [plain(row) for row in islice(found, limit)]
    return answer({"from": span.start, "to": span.end, "recordings": rows, "more": len(found) > limit})

"""Those who are to be called back: list, ask for one, cancel, try now."""

from aiohttp import web

from ccctl.changes import CallbackRow
from ccctl.events import CallbackAsked, CallbackCancelled, CallbackRetried
from ccctl.store import queries
from ccctl.web.answers import Problem, answer, body, known, now, objects
from ccctl.web.asking import ask, stamp
from ccctl.web.bodies import By, Callback
from ccctl.web.keys import ENGINE, STORE
from ccctl.web.ledger import plain, read

SLOW_MS = 60_000  # clocks differ, and so long a request may be under way
routes = web.RouteTableDef()


@routes.get("/api/v1/callbacks")
async def callbacks(request: web.Request) -> web.Response:
    known(request, "queue")
    wanted = request.query.get("queue", "")
    found = objects(request.app[ENGINE].live.snapshot(), "callback")
    return answer({"now": now(), "callbacks": [one for one in found if wanted in ("", one["queue"])]})


@routes.post("/api/v1/callbacks")
async def schedule(request: web.Request) -> web.Response:
    given = await body(request, Callback)
    if given.due and given.due < now() - SLOW_MS:
        hint = "leave the time out, and he is called as soon as it is his turn"
        raise Problem(400, "past-time", "nobody can be called back in the past", hint)
    event = CallbackAsked(
        queue=given.queue,
        number=given.number,
        due=given.due,
        language=given.language,
        **stamp(request, given.by),
    )
    return await ask(request, event)


@routes.get("/api/v1/callbacks/{id}")
async def callback(request: web.Request) -> web.Response:
    """An open one, as it is now; one that is over from the ledger."""
    known(request)
    ident = request.match_info["id"]
    found = request.app[ENGINE].live.snapshot().get(f"callback/{ident}")
    return answer(found or plain(await _over(request, ident)))


async def _over(request: web.Request, ident: str) -> CallbackRow:
    store = request.app[STORE]
    row = await read(request, lambda: queries.callback(store, ident))
    if row is None:
        raise Problem(404, "unknown-callback", f'no callback "{ident}"')
    return row


@routes.delete("/api/v1/callbacks/{id}")
async def cancel(request: web.Request) -> web.Response:
    given = await body(request, By)
    event = CallbackCancelled(callback=request.match_info["id"], **stamp(request, given.by))
    return await ask(request, event)


@routes.post("/api/v1/callbacks/{id}/retry")
async def retry(request: web.Request) -> web.Response:
    """One that is over is asked for again."""
    given, ident = await body(request, By), request.match_info["id"]
    if f"callback/{ident}" in request.app[ENGINE].live.snapshot():
        return await ask(request, CallbackRetried(callback=ident, **stamp(request, given.by)))
    row = await _over(request, ident)
    return await ask(request, CallbackAsked(queue=row.queue, number=row.number, **stamp(request, given.by)))

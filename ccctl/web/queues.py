"""Queues as they are now: who waits, since when, who serves, today's figures."""

from aiohttp import web

from ccctl.web.answers import answer, known, now, object_or_404, objects
from ccctl.web.keys import ENGINE

routes = web.RouteTableDef()


@routes.get("/api/v1/queues")
async def queues(request: web.Request) -> web.Response:
    known(request)
    return answer({"now": now(), "queues": objects(request.app[ENGINE].live.snapshot(), "queue")})


@routes.get("/api/v1/queues/{name}")
async def queue(request: web.Request) -> web.Response:
    known(request)
    return answer(object_or_404(request.app[ENGINE].live.snapshot(), "queue", request.match_info["name"]))

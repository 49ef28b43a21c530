"""The daemon itself: is it well, what does it serve, apply the site anew, and the API's own description."""

from pathlib import Path

from aiohttp import web

from ccctl import __version__
from ccctl.web.answers import answer, body, known, now, objects, replied
from ccctl.web.bodies import Nothing
from ccctl.web.guard import check_local
from ccctl.web.keys import ENGINE, JOURNAL

OPENAPI = Path(__file__).with_name("openapi.yaml")

routes = web.RouteTableDef()


@routes.get("/api/v1/status")
async def status(request: web.Request) -> web.Response:
    known(request)
    engine = request.app[ENGINE]
    snapshot = engine.live.snapshot()
    return answer(
        {
            "version": __version__,
            "now": now(),
            "seq": engine.live.seq,
            "system": snapshot.get("system", {}),
            "journal": request.app[JOURNAL](),
            "queues": objects(snapshot, "queue"),
            "calls": len(objects(snapshot, "call")),
        }
    )


@routes.post("/api/v1/reload")
async def reload(request: web.Request) -> web.Response:
    check_local(request)
    await body(request, Nothing)
    return replied(await request.app[ENGINE].reload())


@routes.get("/api/v1/openapi.yaml")
async def openapi(_: web.Request) -> web.FileResponse:
    return web.FileResponse(OPENAPI, headers={"Content-Type": "application/yaml"})

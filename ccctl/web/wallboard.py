"""The wallboard: one page, drawn once by the server and kept fresh by the live feed."""

from collections.abc import Mapping
from typing import Any

import aiohttp_jinja2
import orjson
from aiohttp import web

from ccctl import __version__
from ccctl.web.answers import now, objects
from ccctl.web.keys import ENGINE

routes = web.RouteTableDef()


@routes.get("/")
async def home(_: web.Request) -> web.Response:
    raise web.HTTPFound("/wallboard")


@routes.get("/wallboard")
@aiohttp_jinja2.template("wallboard.html")
async def wallboard(request: web.Request) -> Mapping[str, Any]:
    view = request.app[ENGINE].live
    snapshot = view.snapshot()
    shown = {
        key: value for key, value in snapshot.items() if key.split("/")[0] in {"system", "queue", "agent"}
    }
    return {
        "version": __version__,
        "queues": sorted(objects(snapshot, "queue"), key=lambda queue: str(queue["title"]).casefold()),
        "picture": embedded({"seq": view.seq, "now": now(), "snapshot": shown, "version": __version__}),
    }


def embedded(value: object) -> str:
    """JSON that may stand inside a script element: nothing in it can close the element."""
    text = orjson.dumps(value).decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")

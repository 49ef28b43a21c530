"""From a route to the engine: stamp the request, ask, turn the reply into an answer."""

import uuid
from typing import TypedDict

from aiohttp import web

from ccctl.events import Request
from ccctl.web.answers import now, replied
from ccctl.web.keys import ENGINE, LOCAL


class Stamp(TypedDict):
    at: int
    cause: str
    request: str
    by: str


def stamp(request: web.Request, by: str) -> Stamp:
    """The fields every request has: when, through which door, its own id, and who asks."""
    door = "cli" if request.app[LOCAL] else "web"
    return {"at": now(), "cause": f"user:{by}" if by else door, "request": uuid.uuid4().hex, "by": by}


async def ask(request: web.Request, event: Request) -> web.Response:
    return replied(await request.app[ENGINE].ask(event))

"""Agents: who is there, and log in, log out, pause, unpause on their behalf."""

from aiohttp import web

from ccctl.events import AgentJoin, AgentLeave, AgentLogin, AgentLogout, AgentPause, AgentUnpause, AgentWrapUp
from ccctl.web.answers import answer, body, known, now, object_or_404, objects
from ccctl.web.asking import ask, stamp
from ccctl.web.bodies import By, Membership, Pause, Unpause, WrapUp
from ccctl.web.keys import ENGINE

routes = web.RouteTableDef()


@routes.get("/api/v1/agents")
async def agents(request: web.Request) -> web.Response:
    known(request)
    return answer({"now": now(), "agents": objects(request.app[ENGINE].live.snapshot(), "agent")})


@routes.get("/api/v1/agents/{name}")
async def agent(request: web.Request) -> web.Response:
    known(request)
    return answer(object_or_404(request.app[ENGINE].live.snapshot(), "agent", request.match_info["name"]))


@routes.post("/api/v1/agents/{name}/login")
async def login(request: web.Request) -> web.Response:
    given = await body(request, By)
    return await ask(request, AgentLogin(agent=request.match_info["name"], **stamp(request, given.by)))


@routes.post("/api/v1/agents/{name}/logout")
async def logout(request: web.Request) -> web.Response:
    given = await body(request, By)
    return await ask(request, AgentLogout(agent=request.match_info["name"], **stamp(request, given.by)))


@routes.post("/api/v1/agents/{name}/pause")
async def pause(request: web.Request) -> web.Response:
    given = await body(request, Pause)
    name = request.match_info["name"]
    return await ask(
        request, AgentPause(agent=name, reason=given.reason, queue=given.queue, **stamp(request, given.by))
    )


@routes.post("/api/v1/agents/{name}/unpause")
async def unpause(request: web.Request) -> web.Response:
    given = await body(request, Unpause)
    name = request.match_info["name"]
    return await ask(request, AgentUnpause(agent=name, queue=given.queue, **stamp(request, given.by)))


@routes.post("/api/v1/agents/{name}/ready")
async def ready(request: web.Request) -> web.Response:
    given = await body(request, By)
    return await ask(request, AgentUnpause(agent=request.match_info["name"], **stamp(request, given.by)))


@routes.post("/api/v1/agents/{name}/wrap-up")
async def wrap_up(request: web.Request) -> web.Response:
    given = await body(request, WrapUp)
    name = request.match_info["name"]
    return await ask(request, AgentWrapUp(agent=name, extend_ms=given.extend_ms, **stamp(request, given.by)))


@routes.post("/api/v1/agents/{name}/join")
async def join(request: web.Request) -> web.Response:
    given = await body(request, Membership)
    name = request.match_info["name"]
    return await ask(request, AgentJoin(agent=name, queue=given.queue, **stamp(request, given.by)))


@routes.post("/api/v1/agents/{name}/leave")
async def leave(request: web.Request) -> web.Response:
    given = await body(request, Membership)
    name = request.match_info["name"]
    return await ask(request, AgentLeave(agent=name, queue=given.queue, **stamp(request, given.by)))

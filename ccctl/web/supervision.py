"""Listening to an agent, whispering to him, joining the talk: begin and end."""

from aiohttp import web

from ccctl.events import MonitorEnd, MonitorRequested
from ccctl.web.answers import Problem, body
from ccctl.web.asking import ask, stamp
from ccctl.web.bodies import EndMonitor, Monitor

routes = web.RouteTableDef()


@routes.post("/api/v1/agents/{name}/monitor")
async def begin(request: web.Request) -> web.Response:
    given = await body(request, Monitor)
    phone = given.phone or given.by
    if not phone:
        raise Problem(400, "bad-body", "whose phone shall ring? give 'phone' or 'by'")
    event = MonitorRequested(
        agent=request.match_info["name"], mode=given.mode, phone=phone, **stamp(request, given.by)
    )
    return await ask(request, event)


@routes.delete("/api/v1/agents/{name}/monitor")
async def end(request: web.Request) -> web.Response:
    given = await body(request, EndMonitor)
    name = request.match_info["name"]
    return await ask(request, MonitorEnd(agent=name, supervisor=given.supervisor, **stamp(request, given.by)))

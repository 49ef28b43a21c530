"""The stand-in for every web server that flows ask: answers on loopback as the call's test says."""

import asyncio
from typing import Self

from aiohttp import web

from ccctl.flowtest.cases import Given, Reply
from ccctl.flowtest.simulate import find_reply

LONG_S = 600.0
FIELD = "address"  # of the query: what the flow asked for


class Web:
    """`calls` maps a call's id to what its test gives. Without a reply the connection is just closed."""

    def __init__(self) -> None:
        self.calls: dict[str, Given] = {}
        self.port = 0
        application = web.Application()
        application.router.add_route("*", "/{call}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.5)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        given = self.calls.get(request.match_info["call"], Given())
        reply = find_reply(given, request.method, request.query.get(FIELD, ""))
        if reply is None or reply.fault == "refused":
            return _hang_up(request)
        return await _reply(reply)


async def _reply(reply: Reply) -> web.Response:
    await asyncio.sleep(LONG_S if reply.fault == "timeout" else reply.after_ms / 1000)
    return web.Response(status=reply.status, text=reply.body, content_type="application/json")


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)

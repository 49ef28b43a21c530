"""What the routes need from the daemon, and the typed keys under which the app keeps it.

The engine is named by what is asked of it, so that the web can be tried without Asterisk:
runtime/engine.py is one implementation, the tests have the other.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import sqlalchemy
from aiohttp import web

from ccctl.commands import Reply
from ccctl.events import Request
from ccctl.runtime.live import LiveView
from ccctl.runtime.settings import Settings

JournalStatus = Callable[[], Mapping[str, object]]


class Engine(Protocol):
    @property
    def live(self) -> LiveView: ...
    async def ask(self, event: Request) -> Reply: ...
    async def reload(self) -> Reply: ...


ENGINE: web.AppKey[Engine] = web.AppKey("engine")
STORE: web.AppKey[sqlalchemy.Engine] = web.AppKey("store", sqlalchemy.Engine)
SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
JOURNAL: web.AppKey[JournalStatus] = web.AppKey("journal")
LOCAL: web.AppKey[bool] = web.AppKey("local", bool)  # the unix socket: file permissions are the right

"""The web server in a thread of its own, for browsers and commands that block."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy

from ccctl.runtime.settings import Settings, save
from ccctl.web.app import Server
from tests.support.fake_engine import FakeEngine
from tests.support.ports import free_port


class WebThread:
    """`start` and `stop` may be called again and again; port, home and engine stay."""

    def __init__(self, home: Path, engine: FakeEngine, store: sqlalchemy.Engine) -> None:
        self.settings = Settings(home=str(home), web_port=free_port())
        save(self.settings)
        self.engine, self.store = engine, store
        self.url = f"http://127.0.0.1:{self.settings.web_port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: Server | None = None

    def start(self) -> None:
        self._server = Server(self.engine, self.store, self.settings)
        self._wait(self._server.start())

    def stop(self) -> None:
        if self._server is not None:
            self._wait(self._server.stop())
            self._server = None

    def change(self, set: dict[str, dict[str, Any]], gone: tuple[str, ...] = ()) -> None:
        self.call(lambda: self.engine.live.change(set, gone))

    def call(self, act: Callable[[], object]) -> None:
        async def run() -> None:
            act()

        self._wait(run())

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _wait(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(15)

"""An engine without Asterisk: a live picture that tests change by hand, and replies they choose."""

import time
from typing import Any

from ccctl.agent.state import Presence
from ccctl.commands import Reply
from ccctl.events import Request
from ccctl.runtime.live import LiveView
from ccctl.world.state import World


class FakeLive(LiveView):
    """The daemon's own live view, filled by hand."""

    def __init__(self) -> None:
        super().__init__(World(), now)

    def change(self, set: dict[str, dict[str, Any]], gone: tuple[str, ...] = ()) -> None:
        self._objects.update(set)
        for key in gone:
            self._objects.pop(key, None)
        self._publish(set, list(gone))


class FakeEngine:
    def __init__(self) -> None:
        self.live = FakeLive()
        self.asked: list[Request] = []
        self.error = ""
        self.text = ""

    async def ask(self, event: Request) -> Reply:
        self.asked.append(event)
        return Reply(request=event.request, error=self.error, text=self.text)

    async def reload(self) -> Reply:
        return Reply(request="reload", error=self.error, text=self.text or "applied")


def now() -> int:
    return time.time_ns() // 1_000_000


STATES = tuple(map(str, Presence))


def system(asterisk: str = "up", detail: str = "") -> dict[str, Any]:
    up = asterisk == "up"
    return {
        "generation": "7f3a9c", "asterisk": asterisk, "ami": up, "ari": up,
        "started": now() - 60_000, "detail": detail,
    }  # fmt: skip


def queue(name: str, title: str = "", waits: tuple[int, ...] = (), **agents: int) -> dict[str, Any]:
    """A queue with one caller for each wait (ms ago), the longest first."""
    since = [now() - wait for wait in waits]
    callers = [
        {"call": f"pbx1/c{n}", "caller": f"03012345{n:02}", "caller_name": "", "since": at, "priority": 0}
        for n, at in enumerate(since)
    ]
    today = {
        "offered": 40, "answered": 36, "abandoned": 3, "other": 1, "in_sl": 33, "sl": 82.5,
        "sl_percent": 80, "sl_ms": 20_000, "sl_preset": "cisco-negative",
    }  # fmt: skip
    return {
        "name": name, "title": title or name.title(), "engine": "acd", "waiting": len(waits), "callbacks": 0,
        "oldest": min(since, default=None), "callers": callers,
        "agents": {state: agents.get(state, 0) for state in STATES}, "today": today,
    }  # fmt: skip


def agent(name: str, presence: str = "ready", since: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "title": name.title(), "extension": "201", "presence": presence,
        "since": since or now(), "reason": "", "queues": ["support"], "call": "", "caller": "", "queue": "",
        "after": "", "monitored": [],
    } | more  # fmt: skip


def call(reference: str, phase: str = "waiting", **more: Any) -> dict[str, Any]:
    return {
        "call": reference, "caller": "03012345", "caller_name": "Max", "number": "+49301234500",
        "started": now(),
        "phase": phase, "since": now(), "flow": "main", "queue": "support", "agent": "",
    } | more  # fmt: skip

"""A stand-in for Asterisk's manager interface that can misbehave: mute, drop, split, refuse.

What it says on login, to a list and to an unknown action is compared with a real Asterisk's in
tests/asterisk/test_doors_ami.py.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType

from ccctl.asterisk.node import Node

Action = dict[str, str]

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
BOOTED = (
    "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 7\r\n"
    "LastReload: 7\r\nStatus: Fully Booted\r\n\r\n"
)


def parse(text: str) -> Action:
    return dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line)


def success(action: Action, message: str = "") -> str:
    tail = f"Message: {message}\r\n" if message else ""
    return f"Response: Success\r\nActionID: {action['ActionID']}\r\n{tail}\r\n"


def error(action: Action, message: str) -> str:
    return f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: {message}\r\n\r\n"


def rows(action: Action, event: str, items: list[Action]) -> str:
    ident = action["ActionID"]
    parts = [f"Response: Success\r\nActionID: {ident}\r\nEventList: start\r\nMessage: will follow\r\n\r\n"]
    for item in items:
        headers = "".join(f"{key}: {value}\r\n" for key, value in item.items())
        parts.append(f"Event: {event}\r\nActionID: {ident}\r\n{headers}\r\n")
    count = f"EventList: Complete\r\nListItems: {len(items)}\r\n"
    parts.append(f"Event: {event}Complete\r\nActionID: {ident}\r\n{count}\r\n")
    return "".join(parts)


class FakeAmi:
    """`answers` maps an action's name to the function that makes the reply; None: it gets no reply."""

    def __init__(self, secret: str = "geheim-314159") -> None:
        self.secret = secret
        self.port = 0
        self.logins = 0
        self.connections = 0
        self.mute = False  # takes everything, says nothing
        self.banner = BANNER
        self.boots = True
        self.received: list[tuple[int, Action]] = []
        self.answers: dict[str, Callable[[Action], str] | None] = {
            "Ping": lambda action: success(action).replace("\r\n\r\n", "\r\nPing: Pong\r\n\r\n"),
        }
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def node(self) -> Node:
        return Node(ami_port=self.port, ami_user="ccctl", ami_secret="geheim-314159")

    async def __aenter__(self) -> "FakeAmi":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Nobody listens any more, and all connections are cut."""
        if self._server is not None:
            self._server.close()
            self.drop()
            await self._server.wait_closed()
            self._server = None

    def drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def send(self, data: str | bytes) -> None:
        for writer in self._writers:
            writer.write(data.encode() if isinstance(data, str) else data)

    async def send_bytewise(self, data: bytes) -> None:
        """Each byte in a segment of its own, as far as the kernel goes along."""
        for writer in self._writers:
            for at in range(len(data)):
                writer.write(data[at : at + 1])
                await writer.drain()
                await asyncio.sleep(0)

    def got(self, name: str) -> list[Action]:
        return [action for _, action in self.received if action.get("Action") == name]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self._writers.add(writer)
        try:
            writer.write(self.banner)
            while True:
                action = parse((await reader.readuntil(b"\r\n\r\n")).decode())
                self.received.append((number, action))
                if not self.mute:
                    writer.write(self._reply(action).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _reply(self, action: Action) -> str:
        name = action["Action"]
        if name == "Login":
            return self._log_in(action)
        if name not in self.answers:
            text = f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands."
            return error(action, text)
        answer = self.answers[name]
        return answer(action) if answer else ""

    def _log_in(self, action: Action) -> str:
        if action.get("Secret") != self.secret:
            return error(action, "Authentication failed")
        self.logins += 1
        return success(action, "Authentication accepted") + (BOOTED if self.boots else "")

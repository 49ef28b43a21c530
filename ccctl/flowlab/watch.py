"""Follows calls of a test lab over AMI: each dialplan step of each channel, and each channel's end.

Asterisk does not tell the daemon's AMI user about single steps, so the lab gets a user of its own.
"""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec

from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ami_protocol import Frame
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown

USER = "flowtest"
WANTED = frozenset({"Newexten", "Hangup", "BridgeEnter"})
CONNECT_S = 10
_USER_TEXT = """
[{user}]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = {host}/255.255.255.255
read = call,dialplan
write = call,originate,command,system
eventfilter(action(include),name(Newexten))=
eventfilter(action(include),name(Hangup))=
eventfilter(action(include),name(BridgeEnter))=
"""


def add_user(node: Node) -> Node:
    """Write the user into manager.conf; the node to log in with. Asterisk has to reload its manager."""
    secret = secrets.token_urlsafe(24)
    with (Path(node.etc_dir) / "manager.conf").open("a") as file:
        file.write(_USER_TEXT.format(user=USER, secret=secret, host=node.host))
    return msgspec.structs.replace(node, ami_user=USER, ami_secret=secret)


class Watch:
    """`calls` maps the id of a call's first channel to who takes its events."""

    def __init__(self, node: Node) -> None:
        self.calls: dict[str, Callable[[Frame], None]] = {}
        self.strangers: dict[str, Callable[[Frame], None]] = {}  # by the beginning of what was dialled
        self._up = asyncio.Event()
        self._why = "no connection"
        self.ami = Ami(node, self._take, self._state, wanted=WANTED)

    async def __aenter__(self) -> Self:
        await self.ami.start()
        try:
            await asyncio.wait_for(self._up.wait(), CONNECT_S)
        except TimeoutError:
            await self.ami.close()
            raise AsteriskDown(f"AMI does not answer: {self._why}") from None
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.ami.close()

    def _state(self, up: bool, detail: str) -> None:
        self._why = detail
        if up:
            self._up.set()
        else:
            self._up.clear()

    def _take(self, frame: Frame) -> None:
        take = self.calls.get(frame.get("Linkedid", ""))
        if take is None and frame["Event"] == "Newexten":
            take = self.strangers.get(frame.get("Extension", "").partition("~")[0])
        if take:
            take(frame)

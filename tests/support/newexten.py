"""What the real Asterisk executes, step by step, as AMI's Newexten tells it."""

import itertools
from typing import Self

from ccctl.asterisk.ami import Ami
from tests.support.labhome import LabHome
from tests.support.until import until

_numbers = itertools.count(1)

Seen = tuple[str, str, int, str, str]  # context, exten, priority, app, data


class Watched:
    """One call: `far` is the caller's end of the Local channel, `caller` the end in the dialplan."""

    def __init__(self) -> None:
        self.far = f"watched-{next(_numbers)}"
        self.caller = f"{self.far}-c"
        self.steps: list[Seen] = []
        self.ended = False
        self.cause = 0

    def count(self, app: str) -> int:
        return sum(step[3] == app for step in self.steps)


class Watcher:
    """A second AMI user that may see the dialplan; the lab's own user does not need to."""

    def __init__(self, lab: LabHome) -> None:
        self.up = False
        self.calls: dict[str, Watched] = {}
        node = lab.listener()
        self.ami = Ami(node, self._take, self._state, wanted=frozenset({"Newexten", "Hangup"}))

    async def __aenter__(self) -> Self:
        await self.ami.start()
        await until(lambda: self.up, what="AMI")
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.ami.close()

    def _state(self, up: bool, detail: str) -> None:
        self.up = up

    def _take(self, event: dict[str, str]) -> None:
        call = self.calls.get(event.get("Uniqueid", ""))
        if call is None:
            return
        if event["Event"] == "Hangup":
            call.ended, call.cause = True, int(event["Cause"])
            return
        call.steps.append(
            (
                event["Context"],
                event["Extension"],
                int(event["Priority"]),
                event["Application"],
                event["AppData"],
            )
        )

    async def call(self, context: str, exten: str = "s", caller: str = "", **variables: str) -> Watched:
        call = Watched()
        self.calls[call.caller] = call
        await self.ami.action(
            "Originate",
            Channel=f"Local/{exten}@{context}/n",
            ChannelId=call.far,
            OtherChannelId=call.caller,
            Application="Milliwatt",
            CallerID=caller,
            Variable=[f"__{name}={value}" for name, value in variables.items()],
            Timeout="60000",
        )
        return call

"""A talk that is held, handed on, or joined by a third: for tests on a real Asterisk."""

import asyncio
import itertools
from typing import Any

from ccctl.lab.phones import Call, IncomingCall
from tests.support.desk import EARS, Desk, ears
from tests.support.running import ANNA, CALLER, MUSIC, SITE
from tests.support.until import until


class Handing:
    """One call that began as a talk with anna."""

    def __init__(self, desk: Desk, caller: Call, agent: IncomingCall, call: str) -> None:
        self.desk, self.caller, self.agent, self.call = desk, caller, agent, call
        self.parties: dict[str, Call] = {"caller": caller, "agent": agent}

    @classmethod
    async def begin(cls, desk: Desk, *free: str) -> "Handing":
        """Anna talks to a caller; these agents are free."""
        await desk.login("anna")
        caller, agent = await desk.talk(desk.anna)
        await ears({"caller": caller, "agent": agent}, {"caller": {ANNA}, "agent": {CALLER}})
        await desk.presence("anna", "talking")
        await desk.login(*free)
        call = str(desk.centre.live("agent/anna")["call"])
        return cls(desk, caller, agent, call)

    async def ccctl(self, *words: str) -> str:
        return (await asyncio.to_thread(self.desk.centre.ccctl, *words)).stdout

    async def refused(self, *words: str) -> str:
        done = await asyncio.to_thread(lambda: self.desk.centre.ccctl(*words, check=False))
        assert done.returncode in (1, 4), done.stdout
        return done.stderr

    async def hold(self, by: str) -> None:
        if by == "phone":
            self.agent.hold()
        else:
            await self.ccctl("call", "hold", self.call)
        await self.caller.until_heard({MUSIC}, among=EARS)
        await self.desk.presence("anna", "held")

    def rows(self, table: str, order: str = "id") -> list[dict[str, Any]]:
        return self.desk.centre.rows(
            f"select * from {table} where call = :call order by {order}", call=self.call
        )

    async def over(self, segments: list[str], ended_by: str = "") -> None:
        """The call has ended: its segments follow each other without a gap, every row is closed, and
        nothing of it is left in Asterisk."""
        row = await self.desk.ended(self.caller)
        assert row["id"] == self.call
        assert ended_by in ("", row["ended_by"]), row
        await self.nothing_left()
        found = self.rows("segments", "n")
        kinds = [one["kind"] for one in found if one["kind"] != "ivr"]  # menus are tested elsewhere
        assert kinds == segments, found
        for one, other in itertools.pairwise(found):
            assert one["ended"] == other["started"] or other["kind"] == "ivr", (one, other)
        for table in ("segments", "visits", "offers", "recordings", "transfers", "agent_states"):
            assert not [
                one for one in self.rows(table) if one["ended"] is None and one.get("presence") != "wrapup"
            ]
        assert all(visit["outcome"] for visit in self.rows("visits"))

    async def handed(self, *wanted: tuple[str, str, str]) -> None:
        """The tries to hand the call on, as kind, target and outcome."""

        def rows() -> list[tuple[str, str, str]]:
            return [(row["kind"], row["target"], row["outcome"]) for row in self.rows("transfers", "started")]

        await until(lambda: rows() == list(wanted), 8, f"transfers {wanted}; there are {rows()}")

    async def nothing_left(self) -> None:
        """No channel, no bridge but that of those who wait, no recording that is nobody's."""
        lab = self.desk.centre.lab
        await until(lambda: "0 active channels" in lab.ask("core show channels count"), 10, "no channel left")
        await until(lambda: self._bridges() <= {"ccctl-hold"}, 5, "no bridge left")

    def _bridges(self) -> set[str]:
        lines = self.desk.centre.lab.ask("bridge show all").splitlines()[1:]
        return {line.split()[0] for line in lines if line.strip()}


BILLING = "{extension: 601, agents: [joe], ring: 4s, wrap_up: 1s, whisper: none, music: tone}"


def site_of_transfers(port: int) -> str:
    """anna and ben serve support, joe serves billing; sue is no agent. Beyond the trunk somebody takes calls
    at `port`; talks may be handed on to numbers that begin with +4930999."""
    return (
        SITE.replace("defaults: {", 'defaults: {transfer_outside: ["+4930999"], ')
        .replace("telco: {host: 127.0.0.1,", f"telco: {{host: 127.0.0.1, port: {port}, channels: 3,")
        .replace("agents:\n", "agents:\n  joe: {}\n")
        .replace("support: {ring: 4s,", "support: {agents: [anna, ben], extension: 600, ring: 4s,")
        .replace("plain: {ring: 4s,", "plain: {agents: [anna, ben], ring: 4s,")
        .replace(
            "mailboxes:\n",
            f"  billing: {BILLING}\nmailboxes:\n",
        )
    )

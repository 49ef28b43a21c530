"""One call in a test lab: a Local channel into the dialplan, and the answers to what a case asks of it."""

import asyncio
from typing import Any

import msgspec

from ccctl.asterisk.ami_protocol import Frame
from ccctl.asterisk.background import spawn
from ccctl.errors import AsteriskDown, AsteriskRefused, CcctlError
from ccctl.flow.compile_tables import INBOUND
from ccctl.flowlab.desk import Desk
from ccctl.flowlab.rewrite import PHONES, as_written, phone_variables
from ccctl.flowlab.sites import Sites
from ccctl.flowlab.watch import Watch
from ccctl.flowlab.web import Web
from ccctl.flowtest import desk as rules
from ccctl.flowtest.cases import Case
from ccctl.flowtest.drive import Act, Answer, Happened, Look, Request, Result, seen_in
from ccctl.flowtest.simulate import call_id, caller_of, variables
from ccctl.flowtest.story import APPLIES, Seen
from ccctl.flowtest.walks import Keys, player
from ccctl.sim import Executed
from ccctl.sim.machine import KEY_GAP_MS

VOICE = ("Milliwatt", "")  # a caller who makes a sound all the time
RING_S = "120"
AGAIN_S = 0.05
TAKEN_S = 10.0
GONE_S = 5.0  # what a call leaves at its end is not gone in the same moment
LIMIT_S = 900.0  # no call of a test is longer


class Lab(msgspec.Struct, frozen=True):
    """What all calls of a run share."""

    watch: Watch
    desk: Desk
    web: Web
    keys: Keys
    sites: Sites


class LabCall:
    """`far` is the caller's end, `ident` the channel in the dialplan."""

    def __init__(self, lab: Lab, case: Case) -> None:
        self.lab, self.case = lab, case
        self.far, self.ident = f"fa-{case.number:06}", call_id(case)
        self.began = 0.0  # of the loop's clock; before the call no time passes
        self.news: list[Happened] = []
        self.arrived = asyncio.Event()
        self.visit: rules.Visit | None = None
        self.phones: dict[str, str] = {}  # who was rung -> the stand-in's channel
        self.answering = ""  # the phone that picked up; the talk begins when the caller is connected, too
        self.connected = False  # both are told in either order
        self.hung_up = False
        self.entries = self.starts = 0  # into Stasis, as AMI and as ARI tell it: either may be first
        self.taken = asyncio.Event()
        self.site = lab.sites.site  # whose people and queues the daemon knows
        self.moment = case.given.during  # at which the change is put in force
        self.applied = asyncio.Event()  # there is no apply under way
        self.applied.set()

    async def run(self) -> Result:
        play = player(self.case, self.lab.keys).run()
        self.lab.watch.calls[self.far] = self._take
        self.lab.desk.callers[self.ident] = self._take_ari
        self.lab.web.calls[self.ident] = self.case.given
        try:
            async with asyncio.timeout(LIMIT_S):
                await self._begin()
                request: Request = next(play)
                while True:
                    request = play.send(await self.answer(request))
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            await self._leave()

    async def _begin(self) -> None:
        call, given = self.case.call, self.case.given
        carried = {**variables(self.case), **phone_variables(given)}
        self.began = asyncio.get_running_loop().time()
        await self.lab.watch.ami.action(
            "Originate",
            timeout=30,
            Channel=f"Local/{call.number}@{INBOUND}/n",
            ChannelId=self.far,
            OtherChannelId=self.ident,
            Application=VOICE[0],
            Data=VOICE[1],
            CallerID=f'"{call.name}" <{caller_of(self.case)}>',
            Variable=[f"__{name}={value}" for name, value in carried.items()],
            Async="true",
            Timeout="60000",
        )

    async def _leave(self) -> None:
        self.lab.watch.calls.pop(self.far, None)
        self.lab.desk.callers.pop(self.ident, None)
        self.lab.web.calls.pop(self.ident, None)
        if not self.hung_up:
            await self._hang_up(self.far)

    # -- what happens ------------------------------------------------------------------------------

    def now(self) -> int:
        return round((asyncio.get_running_loop().time() - self.began) * 1000) if self.began else 0

    def tell(self, event: Happened) -> None:
        self.news.append(event)
        self.arrived.set()
        if self.moment and any(self.moment.fits(seen) for seen in seen_in(event)):
            self.moment = None
            self.applied.clear()
            spawn(self.apply(), "apply")

    async def apply(self) -> None:
        """A real apply, beside the call. Whatever is asked of the call meanwhile is answered after it."""
        change, sites = self.case.given.apply, self.lab.sites
        try:
            await sites.put(change)
            self.site = sites.after(change)
            self.tell(Seen(APPLIES, change, sites.generations(change), self.now()))
        except CcctlError as error:
            self.tell(Seen("unapplied", change, {"because": error.text}, self.now()))
        finally:
            self.applied.set()

    def _take(self, frame: Frame) -> None:
        if frame.get("Context") == PHONES:
            self._take_phone(frame)
        elif frame["Uniqueid"] != self.ident:
            return
        elif frame["Event"] == "Newexten":
            self._take_step(frame)
        elif frame["Event"] == "BridgeEnter":
            self.connected = True
            self.connect()
        else:
            by = "caller" if self.hung_up else "dialplan"
            self.hung_up = True
            self.tell(Seen("ended", by, {"cause": frame.get("Cause", "")}, self.now()))

    def _take_step(self, frame: Frame) -> None:
        self._follow(frame["Application"] == "Stasis")
        self.connected = False
        if frame["Application"] == "Dial":
            self.answering = ""
        step = Executed(
            frame["Context"],
            frame["Extension"],
            int(frame["Priority"]),
            frame["Application"],
            as_written(frame.get("AppData", "")),
            self.now(),
        )
        self.told(step)
        self.tell(step)

    def told(self, step: Executed) -> None:
        """For those who look closer."""

    def connect(self) -> None:
        if self.connected and self.answering:
            self.tell(Seen("talks", self.answering, {}, self.now()))
            self.answering, self.connected = "", False

    def _follow(self, entry: bool) -> None:
        self.entries += entry
        if self.entries == self.starts and not entry:
            self.visit = None
        if self.entries <= self.starts or self.case.given.ari != "up" or not entry:
            self.taken.set()
        else:
            self.taken.clear()

    def _take_phone(self, frame: Frame) -> None:
        """The stand-in of a phone goes its way: it is known by the extension that was dialled."""
        if frame["Event"] != "Newexten":
            return
        dialled = frame["Channel"].removeprefix("Local/").partition("@")[0].partition("~")[0]
        self.phones[dialled] = frame["Channel"]
        if frame["Extension"] == "is_answer" and frame["Application"] == "Answer":
            self.answering = dialled
            self.connect()

    def _take_ari(self, event: dict[str, Any]) -> None:
        if event["type"] == "StasisStart":
            self.starts += 1
            self._enter(event["args"])
            self.taken.set()
        elif event["type"] == "StasisEnd":
            self.visit = None
        elif event["type"] == "ChannelDtmfReceived" and self.visit:
            rules.press(self.visit, event["digit"])
            self._settle()

    def _enter(self, arguments: list[str]) -> None:
        if self.case.given.ari != "up":
            return  # the timer in the dialplan goes off
        self.visit = rules.enter(arguments, self.site, self.case.given, caller_of(self.case))
        if self.visit is None:
            spawn(self.lab.desk.give_back(self.ident, ""), "desk")
            return
        spawn(self.lab.desk.keep(self.ident), "desk")
        self._settle()

    def _settle(self) -> None:
        """Tell what the visit brought; leave the queue when it is over."""
        visit = self.visit
        if visit is None:
            return
        for seen in visit.news:
            self.tell(msgspec.structs.replace(seen, at_ms=self.now()))
        visit.news.clear()
        if visit.result:
            self.visit = None
            spawn(self.lab.desk.give_back(self.ident, visit.result), "desk")

    # -- what is asked -----------------------------------------------------------------------------

    async def answer(self, request: Request) -> Answer:
        if isinstance(request, Look):
            return await self._look(request.within_ms)
        try:
            return await self._act(request)
        except (AsteriskRefused, AsteriskDown) as error:
            return error.text
        except TimeoutError:
            return "nobody told that the caller entered the queue"

    async def _look(self, within_ms: int) -> list[Happened]:
        try:
            async with asyncio.timeout(within_ms / 1000):
                await self.arrived.wait()
        except TimeoutError:
            return []
        await self.applied.wait()
        self.arrived.clear()
        news, self.news = self.news, []
        return news

    async def _act(self, act: Act) -> str:
        await self.applied.wait()
        if act.does not in ("hang_up", "orphans"):
            async with asyncio.timeout(TAKEN_S):
                await self.taken.wait()
        match act.does:
            case "press":
                await self._press(act.what)
            case "queue_key" | "queue_wait":
                if self.visit is not None:
                    rules.queue_does(self.visit, act)
                    self._settle()
            case "wait":
                await self._wait(act.ms)
            case "hang_up":
                self.hung_up = True
                await self._hang_up(self.far, until_it_is_there=TAKEN_S)
            case "agent":
                return self._agent(act)
            case "phone":
                return await self._phone(act)
            case "orphans":
                return await self._orphans(act.what)
        return ""

    async def _press(self, keys: str) -> None:
        """Into the channel itself, which takes no time. One by one: Asterisk keeps a single key for later
        while it takes one in, so of keys that come faster some are lost."""
        for number, key in enumerate(keys):
            await asyncio.sleep(KEY_GAP_MS / 1000 if number else 0)
            await self.lab.watch.ami.action(
                "PlayDTMF", Channel=self.ident, Digit=key, Receive="true", timeout=30
            )

    async def _wait(self, ms: int) -> None:
        """In a queue of ours the stand-in's clock is turned on; elsewhere time has to pass."""
        if self.visit is not None:
            ms = rules.wait(self.visit, ms)
            self._settle()
        await asyncio.sleep(ms / 1000)

    async def _hang_up(self, channel: str, until_it_is_there: float = 0) -> None:
        """A channel that is not known is gone by itself, or not there yet: a caller may be quick."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + until_it_is_there
        while True:
            try:
                await self.lab.watch.ami.action("Hangup", Channel=channel, timeout=30)
                return
            except (AsteriskRefused, AsteriskDown):
                ended = any(isinstance(each, Seen) and each.kind == "ended" for each in self.news)
                if ended or loop.time() > limit:
                    return
            await asyncio.sleep(AGAIN_S)

    def _agent(self, act: Act) -> str:
        if self.visit is None:
            return f"{act.who}: the caller is in no queue of ours"
        refusal = rules.agent_does(self.visit, act, self.site, self.case.given)
        self._settle()
        return refusal

    async def _phone(self, act: Act) -> str:
        channel = self.phones.get(act.who)
        if channel is None:
            return f"the phone of {act.who} does not ring"
        if act.what != "hangup":
            return f"what a phone does is said by given: phones, not by a step: {act.who} {act.what}"
        await self._hang_up(channel)
        return ""

    # -- what is left ------------------------------------------------------------------------------

    async def _orphans(self, what: str) -> str:
        limit = asyncio.get_running_loop().time() + GONE_S
        while left := await self.left(what):
            if asyncio.get_running_loop().time() > limit:
                break
            await asyncio.sleep(AGAIN_S)
        return ", ".join(left)

    async def left(self, what: str) -> list[str]:
        """Names of what Asterisk, or the stand-in of the daemon, still has of the call."""
        visit = [self.visit] if self.visit else []
        if what == "queue_entries":
            rows = await self.lab.watch.ami.rows("QueueStatus", timeout=30)
            waiting = [f"{row['Queue']} of Asterisk" for row in rows if row.get("Uniqueid") == self.ident]
            return [*waiting, *(each.queue for each in visit)]
        rows = await self.lab.watch.ami.rows("CoreShowChannels", timeout=30)
        ours = [row for row in rows if row.get("Linkedid") == self.far]
        if what == "channels":
            return [row["Channel"] for row in ours]
        talks = [each.queue for each in visit if each.agent and self.site.queues[each.queue].record]
        return [*talks, *(row["Channel"] for row in ours if row.get("Application") == "Record")]

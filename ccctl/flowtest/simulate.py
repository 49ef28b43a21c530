"""A case in the simulator: the answers to what its player asks of a call, on a virtual clock."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus

import msgspec

from ccctl.errors import CcctlError
from ccctl.flow.compile import Plan, compile_all
from ccctl.flow.compile_http import SECRETS
from ccctl.flow.compile_switch import MODES
from ccctl.flow.compile_tables import INBOUND
from ccctl.flow.dialplan import Section
from ccctl.flow.graph import Site
from ccctl.flowtest import desk as rules
from ccctl.flowtest.cases import Case, Given, Reply
from ccctl.flowtest.drive import Act, Answer, Failure, Happened, Look, Result, seen_in
from ccctl.flowtest.story import APPLIES, Seen
from ccctl.flowtest.walks import menu_keys, player
from ccctl.sim import (
    Agents,
    Box,
    Call,
    Ended,
    Executed,
    HttpReply,
    HttpRequest,
    Machine,
    Native,
    Outside,
    Phone,
    Program,
    Waiting,
)

LEG_STEPS = 20
LONG_MS = 3_600_000
NO_CHANGES: Mapping[str, Site] = {}


class Ground(msgspec.Struct, frozen=True):
    """What Asterisk has loaded, and the site whose people and queues the daemon knows."""

    generation: str
    site: Site
    program: Program
    queues: dict[str, Native]


def ground(site: Site, plan: Plan) -> Ground:
    queues = {section.name: _native(section) for section in plan.sections.get("queues.conf", ())}
    return Ground(plan.generation, site, Program([*plan.contexts, *plan.entry]), queues)


class Simulator:
    """A compiled site, ready to be called. `changes` are the sites that tests put in force, by file."""

    def __init__(self, site: Site, plan: Plan, changes: Mapping[str, Site] = NO_CHANGES) -> None:
        self.plan, self.changes = plan, changes
        self.before = ground(site, plan)
        self.after = functools.cache(self._after)
        self.keys = menu_keys(plan)

    def _after(self, path: str) -> Ground:
        """As apply leaves Asterisk: the new entry tables, the flows of both generations, and what only the
        old one needs."""
        changed = self.changes[path]
        fresh = compile_all(changed)
        plan = msgspec.structs.replace(fresh, contexts=(*self.plan.contexts, *fresh.contexts))
        new = ground(with_old(changed, self.before.site), plan)
        return msgspec.structs.replace(new, queues=self.before.queues | new.queues)

    def run(self, case: Case) -> Result:
        call = SimCall(self, case)
        playing = player(case, self.keys).run()
        try:
            request = next(playing)
            while True:
                request = playing.send(call.answer(request))
        except StopIteration as end:
            result: Result = end.value
            return result
        except CcctlError as error:
            failure = Failure(f"the simulator stopped: {error}", case.span)
            return Result(case, tuple(call.every), (failure,))


def with_old(changed: Site, old: Site) -> Site:
    """The changed site, and what stays of the old one until no call needs it: phones, trunks and queues."""
    return msgspec.structs.replace(
        changed,
        users=old.users | changed.users,
        trunks=old.trunks | changed.trunks,
        queues=old.queues | changed.queues,
        secrets=old.secrets | changed.secrets,
    )


def variables(case: Case) -> dict[str, str]:
    """What every call of a test carries, simulated or real."""
    given = case.given
    dice = {"CC_DICE": str(given.random[0])} if given.random else {}
    return {"TESTTIME": str(case.call.at), **dice, **given.vars}


def status_line(status: int) -> str:
    known = status in {each.value for each in HTTPStatus}
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase if known else ''}".rstrip()


def database(given: Given) -> dict[str, str]:
    """What a test wants in AstDB."""
    return {f"{MODES}/{hours}": mode for hours, mode in given.switch.items()} | given.db


def numbered(cases: Iterable[Case]) -> list[Case]:
    """Each case with a number of its own, by which its call is known."""
    return [msgspec.structs.replace(case, number=number) for number, case in enumerate(cases, 1)]


def call_id(case: Case) -> str:
    """Of fixed width: Asterisk takes an id for another one that begins with it."""
    return f"ft-{case.number:06}"


def caller_of(case: Case) -> str:
    """Who does not say who he is calls from a number of his own: flows may keep facts about a number."""
    return case.call.caller or f"+491701{case.number:06}"


class SimCall:
    def __init__(self, simulator: Simulator, case: Case) -> None:
        self.given, self.caller = case.given, caller_of(case)
        self.before = self.ground = simulator.before
        self.after = simulator.after(case.given.apply) if case.given.apply else None
        self.moment = case.given.during  # at which `after` is put in force
        self.began = case.call.at * 1000
        self.visit: rules.Visit | None = None
        self.pending: list[Happened] = []
        self.every: list[Happened] = []
        self.talks = ""
        known = (self.after or self.before).site
        self.phones = Legs(self.ground.program, dict(_phones(known, self.given)))
        self.machine = Machine(self.ground.program, self._outside(known), _call(case))
        if self.after and not self.moment:
            self._apply(self.after)

    def _outside(self, site: Site) -> Outside:
        return Outside(
            astdb=database(self.given) | {f"{SECRETS}/{key}": text for key, text in site.secrets.items()},
            http=self._http,
            phones=self.phones,
            agents=self._enter,
            queues=self.ground.queues,
            transfer="UNSUPPORTED",  # as on the lab, whose callers come without SIP
            boxes={"": Box(message_ms=LONG_MS)},
        )

    # -- the world ---------------------------------------------------------------------------------

    def _apply(self, after: Ground) -> None:
        self.ground = after
        self.machine.program = self.phones.program = after.program
        self.machine.outside.queues = after.queues
        self._see(Seen(APPLIES, self.given.apply, {"old": self.before.generation, "new": after.generation}))

    def _notice(self, event: Happened) -> None:
        """Is this the moment of the apply?"""
        if self.moment and self.after and any(self.moment.fits(seen) for seen in seen_in(event)):
            self.moment = None
            self._apply(self.after)

    def _enter(self, arguments: tuple[str, ...]) -> Agents:
        match self.given.ari:
            case "down":
                return Agents("silent")
            case "dies_while_queued":
                return Agents("dies", 0, renews_ms=0)
        self.visit = rules.enter(list(arguments[1:]), self.ground.site, self.given, self.caller)
        return Agents("driver" if self.visit else "result", 0, {"CC_RESULT": ""})

    def _http(self, request: HttpRequest) -> HttpReply:
        reply = find_reply(self.given, request.method, request.url)
        if reply is None or reply.fault == "refused":
            return HttpReply("", 0)
        if reply.fault == "timeout":
            return HttpReply("", 0, LONG_MS)
        head = f"{status_line(reply.status)}\r\n\r\n" if request.options.get("header") == "1" else ""
        return HttpReply(head + reply.body, reply.status, reply.after_ms)

    # -- what is asked -----------------------------------------------------------------------------

    def answer(self, request: Look | Act) -> Answer:
        return self._look(request.within_ms) if isinstance(request, Look) else self._act(request)

    def _look(self, within_ms: int) -> list[Happened]:
        if not self.pending:
            self._run(self.machine.now_ms + within_ms, impatient=True)
        news, self.pending = self.pending, []
        self.every += news
        return news

    def _run(self, limit_ms: int, impatient: bool = False) -> None:
        """Let the call run to a moment; `impatient`: only until it stands still and there is news."""
        machine = self.machine
        while True:
            moment = machine.step(limit_ms)
            if isinstance(moment, Executed):
                if not moment.channel:
                    self._tell(moment)
                    self.talks = ""
            elif isinstance(moment, Ended):
                self._end(moment)
                return
            else:
                self._stand(moment)
                if (impatient and self.pending) or machine.now_ms >= limit_ms:
                    return

    def _tell(self, step: Executed) -> None:
        self.pending.append(msgspec.structs.replace(step, at_ms=step.at_ms - self.began))
        self._notice(step)

    def _see(self, seen: Seen) -> None:
        self.pending.append(msgspec.structs.replace(seen, at_ms=self.machine.now_ms - self.began))
        self._notice(seen)

    def _stand(self, moment: Waiting) -> None:
        if moment.kind == "talk" and self.talks != moment.what:
            self.talks = moment.what
            self._see(Seen("talks", self._whom(moment.what)))
        elif moment.kind == "stasis":
            self._settle()

    def _whom(self, channel: str) -> str:
        """PJSIP/anna is anna, PJSIP/+4930@telco is +4930."""
        return self.phones.behind(channel).partition("/")[2].partition("@")[0]

    def _end(self, moment: Ended) -> None:
        if not any(isinstance(each, Seen) and each.kind == "ended" for each in (*self.every, *self.pending)):
            by = "caller" if moment.why == "caller" else "dialplan"
            why = "" if moment.why in ("caller", "hangup") else moment.why
            self._see(Seen("ended", by, {"cause": str(moment.cause), "why": why, "text": moment.text}))

    def _settle(self) -> None:
        if self.visit is None:
            return
        for seen in self.visit.news:
            self._see(seen)
        self.visit.news.clear()
        if self.visit.result:
            self.machine.release(CC_RESULT=self.visit.result)
            self.visit = None

    def _act(self, act: Act) -> str:
        match act.does:
            case "queue_key" | "queue_wait":
                if self.visit is not None:
                    rules.queue_does(self.visit, act)
                    self._settle()
            case "press" if self.visit is not None:
                rules.press(self.visit, act.what)
                self._settle()
            case "press":
                self.machine.press(act.what)
            case "wait":
                self._wait(act.ms)
            case "hang_up":
                self.machine.hang_up()
            case "agent":
                return self._agent(act)
            case "phone":
                return self._phone(act)
        return ""  # of a simulated call that is over nothing can be left

    def _wait(self, ms: int) -> None:
        left = ms if self.visit is None else rules.wait(self.visit, ms)
        self._settle()
        if not self.machine.ended:
            self._run(self.machine.now_ms + left)

    def _agent(self, act: Act) -> str:
        if self.visit is None:
            return f"{act.who}: the caller is in no queue of ours"
        refusal = rules.agent_does(self.visit, act, self.ground.site, self.given)
        self._settle()
        return refusal

    def _phone(self, act: Act) -> str:
        if act.what != "hangup":
            return f"what a phone does is said by given: phones, not by a step: {act.who} {act.what}"
        if not self.talks or self._whom(self.talks) != act.who:
            return f"{act.who} does not talk with the caller"
        self.machine.release()
        return ""


def _native(section: Section) -> Native:
    """Asterisk's own queue when no phone is there: nobody is let in, or callers wait."""
    empty = dict(section.options).get("joinempty")
    return Native("JOINEMPTY", 0) if empty == "strict" else Native("TIMEOUT")


def _call(case: Case) -> Call:
    call = case.call
    return Call(
        INBOUND,
        call.number,
        call.at * 1000,
        caller_of(case),
        call.name,
        {f"__{name}": value for name, value in variables(case).items()},
        uniqueid=call_id(case),
    )


UNREGISTERED = 20  # the cause of a phone that is known but not there


class Legs(dict[str, Phone]):
    """Phones by channel. A leg that the dialplan makes of its own is the phone that it rings; when that one
    has to confirm, without the key 1 nobody has answered."""

    def __init__(self, program: Program, phones: dict[str, Phone]) -> None:
        super().__init__(phones)
        self.program = program

    def __missing__(self, channel: str) -> Phone:
        return self[""]

    def get(self, channel: str, default: Phone | None = None) -> Phone | None:  # type: ignore[override] # asked in one way only
        if not channel.startswith("Local/"):
            return super().get(channel, default)
        data = self._dialled(channel)
        return self._leg(data) if data else default

    def behind(self, channel: str) -> str:
        """The phone's channel that a leg of the dialplan rings."""
        return self._dialled(channel).partition(",")[0] if channel.startswith("Local/") else channel

    def _dialled(self, channel: str) -> str:
        exten, _, context = channel.removeprefix("Local/").partition("@")
        steps = (self.program.find(context, exten, priority) for priority in range(1, LEG_STEPS))
        return next((str(step.data.constant or "") for step in steps if step and step.app == "dial"), "")

    def _leg(self, data: str) -> Phone:
        phone = self[data.partition(",")[0]]
        if "U(" in data and phone.does == "answer" and not phone.keys.startswith("1"):
            return Phone("no_answer")
        return phone


def _phones(site: Site, given: Given) -> Iterator[tuple[str, Phone]]:
    yield "", Phone("unavailable")
    for user in site.users:
        yield f"PJSIP/{user}", Phone("unavailable", cause=UNREGISTERED)
    for who, phone in given.phones.items():
        does = {"offline": "unavailable"}.get(phone.does, phone.does)
        made = Phone(does, phone.after_ms, keys=phone.keys, hangs_up=False)
        yield f"PJSIP/{who}", made
        for trunk in site.trunks:
            yield f"PJSIP/{who}@{trunk}", made


def find_reply(given: Given, method: str, url: str) -> Reply | None:
    """The reply that a test gives for a request: of that address, else of "*"."""
    bare = url.partition("?")[0]
    wanted = (f"{method.lower()} {bare}", f"{method.lower()} {url}", "*")
    return next((given.http[each] for each in wanted if each in given.http), None)


def run_all(simulator: Simulator, cases: Iterable[Case]) -> list[Result]:
    return [simulator.run(case) for case in cases]

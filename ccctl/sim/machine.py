"""The simulated call: Asterisk's main loop over priorities, and the driver's side of it."""

from collections.abc import Callable, Generator

from ccctl.sim import (
    apps_calls,
    apps_dial,
    apps_flow,
    apps_media,
    functions_channel,
    functions_state,
    functions_text,
)
from ccctl.sim.apps_flow import gosub
from ccctl.sim.channel import Channel
from ccctl.sim.core import ANY, HUNG, STOP, Application, Core, Key, Result, Steps, Tables
from ccctl.sim.outside import Call, Outside
from ccctl.sim.program import Program, Step
from ccctl.sim.records import Ended, Executed, Moment, SimError, Waiting
from ccctl.sim.text import outer

TABLES = Tables(
    {
        application.name.lower(): application
        for module in (apps_flow, apps_media, apps_calls, apps_dial)
        for application in module.APPLICATIONS
    },
    {**functions_text.READ, **functions_state.READ, **functions_channel.READ},
    {**functions_text.WRITE, **functions_state.WRITE, **functions_channel.WRITE},
)
MAX_STEPS = 20_000  # priorities of one call
MAX_RUSH = 2000  # priorities without any time passing
KEY_GAP_MS = 200
_FALLTHROUGH_MS = 10_000


class Machine(Core):
    """One call. `step` until it has Ended, and press or hang up in between.

    The stream of Executed is the one that AMI's Newexten gives for the same call. Time is virtual.
    """

    def __init__(self, program: Program, outside: Outside, call: Call) -> None:
        super().__init__(program, outside, Channel(call), call.at_ms)
        self.call = call
        self.tables = TABLES
        self.executed_steps: list[Executed] = []
        self.ended: Ended | None = None
        self._reported: tuple[str, str, int] | None = None
        self._count = 0
        self._rush = (call.at_ms, 0)
        self._why = ("", "")
        self._life = self._run()

    # -- the driver's side -----------------------------------------------------------------------------

    def step(self, limit_ms: int | None = None) -> Moment:
        """The next thing that happens; a Waiting again when the clock comes to `limit_ms` before it."""
        if self.ended:
            return self.ended
        self.limit_ms = limit_ms
        moment = next(self._life, None)
        if moment is None:
            raise SimError("the call stopped at an error before; nothing can follow")
        self.limit_ms = None
        if isinstance(moment, Executed):
            self.executed_steps.append(moment)
        elif isinstance(moment, Ended):
            self.ended = moment
        return moment

    def press(self, keys: str, gap_ms: int = KEY_GAP_MS, at_ms: int = 0) -> None:
        """The caller presses keys: the first one now, or at `at_ms`, and after those he pressed before."""
        at = max(self.now_ms, at_ms, self.keys[-1].at_ms + gap_ms if self.keys else 0)
        self.keys.extend(Key(at + index * gap_ms, key) for index, key in enumerate(keys))

    def hang_up(self, at_ms: int | None = None) -> None:
        self.hang_at = self.now_ms if at_ms is None else at_ms

    def release(self, **variables: str) -> None:
        """Who has the caller (ARI application, agent, conference) gives him back now."""
        self.released = variables

    def run(self, until: Callable[[Moment], bool]) -> Moment:
        """Step until a moment satisfies `until`, the call has ended, or nothing would ever happen."""
        while True:
            moment = self.step()
            stuck = isinstance(moment, Waiting) and moment.until_ms is None
            if isinstance(moment, Ended) or stuck or until(moment):
                return moment

    def run_to_end(self) -> Ended:
        """Let it run; a caller whom nothing would ever happen to hangs up."""
        while not isinstance(moment := self.step(), Ended):
            if isinstance(moment, Waiting) and moment.until_ms is None:
                self.hang_up()
        return moment

    def value(self, name: str) -> str | None:
        """A channel or global variable as it is now."""
        found = self.get(name)
        return None if found is None else outer(found)

    # -- one priority ----------------------------------------------------------------------------------

    def run_application(self, application: Application, data: str) -> Steps:
        if application.plain:
            return application.plain(self, data)
        assert application.blocking
        return (yield from application.blocking(self, data))

    def _spawn(self, step: Step) -> Steps:
        channel = self.channel
        place = channel.place
        data = step.data.constant
        if data is None:
            data = step.data.expand(self)
        application = self.tables.applications.get(step.app)
        if application is None:
            raise self.error(f"application {step.app} is unknown to the simulator")
        self.coverage.visit(place)
        self._watch(place)
        if place != self._reported:
            self._reported = place
            yield Executed(*place, application.name, outer(data), self.now_ms, channel.label)
        if application.plain:
            return application.plain(self, data)
        assert application.blocking
        return (yield from application.blocking(self, data))

    def _watch(self, place: tuple[str, str, int]) -> None:
        """A call that runs in a circle ends with a finding."""
        self._count += 1
        at, rush = self._rush
        self._rush = (self.now_ms, rush + 1 if at == self.now_ms else 0)
        if self._count > MAX_STEPS or self._rush[1] > MAX_RUSH:
            raise _Endless(f"endless loop at {place[0]},{place[1]},{place[2]}")

    # -- the main loop -----------------------------------------------------------------------------------

    def _run(self) -> Generator[Moment, None, None]:
        try:
            yield from self._priorities()
            yield from self._farewell()
        except _Endless as error:
            self._why = ("loop", str(error))
        channel = self.channel
        why, text = self._why
        cause = channel.cause or 16
        yield Ended(cause, why or channel.gone or "hangup", text, self.now_ms)

    def _priorities(self) -> Generator[Moment, None, None]:
        """pbx.c's __ast_pbx_run."""
        channel = self.channel
        if not channel.exten:
            channel.move(channel.context, "s", 1)
        while True:
            result = yield from self._extension()
            if result is None:
                return
            digits = result if isinstance(result, str) else ""
            if not digits and not self.program.exists(channel.context, channel.exten):
                if not self._invalid(channel.exten, "sent to an invalid extension"):
                    return
                continue
            if channel.expired:
                channel.expired = False
                continue
            if not digits:
                yield from self._fall_through()
                return
            dialled = yield from self._collect(digits)
            if dialled is None or not self._dialled(dialled):
                return

    def _extension(self) -> Generator[Moment, None, Result | None]:
        """Priorities until there is none (0), a key was pressed (it), or the call is over (None)."""
        channel, find = self.channel, self.program.find
        while True:
            step = find(channel.context, channel.exten, channel.priority)
            if step is None:
                return 0
            result = yield from self._spawn(step)
            if result == 0:
                if not self.is_hung():
                    channel.priority += 1
                    continue
            elif isinstance(result, str) and not self.is_hung():
                return result
            if not channel.gone and channel.expired and self._time_is_up():
                continue
            self._why = self._why if self._why[0] else self._reason(result)
            return None

    def _reason(self, result: Result) -> tuple[str, str]:
        channel = self.channel
        if channel.gone:
            return channel.gone, ""
        context, exten, priority = channel.place
        if channel.expired:
            return "timeout", f"TIMEOUT(absolute) at {context},{exten},{priority} and no extension T"
        return "error", f"{context},{exten},{priority} failed"

    def _time_is_up(self) -> bool:
        """TIMEOUT(absolute) is over: extension T, or e, of the context that the call is in."""
        channel = self.channel
        if self.program.exists(channel.context, "T"):
            channel.move(channel.context, "T", 1)
        elif self.program.exists(channel.context, "e"):
            self.raise_exception("ABSOLUTETIMEOUT", 1)
        else:
            return False
        channel.timeouts.absolute_at = None
        channel.expired = False
        return True

    def _invalid(self, exten: str, text: str) -> bool:
        channel = self.channel
        if self.program.exists(channel.context, "i"):
            self.put("INVALID_EXTEN", exten)
            channel.move(channel.context, "i", 1)
        elif self.program.exists(channel.context, "e"):
            self.raise_exception("INVALID", 1)
        else:
            self._why = ("invalid", f"{text}: {channel.context},{exten} and no extension i")
            return False
        return True

    def _fall_through(self) -> Generator[Moment, None, None]:
        """There is no further priority: the status of the last Dial decides about a tone."""
        context, exten, priority = self.channel.place
        self._why = ("fallthrough", f"nothing follows {context},{exten},{priority - 1}")
        status = (self.get("DIALSTATUS") or "UNKNOWN").upper()
        tones = {"CONGESTION": "congestion", "CHANUNAVAIL": "congestion", "BUSY": "busy"}
        if status in tones:
            if self.channel.state != "Up":
                self.channel.cause = 17 if status == "BUSY" else 34
            yield from self.pause(_FALLTHROUGH_MS, "tone", tones[status])

    def _collect(self, digits: str) -> Generator[Moment, None, str | None]:
        context = self.channel.context
        while self.program.more(context, digits):
            key = yield from self.pause(self.channel.timeouts.digit, "digits", digits, ANY)
            if key == HUNG:
                self._why = self._reason(STOP)
                return None
            if not key:
                break
            digits += key
        return digits

    def _dialled(self, digits: str) -> bool:
        channel = self.channel
        if self.program.exists(channel.context, digits):
            channel.move(channel.context, digits, 1)
            return True
        return self._invalid(digits, "dialled")

    def raise_exception(self, reason: str, priority: int = 0) -> None:
        context, exten, at = self.channel.place
        fields = self.channel.fields
        fields |= {"EXCEPTION(reason)": reason, "EXCEPTION(context)": context, "EXCEPTION(exten)": exten}
        fields["EXCEPTION(priority)"] = str(at)
        self.channel.move(context, "e", priority)

    # -- the end -------------------------------------------------------------------------------------------

    def _farewell(self) -> Generator[Moment, None, None]:
        """Extension h of where the call was, then the hang-up handlers, the last pushed first."""
        channel = self.channel
        channel.gone = channel.gone or "hangup"
        if self.program.exists(channel.context, "h"):
            channel.move(channel.context, "h", 1)
            while step := self.program.find(*channel.place):
                if (yield from self._spawn(step)) != 0:
                    break
                channel.priority += 1
        while channel.handlers:
            yield from self.subroutine(channel.handlers.pop(), despite_hangup=True)

    def subroutine(self, target: str, despite_hangup: bool = False) -> Generator[Moment, None, None]:
        """A Gosub of Asterisk's own: run to its Return, then everything is where it was."""
        channel = self.channel
        saved, depth = channel.place, len(channel.frames)
        result: Result = gosub(self, target)
        if result == 0:
            channel.frames[-1].special = True
        while result == 0 and (despite_hangup or not self.is_hung()):
            channel.priority += 1
            step = self.program.find(*channel.place)
            if step is None:
                break
            result = yield from self._spawn(step)
        while len(channel.frames) > depth:
            channel.leave()
        channel.move(*saved)

    def guest(self, label: str, keys: str) -> "Machine":
        """The channel of somebody who is dialled; it inherits, and `keys` are what he presses."""
        heirs = {outer(name): outer(value) for name, value in self.channel.variables.heirs().items()}
        call = Call(
            self.channel.context,
            outer(self.channel.exten),
            self.now_ms,
            variables=heirs,
            language=self.channel.language,
            channel=f"{label}-{self.serial:08x}",
            uniqueid=f"{self.call.uniqueid}.{self.serial}",
        )
        self.serial += 1
        other = Machine(self.program, self.outside, call)
        other.channel.label, other.coverage = label, self.coverage
        other.channel.state = "Up"
        other.press(keys)
        return other


class _Endless(Exception):
    pass

"""A flow test as data: who calls, what is given, what the caller does and sees. Durations in ms."""

import fnmatch

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow.graph import Site
from ccctl.flowtest.story import Seen

WITHIN_MS = 60_000  # how long a step waits for what it names


class Want(msgspec.Struct, frozen=True):
    """A pattern for what is seen. `names`: any of them (with `every`: all of them); '*' fits anything."""

    kind: str
    names: tuple[str, ...] = ("*",)
    every: bool = False
    more: dict[str, str] = {}

    def fits(self, seen: Seen) -> bool:
        return self.fits_kind(seen) and any(_like(seen.what, name) for name in self.names)

    def fits_kind(self, seen: Seen) -> bool:
        return seen.kind == self.kind and all(
            _like(seen.more.get(key, ""), value) for key, value in self.more.items()
        )

    def __str__(self) -> str:
        names = "" if self.names == ("*",) else (" and " if self.every else " or ").join(self.names)
        more = " ".join(f"{key} {value}" for key, value in self.more.items())
        return " ".join(part for part in (self.kind, names, more) if part)


def _like(text: str, pattern: str) -> bool:
    return text == pattern or ("*" in pattern and fnmatch.fnmatchcase(text, pattern))


# -- steps -----------------------------------------------------------------------------------------


class Step(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    span: Span = Span()


class Sees(Step, frozen=True, kw_only=True):
    """Waits for something; what comes before it is passed over."""

    want: Want
    within_ms: int = WITHIN_MS


class Ends(Step, frozen=True, kw_only=True):
    """As Sees; then the caller is content and hangs up."""

    want: Want
    within_ms: int = WITHIN_MS


class Presses(Step, frozen=True, kw_only=True):
    """As soon as keys are taken; `after_prompt`: only when the prompt is over."""

    keys: str
    after_prompt: bool = False
    secret: str = ""  # the name that reports show instead of the keys


class Waits(Step, frozen=True, kw_only=True):
    ms: int
    talking: bool = False


class HangsUp(Step, frozen=True, kw_only=True):
    pass


class AgentDoes(Step, frozen=True, kw_only=True):
    """`does`: answer, hangup. `hears`: what the agent is told before the talk."""

    agent: str
    does: str
    hears: str = ""


class PhoneDoes(Step, frozen=True, kw_only=True):
    """The phone of a user, or a number: answer, hangup."""

    phone: str
    does: str


AnyStep = Sees | Ends | Presses | Waits | HangsUp | AgentDoes | PhoneDoes


def say(step: AnyStep) -> str:
    """The step in words, as a report shows it."""
    match step:
        case Sees():
            return str(step.want)
        case Ends():
            return f"ends: {step.want}"
        case Presses():
            keys = f"secret {step.secret}" if step.secret else step.keys
            return f"press {keys}{' after the prompt' if step.after_prompt else ''}"
        case Waits():
            return f"{'talks' if step.talking else 'waits'} {step.ms / 1000:g}s"
        case HangsUp():
            return "hangs up"
        case AgentDoes():
            return f"agent {step.agent}: {step.does}{f', hears {step.hears}' if step.hears else ''}"
        case PhoneDoes():
            return f"phone {step.phone}: {step.does}"


# -- what is given ---------------------------------------------------------------------------------


class Caller(msgspec.Struct, frozen=True):
    """`number` is what was dialled, `at` the Unix second of the call; `caller` '' is a number of its own."""

    number: str
    caller: str = ""
    name: str = ""
    at: int = 0


class Phone(msgspec.Struct, frozen=True):
    """What a called phone does: answer (after a while), busy, no_answer, offline. `keys` are pressed by
    who answered, for flows that want a confirmation."""

    does: str
    after_ms: int = 0
    keys: str = ""


class Reply(msgspec.Struct, frozen=True):
    """An answer to an HTTP request. `fault` is timeout or refused instead."""

    status: int = 200
    body: str = ""
    after_ms: int = 0
    fault: str = ""


class Given(msgspec.Struct, frozen=True):
    """The world around a call. `http` maps "get https://..." to replies, "*" fits every request. `apply`
    is the file of the change that is put in force when `during` is seen, without it before the call."""

    agents: dict[str, str] = {}
    queues: dict[str, str] = {}  # how a queue of ours turns every caller away: full, failed, overflow
    phones: dict[str, Phone] = {}
    http: dict[str, Reply] = {}
    switch: dict[str, str] = {}
    ari: str = "up"
    random: tuple[int, ...] = ()
    db: dict[str, str] = {}
    vars: dict[str, str] = {}
    caller: str = ""
    apply: str = ""
    during: Want | None = None

    @property
    def changes_all(self) -> bool:
        """AstDB or the dialplan, which calls share: such a test cannot run beside others."""
        return bool(self.switch or self.db or self.apply)


class Expect(msgspec.Struct, frozen=True):
    """What must be so when the call is over. `path` None: not asked; `auto`: golden, to be written."""

    path: tuple[str, ...] | None = None
    golden: bool = False
    path_span: Span = Span()
    vars: dict[str, str] = {}
    recording: bool | None = None
    never: tuple[Want, ...] = ()
    generation: str = ""  # on whose text the call ends: old, new; '': not asked
    no_orphan: tuple[str, ...] = ()  # what the call must not leave: channels, recordings, queue_entries


class Case(msgspec.Struct, frozen=True):
    name: str
    span: Span
    call: Caller
    given: Given = Given()
    steps: tuple[AnyStep, ...] = ()
    expect: Expect = Expect()
    only: tuple[str, ...] = ()
    number: int = 0  # in a run
    walk: int = -1  # the seed of a random walk; -1: the steps are played


class Suite(msgspec.Struct, frozen=True):
    """The tests of a site. `coverage` is the least percentage of branches, 0: not asked. `changes` are the
    changed sites that tests apply, by the file of the change."""

    tests: tuple[Case, ...] = ()
    coverage: int = 0
    coverage_span: Span = Span()
    changes: dict[str, Site] = {}

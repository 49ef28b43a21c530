"""The checked meaning of a site: what schema.py makes of YAML and compile.py, roster.py read.

Pure data, frozen. Durations are milliseconds (`_ms`). Every step and named thing keeps its `span`.
A destination in YAML (flow name, inline step or list) is always a `Body` here; a flow name becomes
one `Goto`. An empty Body for an outcome means: no edge written.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ccctl.diagnostics import Span

NO_SPAN = Span()


class Item(msgspec.Struct, frozen=True, kw_only=True):
    span: Span = NO_SPAN


# -- steps -----------------------------------------------------------------------------------------


class Step(Item, frozen=True, kw_only=True, tag=True):
    pass


class Answer(Step, frozen=True, kw_only=True):
    delay_ms: int = 500


class Play(Step, frozen=True, kw_only=True):
    prompts: tuple[str, ...]


class SayAs(StrEnum):
    DIGITS = "digits"
    NUMBER = "number"
    ALPHA = "alpha"
    TIME = "time"
    DATE = "date"


class Say(Step, frozen=True, kw_only=True):
    """Speak a value. `value` is a literal, or one of the readable variables: caller.number,
    called.number, now."""

    value: str
    say_as: SayAs = SayAs.DIGITS


class Option(Item, frozen=True, kw_only=True):
    """A key of a menu. `repeat` plays the menu again instead of going to `body`."""

    key: str
    body: Body = ()
    repeat: bool = False


class Menu(Step, frozen=True, kw_only=True):
    prompts: tuple[str, ...]
    options: tuple[Option, ...]
    timeout_ms: int = 5000
    interdigit_ms: int = 2000
    attempts: int = 3
    on_invalid: Body = ()
    on_timeout: Body = ()
    on_exhausted: Body = ()


class Language(Step, frozen=True, kw_only=True):
    code: str


class HoursStep(Step, frozen=True, kw_only=True):
    hours: str
    on_closed: Body = ()
    on_holiday: Body = ()


class Goto(Step, frozen=True, kw_only=True):
    flow: str


class QueueStep(Step, frozen=True, kw_only=True):
    queue: str
    priority: int = 0
    max_wait_ms: int = 0  # 0: for ever
    exit_keys: tuple[Option, ...] = ()
    on_full: Body = ()
    on_no_agents: Body = ()
    on_timeout: Body = ()
    on_failed: Body = ()


class Dial(Step, frozen=True, kw_only=True):
    """Targets are user names or numbers; numbers go `via` a trunk."""

    targets: tuple[str, ...]
    via: str = ""
    timeout_ms: int = 25_000
    on_no_answer: Body = ()
    on_busy: Body = ()
    on_failed: Body = ()


class VoicemailStep(Step, frozen=True, kw_only=True):
    mailbox: str
    greeting: str = "unavailable"  # unavailable, busy, none


class HangupStep(Step, frozen=True, kw_only=True):
    cause: int = 16


AnyStep = (
    Answer | Play | Say | Menu | Language | HoursStep | Goto | QueueStep | Dial | VoicemailStep | HangupStep
)
Body = tuple[AnyStep, ...]


class Flow(Item, frozen=True, kw_only=True):
    name: str
    steps: Body


# -- the things that steps name --------------------------------------------------------------------


class Prompt(Item, frozen=True, kw_only=True):
    """`texts`: language -> text to be spoken. `files`: language -> recording, path relative to the
    site folder ("sounds/de/welcome.wav"; the language "all" serves every language). `digest` (8 hex
    digits, over texts and file contents) pins the sound file's name to its content."""

    name: str
    texts: dict[str, str] = {}
    files: dict[str, str] = {}
    digest: str = ""

    @property
    def sound(self) -> str:
        """Asterisk's name of the sound, below sounds/<language>/: cc/welcome-4be1d29a."""
        return f"cc/{self.name}-{self.digest}"


class OpenSpan(msgspec.Struct, frozen=True):
    """Open on weekday `day` (0 = Monday) from minute to minute of the day; end is exclusive,
    24:00 is 1440. Spans over midnight are split when read."""

    day: int
    start: int
    end: int


class Hours(Item, frozen=True, kw_only=True):
    name: str
    timezone: str
    open: tuple[OpenSpan, ...]
    holidays: tuple[str, ...] = ()  # dates as yyyymmdd, expanded
    switch: str = ""  # feature code of the day/night switch


class Trunk(Item, frozen=True, kw_only=True):
    name: str
    host: str
    port: int = 5060
    username: str = ""
    password: str = ""
    register: bool = False
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    channels: int = 0  # 0: no limit


class Number(Item, frozen=True, kw_only=True):
    """An inbound route: DID -> flow, with an optional language set on entry."""

    number: str
    flow: str
    language: str = ""


class User(Item, frozen=True, kw_only=True):
    """A person and the phone on the desk: PJSIP endpoint of the same name."""

    name: str
    title: str
    extension: str
    password: str = ""
    phone: str = "sip"
    mailbox: str = ""
    language: str = ""
    roles: tuple[str, ...] = ()


class Agent(Item, frozen=True, kw_only=True):
    """A user who takes queue calls. Skill levels 1-5."""

    name: str
    skills: dict[str, int] = {}


class Queue(Item, frozen=True, kw_only=True):
    name: str
    title: str
    engine: str = "acd"  # acd, native
    strategy: str = "longest-idle"
    skills: dict[str, int] = {}  # least level an agent needs
    agents: tuple[str, ...] = ()  # the members, resolved: named, or all agents with the skills
    ring_ms: int = 15_000
    wrap_up_ms: int = 0
    max_callers: int = 0  # 0: no limit
    sl_percent: int = 80
    sl_ms: int = 20_000
    music: str = "default"
    whisper: tuple[str, ...] = ()  # prompt names, and the words "queue" and "waited"
    record: bool = False


class Mailbox(Item, frozen=True, kw_only=True):
    name: str
    number: str = ""  # what Asterisk calls the box; digits
    pin: str = ""
    email: str = ""
    title: str = ""


class FeatureCode(Item, frozen=True, kw_only=True):
    """`action`: voicemail, agent-login, agent-pause, pickup, listen. For listen, `keys` maps a digit
    to listen, whisper or barge and `roles` says who may."""

    code: str
    action: str
    roles: tuple[str, ...] = ()
    keys: dict[str, str] = {}


class Defaults(Item, frozen=True, kw_only=True):
    timezone: str = "UTC"
    country: str = ""
    languages: tuple[str, ...] = ("en",)
    menu_timeout_ms: int = 5000
    menu_interdigit_ms: int = 2000
    menu_attempts: int = 3
    engine: str = "acd"
    pause_reasons: dict[str, str] = {}  # digit -> reason
    voice: str = "espeak-ng"  # text-to-speech engine


class Site(Item, frozen=True, kw_only=True):
    """Everything, checked: every name that is used exists. `root` is the folder it was read from."""

    root: str = ""
    defaults: Defaults = Defaults()
    trunks: dict[str, Trunk] = {}
    numbers: dict[str, Number] = {}
    hours: dict[str, Hours] = {}
    users: dict[str, User] = {}
    agents: dict[str, Agent] = {}
    queues: dict[str, Queue] = {}
    mailboxes: dict[str, Mailbox] = {}
    flows: dict[str, Flow] = {}
    prompts: dict[str, Prompt] = {}
    feature_codes: dict[str, FeatureCode] = {}

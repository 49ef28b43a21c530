"""The checked meaning of a site: what schema.py makes of YAML and compile.py, roster.py read.

The steps of its flows are in steps.py, phones as things in devices.py; those names are names of this
module, too.
"""

from __future__ import annotations

import msgspec

from ccctl.flow.devices import *  # noqa: F403 - one vocabulary, as with the steps
from ccctl.flow.devices import Device, Provision, Transport
from ccctl.flow.steps import *  # noqa: F403 - one vocabulary in two files
from ccctl.flow.steps import Flow, Item


class Fragment(msgspec.Struct, frozen=True):
    """What is special about a prompt that is a part of what a say step says. `elsewhere`: languages in
    which the sentence is cut in another way; `joined`: something follows at once. `pin` stands in place
    of the digest where several prompts, the values of a variable, need the same one."""

    elsewhere: tuple[str, ...] = ()
    joined: bool = False
    pin: str = ""


class Prompt(Item, frozen=True, kw_only=True):
    """`texts`: language -> text to be spoken. `files`: language -> recording, path relative to the
    site folder ("sounds/de/welcome.wav"; the language "all" serves every language). `digest` (8 hex
    digits, over texts and file contents) pins the sound file's name to its content. `fragment`: it is
    not in the section prompts, but written in a say step or in a variable."""

    name: str
    texts: dict[str, str] = {}
    files: dict[str, str] = {}
    digest: str = ""
    fragment: Fragment | None = None

    @property
    def pin(self) -> str:
        return (self.fragment and self.fragment.pin) or self.digest

    @property
    def sound(self) -> str:
        """Asterisk's name of the sound, below sounds/<language>/: cc/welcome-4be1d29a."""
        return f"cc/{self.name}-{self.pin}"


class OpenSpan(msgspec.Struct, frozen=True):
    """Open on weekday `day` (0 = Monday) from minute to minute of the day; end is exclusive,
    24:00 is 1440. Spans over midnight are split when read."""

    day: int
    start: int
    end: int


class HolidayPart(msgspec.Struct, frozen=True):
    """A holiday on `day` (yyyymmdd) from minute to minute of the day; end is exclusive."""

    day: str
    start: int
    end: int


class ExceptionDay(msgspec.Struct, frozen=True):
    """A date (yyyymmdd) with its own opening hours, as (start, end) minutes; none is closed."""

    day: str
    spans: tuple[tuple[int, int], ...] = ()


class Hours(Item, frozen=True, kw_only=True):
    """An exception beats a holiday, and a holiday beats the week."""

    name: str
    timezone: str
    open: tuple[OpenSpan, ...]
    holidays: tuple[str, ...] = ()  # dates as yyyymmdd, expanded
    partial: tuple[HolidayPart, ...] = ()
    exceptions: tuple[ExceptionDay, ...] = ()
    switch: str = ""  # feature code of the day/night switch
    emergency: str = ""  # feature code that turns the emergency announcement on and off


class Trunk(Item, frozen=True, kw_only=True):
    name: str
    host: str
    port: int = 5060
    username: str = ""
    password: str = ""
    register: bool = False
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    channels: int = 0  # 0: no limit
    caller_id: str = ""  # what numbers outside see; '' is the caller's own


class Number(Item, frozen=True, kw_only=True):
    """An inbound route: DID -> flow, with an optional language set on entry."""

    number: str
    flow: str
    language: str = ""
    values: dict[str, str] = {}  # variables set on entry
    site: str = ""


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
    srtp: str = ""  # '': as the defaults say


class Agent(Item, frozen=True, kw_only=True):
    """A user who takes queue calls. Skill levels 1-5."""

    name: str
    skills: dict[str, int] = {}


class Relax(Item, frozen=True, kw_only=True):
    """After so long a wait these levels are enough."""

    after_ms: int
    skills: dict[str, int]


class Announce(Item, frozen=True, kw_only=True):
    """What those who wait are told, and how often."""

    every_ms: int
    position: bool = False
    wait_time: bool = False
    prompts: tuple[str, ...] = ()


class When(Item, frozen=True, kw_only=True):
    """All that is written must hold. `length`: others who wait; `available`, `staffed`: at most so many."""

    wait_ms: int = 0
    length: int | None = None
    estimated_ms: int = 0
    available: int | None = None
    staffed: int | None = None


class Overflow(Item, frozen=True, kw_only=True):
    """Agents of the queues `borrow` are asked too; or the caller leaves (on_overflow)."""

    when: When
    borrow: tuple[str, ...] = ()
    leave: bool = False


class Lend(Item, frozen=True, kw_only=True):
    """What the queue keeps for its own callers while it lends its agents."""

    percent: int
    goal_ms: int
    window_ms: int


class CallbackRules(Item, frozen=True, kw_only=True):
    """How a queue calls back. `first`: agent or customer. `via` '': the first trunk; `hours` '': always."""

    first: str = "agent"
    ring_ms: int = 30_000
    expires_ms: int = 86_400_000
    hours: str = ""
    via: str = ""
    caller_id: str = ""
    retries: int = 2
    gap_ms: int = 600_000


class Queue(Item, frozen=True, kw_only=True):
    name: str
    title: str
    engine: str = "acd"  # acd, native
    strategy: str = "longest-idle"
    skills: dict[str, int] = {}  # least level an agent needs
    agents: tuple[str, ...] = ()  # the members, resolved: named, or all agents with the skills
    ring_ms: int = 15_000
    wrap_up_ms: int = 0
    wrap_up_max_ms: int = 3_600_000  # to which an agent may extend it
    miss_limit: int = 1  # offers missed one after the other that make an agent not responding
    rest_ms: int = 0  # for which he is; 0: until he comes back himself
    max_callers: int = 0  # 0: no limit
    sl_percent: int = 80
    sl_ms: int = 20_000
    music: str = "default"
    whisper: tuple[str, ...] = ()  # prompt names, and the words "queue" and "waited"
    relax: tuple[Relax, ...] = ()
    language_skill: dict[str, str] = {}  # language of the call -> skill that it needs too
    announce: Announce | None = None
    ranks: dict[str, int] = {}  # agent -> rank, where it is not 1
    escalate: dict[int, int] = {}  # rank -> ms of waiting after which its agents are asked
    ageing_ms: int = 0  # of waiting that a point of priority is worth; 0: priorities are strict
    keep_place_ms: int = 0
    sticky_ms: int = 0
    sticky_wait_ms: int = 0
    membership: str = "static"  # or dynamic: agents may join and leave at run time
    forced: tuple[str, ...] = ()  # agents who may neither leave nor pause it
    direct_calls: str = "block"  # or ignore: agents in calls of their own are rung all the same
    accept_key: str = ""  # which the agent presses to take a call; '': he need not
    accept_ms: int = 10_000  # in which, after the whisper
    callback: CallbackRules | None = None
    overflow: tuple[Overflow, ...] = ()
    lend: Lend | None = None

    @property
    def sends_on(self) -> bool:
        """Callers may leave by on_overflow."""
        return any(rule.leave for rule in self.overflow)

    record: str = "consent"  # always, never, or when the caller has agreed
    greeting: tuple[str, ...] = ()  # prompts before the waiting begins
    extension: str = ""
    transfer_place: str = "kept"  # or new: the turn of a caller who is transferred to here

    @property
    def is_patient(self) -> bool:
        """With agents who do not take calls, otherwise than is usual."""
        return self.miss_limit > 1 or self.rest_ms > 0

    @property
    def rings_anyway(self) -> bool:
        return self.direct_calls == "ignore"


class Mailbox(Item, frozen=True, kw_only=True):
    name: str
    number: str = ""  # what Asterisk calls the box; digits
    pin: str = ""
    email: str = ""
    title: str = ""
    greeting: str = ""  # a prompt
    operator: str = ""  # the flow that the key 0 leads to


class FeatureCode(Item, frozen=True, kw_only=True):
    """`action`: voicemail, agent-login, agent-pause, pickup, park, page, listen, or one of those that
    are pressed in a talk: blind-transfer, attended-transfer, conference, hold. For page, `people` are
    rung. For listen, `keys` maps a digit to listen, whisper or barge and `roles` says who may."""

    code: str
    action: str
    roles: tuple[str, ...] = ()
    keys: dict[str, str] = {}
    people: tuple[str, ...] = ()


class Mail(Item, frozen=True, kw_only=True):
    """How messages are mailed. In `subject` and `body` stand {{ name }} and its like; '' is our own text."""

    sender: str = ""
    name: str = ""
    subject: str = ""
    body: str = ""


class PauseLimit(msgspec.Struct, frozen=True):
    """How long a pause of one reason may be; `over`: alarm, or offline."""

    max_ms: int
    over: str = "alarm"


class Defaults(Item, frozen=True, kw_only=True):
    transfer_outside: tuple[str, ...] = ()  # beginnings of numbers that talks may be transferred to
    timezone: str = "UTC"
    country: str = ""
    languages: tuple[str, ...] = ("en",)
    menu_timeout_ms: int = 5000
    menu_interdigit_ms: int = 2000
    menu_attempts: int = 3
    engine: str = "acd"
    pause_reasons: dict[str, str] = {}  # digit -> reason
    pause_limits: dict[str, PauseLimit] = {}  # by reason
    do_not_call: str = ""  # table of the numbers that nobody calls back
    voice: str = "espeak-ng"  # text-to-speech engine, or engine:voice
    voices: dict[str, str] = {}  # the same for some languages
    speed: int = 100  # of speech, percent
    currency: str = ""  # EUR ...
    srtp: str = "off"  # of phones on desks: off, offer, required
    catch: str = ""  # flow for outcomes without a destination and for failures
    max_call_ms: int = 0  # 0: no limit
    max_flows: int = 200  # flows that one call may enter
    mail: Mail = Mail()

    def voice_of(self, language: str) -> str:
        return self.voices.get(language, self.voice)


class Variable(Item, frozen=True, kw_only=True):
    """`type` says what may pass: enum (one of `values`), digits (at most `most`), number (`least` to
    `most`), phone, flag (yes, no), text (letters, digits and blanks, at most `most` characters).
    `spoken`: value of an enum or a flag -> language -> text."""

    name: str
    type: str
    values: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    default: str = ""
    spoken: dict[str, dict[str, str]] = {}


class RingGroup(Item, frozen=True, kw_only=True):
    name: str
    ring: tuple[str, ...]
    strategy: str = "all"
    timeout_ms: int = 20_000
    repeats: int = 1
    extension: str = ""


class Question(Item, frozen=True, kw_only=True):
    """Asks for one key from `least` to `most`, or for a message of up to `record_ms`."""

    prompts: tuple[str, ...]
    save: str
    least: int = 0
    most: int = 9
    record_ms: int = 0
    attempts: int = 2


class Survey(Item, frozen=True, kw_only=True):
    name: str
    questions: tuple[Question, ...]
    thanks: tuple[str, ...] = ()


class LookupTable(Item, frozen=True, kw_only=True):
    """Rows by key; `columns` in the order of the cells. With `phone` the keys are numbers, E.164 where
    that can be told, or extensions; else lower-case letters and digits."""

    name: str
    columns: tuple[str, ...] = ()
    rows: dict[str, tuple[str, ...]] = {}
    phone: bool = False


class Conference(Item, frozen=True, kw_only=True):
    name: str
    pin: str = ""
    max_members: int = 0
    music: str = ""
    record: bool = False
    extension: str = ""


class Locale(Item, frozen=True, kw_only=True):
    """One of several sites in a tree: what differs from the defaults."""

    name: str
    timezone: str = ""
    country: str = ""
    languages: tuple[str, ...] = ()


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
    vars: dict[str, Variable] = {}
    ring_groups: dict[str, RingGroup] = {}
    surveys: dict[str, Survey] = {}
    tables: dict[str, LookupTable] = {}
    conferences: dict[str, Conference] = {}
    sites: dict[str, Locale] = {}
    transports: dict[str, Transport] = {}
    devices: dict[str, Device] = {}
    provision: Provision = Provision()
    secrets: dict[str, str] = {}  # those that flows send, by name; never part of the dialplan

    @property
    def languages(self) -> tuple[str, ...]:
        """Of all sites, the default first."""
        more = (language for site in self.sites.values() for language in site.languages)
        return tuple(dict.fromkeys((*self.defaults.languages, *more)))

    def languages_of(self, site: str) -> tuple[str, ...]:
        """Of one of the sites, or the defaults."""
        place = self.sites.get(site)
        return (place.languages if place else ()) or self.defaults.languages

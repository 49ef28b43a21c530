"""The steps of a flow, checked: what schema.py makes of YAML and the compiler reads.

Pure data, frozen. Durations are milliseconds (`_ms`). Every step and named thing keeps its `span`.
A destination in YAML (flow name, inline step or list) is always a `Body` here; a flow name becomes
one `Goto`. An empty Body for an outcome means: no edge written; ways.py says what then happens.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ccctl.diagnostics import Span

NO_SPAN = Span()


class Item(msgspec.Struct, frozen=True, kw_only=True):
    span: Span = NO_SPAN


class Value(Item, frozen=True, kw_only=True):
    """A part of a text: a literal, or the variable that is read there: a declared one, or one of
    caller.number, caller.name, called.number, language, now."""

    text: str = ""
    variable: str = ""


Text = tuple[Value, ...]


# -- conditions ------------------------------------------------------------------------------------


class Clause(Item, frozen=True, kw_only=True):
    """One comparison. `op`: set, unset, is, is_not, less, at_most, more, at_least, starts_with,
    withheld. `values` are literals; for `is` one of them must fit, for `is_not` none may."""

    variable: str
    op: str
    values: tuple[str, ...] = ()


class Condition(Item, frozen=True, kw_only=True):
    """True when all tests of any one group hold."""

    groups: tuple[tuple[Clause, ...], ...]


# -- steps -----------------------------------------------------------------------------------------


class Step(Item, frozen=True, kw_only=True, tag=True):
    pass


class Option(Item, frozen=True, kw_only=True):
    """A key of a menu, a value of a switch, a percentage of a split, the number of an attempt.
    `repeat` plays a menu again instead of going to `body`."""

    key: str
    body: Body = ()
    repeat: bool = False


class Answer(Step, frozen=True, kw_only=True):
    delay_ms: int = 500


class Play(Step, frozen=True, kw_only=True):
    """With `barge_in` a key ends the prompts; before a menu it counts there."""

    prompts: tuple[str, ...]
    barge_in: bool = False


class Wait(Step, frozen=True, kw_only=True):
    """Silence, or music."""

    wait_ms: int
    music: str = ""


class SayAs(StrEnum):
    DIGITS = "digits"
    NUMBER = "number"
    ORDINAL = "ordinal"
    ALPHA = "alpha"
    PHONE = "phone"
    MONEY = "money"
    TIME = "time"
    DATE = "date"
    DATETIME = "datetime"
    WORD = "word"  # a value of an enum or a flag, as it is called


class Say(Step, frozen=True, kw_only=True):
    """Speak a value: a literal or a variable by name (`{{ tier }}`, caller.number, now). Or `text`: language
    -> a sentence with values in it, `{{ tier }}` or `{{ case | number }}`; it has no `say_as`."""

    value: str = ""
    text: dict[str, str] = {}
    say_as: SayAs | None = SayAs.DIGITS


class Menu(Step, frozen=True, kw_only=True):
    """`again`: prompts of the second, third ... attempt, the last for all further ones (none: as the
    first); `lead`: what is played before the first attempt. `extensions`: internal numbers that may be
    dialled. `invalid_by`, `timeout_by`: what comes
    before the next attempt after the n-th one, where that differs from on_invalid and on_timeout."""

    prompts: tuple[str, ...]
    options: tuple[Option, ...]
    lead: tuple[str, ...] = ()
    again: tuple[tuple[str, ...], ...] = ()
    extensions: tuple[str, ...] = ()
    timeout_ms: int = 5000
    interdigit_ms: int = 2000
    attempts: int = 3
    on_invalid: Body = ()
    on_timeout: Body = ()
    invalid_by: tuple[Option, ...] = ()
    timeout_by: tuple[Option, ...] = ()
    on_exhausted: Body = ()


class Gather(Step, frozen=True, kw_only=True):
    """Ask for digits. `matches` is a regular expression over the digits, `confirm` prompts
    follow the digits read back (1 accepts, any other key asks again); a secret is not read back."""

    prompts: tuple[str, ...]
    save: str
    least: int = 1
    most: int = 20
    finish: str = "#"
    timeout_ms: int = 5000
    interdigit_ms: int = 2000
    attempts: int = 3
    matches: str = ""
    confirm: tuple[str, ...] = ()
    secret: bool = False
    on_invalid: Body = ()
    on_timeout: Body = ()
    on_exhausted: Body = ()


class Language(Step, frozen=True, kw_only=True):
    code: str


class HoursStep(Step, frozen=True, kw_only=True):
    hours: str
    on_closed: Body = ()
    on_holiday: Body = ()
    on_emergency: Body = ()


class If(Step, frozen=True, kw_only=True):
    condition: Condition
    then: Body = ()
    otherwise: Body = ()


class Switch(Step, frozen=True, kw_only=True):
    """`cases`: the value of the variable is the key."""

    variable: str
    cases: tuple[Option, ...]
    otherwise: Body = ()


class Change(Item, frozen=True, kw_only=True):
    """One assignment. `add` changes a number; else `value` is what the variable becomes."""

    variable: str
    value: Text = ()
    add: int = 0


class Assign(Step, frozen=True, kw_only=True):
    changes: tuple[Change, ...]


class Split(Step, frozen=True, kw_only=True):
    """`parts`: the key is the share in percent; together 100."""

    parts: tuple[Option, ...]


class Loop(Step, frozen=True, kw_only=True):
    times: int
    steps: Body


class Goto(Step, frozen=True, kw_only=True):
    flow: str
    arguments: tuple[Change, ...] = ()


class Continue(Step, frozen=True, kw_only=True):
    """Nothing: the destination `continue`, which is the step after this one."""


class Subflow(Step, frozen=True, kw_only=True):
    """Runs a flow and comes back. `arguments` are set before it; what it returns goes to `save`."""

    flow: str
    arguments: tuple[Change, ...] = ()
    save: str = ""


class Return(Step, frozen=True, kw_only=True):
    """Ends a subflow, with a result."""

    value: Text = ()


class Save(Item, frozen=True, kw_only=True):
    """A field of a reply (a JSON path, a column) goes to a variable."""

    variable: str
    source: str


class Pair(Item, frozen=True, kw_only=True):
    """A name and its text: a query parameter, a header, a field of a body. Of a secret it is the name."""

    name: str
    value: Text
    secret: bool = False


class Http(Step, frozen=True, kw_only=True):
    """`on_error` without steps goes on to the next step."""

    method: str
    url: Text
    query: tuple[Pair, ...] = ()
    headers: tuple[Pair, ...] = ()
    body: tuple[Pair, ...] = ()
    timeout_ms: int = 2000
    retries: int = 0
    save: tuple[Save, ...] = ()
    on_error: Body = ()


class Lookup(Step, frozen=True, kw_only=True):
    table: str
    key: str  # a variable
    save: tuple[Save, ...] = ()
    on_missing: Body = ()
    on_error: Body = ()


class CallbackOffer(Item, frozen=True, kw_only=True):
    """A callback offered to those who wait. `to`: caller or gather."""

    after_ms: int = 0
    every_ms: int = 0
    key: str = "1"
    prompts: tuple[str, ...] = ()
    to: str = "caller"
    retries: int = -1  # -1, and so the gap: those of the queue
    gap_ms: int = -1
    on_withheld: Body = ()


class WaitingDoes(StrEnum):
    """What a key does for a caller who waits. Who leaves does so by an exit key of the step."""

    POSITION = "position"
    WAIT_TIME = "wait_time"
    QUIET = "quiet"  # nothing more is said by itself
    REPEAT = "repeat"
    TELL = "tell"


class WaitingOption(Item, frozen=True, kw_only=True):
    """`prompts` of tell."""

    key: str
    does: WaitingDoes
    prompts: tuple[str, ...] = ()


class WaitingMenu(Item, frozen=True, kw_only=True):
    """A menu that those who wait hear again and again."""

    prompts: tuple[str, ...]
    after_ms: int
    every_ms: int
    options: tuple[WaitingOption, ...] = ()


class QueueStep(Step, frozen=True, kw_only=True):
    """`priorities`: value of the variable `priority_by` to priority; `priority` for all others."""

    queue: str
    priority: int = 0
    priority_by: str = ""
    priorities: dict[str, int] = {}
    max_wait_ms: int = 0  # 0: for ever
    offer: CallbackOffer | None = None
    exit_keys: tuple[Option, ...] = ()
    waiting: WaitingMenu | None = None
    on_full: Body = ()
    on_no_agents: Body = ()
    on_overflow: Body = ()
    on_timeout: Body = ()
    on_failed: Body = ()


class Callback(Step, frozen=True, kw_only=True):
    """Notes that somebody is to be called back. `number` is a variable, or caller.number. `prompts`
    ask for another number (`gather`) or announce it. `when`: now, next-open, or a variable with minutes."""

    queue: str
    when: str = "now"
    hours: str = ""  # whose opening next-open means
    number: str = "caller.number"
    ask: bool = False
    prompts: tuple[str, ...] = ()
    delay_ms: int = 0
    retries: int = -1  # -1, and so the gap: those of the queue
    gap_ms: int = -1
    on_withheld: Body = ()
    on_failed: Body = ()


class Dial(Step, frozen=True, kw_only=True):
    """Targets are user names, numbers, or variables (`{{ name }}`); numbers go `via` a trunk. A ring
    group is resolved to its members. `strategy`: all, hunt, random. `confirm`: prompts that the one who
    answers must accept with 1."""

    targets: tuple[str, ...]
    via: str = ""
    timeout_ms: int = 25_000
    strategy: str = "all"
    repeats: int = 1
    confirm: tuple[str, ...] = ()
    caller_id: str = ""  # a number of ours; '' leaves the caller's
    max_ms: int = 0
    music: str = ""  # instead of ringing
    group: str = ""  # the ring group that it was
    on_no_answer: Body = ()
    on_busy: Body = ()
    on_failed: Body = ()


class VoicemailStep(Step, frozen=True, kw_only=True):
    mailbox: str
    greeting: str = "unavailable"  # unavailable, busy, none
    on_failed: Body = ()


class Directory(Step, frozen=True, kw_only=True):
    """Dial by name over the users who have a mailbox and are listed. `by`: last, first, both."""

    listed: str = "users"
    by: str = "last"
    on_none: Body = ()


class ConferenceStep(Step, frozen=True, kw_only=True):
    room: str


class RecordMessage(Step, frozen=True, kw_only=True):
    """Record what the caller says into a file of that name."""

    name: str
    prompts: tuple[str, ...] = ()
    max_ms: int = 120_000
    silence_ms: int = 5000
    finish: str = "#"
    beep: bool = True
    on_empty: Body = ()


class Recording(Step, frozen=True, kw_only=True):
    """From here on talks of this call are recorded, or not."""

    on: bool


class Consent(Step, frozen=True, kw_only=True):
    """Announces the recording; the key `decline` turns it off for this call."""

    prompts: tuple[str, ...]
    decline: str = "9"
    timeout_ms: int = 3000
    on_declined: Body = ()


class SurveyStep(Step, frozen=True, kw_only=True):
    survey: str


class Authenticate(Step, frozen=True, kw_only=True):
    """`pins` are digests of `salt` and a PIN: the PINs themselves are in no file of Asterisk's."""

    prompts: tuple[str, ...]
    pins: tuple[str, ...]
    salt: str = ""
    attempts: int = 3
    lockout_ms: int = 900_000
    lockout_after: int = 3  # calls that failed, from one number
    on_denied: Body = ()
    on_locked: Body = ()


class Transfer(Step, frozen=True, kw_only=True):
    """Sends the caller's own line elsewhere (SIP REFER); the call leaves ccctl."""

    target: str
    via: str = ""
    on_failed: Body = ()


class Reject(Step, frozen=True, kw_only=True):
    """Refuses the call before it is answered, so that it costs nothing."""

    cause: int = 21


class HangupStep(Step, frozen=True, kw_only=True):
    cause: int = 16


AnyStep = (
    Answer
    | Play
    | Wait
    | Say
    | Menu
    | Gather
    | Language
    | HoursStep
    | If
    | Switch
    | Assign
    | Split
    | Loop
    | Goto
    | Continue
    | Subflow
    | Return
    | Http
    | Lookup
    | QueueStep
    | Callback
    | Dial
    | VoicemailStep
    | Directory
    | ConferenceStep
    | RecordMessage
    | Recording
    | Consent
    | SurveyStep
    | Authenticate
    | Transfer
    | Reject
    | HangupStep
)
Body = tuple[AnyStep, ...]


class Flow(Item, frozen=True, kw_only=True):
    """`catch`: where a call goes on when an outcome has no destination, or when something fails."""

    name: str
    steps: Body
    catch: str = ""

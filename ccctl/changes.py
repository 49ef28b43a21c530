"""Rows of the ledger, as facts. The core returns them; the store writes each by upsert on `id`.

Imports nothing of ours but events. A row appears when the thing begins (`ended` is None) and
again, whole, when it changes or ends. Times are Unix milliseconds UTC, durations milliseconds.
"""

from enum import StrEnum

import msgspec

from ccctl.events import Ref


class Base(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    id: str


class Outcome(StrEnum):
    """The one way in which a queue visit ends."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    TIMED_OUT = "timed_out"
    KEY_EXIT = "key_exit"
    FULL = "full"
    NO_AGENTS = "no_agents"
    OVERFLOWED = "overflowed"
    TRANSFERRED = "transferred"
    CALLBACK = "callback"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


class OfferOutcome(StrEnum):
    """How ringing one agent ended."""

    ANSWERED = "answered"  # talk began
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"  # the phone said busy or declined, another key than the accept key was pressed, or
    # the agent hung up while the phone of a customer rang whom he was to call back
    HUNG_UP = "hung_up"  # the agent hung up during the whisper
    NOT_ACCEPTED = "not_accepted"  # picked up, and did not press the key that takes the call
    CALLER_LEFT = "caller_left"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # we took the offer back
    NO_CUSTOMER = "no_customer"  # he was ready, and who was to be called back was not there


class CallbackOutcome(StrEnum):
    """The one way in which a callback ends."""

    ANSWERED = "answered"  # they talked
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    MERGED = "merged"  # the same number waited for this queue already
    CALLED_IN = "called_in"  # the customer called himself, and was served


class SegmentKind(StrEnum):
    IVR = "ivr"
    WAITING = "waiting"
    TALK = "talk"
    HOLD = "hold"  # the caller hears music, the agent of `agent` has him
    CONSULT = "consult"  # the same while the agent talks to somebody else
    TRANSFER = "transfer"  # on the way to somebody else, the agent has left
    DIAL = "dial"
    VOICEMAIL = "voicemail"
    MONITOR = "monitor"


class CallRow(Base, frozen=True, kw_only=True):
    """One call from arrival to end. `id` is the reference of the caller's channel."""

    node: str
    started: int
    answered: int | None = None
    ended: int | None = None
    direction: str = "inbound"  # inbound, internal, callback
    caller: str = ""
    caller_name: str = ""
    number: str = ""  # the DID dialled
    generation: str = ""
    language: str = ""
    path: str = ""  # names of the flows in order, separated by ">"
    ended_in: str = ""  # kind of the last segment, or "closed" mark of the flow
    ended_by: str = ""  # caller, agent, system
    cause_code: int = 0


class SegmentRow(Base, frozen=True, kw_only=True):
    """A stretch of a call, `id` = call + ":" + n."""

    call: Ref
    n: int
    kind: SegmentKind
    started: int
    ended: int | None = None
    queue: str = ""
    agent: str = ""
    detail: str = ""  # flow, mailbox or dialled target


class VisitRow(Base, frozen=True, kw_only=True):
    """One stay of a call in a queue, with one terminal outcome once `ended` is set.

    `ended` is the end of waiting (answered, abandoned, ...); talk runs answered .. talk_ended.
    wait = ended - entered. `engine` is acd or native; or callback, for the customer of a callback, who waits
    on no line and was counted when he asked for it."""

    call: Ref
    queue: str
    entered: int
    ended: int | None = None
    outcome: Outcome | None = None
    agent: str = ""
    answered: int | None = None
    talk_ended: int | None = None
    ended_by: str = ""  # who ended the talk: caller, agent, system; transfer: it went on with somebody else
    priority: int = 0
    offers: int = 0
    position: int = 0  # place in line on entry, from 1
    engine: str = "acd"


class TransferRow(Base, frozen=True, kw_only=True):
    """One try of an agent to hand a caller on, to ask somebody else first, or to talk with him in three.

    `kind` is blind, attended or conference; `way` phone, code or request; `target` as agent:ben, user:joe,
    outside:+49..., queue:billing, flow:night. `outcome`: completed, returned (the agent has him back),
    queued (nobody had him: he waits again), cancelled, no_answer, rejected, unreachable, target_left,
    caller_left, failed, refused (`detail` says why)."""

    call: Ref
    agent: str
    kind: str
    way: str
    target: str
    started: int
    answered: int | None = None
    ended: int | None = None
    outcome: str = ""
    detail: str = ""
    by: str = ""  # the user who asked, where it was not the agent at his phone


class OfferRow(Base, frozen=True, kw_only=True):
    """One ringing of one agent for one visit; `id` is the leg."""

    visit: str
    call: Ref
    queue: str
    agent: str
    offered: int
    answered: int | None = None  # phone picked up (whisper begins)
    ended: int | None = None
    outcome: OfferOutcome | None = None


class CallbackRow(Base, frozen=True, kw_only=True):
    """Somebody who is to be called back. `call` is the one in which it was asked for, `talk` the one of the
    last try, `into` the callback that this one was merged into."""

    queue: str
    number: str
    asked: int
    due: int  # not called before
    expires: int
    tries: int = 0
    ended: int | None = None
    outcome: CallbackOutcome | None = None
    agent: str = ""
    call: Ref = ""
    talk: Ref = ""
    into: str = ""
    source: str = ""  # offer, flow, or who asked for it
    detail: str = ""  # why it ended so


class AgentStateRow(Base, frozen=True, kw_only=True):
    """One stretch of an agent in one state; `id` = agent + ":" + started + ":" + serial."""

    agent: str
    presence: str
    started: int
    ended: int | None = None
    reason: str = ""
    queue: str = ""
    call: Ref = ""
    cause: str = ""


class QueuePauseRow(Base, frozen=True, kw_only=True):
    """One stretch in which an agent was paused for one queue and served his others."""

    agent: str
    queue: str
    started: int
    ended: int | None = None
    reason: str = ""
    cause: str = ""


class RecordingRow(Base, frozen=True, kw_only=True):
    """One file of sound; `path` is relative to the recordings folder."""

    call: Ref
    visit: str
    queue: str
    agent: str
    path: str
    started: int
    ended: int | None = None
    failed: str = ""


class AnswerRow(Base, frozen=True, kw_only=True):
    """What a caller said in a step of a flow: `kind` is survey, message, consent, callback or denied;
    `name` the survey, the message; `value` a key, yes or no, or a file below the recordings folder."""

    call: Ref
    kind: str
    name: str
    question: str
    value: str
    at: int


class WatchRow(Base, frozen=True, kw_only=True):
    """One stretch of a supervisor hearing an agent in one mode (the audit log of listening)."""

    supervisor: str
    agent: str
    call: Ref
    mode: str
    started: int
    ended: int | None = None


Change = (
    CallRow | SegmentRow | VisitRow | OfferRow | AgentStateRow | QueuePauseRow | RecordingRow | WatchRow
    | AnswerRow | CallbackRow | TransferRow
)  # fmt: skip

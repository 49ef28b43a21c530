"""What happened. The only input of the core; the journal is a list of these.

Imports nothing of ours but errors and diagnostics. Conventions:

* `at` is Unix time in milliseconds, UTC. Durations are milliseconds too (field names end in `_ms`).
* `channel`, `leg` and `call` are references of the form "node/id" (`ref()`), because nothing may
  assume one Asterisk. `call` is the reference of the caller's own channel, for life. `leg` is a
  channel that we made (an agent's or a supervisor's phone).
* An event that a person asked for carries `request`: the core answers it with one `Reply`.
* Nothing here is unique without its fields: the core never reads a clock, chance or an id source.
"""

import msgspec

Ref = str  # "node/channel id"


def ref(node: str, channel: str) -> Ref:
    return f"{node}/{channel}"


def split_ref(reference: Ref) -> tuple[str, str]:
    """(node, id) of a reference."""
    node, _, ident = reference.partition("/")
    return node, ident


class Base(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Every event has a time, and a cause (who or what: "ari", "cel", "user:dora", "cli" ...)."""

    at: int
    cause: str = ""


# -- the life of a call (from Asterisk's channel event log; live and after a gap) ----------------


class Logged(Base, frozen=True, kw_only=True):
    """From the channel event log: `file` (inode) and `place` (offset of the next record) say how far
    the log has been read once this event is in the journal."""

    file: int = 0
    place: int = 0


class CallMarked(Logged, frozen=True, kw_only=True):
    """The dialplan of a call passed a mark: see the marks in flow/marks.py."""

    call: Ref
    mark: str
    value: str = ""
    caller: str = ""
    caller_name: str = ""
    number: str = ""
    name: str = ""  # the channel's, of the first mark


class ChannelAnswered(Logged, frozen=True, kw_only=True):
    """A channel was answered."""

    channel: Ref
    name: str = ""


class ChannelBridged(Logged, frozen=True, kw_only=True):
    """A channel entered a bridge; `peers` are the channel names already in it."""

    channel: Ref
    name: str
    bridge: str


class ChannelUnbridged(Logged, frozen=True, kw_only=True):
    """A channel left a bridge."""

    channel: Ref
    name: str
    bridge: str


class ChannelStarted(Logged, frozen=True, kw_only=True):
    """A channel was made for another one, `linked`: somebody's phone is being rung, and not by us."""

    channel: Ref
    name: str
    linked: Ref


class ChannelEnded(Logged, frozen=True, kw_only=True):
    """A channel is gone. `cause_code` is the Q.850 cause; `source` the channel name that hung up."""

    channel: Ref
    cause_code: int = 0
    source: str = ""
    name: str = ""


# -- the queue, over ARI -------------------------------------------------------------------------


class CallerQueued(Base, frozen=True, kw_only=True):
    """A caller entered our application to wait in a queue."""

    call: Ref
    queue: str
    generation: str = ""
    priority: int = 0
    max_wait_ms: int = 0  # 0: for ever
    keys: str = ""  # digits that leave the queue
    leave_if_empty: bool = False  # the flow has an edge for "no agents"
    recording: str = ""  # "yes": the caller agreed, "no": he declined, or the flow turned it off
    offer: str = ""  # name of the roster's callback offer
    menu: str = ""  # name of the roster's menu for those who wait
    caller: str = ""
    caller_name: str = ""
    number: str = ""
    language: str = ""
    name: str = ""  # the channel's name in Asterisk
    odd: str = ""  # what his dialplan said that makes no sense, and was left aside


class CallerLeft(Base, frozen=True, kw_only=True):
    """A caller's channel left us or hung up."""

    call: Ref


class LegAnswered(Base, frozen=True, kw_only=True):
    """A phone that we rang answered."""

    leg: Ref
    name: str = ""


class LegEnded(Base, frozen=True, kw_only=True):
    """A leg of ours is gone, first sign of it; `cause_code` is the Q.850 cause."""

    leg: Ref
    cause_code: int = 0


class LegFailed(Base, frozen=True, kw_only=True):
    """A leg could not be made at all."""

    leg: Ref
    reason: str
    down: bool = False  # Asterisk did not answer: not the phone's fault
    full: bool = False  # the trunk by which the customer would be called has no channel left


class WhisperDone(Base, frozen=True, kw_only=True):
    """The announcement to the agent has ended (or could not be played)."""

    leg: Ref


class Connected(Base, frozen=True, kw_only=True):
    """Caller and agent hear each other: the bridge holds both."""

    leg: Ref


class ConnectFailed(Base, frozen=True, kw_only=True):
    """Caller and agent could not be bridged."""

    leg: Ref
    reason: str
    down: bool = False


class RecordingStarted(Base, frozen=True, kw_only=True):
    """A recording of the talk is being written; `path` is relative to the recordings folder."""

    leg: Ref
    path: str


class RecordingFailed(Base, frozen=True, kw_only=True):
    """A recording that policy wants could not be started."""

    leg: Ref
    reason: str


class LegHeld(Base, frozen=True, kw_only=True):
    """The phone of a leg put the talk on hold, or took it back."""

    leg: Ref
    held: bool


class Joined(Base, frozen=True, kw_only=True):
    """An agent who consults and the one whom he asks hear each other; `leg` is the latter's."""

    leg: Ref


class JoinFailed(Base, frozen=True, kw_only=True):
    """Both could not be bridged, or the other side could not be taken over."""

    leg: Ref
    reason: str


class ReferReceived(Base, frozen=True, kw_only=True):
    """The phone of a leg asks to transfer its talk: to the number `to`, or, when it consulted by itself, to
    the channel `other` (named `name`) that its own second call `own` is connected to; while that one
    still rings, `to` is what it dialled."""

    leg: Ref
    to: str = ""
    own: Ref = ""
    other: Ref = ""
    name: str = ""


class DigitPressed(Base, frozen=True, kw_only=True):
    """A key on a channel that is in our hands (caller waiting, supervisor listening, agent in a talk)."""

    channel: Ref
    digit: str


# -- people --------------------------------------------------------------------------------------


class Request(Base, frozen=True, kw_only=True):
    """Somebody asks for something; `request` names the answer, `by` the user who asks ('' = root)."""

    request: str = ""
    by: str = ""


class AgentLogin(Request, frozen=True, kw_only=True):
    agent: str


class AgentLogout(Request, frozen=True, kw_only=True):
    agent: str


class AgentPause(Request, frozen=True, kw_only=True):
    """`queue`: for this one alone, he goes on to serve the others; '' for all."""

    agent: str
    reason: str = ""
    queue: str = ""


class AgentUnpause(Request, frozen=True, kw_only=True):
    agent: str
    queue: str = ""


class AgentWrapUp(Request, frozen=True, kw_only=True):
    """More time for the wrap-up."""

    agent: str
    extend_ms: int


class AgentJoin(Request, frozen=True, kw_only=True):
    """An agent is to serve a queue from now on, whatever the site says of it."""

    agent: str
    queue: str


class AgentLeave(Request, frozen=True, kw_only=True):
    agent: str
    queue: str


class AgentCode(Request, frozen=True, kw_only=True):
    """A feature code dialled at a desk phone: `code` is agent-login (toggles login and logout),
    agent-pause (toggles pause; `reason` optional). `channel` is the phone's own, to be answered."""

    channel: Ref
    code: str
    agent: str
    reason: str = ""


class MonitorRequested(Request, frozen=True, kw_only=True):
    """A supervisor wants to hear an agent. `phone` is the user whose phone is rung."""

    agent: str
    mode: str  # listen, whisper, barge
    phone: str = ""


class MonitorCode(Request, frozen=True, kw_only=True):
    """A supervisor dialled the listen code; `channel` is his own, already in our hands."""

    channel: Ref
    extension: str
    mode: str = "listen"


class MonitorEnd(Request, frozen=True, kw_only=True):
    agent: str
    supervisor: str = ""


class HangupRequested(Request, frozen=True, kw_only=True):
    call: Ref


class CallbackAsked(Request, frozen=True, kw_only=True):
    """Somebody is to be called back, not before `due` (0: now). `queue` and `number` as they are written."""

    queue: str
    number: str
    due: int = 0
    language: str = ""


class CallbackCancelled(Request, frozen=True, kw_only=True):
    callback: str


class CallbackRetried(Request, frozen=True, kw_only=True):
    """Try it now, whatever the gap."""

    callback: str


class HoldRequested(Request, frozen=True, kw_only=True):
    """The agent's talk with this caller: on hold, or back."""

    call: Ref
    hold: bool = True


class TransferRequested(Request, frozen=True, kw_only=True):
    """The agent's talk with this caller goes on with somebody else: `to` is an extension, a number, a user,
    queue:NAME or flow:NAME. `attended`: the agent talks to him first."""

    call: Ref
    to: str
    attended: bool = False


class ConsultRequested(Request, frozen=True, kw_only=True):
    """What becomes of a consultation: complete, cancel or conference."""

    call: Ref
    what: str


# -- the world around ----------------------------------------------------------------------------


class TimerFired(Base, frozen=True, kw_only=True):
    timer: str


class Started(Base, frozen=True, kw_only=True):
    """The daemon began; `boot` (6 characters) makes the ids of this run unlike any other's. `anew`: the
    world of the run before could not be read."""

    boot: str
    anew: bool = False


class RosterChanged(Base, frozen=True, kw_only=True):
    """A site was applied. `roster` is the JSON of flow/roster.py, so that the journal is whole."""

    roster: str


class LiveChannel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A channel as found by resync. `app_args` are those of Stasis when it is in our application."""

    channel: Ref
    name: str = ""
    up: bool = True
    ours: bool = False  # in our Stasis application
    app_args: tuple[str, ...] = ()
    bridge: str = ""
    caller: str = ""
    caller_name: str = ""
    language: str = ""
    number: str = ""


class Resynced(Base, frozen=True, kw_only=True):
    """All channels that live on a node, seen after a (re)connect."""

    node: str
    channels: tuple[LiveChannel, ...] = ()
    bridges: tuple[str, ...] = ()  # ids of all bridges


class LogOpened(Base, frozen=True, kw_only=True):
    """The event log of a node is followed from here on: everything before is history."""

    node: str
    file: int
    place: int


class PhoneSeen(Base, frozen=True, kw_only=True):
    """What Asterisk says of an agent's phone: whether it can be rung, and `idle`: it is in no call."""

    agent: str
    reachable: bool
    idle: bool = False


class NodeUp(Base, frozen=True, kw_only=True):
    node: str


class NodeDown(Base, frozen=True, kw_only=True):
    """`deaf`: its ARI is away, nobody can be rung until the next look."""

    node: str
    deaf: bool = False


Event = (
    CallMarked | ChannelStarted | ChannelAnswered | ChannelBridged | ChannelUnbridged | ChannelEnded
    | CallerQueued | CallerLeft | LegAnswered | LegEnded | LegFailed | WhisperDone | Connected
    | ConnectFailed | RecordingStarted | RecordingFailed | DigitPressed
    | AgentLogin | AgentLogout | AgentPause | AgentUnpause | AgentCode | AgentWrapUp | AgentJoin | AgentLeave
    | PhoneSeen | MonitorRequested | MonitorCode | MonitorEnd | HangupRequested
    | CallbackAsked | CallbackCancelled | CallbackRetried
    | LegHeld | HoldRequested | Joined | JoinFailed | ReferReceived | TransferRequested | ConsultRequested
    | TimerFired | Started | RosterChanged | Resynced | LogOpened | NodeUp | NodeDown
)  # fmt: skip

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


def to_json(event: Event) -> bytes:
    return _encoder.encode(event)


def from_json(data: bytes | str) -> Event:
    return _decoder.decode(data)

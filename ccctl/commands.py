"""What the core asks the shell to do. Imperative; performed by asterisk/execute.py or runtime/.

Imports nothing of ours but events (for `Ref`). Every outcome comes back as an event, refusals
included. Times are Unix milliseconds, durations milliseconds.
"""

import msgspec

from ccctl.events import Ref


class Base(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    pass


class Hold(Base, frozen=True, kw_only=True):
    """Put a caller into the holding bridge with his queue's music and renew the dead-man timer.
    `again`: he may be there already, and then is left there (a second time would end his music)."""

    call: Ref
    music: str = "default"
    again: bool = False


class ExtendWait(Base, frozen=True, kw_only=True):
    """Renew the dead-man timer of a waiting caller."""

    call: Ref
    seconds: int


class Tell(Base, frozen=True, kw_only=True):
    """Play `media` (ARI media URIs) to a waiting caller, then his music again. `playback` is the id: while
    it still plays nothing more is begun. `instead` of another playback: that is stopped, also when there
    are no media."""

    call: Ref
    playback: str
    media: tuple[str, ...]
    language: str = ""
    instead: str = ""


class Release(Base, frozen=True, kw_only=True):
    """Give a caller back to his dialplan with this result in CC_RESULT; "to:<generation>/<flow>" is the
    beginning of a flow. `telling`: the playback of a Tell
    for him, or ''; it is stopped first, because he would leave only after its end."""

    call: Ref
    result: str
    telling: str = ""


class Hangup(Base, frozen=True, kw_only=True):
    channel: Ref


class Offer(Base, frozen=True, kw_only=True):
    """Ring an agent's phone for a caller. The new channel has the id of `leg`. Nobody is rung for a customer
    who is to be called back, nor outside, while that trunk has `most` calls (0: never full)."""

    leg: Ref
    call: Ref
    agent: str
    endpoint: str  # technology and resource: PJSIP/anna
    ring_ms: int
    caller: str
    caller_name: str
    queue: str
    language: str = ""
    trunk: str = ""
    most: int = 0


class Dial(Base, frozen=True, kw_only=True):
    """Call a customer back. The new channel has the id of `call`; if it is there already, it is dialled
    already. `leg` is the agent who hears it ring, or ''; `telling` the id of that sound; `most` as before."""

    call: Ref
    endpoint: str  # technology, number and trunk: PJSIP/+49301@telco
    trunk: str
    ring_ms: int
    caller_id: str
    music: str = "default"
    language: str = ""
    leg: Ref = ""
    telling: str = ""
    most: int = 0


class Whisper(Base, frozen=True, kw_only=True):
    """Play to one leg alone, then tell WhisperDone. `media` are ARI media URIs. `again`: it may play already,
    by a run of ours that died."""

    leg: Ref
    media: tuple[str, ...]
    language: str = ""
    again: bool = False


class Connect(Base, frozen=True, kw_only=True):
    """Bridge caller and leg; start recording to `record` (relative path) when it is not ''. `telling` as in
    Release. `whispering`: the whisper may still play, and is stopped first."""

    call: Ref
    leg: Ref
    record: str = ""
    telling: str = ""
    whispering: bool = False


class Consult(Base, frozen=True, kw_only=True):
    """Let an agent (`leg`) and the one whom he asks (`target`) hear each other: Joined or JoinFailed."""

    leg: Ref
    target: Ref


class TakeOver(Base, frozen=True, kw_only=True):
    """Fetch the channel `target`, by its `name`, out of the dialplan: LegAnswered when it is here."""

    leg: Ref
    target: Ref
    name: str


class Ringback(Base, frozen=True, kw_only=True):
    """Let an agent hear that the one whom he asks is being rung; `on` False: stop it."""

    leg: Ref
    on: bool = True


class AnswerRefer(Base, frozen=True, kw_only=True):
    """Tell the phone what became of the transfer that it asked for: `state` as ARI says it."""

    leg: Ref
    state: str


class Disconnect(Base, frozen=True, kw_only=True):
    """The talk is over: take the bridge away, hang up the leg if it still lives. `after`: a caller who must
    have been moved out of it before, or ''."""

    leg: Ref
    after: Ref = ""


class CallSupervisor(Base, frozen=True, kw_only=True):
    """Ring a supervisor's phone to let him listen. The new channel has the id of `leg`."""

    leg: Ref
    endpoint: str
    caller_name: str
    ring_ms: int = 30_000


class Watch(Base, frozen=True, kw_only=True):
    """Let `leg` (a supervisor, answered) hear or join the talk of `target` in this mode.
    `serial` makes the snoop's id unique among the switches of one watch."""

    leg: Ref
    target: Ref
    mode: str
    serial: int


class EndWatch(Base, frozen=True, kw_only=True):
    """Take a supervisor off; hang up his leg. `serial` is that of his last Watch."""

    leg: Ref
    serial: int = 0


class SayToPhone(Base, frozen=True, kw_only=True):
    """Answer a desk phone that dialled a feature code, play `media`, hang up."""

    channel: Ref
    media: tuple[str, ...]
    language: str = ""


class MirrorAgent(Base, frozen=True, kw_only=True):
    """Tell app_queue, which serves when we do not, whether this agent takes calls."""

    endpoint: str
    present: bool
    queue: str = ""  # in this one alone


class MirrorMember(Base, frozen=True, kw_only=True):
    """Tell app_queue that an agent serves a queue, or does not, otherwise than the site says."""

    endpoint: str
    queue: str
    title: str
    member: bool
    present: bool


class StartTimer(Base, frozen=True, kw_only=True):
    timer: str
    at: int


class StopTimer(Base, frozen=True, kw_only=True):
    timer: str


class Reply(Base, frozen=True, kw_only=True):
    """The answer to a Request event. `error` is a stable id ('' = done), `text` is for people."""

    request: str
    error: str = ""
    text: str = ""


class Note(Base, frozen=True, kw_only=True):
    """Something worth a line in the log. Of one `cause` there is one line an hour; without one, each."""

    text: str
    warning: bool = False
    cause: str = ""


AsteriskCommand = (
    Hold | ExtendWait | Tell | Release | Hangup | Offer | Dial | Whisper | Connect | Disconnect
    | Consult | TakeOver | Ringback | AnswerRefer
    | CallSupervisor | Watch | EndWatch | SayToPhone | MirrorAgent | MirrorMember
)  # fmt: skip
Command = AsteriskCommand | StartTimer | StopTimer | Reply | Note

"""What a simulated call tells its driver."""

import msgspec

from ccctl.errors import CcctlError


class SimError(CcctlError):
    """the simulator cannot run this dialplan"""

    id = "simulator"


class Executed(msgspec.Struct, frozen=True, gc=False):
    """One priority as AMI's Newexten reports it. `channel` is "" for the caller, else a dialled endpoint."""

    context: str
    exten: str
    priority: int
    app: str
    data: str
    at_ms: int = 0
    channel: str = ""


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """The call stands still: press, hang up, release, or let it run on to `until_ms` (None: for ever).

    `kind` is play, say, digits, sleep, ring, talk, queue, stasis, record, voicemail, conference or tone;
    `what` is what is heard or waited for; `keys` are the keys that would be taken now.
    """

    kind: str
    what: str
    until_ms: int | None
    keys: str = ""
    channel: str = ""


class Ended(msgspec.Struct, frozen=True, gc=False):
    """`why`: hangup (by the dialplan), caller, fallthrough, invalid, timeout, error or loop."""

    cause: int
    why: str
    text: str
    at_ms: int


Moment = Executed | Waiting | Ended

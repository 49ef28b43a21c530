"""What the bodies of the requests may hold. Unknown keys are refused."""

from typing import Annotated, Literal

import msgspec

Word = Annotated[str, msgspec.Meta(max_length=80)]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No fields at all."""


class By(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`by` is the user who asks; empty means the operator of this machine."""

    by: Word = ""


class Pause(By, frozen=True, forbid_unknown_fields=True):
    """`queue`: for this one alone."""

    reason: Word = ""
    queue: Word = ""


class Unpause(By, frozen=True, forbid_unknown_fields=True):
    queue: Word = ""


class WrapUp(By, frozen=True, forbid_unknown_fields=True, kw_only=True):
    extend_ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000)]


class Membership(By, frozen=True, forbid_unknown_fields=True, kw_only=True):
    queue: Word


class Monitor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`phone` is the user whose phone is rung; empty means the asking user's own."""

    mode: Literal["listen", "whisper", "barge"]
    phone: Word = ""
    by: Word = ""


class Callback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`due` in Unix milliseconds; 0 is now."""

    queue: Word
    number: Word
    due: Annotated[int, msgspec.Meta(ge=0, lt=10**14)] = 0
    language: Word = ""
    by: Word = ""


class EndMonitor(By, frozen=True, forbid_unknown_fields=True):
    """`supervisor` ends one listener only; empty ends all of this agent."""

    supervisor: Word = ""


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to`: an extension, a number, a user, queue:NAME, flow:NAME; `attended`: the agent asks him first."""

    to: Word
    attended: bool = False
    by: Word = ""


class Consult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a consultation."""

    what: Literal["complete", "cancel", "conference"]
    by: Word = ""

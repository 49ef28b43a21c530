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
    reason: Word = ""


class Monitor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`phone` is the user whose phone is rung; empty means the asking user's own."""

    mode: Literal["listen", "whisper", "barge"]
    phone: Word = ""
    by: Word = ""


class EndMonitor(By, frozen=True, forbid_unknown_fields=True):
    """`supervisor` ends one listener only; empty ends all of this agent."""

    supervisor: Word = ""

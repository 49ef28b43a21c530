"""What is recorded, and where it goes. A name holds no personal data: date and the leg's id only."""

from datetime import UTC, datetime

from ccctl.events import Ref, split_ref


def is_recorded(policy: str, wish: str) -> bool:
    """`policy` of the queue: always, never, consent; `wish` of the call: yes, no, or nothing said. Who
    has said no is never recorded."""
    if policy == "always":
        return wish != "no"
    return policy == "consent" and wish == "yes"


def recording_path(leg: Ref, at: int) -> str:
    """Path below the recordings folder: 2026/11/22/<leg id>.wav, by the UTC day."""
    day = datetime.fromtimestamp(at / 1000, UTC)
    return f"{day:%Y/%m/%d}/{split_ref(leg)[1]}.wav"

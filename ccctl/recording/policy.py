"""Where a recording goes. The name holds no personal data: date and the leg's id only."""

from datetime import UTC, datetime

from ccctl.events import Ref, split_ref


def recording_path(leg: Ref, at: int) -> str:
    """Path below the recordings folder: 2026/11/22/<leg id>.wav, by the UTC day."""
    day = datetime.fromtimestamp(at / 1000, UTC)
    return f"{day:%Y/%m/%d}/{split_ref(leg)[1]}.wav"

"""Times and states in the words the live commands use."""

from collections.abc import Mapping

STATES = (
    *("ready", "reserved", "ringing", "whisper", "talking", "held", "consulting", "wrapup"),
    *("direct_call", "paused", "not_responding", "unreachable"),
)


def lasted(since: int | None, now: int) -> str:
    """0:07, 12:34, 1:02:03; '' for no time."""
    if since is None:
        return ""
    seconds = max(0, now - since) // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def staff(agents: Mapping[str, int]) -> str:
    """ "2 ready, 1 talking"; states with nobody are left out."""
    parts = [f"{agents[state]} {state.replace('_', ' ')}" for state in STATES if agents.get(state)]
    return ", ".join(parts) or "nobody"


def level(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"

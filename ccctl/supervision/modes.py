"""Listening to agents: the modes, and who may use them. Pure."""

from collections.abc import Iterable
from enum import StrEnum


class Mode(StrEnum):
    LISTEN = "listen"  # the supervisor hears both, nobody hears him
    WHISPER = "whisper"  # the agent hears him too, the caller does not
    BARGE = "barge"  # everybody hears everybody


def may_monitor(roles: Iterable[str], allowed: Iterable[str]) -> bool:
    """No role, no ear."""
    return bool(set(roles) & set(allowed))

"""Tasks, clock and ids: the only place of the daemon that reads the clock or makes ids."""

import secrets
import time

from ccctl.asterisk.background import spawn

__all__ = ["new_boot", "new_request", "now_ms", "spawn"]


def now_ms() -> int:
    """Unix time in milliseconds, UTC."""
    return time.time_ns() // 1_000_000


def new_boot() -> str:
    """Six characters that make the ids of one run of the daemon unlike those of any other."""
    return secrets.token_hex(3)


def new_request() -> str:
    return secrets.token_hex(8)

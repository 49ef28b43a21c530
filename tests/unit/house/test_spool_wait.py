"""The start waits for a spool that moves, however long, and gives up on one that does not."""

from typing import Any

import pytest

from ccctl.errors import StoreError
from ccctl.runtime import restore


class Spooled:
    """Is drained after so many looks; `moves` says whether anything gets written meanwhile."""

    def __init__(self, looks: int, moves: bool) -> None:
        self.left, self.moves, self.written = looks, moves, 0

    def drained(self, timeout: float | None = None) -> bool:
        self.left -= 1
        self.written += self.moves
        return self.left <= 0

    def status(self) -> dict[str, Any]:
        return {"written": self.written, "error": "database or disk is full"}


def test_a_long_spool_is_waited_for() -> None:
    writer = Spooled(looks=500, moves=True)
    restore._await_spool(writer)  # type: ignore[arg-type] # a stand-in
    assert writer.written == 500


def test_a_stuck_spool_ends_the_start_with_its_reason() -> None:
    writer = Spooled(looks=500, moves=False)
    with pytest.raises(StoreError, match=r"disk is full.*kept until then"):
        restore._await_spool(writer)  # type: ignore[arg-type] # a stand-in
    assert writer.left > 400

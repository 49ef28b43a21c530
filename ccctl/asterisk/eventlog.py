"""Follows Asterisk's channel event log file: each record becomes an event once, also over restarts.

The file is the one source, live and after a gap: Asterisk writes a record at once, with its exact
time, whether anybody listens or not. How far it was read travels in the events themselves, so the
journal that knows an event also knows that its record is done.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import BinaryIO

from msgspec.structs import replace

from ccctl import events as e
from ccctl.asterisk.cel import from_line, to_event
from ccctl.asterisk.node import Node

log = logging.getLogger(__name__)
POLL_S = 0.1
CHUNK = 1 << 18
SLICE = 1 << 12  # a line is at most some hundred bytes
WANTED = (b'"CC_', b'"CHAN_START"', b'"ANSWER"', b'"HANGUP"', b'"BRIDGE_')  # the rest need not be parsed


class EventLog:
    """`place` = (inode, offset) of the last run; without it the log begins at its present end."""

    def __init__(self, node: Node, emit: Callable[[e.Event], None], clock: Callable[[], int]) -> None:
        self._node, self._emit, self._clock = node, emit, clock
        self._file: BinaryIO | None = None
        self._inode = 0
        self._offset = 0
        self._said = ""

    async def follow(self, place: tuple[int, int] | None) -> None:
        """For ever: read what is new, several times a second."""
        self.begin(place)
        while True:
            try:
                more = self._read(SLICE) or self._rotated()
            except Exception:  # one bad record or a disk error must not end the ledger of all calls
                log.exception("channel event log", extra={"action": "event-log"})
                more = False
            await asyncio.sleep(0 if more else POLL_S)  # between slices calls come first

    def begin(self, place: tuple[int, int] | None) -> None:
        self._inode, self._offset = self._now() if place is None else place
        self._open()
        if place is None:
            now = self._clock()
            name = self._node.name
            self._emit(e.LogOpened(at=now, node=name, file=self._inode, place=self._offset, cause="start"))

    def drain(self) -> None:
        """Tell everything that is in the file by now."""
        while True:
            while self._read(CHUNK):
                pass
            if not self._rotated():
                return

    # -- files -------------------------------------------------------------------------------------

    def _now(self) -> tuple[int, int]:
        try:
            status = os.stat(self._node.cel_file)
        except OSError:
            return 0, 0
        return status.st_ino, status.st_size

    def _open(self) -> None:
        """The file that we were reading, under its name or the one it was rotated to."""
        self._close()
        for path in (self._node.cel_file, f"{self._node.cel_file}.1"):
            try:
                file = open(path, "rb")  # noqa: SIM115 - kept open, closed by close()
            except FileNotFoundError:  # Asterisk makes it with the first record
                continue
            except OSError as error:
                self._complain(str(error))
                continue
            if os.fstat(file.fileno()).st_ino == self._inode or self._inode == 0:
                self._file, self._inode = file, os.fstat(file.fileno()).st_ino
                self._said = ""
                return
            file.close()

    def _complain(self, text: str) -> None:
        if text != self._said:
            self._said = text
            log.warning("channel event log: %s", text, extra={"action": "event-log"})

    def _rotated(self) -> bool:
        """Go to the new file when all of the old one was read; True when there is more to read."""
        inode, size = self._now()
        if inode == 0 or (inode == self._inode and size >= self._offset and self._file is not None):
            return False
        self._inode, self._offset = inode, 0
        self._open()
        return self._file is not None

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    close = _close

    # -- records -----------------------------------------------------------------------------------

    def _read(self, size: int) -> bool:
        """One chunk of whole lines; False when there was none."""
        if self._file is None:
            return False
        self._file.seek(self._offset)
        data = self._file.read(size)
        end = data.rfind(b"\n") + 1
        if not end and len(data) == size < CHUNK:
            return self._read(CHUNK)
        for line in data[:end].splitlines(keepends=True):
            self._offset += len(line)
            if any(word in line for word in WANTED):
                self._tell(line)
        return end > 0

    def _tell(self, line: bytes) -> None:
        record = from_line(line.decode(errors="replace"))
        if record is None:
            log.warning("channel event log: not understood: %.120r", line, extra={"action": "event-log"})
            return
        event = to_event(self._node.name, record)
        if isinstance(event, e.Logged):
            self._emit(replace(event, file=self._inode, place=self._offset))

"""The file that takes the journal while the database fails.

A header names the file (16 random bytes, so the database can remember how far *this* file was
drained), then frames follow: length, CRC-32, payload. A frame that was cut off by a crash or a full
disk is cut away, whole frames are never lost.
"""

import errno
import os
import struct
import zlib
from pathlib import Path

MAGIC = b"ccspool1"
_FRAME = struct.Struct("<IIQ")  # length, CRC-32, number of items
HEADER = len(MAGIC) + 16


class Spool:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.spool"
        self.ident = ""
        self.items = 0  # not yet drained
        self._file = -1
        self._end = 0
        self._read = 0

    def open(self) -> bool:
        """Takes up the file of an earlier run; False when there is none."""
        try:
            self._file = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return False
        head = os.pread(self._file, HEADER, 0)
        if len(head) < HEADER or not head.startswith(MAGIC):
            self.close()
            self._set_aside(len(head))
            return False
        self.ident = head[len(MAGIC) :].hex()
        self._read = self._end = HEADER
        while frame := self._frame_at(self._end):
            self._end += _FRAME.size + len(frame[0])
            self.items += frame[1]
        os.ftruncate(self._file, self._end)
        return True

    def _set_aside(self, length: int) -> None:
        """A file cut off in its header holds nothing; any other is kept for people to look at."""
        if length < HEADER:
            self.path.unlink()
        else:
            self.path.replace(self.path.with_suffix(".unreadable"))

    @property
    def is_open(self) -> bool:
        return self._file >= 0

    @property
    def offset(self) -> int:
        return self._read

    def _frame_at(self, offset: int) -> tuple[bytes, int] | None:
        head = os.pread(self._file, _FRAME.size, offset)
        if len(head) < _FRAME.size:
            return None
        length, crc, items = _FRAME.unpack(head)
        payload = os.pread(self._file, length, offset + _FRAME.size)
        return (payload, items) if len(payload) == length and zlib.crc32(payload) == crc else None

    def append(self, payload: bytes, items: int) -> None:
        """Durable when it returns; on OSError the file is as it was."""
        if not self.is_open:
            self._create()
        frame = _FRAME.pack(len(payload), zlib.crc32(payload), items) + payload
        try:
            done = 0
            while done < len(frame):
                done += os.pwrite(self._file, frame[done:], self._end + done)
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._end += len(frame)
        self.items += items

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        ident = os.urandom(16)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
        try:
            if os.pwrite(self._file, MAGIC + ident, 0) < HEADER:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._sync_folder()
        except OSError:
            self.remove()
            raise
        self.ident = ident.hex()
        self._read = self._end = HEADER
        self.items = 0

    def next(self) -> tuple[bytes, int] | None:
        """The payload to drain now and the offset behind it; None at the end."""
        frame = self._frame_at(self._read) if self.is_open and self._read < self._end else None
        return (frame[0], self._read + _FRAME.size + len(frame[0])) if frame else None

    def drained_to(self, offset: int) -> None:
        while self._read < min(offset, self._end) and (frame := self._frame_at(self._read)):
            self._read += _FRAME.size + len(frame[0])
            self.items -= frame[1]

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)
        self._sync_folder()

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        if self.is_open:
            os.close(self._file)
        self._file = -1
        self.ident = ""
        self.items = 0

"""Sounds that were made before, by what they were made of. One folder of this user for all sites and labs.

An entry is one file, written beside its place and renamed, so two applies never see half of one. It carries
a checksum of itself: a damaged entry is as good as none. When the folder grows over its limit, entries that
were not used for the longest time go first.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from ccctl.asterisk.shaping import Files

LIMIT_BYTES = 500_000_000
_KEPT = 0.8  # of the limit, when the folder is cleared


def cache_folder() -> Path:
    """$CCCTL_CACHE, else the usual place of the user."""
    if given := os.environ.get("CCCTL_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(base) / "ccctl" / "sounds"


def key_of(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class SoundCache:
    """A cache that cannot be written is no fault of a site: sounds are then simply made."""

    def __init__(self, folder: Path | None = None, limit: int = LIMIT_BYTES) -> None:
        self.folder = folder or cache_folder()
        self.limit = limit

    def get(self, key: str) -> Files | None:
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        checksum, packed = data[:32], data[32:]
        if hashlib.sha256(packed).digest() == checksum:
            with suppress(msgspec.MsgspecError):
                return msgspec.msgpack.decode(packed, type=Files)
        path.unlink(missing_ok=True)
        return None

    def put(self, key: str, files: Files) -> None:
        packed = msgspec.msgpack.encode(files)
        path = self._path(key)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(packed).digest() + packed)
                os.replace(name, path)
            finally:
                Path(name).unlink(missing_ok=True)

    def clear_old(self) -> None:
        """Bring the folder back under its limit; what a killed run left half-written goes the same way."""
        entries = []
        for path in self.folder.glob("*/*"):
            with suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        if total <= self.limit:
            return
        for _, size, path in sorted(entries):
            if total <= self.limit * _KEPT:
                return
            with suppress(OSError):
                path.unlink(missing_ok=True)
            total -= size

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]

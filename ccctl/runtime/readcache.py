"""What was read of a site's files before, by the content of the files and by the code that read them.

One folder of this user. An entry is written beside its place and renamed, and carries a checksum of itself:
a damaged one is as good as none, and a folder that cannot be written is no fault of a site.
"""

import functools
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import ccctl
from ccctl.flow import graph

MAX_ENTRIES = 2000
_KEPT = 0.5


def cache_folder() -> Path:
    """Below $CCCTL_CACHE, else at the usual place of the user."""
    if given := os.environ.get("CCCTL_CACHE"):
        return Path(given) / "sites"
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "ccctl" / "sites"


@functools.cache
def fingerprint() -> str:
    """Of the code that reads: what another version has read is not looked at."""
    with os.scandir(os.path.dirname(graph.__file__)) as found:
        files = sorted((each.name, each.stat().st_mtime_ns, each.stat().st_size) for each in found)
    return f"{ccctl.__version__} {[file for file in files if file[0].endswith('.py')]}"


class ReadCache:
    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder()
        self.written = 0

    def key(self, *parts: str | bytes) -> str:
        digest = hashlib.sha256(fingerprint().encode())
        for part in parts:
            data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
            digest.update(len(data).to_bytes(8, "big") + data)
        return digest.hexdigest()

    def get(self, key: str) -> bytes | None:
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        return data[32:] if hashlib.sha256(data[32:]).digest() == data[:32] else None

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".new")  # mode 0600
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(data).digest() + data)
                os.replace(name, path)
                self.written += 1
            finally:
                Path(name).unlink(missing_ok=True)

    def clear_old(self) -> None:
        """Called after something was written: the folder does not grow without end."""
        if not self.written:
            return
        found = []
        for path in self.folder.glob("*/*"):
            with suppress(OSError):
                found.append((path.stat().st_mtime, path))
        if len(found) > MAX_ENTRIES:
            for _, path in sorted(found)[: int(len(found) * _KEPT)]:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]

"""Which Debian archive this machine uses, read from apt's own lists.

Both forms are understood: one-line entries (sources.list, *.list) and deb822 stanzas (*.sources).
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEBIAN = re.compile(r"(^|[/.])debian/*$")  # not debian-security, not a vendor's folder


def find_archive(apt_dir: Path = Path("/etc/apt")) -> str | None:
    """The address of the Debian archive that apt is configured for, or None."""
    return next((uri for uri in _uris(_files(apt_dir)) if DEBIAN.search(uri)), None)


def _files(apt_dir: Path) -> Iterator[Path]:
    yield apt_dir / "sources.list"
    parts = apt_dir / "sources.list.d"
    yield from sorted(parts.glob("*.list"))
    yield from sorted(parts.glob("*.sources"))


def _uris(files: Iterable[Path]) -> Iterator[str]:
    for file in files:
        try:
            text = file.read_text(errors="replace")
        except OSError:
            continue
        yield from _deb822(text) if file.suffix == ".sources" else _one_line(text)


def _one_line(text: str) -> Iterator[str]:
    """deb [options] URI suite component..."""
    for line in text.splitlines():
        entry = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+\S+\s+(.*)", line)
        if entry and "main" in entry[2].split("#")[0].split():
            yield entry[1].rstrip("/")


def _deb822(text: str) -> Iterator[str]:
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        fields = re.findall(r"^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)", "\n".join(lines), re.M)
        entry = {name.lower(): value.split() for name, value in fields}
        if entry.get("enabled") == ["no"] or "deb" not in entry.get("types", []):
            continue
        if "main" in entry.get("components", []):
            yield from (uri.rstrip("/") for uri in entry.get("uris", []))

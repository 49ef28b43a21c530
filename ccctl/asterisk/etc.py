"""Reads configuration that people wrote for Asterisk: sections with their places, includes followed."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

OURS = "ccctl/current/"  # what an apply generates
_DEEPEST = 8
_SECTION = re.compile(r"\[([^\]]+)\]\s*(?:\(([^)]*)\))?")
_INCLUDE = re.compile(r"#\s*(try)?include\s+[\"<]?([^\">]+?)[\">]?\s*$")
_COMMENT = re.compile(r"(?<!\\);.*")
_BLOCK = re.compile(r"(?<!\\);--(?!-).*?--;", re.DOTALL)


class Part(msgspec.Struct, frozen=True):
    """One `[name]` as it stands in a file."""

    name: str
    file: str
    line: int
    options: tuple[tuple[str, str], ...] = ()
    template: bool = False

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def get(self, key: str, default: str = "") -> str:
        """The last one counts, as in Asterisk's own files."""
        return {name.lower(): value for name, value in self.options}.get(key, default)


def read(etc: Path, name: str) -> list[Part]:
    """The sections of one file and of what it includes, without what we generate; [] when it is not there."""
    parts: list[Part] = []
    for file, number, text in _lines(etc, name, _DEEPEST):
        if found := _SECTION.match(text):
            flags = [flag.strip() for flag in (found[2] or "").split(",")]
            parts.append(Part(found[1].strip(), file, number, template="!" in flags))
        elif parts and "=" in text:
            key, _, value = text.partition("=")
            option = (key.strip(), value.removeprefix(">").strip())
            parts[-1] = msgspec.structs.replace(parts[-1], options=(*parts[-1].options, option))
    return parts


def _lines(etc: Path, name: str, deepest: int) -> Iterator[tuple[str, int, str]]:
    """Lines without comments, includes in their place."""
    for number, text in _plain(etc / name):
        found = _INCLUDE.match(text)
        if not found:
            yield name, number, text
        elif deepest and OURS not in found[2]:
            for path in sorted(etc.glob(found[2])) if not found[2].startswith("/") else [Path(found[2])]:
                yield from _lines(
                    etc, str(path.relative_to(etc)) if path.is_relative_to(etc) else str(path), deepest - 1
                )


def _plain(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return
    text = _BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), 1):
        if bare := _COMMENT.sub("", line).strip():
            yield number, bare


def includes(path: Path) -> list[str]:
    """What a file includes by itself."""
    return [found[2] for _, text in _plain(path) if (found := _INCLUDE.match(text))]

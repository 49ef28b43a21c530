"""The files of a site's folder: regular files only, only so large, and each of them once."""

import errno
import fnmatch
import glob
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow.schema import Document, include_patterns
from ccctl.flow.source import MAX_BYTES, Mapping, Parsed, Scalar, parse
from ccctl.flow.values import Wrong
from ccctl.runtime.readcache import ReadCache

SECRETS = "secrets.yaml"
CACHED_BYTES = 4000  # a shorter file is parsed in no time
READ_TRIES = 3
MAX_FOLDERS = 10  # of an include pattern: with links that lead back, every one more doubles the paths
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Parsed)


def read_file(path: Path) -> bytes:
    """What a file holds; of one that is too large, as much as tells that it is.

    Neither waits for a pipe or a device nor takes the half of a file that somebody writes at this moment.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "this is not a file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        for _ in range(READ_TRIES):
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise OSError(errno.EINVAL, "this is not a file")
            data = file.read(MAX_BYTES + 1)
            after = os.fstat(descriptor)
            if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
                return data
            file.seek(0)
    raise OSError(errno.EAGAIN, "it changes all the time")


def shown_prefix(folder: Path) -> str:
    """What stands before a site file's path when it is shown: short when the reader stands near it."""
    full, here = folder.resolve(), Path.cwd()
    if full == here:
        return ""
    return printable(f"{full.relative_to(here) if full.is_relative_to(here) else folder}/")


def printable(path: str) -> str:
    """A path whose bytes are no UTF-8 can still be shown."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class SiteFiles:
    """The YAML files of a folder: those at its top, and those that they include."""

    def __init__(self, folder: Path, cache: ReadCache | None = None) -> None:
        self.folder = folder
        self.cache = cache or ReadCache()
        self.shown = shown_prefix(folder)
        self.findings: list[Diagnostic] = []
        self.unparsed = False
        self.taken: set[tuple[int, int]] = set()  # by device and inode: a link is the file that it leads to

    def show(self, path: str) -> str:
        return printable(f"{self.shown}{path}")

    def read_documents(self) -> list[Document]:
        try:
            names = sorted(path.name for path in self.folder.iterdir() if path.suffix in (".yaml", ".yml"))
        except OSError as error:
            text = f"the folder cannot be read: {error.strerror}"
            self.findings.append(findings.unreadable(Span(str(self.folder)), text))
            return []
        waiting = [
            name for name in names if name != SECRETS and not name.startswith(".") and self._take(name)
        ]
        documents: list[Document] = []
        while waiting:
            document = self._read_document(waiting.pop(0))
            if document is None:
                continue
            documents.append(document)
            included = [path for word in include_patterns(document) for path in self._included(word)]
            waiting += [path for path in included if self._take(path)]
        return documents

    def read_change(self, path: str) -> Document | Wrong:
        """A file that is laid over the site, whose own files have been read. What is wrong inside it is
        among the findings."""
        if Path(path).name == SECRETS:
            return Wrong("is the file of the secrets", "write the change into a file of its own")
        data = self.read_named(path)
        if isinstance(data, Wrong):
            return data
        if not self._take(path):
            return Wrong("is a file of the site itself", "write the change into a folder of its own")
        parsed = parse(data, self.show(path))
        self.findings += parsed.findings
        self.unparsed = self.unparsed or parsed.root is None
        document = Document(self.show(path), parsed.root or Mapping((), Span(self.show(path))))
        for word in include_patterns(document):
            self._missing(word, "a change is one file and includes no other", "write all into this file")
        return document

    def _take(self, path: str) -> bool:
        """False for a file that is read already."""
        try:
            status = (self.folder / path).stat()
        except OSError:
            return True  # reading it will say why
        known = (status.st_dev, status.st_ino) in self.taken
        self.taken.add((status.st_dev, status.st_ino))
        return not known

    def _read_document(self, path: str) -> Document | None:
        try:
            data = read_file(self.folder / path)
        except OSError as error:
            text = f"the file cannot be read: {error.strerror}"
            self.findings.append(findings.unreadable(Span(self.show(path)), text))
            self.unparsed = True
            return None
        digest = self.cache.key(self.show(path), data) if len(data) >= CACHED_BYTES else ""
        parsed = self._parse(data, self.show(path), digest)
        self.findings += parsed.findings
        if parsed.root is None:
            self.unparsed = self.unparsed or any(finding.code != "E916" for finding in parsed.findings)
            return None
        return Document(self.show(path), parsed.root, digest)

    def _parse(self, data: bytes, file: str, digest: str) -> Parsed:
        """As it was parsed before, if it was."""
        kept = self.cache.get(digest) if digest else None
        if kept is not None:
            with suppress(msgspec.MsgspecError):
                return _DECODER.decode(kept)
        parsed = parse(data, file)
        if digest:
            self.cache.put(digest, _ENCODER.encode(parsed))
        return parsed

    def _included(self, word: Scalar) -> list[str]:
        if _leaves(word.text):
            self._missing(
                word, f'include "{word.text}" leaves the folder of the site', "keep its files together"
            )
            return []
        if word.text.count("/") > MAX_FOLDERS:
            self._missing(word, f'include "{word.text}" is too deep', f"at most {MAX_FOLDERS} folders")
            return []
        paths = [path for path in _matching(self.folder, word.text) if path != SECRETS]
        if not paths:
            self._missing(
                word, f'include "{word.text}" matches no file', "paths are relative to the site's folder"
            )
        return paths

    def _missing(self, word: Scalar, text: str, hint: str) -> None:
        self.findings.append(faults.missing_file(word.span, text, hint))

    def read_named(self, path: str) -> bytes | Wrong:
        """A file that the site names, for example a calendar."""
        if _leaves(path):
            return Wrong("leaves the folder of the site", "keep its files together")
        try:
            return read_file(self.folder / path)
        except FileNotFoundError:
            return Wrong("not found", "paths are relative to the site's folder")
        except OSError as error:
            return Wrong(f"cannot be read: {error.strerror}", "")


def _leaves(path: str) -> bool:
    return os.path.isabs(path) or ".." in Path(path).parts


def _matching(folder: Path, pattern: str) -> list[str]:
    """The files that a pattern names. `**` goes into all folders, but follows no link: it may lead back."""
    if "**" not in pattern.split("/"):
        return sorted(path for path in glob.glob(pattern, root_dir=folder) if (folder / path).is_file())
    parts = ["(?:[^/]+/)*" if part == "**" else f"{_pattern(part)}/" for part in pattern.split("/")]
    if pattern.endswith("**"):
        parts.append("[^/]+/")
    expression = re.compile("".join(parts))
    return sorted(path for path in _walk(folder) if expression.fullmatch(f"{path}/"))


def _pattern(part: str) -> str:
    """A part of a path, as fnmatch has it; there are no slashes in one."""
    return (
        fnmatch.translate(part)
        .removesuffix(r"\Z")
        .removesuffix(r"\z")
        .replace("(?s:", "(?:", 1)
        .replace(".*", "[^/]*")
    )


def _walk(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(root, name)
            if not name.startswith(".") and path.is_file():
                yield path.relative_to(folder).as_posix()

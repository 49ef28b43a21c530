"""Who changed what, when and why; and how long revisions are kept.

<etc>/ccctl/history.jsonl has a line for each change that was loaded to its end. What it lacks, because an
apply died before it wrote its line, is in the revisions themselves.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from ccctl.asterisk import conf
from ccctl.asterisk.conf import Manifest, Revision
from ccctl.asterisk.node import Node
from ccctl.asterisk.record import Entry
from ccctl.errors import ApplyError, NotFound

KEEP_CHANGES = 50
KEEP_BYTES = 200 * 1024**2
KEEP_AT_LEAST = 2  # the change in force and the one before it


class Past(msgspec.Struct, frozen=True):
    """One change of the history. `folder` is the revision that holds it now, '' when it was tidied away."""

    entry: Entry
    folder: str = ""
    in_force: bool = False
    complete: bool = True  # False: Asterisk never loaded it to its end


def _file(node: Node) -> Path:
    return conf.folder(node) / "history.jsonl"


def note(node: Node, entry: Entry) -> None:
    """A change is in force: write it down for good. A history that cannot be written stops no call."""
    with suppress(OSError), _file(node).open("ab+") as file:
        torn = file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n"
        file.write((b"\n" if torn else b"") + msgspec.json.encode(entry) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def mend(node: Node) -> None:
    """The line that an apply which died at its very end did not write."""
    current = conf.read_manifest(node, "current")
    if not current or not current.entry or conf.is_broken_off(node):
        return
    if all(entry.revision != current.change for entry in _noted(node)):
        note(node, current.entry)


def past(node: Node) -> list[Past]:
    """Every change that is known, the newest first."""
    noted = {entry.revision: entry for entry in _noted(node)}
    held = dict(_held(node))
    current = conf.read_manifest(node, "current")
    entries = noted | {change: _entry(manifest) for change, manifest in held.items()}
    return [
        Past(
            entries[change],
            held[change].revision if change in held else "",
            bool(current and current.change == change),
            change in noted or held[change].entry is None,
        )
        for change in sorted(entries, reverse=True)
    ]


def _noted(node: Node) -> Iterator[Entry]:
    try:
        lines = _file(node).read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ApplyError(f"{_file(node)} cannot be read: {error.strerror}") from None
    for line in lines:
        with suppress(msgspec.MsgspecError):  # a torn last line
            yield msgspec.json.decode(line, type=Entry)


def _held(node: Node) -> Iterator[tuple[str, Manifest]]:
    """Change -> the newest revision on disk that holds it."""
    for revision in conf.revisions(node):
        if manifest := conf.read_manifest(node, revision):
            yield manifest.change, manifest


def _entry(manifest: Manifest) -> Entry:
    return manifest.entry or Entry(manifest.revision, manifest.generation)


def find(node: Node, wanted: str = "") -> Past:
    """The change that `wanted` names (r000012, r12 or 12); '' is the newest one before the one in force
    that is another site: a change that only repaired something leads nowhere. NotFound, ApplyError."""
    known = [each for each in past(node) if each.complete]
    if not wanted:
        before = [each for each in known if each.entry.revision < _in_force(known)]
        if not before:
            raise ApplyError("there is no change before the one in force", "'ccctl history' lists them all")
        current = _model(node, next((each for each in known if each.in_force), None))
        return next((each for each in before if _model(node, each) != current), before[0])
    digits = wanted.lower().removeprefix("r")
    name = f"r{int(digits):06}" if digits.isdecimal() and len(digits) < 12 else wanted
    manifest = conf.read_manifest(node, name)
    names = {name, manifest.change} if manifest else {name}
    for each in known:
        if each.entry.revision in names:
            return each
    raise NotFound(f"there is no revision {wanted}", "'ccctl history' lists them all")


def _model(node: Node, each: Past | None) -> object:
    """What the site was, or the change itself where that is not known any more."""
    revision = conf.read_revision(node, each.folder) if each and each.folder else None
    return revision.record.model if revision and revision.record else each


def _in_force(known: list[Past]) -> str:
    return next((each.entry.revision for each in known if each.in_force), "")


def read(node: Node, found: Past) -> Revision:
    """All of a past change, to put it in force again."""
    revision = conf.read_revision(node, found.folder) if found.folder else None
    if revision is None:
        raise ApplyError(
            f"revision {found.entry.revision} was tidied away: the last {KEEP_CHANGES} changes are kept,"
            f" up to {KEEP_BYTES // 1024**2} MB",
            "apply that version of the site from your version control",
        )
    if revision.record is None:
        raise ApplyError(
            f"revision {found.entry.revision} was written by another version of ccctl",
            "apply that version of the site from your version control",
        )
    return revision


# -- tidying ---------------------------------------------------------------------------------------


def tidy(node: Node) -> None:
    """One revision for each change; the last changes, and no more bytes than are meant for them."""
    held = dict(_held(node))
    newest = sorted(held.values(), key=lambda manifest: manifest.revision, reverse=True)
    keep, size = set(_in_use(node)), 0
    for number, manifest in enumerate(newest):
        size += _bytes(conf.folder(node) / manifest.revision)
        if number < KEEP_AT_LEAST or (number < KEEP_CHANGES and size <= KEEP_BYTES):
            keep.add(manifest.revision)
    for revision in conf.revisions(node):
        if revision not in keep:
            conf.remove(node, revision)


def _in_use(node: Node) -> Iterator[str]:
    for manifest in (conf.read_manifest(node, "current"), conf.read_manifest(node, conf.loaded(node))):
        if manifest:
            yield manifest.revision


def _bytes(folder: Path) -> int:
    with suppress(OSError):
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return 0

"""Files of the revision in force that somebody edited by hand. An apply keeps a copy of each."""

import shutil
from itertools import zip_longest
from pathlib import Path

import msgspec

from ccctl.asterisk import conf
from ccctl.asterisk.conf import Revision
from ccctl.asterisk.node import Node
from ccctl.errors import ApplyError


class Edit(msgspec.Struct, frozen=True):
    """The first line that differs; `written` and `found` are '' when one side has no such line."""

    path: str
    line: int
    written: str = ""
    found: str = ""
    gone: bool = False  # the whole file


def edits(revision: Revision) -> list[Edit]:
    """Nothing is known of a revision that another version wrote."""
    written, found = revision.written, revision.files
    return [
        _edit(path, written.get(path, ""), found.get(path))
        for path in sorted(written | found)
        if written.get(path) != found.get(path)
    ]


def _edit(path: str, written: str, found: str | None) -> Edit:
    if found is None:
        return Edit(path, 1, gone=True)
    pairs = zip_longest(written.splitlines(), found.splitlines(), fillvalue="")
    for number, (meant, is_there) in enumerate(pairs, 1):
        if meant != is_there:
            return Edit(path, number, meant, is_there)
    return Edit(path, max(1, len(written.splitlines())))  # only the end of the file differs


def keep_copies(node: Node, revision: Revision) -> list[str]:
    """The edited files beside the revisions, where nothing tidies them away; their paths."""
    source = conf.folder(node) / revision.manifest.revision
    target = conf.folder(node) / "hand" / revision.manifest.revision
    return [_copy(source / edit.path, target / edit.path) for edit in edits(revision) if not edit.gone]


def _copy(source: Path, target: Path) -> str:
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        shutil.copy2(source, target)
        target.chmod(0o640)
    except OSError as error:
        raise ApplyError(
            f"{target} cannot be written, and {source} was edited by hand: {error.strerror}",
            "nothing was changed",
        ) from None
    return str(target)

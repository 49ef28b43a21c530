"""An Asterisk that is there already: one include line in each file that needs one, and out again.

No other byte of a file is changed. <etc>/ccctl/adopt/ holds a copy of each file as it was, and
adopt.json, which says what was done, so that it can be undone.
"""

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

import msgspec

from ccctl.asterisk.etc import includes
from ccctl.errors import ApplyError

FILES = ("extensions.conf", "pjsip.conf", "queues.conf", "voicemail.conf", "musiconhold.conf")
_MARK = "; added by ccctl adopt"
_MARK_END = "; added by ccctl adopt, with the line end before it"


class Addition(msgspec.Struct, frozen=True):
    """One line for one file. `created`: there was no such file."""

    file: str
    target: str  # what is included, below the configuration folder
    created: bool = False
    before: str = ""  # digests of the file
    after: str = ""


class Undone(msgspec.Struct, frozen=True):
    """`kept`: somebody changed the file meanwhile, so only our line was taken out."""

    file: str
    kept: bool = False
    removed: bool = False


def wanted(etc: Path, base: dict[str, str]) -> list[Addition]:
    """The lines that are missing. `base`: file -> text of ours that it has to include."""
    lines = [(file, f"ccctl/current/{file}") for file in FILES]
    lines += [(file, f"ccctl/base/{file}") for file in base]
    return [
        Addition(file, target, created=not (etc / file).exists())
        for file, target in lines
        if target not in includes(etc / file)
    ]


def write(etc: Path, additions: list[Addition], base: dict[str, str]) -> list[Addition]:
    """All or none: what was written is taken back when something cannot be."""
    done: list[Addition] = []
    try:
        _make_folders(etc)
        for file, text in base.items():
            _write(etc / "ccctl/base" / file, text.encode(), etc / "ccctl/base" / file)
        for addition in additions:
            done.append(_add(etc, addition))
            _note(etc, done)
    except OSError as error:
        undo(etc)
        raise ApplyError(f"{error.filename or etc}: {error.strerror}", "nothing was changed") from None
    return done


def _make_folders(etc: Path) -> None:
    group = etc.stat().st_gid
    for folder in ("ccctl", "ccctl/adopt", "ccctl/base"):
        (etc / folder).mkdir(mode=0o750, exist_ok=True)
        try:
            os.chown(etc / folder, -1, group)
        except PermissionError:
            continue


def _add(etc: Path, addition: Addition) -> Addition:
    path = etc / addition.file
    old = b"" if addition.created else path.read_bytes()
    if not addition.created:
        copy = etc / "ccctl/adopt" / addition.file
        if not copy.exists():
            shutil.copy2(path, copy)
    unfinished = bool(old) and not old.endswith(b"\n")
    line = f'#tryinclude "{addition.target}" {_MARK_END if unfinished else _MARK}\n'
    new = old + (b"\n" if unfinished else b"") + line.encode()
    _write(path, new, path if path.exists() else etc)
    return msgspec.structs.replace(addition, before=_digest(old), after=_digest(new))


def _write(path: Path, data: bytes, like: Path) -> None:
    """In one step, with the owner and mode that it had; a new file is for Asterisk's group."""
    fresh = path.with_name(f"{path.name}.ccctl-new")
    status = like.stat() if like.exists() else path.parent.stat()
    mode = status.st_mode & 0o777 if like == path and like.exists() else 0o640
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
        with suppress(PermissionError):
            os.fchown(file.fileno(), status.st_uid if like == path else -1, status.st_gid)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# -- what was done ---------------------------------------------------------------------------------


def noted(etc: Path) -> list[Addition]:
    try:
        return msgspec.json.decode((etc / "ccctl/adopt/adopt.json").read_bytes(), type=list[Addition])
    except (OSError, msgspec.MsgspecError):
        return []


def _note(etc: Path, done: list[Addition]) -> None:
    known = {(each.file, each.target): each for each in noted(etc)}
    known.update({(each.file, each.target): each for each in done})
    data = msgspec.json.format(msgspec.json.encode(list(known.values())), indent=1)
    _write(etc / "ccctl/adopt/adopt.json", data, etc / "ccctl/adopt/adopt.json")


def undo(etc: Path) -> list[Undone]:
    """Our lines out again. A file that nobody changed since is what it was, byte for byte."""
    by_file: dict[str, list[Addition]] = {}
    for addition in noted(etc):
        by_file.setdefault(addition.file, []).append(addition)
    try:
        undone = [_undo(etc, file, additions) for file, additions in by_file.items()]
        shutil.rmtree(etc / "ccctl/adopt", ignore_errors=True)
        shutil.rmtree(etc / "ccctl/base", ignore_errors=True)
    except OSError as error:
        raise ApplyError(
            f"{error.filename or etc}: {error.strerror}", "run it again when that is put right"
        ) from None
    return undone


def _undo(etc: Path, file: str, additions: list[Addition]) -> Undone:
    path, copy = etc / file, etc / "ccctl/adopt" / file
    if not path.exists():
        return Undone(file, kept=True)
    data = path.read_bytes()
    untouched = _digest(data) == additions[-1].after
    if untouched and additions[0].created:
        path.unlink()
        return Undone(file, removed=True)
    if untouched and copy.exists() and _digest(copy.read_bytes()) == additions[0].before:
        _write(path, copy.read_bytes(), path)
        shutil.copystat(copy, path)
        return Undone(file)
    _write(path, without_lines(data, [each.target for each in additions]), path)
    return Undone(file, kept=True)


def without_lines(data: bytes, targets: list[str]) -> bytes:
    for target in targets:
        data = data.replace(f'\n#tryinclude "{target}" {_MARK_END}\n'.encode(), b"")
        data = data.replace(f'#tryinclude "{target}" {_MARK}\n'.encode(), b"")
    return data

"""The command fmt: lays out YAML files, keeps comments and meaning."""

import difflib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from ccctl.cli.common import fail
from ccctl.cli.site import print_findings
from ccctl.diagnostics import Diagnostic
from ccctl.flow.layout import format_text
from ccctl.runtime.files import SECRETS

STDIN = Path("-")


class File(msgspec.Struct, frozen=True):
    """One file before and after; `after` is None when it cannot be laid out."""

    path: Path
    before: bytes
    after: bytes | None
    findings: tuple[Diagnostic, ...]

    @property
    def changes(self) -> bool:
        return self.after is not None and self.after != self.before

    @property
    def diff(self) -> str:
        old = self.before.decode(errors="replace").splitlines(keepends=True)
        new = (self.after or b"").decode().splitlines(keepends=True)
        return "".join(difflib.unified_diff(old, new, f"{self.path}", f"{self.path} (laid out)"))


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Change nothing; exit status 1 when a file would be changed.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would be changed.")
@click.pass_context
def fmt(ctx: click.Context, paths: tuple[Path, ...], check: bool, diff: bool) -> None:
    """Lay out YAML files in the one way: order of sections and step keys, blanks, comments in a column.

    PATHS are files or folders (without: this folder); - reads standard input and prints the result. Comments,
    quotes, anchors and `!secret` stay, meaning never changes. Files that are not YAML are told and left
    as they are. Exit status: 0 done, 1 a file could not be laid out (or, with --check, is not laid out).
    """
    if STDIN in paths:
        if len(paths) > 1:
            fail("- stands for standard input and goes with no other path", "give - alone")
        ctx.exit(_pass_through())
    files = [
        _read(path) for path in dict.fromkeys(each for path in paths or (Path(),) for each in _below(path))
    ]
    changed = [file for file in files if file.changes]
    for file in changed:
        if diff:
            click.echo(file.diff, nl=False)
        elif not check:
            write_whole(file.path, file.after or b"")
    print_findings([finding for file in files for finding in file.findings], "text")
    done = "would be laid out anew" if check or diff else "laid out"
    for file in () if diff else changed:
        click.echo(f"{file.path}: {done}", err=True)
    broken = sum(file.after is None and bool(file.findings) for file in files)
    click.echo(
        f"{len(files)} files, {len(changed)} {done}{f', {broken} left as they are' if broken else ''}",
        err=True,
    )
    ctx.exit(1 if broken or (check and changed) else 0)


def _pass_through() -> int:
    data = sys.stdin.buffer.read()
    result = format_text(data, "<stdin>")
    if result.text is None:
        for finding in result.findings:
            click.echo(str(finding), err=True)
        return 1 if result.findings else 0
    click.echo(result.text, nl=False)
    return 0


def _below(path: Path) -> Iterator[Path]:
    """A file itself; of a folder its YAML files, without secrets and hidden folders."""
    if not path.exists():
        fail(f"{path} does not exist", "give files or folders")
    if not path.is_dir():
        yield path
        return
    for folder, below, names in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if name.endswith((".yaml", ".yml")) and name != SECRETS:
                yield Path(folder) / name


def _read(path: Path) -> File:
    if not path.is_file():
        fail(f"{path} is not a file", "give files or folders")
    data = path.read_bytes()
    result = format_text(data, str(path))
    return File(path, data, None if result.text is None else result.text.encode(), result.findings)


def write_whole(path: Path, data: bytes) -> None:
    """The whole new content or, whatever happens, the whole old one; the mode stays, a link stays a link."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


commands: tuple[click.Command, ...] = (fmt,)

"""`ccctl import`: old data into the ledger, so that reports go back to before ccctl."""

import gzip
import hashlib
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import click
import msgspec
from sqlalchemy import Engine

from ccctl.changes import Change
from ccctl.cli.common import fail, print_json, printable, settings
from ccctl.cli.group import Group
from ccctl.cli.ledger import read_roster, zone_of
from ccctl.errors import CcctlError
from ccctl.imports.queue_log import History, Wrong
from ccctl.imports.reading import Names, Reject, agent_names, queue_names
from ccctl.report.intervals import utc
from ccctl.store import db, imported

ROWS_AT_ONCE = 20_000
SHOWN = 10
HEAD_LINES = 1000  # in which the first time of a file must stand


@click.group("import", cls=Group)
def import_() -> None:
    """Old data of other systems into the ledger."""


class Source(msgspec.Struct, frozen=True):
    """A file, and the time of its first line (Unix ms)."""

    path: str
    began: int


def open_any(path: str) -> BinaryIO:
    """Gzipped or not, whatever the name says."""
    with Path(path).open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(path)) if packed else Path(path).open("rb")


def text_of(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def lines_of(source: Source, moved: Callable[[int], None]) -> Iterator[tuple[int, str]]:
    """Numbered lines. `moved` is told of bytes of the file, packed as they are."""
    with open_any(source.path) as file:
        raw = file.fileobj if isinstance(file, gzip.GzipFile) else file
        seen = 0
        for number, line in enumerate(file, 1):
            if number % 4096 == 0:
                moved((at := raw.tell()) - seen)
                seen = at
            yield number, text_of(line.rstrip(b"\r\n"))


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CcctlError(f"{path}: the file is damaged: {error}", "unpack what can be read of it") from None


def _whole_lines(source: Source, moved: Callable[[int], None]) -> Iterator[tuple[int, str]]:
    with _readable(source.path):
        yield from lines_of(source, moved)


def in_order(paths: tuple[str, ...], history: Callable[[], History]) -> list[Source]:
    """The files by the time of their first line; a file that is given twice is read once."""
    found: dict[bytes, Source] = {}
    for path in paths:
        with _readable(path), open_any(path) as file:
            key = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type] # all that it asks for is there
        found.setdefault(key, Source(path, _first_time(path, history())))
    return sorted(found.values(), key=lambda source: source.began)


def _first_time(path: str, probe: History) -> int:
    for number, line in _whole_lines(Source(path, 0), lambda _: None):
        with suppress(Wrong):
            probe.line(line)
        if probe.first or number > HEAD_LINES:
            break
    return probe.first


class Import:
    """One run: lines in, rows and rejects out."""

    def __init__(self, history: History, engine: Engine | None, rejects: IO[str] | None) -> None:
        self.history, self._engine, self._file = history, engine, rejects
        self.shown: list[Reject] = []
        self.rejects = self.lines = 0

    def read(self, source: Source, moved: Callable[[int], None]) -> None:
        history, latest = self.history, self.history.last
        if source.began and source.began < latest:
            hint = "two servers are two imports, each with its own --node; parts of one log are given once"
            fail(f"{source.path} begins before the file before it has ended", hint)
        for number, line in _whole_lines(source, moved):
            self.lines += 1
            try:
                if "\0" in line:
                    raise Wrong("NUL bytes, as a machine leaves them that lost its power")
                if line:
                    history.line(line)
            except Wrong as wrong:
                self._reject(Reject(source.path, number, str(wrong), line))
            if len(history.rows) >= ROWS_AT_ONCE:
                self.write()

    def _reject(self, reject: Reject) -> None:
        self.rejects += 1
        if len(self.shown) < SHOWN:
            self.shown.append(reject)
        if self._file:
            self._file.write(f"{printable(str(reject))}\n")

    def write(self) -> None:
        rows: list[Change] = self.history.rows
        if self._engine is not None and rows:
            imported.write(self._engine, rows)
        rows.clear()

    def summary(self, queues: Names, agents: Names) -> dict[str, Any]:
        history = self.history
        return {
            "lines": self.lines,
            "rejects": self.rejects,
            "from": utc(history.first) if history.first else "",
            "to": utc(history.last) if history.last else "",
            "calls": history.calls,
            "visits": dict(sorted(history.visits.items())),
            "unfinished": history.unfinished,
            "agents": len(history.seen_agents),
            "queues_not_in_site": sorted(queues.unknown),
            "agents_not_in_site": sorted(agents.unknown),
            "events_not_known": dict(sorted(history.unknown.items())),
        }


def _pairs(ctx: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if any(not old or not new for old, _, new in pairs):
        raise click.BadParameter("write OLD=NEW")
    return {old: new for old, _, new in pairs}


@import_.command("queue-log")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--tz", default="", help="Zone of times that are no Unix time [that of the site, else UTC].")
@click.option("--node", default="imported", show_default=True, help="Name of the old server in the ledger.")
@click.option("--queue", multiple=True, callback=_pairs, help="OLD=NEW: name of a queue in the site.")
@click.option("--agent", multiple=True, callback=_pairs, help="OLD=NEW: name of an agent in the site.")
@click.option("--dry-run", is_flag=True, help="Write nothing, say what there is.")
@click.option("--rejects", type=click.Path(dir_okay=False), help="Write lines that cannot be used here.")
@click.option("--tolerate", type=click.IntRange(min=0), default=0, help="So many of them are no failure.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def queue_log(ctx: click.Context, /, files: tuple[str, ...], node: str, **options: Any) -> None:
    """Asterisk's queue_log, of Asterisk 11 to 22.

    Files may be gzipped and in any order. The same files again change nothing, and what was broken off goes
    on when it is run again. Exit 1 when there are lines that cannot be used.
    """
    config = settings(ctx)
    if node in ("", config.node.name) or "/" in node:
        raise click.BadParameter("give a name of its own, without '/'", param_hint="--node")
    roster = read_roster(config)
    zone = zone_of(options["tz"], roster)
    queues, agents = queue_names(roster, options["queue"]), agent_names(roster, options["agent"])

    def history() -> History:
        return History(node, queue_names(roster, {}), agent_names(roster, {}), zone)

    sources = in_order(files, history)
    with _database(config.database_url) as engine, _reject_file(options["rejects"]) as rejects:
        run = Import(History(node, queues, agents, zone), None if options["dry_run"] else engine, rejects)
        _read_all(run, sources)
        others = imported.other_calls(engine, node, run.history.first, run.history.last)
    said = run.summary(queues, agents) | {"dry_run": options["dry_run"]}
    said |= {"files_left_out": len(files) - len(sources), "calls_of_other_nodes": others}
    _say(said, run.shown, options["form"])
    ctx.exit(1 if run.rejects > options["tolerate"] else 0)


@contextmanager
def _database(url: str) -> Iterator[Engine]:
    engine = db.open_ready(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _reject_file(path: str | None) -> AbstractContextManager[IO[str] | None]:
    return Path(path).open("w", encoding="utf-8") if path else nullcontext()


def _read_all(run: Import, sources: list[Source]) -> None:
    size = sum(Path(source.path).stat().st_size for source in sources)
    with _progress(size) as moved:
        for source in sources:
            run.read(source, moved)
        run.history.finish()
        run.write()


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    """A bar for who watches; a log has no use for one."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=size, label="import", file=sys.stderr) as bar:
        yield bar.update
        bar.finish()


def _say(said: dict[str, Any], rejects: list[Reject], form: str) -> None:
    for reject in rejects:
        click.echo(printable(str(reject)), err=True)
    if said["rejects"] > len(rejects):
        more = said["rejects"] - len(rejects)
        click.echo(f"and {more} more lines that cannot be used: see them with --rejects FILE", err=True)
    if form == "json":
        print_json(said)
        return
    for key, value in said.items():
        if value or key in ("lines", "rejects", "calls"):
            click.echo(f"{key.replace('_', ' ')}: {_words(value)}")
    if said["calls_of_other_nodes"]:
        click.echo("calls of other nodes lie in the same time: reports count both")


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{printable(str(name))} {number}" for name, number in value.items())
    if isinstance(value, list):
        return ", ".join(printable(str(one)) for one in value)
    return "yes" if value is True else str(value)


commands: tuple[click.Command, ...] = (import_,)

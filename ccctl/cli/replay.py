"""`ccctl replay` and `ccctl journal`: what the distributor decided, decided once more."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from ccctl import __version__
from ccctl.changes import Change
from ccctl.cli.common import fail, print_json, settings
from ccctl.cli.group import Group
from ccctl.cli.ledger import now_ms, read_roster, read_start, zone_of
from ccctl.store import db, recorded
from ccctl.whatif.replay import Difference, Entry, Kept, Replay

SQLITE = b"SQLite format 3\0"
FORMAT = 1
COUNTED = "events skipped failed decisions changes fingerprints rows offers worlds".split()


class Head(msgspec.Struct, frozen=True):
    """The first line of an exported journal."""

    journal: int
    ccctl: str


class Event(msgspec.Struct, frozen=True):
    seq: int
    made: str
    body: msgspec.Raw


class World(msgspec.Struct, frozen=True):
    seq: int
    at: int
    body: msgspec.Raw


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of them."""

    event: Event | None = None
    world: World | None = None
    row: Change | None = None


# -- reading and replaying -------------------------------------------------------------------------------


@click.command()
@click.argument("journal", required=False)
@click.option("--from", "since", default="", help="Begin at the last world kept before this time.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def replay(ctx: click.Context, journal: str | None, since: str, form: str) -> None:
    """Step the distributor through the recorded events again: its decisions must be the same, bit for bit.

    JOURNAL is a database (URL or SQLite file) or a file of 'ccctl journal export'; without it the database of
    the home folder. Held against each other are what each event led to, the worlds that the daemon keeps now
    and then, and the rows of the ledger. Exit status: 0 all the same, 1 something differs, 2 it could not be
    replayed.
    """
    played = Replay()
    path = Path(journal) if journal and "://" not in journal else None
    if path is not None and not _is_sqlite(path):
        _replay_file(played, path)
    else:
        url = f"sqlite:///{path.resolve()}" if path else journal
        _replay_database(played, url or settings(ctx).database_url, _start(ctx, since))
    if not played.counted["events"]:
        fail("there is nothing to replay: no event follows a known world", "see docs/what-if.md")
    if form == "json":
        print_json(as_data(played))
    else:
        show(played)
    ctx.exit(1 if played.differences else 0)


def _start(ctx: click.Context, since: str) -> int | None:
    if not since:
        return None
    return read_start(since, now_ms(), zone_of("", read_roster(settings(ctx))))


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def _replay_database(played: Replay, url: str, since: int | None) -> None:
    engine = db.open_ready(url)
    with recorded.one_moment(engine) as connection:
        played.run(recorded.recorded(connection, since))
        played.compare(recorded.ledger(connection, played.earliest, played.latest))
    engine.dispose()


def _replay_file(played: Replay, path: Path) -> None:
    rows: list[Change] = []
    with path.open("rb") as file:
        played.run(_items(file, path, rows))
    played.compare(rows)


def _items(file: BinaryIO, path: Path, rows: list[Change]) -> Iterator[Entry | Kept]:
    _check_head(file.readline(), path)
    for number, text in enumerate(file, start=2):
        try:
            line = msgspec.json.decode(text, type=Line)
            made = bytes.fromhex(line.event.made) if line.event else b""
        except (msgspec.MsgspecError, ValueError) as error:
            fail(f"{path}:{number}: {error}", "the file is damaged, or of another version of ccctl")
        if line.event:
            yield Entry(line.event.seq, bytes(line.event.body), made)
        elif line.world:
            yield Kept(line.world.seq, line.world.at, bytes(line.world.body))
        elif line.row:
            rows.append(line.row)


def _check_head(text: bytes, path: Path) -> None:
    hint = "give a database, or a file written by 'ccctl journal export'"
    try:
        head = msgspec.json.decode(text, type=Head)
    except (msgspec.MsgspecError, ValueError):
        fail(f"{path} is no exported journal", hint)
    if head.journal != FORMAT:
        fail(f"{path} was written by ccctl {head.ccctl} in another format ({head.journal})", hint)


# -- showing ---------------------------------------------------------------------------------------------


def show(played: Replay) -> None:
    """What was compared, then the first difference."""
    counted = played.counted
    click.echo(f"events     {counted['events']}: {played.began} to {played.seq}, {_span(played)}")
    if counted["skipped"]:
        click.echo(f"           {counted['skipped']} left out: the world before them is not known")
    click.echo(f"decisions  {counted['decisions']} offers; {counted['offers']} of them in the ledger")
    click.echo(f"changes    {counted['changes']}; {counted['rows']} rows of the ledger compared")
    click.echo(f"steps      {counted['fingerprints']} compared, row by row and command by command")
    click.echo(f"worlds     {counted['worlds']} compared")
    for word, text in (
        ("failed", "steps failed, as they did then"),
        ("unreadable", "worlds of another version"),
    ):
        if counted[word]:
            click.echo(f"           {counted[word]} {text}")
    for note in played.notes:
        click.echo(f"note: {note}; begun anew at the next world that was kept")
    first = played.first()
    if first is None:
        click.echo("all the same")
        return
    click.echo(f"{len(played.differences)} differences; the first, after event {first.seq}:")
    for line in _lines(first):
        click.echo(f"  {line}")


def _span(played: Replay) -> str:
    return " to ".join(
        datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
        for at in (played.earliest, played.latest)
    )


def _lines(difference: Difference) -> Iterator[str]:
    if difference.event:
        yield f"event     {difference.event}"
    yield f"what      {difference.what}"
    yield f"replayed  {difference.replayed}"
    yield f"recorded  {difference.recorded}"


def as_data(played: Replay) -> dict[str, Any]:
    counted = played.counted
    first = played.first()
    return {
        "same": not played.differences,
        "first_event": played.began,
        "last_event": played.seq,
        **{name: counted[name] for name in COUNTED},
        "notes": played.notes,
        "differences": len(played.differences),
        "first_difference": msgspec.structs.asdict(first) if first else None,
    }


# -- export ----------------------------------------------------------------------------------------------


@click.group(cls=Group)
def journal() -> None:
    """The journal: every event that the daemon acted on."""


@journal.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "since", default="", help="Begin at the last world kept before this time.")
@click.pass_context
def export(ctx: click.Context, file: Path, since: str) -> None:
    """Write events, kept worlds and the ledger's rows of that time into FILE (JSON, one on a line).

    'ccctl replay FILE' needs nothing else. The file has mode 0600: it holds callers' numbers.
    """
    engine = db.open_ready(settings(ctx).database_url)
    start = _start(ctx, since)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with _private(temporary) as out, recorded.one_moment(engine) as connection:
            events, begin = _export(out, recorded.recorded(connection, start))
            first, last = recorded.span(connection)
            for row in recorded.ledger(connection, begin or first, last):
                _write(out, Line(row=row))
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
        engine.dispose()
    click.echo(f"{file}: {events} events")


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        yield out


def _export(out: BinaryIO, items: Iterator[Entry | Kept]) -> tuple[int, int]:
    """The number of events, and the time of the world that they begin with (0: the very first event)."""
    events = begin = 0
    out.write(msgspec.json.encode(Head(FORMAT, __version__)) + b"\n")
    for item in items:
        if isinstance(item, Kept):
            begin = begin if events or begin else item.at
            _write(out, Line(world=World(item.seq, item.at, msgspec.Raw(item.body))))
        else:
            events += 1
            _write(out, Line(event=Event(item.seq, item.made.hex(), msgspec.Raw(item.body))))
    return events, begin


def _write(out: BinaryIO, line: Line) -> None:
    out.write(msgspec.json.encode(line) + b"\n")


commands: tuple[click.Command, ...] = (replay, journal)

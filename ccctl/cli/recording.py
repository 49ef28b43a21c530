"""`ccctl recording`: the recordings of the ledger, and copies of them with what the ledger knows."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from ccctl.changes import RecordingRow
from ccctl.cli.common import print_json, print_table, settings
from ccctl.cli.group import Group
from ccctl.cli.ledger import (
    call_named,
    now_ms,
    read_roster,
    refuse_unknown,
    span,
    time_options,
    times_in,
    zone_of,
)
from ccctl.cli.tables import Fit
from ccctl.report.intervals import label
from ccctl.report.tables import duration
from ccctl.runtime.settings import Settings
from ccctl.store import db, queries

COLUMNS = ("recording", "started", "queue", "agent", "call", "time", "file", "state")
FIT = Fit(cut=("file", "state"), drop=("file", "agent", "queue", "time", "call", "started"))


@click.group(cls=Group)
def recording() -> None:
    """Recordings of talks."""


def _filters(command: Any) -> Any:
    for option in (
        click.option("--call", "of_call", default="", help="Only this call (node/id)."),
        click.option("--agent", default="", help="Only this agent."),
        click.option("--queue", default="", help="Only this queue."),
    ):
        command = option(command)
    return time_options("today")(command)


def _found(config: Settings, limit: int, options: dict[str, Any]) -> list[RecordingRow]:
    roster, engine = read_roster(config), db.open_ready(config.database_url)
    start, end = span(options["since"], options["until"], now_ms(), zone_of(options["tz"], roster))
    refuse_unknown(engine, roster, [options["queue"]], [options["agent"]])
    wanted = queries.RecordingFilter(
        queue=options["queue"],
        agent=options["agent"],
        call=call_named(engine, options["of_call"]).call.id if options["of_call"] else "",
        limit=limit,
        newest_first=bool(limit),
    )
    return list(queries.recordings(engine, start, end, wanted))


def _state(row: RecordingRow, folder: Path) -> str:
    if row.failed:
        return f"failed: {row.failed}"
    if row.ended is None:
        return "in progress"
    return "ready" if _inside(folder, row) else "file is gone"


def _inside(folder: Path, row: RecordingRow) -> Path | None:
    """The file of a recording, when it is there and truly in the folder."""
    path = folder / row.path
    return path if path.resolve().is_relative_to(folder.resolve()) and path.is_file() else None


@recording.command("list")
@_filters
@click.option("--limit", type=click.IntRange(0, 10**9), default=100, show_default=True, help="0: all.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def list_recordings(ctx: click.Context, /, limit: int, form: str, **options: Any) -> None:
    """Recordings, the newest first, and whether the file is there."""
    config = settings(ctx)
    folder, zone = Path(config.node.recordings_dir), zone_of(options["tz"], read_roster(config))
    rows = _found(config, limit, options)
    if form == "json":
        print_json([msgspec.structs.asdict(row) | {"state": _state(row, folder)} for row in rows])
        return
    cells = [
        (
            row.id,
            label(row.started, zone),
            row.queue or "-",
            row.agent or "-",
            row.call,
            "-" if row.ended is None else duration(row.ended - row.started),
            row.path,
            _state(row, folder),
        )
        for row in rows
    ]
    print_table(COLUMNS, cells, FIT)
    click.echo(times_in(zone))


@recording.command("export")
@_filters
@click.option("--to-dir", type=click.Path(file_okay=False), required=True, help="Folder for the copies.")
@click.pass_context
def export(ctx: click.Context, /, to_dir: str, **options: Any) -> None:
    """Copy the recordings to a folder, each with a .json of what the ledger knows of its call.

    Files that are there already are left as they are, so a broken-off export can be run again.
    Exit 1 when a recording could not be copied."""
    config = settings(ctx)
    rows = [row for row in _found(config, 0, options) if row.ended is not None and not row.failed]
    target = Path(to_dir)
    target.mkdir(parents=True, exist_ok=True)
    missing = _copy_all(config, rows, target)
    click.echo(f"{len(rows) - len(missing)} recordings in {target}")
    for row in missing:
        click.echo(f"not copied: {row.path}: the file is gone", err=True)
    ctx.exit(1 if missing else 0)


def _copy_all(config: Settings, rows: Sequence[RecordingRow], target: Path) -> list[RecordingRow]:
    engine, folder = db.open_ready(config.database_url), Path(config.node.recordings_dir)
    with click.progressbar(rows, label="recordings", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        missing = []
        for row in bar:
            if not _copy(folder, row, target):
                missing.append(row)
                continue
            detail = queries.call(engine, row.call)
            facts = {"recording": row, "call": detail}
            _write(target / f"{row.path}.json", msgspec.json.format(msgspec.json.encode(facts), indent=2))
    return missing


def _copy(folder: Path, row: RecordingRow, target: Path) -> bool:
    """Whole or not at all: a half copied file must not pass for a recording."""
    source, copy = _inside(folder, row), target / row.path
    if source is None:
        return False
    if not copy.exists() or copy.stat().st_size != source.stat().st_size:
        copy.parent.mkdir(parents=True, exist_ok=True)
        part = copy.with_name(copy.name + ".part")
        shutil.copy2(source, part)
        part.replace(copy)
    return True


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


commands: tuple[click.Command, ...] = (recording,)

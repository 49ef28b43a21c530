"""What all commands that read the ledger share: times, time zone, names, and the forms of output."""

import csv
import io
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec
from sqlalchemy import Engine

from ccctl.cli.common import not_found
from ccctl.cli.tables import STIFF, Fit, table_lines
from ccctl.diagnostics import did_you_mean
from ccctl.errors import CcctlError
from ccctl.flow.roster import Roster
from ccctl.report.dates import FORMS, parse_end, parse_start, parse_zone
from ccctl.report.tables import Column, Table, Unit, defuse, shown, to_csv, to_data
from ccctl.runtime.settings import Settings
from ccctl.store import queries

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
FORMATS = click.Choice(["table", "csv", "json"])


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def read_roster(config: Settings) -> Roster:
    """The roster that was last applied; an empty one when nothing was applied yet."""
    try:
        return msgspec.json.decode(Path(config.roster_file).read_bytes(), type=Roster)
    except FileNotFoundError:
        return Roster()
    except msgspec.MsgspecError as error:
        raise CcctlError(f"{config.roster_file}: {error}", "apply the site again") from None


def zone_of(name: str, roster: Roster) -> ZoneInfo:
    return _checked("--tz", parse_zone, name or roster.timezone)


def span(since: str, until: str, now: int, zone: ZoneInfo) -> tuple[int, int]:
    """[start, end) of --from and --to."""
    start = read_start(since, now, zone)
    end = read_end(until, now, zone)
    if end <= start:
        raise click.BadParameter("the end is not after the beginning", param_hint="--to")
    return start, end


def read_start(text: str, now: int, zone: ZoneInfo) -> int:
    """A time of --from."""
    return _checked("--from", lambda words: parse_start(words, now, zone), text)


def read_at(text: str, now: int, zone: ZoneInfo) -> int:
    """A time of --at."""
    return _checked("--at", lambda words: parse_start(words, now, zone), text)


def read_end(text: str, now: int, zone: ZoneInfo) -> int:
    return _checked("--to", lambda words: parse_end(words, now, zone), text)


def _checked(option: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def refuse_unknown(engine: Engine, roster: Roster, queues: Iterable[str], agents: Iterable[str]) -> None:
    """A misspelt name must not pass for one without calls: NotFound. '' asks for all."""
    for name in queues:
        _refuse("--queue", name, roster.queues, lambda name: queries.has_queue(engine, name))
    for name in agents:
        _refuse("--agent", name, roster.agents, lambda name: queries.has_agent(engine, name))


def _refuse(option: str, name: str, known: Iterable[str], seen: Callable[[str], bool]) -> None:
    if name and name not in known and not seen(name):
        near = did_you_mean(name, known)
        hint = f"did you mean '{near}'?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
        not_found(f"{option}: '{name}' is neither in the site nor in the ledger", hint)


def call_named(engine: Engine, ident: str) -> queries.CallDetail:
    found = queries.call(engine, ident)
    if found is None:
        not_found(f"the ledger has no call '{ident}'", "look for it with 'ccctl call list'")
    return found


def time_options(since: str) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in (
            click.option("--tz", default="", help="Time zone [that of the site, else UTC]."),
            click.option("--to", "until", default="now", show_default=True, help="End, exclusive."),
            click.option("--from", "since", default=since, show_default=True, help=f"Begin: {FORMS}."),
        ):
            command = option(command)
        return command

    return decorate


# -- output ------------------------------------------------------------------------------------------


def aligned(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], fit: Fit = STIFF, width: int | None = None
) -> str:
    """Text columns to the left, numbers to the right; no colours; without a width whole: mail and cron."""
    right = [column.unit not in (Unit.TEXT, Unit.TIME) for column in columns]
    lines = table_lines([column.title for column in columns], rows, right, fit, width)
    return "".join(f"{line}\n" for line in lines)


def render(table: Table, form: str, zone: ZoneInfo, fit: Fit = STIFF, width: int | None = None) -> str:
    match form:
        case "csv":
            return to_csv(table, zone)
        case "json":
            return msgspec.json.format(msgspec.json.encode(to_data(table, zone)), indent=2).decode() + "\n"
        case _:
            columns, rows = shown(table, zone)
            notes = [times_in(zone), *table.notes]
            return aligned(columns, rows, fit, width) + "".join(f"{note}\n" for note in notes)


def times_in(zone: ZoneInfo) -> str:
    """The line under every table with times."""
    return f"times in {zone.key}"


def write_out(text: str, out: str | None) -> None:
    """To the file, whole or not at all, else to standard output."""
    if not out or out == "-":
        click.echo(text, nl=False)
        return
    path = Path(out)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([defuse(cell) for cell in row] for row in rows)
    return out.getvalue()

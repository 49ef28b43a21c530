"""`ccctl call`: the calls of the ledger, and what happened in each."""

from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import click
import msgspec

from ccctl.changes import CallRow, Outcome
from ccctl.cli.client import act, by_option, format_option
from ccctl.cli.common import pass_home, print_json, print_table, printable, settings
from ccctl.cli.group import Group
from ccctl.cli.ledger import (
    FORMATS,
    call_named,
    csv_text,
    now_ms,
    read_roster,
    refuse_unknown,
    span,
    time_options,
    times_in,
    write_out,
    zone_of,
)
from ccctl.cli.tables import Fit
from ccctl.report.intervals import iso, label, local
from ccctl.report.tables import duration
from ccctl.store import db, queries

COLUMNS = ("call", "started", "direction", "caller", "name", "number", "flows", "ended in", "by", "time")
FIT = Fit(
    cut=("name", "flows"),
    drop=("name", "direction", "by", "ended in", "number", "flows", "time", "caller"),
)
COURSE = ("at", "what", "time", "detail")
COURSE_FIT = Fit(cut=("detail",), drop=("time",))


@click.group(cls=Group)
def call() -> None:
    """Calls: past and present."""


@call.command("list")
@time_options("today")
@click.option("--queue", default="", help="Only calls that were in this queue.")
@click.option("--agent", default="", help="Only calls that this agent took part in.")
@click.option("--outcome", type=click.Choice([o.value for o in Outcome]), help="Outcome of a queue visit.")
@click.option("--text", default="", help="Part of the caller's number or name, or of the number dialled.")
@click.option("--limit", type=click.IntRange(0, 10**9), default=100, show_default=True, help="0: all.")
@click.option("--format", "form", type=FORMATS, default="table", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False), help="Write to this file (csv, json).")
@click.pass_context
def list_calls(ctx: click.Context, /, since: str, until: str, tz: str, **options: Any) -> None:
    """Calls, the newest first."""
    config = settings(ctx)
    roster, engine = read_roster(config), db.open_ready(config.database_url)
    zone = zone_of(tz, roster)
    start, end = span(since, until, now_ms(), zone)
    refuse_unknown(engine, roster, [options["queue"]], [options["agent"]])
    wanted = queries.CallFilter(
        queue=options["queue"],
        agent=options["agent"],
        outcome=options["outcome"] or "",
        text=options["text"],
        limit=options["limit"],
        newest_first=True,
    )
    rows = list(queries.calls_between(engine, start, end, wanted))
    _show_calls(rows, options["form"], options["out"], zone)
    if options["limit"] and len(rows) == options["limit"]:
        click.echo(f"the newest {len(rows)}; --limit 0 for all", err=True)


def _show_calls(rows: list[CallRow], form: str, out: str | None, zone: ZoneInfo) -> None:
    if form == "table":
        print_table(COLUMNS, [_cells(row, zone) for row in rows], FIT)
        click.echo(times_in(zone))
    elif form == "json":
        write_out(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n", out)
    else:
        names = CallRow.__struct_fields__
        values = [[getattr(row, name) for name in names] for row in rows]
        times = {at for at, name in enumerate(names) if name in ("started", "answered", "ended")}
        cells = [[iso(v, zone) if at in times and v else v for at, v in enumerate(line)] for line in values]
        write_out(csv_text(names, cells), out)


def _cells(row: CallRow, zone: ZoneInfo) -> list[str]:
    lasted = "in progress" if row.ended is None else duration(row.ended - row.started)
    texts = (row.direction, row.caller, row.caller_name, row.number, row.path, row.ended_in, row.ended_by)
    return [row.id, label(row.started, zone), *(text or "-" for text in texts), lasted]


@call.command("show")
@click.argument("ident", metavar="CALL")
@click.option("--tz", default="", help="Time zone [that of the site, else UTC].")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def show_call(ctx: click.Context, /, ident: str, tz: str, form: str) -> None:
    """All that the ledger knows of a CALL: its course, queue visits, offers and recordings."""
    config = settings(ctx)
    zone = zone_of(tz, read_roster(config))
    detail = call_named(db.open_ready(config.database_url), ident)
    if form == "json":
        print_json(detail)
        return
    _print_call(detail.call, zone)
    print_table(COURSE, _course(detail, zone), COURSE_FIT)
    click.echo(times_in(zone))


def _print_call(row: CallRow, zone: ZoneInfo) -> None:
    who = " ".join(part for part in (row.caller or "unknown", row.caller_name) if part)
    click.echo(printable(f"call {row.id}, {row.direction}, from {who} to {row.number or '-'}"))
    click.echo(f"began {iso(row.started, zone)}, flows {row.path or '-'}, generation {row.generation or '-'}")
    if row.ended is None:
        click.echo("in progress")
        return
    end = f"ended {iso(row.ended, zone)} after {duration(row.ended - row.started)}"
    click.echo(f"{end}, in {row.ended_in or '-'}, by {row.ended_by or '-'}, cause {row.cause_code}")


def _course(detail: queries.CallDetail, zone: ZoneInfo) -> list[list[str]]:
    """Everything with a beginning, in order of time."""
    stretches: list[tuple[int, int | None, str, str]] = []
    for part in detail.segments:
        stretches.append(
            (part.started, part.ended, part.kind.value, _words(part.queue, part.agent, part.detail))
        )
    for visit in detail.visits:
        outcome = visit.outcome.value if visit.outcome else "waiting"
        by = f"talk ended by {visit.ended_by}" if visit.ended_by else ""
        stretches.append((visit.entered, visit.ended, "visit", _words(visit.queue, outcome, visit.agent, by)))
    for offer in detail.offers:
        result = offer.outcome.value if offer.outcome else "ringing"
        stretches.append((offer.offered, offer.ended, "offer", _words(offer.queue, offer.agent, result)))
    for sound in detail.recordings:
        failed = f"failed: {sound.failed}" if sound.failed else ""
        stretches.append((sound.started, sound.ended, "recording", _words(sound.agent, sound.path, failed)))
    for watch in detail.watches:
        stretches.append(
            (watch.started, watch.ended, watch.mode, _words(f"{watch.supervisor} on {watch.agent}"))
        )
    for sent in detail.transfers:
        outcome = _words(sent.outcome or "going on", sent.detail)
        stretches.append(
            (
                sent.started,
                sent.ended,
                "transfer",
                _words(f"{sent.agent} to {sent.target}", sent.kind, outcome),
            )
        )
    for answer in detail.answers:
        said = _words(answer.name, answer.question, answer.value)
        stretches.append((answer.at, answer.at, answer.kind, said))
    return [
        [_clock(began, zone), what, "-" if ended is None else duration(ended - began), words]
        for began, ended, what, words in sorted(stretches, key=lambda one: one[0])
    ]


def _clock(at: int, zone: ZoneInfo) -> str:
    return local(at, zone).strftime("%H:%M:%S.%f")[:-3]


def _words(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


@call.command()
@click.argument("ident", metavar="CALL")
@by_option
@format_option
@pass_home
def hangup(home: str, ident: str, by: str, form: str) -> None:
    """Hang up a live call; CALL is its reference, as in `call list`."""
    act(home, "POST", f"calls/{quote(ident)}/hangup", {"by": by}, form == "json", f"{ident} is hung up")


@call.command()
@click.argument("ident", metavar="CALL")
@by_option
@format_option
@pass_home
def hold(home: str, ident: str, by: str, form: str) -> None:
    """Put the caller of a talk on hold, with the music of his queue."""
    act(home, "POST", f"calls/{quote(ident)}/hold", {"by": by}, form == "json", f"{ident} is on hold")


@call.command()
@click.argument("ident", metavar="CALL")
@by_option
@format_option
@pass_home
def unhold(home: str, ident: str, by: str, form: str) -> None:
    """Take a caller on hold back into the talk."""
    act(home, "POST", f"calls/{quote(ident)}/unhold", {"by": by}, form == "json", f"{ident} is taken back")


@call.command()
@click.argument("ident", metavar="CALL")
@click.option("--to", required=True, help="Extension, number, user, queue:NAME or flow:NAME.")
@click.option("--attended", is_flag=True, help="The agent talks to him first.")
@by_option
@format_option
@pass_home
def transfer(home: str, ident: str, to: str, attended: bool, by: str, form: str) -> None:
    """Hand the talk of a CALL on to somebody else."""
    sent = {"to": to, "attended": attended, "by": by}
    act(home, "POST", f"calls/{quote(ident)}/transfer", sent, form == "json", f"{ident} is handed on")


@call.command()
@click.argument("ident", metavar="CALL")
@click.argument("what", type=click.Choice(["complete", "cancel", "conference"]))
@by_option
@format_option
@pass_home
def consult(home: str, ident: str, what: str, by: str, form: str) -> None:
    """End the consultation in a CALL: complete the transfer, cancel it, or talk in three."""
    path = f"calls/{quote(ident)}/consult"
    act(home, "POST", path, {"what": what, "by": by}, form == "json", f"{ident}: {what}")


commands: tuple[click.Command, ...] = (call,)

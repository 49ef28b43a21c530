"""ccctl history, rollback, drift: what was in force, back to it, and what others changed."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from ccctl.cli.apply import ask, ordered, printable_line, run, say, show_applied
from ccctl.cli.common import fail, print_json, print_table, printable, settings
from ccctl.cli.tables import Fit
from ccctl.errors import AsteriskDown

if TYPE_CHECKING:
    from ccctl.asterisk.history import Past
    from ccctl.runtime.settings import Settings

FORMAT = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
DRIFTED = 1
COLUMNS = ("revision", "when", "who", "generation", "what", "why")
FIT = Fit(cut=("who", "what", "why"), drop=("generation", "why", "who", "what"))


@click.command("history")
@click.argument("revision", required=False)
@FORMAT
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many changes.")
@click.option("--tz", default="", help="Time zone [that of the site, else UTC].")
@click.pass_context
def history_command(ctx: click.Context, revision: str | None, form: str, limit: int, tz: str) -> None:
    """Who changed what, when and why, the newest first; or the details of one REVISION."""
    from ccctl.asterisk import history

    known = settings(ctx)
    node, zone = known.node, _zone(known, tz)
    if revision:
        _details(known, history.find(node, revision), form, zone)
        return
    found = history.past(node)[:limit]
    if form == "json":
        print_json([_as_json(each) for each in found])
    elif not found:
        click.echo("no site was applied yet")
    else:
        print_table(COLUMNS, [_row(each, zone) for each in found], FIT)
        click.echo(f"times in {zone.key}")


def _zone(known: "Settings", name: str = "") -> ZoneInfo:
    """As in reports: that of the site in force. A damaged list of agents keeps nobody from the way back."""
    from ccctl.cli.checkup import read_roster
    from ccctl.report.dates import parse_zone

    people = None if name else read_roster(known)
    try:
        return parse_zone(name or (people.timezone if people else "UTC"))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--tz") from None


def _row(past: "Past", zone: ZoneInfo) -> tuple[str, ...]:
    entry = past.entry
    return entry.revision, _when(entry.at_ms, zone), _who(past), entry.generation, _what(past), entry.why


def _when(at_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d %H:%M:%S") if at_ms else "-"


def _when_where(at_ms: int, zone: ZoneInfo) -> str:
    return f"{_when(at_ms, zone)} ({zone.key})" if at_ms else "-"


def _who(past: "Past") -> str:
    return f"{past.entry.who}@{past.entry.host}" if past.entry.who else "-"


def _what(past: "Past") -> str:
    entry = past.entry
    states = [
        *(["in force"] if past.in_force else []),
        *([] if past.complete else ["broken off"]),
        *([] if past.folder else ["tidied away"]),
    ]
    text = f"back to {entry.back_to}" if entry.action == "rollback" else entry.summary or "no visible change"
    return f"({', '.join(states)}) {text}" if states else text


def _as_json(past: "Past") -> dict[str, Any]:
    import msgspec

    fields = msgspec.to_builtins(past.entry)
    at = datetime.fromtimestamp(past.entry.at_ms / 1000, UTC).isoformat() if past.entry.at_ms else ""
    return {
        **fields,
        "at": at,
        "in_force": past.in_force,
        "complete": past.complete,
        "tidied_away": not past.folder,
    }


def _details(known: "Settings", past: "Past", form: str, zone: ZoneInfo) -> None:
    from ccctl.asterisk import conf

    revision = conf.read_revision(known.node, past.folder) if past.folder else None
    lines = list(revision.record.details) if revision and revision.record else []
    if form == "json":
        print_json({**_as_json(past), "details": lines})
        return
    entry = past.entry
    click.echo(f"revision    {entry.revision}, generation {entry.generation}")
    click.echo(f"when        {_when_where(entry.at_ms, zone)}")
    click.echo(f"who         {_who(past)}{f' by {entry.via}' if entry.via else ''}")
    click.echo(f"why         {printable(entry.why) or '-'}")
    click.echo(f"site        {printable(entry.site) or '-'}")
    click.echo(f"what        {printable(_what(past))}")
    for line in lines:
        click.echo(f"  {' ' * (len(line) - len(line.lstrip()))}{printable(line)}")


# -- rollback --------------------------------------------------------------------------------------


@click.command("rollback")
@click.argument("revision", required=False, default="")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--why", default="", help="The reason, for the history.")
@click.pass_context
def rollback_command(ctx: click.Context, revision: str, yes: bool, why: str) -> None:
    """Put a past REVISION in force again, exactly as it was; without one, that before the one in force.

    Live calls stay in the flows that they entered. The site's folder is not touched: correct it, or the next
    apply brings the change again.
    """
    import msgspec

    from ccctl.asterisk import conf, history
    from ccctl.runtime.apply import rollback
    from ccctl.runtime.standing import standing

    known = settings(ctx)
    order = ordered(why)
    found = history.find(known.node, revision)
    current = conf.read_current(known.node)
    order = msgspec.structs.replace(order, expect=current.manifest.change if current else "")
    if not yes:
        ask("\n".join(_difference(known, found)), f"Go back to {found.entry.revision}?")
    show_applied(run(rollback(known, found.entry.revision, say, order)))
    entry = current.manifest.entry if current else None
    for line in standing(known, (entry or found.entry).site, current):
        click.echo(printable_line(line))


def _difference(known: "Settings", found: "Past") -> list[str]:
    """What the way back changes, in the site's words."""
    from ccctl.asterisk import conf, history
    from ccctl.flow.site_changes import changes

    past, current = history.read(known.node, found), conf.read_current(known.node)
    before = current.record.model if current and current.record else {}
    after = past.record.model if past.record else {}
    lines = [line for change in changes(before, after) for line in change.lines()]
    return [
        f"back to {found.entry.revision} of {_when_where(found.entry.at_ms, _zone(known))}:",
        *(lines or ["no visible change"]),
    ]


# -- drift -----------------------------------------------------------------------------------------


@click.command("drift")
@FORMAT
@click.pass_context
def drift_command(ctx: click.Context, form: str) -> None:
    """Show what others changed: files below ccctl/ edited by hand, and what Asterisk has loaded beside them.

    Exit status: 0 nothing, 1 something differs, 2 it could not be looked at.
    """
    from ccctl.asterisk import conf, drift
    from ccctl.runtime.diff import edit_line, mask, secrets_of

    known = settings(ctx)
    current = conf.read_current(known.node)
    if current is None:
        fail("no site was applied yet", "run 'ccctl apply SITE'")
    secrets = secrets_of(current)
    edits = [edit_line(edit, secrets) for edit in drift.edits(current)]
    loaded = [mask("", text, secrets) for text in asyncio.run(_loaded(known))]
    if form == "json":
        print_json({"revision": current.manifest.change, "files": edits, "asterisk": loaded})
    else:
        for line in (*edits, *(f"in Asterisk: {text}" for text in loaded)):
            click.echo(printable(line))
        click.echo(_verdict(len(edits) + len(loaded)))
    ctx.exit(DRIFTED if edits or loaded else 0)


def _verdict(count: int) -> str:
    if not count:
        return "no drift: files and Asterisk are as they were applied"
    return "'ccctl apply SITE' puts all that right and keeps copies of edited files"


async def _loaded(known: "Settings") -> list[str]:
    from ccctl.asterisk import conf, reload
    from ccctl.runtime.doors import asterisk

    try:
        async with asterisk(known.node) as doors:
            current = conf.read_current(known.node)
            return await reload.differences(doors, current) if current else []
    except AsteriskDown as error:
        raise AsteriskDown(str(error), "start it; files alone were not compared") from None


commands: tuple[click.Command, ...] = (history_command, rollback_command, drift_command)

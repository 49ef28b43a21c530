"""`ccctl callback`: who is to be called back, and what an operator does about it."""

from typing import Any

import click

from ccctl.cli.client import act, by_option, connect, format_option, segment
from ccctl.cli.common import pass_home, print_json, print_table
from ccctl.cli.group import Group
from ccctl.cli.ledger import now_ms, read_at, read_roster, zone_of
from ccctl.cli.tables import Fit
from ccctl.cli.words import lasted
from ccctl.report.dates import FORMS
from ccctl.runtime.settings import load

COLUMNS = ("callback", "queue", "number", "state", "asked", "due in", "tries", "source")
FIT = Fit(cut=("source",), drop=("source", "tries", "asked", "due in"))


@click.group(cls=Group)
def callback() -> None:
    """Customers who are to be called back."""


@callback.command("list")
@click.option("--queue", default="", help="Only those of this queue.")
@format_option
@pass_home
def list_callbacks(home: str, queue: str, form: str) -> None:
    """Show who waits to be called back."""
    data = connect(home).get("callbacks", queue=queue) if queue else connect(home).get("callbacks")
    if form == "json":
        print_json(data["callbacks"])
        return
    found = sorted(data["callbacks"], key=lambda one: (one["due"], one["asked"]))
    print_table(COLUMNS, [row(one, data["now"]) for one in found], FIT)


def row(one: dict[str, Any], now: int) -> tuple[object, ...]:
    due = lasted(now, one["due"]) if one["due"] > now else "-"
    asked = f"{lasted(one['asked'], now)} ago"
    return one["id"], one["queue"], one["number"], one["state"], asked, due, one["tries"], one["source"]


@callback.command()
@click.argument("callback")
@format_option
@pass_home
def show(home: str, callback: str, form: str) -> None:
    """Show one callback, open or over."""
    one = connect(home).get(f"callbacks/{segment(callback)}")
    if form == "json":
        print_json(one)
        return
    zone = zone_of("", read_roster(load(home)))
    click.secho(f"{one['number']} for {one['queue']}: {one['outcome'] or one['state']}", bold=True)
    times = {"asked": one["asked"], "due": one["due"], "expires": one["expires"], "ended": one["ended"]}
    for word, at in times.items():
        if at:
            click.echo(f"{word.capitalize()}: {_clock(at, zone)}")
    said = {word: one[word] for word in ("tries", "agent", "call", "talk", "into", "source", "detail")}
    for word, value in said.items():
        if value != "":
            click.echo(f"{word.capitalize()}: {value}")


def _clock(at: int, zone: Any) -> str:
    from datetime import datetime

    return f"{datetime.fromtimestamp(at / 1000, zone):%Y-%m-%d %H:%M:%S}"


@callback.command()
@click.argument("queue")
@click.argument("number")
@click.option("--at", "when", default="", help=f"Not before: {FORMS} [now].")
@by_option
@format_option
@pass_home
def schedule(home: str, queue: str, number: str, when: str, by: str, form: str) -> None:
    """Have NUMBER called back by an agent of QUEUE."""
    due = read_at(when, now_ms(), zone_of("", read_roster(load(home)))) if when else 0
    body = {"queue": queue, "number": number, "due": due, "by": by}
    act(home, "POST", "callbacks", body, form == "json", "noted")


@callback.command()
@click.argument("callback")
@by_option
@format_option
@pass_home
def cancel(home: str, callback: str, by: str, form: str) -> None:
    """Call nobody back."""
    act(home, "DELETE", f"callbacks/{segment(callback)}", {"by": by}, form == "json", "cancelled")


@callback.command()
@click.argument("callback")
@by_option
@format_option
@pass_home
def retry(home: str, callback: str, by: str, form: str) -> None:
    """Try now, whatever the gap; one that is over is asked for again."""
    act(home, "POST", f"callbacks/{segment(callback)}/retry", {"by": by}, form == "json", "in the line")


commands: tuple[click.Command, ...] = (callback,)

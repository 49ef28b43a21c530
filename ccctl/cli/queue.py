"""`ccctl queue`: the queues as they are now."""

from typing import Any

import click

from ccctl.cli.client import connect, format_option, segment
from ccctl.cli.common import pass_home, print_json, print_table
from ccctl.cli.group import Group
from ccctl.cli.tables import Fit
from ccctl.cli.watch import Shown, watch, watch_option
from ccctl.cli.words import lasted, level, staff

COLUMNS = (
    "queue",
    "name",
    "waiting",
    "callbacks",
    "longest",
    "agents",
    "offered",
    "answered",
    "abandoned",
    "service level",
)
FIT = Fit(
    cut=("name", "agents", "service level"),
    drop=("name", "callbacks", "offered", "answered", "longest", "abandoned", "service level", "agents"),
)
CALLERS = ("call", "caller", "name", "waits", "priority")
CALLERS_FIT = Fit(cut=("name",), drop=("name", "priority", "caller"))


@click.group(cls=Group)
def queue() -> None:
    """Queues of the running call centre."""


@queue.command("list")
@watch_option
@format_option
@pass_home
def list_queues(home: str, form: str, watching: bool) -> None:
    """Show every queue: callers waiting, agents, today's figures."""
    client = connect(home)

    def show() -> Shown:
        data = client.get("queues")
        return COLUMNS, rows(data["queues"], data["now"]), FIT

    if watching:
        watch("Queues", show)
    elif form == "json":
        print_json(client.get("queues")["queues"])
    else:
        print_table(*show())


def rows(queues: list[dict[str, Any]], now: int) -> list[tuple[object, ...]]:
    return [row(one, now) for one in sorted(queues, key=lambda q: str(q["name"]))]


def row(one: dict[str, Any], now: int) -> tuple[object, ...]:
    today = one["today"]
    return (
        one["name"],
        one["title"],
        one["waiting"],
        one["callbacks"],
        lasted(one["oldest"], now),
        staff(one["agents"]),
        today["offered"],
        today["answered"],
        today["abandoned"],
        f"{level(today['sl'])} {promise(today)}",
    )


def promise(today: dict[str, Any]) -> str:
    return f"({today['sl_percent']} % in {today['sl_ms'] / 1000:g} s, {today['sl_preset']})"


@queue.command()
@click.argument("name")
@format_option
@pass_home
def show(home: str, name: str, form: str) -> None:
    """Show one queue and who is waiting in it."""
    client = connect(home)
    one = client.get(f"queues/{segment(name)}")
    if form == "json":
        print_json(one)
        return
    _print_queue(one, client.get("status")["now"])


def _print_queue(one: dict[str, Any], now: int) -> None:
    today = one["today"]
    click.secho(f"{one['title']} ({one['name']}, {one['engine']})", bold=True)
    click.echo(f"Agents: {staff(one['agents'])}")
    click.echo(
        f"Today: {today['offered']} offered, {today['answered']} answered, {today['abandoned']} abandoned, "
        f"{today['other']} other; service level {level(today['sl'])} {promise(today)}"
    )
    later = f", {one['callbacks']} to be called back" if one["callbacks"] else ""
    click.echo(f"Waiting: {one['waiting']}{later}")
    if one["callers"]:
        print_table(
            CALLERS,
            [
                (c["call"], c["caller"], c["caller_name"], lasted(c["since"], now), c["priority"])
                for c in one["callers"]
            ],
            CALLERS_FIT,
        )


commands: tuple[click.Command, ...] = (queue,)

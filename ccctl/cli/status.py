"""`ccctl status`: is the daemon well, and the queues at a glance."""

from typing import Any

import click

from ccctl.cli.client import Client, connect, format_option
from ccctl.cli.common import pass_home, print_json, print_table
from ccctl.cli.queue import COLUMNS, FIT, rows
from ccctl.cli.watch import Shown, watch, watch_option
from ccctl.cli.words import lasted
from ccctl.errors import DaemonDown


@click.command()
@watch_option
@format_option
@pass_home
def status(home: str, form: str, watching: bool) -> None:
    """Show the daemon, Asterisk, the applied site and the queues. Exit 1 when something is wrong,
    2 when the daemon is down."""
    client = connect(home)
    if watching:
        watch_status(client)
    try:
        data = client.get("status")
    except DaemonDown as error:
        if form == "json":
            print_json({"daemon": "down", "text": error.text, "hint": error.hint})
        raise
    if form == "json":
        print_json({"daemon": "up", **data})
    else:
        for line in lines(data):
            click.echo(line)
        if data["queues"]:
            click.echo()
            print_table(COLUMNS, rows(data["queues"], data["now"]), FIT)
    if not is_well(data):
        raise click.exceptions.Exit(1)


def watch_status(client: Client) -> None:
    data: dict[str, Any] = {}

    def show() -> Shown:
        data.update(client.get("status"))
        return COLUMNS, rows(data["queues"], data["now"]), FIT

    watch("ccctl status", show, lambda: lines(data))


def lines(data: dict[str, Any]) -> list[str]:
    system = data["system"]
    generation = system.get("generation")
    return [
        f"daemon    up for {lasted(system.get('started'), data['now'])}, version {data['version']}",
        f"asterisk  {asterisk(system)}",
        f"site      {f'generation {generation}' if generation else 'none applied yet'}",
        f"journal   {journal(data['journal'])}",
        f"calls     {data['calls']}",
    ]


def asterisk(system: dict[str, Any]) -> str:
    doors = ", ".join(f"{name.upper()} {'up' if system.get(name) else 'DOWN'}" for name in ("ami", "ari"))
    detail = f" ({system['detail']})" if system.get("detail") else ""
    return f"{'up' if system.get('asterisk') == 'up' else 'DOWN'}, {doors}{detail}"


def journal(state: dict[str, Any]) -> str:
    trouble = [str(state[name]) for name in ("error", "spool_error") if state.get(name)]
    waiting = [
        f"{state[name]} {name}" for name in ("pending", "spooled", "rejected", "lost") if state.get(name)
    ]
    return ", ".join(["FAILING: " + "; ".join(trouble) if trouble else "written", *waiting])


def is_well(data: dict[str, Any]) -> bool:
    system, state = data["system"], data["journal"]
    doors = system.get("asterisk") == "up" and system.get("ami") and system.get("ari")
    return bool(doors) and not (state.get("error") or state.get("spool_error") or state.get("lost"))


commands: tuple[click.Command, ...] = (status,)

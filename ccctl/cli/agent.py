"""`ccctl agent`: who is there, and log in, log out, pause, unpause on an agent's behalf."""

from typing import Any

import click

from ccctl.cli.client import act, by_option, connect, format_option, segment
from ccctl.cli.common import pass_home, print_json, print_table
from ccctl.cli.group import Group
from ccctl.cli.tables import Fit
from ccctl.cli.words import lasted

COLUMNS = ("agent", "name", "ext", "state", "for", "reason", "queue", "caller", "queues")
FIT = Fit(
    cut=("name", "reason", "queues"), drop=("queues", "name", "ext", "reason", "queue", "caller", "for")
)


@click.group(cls=Group)
def agent() -> None:
    """Agents of the running call centre."""


@agent.command("list")
@format_option
@pass_home
def list_agents(home: str, form: str) -> None:
    """Show every agent, his state and since when."""
    data = connect(home).get("agents")
    if form == "json":
        print_json(data["agents"])
    else:
        agents = sorted(data["agents"], key=lambda a: str(a["name"]))
        print_table(COLUMNS, [row(one, data["now"]) for one in agents], FIT)


def row(one: dict[str, Any], now: int) -> tuple[object, ...]:
    state = one["presence"].replace("_", " ")
    return (
        one["name"],
        one["title"],
        one["extension"],
        state,
        lasted(one["since"], now),
        one["reason"],
        one["queue"],
        one["caller"],
        ",".join(one["queues"]),
    )


def _command(verb: str, done: str, text: str) -> click.Command:
    @agent.command(verb, help=text)
    @click.argument("name")
    @by_option
    @format_option
    @pass_home
    def command(home: str, name: str, by: str, form: str) -> None:
        act(home, "POST", f"agents/{segment(name)}/{verb}", {"by": by}, form == "json", f"{name} {done}")

    return command


_command("login", "is logged in", "Log an agent in: calls may come.")
_command("logout", "is logged out", "Log an agent out: no more calls.")
_command("unpause", "is back from the pause", "End an agent's pause.")


@agent.command()
@click.argument("name")
@click.option("--reason", default="", help="A pause reason of the site.")
@by_option
@format_option
@pass_home
def pause(home: str, name: str, reason: str, by: str, form: str) -> None:
    """Pause an agent: no calls until unpaused."""
    body = {"reason": reason, "by": by}
    act(home, "POST", f"agents/{segment(name)}/pause", body, form == "json", f"{name} is paused")


commands: tuple[click.Command, ...] = (agent,)

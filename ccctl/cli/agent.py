"""`ccctl agent`: who is there, and log in, log out, pause, unpause on an agent's behalf."""

from typing import Any

import click

from ccctl.cli.client import act, by_option, connect, format_option, segment
from ccctl.cli.common import pass_home, print_json, print_table
from ccctl.cli.group import Group
from ccctl.cli.tables import Fit
from ccctl.cli.words import lasted
from ccctl.flow.values import Wrong, duration

LONGEST_MS = 3_600_000
COLUMNS = ("agent", "name", "ext", "state", "for", "reason", "queue", "caller", "queues")
FIT = Fit(
    cut=("name", "reason", "queues"), drop=("queues", "name", "ext", "reason", "queue", "caller", "for")
)


queue_option = click.option("--queue", default="", metavar="QUEUE", help="Only for this queue [all].")


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
    if one.get("over"):
        state += ", over its limit"
    elif one["presence"] == "wrapup" and one.get("until"):
        state += f", {lasted(now, one['until'])} left"
    return (
        one["name"],
        one["title"],
        one["extension"],
        state,
        lasted(one["since"], now),
        one["reason"],
        one["queue"],
        one["caller"],
        ",".join(_queue(one, name) for name in one["queues"]),
    )


def _queue(one: dict[str, Any], name: str) -> str:
    reason = one.get("paused_in", {}).get(name)
    return name if reason is None else f"{name} (paused{': ' if reason else ''}{reason})"


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


@agent.command()
@click.argument("name")
@click.option("--reason", default="", help="A pause reason of the site.")
@queue_option
@by_option
@format_option
@pass_home
def pause(home: str, name: str, reason: str, queue: str, by: str, form: str) -> None:
    """Pause an agent: no calls until unpaused, or none of one queue."""
    body = {"reason": reason, "queue": queue, "by": by}
    act(home, "POST", f"agents/{segment(name)}/pause", body, form == "json", f"{name} is paused")


@agent.command()
@click.argument("name")
@queue_option
@by_option
@format_option
@pass_home
def unpause(home: str, name: str, queue: str, by: str, form: str) -> None:
    """End an agent's pause, or that of one queue."""
    body = {"queue": queue, "by": by}
    act(home, "POST", f"agents/{segment(name)}/unpause", body, form == "json", f"{name} is back")


_command("ready", "is ready", "End an agent's wrap-up, or pause, now.")


@agent.command("wrap-up")
@click.argument("name")
@click.option("--extend", required=True, metavar="TIME", help="How much longer: 60s, 2m.")
@by_option
@format_option
@pass_home
def wrap_up(home: str, name: str, extend: str, by: str, form: str) -> None:
    """Give an agent more time after a talk, as far as the queue allows."""
    more = duration(extend)
    if isinstance(more, Wrong) or not 0 < more <= LONGEST_MS:
        raise click.BadParameter(
            f"{extend} is no time up to 1h; write for example 60s", param_hint="--extend"
        )
    body = {"extend_ms": more, "by": by}
    act(home, "POST", f"agents/{segment(name)}/wrap-up", body, form == "json", f"{name}: {extend} more")


def _member(verb: str, text: str) -> None:
    @agent.command(verb, help=text)
    @click.argument("name")
    @click.argument("queue")
    @by_option
    @format_option
    @pass_home
    def command(home: str, name: str, queue: str, by: str, form: str) -> None:
        body = {"queue": queue, "by": by}
        act(home, "POST", f"agents/{segment(name)}/{verb}", body, form == "json", f"{name}: {verb} {queue}")


_member("join", "Let an agent serve a queue whose membership is dynamic.")
_member("leave", "Let an agent serve such a queue no longer.")


commands: tuple[click.Command, ...] = (agent,)

"""`ccctl monitor`: let a supervisor hear an agent, whisper to him or join the talk."""

from functools import update_wrapper
from typing import Any

import click

from ccctl.cli.client import act, by_option, format_option, segment
from ccctl.cli.common import pass_home

MODES = {
    "listen": "Hear both parties; nobody hears you.",
    "whisper": "Speak to the agent alone.",
    "barge": "Speak to both.",
    "stop": "End the listening on this agent.",
}


def _one_mode(command: Any) -> Any:
    """A flag for each mode; exactly one must be given."""

    def with_mode(*args: Any, **kwargs: Any) -> Any:
        given = [mode for mode in MODES if kwargs.pop(mode)]
        if len(given) != 1:
            only = "only one of" if given else "how:"
            raise click.UsageError(f"say {only} --listen, --whisper, --barge or --stop")
        return command(*args, mode=given[0], **kwargs)

    wrapped: Any = update_wrapper(with_mode, command)
    for mode, text in reversed(MODES.items()):
        wrapped = click.option(f"--{mode}", is_flag=True, help=text)(wrapped)
    return wrapped


@click.command()
@click.argument("agent")
@_one_mode
@click.option("--to", "phone", default="", metavar="USER", help="The user whose phone rings [that of --by].")
@by_option
@format_option
@pass_home
def monitor(home: str, agent: str, mode: str, phone: str, by: str, form: str) -> None:
    """Ring a supervisor's phone and let him hear AGENT."""
    path, as_json = f"agents/{segment(agent)}/monitor", form == "json"
    if mode == "stop":
        body = {"by": by, "supervisor": phone}
        act(home, "DELETE", path, body, as_json, f"nobody listens to {agent} any more")
        return
    if not (phone or by):
        raise click.UsageError("say whose phone to ring: --to USER")
    body = {"mode": mode, "phone": phone, "by": by}
    act(home, "POST", path, body, as_json, f"ringing {phone or by}")


commands: tuple[click.Command, ...] = (monitor,)

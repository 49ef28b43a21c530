"""`ccctl monitor`: let a supervisor hear an agent, whisper to him or join the talk."""

import click

from ccctl.cli.client import act, by_option, format_option, segment
from ccctl.cli.common import pass_home


@click.command()
@click.argument("agent")
@click.option("--listen", "mode", flag_value="listen", help="Hear both parties; nobody hears you.")
@click.option("--whisper", "mode", flag_value="whisper", help="Speak to the agent alone.")
@click.option("--barge", "mode", flag_value="barge", help="Speak to both.")
@click.option("--stop", "mode", flag_value="stop", help="End the listening on this agent.")
@click.option("--to", "phone", default="", metavar="USER", help="The user whose phone rings [that of --by].")
@by_option
@format_option
@pass_home
def monitor(home: str, agent: str, mode: str | None, phone: str, by: str, form: str) -> None:
    """Ring a supervisor's phone and let him hear AGENT."""
    path, as_json = f"agents/{segment(agent)}/monitor", form == "json"
    if mode is None:
        raise click.UsageError("say how: --listen, --whisper, --barge or --stop")
    if mode == "stop":
        body = {"by": by, "supervisor": phone}
        act(home, "DELETE", path, body, as_json, f"nobody listens to {agent} any more")
        return
    if not (phone or by):
        raise click.UsageError("say whose phone to ring: --to USER")
    body = {"mode": mode, "phone": phone, "by": by}
    act(home, "POST", path, body, as_json, f"ringing {phone or by}")


commands: tuple[click.Command, ...] = (monitor,)

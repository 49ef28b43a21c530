"""`--watch`: the same table, drawn anew every second until Ctrl-C."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ccctl.cli.common import lines_of
from ccctl.cli.tables import Fit
from ccctl.errors import DaemonDown

PERIOD_S = 1.0

watch_option = click.option("--watch", "watching", is_flag=True, help="Keep the table fresh until Ctrl-C.")

Shown = tuple[Sequence[str], Iterable[Sequence[object]], Fit]
Show = Callable[[], Shown]


def watch(title: str, show: Show, head: Callable[[], Sequence[str]] = tuple) -> None:
    """Draw until interrupted. A daemon that goes away is told on the screen and awaited."""
    if not sys.stdout.isatty():
        raise click.UsageError("--watch needs a terminal; leave it out")
    with Live(console=Console(), auto_refresh=False, screen=True) as live:
        while True:
            try:
                table = _table(show(), live.console.width)
                lines: Sequence[str] = head()
            except DaemonDown as error:
                table, lines = Text(f"{error} (trying again)", style="bold red"), ()
            clock = time.strftime("%H:%M:%S")
            live.update(
                Group(Text(f"{title}  {clock}", style="bold"), *map(Text, lines), table), refresh=True
            )
            time.sleep(PERIOD_S)


def _table(shown: Shown, width: int) -> Text:
    heading, *lines = lines_of(*shown, width)
    return Text("\n").join([Text(heading, style="bold"), *map(Text, lines)])

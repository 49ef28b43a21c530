"""`--watch`: the same table, drawn anew every second until Ctrl-C."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ccctl.cli.common import printable
from ccctl.errors import DaemonDown

PERIOD_S = 1.0

watch_option = click.option("--watch", "watching", is_flag=True, help="Keep the table fresh until Ctrl-C.")

Show = Callable[[], tuple[Sequence[str], Iterable[Sequence[object]]]]


def watch(title: str, show: Show, head: Callable[[], Sequence[str]] = tuple) -> None:
    """Draw until interrupted. A daemon that goes away is told on the screen and awaited."""
    if not sys.stdout.isatty():
        raise click.UsageError("--watch needs a terminal; leave it out")
    with Live(console=Console(), auto_refresh=False, screen=True) as live:
        while True:
            try:
                table: RenderableType = _table(show())
                lines: Sequence[str] = head()
            except DaemonDown as error:
                table, lines = Text(f"{error} (trying again)", style="bold red"), ()
            clock = time.strftime("%H:%M:%S")
            live.update(
                Group(Text(f"{title}  {clock}", style="bold"), *map(Text, lines), table), refresh=True
            )
            time.sleep(PERIOD_S)


def _table(shown: tuple[Sequence[str], Iterable[Sequence[object]]]) -> Table:
    columns, rows = shown
    body = list(rows)
    table = Table(box=None, pad_edge=False)
    for at, name in enumerate(columns):
        number = all(isinstance(row[at], int | float) for row in body) and bool(body)
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in body:
        table.add_row(*(Text("-" if cell is None else printable(str(cell))) for cell in row))
    return table

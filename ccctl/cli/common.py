"""Pieces that every command shares: the home folder, settings, tables, JSON and the way to fail."""

from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from typing import Concatenate, NoReturn, ParamSpec, TypeVar

import click

from ccctl.cli.tables import STIFF, Fit, room, table_lines
from ccctl.errors import CcctlError, NotFound
from ccctl.runtime.settings import Settings, find_home, load

P = ParamSpec("P")
R = TypeVar("R")


def home_of(ctx: click.Context) -> str:
    """The absolute home folder of this run: --home, $CCCTL_HOME, ./.ccctl or /var/lib/ccctl."""
    return str(find_home((ctx.find_root().obj or {}).get("home")))


def pass_home(command: Callable[Concatenate[str, P], R]) -> Callable[P, R]:
    """Give a command the absolute home folder as its first argument."""

    def with_home(*args: P.args, **kwargs: P.kwargs) -> R:
        return command(home_of(click.get_current_context()), *args, **kwargs)

    return update_wrapper(with_home, command)


def settings(ctx: click.Context) -> Settings:
    """The settings of the home folder; SettingsError with a hint when there are none."""
    return load(home_of(ctx))


def fail(text: str, hint: str = "") -> NoReturn:
    """End the command: one line on stderr, exit 2."""
    raise CcctlError(text, hint)


def not_found(text: str, hint: str = "") -> NoReturn:
    """End the command: nothing has the name that was given; one line on stderr, exit 4."""
    raise NotFound(text, hint)


def print_json(value: object) -> None:
    import msgspec

    encoded = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2)
    click.echo(encoded.decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], fit: Fit = STIFF) -> None:
    """Aligned columns; headings bold on a terminal, and nothing wider than that."""
    heading, *lines = lines_of(columns, rows, fit, room())
    click.secho(heading, bold=True)
    for line in lines:
        click.echo(line)


def lines_of(
    columns: Sequence[str], rows: Iterable[Sequence[object]], fit: Fit, width: int | None
) -> list[str]:
    """A table's lines, numbers to the right; cells may hold wide characters."""
    body = [list(row) for row in rows]
    right = [bool(body) and all(_is_number(row[at]) for row in body) for at in range(len(columns))]
    return table_lines(columns, [[_text(cell) for cell in row] for row in body], right, fit, width)


def _is_number(cell: object) -> bool:
    return cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool))


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return printable(str(cell))


def printable(text: str) -> str:
    """One line that only shows: a caller may write anything into his name, orders to the terminal too."""
    line = " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)

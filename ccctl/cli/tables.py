"""Tables as wide as what they say, or as narrow as the terminal: what is cut short, what is left out.

Only where somebody looks on: what is piped, mailed or written to a file stays whole.
"""

import io
import os
import shutil
import sys
from collections.abc import Sequence

import msgspec

WIDEST = 10_000
GAP = 2
MARK = "…"


class Fit(msgspec.Struct, frozen=True):
    """What gives way on a narrow screen: the texts of `cut` as far as `least` characters, then the columns of
    `drop`, the first one first. Other columns stay as they are."""

    cut: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    least: int = 16


STIFF = Fit()


def room() -> int | None:
    """How many characters a line has; None: as many as it needs."""
    wished = os.environ.get("COLUMNS", "")
    if sys.stdout.isatty() or (wished.isdecimal() and int(wished)):
        return shutil.get_terminal_size().columns
    return None


def table_lines(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[bool],
    fit: Fit = STIFF,
    width: int | None = None,
) -> list[str]:
    """The heading and the rows; with a `width` no wider, and a last line that names what was left out."""
    if width is None:
        return _lines(columns, rows, right)
    widths = _widths(columns, rows, fit, width)
    kept = [[_short(row[at], size) for at, size in widths.items()] for row in rows]
    lines = _lines([columns[at] for at in widths], kept, [right[at] for at in widths])
    left_out = [title for at, title in enumerate(columns) if at not in widths]
    note = [f"(no room for: {', '.join(left_out)})"] if left_out else []
    return [*(_short(line, width) for line in lines), *note]


def _lines(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for title, to_right in zip(columns, right, strict=True):
        table.add_column(Text(title), justify="right" if to_right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    out = io.StringIO()
    Console(file=out, width=WIDEST, color_system=None).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]


# -- what fits -------------------------------------------------------------------------------------


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], fit: Fit, width: int) -> dict[int, int]:
    """Number of a column -> its width; those that are left out are not there."""
    from rich.cells import cell_len

    whole = {
        at: max(cell_len(title), *(cell_len(row[at]) for row in rows), 0) for at, title in enumerate(columns)
    }
    for gone in range(len(fit.drop) + 1):
        widths = {at: size for at, size in whole.items() if columns[at] not in fit.drop[:gone]}
        least = {at: max(fit.least, cell_len(columns[at])) for at in widths if columns[at] in fit.cut}
        if _squeeze(widths, least, width):
            break
    return widths


def _squeeze(widths: dict[int, int], least: dict[int, int], width: int) -> bool:
    """Take from the widest, one by one, until all fit."""
    too_much = sum(widths.values()) + GAP * (len(widths) - 1) - width
    while too_much > 0:
        widest = max((at for at in least if widths[at] > least[at]), key=lambda at: widths[at], default=None)
        if widest is None:
            return False
        widths[widest] -= 1
        too_much -= 1
    return True


def _short(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + MARK

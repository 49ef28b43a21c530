"""What every bench prints: rows of ours, a peer's and their ratio, as a table or as JSON."""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from ccctl.cli.common import print_json, print_table


class Row(msgspec.Struct, frozen=True):
    """ratio is above 1 where we are the better: peer / ours, or ours / peer for rates."""

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str


def less_is_better(name: str, ours: float, peer: float, unit: str) -> Row:
    return Row(name, ours, peer, peer / ours if ours else float("nan"), unit)


def more_is_better(name: str, ours: float, peer: float, unit: str) -> Row:
    return Row(name, ours, peer, ours / peer if peer else float("nan"), unit)


def show(rows: list[Row], form: str, digits: int = 2) -> None:
    if form == "json":
        print_json([msgspec.structs.asdict(row) for row in rows])
        return
    columns = ("name", "ours", "peer", "ratio", "unit")
    cells = [(r.name, round(r.ours, digits), round(r.peer, digits), round(r.ratio, 2), r.unit) for r in rows]
    print_table(columns, cells)


@contextmanager
def rows_only(wanted: bool) -> Iterator[None]:
    """What the steps print goes to stderr, so that stdout is JSON alone."""
    with contextlib.redirect_stdout(sys.stderr) if wanted else contextlib.nullcontext():
        yield

"""`ccctl bench import`: how fast a queue_log gets into the ledger, beside a program that splits its lines."""

import csv
import heapq
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import click
from sqlalchemy import text

from ccctl.cli.benchrows import Row, more_is_better, show
from ccctl.cli.importing import Import, Source
from ccctl.imports.queue_log import History
from ccctl.imports.reading import Names
from ccctl.store import db

BEGIN = 1_700_000_000
AGENTS, QUEUES = 80, 8


def made_log(lines: int) -> Iterator[str]:
    """Lines as a busy centre writes them: misses, abandons, time-outs, transfers."""
    chance = random.Random(1)  # noqa: S311 - a load, no secret
    waiting: list[tuple[int, int, str]] = []
    at, number = BEGIN, 0
    for _ in range(lines):
        if not waiting or waiting[0][0] > at:
            at += chance.randrange(3)
            number += 1
            for n, (later, line) in enumerate(_call(chance, at, f"{at}.{number}")):
                heapq.heappush(waiting, (later, number * 10 + n, line))
        at = max(at, waiting[0][0])
        yield heapq.heappop(waiting)[2]


def _call(chance: random.Random, at: int, ident: str) -> Iterator[tuple[int, str]]:
    queue, agent = f"q{chance.randrange(QUEUES)}", f"PJSIP/{1000 + chance.randrange(AGENTS)}"

    def line(then: int, who: str, event: str, *data: object) -> tuple[int, str]:
        return then, "|".join(map(str, (then, ident, queue, who, event, *data)))

    yield line(at, "NONE", "ENTERQUEUE", "", f"+4930{chance.randrange(10**7)}", 1)
    wait, kind = chance.randrange(1, 90), chance.random()
    if kind < 0.15:
        yield line(at + wait, "NONE", "ABANDON", 1, 1, wait)
    elif kind < 0.2:
        yield line(at + wait, "NONE", "EXITWITHTIMEOUT", 1, 1, wait)
    else:
        if kind < 0.4:
            yield line(at + wait, agent, "RINGNOANSWER", 15_000)
            wait += 5
        talk, ring = chance.randrange(20, 600), min(wait, 6)
        yield line(at + wait, agent, "CONNECT", wait, f"{ident}1", ring)
        ends = ("COMPLETECALLER", "COMPLETEAGENT") if kind < 0.95 else ("BLINDTRANSFER",)
        data = (wait, talk, 1) if kind < 0.95 else ("200", "default", wait, talk, 1)
        yield line(at + wait + talk, agent, chance.choice(ends), *data)


def into(path: Path, url: str) -> tuple[float, int]:
    """Seconds, and lines that were not taken."""
    engine = db.open_ready(url) if url else None
    history = History("bench", Names({}, {}), Names({}, {}), ZoneInfo("UTC"))
    run = Import(history, engine, None)
    began = time.perf_counter()
    run.read(Source(str(path), 0), lambda _: None)
    history.finish()
    run.write()
    spent = time.perf_counter() - began
    if engine:
        engine.dispose()
    return spent, run.rejects


def floor(path: Path) -> float:
    began = time.perf_counter()
    with path.open(newline="") as file:
        for _ in csv.reader(file, delimiter="|"):
            pass
    return time.perf_counter() - began


def _emptied(url: str) -> None:
    engine = db.open_ready(url)
    with engine.begin() as connection:
        taken = connection.scalar(text("SELECT count(*) FROM calls"))
    engine.dispose()
    if taken:
        raise click.BadParameter("this database holds calls: give an empty one", param_hint="--database")


@click.command("import")
@click.option("--lines", type=click.IntRange(100), default=300_000, show_default=True)
@click.option("--database", default="", help="URL of an empty database of PostgreSQL, measured too.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def import_bench(lines: int, database: str, form: str) -> None:
    """Lines of a queue_log per second: read only, into SQLite, PostgreSQL; the peer reads them as CSV."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "queue_log")
        path.write_text("".join(f"{line}\n" for line in made_log(lines)))
        urls = {"read only": "", "SQLite": f"sqlite:///{folder}/bench.db"}
        urls |= {"PostgreSQL": database} if database else {}
        least = lines / floor(path)
        rows: list[Row] = []
        for name, url in urls.items():
            if url:
                db.upgrade(url)
                _emptied(url)
            spent, rejects = into(path, url)
            assert not rejects, f"{rejects} lines of {os.fspath(path)} were not taken"
            rows.append(more_is_better(f"queue_log, {name}", lines / spent, least, "lines/s"))
    show(rows, form, 0)

"""`ccctl bench`: how fast, as ratios to other programs measured in the same run on the same Asterisk."""

import asyncio
from pathlib import Path

import click

from ccctl.cli import benchari
from ccctl.cli.benchacd import acd_bench, gap_rows, measure_gaps
from ccctl.cli.benchcompile import compile_bench
from ccctl.cli.benchimport import import_bench
from ccctl.cli.benchlab import ALL, NATIVE, OURS, minimal_app, trial
from ccctl.cli.benchrows import Row, rows_only, show
from ccctl.cli.benchtests import tests_bench
from ccctl.cli.group import Group
from ccctl.cli.lab import lab_home
from ccctl.lab.bench import Load
from ccctl.runtime.settings import load


@click.group(cls=Group)
def bench() -> None:
    """Measure this machine: ours and a peer in one run."""


@bench.command("idle-gap")
@click.option("--agents", type=click.IntRange(1, 200), default=10, show_default=True)
@click.option("--waiting", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option(
    "--seconds", type=click.FloatRange(1), default=10.0, show_default=True, help="Of each measurement."
)
@click.option("--rounds", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option("--minimal", is_flag=True, help="Measure a minimal ARI application too.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def idle_gap(ctx: click.Context, /, agents: int, waiting: int, **options: float | bool | str) -> None:
    """Agent hangs up -> next INVITE at that agent's phone, calls always waiting, no wrap-up.

    Our queue against app_queue (and with --minimal a minimal ARI application), in a lab of its own, one
    after the other and again.
    """
    form, rounds = str(options["form"]), int(options["rounds"])
    load_ = Load(agents, waiting, float(options["seconds"]))
    with rows_only(form == "json"):
        rows = asyncio.run(_idle_gap(_home(ctx), load_, rounds, bool(options["minimal"])))
    show(rows, form)


async def _idle_gap(home: str, load_: Load, rounds: int, minimal: bool) -> list[Row]:
    async with trial(home, load_.agents) as of:
        if not minimal:
            return gap_rows(load_, await measure_gaps(of, load_, rounds, (NATIVE, OURS)))
        async with minimal_app(of, of.desks):
            return gap_rows(load_, await measure_gaps(of, load_, rounds, ALL))


@bench.command("minimal-app", hidden=True)
@click.argument("agents", nargs=-1)
@click.pass_context
def minimal_ari(ctx: click.Context, agents: tuple[str, ...]) -> None:
    """The yardstick of --minimal, as a process of its own."""
    asyncio.run(benchari.serve(load(lab_home(ctx)).node, list(agents)))


def _home(ctx: click.Context) -> str:
    return str(Path(lab_home(ctx)) / "bench")


bench.add_command(acd_bench)
bench.add_command(compile_bench)
bench.add_command(import_bench)
bench.add_command(tests_bench)

commands: tuple[click.Command, ...] = (bench,)

"""`ccctl simulate`: a day that was, or one that may come, played by the distributor itself."""

import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ccctl.cli.common import fail, print_json, settings
from ccctl.cli.ledger import write_out
from ccctl.cli.simulatecase import Case, Wanted, history, made_up
from ccctl.cli.simulateview import Shown, data, svg, text
from ccctl.report.kpi import DEFAULT_PRESET, PRESETS
from ccctl.whatif.figures import ALL
from ccctl.whatif.study import Run, Study

MADE_UP = ("arrivals", "talk", "patience", "pick_up", "hours", "warm_up")
BY_QUEUE = "[QUEUE=]TIME"


@click.command()
@click.argument("site", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--from", "since", default="", help="yesterday, 2026-11-25 or 2026-11-25T08:00..18:00.")
@click.option("--tz", default="", help="Time zone of --from [that of the site, else UTC].")
@click.option("--arrivals", multiple=True, metavar="[QUEUE=]RATE|FILE", help="120/h, or a daily curve.")
@click.option("--talk", multiple=True, metavar=BY_QUEUE, help="4m, constant:4m, lognormal:4m:2m [4m].")
@click.option("--patience", multiple=True, metavar=BY_QUEUE, help="The same, or none [3m].")
@click.option(
    "--pick-up", multiple=True, metavar=BY_QUEUE, help="From the first ring to the talk [constant:0s]."
)
@click.option(
    "--hours", type=click.FloatRange(0.1, 24), default=8.0, show_default=True, help="How long calls come."
)
@click.option("--warm-up", default="0s", show_default=True, help="Time at the beginning that is not counted.")
@click.option("--agents", multiple=True, metavar="N|+N|-N", help="So many, or more or fewer than there are.")
@click.option("--queue", default="", help="Only this queue is shown, staffed, given another strategy.")
@click.option("--strategy", default="", help="Another strategy.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="For example queues.support.wrap_up=10s."
)
@click.option("--sl-preset", type=click.Choice(list(PRESETS)), default=DEFAULT_PRESET, show_default=True)
@click.option("--runs", type=click.IntRange(1, 1000), default=20, show_default=True, help="Independent runs.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Which chance.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--svg", "picture", type=click.Path(dir_okay=False), help="Draw it into this file, too.")
@click.pass_context
def simulate(ctx: click.Context, /, form: str, picture: str | None, **options: Any) -> None:
    """What would be: the distributor on a virtual clock, with other agents, rules or callers.

    With --from the callers, their patience, handle times and agents' hours are those of the ledger; what is
    changed (--agents, --strategy, --set, or another SITE) stands beside what was. With a SITE and --arrivals
    a day is made up. How to read the result: docs/what-if.md.
    """
    wanted = Wanted(**options)
    if wanted.since:
        _refuse(ctx)
        case = history(settings(ctx), wanted)
    else:
        case = made_up(wanted)
    shown = Shown(
        study=case.study,
        runs=played(case.study, wanted.seed, wanted.runs),
        seed=wanted.seed,
        zone=case.zone,
        notes=case.notes,
        ledger=case.ledger,
        queues=_shown(case, wanted.queue),
    )
    if picture:
        write_out(svg(shown, case.title), picture)
    if form == "json":
        print_json(data(shown))
    else:
        click.echo(text(shown), nl=False)


def _refuse(ctx: click.Context) -> None:
    for name in MADE_UP:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            fail(f"{option} is for days that are made up", "with --from it is as the ledger says")


def _shown(case: Case, queue: str) -> tuple[str, ...]:
    if queue:
        return (queue,)
    return (*case.queues, ALL) if len(case.queues) > 1 else case.queues


def played(study: Study, seed: int, runs: int) -> list[Run]:
    from ccctl.runtime.trials import trials

    found = trials(study, seed, runs)
    if not sys.stderr.isatty():
        return list(found)
    with click.progressbar(found, runs, "simulating", file=sys.stderr) as bar:
        return list(bar)


commands: tuple[click.Command, ...] = (simulate,)

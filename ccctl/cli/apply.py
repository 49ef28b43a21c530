"""ccctl compile, plan, apply: from a site folder to Asterisk."""

import asyncio
import os
import sys
from pathlib import Path

import click

from ccctl.cli.common import settings
from ccctl.errors import ApplyError, AsteriskDown
from ccctl.flow.compile import Plan
from ccctl.flow.graph import Site

SITE = click.argument("folder", metavar="SITE", type=click.Path(exists=True, file_okay=False))


def _compiled(folder: str) -> tuple[Site, Plan]:
    """Check first: any error and nothing is touched."""
    from ccctl.runtime.apply import compile_folder

    compiled = compile_folder(folder)
    for each in compiled.diagnostics:
        click.echo(str(each), err=True)
    if compiled.site is None or compiled.plan is None:
        click.echo("ccctl: the site has errors; nothing was changed", err=True)
        click.get_current_context().exit(1)
    return compiled.site, compiled.plan


def _say(text: str) -> None:
    click.echo(f"  {text}", err=True)


@click.command("compile")
@SITE
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder for the files.")
def compile_command(folder: str, out: str) -> None:
    """Write the Asterisk files of a SITE into a folder, and change nothing else."""
    from ccctl.asterisk import conf

    _, plan = _compiled(folder)
    revision = conf.build(plan, dict.fromkeys(plan.music, "moh"), None, set())
    for path, text in revision.files.items():
        target = Path(out) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    click.echo(f"generation {plan.generation}: {len(revision.files)} files in {out}")


@click.command("plan")
@SITE
@click.pass_context
def plan_command(ctx: click.Context, folder: str) -> None:
    """Show what an apply of SITE would change, and the live calls that it would meet."""
    from ccctl.runtime.apply import outlook
    from ccctl.runtime.diff import describe

    _, plan = _compiled(folder)
    click.echo(describe(asyncio.run(outlook(settings(ctx), plan))))


@click.command("apply")
@SITE
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def apply_command(ctx: click.Context, folder: str, yes: bool) -> None:
    """Put a SITE in force. Live calls stay in the flows that they entered."""
    from ccctl.runtime.apply import apply, outlook
    from ccctl.runtime.diff import describe

    known = settings(ctx)
    site, plan = _compiled(folder)
    if not yes:
        _ask(describe(asyncio.run(outlook(known, plan))))
    try:
        applied = asyncio.run(apply(known, site, plan, _say))
    except AsteriskDown as error:
        raise AsteriskDown(str(error), "start it; 'ccctl doctor' tells more") from None
    if applied.changed:
        click.echo(f"generation {applied.generation} serves (revision {applied.revision})")
    else:
        click.echo(f"no change: generation {applied.generation} serves already")
    for generation, calls in applied.draining.items():
        click.echo(f"generation {generation} stays for its {calls} live channels")
    click.echo(f"daemon: {applied.daemon}")


def _ask(summary: str) -> None:
    if not sys.stdin.isatty():
        raise ApplyError("apply asks before it changes anything, and here is nobody to ask", "give --yes")
    click.echo(summary)
    click.confirm("Apply?", abort=True)


commands: tuple[click.Command, ...] = (compile_command, plan_command, apply_command)

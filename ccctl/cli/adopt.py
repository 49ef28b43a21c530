"""ccctl adopt: live beside what an Asterisk that is there already does."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ccctl.cli.common import fail, home_of
from ccctl.errors import SettingsError

if TYPE_CHECKING:
    from ccctl.flow.compile import Plan
    from ccctl.runtime.adopt import Addition
    from ccctl.runtime.adopt_checks import Remark
    from ccctl.runtime.settings import Settings

COLOURS = {"ok": "green", "warn": "yellow", "lacks": "yellow", "fail": "red", "clash": "red"}


@click.command("adopt")
@click.argument("site", required=False, type=click.Path(exists=True, file_okay=False))
@click.option("--etc", default="/etc/asterisk", show_default=True, type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Add the include lines. Without it nothing is changed.")
@click.option(
    "--write-base", is_flag=True, help="Also write what manager, ari, http and cel lack, and settings."
)
@click.option("--undo", is_flag=True, help="Take everything out again that this command wrote.")
@click.pass_context
def adopt_command(
    ctx: click.Context, site: str | None, etc: Path, write: bool, write_base: bool, undo: bool
) -> None:
    """Look at the configuration of an existing PBX, and add one include line to each file that needs one.

    With a SITE its names are compared with those that are there. Nothing of yours is changed but by the added
    lines; copies of the files as they were stay in ETC/ccctl/adopt.

    Exit status: 0 nothing is in the way, 1 something is (and nothing was written), 2 it failed.
    """
    if not etc.is_dir():
        fail(f"{etc} is not a folder", "give the folder of Asterisk's configuration with --etc")
    if undo:
        _undo(etc)
        return
    known, fresh = _settings(home_of(ctx), etc)
    found = _look(etc, known, _plan(site))
    base = _base(etc, known, found) if write_base else {}
    additions = _additions(etc, base)
    blocked = any(each.state == "clash" for each in found)
    if (write or write_base) and not blocked:
        _write(etc, additions, base)
        if fresh and write_base:
            _save(known)
    _show(found, additions, write or write_base, blocked)
    if not blocked:
        _next(base, fresh and write_base, known)
    ctx.exit(1 if any(each.state in ("clash", "fail") for each in found) else 0)


def _settings(home: str, etc: Path) -> tuple["Settings", bool]:
    """Those of the home folder, or new ones made from Asterisk's files."""
    from ccctl.runtime.adopt_base import draft_settings
    from ccctl.runtime.settings import load

    if not (Path(home) / "settings.yaml").exists():
        return draft_settings(home, etc), True
    known = load(home)
    if Path(known.node.etc_dir).resolve() != etc.resolve():
        raise SettingsError(
            f"{home}/settings.yaml is about {known.node.etc_dir}, not {etc}",
            "give another --home, or its --etc",
        )
    return known, False


def _plan(site: str | None) -> "Plan | None":
    from ccctl.runtime.build import compile_folder

    if site is None:
        return None
    compiled = compile_folder(site)
    for each in compiled.diagnostics:
        click.echo(str(each), err=True)
    if compiled.plan is None:
        click.echo("ccctl: the site has errors; nothing was changed", err=True)
        click.get_current_context().exit(1)
    return compiled.plan


def _look(etc: Path, known: "Settings", plan: "Plan | None") -> "list[Remark]":
    from ccctl.cli.checkpbx import NEEDED
    from ccctl.runtime.adopt_checks import remarks

    return remarks(etc, known.node, plan, NEEDED)


def _base(etc: Path, known: "Settings", found: "list[Remark]") -> dict[str, str]:
    from ccctl.runtime.adopt_base import render

    return render(etc, known.node, [each for each in found if each.state == "lacks"])


def _additions(etc: Path, base: dict[str, str]) -> "list[Addition]":
    from ccctl.runtime.adopt import wanted

    return wanted(etc, base)


def _write(etc: Path, additions: "list[Addition]", base: dict[str, str]) -> None:
    from ccctl.runtime.adopt import write

    write(etc, additions, base)


def _save(known: "Settings") -> None:
    from ccctl.runtime.settings import save

    save(known)


def _show(found: "list[Remark]", additions: "list[Addition]", write: bool, blocked: bool) -> None:
    for each in found:
        click.secho(f"{each.state:6}", fg=COLOURS[each.state], bold=True, nl=False)
        click.echo(f"{each.what}: {each.text}{f'; {each.hint}' if each.hint else ''}")
    if blocked and write:
        click.echo("nothing was written: names clash")
        return
    verb = "added" if write else "would add"
    for line in additions:
        new = " (a new file)" if line.created else ""
        click.echo(f'{verb} to {line.file}{new}: #tryinclude "{line.target}"')
    if not additions:
        click.echo("every include line is there")


def _next(base: dict[str, str], saved: bool, known: "Settings") -> None:
    if saved:
        click.echo(f"settings with new secrets are in {known.home}/settings.yaml")
    if base:
        click.echo("restart Asterisk: it reads the doors (manager, http, ari, cel) at its start")
        click.echo("next:  ccctl doctor, ccctl apply SITE")


def _undo(etc: Path) -> None:
    from ccctl.runtime.adopt import undo

    undone = undo(etc)
    for each in undone:
        if each.removed:
            click.echo(f"{each.file} was removed: it was ours alone")
        elif each.kept:
            click.echo(f"{each.file} has changed since; only our line was taken out")
        else:
            click.echo(f"{each.file} is what it was")
    if not undone:
        click.echo("there is nothing to undo")
        return
    click.echo("the generated configuration stays in ccctl/; nothing reads it. Reload or restart Asterisk")


commands: tuple[click.Command, ...] = (adopt_command,)

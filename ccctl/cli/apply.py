"""ccctl compile, plan, apply: from a site folder to Asterisk."""

import asyncio
import os
import pwd
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from ccctl.cli.common import fail, print_json, printable, settings
from ccctl.errors import ApplyError, AsteriskDown

if TYPE_CHECKING:
    from ccctl.flow.compile import Plan
    from ccctl.flow.graph import Site
    from ccctl.runtime.apply import Applied, Order
    from ccctl.runtime.plan import Outlook
    from ccctl.runtime.settings import Settings

SITE = click.argument("folder", metavar="SITE", type=click.Path(exists=True, file_okay=False))
CHANGED = 3  # exit code of `plan --exit-code`; 1 is a site with errors
START_OF_LINE = "\r\x1b[K"  # and nothing after it
_LONGEST_WHY = 500


def _compiled(folder: str) -> tuple["Site", "Plan", frozenset[str]]:
    """Check first: any error and nothing is touched."""
    from ccctl.runtime.build import compile_folder

    compiled = compile_folder(folder)
    for each in compiled.diagnostics:
        click.echo(str(each), err=True)
    if compiled.site is None or compiled.plan is None:
        click.echo("ccctl: the site has errors; nothing was changed", err=True)
        click.get_current_context().exit(1)
    return compiled.site, compiled.plan, compiled.secrets


def say(text: str) -> None:
    click.echo(f"  {printable(text)}", err=True)


class Progress:
    """What an apply does, on stderr, line by line. Of what it counts a terminal shows how far it is, in one
    line that gives way to the next; a pipe or a log gets one line when it is done."""

    def __init__(self) -> None:
        self._counting = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._clear()

    def say(self, text: str) -> None:
        self._clear()
        say(text)

    def count(self, what: str, done: int, of: int) -> None:
        if done == of:
            self.say(f"{what}: {of} made")
        elif sys.stderr.isatty():
            click.echo(f"{START_OF_LINE}  {what}: {done} of {of}", nl=False, err=True)
            self._counting = True

    def _clear(self) -> None:
        if self._counting:
            click.echo(START_OF_LINE, nl=False, err=True)
            self._counting = False


@click.command("compile")
@SITE
@click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder for the files.")
def compile_command(folder: str, out: str) -> None:
    """Write the Asterisk files of a SITE into a folder, and change nothing else."""
    from ccctl.asterisk import conf

    _, plan, _ = _compiled(folder)
    revision = conf.build(plan, dict.fromkeys(plan.music, "moh"), None, set())
    for path, text in revision.files.items():
        target = Path(out) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    click.echo(f"generation {plan.generation}: {len(revision.files)} files in {out}")


# -- plan ------------------------------------------------------------------------------------------


@click.command("plan")
@SITE
@click.option("--files", is_flag=True, help="Show the changed lines of Asterisk's files, too.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--exit-code", is_flag=True, help="End with 3 when there is something to change.")
@click.option("--out", type=click.Path(dir_okay=False), help="Keep the plan in a file for 'apply --plan'.")
@click.pass_context
def plan_command(
    ctx: click.Context, folder: str, files: bool, form: str, exit_code: bool, out: str | None
) -> None:
    """Show what an apply of SITE would change, and the calls and agents that it would meet.

    Exit status: 0 also when there are changes (3 with --exit-code), 1 the site has errors, 2 it failed.
    """
    from ccctl.runtime.diff import as_json, describe, is_change
    from ccctl.runtime.plan import saved

    seen = _look(settings(ctx), *_compiled(folder))
    if out:
        _keep(out, saved(seen))
    if form == "json":
        print_json(as_json(seen))
    else:
        _show(describe(seen, files))
    ctx.exit(CHANGED if exit_code and is_change(seen) else 0)


def _look(known: "Settings", site: "Site", plan: "Plan", secrets: frozenset[str]) -> "Outlook":
    from ccctl.runtime.plan import outlook

    return asyncio.run(outlook(known, site, plan, secrets))


def _show(text: str) -> None:
    for line in text.splitlines():
        click.secho(printable_line(line), fg={"+": "green", "-": "red", "~": "yellow"}.get(line[:1]))


def printable_line(line: str) -> str:
    """Blanks stay: a diff means them."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def _keep(out: str, plan: object) -> None:
    import msgspec

    try:
        Path(out).write_bytes(msgspec.json.encode(plan))
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}")


# -- apply -----------------------------------------------------------------------------------------


@click.command("apply")
@SITE
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--why", default="", help="The reason, for the history.")
@click.option(
    "--plan", "kept", type=click.Path(exists=True, dir_okay=False), help="Only what this plan says."
)
@click.pass_context
def apply_command(ctx: click.Context, folder: str, yes: bool, why: str, kept: str | None) -> None:
    """Put a SITE in force. Live calls stay in the flows that they entered.

    It shows the plan and asks, unless nothing would change. Nothing is changed when the site's files, or
    what is in force, changed since then, or when Asterisk or the daemon does not do well with it.
    """
    import msgspec

    from ccctl.runtime.apply import apply, folder_digest

    known = settings(ctx)
    digest = folder_digest(folder)
    compiled = _compiled(folder)
    site, plan, secrets = compiled
    order = msgspec.structs.replace(ordered(why), secrets=secrets)
    if kept or not yes:
        order = _agreed(known, compiled, order, kept)
    if folder_digest(folder) != digest:
        raise ApplyError("the site's files changed meanwhile", "nothing was changed; look at the plan again")
    with Progress() as progress:
        applied = run(apply(known, site, plan, progress.say, order, progress.count))
    show_applied(applied)


def _agreed(
    known: "Settings", compiled: tuple["Site", "Plan", frozenset[str]], order: "Order", kept: str | None
) -> "Order":
    """Shown and agreed to; or agreed to when the plan was kept, or when there is nothing to agree to. Only
    what was seen may be overwritten."""
    import msgspec

    from ccctl.runtime.diff import describe, is_change
    from ccctl.runtime.plan import SavedPlan, refuse_other

    seen = _look(known, *compiled)
    if kept:
        try:
            refuse_other(msgspec.json.decode(Path(kept).read_bytes(), type=SavedPlan), seen)
        except msgspec.MsgspecError:
            fail(f"{kept} is no plan", "make one with 'ccctl plan SITE --out FILE'")
    elif is_change(seen):
        ask(describe(seen), "Apply?")
    return msgspec.structs.replace(order, expect=seen.base)


def ask(text: str, question: str) -> None:
    if not is_person():
        raise ApplyError("this asks before it changes anything, and here is nobody to ask", "give --yes")
    _show(text)
    click.confirm(question, abort=True)


def is_person() -> bool:
    return sys.stdin.isatty()


def ordered(why: str) -> "Order":
    """Who types this, where and why."""
    from ccctl.runtime.apply import Order

    if len(why) > _LONGEST_WHY:
        fail(f"--why has {len(why)} characters", f"use at most {_LONGEST_WHY}; more belongs into a commit")
    return Order(who=who(), host=socket.gethostname(), via="cli", why=printable(why))


def who() -> str:
    """The user; with sudo, the person and what he became."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    person = os.environ.get("SUDO_USER", "")
    return f"{printable(person)} as {user}" if person and person != user else user


def run(work: Coroutine[None, None, "Applied"]) -> "Applied":
    try:
        return asyncio.run(work)
    except AsteriskDown as error:
        raise AsteriskDown(str(error), "start it; 'ccctl doctor' tells more") from None


def show_applied(applied: "Applied") -> None:
    if applied.changed:
        click.echo(f"generation {applied.generation} serves (revision {applied.revision})")
    else:
        click.echo(f"no change: generation {applied.generation} serves already")
    for path in applied.hand:
        click.echo(f"edited by hand, now overwritten; a copy is {path}")
    for generation, calls in applied.draining.items():
        click.echo(f"generation {generation} stays for its {calls} live channels")
    click.echo(f"daemon: {applied.daemon}")


commands: tuple[click.Command, ...] = (compile_command, plan_command, apply_command)

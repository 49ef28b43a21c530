"""The command line: the group `ccctl`, its global options, and how errors end a command.

Commands live in ccctl/cli/<noun>.py, one module per noun, each with `commands: tuple[click.Command, ...]`.
A module is imported when one of its commands is wanted, so that `ccctl --version` stays instant.
"""

import importlib
import os
import sys
from collections.abc import Iterator

import click

from ccctl import __version__
from ccctl.cli.group import Group
from ccctl.errors import CcctlError

MODULES = (
    "site",
    "explain",
    "editor",
    "fmt",
    "graph",
    "apply",
    "history",
    "adopt",
    "serve",
    "status",
    "queue",
    "agent",
    "callback",
    "call",
    "monitor",
    "phone",
    "report",
    "simulate",
    "replay",
    "why",
    "recording",
    "prompts",
    "importing",
    "db",
    "doctor",
    "lab",
    "labrun",
    "test",
    "bench",
    "completion",
)
# Which modules to import for a command. A command that is not named here is found by importing them all.
HOMES = {
    "check": ("site",),
    "init": ("site",),
    "schema": ("editor",),
    "compile": ("apply",),
    "plan": ("apply",),
    "rollback": ("history",),
    "drift": ("history",),
    "import": ("importing",),
    "journal": ("replay",),
    "lab": ("lab", "labrun"),
}
INTERRUPTED = 130
PIPE_CLOSED = 141


def import_commands(name: str) -> tuple[click.Command, ...]:
    """The commands of one module; none while that module is not part of this build."""
    module = f"ccctl.cli.{name}"
    try:
        return tuple(getattr(importlib.import_module(module), "commands", ()))
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return ()


class Commands(Group):
    """A group that finds its commands in MODULES and turns our errors into one line and an exit code."""

    def _found(self) -> Iterator[click.Command]:
        for name in MODULES:
            yield from import_commands(name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({command.name for command in self._found() if command.name})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        likely = HOMES.get(cmd_name, (cmd_name,) if cmd_name in MODULES else ())
        near = [command for name in likely for command in import_commands(name)]
        wanted = (command for found in (near, self._found()) for command in found)
        return next((command for command in wanted if command.name == cmd_name), None)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from ccctl.diagnostics import did_you_mean

            near = did_you_mean(args[0], self.list_commands(ctx))
            if near and "No such command" in error.message:
                ctx.fail(f"No such command '{args[0]}'. Did you mean '{near}'?")
            raise

    def invoke(self, ctx: click.Context) -> object:
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()  # a closed pipe must show here, not at interpreter exit
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            _drop_output()
            ctx.exit(PIPE_CLOSED)
        except (CcctlError, OSError) as error:
            if os.environ.get("CCCTL_TRACEBACK"):
                raise
            click.echo(f"ccctl: {describe(error)}", err=True)
            ctx.exit(error.exit_code if isinstance(error, CcctlError) else CcctlError.exit_code)
        return result


def describe(error: CcctlError | OSError) -> str:
    """One line, whatever the names of files hold."""
    text = str(error)
    if isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {error.strerror}"
    return " ".join(text.splitlines())


def _drop_output() -> None:
    """What is still buffered has no reader: send it nowhere, so the last flush at exit is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(file_okay=False),
    help="Folder with settings, database and ledger [$CCCTL_HOME, ./.ccctl, /var/lib/ccctl].",
)
@click.version_option(__version__, prog_name="ccctl", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, home: str | None) -> None:
    """The call centre as code for Asterisk."""
    ctx.obj = {"home": home}

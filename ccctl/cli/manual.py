"""The page docs/cli.md, made from the commands themselves: every command, argument and option."""

import re
from collections.abc import Iterator

import click

from ccctl.cli.main import main

HEAD = """\
# The commands

<!-- Made by scripts/docs from the commands; do not edit. -->

Global option: `--home DIR`, the folder with settings, database and ledger; without it `$CCCTL_HOME`, else
`./.ccctl` when it exists, else `/var/lib/ccctl`. Every command has `--help`.

| exit code | means |
| --- | --- |
| 0 | done; `check`: no errors (warnings are allowed); `doctor`: nothing fails |
| 1 | findings: errors in the site, a failed check of `doctor`, calls or a replay unlike the ledger, refusal |
| 2 | could not run: wrong usage, no such file, settings, daemon, database or Asterisk; one line on stderr |
| 3 | `plan --exit-code`: there is something to change |
| 4 | not found: no queue, agent, user, call, revision, flow, prompt, pause reason ... has the name given |
| 130 | ended by Ctrl-C |

Tables are no wider than the terminal, or than `$COLUMNS`; what has no room is cut, or left out and named.
In a pipe or a file they are whole. Times are in the time zone of the site in force; it stands beside them.

`CCCTL_TRACEBACK=1` shows the traceback behind a one-line error. Programs read `--format json` or `csv`; what
is printed for people may change.
"""


def manual() -> str:
    """The whole page."""
    context = click.Context(main, info_name="ccctl")
    return "\n".join([HEAD, *_commands(main, context)])


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        below = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _commands(command, below)
        else:
            yield _command(command, below)


def _command(command: click.Command, context: click.Context) -> str:
    usage = command.get_usage(context).removeprefix("Usage: ")
    parts = [f"## {context.command_path}", f"    {' '.join(usage.split())}", _text(command.help or "")]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        rows = "\n".join(_option(each) for each in options)
        parts.append(f"| option | meaning | default |\n| --- | --- | --- |\n{rows}")
    return "\n\n".join(parts) + "\n"


def _text(help_text: str) -> str:
    """A paragraph after \\b keeps its lines, as in the terminal."""
    paragraphs = [part.strip("\n") for part in help_text.split("\n\n")]
    return "\n\n".join(_kept(part) if part.startswith("\b") else _plain(part) for part in paragraphs)


def _kept(part: str) -> str:
    return "\n".join(f"    {line.strip()}" for line in part.strip("\b\n").splitlines())


def _plain(part: str) -> str:
    return re.sub(r"<(\w+)>", r"`<\1>`", " ".join(part.split()))


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    kind = "" if option.is_flag else f" {_kind(option)}"
    meaning = (option.help or "").replace("|", "\\|")
    if option.required:
        meaning = f"{meaning} Required.".strip()
    return f"| {names}{kind} | {meaning} | {_default(option)} |".replace("  |", " |")


def _kind(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " ".join(f"`{choice}`" for choice in option.type.choices)
    return (option.metavar or option.type.name.upper()).replace("|", " or ")


def _default(option: click.Option) -> str:
    value = option.default
    shown = not (option.is_flag or option.multiple or callable(value))
    return str(value) if shown and isinstance(value, str | int | float) and value != "" else ""

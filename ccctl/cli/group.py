"""The kind of command that holds others. Imports nothing of ours: `ccctl --version` needs it."""

import click

WHOLE = 10_000  # letters: more than any first sentence


class Group(click.Group):
    """A group whose help shows the first sentence of each command whole, on as many lines as it needs."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, each.get_short_help_str(WHOLE)) for name, each in found if each and not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

"""`ccctl completion`: the script that teaches a shell our commands."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL.

    \b
    bash:  ccctl completion bash > /etc/bash_completion.d/ccctl
    zsh:   ccctl completion zsh > "${fpath[1]}/_ccctl"
    fish:  ccctl completion fish > ~/.config/fish/completions/ccctl.fish
    """
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(ctx.find_root().command, {}, "ccctl", "_CCCTL_COMPLETE").source())


commands: tuple[click.Command, ...] = (completion,)

"""`ccctl db`: the tables of the database."""

import click

from ccctl.cli.common import print_json, settings
from ccctl.cli.group import Group
from ccctl.store import db as store


@click.group(cls=Group)
def db() -> None:
    """The database: its tables and their version."""


@db.command()
@click.pass_context
def upgrade(ctx: click.Context, /) -> None:
    """Bring the tables up to date; makes the database file when there is none."""
    url = settings(ctx).database_url
    before, head = store.current(url)
    if before == head:
        click.echo(f"the database is up to date ({head})")
        return
    store.upgrade(url)
    click.echo(f"the database was brought from {before or 'nothing'} to {head}")


@db.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def status(ctx: click.Context, /, form: str) -> None:
    """Say which version the tables have; exit 1 when they must be upgraded."""
    url = settings(ctx).database_url
    have, head = store.current(url)
    where = store.parse_url(url).render_as_string(hide_password=True)
    if form == "json":
        print_json({"database": where, "have": have, "head": head, "current": have == head})
    else:
        old = "run 'ccctl db upgrade'" if store.is_known(have) else "it is of a newer ccctl: install that"
        state = "up to date" if have == head else old
        click.echo(f"{where}: has {have or 'nothing'}, this version wants {head}: {state}")
    ctx.exit(0 if have == head else 1)


commands: tuple[click.Command, ...] = (db,)

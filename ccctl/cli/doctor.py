"""`ccctl doctor`: looks at everything that the call centre needs, and says what to do."""

import click

from ccctl.cli.common import print_json, settings

WIDTH = 15
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output."
)
@click.pass_context
def doctor(ctx: click.Context, form: str) -> None:
    """Check settings, disk, database, daemon, Asterisk, sounds and clock; say what to do.

    Exit 0 when nothing fails (warnings are allowed), 1 when something does, 2 without settings.
    """
    import asyncio

    from ccctl.cli.checkpbx import pbx
    from ccctl.cli.checkup import Finding, local

    here = settings(ctx)
    findings: list[Finding] = []

    def show(finding: Finding) -> None:
        findings.append(finding)
        if form == "text":
            click.secho(f"{finding.state:5}", fg=COLOURS[finding.state], bold=True, nl=False)
            click.echo(f" {finding.check:<{WIDTH}} {finding.text}")
            if finding.hint and finding.state != "ok":
                click.echo(f"      {'':<{WIDTH}} -> {finding.hint}")

    for finding in local(here):
        show(finding)
    for finding in asyncio.run(pbx(here)):
        show(finding)
    failed = sum(finding.state == "fail" for finding in findings)
    if form == "json":
        print_json(findings)
    else:
        warned = sum(finding.state == "warn" for finding in findings)
        click.echo(f"{len(findings)} checks: {failed} failed, {warned} to look at")
    ctx.exit(1 if failed else 0)


commands: tuple[click.Command, ...] = (doctor,)

"""`ccctl phone`: files for phones on desks, made of a site."""

from pathlib import Path

import click

from ccctl.cli.common import fail, not_found, print_json, print_table
from ccctl.cli.group import Group
from ccctl.cli.site import print_findings
from ccctl.diagnostics import did_you_mean
from ccctl.flow.graph import Device, Site
from ccctl.runtime import provision as files
from ccctl.runtime.site import load_site

SITE = click.option(
    "--site", "folder", default=".", type=click.Path(path_type=Path, file_okay=False), help="The site [.]."
)


@click.group(cls=Group)
def phone() -> None:
    """Phones on desks: what they fetch."""


def _load(ctx: click.Context, folder: Path) -> Site:
    if not folder.is_dir():
        fail(f"{folder} is not a folder", "give the folder of the site")
    site, found = load_site(folder)
    if site is None:
        print_findings(found, "text")
        ctx.exit(1)
    return site


@phone.command()
@click.argument("devices", nargs=-1, metavar="[DEVICE]...")
@SITE
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the files."
)
@click.option("--check", is_flag=True, help="Write nothing; show what would change, without passwords.")
@click.pass_context
def provision(ctx: click.Context, devices: tuple[str, ...], folder: Path, out: Path, check: bool) -> None:
    """Write the files that phones fetch: of all devices of the site, or of these.

    A file that is already as it should be is not touched. The files hold passwords and are for their owner
    and group alone; serve them to phones by HTTPS. Exit status: 0 done; 1 the site has errors, or with
    --check something would change.
    """
    site = _load(ctx, folder)
    wanted = {
        name: text for each in _chosen(site, devices) for name, text in files.files_of(site, each).items()
    }
    before = files.changed(out, wanted)
    if check:
        for name, text in before.items():
            click.echo(files.difference(name, text, wanted[name], files.secrets_of(site)), nl=False)
        ctx.exit(1 if before else 0)
    out.mkdir(parents=True, exist_ok=True, mode=0o750)
    for name in before:
        files.write(out, name, wanted[name])
        click.echo(f"{out / name}: written")
    click.echo(f"{len(wanted)} files, {len(before)} written", err=True)


def _chosen(site: Site, names: tuple[str, ...]) -> list[Device]:
    for name in names:
        if name not in site.devices:
            near = did_you_mean(name, site.devices)
            known = ", ".join(site.devices) or "none"
            not_found(f"no device {name}", f"did you mean {near}?" if near else f"devices: {known}")
    return [device for device in site.devices.values() if not names or device.name in names]


@phone.command(name="list")
@SITE
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def list_(ctx: click.Context, folder: Path, form: str) -> None:
    """Show the devices of the site."""
    site = _load(ctx, folder)
    rows = [
        (each.name, each.model, each.mac, " ".join(each.lines), each.transport or "udp", len(each.keys))
        for each in site.devices.values()
    ]
    names = ("device", "model", "mac", "lines", "transport", "keys")
    if form == "json":
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(names, rows)


commands: tuple[click.Command, ...] = (phone,)

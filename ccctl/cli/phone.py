"""`ccctl phone`: files for phones on desks, made of a site; who fetched them; to have them fetched again."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from ccctl.asterisk.reload import Doors
from ccctl.cli.common import fail, not_found, print_json, print_table, settings
from ccctl.cli.group import Group
from ccctl.cli.site import print_findings
from ccctl.diagnostics import did_you_mean
from ccctl.errors import AsteriskRefused
from ccctl.flow.graph import Device, Site
from ccctl.runtime import provision as files
from ccctl.runtime.doors import asterisk
from ccctl.runtime.settings import Settings
from ccctl.runtime.site import load_site

SITE = click.option(
    "--site", "folder", default=".", type=click.Path(path_type=Path, file_okay=False), help="The site [.]."
)


OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the files [that of the settings, for the daemon].",
)
NOTIFY = "check-sync;reboot=false"


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
@OUT
@click.option("--check", is_flag=True, help="Write nothing; show what would change, without passwords.")
@click.pass_context
def provision(
    ctx: click.Context, devices: tuple[str, ...], folder: Path, out: Path | None, check: bool
) -> None:
    """Write the files that phones fetch: of all devices of the site, or of these.

    A file that is already as it should be is not touched. The files hold passwords and are for their owner
    and group alone; serve them to phones by HTTPS. Exit status: 0 done; 1 the site has errors, or with
    --check something would change.
    """
    site = _load(ctx, folder)
    chosen = _chosen(site, devices)
    wanted = {name: text for each in chosen for name, text in files.files_of(site, each).items()}
    out = out or Path(settings(ctx).phones)
    before = files.changed(out, wanted)
    if check:
        for name, text in before.items():
            click.echo(files.difference(name, text, wanted[name], files.secrets_of(site)), nl=False)
        ctx.exit(1 if before else 0)
    out.mkdir(parents=True, exist_ok=True, mode=0o750)
    for name in before:
        files.write(out, name, wanted[name])
        click.echo(f"{out / name}: written")
    index = files.index_of(site, {each.name for each in chosen}, files.known_in(out))
    if files.changed(out, {files.INDEX: index}):
        files.write(out, files.INDEX, index)
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
@OUT
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def list_(ctx: click.Context, folder: Path, out: Path | None, form: str) -> None:
    """Show the devices of the site, and when each last fetched its file from the daemon."""
    site = _load(ctx, folder)
    fetched = files.fetches_in(out or Path(settings(ctx).phones))
    rows = [(*_row(each), *_fetch(fetched.get(each.name))) for each in site.devices.values()]
    names = ("device", "model", "mac", "lines", "transport", "keys", "fetched", "from")
    if form == "json":
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(names, rows)


def _row(device: Device) -> tuple[object, ...]:
    lines, transport = " ".join(device.lines), device.transport or "udp"
    return device.name, device.model, device.mac, lines, transport, len(device.keys)


def _fetch(last: files.Fetch | None) -> tuple[str | None, str | None]:
    if last is None:
        return None, None
    return datetime.fromtimestamp(last.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"), last.address


@phone.command()
@click.argument("devices", nargs=-1, required=True, metavar="DEVICE...")
@SITE
@click.pass_context
def resync(ctx: click.Context, devices: tuple[str, ...], folder: Path) -> None:
    """Have Asterisk tell DEVICE to fetch its file again (NOTIFY check-sync).

    The phone must be registered. Whether it does as told shows in what it fetches: `ccctl phone list`.
    """
    chosen, home = _chosen(_load(ctx, folder), devices), settings(ctx)
    missed = asyncio.run(_notify(home, chosen))
    for device in chosen:
        if device.name not in missed:
            click.echo(f"{device.name}: told to fetch its file again")
    if missed:
        fail(f"not registered: {', '.join(missed)}", "a phone reads its file when it starts, too")


async def _notify(home: Settings, devices: list[Device]) -> list[str]:
    """Those that could not be told."""
    missed: list[str] = []
    async with asterisk(home.node) as doors:
        for device in devices:
            line = device.lines[0]
            if not await _is_registered(doors, line):
                missed.append(device.name)
                continue
            await doors.ami.action("PJSIPNotify", Endpoint=line, Variable=f"Event={NOTIFY}")
    return missed


async def _is_registered(doors: Doors, user: str) -> bool:
    try:
        rows = await doors.ami.rows("PJSIPShowContacts")
    except AsteriskRefused:  # there is no contact at all
        return False
    return any(row.get("Endpoint") == user for row in rows)


commands: tuple[click.Command, ...] = (phone,)

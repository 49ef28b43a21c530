"""`ccctl lab`: a real Asterisk of one's own on loopback, for trying, testing and measuring a site."""

import os
import secrets
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

import ccctl
from ccctl.asterisk.node import Node
from ccctl.cli.common import fail, home_of, print_json
from ccctl.cli.group import Group
from ccctl.errors import LabError, SettingsError
from ccctl.lab import server
from ccctl.lab.folder import Lab, Secrets
from ccctl.lab.ports import Ports, PortTaken, block, free_base
from ccctl.lab.provision import Tree, installed_asterisk, provision
from ccctl.runtime.settings import Settings, load, save

STARTS = 3  # another program may take a port between our look at it and Asterisk's
Say = Callable[[str], None]
LAB_ETC = "/pbx/etc"  # below the home folder: by it a lab's settings are told from those of a real site


@click.group(cls=Group)
def lab() -> None:
    """A real Asterisk on this machine's loopback, for trials."""


@lab.command()
@click.option(
    "--asterisk",
    metavar="PATH|system",
    envvar="CCCTL_ASTERISK",
    help="Use an installed Asterisk instead of unpacking one.",
)
@click.option("--port-base", type=int, help="First port of the lab's block; kept for later runs.")
@click.pass_context
def up(ctx: click.Context, asterisk: str | None, port_base: int | None) -> None:
    """Unpack, configure and start the lab's Asterisk."""
    began = time.monotonic()
    settings, boot_s = bring_up(lab_home(ctx), asterisk, port_base, say=_progress)
    node = settings.node
    click.echo(
        f"Asterisk is up in {settings.home} after {time.monotonic() - began:.1f} s (boot {boot_s:.2f} s)"
    )
    click.echo(f"  SIP  udp:{node.host}:{node.sip_port}   RTP {node.rtp_start}-{node.rtp_end}")
    click.echo(f"  AMI  tcp:{node.host}:{node.ami_port}   ARI http://{node.host}:{node.ari_port}/ari")
    click.echo(f"  web  http://{settings.web_host}:{settings.web_port}/ (when 'ccctl serve' runs)")
    click.echo(f"  logs {node.log_dir}/messages")


@lab.command("provision")
@click.pass_context
def fetch(ctx: click.Context) -> None:
    """Only unpack Asterisk, so that a later `up` needs no network."""
    tree = find_asterisk(lab_home(ctx), None, _progress)
    click.echo(f"Asterisk {tree.version}: {tree.program}")


@lab.command()
@click.pass_context
def down(ctx: click.Context) -> None:
    """Stop the lab's Asterisk; its files stay."""
    began = time.monotonic()
    if server.stop(lab_of(load(lab_home(ctx)))):
        click.echo(f"Asterisk is down after {time.monotonic() - began:.1f} s")
    else:
        click.echo("Asterisk was not running")


@lab.command()
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def status(ctx: click.Context, form: str) -> None:
    """Say whether the lab's Asterisk runs; exit 1 when it does not."""
    settings = load(lab_home(ctx))
    place = lab_of(settings)
    running = server.find(place)
    health = server.health(place, running) if running else None
    if form == "json":
        ports = msgspec.structs.asdict(place.ports)
        print_json({"running": bool(running), "home": settings.home, "ports": ports, "asterisk": health})
    elif health:
        click.echo(
            f"Asterisk {health.version} runs: pid {health.pid}, up {health.uptime_s} s,"
            f" {health.rss_bytes / 1e6:.0f} MB, {health.channels} channels"
        )
        click.echo(_ports_line(place.ports))
    else:
        click.echo("Asterisk does not run")
    ctx.exit(0 if running else 1)


@lab.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1)
@click.pass_context
def cli(ctx: click.Context, command: tuple[str, ...]) -> None:
    """Run an Asterisk CLI COMMAND in the lab, or open the console when none is given."""
    place = lab_of(load(lab_home(ctx)))
    running = server.find(place)
    if not running:
        fail("the lab's Asterisk does not run", "start it with 'ccctl lab up'")
    if not command:
        os.execv(running.program, [running.program, "-C", str(place.conf), "-r"])  # noqa: S606
    click.echo(server.ask(place, running, " ".join(command)), nl=False)


# ---- for other commands and for tests


def bring_up(
    home: str, asterisk: str | None = None, port_base: int | None = None, say: Say = lambda _: None
) -> tuple[Settings, float]:
    """A running lab in `home`: its settings, and the seconds of the boot (0 when it ran already)."""
    kept = _kept_settings(home)
    chosen = port_base is not None or (kept and kept.node.ami_secret)
    settings = _lab_settings(home, port_base)
    make_home(Path(home))
    return boot(settings, find_asterisk(home, asterisk, say), 1 if chosen else STARTS)


def boot(settings: Settings, tree: Tree, starts: int = STARTS) -> tuple[Settings, float]:
    """Save and start a lab. Its ports move on while `starts` are left and another program was faster."""
    save(settings)  # before the start: a lab that does not come up can still be asked and stopped
    try:
        return settings, server.start(lab_of(settings), tree)[1]
    except PortTaken:
        if starts == 1:
            raise
    base = free_base(zlib.crc32(settings.home.encode()))
    return boot(_lab_settings(settings.home, base), tree, starts - 1)


def find_asterisk(home: str, asterisk: str | None, say: Say) -> Tree:
    if asterisk:
        return installed_asterisk(asterisk)
    return provision(tree_folder(home), say)


def tree_folder(home: str) -> Path:
    """Where Asterisk is unpacked: once for all labs of a checkout, else in the home."""
    checkout = Path(ccctl.__file__).resolve().parent.parent
    return checkout / ".cache/asterisk" if (checkout / "setup.cfg").exists() else Path(home) / "asterisk"


def lab_home(ctx: click.Context) -> str:
    """As everywhere, but a lab without any home is made in ./.ccctl, not in /var/lib."""
    given = (ctx.find_root().obj or {}).get("home") or os.environ.get("CCCTL_HOME")
    return home_of(ctx) if given else str(Path(".ccctl").resolve())


def lab_of(settings: Settings) -> Lab:
    node = settings.node
    return Lab(
        home=settings.home,
        name=node.name,
        host=node.host,
        user=node.ami_user,
        ports=Ports(
            ami=node.ami_port,
            ari=node.ari_port,
            sip=node.sip_port,
            events=node.events_port,
            web=settings.web_port,
            rtp_start=node.rtp_start,
            rtp_end=node.rtp_end,
        ),
        secrets=Secrets(ami=node.ami_secret, ari=node.ari_secret, events=node.events_secret),
    )


def make_home(home: Path) -> None:
    """A new home keeps out of git, secrets as it holds; a folder that is there already stays as it is."""
    if not home.exists():
        home.mkdir(parents=True, mode=0o750)
        (home / ".gitignore").write_text("*\n")


def new_lab(home: str) -> Settings:
    """Settings for one more lab, in a folder of its own."""
    return _lab_settings(home, None)


def _lab_settings(home: str, port_base: int | None) -> Settings:
    """The lab's settings: kept ones, moved ones (--port-base) or new ones."""
    kept = _kept_settings(home)
    if kept and kept.node.ami_secret:
        ports = lab_of(kept).ports
        if port_base is None or block(port_base).ami == ports.ami:
            return msgspec.structs.replace(
                kept, node=_node(home, ports, kept.node)
            )  # the home may have moved
        if server.find(lab_of(kept)):
            raise LabError("the lab is running: its ports cannot move", "ccctl lab down first")
    ports = block(free_base(zlib.crc32(home.encode())) if port_base is None else port_base)
    base = kept or Settings(home=home)
    node = _node(home, ports, base.node)
    return msgspec.structs.replace(base, home=home, web_port=_web_port(kept, ports), node=node)


def _web_port(kept: Settings | None, ports: Ports) -> int:
    """In the lab's block, unless somebody chose another one."""
    chosen = kept and kept.web_port - kept.node.ami_port != ports.web - ports.ami
    return kept.web_port if kept and chosen else ports.web


def _kept_settings(home: str) -> Settings | None:
    if not (Path(home) / "settings.yaml").exists():
        return None
    kept = load(home)
    if kept.node.ami_secret and not kept.node.etc_dir.endswith(LAB_ETC):
        raise SettingsError(
            f"{home}/settings.yaml is for the Asterisk in {kept.node.etc_dir}", "give the lab its own --home"
        )
    return kept


def _node(home: str, ports: Ports, old: Node) -> Node:
    folder = Path(home) / "pbx"
    return Node(
        name=old.name,
        ami_port=ports.ami,
        ami_secret=old.ami_secret or secrets.token_urlsafe(24),
        ari_port=ports.ari,
        ari_secret=old.ari_secret or secrets.token_urlsafe(24),
        events_port=ports.events,
        events_secret=old.events_secret or secrets.token_urlsafe(24),
        sip_port=ports.sip,
        rtp_start=ports.rtp_start,
        rtp_end=ports.rtp_end,
        etc_dir=str(folder / "etc"),
        sounds_dir=str(folder / "data/sounds"),
        spool_dir=str(folder / "spool"),
        log_dir=str(folder / "log"),
    )


def _ports_line(ports: Ports) -> str:
    named = msgspec.structs.asdict(ports)
    return "ports: " + ", ".join(f"{name} {port}" for name, port in named.items())


def _progress(text: str) -> None:
    click.echo(f"  {text}", err=True)


commands: tuple[click.Command, ...] = (lab,)

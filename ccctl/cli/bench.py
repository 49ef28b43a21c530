"""`ccctl bench`: how fast, as ratios to other programs measured in the same run on the same Asterisk."""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import click
import msgspec

from ccctl.cli import benchari
from ccctl.cli.benchcompile import compile_bench
from ccctl.cli.benchtests import tests_bench
from ccctl.cli.common import print_json, print_table
from ccctl.cli.group import Group
from ccctl.cli.lab import lab_home
from ccctl.cli.labcentre import Api, Centre, must_run, program
from ccctl.errors import LabError
from ccctl.lab.bench import GapMeter, Gaps, Load, percentile
from ccctl.lab.phones import Phone, Phones
from ccctl.runtime.settings import Settings, load

OURS, PEER = "+4930100", "+4930200"
MINIMAL = "minimal"  # extension, endpoint and context of the yardstick
PERCENTILES = (50, 95, 99)
SITE = """\
ccctl: 1
defaults: {{timezone: UTC, languages: [en]}}
trunks:
  bench: {{host: 127.0.0.1, port: {port}, codecs: [ulaw]}}
numbers:
  "{ours}": ours
  "{peer}": peer
users:
{users}
agents:
{agents}
queues:
  ours: {{title: Ours, engine: acd, {queue}}}
  peer: {{title: Peer, engine: native, {queue}}}
flows:
  ours: [answer, {{queue: ours, on_timeout: hangup}}, hangup]
  peer: [answer, {{queue: peer, on_timeout: hangup}}, hangup]
feature_codes:
  "*45": agent-login
"""
QUEUE = "agents: [{names}], ring: 60s, wrap_up: 0s, whisper: none, record: never"
ENDPOINT = """
[minimal]
type = endpoint
context = minimal
disallow = all
allow = ulaw
direct_media = no
"""
DIALPLAN = """
[minimal]
exten => minimal,1,Answer(,i)
 same => n,Stasis(ccbench)
"""


class Row(msgspec.Struct, frozen=True):
    """ratio = peer / ours: above 1 we are the faster."""

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str


@click.group(cls=Group)
def bench() -> None:
    """Measure this machine: ours and a peer in one run."""


@bench.command("idle-gap")
@click.option("--agents", type=click.IntRange(1, 200), default=10, show_default=True)
@click.option("--waiting", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option(
    "--seconds", type=click.FloatRange(1), default=30.0, show_default=True, help="Of each measurement."
)
@click.option("--minimal", is_flag=True, help="Measure a minimal ARI application too.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def idle_gap(ctx: click.Context, agents: int, waiting: int, seconds: float, minimal: bool, form: str) -> None:
    """Agent hangs up -> next INVITE at that agent's phone, calls always waiting, no wrap-up.

    Our queue against app_queue (and with --minimal a minimal ARI application), in a lab of its own.
    """
    home = str(Path(lab_home(ctx)) / "bench")
    load_ = Load(agents, waiting, seconds)
    with _rows_only(form == "json"):
        rows = asyncio.run(_idle_gap(home, load_, minimal))
    if form == "json":
        print_json([msgspec.structs.asdict(row) for row in rows])
    else:
        columns = ("name", "ours", "peer", "ratio", "unit")
        print_table(
            columns, [(r.name, round(r.ours, 2), round(r.peer, 2), round(r.ratio, 2), r.unit) for r in rows]
        )


@bench.command("minimal-app", hidden=True)
@click.argument("agents", nargs=-1)
@click.pass_context
def minimal_app(ctx: click.Context, agents: tuple[str, ...]) -> None:
    """The yardstick of --minimal, as a process of its own."""
    asyncio.run(benchari.serve(load(lab_home(ctx)).node, list(agents)))


@contextmanager
def _rows_only(wanted: bool) -> Iterator[None]:
    """What the steps print goes to stderr, so that stdout is JSON alone."""
    with contextlib.redirect_stdout(sys.stderr) if wanted else contextlib.nullcontext():
        yield


async def _idle_gap(home: str, load_: Load, minimal: bool) -> list[Row]:
    names = [f"a{n}" for n in range(load_.agents)]
    async with Centre(home, Path(home) / "site", lambda settings: write_site(settings, names)) as centre:
        settings = centre.settings
        async with Phones((settings.node.host, settings.node.sip_port)) as phones:
            carrier = phones.carrier(trunk_port(settings))
            carrier.audio = False
            desks = [phones.phone(name, centre.site.users[name].password) for name in names]
            await _seat(settings, desks)
            meters = {"app_queue": PEER, "ccctl": OURS}
            found = {
                name: await _measure(name, GapMeter(carrier, desks, number, "+49170"), load_)
                for name, number in meters.items()
            }
            if minimal:
                async with _minimal_app(home, settings, names):
                    meter = GapMeter(carrier, desks, MINIMAL, MINIMAL)
                    found[MINIMAL] = await _measure("minimal ARI app", meter, load_)
    return _rows(found)


async def _seat(settings: Settings, desks: list[Phone]) -> None:
    async with Api(settings) as api:
        for desk in desks:
            desk.audio = False
            await desk.register()
            await api.post(f"agents/{desk.user}/login")


async def _measure(name: str, meter: GapMeter, load_: Load) -> Gaps:
    click.echo(f"measuring {name}: {load_.agents} agents, {load_.waiting} waiting, {load_.seconds:g} s")
    gaps = await meter.measure(load_)
    click.echo(f"  {gaps.talks} calls, {gaps.rate:.1f} calls/s, {len(gaps.gaps)} gaps, {gaps.failed} failed")
    if not gaps.gaps:
        raise LabError(f"no agent of {name} got a second call", "is the machine overloaded?")
    return gaps


def _rows(found: dict[str, Gaps]) -> list[Row]:
    ours = found.pop("ccctl")
    rows = []
    for name, peer in found.items():
        for part in PERCENTILES:
            a, b = percentile(ours.gaps, part), percentile(peer.gaps, part)
            rows.append(Row(f"idle gap p{part} against {name}", a, b, b / a, "ms"))
        rows.append(
            Row(f"calls answered against {name}", ours.rate, peer.rate, ours.rate / peer.rate, "calls/s")
        )
    return rows


# -- the bench's own site ----------------------------------------------------------------------------


def trunk_port(settings: Settings) -> int:
    """Where the carrier listens: in the lab's own block of ports, between SIP and AMI's."""
    return settings.node.sip_port + 10


def write_site(settings: Settings, names: list[str]) -> None:
    """As many agents as are wanted, one queue of each engine, nothing that takes time."""
    folder = Path(settings.home) / "site"
    folder.mkdir(parents=True, exist_ok=True)
    users = [f"  {name}: {{extension: {3000 + n}, password: !secret phone}}" for n, name in enumerate(names)]
    text = SITE.format(
        port=trunk_port(settings),
        ours=OURS,
        peer=PEER,
        users="\n".join(users),
        agents="\n".join(f"  {name}: {{skills: {{any: 1}}}}" for name in names),
        queue=QUEUE.format(names=", ".join(names)),
    )
    (folder / "site.yaml").write_text(text)
    secret = folder / "secrets.yaml"
    if not secret.exists():
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(f"phone: {secrets.token_urlsafe(16)}\n")


@asynccontextmanager
async def _minimal_app(home: str, settings: Settings, names: list[str]) -> AsyncIterator[None]:
    """The yardstick as a process of its own, and the way to it in Asterisk."""
    for file, text, module in (
        ("pjsip.conf", ENDPOINT, "res_pjsip.so"),
        ("extensions.conf", DIALPLAN, "pbx_config.so"),
    ):
        path = Path(settings.node.etc_dir) / file
        if text not in path.read_text():
            with path.open("a") as out:
                out.write(text)
        await must_run(home, "lab", "cli", "module", "reload", module)
    command = [*program(), "--home", home, "bench", "minimal-app", *names]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            if b"ready" not in await process.stdout.readline():
                raise LabError("the minimal ARI app did not start")
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


bench.add_command(compile_bench)
bench.add_command(tests_bench)

commands: tuple[click.Command, ...] = (bench,)

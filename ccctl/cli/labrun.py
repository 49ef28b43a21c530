"""`ccctl lab run`: the whole call centre in one command, with agents and callers that speak."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
import msgspec

from ccctl.cli.lab import lab, lab_home
from ccctl.cli.labcentre import Api, Centre, read_site, run_ccctl
from ccctl.cli.labfacts import facts_of
from ccctl.cli.labview import Board, print_totals, print_verdict
from ccctl.errors import CcctlError, DaemonDown, LabError
from ccctl.flow.graph import Site
from ccctl.lab.callers import SCRIPTS, Trial, choose, judge
from ccctl.lab.phones import Carrier, PhoneError, Phones
from ccctl.lab.simulate import Simulation
from ccctl.runtime.settings import Settings, load
from ccctl.store.db import open_engine

PACE, PACE_ENDLESS = 60.0, 12.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LEDGER_SECONDS = 10.0  # how long the ledger may take to have the last call
INTERRUPTED = 130


class Show(msgspec.Struct, frozen=True):
    """What is to be played."""

    calls: int | None
    pace: float | None

    @property
    def gap(self) -> float:
        """Seconds between two callers."""
        return 60 / (self.pace or (PACE_ENDLESS if self.calls is None else PACE))


class Window:
    """The daemon as the simulation sees it; while it is away nothing is seen, and the calls go on."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def presence(self, agent: str) -> str:
        try:
            return str((await self._api.get(f"agents/{agent}"))["presence"])
        except DaemonDown:
            return ""

    async def places(self, caller: str) -> set[str]:
        try:
            calls = (await self._api.get("calls"))["calls"]
        except DaemonDown:
            return set()
        ours = (call for call in calls if (call["caller"] or "").endswith(caller[-9:]))
        return next(({call["flow"], call["phase"]} for call in ours), set())


_calls = click.option(
    "--calls", type=click.IntRange(1), help="So many calls, then the verdict; else without end."
)
_pace = click.option("--pace", type=click.FloatRange(0.1, 600), help="Calls per minute [60; 12 without end].")
_site = click.option(
    "--site",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A site folder instead of a copy of the example.",
)


@lab.command()
@_calls
@_pace
@_site
@click.pass_context
def run(ctx: click.Context, calls: int | None, pace: float | None, site: Path | None) -> None:
    """Bring up Asterisk, site, daemon, agents and callers; Ctrl-C stops them all.

    With --calls the ledger is held against what was played: exit 0 when all agrees, 1 when not.
    """
    trials = list[Trial]()
    ctx.exit(_play_to_end(_run(lab_home(ctx), site, Show(calls, pace), trials), trials, calls))


@lab.command()
@_calls
@_pace
@_site
@click.pass_context
def simulate(ctx: click.Context, calls: int | None, pace: float | None, site: Path | None) -> None:
    """Play agents and callers against a lab and a daemon that run already."""
    home, trials = lab_home(ctx), list[Trial]()
    settings, folder = load(home), site or Path(home) / "site"
    if not folder.is_dir():
        raise LabError(f"{folder} does not exist", "give the applied site by --site")
    play = _simulate(settings, folder, Show(calls, pace), trials)
    ctx.exit(_play_to_end(play, trials, calls))


def _play_to_end(play: Coroutine[Any, Any, int], trials: list[Trial], calls: int | None) -> int:
    """Run it; Ctrl-C or SIGTERM end it in order and leave the totals."""
    try:
        return asyncio.run(_until_stopped(play))
    except asyncio.CancelledError:
        click.echo("\nstopped")
        print_totals(trials)
        return 0 if calls is None else INTERRUPTED


async def _until_stopped(play: Coroutine[Any, Any, int]) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    return await play


async def _run(home: str, site: Path | None, show: Show, trials: list[Trial]) -> int:
    async with Centre(home, site or Path(home) / "site") as centre:
        voices = await _play(centre.settings, centre.site, show, trials)
        return await _verdict(centre.settings, trials, voices)


async def _simulate(settings: Settings, folder: Path, show: Show, trials: list[Trial]) -> int:
    site = read_site(folder)
    async with Api(settings) as api:
        if not await api.is_ready():
            raise DaemonDown(hint="start it with 'ccctl serve', or use 'ccctl lab run'")
    voices = await _play(settings, site, show, trials)
    return await _verdict(settings, trials, voices)


async def _play(settings: Settings, site: Site, show: Show, trials: list[Trial]) -> dict[str, int]:
    """Agents and callers until all is played; the voice of each agent."""
    node = settings.node
    wallboard = f"http://{settings.web_host}:{settings.web_port}/wallboard"
    await _open_hours(settings.home, site)
    async with Api(settings) as api, Phones((node.host, node.sip_port)) as phones:
        with Board(wallboard) as board:
            simulation = Simulation(phones, _carrier(phones, site), Window(api), _login_code(site))
            simulation.trials = trials
            simulation.accept_keys = _accept_keys(site)
            simulation.on_change = board.move
            async with simulation, asyncio.TaskGroup() as group:
                viewer = group.create_task(_watch(api, board))
                try:
                    await simulation.seat(_passwords(site), site.agents)
                    await _place_calls(simulation, site, show)
                finally:
                    await _send_home(api, simulation)
                viewer.cancel()
            return simulation.tones


async def _open_hours(home: str, site: Site) -> None:
    """The callers expect an open office, whatever day it is: throw the day/night switches."""
    for hours in site.hours.values():
        if hours.switch:
            await run_ccctl(home, "lab", "cli", "database", "put", "cc/mode", hours.name, "open")


def _carrier(phones: Phones, site: Site) -> Carrier:
    """The network beyond the site's trunk, where Asterisk expects it when that port is free."""
    ports = [trunk.port for trunk in site.trunks.values() if trunk.host in LOOPBACK]
    try:
        return phones.carrier(ports[0] if ports else 0)
    except PhoneError as error:
        click.echo(f"  calls out of the centre will fail: {error}")
        return phones.carrier()


def _passwords(site: Site) -> dict[str, str]:
    """Of the agents, and of everybody else who answers calls."""
    others = (user for user in site.users.values() if "supervisor" not in user.roles)
    names = [*site.agents, *(user.name for user in others if user.name not in site.agents)]
    return {name: site.users[name].password for name in names}


def _accept_keys(site: Site) -> dict[str, str]:
    """One for each agent: where his queues have several he knows the last."""
    return {
        agent: queue.accept_key
        for queue in site.queues.values()
        for agent in queue.agents
        if queue.accept_key
    }


def _login_code(site: Site) -> str:
    codes = [code.code for code in site.feature_codes.values() if code.action == "agent-login"]
    if not codes:
        raise CcctlError("the site has no feature code agent-login", 'write "*45": agent-login')
    return codes[0]


async def _place_calls(simulation: Simulation, site: Site, show: Show) -> None:
    if not list(choose(1, site.numbers)):
        known = ", ".join(sorted({script.number for script in SCRIPTS.values()}))
        raise CcctlError("the site has no number that the simulated callers dial", f"they know {known}")
    for script in choose(show.calls, site.numbers):
        simulation.place(script)
        await asyncio.sleep(show.gap)
    await simulation.quiet.wait()


async def _send_home(api: Api, simulation: Simulation) -> None:
    """The shift is over: nobody stays logged in without a phone."""
    for desk in simulation.desks.values():
        if desk.agent:
            with contextlib.suppress(CcctlError):  # the daemon may be gone; then nobody is there to care
                await api.post(f"agents/{desk.name}/logout")


async def _watch(api: Api, board: Board) -> None:
    while True:
        try:
            queues, agents = await api.get("queues"), await api.get("agents")
            board.show(queues["queues"], agents["agents"])
        except CcctlError:
            board.show((), ())  # the daemon is away: the calls go on
        await asyncio.sleep(0.5)


async def _verdict(settings: Settings, trials: list[Trial], voices: dict[str, int]) -> int:
    findings = await _judge_all(settings, trials, voices)
    reports = ("queues", "agents")
    texts = await asyncio.gather(*(run_ccctl(settings.home, "report", what, echo=False) for what in reports))
    for what, (_, text) in zip(reports, texts, strict=True):
        click.secho(f"\n$ ccctl report {what}", dim=True)
        click.echo(text)
    print_verdict(trials, findings)
    return 1 if any(findings.values()) else 0


async def _judge_all(settings: Settings, trials: list[Trial], voices: dict[str, int]) -> dict[int, list[str]]:
    """The findings of each call. Asterisk's event log may be a moment behind the phones."""
    engine = open_engine(settings.database_url)
    deadline = asyncio.get_running_loop().time() + LEDGER_SECONDS
    try:
        while True:
            findings = {
                t.n: judge(t, facts_of(engine, settings.node, t, voices.values()), voices) for t in trials
            }
            if not any(findings.values()) or asyncio.get_running_loop().time() > deadline:
                return findings
            await asyncio.sleep(0.5)
    finally:
        engine.dispose()


commands: tuple[click.Command, ...] = ()  # they are in the group of cli/lab.py

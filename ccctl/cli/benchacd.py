"""`ccctl bench acd`: our distributor beside app_queue and a minimal ARI application, in every respect."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import click
import msgspec

from ccctl.cli.benchcore import core_rows
from ccctl.cli.benchlab import ALL, CALLERS, MINIMAL, NUMBERS, OURS, PEERS, Trial, minimal_app, trial
from ccctl.cli.benchrows import Row, less_is_better, more_is_better, rows_only, show
from ccctl.cli.labcentre import Daemon
from ccctl.errors import LabError
from ccctl.lab.bench import GapMeter, Gaps, Load, percentile
from ccctl.lab.benchload import Held, OneByOne, Steady, crowd

PERCENTILES = (50, 95, 99)
SETTLE_S = 1.5
STEP = 25  # calls per second, from one step of the load to the next
SERVING = 120  # agents while calls come at a rate: more than are ever busy
FREE = 10  # agents while one caller comes at a time
PARTS = ("gap", "ring", "core", "memory", "cpu", "rate")


class Plan(msgspec.Struct, frozen=True):
    """How long each part takes."""

    rounds: int = 3
    small: Load = msgspec.field(default_factory=lambda: Load(10, 20, 8))
    large: Load = msgspec.field(default_factory=lambda: Load(50, 200, 10))
    calls: int = 30  # one at a time, of each distributor in each round
    waiting: int = 500
    steady: tuple[float, float] = (25, 6)  # calls per second for so many seconds: what a call costs
    probe: float = 3
    hold: float = 40

    @property
    def fewer(self) -> int:
        """Rounds of what takes long and is less a matter of chance."""
        return max(1, self.rounds - 1)


QUICK = Plan(1, Load(10, 20, 6), Load(50, 200, 6), 20, 100, (25, 4), 3, 8)


@click.command("acd")
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="Only these; default: all.")
@click.option("--quick", is_flag=True, help="A look of some three minutes instead of twelve.")
@click.option("--rounds", type=click.IntRange(1, 50), help="How often the distributors take turns.")
@click.option("--seconds", type=click.FloatRange(2), help="Of each measurement of an idle gap.")
@click.option("--hold", type=click.FloatRange(2), help="Seconds for which a rate must be held.")
@click.option("--waiting", type=click.IntRange(20, 2000), help="Callers for the memory of one who waits.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def acd_bench(ctx: click.Context, /, parts: tuple[str, ...], form: str, **options: float | None) -> None:
    """Our distributor against app_queue and a minimal ARI application: one run, one Asterisk, one load.

    gap: agent hangs up -> next INVITE at his phone. ring: caller's INVITE -> agent's INVITE. core: decisions
    without Asterisk, in small and large centres. memory: of a caller who waits. cpu: of a call. rate: calls
    per second that are held without an error. All of it in a lab of the bench's own.
    """
    from ccctl.cli.lab import lab_home

    home = str(Path(lab_home(ctx)) / "bench")
    with rows_only(form == "json"):
        rows = asyncio.run(_measure(home, parts or PARTS, plan_of(options)))
    show(rows, form)


def plan_of(options: dict[str, float | None]) -> Plan:
    plan = QUICK if options.pop("quick") else Plan()
    if seconds := options.pop("seconds"):
        small, large = plan.small, plan.large
        plan = msgspec.structs.replace(
            plan,
            small=Load(small.agents, small.waiting, seconds),
            large=Load(large.agents, large.waiting, seconds),
        )
    return msgspec.structs.replace(plan, **{name: value for name, value in options.items() if value})


async def _measure(home: str, parts: Iterable[str], plan: Plan) -> list[Row]:
    rows: list[Row] = []
    if "core" in parts:
        click.echo("measuring the core alone")
        rows += core_rows()
    if {"gap", "ring", "cpu", "rate"} & set(parts):
        async with trial(home, SERVING) as of:
            rows = [*await _taking_turns(of, parts, plan), *rows]
            if "rate" in parts:
                rows += await _rates(of, plan)
    if "memory" in parts:
        rows += await _memory(home, plan)
    return rows


async def _taking_turns(of: Trial, parts: Iterable[str], plan: Plan) -> list[Row]:
    rows: list[Row] = []
    for load, rounds in ((plan.small, plan.rounds), (plan.large, plan.fewer)) if "gap" in parts else ():
        async with minimal_app(of, of.desks[: load.agents]):
            rows += gap_rows(load, await measure_gaps(of, load, rounds, ALL))
    if "ring" in parts:
        async with minimal_app(of, of.desks[:FREE]):
            rows += _ring_rows(await _measure_rings(of, plan))
    if "cpu" in parts:
        async with minimal_app(of, of.desks):
            rows += _cpu_rows(await _measure_cpu(of, plan))
    return rows


# -- agent hangs up -> his next call -------------------------------------------------------------------


async def measure_gaps(of: Trial, load: Load, rounds: int, names: Iterable[str]) -> dict[str, Gaps]:
    """In rounds, so that what else the machine does is shared by all."""
    found: dict[str, Gaps] = {name: Gaps() for name in names}
    for number in range(rounds):
        for name, all_of_it in found.items():
            click.echo(f"{name}: {load.agents} agents, {load.waiting} waiting, {load.seconds:g} s")
            phones = await of.staff(load.agents)
            once = Load(load.agents, load.waiting, load.seconds, load.seed + number)
            all_of_it.add(await GapMeter(of.carrier, phones, NUMBERS[name], CALLERS[name]).measure(once))
    for name, gaps in found.items():
        click.echo(f"  {name}: {len(gaps.gaps)} gaps of {gaps.talks} calls, {gaps.failed} failed")
        if not gaps.gaps:
            raise LabError(f"no agent of {name} got a second call", "is the machine overloaded?")
    return found


def gap_rows(load: Load, found: dict[str, Gaps]) -> list[Row]:
    rows: list[Row] = []
    ours, place = found[OURS], f"{load.agents}/{load.waiting}"
    for name in (name for name in found if name != OURS):
        rows += _percentiles(f"idle gap {place}", name, ours.gaps, found[name].gaps)
        rows.append(
            more_is_better(f"calls answered {place} against {name}", ours.rate, found[name].rate, "calls/s")
        )
    return rows


def _percentiles(what: str, name: str, ours: list[float], theirs: list[float]) -> list[Row]:
    return [
        less_is_better(
            f"{what} p{part} against {name}", percentile(ours, part), percentile(theirs, part), "ms"
        )
        for part in PERCENTILES
    ]


# -- caller comes -> a phone rings ---------------------------------------------------------------------


async def _measure_rings(of: Trial, plan: Plan) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ALL}
    for _ in range(plan.rounds):
        for name in ALL:
            click.echo(f"{name}: {plan.calls} calls one at a time, {FREE} agents idle")
            phones = await of.staff(FREE)
            found[name] += await OneByOne(of.carrier, phones, NUMBERS[name], CALLERS[name]).measure(
                plan.calls
            )
    return found


def _ring_rows(found: dict[str, list[float]]) -> list[Row]:
    return [row for name in PEERS for row in _percentiles("queued to ring", name, found[OURS], found[name])]


# -- what a call costs ---------------------------------------------------------------------------------


async def _measure_cpu(of: Trial, plan: Plan) -> dict[str, tuple[float, float]]:
    """Milliseconds of the processor for each call: of the distributor's own process, of Asterisk."""
    total = {name: [0.0, 0.0, 0.0] for name in ALL}
    rate, seconds = plan.steady
    for _ in range(plan.fewer):
        for name in ALL:
            click.echo(f"{name}: {rate:g} calls/s, {seconds:g} s")
            phones = await of.staff(SERVING)
            await asyncio.sleep(SETTLE_S)
            before = of.cpu(name)
            held = await Steady(of.carrier, phones, NUMBERS[name], CALLERS[name]).measure(rate, seconds)
            await asyncio.sleep(SETTLE_S)
            spent = [now - then for now, then in zip(of.cpu(name), before, strict=True)]
            total[name] = [one + more for one, more in zip(total[name], [*spent, held.talks], strict=True)]
    return {name: (1000 * own / calls, 1000 * pbx / calls) for name, (own, pbx, calls) in total.items()}


def _cpu_rows(found: dict[str, tuple[float, float]]) -> list[Row]:
    own, pbx = found[OURS]
    minimal = found[MINIMAL][0]
    rows = [less_is_better(f"Python CPU of a call against {MINIMAL}", own, minimal, "ms of CPU")]
    for name in PEERS:
        rows.append(
            less_is_better(f"Asterisk's CPU of a call against {name}", pbx, found[name][1], "ms of CPU")
        )
    return rows


# -- calls per second ----------------------------------------------------------------------------------


async def _rates(of: Trial, plan: Plan) -> list[Row]:
    """While a peer is measured the daemon is away: it would read of each of the peer's calls in the log."""
    found: dict[str, float] = {}
    await of.staff(SERVING)
    for name in PEERS:
        await of.centre.daemon.__aexit__(None, None, None)
        async with AsyncExitStack() as stack:
            if name == MINIMAL:
                await stack.enter_async_context(minimal_app(of, of.desks))
            found[name] = await _highest(of, name, plan)
        of.centre.daemon = Daemon(of.centre.settings)
        await of.centre.daemon.__aenter__()
        await of.staff(SERVING)
    found[OURS] = await _highest(of, OURS, plan)
    label = f"calls/s held for {plan.hold:g} s against"
    return [more_is_better(f"{label} {name}", found[OURS], found[name], "calls/s") for name in PEERS]


async def _highest(of: Trial, name: str, plan: Plan) -> float:
    """Up in short steps to where it breaks, then down until a step is held."""
    rate = STEP
    while (await _at(of, name, rate + STEP, plan.probe)).is_clean:
        rate += STEP
    while rate and not (await _at(of, name, rate, plan.hold)).is_clean:
        rate -= STEP
    return rate


async def _at(of: Trial, name: str, rate: float, seconds: float) -> Held:
    meter = Steady(of.carrier, of.desks, NUMBERS[name], CALLERS[name])
    held = await meter.measure(rate, seconds)
    word = "clean" if held.is_clean else "not clean"
    click.echo(
        f"{name}: {rate:g} calls/s for {held.seconds:.0f} s: {word}; {held.talks} of {held.asked} talked, "
        f"{held.failed} failed, {held.late} late; the phones took {held.load:.0%} of a processor"
    )
    if not held.is_clean:
        await asyncio.sleep(5 * SETTLE_S)  # what is left over goes its way
        if name == OURS:
            await of.staff(SERVING)
    return held


# -- memory --------------------------------------------------------------------------------------------


async def _memory(home: str, plan: Plan) -> list[Row]:
    """Of a fresh Asterisk and a fresh distributor each: none gives memory back for the next to use."""
    own: dict[str, float] = {}
    pbx: dict[str, float] = {}
    for name in ALL:
        async with trial(home, 1) as of, minimal_app(of, ()):
            click.echo(f"{name}: {plan.waiting} callers wait")
            own[name], pbx[name] = await _growth(of, name, plan.waiting)
    rows = [less_is_better(f"memory of one who waits against {MINIMAL}", own[OURS], own[MINIMAL], "kB")]
    for name in PEERS:
        label = f"Asterisk's memory of one who waits against {name}"
        rows.append(less_is_better(label, pbx[OURS], pbx[name], "kB"))
    return rows


async def _growth(of: Trial, name: str, count: int) -> tuple[float, float]:
    """kB for each caller who waits: in the distributor, in Asterisk."""
    who = (of.carrier, NUMBERS[name], CALLERS[name])
    async with crowd(*who, 10):
        await asyncio.sleep(SETTLE_S)
    await of.quiet()
    before = _resident(of, name)
    async with crowd(*who, count):
        await asyncio.sleep(2 * SETTLE_S)
        after = _resident(of, name)
    own, pbx = ((now - then) / count for now, then in zip(after, before, strict=True))
    click.echo(f"  {after[0]} kB and {after[1]} kB in Asterisk, {own:.1f} and {pbx:.1f} for each of {count}")
    return own, pbx


def _resident(of: Trial, name: str) -> tuple[int, int]:
    pids = of.pids
    return _rss(pids[name]) if name in pids else 0, _rss(of.asterisk_pid)


def _rss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

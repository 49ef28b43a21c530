"""`ccctl bench tests`: flow tests in the simulator, and the same tests on a real Asterisk."""

import asyncio
import json
import time
from pathlib import Path
from shutil import rmtree

import click

from ccctl.cli.benchcompile import Run, asterisk_cpu, environment, measured
from ccctl.cli.benchrows import Row, less_is_better, show
from ccctl.cli.lab import lab_of
from ccctl.cli.site import copy_example
from ccctl.errors import LabError
from ccctl.flow.graph import Site
from ccctl.flowtest.cases import Case
from ccctl.flowtest.drive import Result
from ccctl.lab import server

ROUNDS = 3  # the best counts
PLAY = """
import json, sys, time
from pathlib import Path
from ccctl.cli.benchtests import repeated
from ccctl.cli.test import load
from ccctl.flow.compile import compile_all
from ccctl.flowtest.simulate import Simulator, run_all
site, suite = load(Path(sys.argv[1]))
simulator = Simulator(site, compile_all(site))
cases = repeated(suite.tests, int(sys.argv[2]), "sim")
wall, cpu = time.perf_counter(), time.process_time()
failed = [result.case.name for result in run_all(simulator, cases) if result.failures]
took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
print(json.dumps({**took, "failed": failed[:3]}))
"""


@click.command("tests")
@click.option("--tests", "count", type=click.IntRange(1, 100_000), default=1000, show_default=True)
@click.option(
    "--sample", type=click.IntRange(1, 1000), default=40, show_default=True, help="How many on Asterisk."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def tests_bench(ctx: click.Context, count: int, sample: int, form: str) -> None:
    """Play the flow tests of the example site, again and again, in the simulator.

    The peer is a sample of the same tests on a real Asterisk, in a lab of its own and in the same run.
    """
    from ccctl.cli.lab import lab_home

    show(measure(lab_home(ctx), count, sample), form, 3)


def repeated(tests: tuple[Case, ...], count: int, place: str) -> list[Case]:
    """So many of the tests that can be played there, one after the other and from the first again. What an
    apply takes is no matter of the tests: those with one are left out."""
    from ccctl.flowtest.simulate import numbered

    fit = [case for case in tests if not case.given.apply and (not case.only or place in case.only)]
    return numbered(fit[number % len(fit)] for number in range(count))


def measure(home: str, count: int, sample: int) -> list[Row]:
    from ccctl.cli.test import load

    folder = Path(home) / "bench/tests"
    rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    copy_example(folder)
    plays = [simulated(folder, Path(home) / "bench", count) for _ in range(ROUNDS)]
    whole, played = min(plays, key=lambda each: each[0].cpu)
    site, suite = load(folder)
    real = on_asterisk(site, home, repeated(suite.tests, sample, "lab"))
    return [
        _row("a test", played, count, real, sample),
        less_is_better("a test, of CPU", *_each(played.cpu, count, real.cpu, sample), "ms of CPU"),
        _total(f"{count} tests, from start to end of a process", whole.cpu, real.wall * count / sample),
    ]


def _row(name: str, ours: Run, count: int, peer: Run, sample: int) -> Row:
    return less_is_better(name, *_each(ours.wall, count, peer.wall, sample), "ms")


def _each(ours: float, count: int, peer: float, sample: int) -> tuple[float, float]:
    return 1000 * ours / count, 1000 * peer / sample


def _total(name: str, ours: float, peer: float) -> Row:
    return less_is_better(name, ours, peer, "s of CPU; at the peer's pace")


def simulated(folder: Path, home: Path, count: int) -> tuple[Run, Run]:
    """What the whole process took, and what the tests in it."""
    whole, text = measured(PLAY, [str(folder), str(count)], environment(home / "tests-cache"))
    told = json.loads(text)
    if told["failed"]:
        raise LabError(f"tests of the example failed: {', '.join(told['failed'])}")
    return whole, Run(told["wall"], told["cpu"])


def on_asterisk(site: Site, home: str, cases: list[Case]) -> Run:
    """What it takes to play the tests there: of the processor, by Asterisk and by us."""
    from ccctl.cli.testlab import private_lab
    from ccctl.flowlab.house import furnish, run_cases

    async def play() -> tuple[list[Result], float]:
        async with furnish(settings, site) as lab:
            begin = time.perf_counter()
            return await run_cases(lab, cases), time.perf_counter() - begin

    with private_lab(home) as settings:
        running = server.find(lab_of(settings))
        if running is None:
            raise LabError("the lab's Asterisk does not run")
        before = asterisk_cpu(running.pid) + time.process_time()
        results, wall = asyncio.run(play())
        cpu = asterisk_cpu(running.pid) + time.process_time() - before
    failed = [result.case.name for result in results if result.failures]
    if failed:
        raise LabError(f"tests of the example failed on Asterisk: {', '.join(failed[:3])}")
    return Run(wall, cpu)

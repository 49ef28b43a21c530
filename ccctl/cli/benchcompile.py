"""`ccctl bench compile`: files to dialplan, cold and after one edit; Asterisk's reload of the same."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from shutil import rmtree

import click
import msgspec

from ccctl.cli.benchrows import Row, less_is_better, show
from ccctl.cli.lab import bring_up, lab_of
from ccctl.errors import LabError
from ccctl.flow.dialplan import render
from ccctl.lab import server
from ccctl.lab.largesite import large_site
from ccctl.runtime.build import compile_folder

LARGER = 5  # times as many flows, to see how the cost grows
ROUNDS = 3  # the best counts: what disturbs makes slower, never faster
ONCE = """
import json, sys
from ccctl.runtime.build import compile_folder
done = compile_folder(sys.argv[1])
errors = [str(each) for each in done.diagnostics][:3]
generation = done.plan.generation if done.plan else ""
print(json.dumps({"generation": generation, "errors": errors}))
"""


class Run(msgspec.Struct, frozen=True):
    """A process, from its start to its end. `cpu` is what it took of the processor: on a machine that is
    busy with something else the wall clock tells of that, too."""

    wall: float
    cpu: float
    generation: str = ""


@click.command("compile")
@click.option("--flows", type=click.IntRange(50, 20_000), default=1000, show_default=True)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def compile_bench(ctx: click.Context, flows: int, form: str) -> None:
    """Check and compile a large site: from cold, after one edit, and five times as large.

    Each measurement is a process of its own. The peer is Asterisk's reload of the same dialplan, in a lab
    of its own; of the last row, the cost of a flow in the smaller site.
    """
    from ccctl.cli.lab import lab_home

    home = Path(lab_home(ctx)) / "bench"
    show(measure(home, flows), form, 3)


def measure(home: Path, flows: int) -> list[Row]:
    small, large = home / "compile", home / "compile-large"
    write(small, flows)
    cold = best(small, home, warm=False)
    edited = best(small, home, warm=True)
    peer = reload(str(home), small)
    write(large, flows * LARGER)
    slow = best(large, home, warm=False)
    each, per = 1000 * cold.cpu / flows, 1000 * slow.cpu / (flows * LARGER)
    return [
        *_rows(f"{flows} flows from cold", cold, peer),
        *_rows("after one edit", edited, peer),
        less_is_better(f"a flow among {flows * LARGER} against {flows}", per, each, "ms of CPU"),
    ]


def _rows(name: str, ours: Run, peer: Run) -> list[Row]:
    return [
        less_is_better(name, ours.cpu, peer.cpu, "s of CPU"),
        less_is_better(f"{name}, wall clock", ours.wall, peer.wall, "s"),
    ]


def write(folder: Path, flows: int) -> None:
    rmtree(folder, ignore_errors=True)
    for path, text in large_site(flows).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write(text)


def best(folder: Path, home: Path, warm: bool) -> Run:
    """Of some rounds. Cold is with an empty cache; warm is after another edit each time."""
    cache = home / "compile-cache"
    runs = []
    for number in range(ROUNDS):
        if warm:
            edit(folder, number)
        else:
            rmtree(cache, ignore_errors=True)
        runs.append(once(folder, cache))
    if warm and len({run.generation for run in runs}) != ROUNDS:
        raise LabError("an edit did not make a new generation")
    return min(runs, key=lambda run: run.cpu)


def edit(folder: Path, number: int) -> None:
    """Another wording of one step, a line more in one file."""
    path = folder / "flows/flows-0000.yaml"
    text = path.read_text()
    path.write_text(text.replace("    - answer\n", f'    - answer\n    - say: "{number}"\n', 1))


def environment(cache: Path) -> dict[str, str]:
    """As an installed program has it: with compiled modules, and a cache of its own."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "CCCTL_CACHE": str(cache)}


def measured(program: str, arguments: list[str], variables: dict[str, str]) -> tuple[Run, str]:
    """A process of Python from its start to its end, and what it printed."""
    begin, before = time.perf_counter(), _children()
    done = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=variables,
    )
    run = Run(time.perf_counter() - begin, _children() - before)
    if done.returncode:
        raise LabError(f"the measured process ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return run, done.stdout


def once(folder: Path, cache: Path) -> Run:
    run, text = measured(ONCE, [str(folder)], environment(cache))
    told = json.loads(text)
    if not told["generation"]:
        raise LabError(f"the bench's own site has findings: {told['errors']}")
    return Run(run.wall, run.cpu, told["generation"])


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def asterisk_cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def reload(home: str, folder: Path) -> Run:
    """What Asterisk takes to read the same dialplan."""
    plan = compile_folder(str(folder)).plan
    if plan is None:
        raise LabError("the bench's own site does not compile")
    settings, _ = bring_up(home)
    lab = lab_of(settings)
    running = server.find(lab)
    if running is None:
        raise LabError("the lab's Asterisk does not run")
    try:
        path = lab.etc / "ccctl/current/extensions.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(plan.contexts))
        begin, before = time.perf_counter(), asterisk_cpu(running.pid)
        server.ask(lab, running, "dialplan reload")
        took = Run(time.perf_counter() - begin, asterisk_cpu(running.pid) - before)
        shown = server.ask(lab, running, f"dialplan show s@{plan.contexts[0].name}")
        if plan.contexts[0].name not in shown:
            raise LabError("Asterisk did not take the dialplan")
        path.write_text("")
        return took
    finally:
        server.stop(lab)

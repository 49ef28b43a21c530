"""Random expressions and functions: the simulator and the real Asterisk must agree on every value.

More of them: SIM_SEEDS=1:50 pytest tests/asterisk/test_sim_random.py.
"""

import os
from collections.abc import AsyncIterator, Callable
from itertools import zip_longest

import pytest

from ccctl.flow.dialplan import Context, Exten, Line, put, render
from ccctl.sim import Call, Machine, Outside, Program
from tests.support.labhome import LabHome
from tests.support.newexten import Watcher
from tests.support.sim_random import VARIABLES, Maker, instant, items, number, patterns, time_condition
from tests.support.sim_runs import steps_of
from tests.support.until import until

pytestmark = pytest.mark.asterisk

COUNT = 400


class Anything(dict[str, Callable[[str], str]]):
    """Functions that nobody knows, as broken text calls them: empty, as on the real thing."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Callable[[str], str]:
        return lambda arguments: ""


_first, _, _last = os.environ.get("SIM_SEEDS", "1:4").partition(":")


@pytest.fixture
async def watcher(lab: LabHome) -> AsyncIterator[Watcher]:
    async with Watcher(lab) as watcher:
        yield watcher


def dialplan(seed: int) -> Context:
    sets = [put(name, value.replace("$", "${dollar}")) for name, value in VARIABLES.items()]
    shown = [Line("NoOp", (item,)) for item in items(seed, COUNT)]
    return Context(f"random{seed}", (Exten("s", (put("dollar", "$"), *sets, *shown)),))


async def compare(watcher: Watcher, lab: LabHome, contexts: list[Context]) -> None:
    """Call extension s of the first context, here and there."""
    lab.write("extensions.conf", render(contexts))
    lab.ask("dialplan reload")
    name = contexts[0].name
    call = await watcher.call(name)
    await until(lambda: call.ended, 60, "the end of the call")
    machine = Machine(Program(contexts), Outside(functions=Anything()), Call(name, "s", 0))
    machine.run_to_end()
    lines = contexts[0].extens[0].lines
    pairs = zip_longest(call.steps, steps_of(machine))
    wrong = [f"  real {real}\n  sim  {sim}" for real, sim in pairs if real != sim]
    assert not wrong, f"{len(wrong)} of {len(lines)} differ\n" + "\n".join(wrong[:20])


SEEDS = pytest.mark.parametrize("seed", range(int(_first), int(_last or _first) + 1))


@SEEDS
async def test_extensions_at_random(watcher: Watcher, lab: LabHome, seed: int) -> None:
    maker = Maker(seed)
    contexts, lines = [], []
    for index in range(25):
        name = f"numbers{seed}-{index}"
        extens = [Exten(exten, (Line("Return", (exten,)),)) for exten in patterns(maker)]
        contexts.append(Context(name, tuple(extens)))
        for dialled in [number(maker) for _ in range(12)]:
            there = f"${{DIALPLAN_EXISTS({name},{dialled},1)}}"
            lines.append(Line("GosubIf", (f"{there}?{name},{dialled},1",)))
    first = Context(f"numbers{seed}", (Exten("s", tuple(lines)),))
    await compare(watcher, lab, [first, *contexts])


@SEEDS
async def test_times_at_random(watcher: Watcher, lab: LabHome, seed: int) -> None:
    maker = Maker(seed)
    lines = []
    for _ in range(300):
        lines += [
            put("TESTTIME", str(instant(maker))),
            Line("GotoIfTime", (f"{time_condition(maker)}?+2",)),
            Line("NoOp"),
        ]
    await compare(watcher, lab, [Context(f"times{seed}", (Exten("s", (*lines, Line("NoOp"))),))])


@SEEDS
async def test_values_at_random(watcher: Watcher, lab: LabHome, seed: int) -> None:
    context = dialplan(seed)
    lab.write("extensions.conf", render([context]))
    lab.ask("dialplan reload")
    call = await watcher.call(context.name)
    await until(lambda: call.ended, 30, "the end of the call")
    machine = Machine(Program([context]), Outside(functions=Anything()), Call(context.name, "s", 0))
    machine.run_to_end()
    real = {step[2]: step[4] for step in call.steps}
    sim = {step.priority: step.data for step in machine.executed_steps}
    lines = context.extens[0].lines
    assert len(real) == len(lines)
    wrong = [
        f"{lines[at - 1].args[0]}\n  real {real[at]!r}\n  sim  {sim.get(at)!r}"
        for at in real
        if real[at] != sim.get(at)
    ]
    assert not wrong, f"{len(wrong)} of {len(real)} differ\n" + "\n".join(wrong[:40])

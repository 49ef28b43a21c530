"""Random expressions and functions: the simulator and the real Asterisk must agree on every value.

More of them: SIM_SEEDS=1:50 pytest tests/asterisk/test_sim_random.py.
"""

import os
from collections.abc import AsyncIterator, Callable

import pytest

from ccctl.flow.dialplan import Context, Exten, Line, put, render
from ccctl.sim import Call, Machine, Outside, Program
from tests.support.labhome import LabHome
from tests.support.newexten import Watcher
from tests.support.sim_random import VARIABLES, items
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


@pytest.mark.parametrize("seed", range(int(_first), int(_last or _first) + 1))
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

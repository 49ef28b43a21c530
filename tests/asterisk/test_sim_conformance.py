"""The simulator against the real Asterisk: both run the same dialplan and must report the same steps.

The real steps are kept in sim_cases.steps, so that tests/unit/sim needs no Asterisk. After a new case:
UPDATE_GOLDEN=1 pytest tests/asterisk/test_sim_conformance.py, and read the diff.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.labhome import LabHome
from tests.support.newexten import Watched, Watcher
from tests.support.sim_cases import CASES, FILE, STEPS, Case
from tests.support.sim_runs import GAP_MS, HUMAN_MS, Seen, difference, simulated, whole_program, written
from tests.support.until import until

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
def cases_lab() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


@pytest.fixture
async def watcher(cases_lab: LabHome) -> AsyncIterator[Watcher]:
    cases_lab.write("extensions.conf", FILE.read_text())
    cases_lab.ask("dialplan reload")
    async with Watcher(cases_lab) as watcher:
        yield watcher


async def real(watcher: Watcher, case: Case) -> list[Seen]:
    call = await watcher.call(case.context, caller=case.caller, **case.variables)
    for app, count, keys in case.presses:
        await until(
            lambda app=app, count=count: call.count(app) >= count or call.ended, 20, f"{case.name}: {app}"
        )
        await type_keys(watcher, call, keys)
    await until(lambda: call.ended, 30, f"{case.name}: the end; so far {call.steps[-3:]}")
    return call.steps


async def type_keys(watcher: Watcher, call: Watched, keys: str) -> None:
    for index, key in enumerate(keys):
        await asyncio.sleep((GAP_MS if index else HUMAN_MS) / 1000)  # a person's pace
        await watcher.ami.action("PlayDTMF", Channel=call.far, Digit=key)


async def test_every_case_takes_the_same_steps(watcher: Watcher) -> None:
    lines = asyncio.Semaphore(8)

    async def one(case: Case) -> list[Seen]:
        async with lines:
            return await real(watcher, case)

    seen = await asyncio.gather(*(one(case) for case in CASES))
    program = whole_program()
    if os.environ.get("UPDATE_GOLDEN"):
        STEPS.write_text(written(dict(zip((case.name for case in CASES), seen, strict=True))))
    wrong = [
        difference(case, steps, simulated(program, case)) for case, steps in zip(CASES, seen, strict=True)
    ]
    assert not any(wrong), "\n\n".join(filter(None, wrong))
    assert STEPS.read_text() == written(dict(zip((case.name for case in CASES), seen, strict=True)))

"""The simulator and the real Asterisk go the same way, priority by priority: every flow test of the example
site and hundreds of random callers, there and on a site that has every step of the language."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from ccctl.cli.site import copy_example
from ccctl.cli.test import load
from ccctl.flow.compile import compile_site, generation_id
from ccctl.flow.graph import Site
from ccctl.flowlab.house import furnish, run_cases
from ccctl.flowtest.cases import Case
from ccctl.flowtest.differ import Difference, differences
from ccctl.flowtest.drive import Result
from ccctl.flowtest.report import explain
from ccctl.flowtest.simulate import NO_CHANGES, Simulator, numbered, run_all
from ccctl.flowtest.walks import walks
from tests.support import sample_site
from tests.support.labhome import LabHome

pytestmark = pytest.mark.asterisk
WALKS = 500
SEED = 20


@pytest.fixture(scope="module")
def home() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


async def play(
    home: LabHome, site: Site, cases: list[Case], changes: Mapping[str, Site] = NO_CHANGES
) -> tuple[list[Result], list[Difference]]:
    """The real results, and where the simulator went another way."""
    ours = run_all(Simulator(site, compile_site(site, generation_id(site)), changes), cases)
    async with furnish(home.settings, site, changes) as lab:
        real = await run_cases(lab, cases)
    assert [explain(result) for result in ours if result.failures] == []
    assert [explain(result) for result in real if result.failures] == []
    return real, differences(zip(ours, real, strict=True))


async def test_the_example_site_and_random_callers(home: LabHome, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    copy_example(folder)
    site, suite = load(folder)
    cases = numbered([*suite.tests, *walks(site, WALKS, SEED)])
    real, found = await play(home, site, cases, suite.changes)
    assert [str(difference) for difference in found] == []
    assert len(real) == len(suite.tests) + WALKS
    assert sum(len(result.executed) for result in real) > 20 * len(real), "calls were really followed"
    assert "0 active channels" in home.ask("core show channels count")


async def test_random_callers_where_every_step_is(home: LabHome) -> None:
    site = sample_site.site()
    _, found = await play(home, site, numbered(walks(site, 200, SEED)))
    assert [str(difference) for difference in found] == []


async def test_a_simulator_that_errs_is_found_out(home: LabHome) -> None:
    """The simulator gets a site whose main menu plays another prompt, under the name of the right one."""
    site = sample_site.site()
    cases = numbered(walks(site, 30, SEED))
    wrong = msgspec.structs.replace(site, flows={**site.flows, "main": sample_site.main_flow("holiday")})
    ours = run_all(Simulator(wrong, compile_site(wrong, generation_id(site))), cases)
    async with furnish(home.settings, site) as lab:
        real = await run_cases(lab, cases)
    found = differences(zip(ours, real, strict=True))
    assert any("cc/holiday-" in one.sim and "cc/main-menu-" in one.real for one in found), found

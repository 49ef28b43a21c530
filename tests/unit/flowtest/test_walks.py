"""Random callers: the same for the same number, always at an end, and honest about safety nets."""

from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site, generation_id
from ccctl.flowtest.simulate import Simulator, numbered, run_all
from ccctl.flowtest.walks import Dice, is_safety_net, menu_keys, walks
from ccctl.sim import Executed
from tests.support import sample_site

SITE = sample_site.site()


def simulator(site: g.Site) -> Simulator:
    return Simulator(site, compile_site(site, generation_id(site)))


def test_every_call_ends_and_none_falls_into_a_safety_net() -> None:
    results = run_all(simulator(SITE), numbered(walks(SITE, 300, 5)))
    assert [failure for result in results for failure in result.failures] == []
    assert all(result.ended for result in results)
    assert len({result.path for result in results}) >= 6, "they go many ways"


def test_the_same_seed_is_the_same_caller() -> None:
    once, again = (run_all(simulator(SITE), numbered(walks(SITE, 40, 9))) for _ in range(2))
    assert [result.events for result in once] == [result.events for result in again]
    other = run_all(simulator(SITE), numbered(walks(SITE, 40, 10)))
    assert [result.events for result in once] != [result.events for result in other]


def test_a_flow_without_end_is_found() -> None:
    """Two flows that send the caller round: the limit on flows ends it, and that is told as an end."""
    flows = {
        "main": sample_site.flow("main", g.Goto(flow="again")),
        "again": sample_site.flow("again", g.Goto(flow="main")),
    }
    site = g.Site(flows=flows, numbers={"+4930": g.Number(number="+4930", flow="main")})
    (result,) = run_all(simulator(site), numbered(walks(site, 1, 1)))
    assert result.ended
    assert any(event.exten == "limit" for event in result.executed) or result.failures


def test_safety_nets() -> None:
    assert is_safety_net(Executed("cc-7f3a9c-main", "i", 1, "Hangup", ""))
    assert not is_safety_net(Executed("cc-7f3a9c-main.menu3", "i", 1, "Goto", ""))


def test_keys_of_menus() -> None:
    keys = menu_keys(compile_site(SITE, "7f3a9c"))
    menu = next(name for name, known in keys.items() if name.startswith("cc-7f3a9c-main.menu") and known)
    assert {"1", "2", "0", "*"} <= set(keys[menu])


def test_dice_are_fair_enough() -> None:
    dice = Dice(1)
    rolls = [dice.roll(6) for _ in range(6000)]
    assert set(rolls) == set(range(6))
    assert all(800 < rolls.count(side) < 1200 for side in range(6))

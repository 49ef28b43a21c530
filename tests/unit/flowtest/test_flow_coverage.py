"""Branches of flows, and which of them calls took."""

from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site
from ccctl.flowtest.coverage import branches, cover, table, total
from ccctl.flowtest.story import Executed
from tests.support import sample_site

PLAN = compile_site(sample_site.site(), "7f3a9c")


def test_outcomes_of_steps_are_branches() -> None:
    outcomes = {branch.outcome for branch in branches(PLAN) if branch.flow == "main"}
    menu = next(outcome for outcome in outcomes if outcome.endswith("_exhausted")).removesuffix("exhausted")
    assert {f"{menu}{key}" for key in ("1", "2", "*", "invalid", "timeout", "exhausted")} <= outcomes
    assert any(outcome.endswith("_closed") for outcome in outcomes)
    assert not any(outcome.startswith("then") for outcome in outcomes)


def test_what_was_entered_is_covered() -> None:
    every = [branch for branch in branches(PLAN) if branch.flow == "partner"]
    taken = next(branch for branch in every if branch.outcome.endswith("_busy"))
    step = Executed(taken.context, taken.exten, 1, "Hangup", "17")
    (partner,) = cover(every, [step])
    assert taken not in partner.missed
    assert partner.percent == 100 / len(every)
    assert total([partner]) == partner.percent
    ((flow, ratio, _, missed),) = table([partner])
    assert (flow, ratio) == ("partner", f"1/{len(every)}")
    assert taken.outcome not in missed


def test_a_flow_without_branches_is_covered() -> None:
    plan = compile_site(g.Site(flows={"a": sample_site.flow("a", g.HangupStep())}), "7f3a9c")
    assert total(cover(branches(plan), [])) == 100

"""Branches of flows, and which of them calls took."""

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow import graph as g
from ccctl.flow.compile import compile_site
from ccctl.flowtest.coverage import branches, cover, never_taken, table, total
from ccctl.sim import Executed
from tests.support import sample_site

SITE = sample_site.site()
PLAN = compile_site(SITE, "7f3a9c")


def test_outcomes_of_steps_are_branches() -> None:
    outcomes = {str(branch) for branch in branches(SITE, PLAN) if branch.flow == "main"}
    assert {f"menu {key}" for key in ("1", "2", "*", "invalid", "timeout", "exhausted")} <= outcomes
    assert {"hours closed", "hours holiday"} <= outcomes
    assert not any(outcome.startswith("then") for outcome in outcomes)


def test_what_was_entered_is_covered() -> None:
    every = [branch for branch in branches(SITE, PLAN) if branch.flow == "partner"]
    taken = next(branch for branch in every if branch.outcome == "busy")
    ((context, exten),) = taken.places
    (partner,) = cover(every, [Executed(context, exten, 1, "Hangup", "17")])
    assert taken not in partner.missed
    assert partner.percent == 100 / len(every)
    assert total([partner]) == partner.percent
    assert table([partner]) == [("partner", f"1/{len(every)}", f"{partner.percent:.0f} %")]
    assert len(never_taken([partner])) == len(every) - 1


def test_a_branch_has_the_place_of_its_step() -> None:
    menu = g.Menu(prompts=("main-menu",), options=(), span=Span("a.yaml", 3, 5))
    dial = g.Dial(targets=("anna",), span=Span("a.yaml", 9, 5))
    flow = sample_site.flow("main", menu, dial)
    site = msgspec.structs.replace(SITE, flows={"main": flow})
    found = {branch.step: branch.span.line for branch in branches(site, compile_site(site, "7f3a9c"))}
    assert found == {"menu": 3, "dial": 9}
    (line, *_) = never_taken(cover(branches(site, compile_site(site, "7f3a9c")), []))
    assert line.startswith("a.yaml:3:5: never taken: main, menu ")


def test_a_flow_without_branches_is_covered() -> None:
    site = g.Site(flows={"a": sample_site.flow("a", g.HangupStep())})
    assert total(cover(branches(site, compile_site(site, "7f3a9c")), [])) == 100

"""A change in the middle of a simulated call: the call ends as it began, the next one does not."""

import msgspec
import pytest

from ccctl.flow import graph as g
from ccctl.flow.compile import compile_all
from ccctl.flow.source import parse
from ccctl.flowtest.cases import Suite
from ccctl.flowtest.drive import Result
from ccctl.flowtest.reading import TestFile, read_suite
from ccctl.flowtest.report import explain
from ccctl.flowtest.simulate import Simulator, ground, numbered, run_all
from ccctl.flowtest.story import APPLIES
from tests.support import sample_site

SITE = sample_site.site()
FILE = "changes/other.yaml"


def without_support() -> g.Site:
    """Key 1 leads to another flow, the flow of support says goodbye, and its queue is gone."""
    queues = {name: queue for name, queue in SITE.queues.items() if name != "support"}
    gone = sample_site.flow("support", g.Play(prompts=("goodbye",)), g.HangupStep())
    return msgspec.structs.replace(
        SITE, queues=queues, flows={**SITE.flows, "main": sample_site.main_flow("holiday"), "support": gone}
    )


def read(text: str) -> Suite:
    parsed = parse(f"tests:\n{text}".encode(), "t.yaml")
    assert parsed.root is not None, parsed.findings
    suite, found = read_suite(
        [TestFile("t.yaml", parsed.root)], SITE, load=lambda path: (without_support(), [])
    )
    assert not found, [str(finding) for finding in found]
    return suite


def simulator(suite: Suite) -> Simulator:
    return Simulator(SITE, compile_all(SITE), suite.changes)


def play(text: str) -> list[Result]:
    suite = read(text)
    return run_all(simulator(suite), numbered(suite.tests))


def told(results: list[Result]) -> list[str]:
    return [failure.text for result in results for failure in result.failures]


@pytest.mark.parametrize(
    "moment", ["main-menu", "welcome", "main", "{goes: main}", "{hears: [closed, welcome]}"]
)
def test_a_call_goes_on_as_it_began(moment: str) -> None:
    (result,) = play(
        """
  - name: a
    given: {apply: changes/other.yaml, during: MOMENT}
    steps:
      [{hears: main-menu}, {press: 1}, {enters: support}, {agent: {ben: answer}}, {agent: {ben: hangup}}]
    ends: {hears: goodbye}
    expect: {generation: old, path: [main, support], never: [{hears: holiday}]}
""".replace("MOMENT", moment)
    )
    assert told([result]) == []
    (applied,) = [seen for seen in result.seen if seen.kind == APPLIES]
    assert applied.more == {
        "old": compile_all(SITE).generation,
        "new": compile_all(without_support()).generation,
    }
    assert f"applies {FILE} old " in explain(result)


def test_who_waits_in_a_queue_that_goes() -> None:
    results = play("""
  - name: a
    given: {apply: changes/other.yaml, during: {enters: support}}
    expect: {generation: old}
    each:
      - {steps: [{press: 1}, {enters: support}, {press: 0}], ends: {voicemail: support}}
      - {steps: [{press: 1}, {enters: support}, {waits: 10m}], ends: {voicemail: support}}
      - {given: {ari: down}, steps: [{press: 1}], ends: {queue: support, engine: native}}
""")
    assert told(results) == []


def test_the_moment_is_the_moment() -> None:
    """Not when the player looks: who waits sees nothing for half a minute, and the change comes in it."""
    (result,) = play("""
  - name: a
    given: {apply: changes/other.yaml, during: invalid}
    steps: [{press: 9}, {waits: 30s}]
    expect: {generation: old}
""")
    kinds = [(seen.kind, seen.what) for seen in result.seen]
    assert told([result]) == []
    assert kinds.index((APPLIES, FILE)) == kinds.index(("hears", "invalid")) + 1


def test_the_next_call_is_on_the_new_text() -> None:
    results = play("""
  - name: a
    given: {apply: changes/other.yaml}
    steps: [{hears: holiday}, {press: 1}, {hears: goodbye}]
    ends: hangup
    expect: {generation: new, path: [main, support], never: [{enters: "*"}]}
""")
    assert told(results) == []


def test_another_generation_than_expected() -> None:
    plan, other = compile_all(SITE), compile_all(without_support())
    results = play("""
  - name: a
    given: {apply: changes/other.yaml, during: welcome}
    ends: {hears: main-menu}
    expect: {generation: new}
  - {name: b, given: {apply: changes/other.yaml}, steps: [{hears: holiday}], expect: {generation: old}}
""")
    assert told(results) == [
        f"the call ended on the old text, generation {plan.generation}; expected the new one",
        f"the call ended on the new text, generation {other.generation}; expected the old one",
    ]


def test_a_moment_that_never_comes_has_tried_nothing() -> None:
    results = play("""
  - {name: a, given: {apply: changes/other.yaml, during: holiday}, steps: [{hears: main-menu}]}
""")
    assert told(results) == [f"{FILE} was not applied: hears holiday never came"]


def test_who_hangs_up_at_every_step_may_be_before_the_moment() -> None:
    results = play("""
  - name: a
    given: {apply: changes/other.yaml, during: main-menu, caller: hangs_up_at_every_step}
    steps: [{hears: welcome}, {press: 1}, {enters: support}]
    expect: {generation: old}
""")
    assert (len(results), told(results)) == (4, [])
    applied = [any(seen.kind == APPLIES for seen in result.seen) for result in results]
    assert applied == [False, False, True, True]


def test_an_apply_that_drops_the_old_flows_is_found_out() -> None:
    suite = read("""
  - name: a
    given: {apply: changes/other.yaml, during: main-menu}
    steps: [{press: 1}, {enters: support}]
    expect: {generation: old}
""")
    careless = simulator(suite)
    careless.after = lambda path: ground(without_support(), compile_all(without_support()))
    (result,) = run_all(careless, numbered(suite.tests))
    assert result.failures, explain(result)

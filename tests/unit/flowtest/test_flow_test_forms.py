"""Every form that a flow test can be written in, and what is wrong about changes that tests apply."""

import re

import msgspec
import pytest

from ccctl.diagnostics import Span
from ccctl.flow import graph
from ccctl.flow.checks_reading import bad_name
from ccctl.flow.source import parse
from ccctl.flow.values import Wrong
from ccctl.flowtest.cases import Ends, Suite, Want
from ccctl.flowtest.reading import TestFile, read_suite
from ccctl.flowtest.reading_apply import Loaded
from tests.support import sample_site

FORMS = r"""
tests:
  - name: english gold customer reaches ben, is asked for a score
    call: {to: "+49301234510", from: "+491701112233", name: "O'Neil \"x\" ${EVIL}", at: "2026-11-23 10:00"}
    given:
      agents: {ben: available, cleo: paused}
      http:
        "get https://crm.acme.example/customers":
          {status: 200, json: {tier: gold, open_case: "4711"}, after: 300ms}
    steps:
      - hears: welcome
      - hears: main-menu
      - press: 3
      - hears: recording-notice
      - waits: 5s
      - enters: {queue: support, priority: 10}
      - agent: {ben: answer, hears: whisper-support}
      - talks: 30s
      - agent: {ben: hangup}
      - hears: csat-score
      - press: {keys: "5", after: end}
      - hears: {text: good}
      - hangs_up
    expect:
      path: [main, support]
      vars: {csat: "5", tier: gold}
      recording: true
      never: [{hears: closed}, {dials: "*"}]
  - name: three wrong keys end at the front desk
    call: {to: "+49301234500", at: "2026-11-23 10:00"}
    given: {phones: {reception: busy, anna: no_answer}}
    steps: [{press: 1}, {press: 9}, {press: 9}, {hears: invalid}, {press: 9}, {rings: [reception, anna]},
      {ends: {voicemail: support}}]
  - name: night switch, christmas, autumn clock change
    each:
      - {call: {at: "2026-12-25 10:00"}, ends: {hears: holiday}}
      - {call: {at: "2026-10-25T01:30Z"}, ends: {hears: closed}}
      - {given: {switch: {office: closed}}, call: {at: "2026-11-23 10:00"}, ends: {hears: closed}}
  - name: faults
    each:
      - {given: {http: timeout}, steps: [{press: 3}], ends: {queue: support}}
      - {given: {ari: dies_while_queued}, steps: [{press: 3}], ends: {queue: support, engine: native}}
      - {given: {caller: hangs_up_at_every_step}, expect: {no_orphan: [channels, recordings, queue_entries]}}
      - {given: {apply: other.yaml, during: main-menu}, steps: [{press: 3}], expect: {generation: old}}
coverage: {branches: 90%}
"""
PROMPTS = ("recording-notice", "whisper-support", "csat-score", "both")
SAMPLE = sample_site.site()
SITE = msgspec.structs.replace(
    SAMPLE,
    prompts=SAMPLE.prompts | {name: sample_site.prompt(name) for name in PROMPTS},
    agents=SAMPLE.agents | {"cleo": graph.Agent(name="cleo")},
    flows=SAMPLE.flows | {"both": sample_site.flow("both", graph.HangupStep())},
)
OTHER = msgspec.structs.replace(
    SITE,
    prompts=SITE.prompts | {"welcome": sample_site.prompt("welcome", "hello")},
    flows=SITE.flows | {"added": sample_site.flow("added", graph.HangupStep())},
)
BROKEN = bad_name(Span("site.yaml", 7, 3), "x y", "has a blank", "write x-y")


def load(path: str) -> Loaded | Wrong:
    match path:
        case "other.yaml":
            return OTHER, []
        case "same.yaml":
            return msgspec.structs.replace(SITE, agents={}), []
        case "broken.yaml":
            return None, [BROKEN]
    return Wrong("not found", "")


def read(text: str) -> tuple[Suite, list[str]]:
    parsed = parse(text.encode(), "t.yaml")
    assert parsed.root is not None, parsed.findings
    suite, found = read_suite([TestFile("t.yaml", parsed.root)], SITE, load=load)
    return suite, [str(finding) for finding in found]


def test_every_form_is_taken() -> None:
    suite, found = read(FORMS)
    assert found == []
    assert [case.name for case in suite.tests][2:] == [
        "night switch, christmas, autumn clock change [1]",
        "night switch, christmas, autumn clock change [2]",
        "night switch, christmas, autumn clock change [3]",
        "faults [1]",
        "faults [2]",
        "faults [3], hangs up after 0",
        "faults [4]",
    ]
    timeout, dies, hangs, applies = suite.tests[5:]
    assert timeout.given.http["*"].fault == "timeout"
    assert dies.given.ari == "dies_while_queued"
    (_, ends) = dies.steps
    assert isinstance(ends, Ends)
    assert ends.want == Want("enters", ("support",), more={"engine": "native"})
    assert hangs.expect.no_orphan == ("channels", "recordings", "queue_entries")
    assert (applies.given.apply, applies.given.during) == ("other.yaml", Want("hears", ("main-menu",)))
    assert applies.expect.generation == "old"
    assert suite.changes == {"other.yaml": OTHER}


@pytest.mark.parametrize(
    ("moment", "want"),
    [
        ("main-menu", Want("hears", ("main-menu",))),
        ("support", Want("goes", ("support",))),
        ("{hears: both}", Want("hears", ("both",))),
        ("{flow: both}", Want("goes", ("both",))),
        (
            "{enters: {queue: support, engine: native}}",
            Want("enters", ("support",), more={"engine": "native"}),
        ),
    ],
)
def test_moments(moment: str, want: Want) -> None:
    suite, found = read(f"tests: [{{name: a, ends: hangup, given: {{apply: other.yaml, during: {moment}}}}}]")
    assert found == []
    assert suite.tests[0].given.during == want


def test_names_of_the_change_are_known_where_it_is_applied() -> None:
    applied = "tests: [{name: a, given: {apply: other.yaml}, ends: {goes: added}}]"
    assert read(applied)[1] == []
    assert 'the site has no flow "added"' in read(applied.replace("apply: other.yaml", "ari: up"))[1][0]


def test_words_are_those_that_the_call_hears() -> None:
    suite, found = read("""
tests:
  - {name: old, given: {apply: other.yaml, during: main-menu}, ends: {hears: {text: hello}}}
  - {name: new, given: {apply: other.yaml}, ends: {hears: {text: hello}}}
""")
    assert found == []
    wants = [case.steps[0].want.names for case in suite.tests if isinstance(case.steps[0], Ends)]
    assert wants == [("\n",), ("welcome",)]


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("given: {during: main-menu}", 'error[E907] given has no "apply"; add apply: tests/changes/'),
        ("expect: {generation: old}", "error[E952] without given: {apply: ...} there is one generation only"),
        ("given: {apply: none.yaml}", "error[E955] change none.yaml not found"),
        ("given: {apply: [a.yaml]}", "error[E912] a single value is needed here"),
        ("given: {apply: ''}", "error[E912] nothing is written here"),
        (
            "given: {apply: other.yaml, during: both}",
            'error[E952] "both" is a prompt and a flow; write {hears:',
        ),
        (
            "given: {apply: other.yaml, during: main-meun}",
            'error[E950] the site has no prompt or flow "main-meun"',
        ),
        (
            "given: {apply: other.yaml, during: {press: 3}}",
            "error[E952] the moment is one thing that is seen",
        ),
        ("given: {apply: other.yaml, during: [welcome]}", "error[E952] the moment is one thing that is seen"),
        (
            "given: {apply: other.yaml, during: {enters: suport}}",
            'error[E950] the site has no queue "suport"',
        ),
        (
            "given: {apply: other.yaml}\n  expect: {generation: older}",
            'error[E904] "older" is not known here',
        ),
        (
            "expect: {no_orphan: [channel]}",
            'error[E904] "channel" is not known here; did you mean "channels"?',
        ),
        (
            "given: {apply: same.yaml}\n  expect: {generation: old}",
            "error[E955] same.yaml changes nothing in the dialplan",
        ),
    ],
)
def test_mistakes_about_changes(line: str, finding: str) -> None:
    _, found = read(f"tests:\n- name: a\n  ends: hangup\n  {line}\n")
    assert len(found) == 1, found
    assert finding in found[0]
    assert re.match(r"t\.yaml:[45]:\d+: ", found[0])
    assert "; " in found[0], "a finding says what to write"


def test_errors_of_a_change_are_told_with_the_test_that_applies_it() -> None:
    _, found = read("tests: [{name: a, ends: hangup, given: {apply: broken.yaml}}]")
    assert found == [
        str(BROKEN),
        "t.yaml:1:48: error[E955] with broken.yaml the site has 1 error; mend what is told of it",
    ]


def test_a_change_that_alters_no_flow_may_be_applied() -> None:
    """Other agents in a queue, for example: nobody asks for the generation."""
    assert read("tests: [{name: a, ends: hangup, given: {apply: same.yaml, during: main-menu}}]")[1] == []

"""Test files: what they mean, and every mistake with its place and what to write instead."""

import re

import pytest

from ccctl.flow.checks_pages import PAGES
from ccctl.flow.source import parse
from ccctl.flowtest.cases import (
    AgentDoes,
    Caller,
    Ends,
    HangsUp,
    Phone,
    PhoneDoes,
    Presses,
    Reply,
    Sees,
    Suite,
    Waits,
    Want,
)
from ccctl.flowtest.reading import TestFile, read_suite
from tests.support import sample_site

MAIN = "+49301234500"


def read(text: str) -> tuple[Suite, list[str]]:
    parsed = parse(text.encode(), "t.yaml")
    assert parsed.root is not None, parsed.findings
    suite, found = read_suite([TestFile("t.yaml", parsed.root)], sample_site.site())
    return suite, [str(finding) for finding in (*parsed.findings, *found)]


def test_everything_that_can_be_written() -> None:
    suite, found = read("""
tests:
  - name: all
    call: {to: "+49301234520", from: "+4917", name: "O'Neil \\"x\\" ${EVIL}", at: "2026-11-23 10:00"}
    given:
      agents: {ben: available, anna: paused}
      phones: {reception: busy, "+49305559999": {answer: 2s}}
      http: {"get https://crm.example/c": {status: 404, json: {n: 5, s: "5", t: [true]}, after: 300ms}}
      switch: {office: closed}
      random: [35]
      db: {a/b: c}
      vars: {x: y}
    steps:
      - hears: [welcome, holiday]
      - hears: {text: WELC}
      - press: {keys: "12#", after: end}
      - press: 3
      - waits: 5s
      - enters: {queue: support, priority: 10, within: 2m}
      - agent: {ben: answer, hears: welcome}
      - talks: 30s
      - phone: {reception: hangup}
      - rings: [reception, anna]
      - hangs_up
    ends: {queue: support, engine: native}
    expect: {path: [main], vars: {x: y}, recording: true, never: [{dials: "*"}]}
    only: [sim]
coverage: {branches: 90%}
""")
    assert found == []
    (case,) = suite.tests
    assert case.call == Caller("+49301234520", "+4917", 'O\'Neil "x" ${EVIL}', 1795424400)
    assert case.given.phones == {"reception": Phone("busy"), "+49305559999": Phone("answer", 2000)}
    reply = Reply(404, '{"n": 5, "s": "5", "t": [true]}', 300)
    assert case.given.http == {"get https://crm.example/c": reply}
    assert (case.given.random, case.given.switch) == ((35,), {"office": "closed"})
    assert [type(step) for step in case.steps] == [
        Sees, Sees, Presses, Presses, Waits, Sees, AgentDoes, Waits, PhoneDoes, Sees, HangsUp, Ends,
    ]  # fmt: skip
    sees = [step for step in case.steps if isinstance(step, Sees)]
    assert sees[0].want == Want("hears", ("welcome", "holiday"))
    assert sees[1].want == Want("hears", ("welcome",))
    assert (sees[2].want, sees[2].within_ms) == (
        Want("enters", ("support",), more={"priority": "10"}),
        120_000,
    )
    assert sees[3].want == Want("rings", ("reception", "anna"), every=True)
    assert isinstance(case.steps[-1], Ends)
    assert case.steps[-1].want == Want("enters", ("support",), more={"engine": "native"})
    assert case.expect.path == ("main",)
    assert case.expect.never == (Want("dials", ("*",)),)
    assert (case.only, suite.coverage) == (("sim",), 90)


def test_each_is_one_test_for_each_row_laid_on_the_common_part() -> None:
    suite, found = read("""
defaults: {call: {to: "+49301234520"}}
tests:
  - name: night
    call: {from: "1"}
    ends: {hears: closed}
    each:
      - {call: {at: "2026-12-25 10:00"}}
      - {call: {at: "2026-10-25T01:30Z", from: "2"}, ends: {hears: holiday}}
      - {name: own name, call: {to: "+49301234500"}}
""")
    assert found == []
    assert [case.name for case in suite.tests] == ["night [1]", "night [2]", "own name"]
    assert [case.call for case in suite.tests] == [
        Caller("+49301234520", "1", "", 1798189200),
        Caller("+49301234520", "2", "", 1792891800),
        Caller(MAIN, "1", "", 1795424400),
    ]
    assert [case.steps[-1].want.names for case in suite.tests if isinstance(case.steps[-1], Ends)] == [
        ("closed",),
        ("holiday",),
        ("closed",),
    ]


def test_a_golden_path_is_asked_for() -> None:
    suite, found = read("tests: [{name: a, ends: hangup, expect: {path: auto}}]")
    assert found == []
    assert (suite.tests[0].expect.path, suite.tests[0].expect.golden) == (None, True)


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("steps: [{hears: wellcome}]", 'error[E950] the site has no prompt "wellcome"; did'),
        ("steps: [{goes: mian}]", 'error[E950] the site has no flow "mian"; did you mean "main"?'),
        ("ends: {voicemail: suport}", 'error[E950] the site has no mailbox "suport"; did'),
        ("given: {agents: {bn: paused}}, ends: hangup", 'error[E950] the site has no agent "bn"; did'),
        ("call: {to: '+4930'}, ends: hangup", 'error[E950] the site has no number "+4930"'),
        ("steps: [{presses: 3}]", 'error[E951] "presses" is no step of a flow test; did you mean "press"?'),
        ("steps: [hangup_now]", 'error[E951] "hangup_now" is no step of a flow test'),
        ("steps: [{press: x}]", 'error[E952] "x" are no keys'),
        ("call: {at: '10:00'}, ends: hangup", 'error[E952] "10:00" is not a moment'),
        ("given: {http: {crm: timeout}}, ends: hangup", 'error[E952] "crm" is no request'),
        ("ends: {callback: {queue: suport}}", 'error[E950] the site has no queue "suport"; did'),
        ("ends: {callback: {place: first}}", 'error[E904] "first" is not known here; write kept or new'),
        ("ends: {callback: {hour: 9}}", 'error[E905] unknown key "hour" in step callback'),
        ("ends: support", 'error[E952] "support" is no end'),
        ("expect: {never: [{hear: x}]}", "error[E952] what must never happen is one thing that is seen"),
        ("call: {to: '+49301234500'}", "error[E953] \"a\" expects nothing"),
        ("stesp: [hangs_up], ends: hangup", 'error[E905] unknown key "stesp" in a test; did'),
        ("steps: [{waits: 5}]", 'error[E904] duration "5" has no unit; did you mean "5s"?'),
        ("steps: [{hears: welcome, press: 3}]", 'error[E912] "press" beside hears'),
        ("steps: [{agent: ben}]", "error[E912] one of the agents and what it does"),
    ],
)  # fmt: skip
def test_mistakes_have_a_place_and_a_hint(line: str, finding: str) -> None:
    _, found = read(f"tests:\n- name: a\n  {line.replace(', ends', chr(10) + '  ends')}\n")
    assert len(found) == 1, found
    assert finding in found[0]
    assert re.match(r"t\.yaml:[234]:\d+: ", found[0])
    assert "; " in found[0], "a finding says what to write"


def test_the_place_of_a_mistake() -> None:
    _, found = read("tests:\n  - name: a\n    steps:\n      - hears: wellcome\n")
    assert found[0].startswith("t.yaml:4:16: error[E950]")


def test_names_are_used_once() -> None:
    _, found = read("tests: [{name: a, ends: hangup}, {name: a, ends: hangup}]")
    assert found == [
        't.yaml:1:41: error[E954] a test called "a" is already at t.yaml:1:16; '
        "give each test a name of its own"
    ]


def test_pages_are_there() -> None:
    for code in ("E950", "E951", "E952", "E953", "E954", "E955"):
        assert "Bad:" in PAGES[code].text
        assert "Good:" in PAGES[code].text

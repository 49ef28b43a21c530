"""Flow tests on a real Asterisk: what callers do and see, with stand-ins for phones and the daemon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ccctl.cli.site import copy_example
from ccctl.flow.graph import Site
from ccctl.flow.source import parse
from ccctl.flowlab.house import furnish, run_cases
from ccctl.flowtest.drive import Result
from ccctl.flowtest.reading import TestFile, read_suite
from ccctl.flowtest.report import explain
from ccctl.flowtest.simulate import numbered
from ccctl.runtime.site import load_site
from tests.support.labhome import LabHome

pytestmark = pytest.mark.asterisk
GOOD = """
defaults: {call: {to: "+49301234510", at: "2026-11-23 10:00"}}
tests:
  - name: an agent talks and hangs up first
    steps:
      - hears: main-menu
      - press: 3
      - hears: recording-notice
      - enters: {queue: support, priority: 0}
      - waits: 5m
      - agent: {ben: answer}
      - agent: {ben: hangup}
      - hears: goodbye
    ends: hangup
    expect: {path: [main, support], recording: true, never: [{voicemail: "*"}]}
  - name: a phone is busy, the other one answers
    given: {phones: {reception: busy, anna: {answer: 200ms}}}
    steps: [{press: 7}, {hears: invalid}, {press: 0}, {rings: [anna, reception]}, {talks_with: anna},
      {phone: {anna: hangup}}, {ends: hangup}]
  - name: both are busy
    given: {phones: {reception: busy, anna: busy}}
    steps: [{press: 0}]
    ends: {voicemail: support}
  - name: nobody is logged in
    call: {to: "+49301234520"}
    given: {agents: {anna: away, ben: paused, cleo: away}}
    ends: {hears: overflow}
  - name: ten minutes cost nothing
    call: {to: "+49301234520"}
    steps: [{enters: support}, {waits: 10m}]
    ends: {goes: overflow}
  - name: a key while waiting
    call: {to: "+49301234520"}
    steps: [{enters: support}, {press: 1}]
    ends: {voicemail: support}
  - name: the daemon is away
    call: {to: "+49301234520"}
    given: {ari: down}
    ends: {queue: support, engine: native}
  - name: hours
    each:
      - {call: {at: "2026-12-25 10:00"}, ends: {hears: holiday}}
      - {call: {at: "2026-11-23 18:00"}, ends: {closed: office}}
      - {given: {switch: {office: closed}}, ends: {closed: office}}
"""
BAD = """
tests:
  - name: sunday is no working day
    call: {to: "+49301234510", at: "2026-11-22 10:00"}
    steps: [{hears: welcome}, {hears: {prompt: main-menu, within: 2s}}]
"""


@pytest.fixture(scope="module")
def home() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


@pytest.fixture(scope="module")
def site(home: LabHome) -> Site:
    folder = Path(home.home) / "site"
    copy_example(folder)
    site, found = load_site(folder)
    assert site, found
    return site


async def play(home: LabHome, site: Site, text: str) -> list[Result]:
    parsed = parse(text.encode(), "t.yaml")
    assert parsed.root is not None, parsed.findings
    suite, found = read_suite([TestFile("t.yaml", parsed.root)], site)
    assert not found, found
    async with furnish(home.settings, site) as lab:
        return await run_cases(lab, numbered(suite.tests))


async def test_calls_go_as_the_tests_say(home: LabHome, site: Site) -> None:
    results = await play(home, site, GOOD)
    assert not [explain(result) for result in results if result.failures]
    assert len(results) == 10
    assert "0 active channels" in home.ask("core show channels count")
    assert "0 results" in home.ask("database show cc/mode")


async def test_a_test_that_is_wrong_fails_and_shows_the_call(home: LabHome, site: Site) -> None:
    (result,) = await play(home, site, BAD)
    shown = explain(result)
    assert "not within 2 s: hears main-menu" in shown
    assert "hears closed" in shown
    assert "-after-hours,s," in shown

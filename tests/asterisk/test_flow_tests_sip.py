"""Flow tests over SIP: real phones, real keys, and prompts that must be in the caller's ear."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ccctl.cli.site import copy_example
from ccctl.flow.graph import Site
from ccctl.flow.source import parse
from ccctl.flowlab.house import furnish_sip, run_sip_cases, write_sound
from ccctl.flowtest.drive import Result
from ccctl.flowtest.reading import TestFile, read_suite
from ccctl.flowtest.report import explain
from ccctl.flowtest.simulate import numbered
from ccctl.runtime.site import load_changed, load_site
from tests.support.labhome import LabHome

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]
CALLS = """
defaults: {call: {to: "+49301234510", at: "2026-11-23 10:00"}}
tests:
  - name: the menu is heard and takes a key
    steps: [{hears: welcome}, {hears: main-menu}, {press: 5}, {hears: opening-hours}, {hears: opening-menu}]
  - name: one phone is busy, the other answers
    call: {name: 'A "B" \\ C'}
    given: {phones: {reception: busy, anna: {answer: 300ms}}}
    steps: [{press: 0}, {rings: [reception, anna]}, {talks_with: anna}, {phone: {anna: hangup}}]
    ends: hangup
  - name: nobody has a phone
    steps: [{press: 0}]
    ends: {voicemail: support}
  - name: an agent
    steps: [{press: 3}, {enters: support}, {agent: {ben: answer}}, {agent: {ben: hangup}}, {hears: goodbye}]
    ends: hangup
  - name: sunday
    call: {at: "2026-11-22 10:00"}
    steps: [{hears: closed}, {hears: closed-menu}]
  - name: a change while the menu is heard
    given: {apply: tests/changes/no-billing.yaml, during: main-menu}
    steps: [{press: 1}, {enters: billing}, {agent: {anna: answer}}, {agent: {anna: hangup}}]
    ends: hangup
    expect: {generation: old, no_orphan: [channels]}
  - name: the next caller
    given: {apply: tests/changes/no-billing.yaml, phones: {reception: {answer: 300ms}}}
    steps: [{press: 1}, {rings: reception}, {talks_with: reception}, {phone: {reception: hangup}}]
    ends: hangup
    expect: {generation: new}
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


async def play(home: LabHome, site: Site, spoil: str = "") -> list[Result]:
    parsed = parse(CALLS.encode(), "t.yaml")
    assert parsed.root is not None, parsed.findings
    suite, found = read_suite(
        [TestFile("t.yaml", parsed.root)], site, load=lambda path: load_changed(site.root, path)
    )
    assert not found, found
    async with furnish_sip(home.settings, site, suite.changes) as (lab, exchange):
        if spoil:
            sound = site.prompts[spoil].sound
            write_sound(Path(home.node.sounds_dir) / "en" / f"{sound}.wav", (3050,), 1.0)
        return await run_sip_cases(lab, exchange, numbered(suite.tests))


async def test_calls_with_sound(home: LabHome, site: Site) -> None:
    results = await play(home, site)
    assert [explain(result) for result in results if result.failures] == []
    assert "0 active channels" in home.ask("core show channels count")


async def test_a_prompt_that_sounds_wrong_is_noticed(home: LabHome, site: Site) -> None:
    """The file of the menu has another sound: whoever presses a key in it did not hear it."""
    results = await play(home, site, spoil="main-menu")
    failed = {result.case.name for result in results if result.failures}
    assert failed == {
        "the menu is heard and takes a key",
        "one phone is busy, the other answers",
        "nobody has a phone",
        "an agent",
        "a change while the menu is heard",
        "the next caller",
    }
    assert all("prompt main-menu was played, but" in explain(result) for result in results if result.failures)

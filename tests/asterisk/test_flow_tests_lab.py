"""Flow tests on a real Asterisk: what callers do and see, with stand-ins for phones and the daemon."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccctl.cli.site import copy_example
from ccctl.flow.compile import Plan, compile_all
from ccctl.flow.graph import Site
from ccctl.flow.source import parse
from ccctl.flowlab import sites
from ccctl.flowlab.call import LabCall
from ccctl.flowlab.house import furnish, run_cases
from ccctl.flowtest.cases import Suite
from ccctl.flowtest.differ import compare
from ccctl.flowtest.drive import Act, Answer, Request, Result
from ccctl.flowtest.reading import TestFile, read_suite
from ccctl.flowtest.report import explain
from ccctl.flowtest.simulate import Simulator, numbered
from ccctl.runtime.apply import Applied, Say, apply
from ccctl.runtime.settings import Settings
from ccctl.runtime.site import load_changed, load_site
from tests.support.labhome import LabHome

pytestmark = pytest.mark.asterisk
BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECRETS = 'phone: kR7wuGh0pqLm\nmailbox: "482915"\npins: "736402"\n'
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
APPLIES = """
defaults: {call: {to: "+49301234510", at: "2026-11-23 10:00"}}
tests:
  - name: the old menu to its end
    given: {apply: tests/changes/no-billing.yaml, during: main-menu}
    steps:
      - press: 1
      - enters: billing
      - agent: {anna: answer, hears: whisper-billing}
      - agent: {anna: hangup}
    ends: hangup
    expect: {generation: old, path: [main, billing]}
"""
LEAVES = """
defaults: {call: {to: "+49301234520", at: "2026-11-23 10:00"}}
tests:
  - name: ours
    steps: [{enters: support}, {agent: {ben: answer}}, {talks: 100ms}]
    expect: {no_orphan: [channels, recordings, queue_entries]}
  - name: native
    given: {ari: down}
    steps: [{enters: {queue: support, engine: native}}, {waits: 100ms}]
    expect: {no_orphan: [channels, recordings, queue_entries]}
"""

LEAVES_BY_KEY = """
numbers: {"+49301234500": main}
flows:
  main: [{queue: support, max_wait: 10m, exit_keys: {1: after}, on_timeout: hangup}]
  after:
    - menu: choices
      options: {1: {play: thanks}, 2: {voicemail: support}}
      on_exhausted: hangup
    - hangup
"""
LEFT_BY_KEY = """
tests:
  - name: another key
    steps: [{enters: support}, {press: 1}, {hears: choices}, {press: 2}]
    ends: {voicemail: support}
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


def read(site: Site, text: str) -> Suite:
    parsed = parse(text.encode(), "t.yaml")
    assert parsed.root is not None, parsed.findings
    suite, found = read_suite(
        [TestFile("t.yaml", parsed.root)], site, load=lambda path: load_changed(site.root, path)
    )
    assert not found, found
    return suite


async def play(home: LabHome, site: Site, text: str) -> list[Result]:
    suite = read(site, text)
    async with furnish(home.settings, site, suite.changes) as lab:
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


def cookbook() -> dict[str, str]:
    """Base and recipe of a callback."""
    text = (Path(__file__).parents[2] / "docs/cookbook.md").read_text()
    return dict(BLOCK.findall(f"{text.partition('## 1.')[0]}\n{text.partition('## 18.')[2]}"))


def site_in(folder: Path, text: str) -> Site:
    secrets = folder / "secrets.yaml"
    secrets.write_text(SECRETS)
    secrets.chmod(0o600)
    (folder / "base.yaml").write_text(cookbook()["base"])
    (folder / "site.yaml").write_text(text)
    site, found = load_site(folder)
    assert site, found
    return site


async def test_the_key_that_leaves_a_queue_is_no_choice_of_the_menu_behind_it(
    home: LabHome, tmp_path: Path
) -> None:
    site = site_in(tmp_path, LEAVES_BY_KEY)
    (result,) = await play(home, site, LEFT_BY_KEY)
    assert not result.failures, explain(result)


async def test_a_callback_that_is_accepted_while_waiting(home: LabHome, tmp_path: Path) -> None:
    """The recipe of the cookbook; what is heard, typed and noted is the same as in the simulator."""
    blocks = cookbook()
    (tmp_path / "blocked.csv").write_text(blocks["blocked.csv"])
    site = site_in(tmp_path, blocks["site"])
    suite = read(site, blocks["tests"])
    simulator = Simulator(site, compile_all(site))
    async with furnish(home.settings, site) as lab:
        results = await run_cases(lab, numbered(suite.tests))
    assert not [explain(result) for result in results if result.failures]
    for result in results:
        simulated = simulator.run(result.case)
        assert compare(simulated, result) is None
        noted = [[seen for seen in each.seen if seen.kind == "callback"] for each in (simulated, result)]
        assert [(seen.what, seen.more) for seen in noted[0]] == [(seen.what, seen.more) for seen in noted[1]]


async def test_a_real_apply_in_the_middle_of_a_call(
    home: LabHome, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the change is in force and the call goes on, Asterisk has the flows of both generations, and its
    entry table leads into the new one. Afterwards the site is as it was."""
    told: list[str] = []

    async def watched(settings: Settings, wanted: Site, plan: Plan, say: Say) -> Applied:
        done = await apply(settings, wanted, plan, say)
        contexts = home.ask("dialplan show").split("[ Context 'cc-")
        flows = {
            context.partition("'")[0] for context in contexts if "-billing'" in context.partition(" ")[0]
        }
        entry = home.ask("dialplan show +49301234510@cc-in")
        calls = home.ask("core show channels count").split()[0]
        told.append(
            f"{len(flows)} flows, entry {'new' if done.generation in entry else 'old'}, {calls} channels"
        )
        return done

    monkeypatch.setattr(sites, "apply", watched)
    before, during, after = (
        "1 flows, entry new, 0 channels",
        "2 flows, entry new, 2 channels",
        "1 flows, entry new, 0 channels",
    )
    (result,) = await play(home, site, APPLIES)
    assert not result.failures, explain(result)
    assert told == [before, during, after]
    applied = next(seen for seen in result.seen if seen.kind == "applies")
    assert applied.more["old"] in home.ask("dialplan show cc-serving")


async def test_what_a_call_would_leave_is_seen(home: LabHome, site: Site) -> None:
    """Looked for while the call lives, all of it is found; and at its end nothing, else the test fails."""
    found: dict[str, dict[str, list[str]]] = {}

    class Looking(LabCall):
        async def answer(self, request: Request) -> Answer:
            if isinstance(request, Act) and request.does == "wait":
                kinds = ("channels", "recordings", "queue_entries")
                found[self.case.name] = {kind: await self.left(kind) for kind in kinds}
            return await super().answer(request)

    async with furnish(home.settings, site) as lab:
        results = [await Looking(lab, case).run() for case in numbered(read(site, LEAVES).tests)]
    assert [explain(result) for result in results if result.failures] == []
    assert [len(each["channels"]) for each in found.values()] == [2, 2]
    assert found["ours"]["recordings"] == found["ours"]["queue_entries"] == ["support"]
    assert found["native"]["queue_entries"] == ["support of Asterisk"]

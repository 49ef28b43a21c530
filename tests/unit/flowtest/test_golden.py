"""Golden paths are written where they are asked for, and nothing else is touched."""

from ccctl.flow.compile import compile_site, generation_id
from ccctl.flow.source import parse
from ccctl.flowtest.golden import golden_paths
from ccctl.flowtest.reading import TestFile, read_suite
from ccctl.flowtest.simulate import Simulator, numbered, run_all
from tests.support import sample_site

TEXT = """\
# a comment
tests:
  - name: asks  # another
    call: {at: "2026-12-25 10:00"}
    ends: {hears: closed}
    expect: {path: auto, recording: false}   # stays
  - name: is wrong
    call: {at: "2026-12-25 10:00"}
    ends: {hears: closed}
    expect:
      path: [main, support]
  - name: fails for another reason
    steps: [{hears: closed}]
    expect: {path: auto}
  - name: asks for nothing
    ends: {hears: welcome}
  - name: goes two ways
    expect: {path: auto}
    each:
      - {call: {at: "2026-12-25 10:00"}, ends: {hears: closed}}
      - {call: {at: "2026-11-23 10:00"}, ends: {hears: main-menu}}
"""


def test_paths_are_written_and_nothing_else() -> None:
    site = sample_site.site()
    parsed = parse(TEXT.encode(), "t.yaml")
    assert parsed.root is not None
    suite, found = read_suite([TestFile("t.yaml", parsed.root)], site)
    assert not found
    results = run_all(Simulator(site, compile_site(site, generation_id(site))), numbered(suite.tests))
    text, judged = golden_paths(TEXT, "t.yaml", results)
    expected = TEXT.replace("{path: auto, recording", "{path: [main, after-hours], recording")
    assert text == expected.replace("path: [main, support]", "path: [main, after-hours]")
    failed = [result.case.name for result in judged if result.failures]
    assert failed == ["fails for another reason"]
    assert golden_paths(text, "other.yaml", results)[0] == text

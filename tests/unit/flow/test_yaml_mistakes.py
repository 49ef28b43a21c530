"""Slips of a newcomer to YAML: each is told in our words, where it is, and with what to write; whichever of
YAML's readers is there."""

from collections.abc import Iterator

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ccctl.flow import source
from tests.support.site_cases import FLOWS

FILE = FLOWS / "yaml_mistakes.txt"


def mistakes() -> Iterator[tuple[str, ...]]:
    """Title, text, code and place, words of the finding, words of the hint."""
    for part in FILE.read_text("utf-8").split("\n=== ")[1:]:
        body, *told = part.rstrip("\n").split("\n--- ")
        title, _, text = body.partition("\n")
        yield (title, f"{text}\n", *told)


MISTAKES = list(mistakes())


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines without libyaml have the slower reader, whose words and places are others."""
    monkeypatch.setattr(source, "Loader", getattr(yaml, request.param))


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("text", "place", "what", "hint"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES]
)
def test_a_slip_is_told_where_it_is(text: str, place: str, what: str, hint: str) -> None:
    (finding,) = source.parse(text.encode(), "x.yaml").findings
    assert f"{finding.code} {finding.span.line}:{finding.span.column}" == place, finding
    assert what in finding.text
    assert hint in finding.hint
    assert not any(words in finding.text for words in ("expected", "block", "scanning", "token")), (
        finding.text
    )


def test_line_ends_of_others_move_no_place() -> None:
    for title, text, place, *_ in MISTAKES:
        (finding,) = source.parse(text.replace("\n", "\r\n").encode(), "x.yaml").findings
        assert f"{finding.code} {finding.span.line}:{finding.span.column}" == place, title


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    "text",
    [
        'p:\n  en: "Hello\n    - there"\n',
        "p:\n  en: |\n    - a\n    - b\n",
        "p:\n  en: Hello\n    there, all\n",
        "p:\n  en: Hello - all\n    of you\n",
        "f:\n  main:\n  - hangup\n",
        "o: {\n  1: a,\n  2: b}\n",
        'o: {"a:b": }\n',
        "a: It's: fine\n".replace(": fine", " fine"),
        "a: x\u00a0y\n",
    ],
)
def test_what_only_looks_like_a_slip_is_none(text: str) -> None:
    assert source.parse(text.encode(), "x.yaml").findings == ()


TEXTS = [case[1] for case in MISTAKES]


@settings(max_examples=400, deadline=None)
@given(text=st.sampled_from(TEXTS), data=st.data())
def test_slips_in_slips_are_places_in_the_text(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    more = data.draw(st.text(" \n\t-:[]{},*&!#|>'\"%@`?a\\\u00a0", max_size=3))
    changed = text[:at] + more + text[at + data.draw(st.integers(0, 3)) :]
    for finding in source.parse(changed.encode(), "x.yaml").findings:
        lines = [*f"{changed}.".splitlines(), ""]
        assert 1 <= finding.span.line <= len(lines), (changed, finding)
        assert 1 <= finding.span.column <= len(lines[finding.span.line - 1]) + 1, (changed, finding)

"""Sites with slips: whatever is wrong is told with its place, once, and nothing is ever raised."""

import copy

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.mutants import compose, examine, example, garbled, mutants, nodes, write
from tests.support.site_cases import FLOWS

TEXTS = [
    (FLOWS / "base.yaml").read_text(),
    example(),
    *(
        case["site"]
        for path in sorted((FLOWS / "cases").glob("*.yaml"))
        for case in yaml.safe_load(path.read_text())["good"]
        if not case.get("alone")
    ),
]
SLIPS = ("xyzzy-q", "", "-1", "true", "${x}", "12:00", "[a]", "9" * 30)
slow = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
texts = st.sampled_from(TEXTS)


@slow
@given(texts.flatmap(mutants))
def test_trees_with_slips(text: str) -> None:
    examine(text, alone=True)


@slow
@given(texts.flatmap(garbled))
def test_garbled_files(data: bytes) -> None:
    examine(data, alone=True)


@slow
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    examine(data)


@settings(slow, max_examples=200)
@given(st.sampled_from(TEXTS[:2]), st.sampled_from(SLIPS), st.data())
def test_one_slip_is_not_told_more_than_three_times(text: str, slip: str, data: st.DataObject) -> None:
    root = copy.deepcopy(compose(text))
    scalars = [node for node in nodes(root) if isinstance(node, yaml.ScalarNode)]
    victim = scalars[data.draw(st.integers(0, len(scalars) - 1))]
    was, victim.value = victim.value, slip
    found = examine(write(root), alone=True)
    assert len(found) <= 3, (was, slip, [str(finding) for finding in found])


def test_the_texts_are_without_findings() -> None:
    assert [[str(finding) for finding in examine(text, alone=True)] for text in TEXTS[:2]] == [[], []]


@pytest.mark.parametrize(
    "text",
    [
        '"\\0": 1',
        'hours: {a: {open: always, holidays: "\\0.ics"}}',
        "? |\n  a\n  b\n: c",
        "include: [[x], {a: b}, '']",
        "ccctl: {a: 1}",
        "- a\n- b",
        "flows: {a: " + "[" * 30 + "]" * 30 + "}",
        "flows: {" + "a" * 100_000 + ": [hangup]}",
        "flows: {a: [{menu: x, options: {1: hangup, ? 2 : hangup, ? : hangup}}]}",
        "users: &a {x: *a}",
        "a: &x\nb: *x\nc: !!str\n",
        "ccctl: 1\u2028flows: {a: b}\u0085queues: 1",
    ],
)
def test_odd_texts(text: str) -> None:
    assert examine(text)

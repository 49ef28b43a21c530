"""YAML text to nodes with places; what is wrong as YAML is said in our words, and nothing is raised."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccctl.flow.source import Mapping, Scalar, Sequence, duplicates, parse


def codes(data: bytes | str) -> list[str]:
    found = parse(data if isinstance(data, bytes) else data.encode(), "a.yaml").findings
    return [f"{f.code} {f.span.line}:{f.span.column}" for f in found]


def test_scalars_keep_their_text() -> None:
    root = parse(b'a: 10:30\nb: 0123\nc: +4930\nd: on\ne: "*8"\nf: ~\n', "a.yaml").root
    assert isinstance(root, Mapping)
    texts = [value.text for _, value in root.entries if isinstance(value, Scalar)]
    assert texts == ["10:30", "0123", "+4930", "on", "*8", "~"]
    assert [value.quoted for _, value in root.entries if isinstance(value, Scalar)] == [False] * 4 + [
        True,
        False,
    ]


def test_places_count_characters_from_one() -> None:
    root = parse("flows:\n  ü: [hangup, {play: x}]\n".encode(), "a.yaml").root
    assert isinstance(root, Mapping)
    inner = root.get("flows")
    assert isinstance(inner, Mapping)
    (key, steps) = inner.entries[0]
    assert (key.span.line, key.span.column, key.span.end_column) == (2, 3, 4)
    assert isinstance(steps, Sequence)
    assert [(node.span.line, node.span.column) for node in steps.items] == [(2, 7), (2, 15)]


def test_secret_is_a_scalar_with_a_name() -> None:
    root = parse(b"password: !secret ph201", "a.yaml").root
    assert isinstance(root, Mapping)
    value = root.get("password")
    assert isinstance(value, Scalar)
    assert (value.text, value.secret) == ("ph201", True)


def test_aliases_stand_for_their_nodes() -> None:
    root = parse(b"a: &x {b: c}\nd: *x\n", "a.yaml").root
    assert isinstance(root, Mapping)
    assert root.get("a") == root.get("d")


def test_duplicates_name_both_keys() -> None:
    root = parse(b"a: 1\nb: 2\na: 3\n", "a.yaml").root
    assert isinstance(root, Mapping)
    assert [(second.span.line, first.span.line) for second, first in duplicates(root)] == [(3, 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n  *: repeat", ["E906 2:3"]),
        ("a:\n  *8: pickup", ["E906 2:3"]),
        ("a: @x", ["E906 1:4"]),
        ("a: *nowhere", ["E906 1:4"]),
        ("a: &x [*x]", ["E906 1:8"]),
        ("a:\n\tb: 1", ["E918 2:1"]),
        ("a: b: c", ["E910 1:5"]),
        ("a: 1\n  b: 2", ["E910 2:3"]),
        ("q:\n  ring:15s\n  wrap_up: 5s", ["E910 2:7"]),
        ("- queue:support\n  max_wait: 1m", ["E910 1:8"]),
        ('a: "x', ["E910 1:4"]),
        ("a: [1, 2", ["E910 1:4"]),
        ("a: 1\n---\nb: 2", ["E910 2:1"]),
        ("? [a]\n: b", ["E910 1:3"]),
        ("<<: {a: 1}", ["E917 1:1"]),
        ("a: !env X", ["E913 1:4"]),
        ("a: !!python/object:os.system x", ["E913 1:4"]),
        ("a: !secret {command: x}", ["E913 1:4"]),
        ("a:\n  #: x\n  1: b", ["W906 2:3"]),
        ("a:\n  # note: a comment\n  1: b", []),
        ("", ["E916 1:1"]),
        ("# only a comment\n", ["E916 1:1"]),
        ("a: \x01", ["E911 1:4"]),
    ],
)
def test_what_is_wrong_as_yaml(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xef\xbb\xbfccctl: 1\n", []),
        (b"\xef\xbb\xbf# a\r\nccctl: 1\r\nflows: {main: [hangup, {b: \xfc}]}\r\n", ["E911 3:28"]),
        ("ccctl: 1\n".encode("utf-16-le"), ["E911 1:1"]),
        ("ccctl: 1\n".encode("utf-32-be"), ["E911 1:1"]),
        (b"a: 1\rb: \x00", ["E911 2:4"]),
        (b'a: 1\r\nb: "x\\0"\r\n', ["E911 2:4"]),
        (b"a: " + b"x" * 2_000_000, ["E914 1:1"]),
        (b"\xff\xfec\x00", ["E911 1:1"]),
        ("a: 1\nb: Grü".encode("latin-1"), ["E911 2:6"]),
    ],
)
def test_what_is_wrong_as_text(data: bytes, expected: list[str]) -> None:
    assert codes(data) == expected


def test_hostile_nesting_and_aliases_are_refused() -> None:
    assert codes("[" * 100_000)[0].startswith("E914 1:")  # our limit, or the parser's own
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert codes("\n".join(["a0: &a0 [x, x, x]", *levels]))[0].startswith("E914")


def test_hint_says_what_to_write() -> None:
    (finding,) = parse(b"codes: {*97: voicemail}", "a.yaml").findings
    assert finding.hint == 'quote it: "*97"'
    (finding,) = parse(b"queues:\n  support:\n    ring:15s\n    wrap_up: 5s\n", "a.yaml").findings
    assert finding.hint == "write a blank after the ':'"


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60), st.text(alphabet=" \n\t-:[]{},*&!#|>'\"%@`?ab1<", max_size=40).map(str.encode)
    )
)
def test_nothing_is_ever_raised(data: bytes) -> None:
    parsed = parse(data, "a.yaml")
    assert parsed.root is not None or parsed.findings

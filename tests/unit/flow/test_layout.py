"""Laying out YAML: comments, quotes and meaning stay, and a second time changes nothing."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ccctl.flow.layout import Formatted, format_text, meaning
from ccctl.flow.layout_tree import comments_of
from ccctl.flow.source import parse
from tests.support.site_cases import FLOWS

ROOT = Path(__file__).parents[3]
EXAMPLE = [ROOT / "dialplans" / name for name in ("acme.yaml", "flows.yaml", "queues.yaml")]
FILES = [*(ROOT / "dialplans").rglob("*.yaml"), *FLOWS.rglob("*.yaml")]


def formatted(data: str | bytes) -> Formatted:
    return format_text(data.encode() if isinstance(data, str) else data, "x.yaml")


def laid_out(text: str | bytes) -> str:
    result = formatted(text)
    assert result.text is not None, result.findings
    return result.text


# -- style -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLE, ids=lambda path: path.name)
def test_the_example_is_laid_out(path: Path) -> None:
    assert laid_out(path.read_text()) == path.read_text(), "run: ccctl fmt dialplans"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a:   1   # one\n", f"{'a: 1':48}# one\n"),
        ("a:\n- x\n-   y\n", "a:\n  - x\n  - y\n"),
        ("a:\n      b:   {x:  1,y: 2 }\n", "a:\n  b: {x: 1, y: 2}\n"),
        ("a: ['x',\"y\", 'it''s', 'say \"x\"']\n", 'a: ["x", "y", "it\'s", \'say "x"\']\n'),
        ('"*": 1\n"#": 2\n', '"*": 1\n"#": 2\n'),
        ("n: +49301234500\nt: 10:30\nz: 0123\nk: 7\n", 'n: "+49301234500"\nt: "10:30"\nz: "0123"\nk: 7\n'),
        ("d: 2026-12-25\nx: 08:00-18:00\n", 'd: "2026-12-25"\nx: 08:00-18:00\n'),
        ("a: &x {k: v}\nb: *x\n", "a: &x {k: v}\nb: *x\n"),
        ("a: {pin:   !secret   vm200}\n", "a: {pin: !secret   vm200}\n"),
        ("a:\nb: {}\nc: []\n", "a:\nb: {}\nc: []\n"),
        ("\n\n# top\n\n\na: 1\n\n\n\nb: 2\n\n\n", "# top\n\na: 1\n\nb: 2\n"),
        ("a: 1\n# end", "a: 1\n# end\n"),
        ("# only\n\n  # comments", "# only\n# comments\n"),
        ("--- \na: 1\n...\n", "---\na: 1\n"),
        (
            "t: |\n     one\n       two\n\n     three\nu: >-\n a\n b\n",
            "t: |\n  one\n    two\n\n  three\n\nu: >-\n  a\n  b\n",
        ),
        ("t: one\n      two\nu: 'a\n\n  b'\n", "t: one\n  two\n\nu: 'a\n\n  b'\n"),
    ],
)
def test_style(before: str, after: str) -> None:
    assert laid_out(before) == after
    assert laid_out(after) == after


def test_brackets_stay_while_they_fit() -> None:
    long = ", ".join(f"name-{n}" for n in range(12))
    assert laid_out(f"a: [{long}]\n") == f"a: [{long}]\n"
    assert laid_out(f"a: [{long}, {long}]\n").startswith("a:\n  - name-0\n  - name-1\n")
    wide = f"a:\n  - {{x: [{long}], y: [{long}]}}\n"
    assert laid_out(wide) == f"a:\n  - x: [{long}]\n    y: [{long}]\n"


def test_comments_in_brackets_break_them() -> None:
    text = "options: {1: sales,   # the shop\n  # rarely\n  2: support}    # end\n"
    broken = f"{'options:':48}# end\n{'  1: sales':48}# the shop\n  # rarely\n  2: support\n"
    assert laid_out(text) == broken


def test_comments_over_the_column_share_another() -> None:
    long = "x" * 60
    text = f"a:\n  short: 1  # one\n  b: {long}     # two\n  bb: {long}     # three\n  c: 1 # four\n"
    lines = laid_out(text).splitlines()
    assert [line.index("#") for line in lines[1:]] == [48, 68, 68, 48]


# -- order -----------------------------------------------------------------------------------------


def test_sections_get_their_order_with_their_comments() -> None:
    text = (
        "# The file.\n\n# what is said\nprompts: {a: b}\n# flows\nflows:\n  # first\n  main: [hangup]\n"
        "  # last\nqueues: {x: {}}\nccctl: 1  # version\n"
    )
    assert laid_out(text) == (
        f"# The file.\n\n{'ccctl: 1':48}# version\nqueues: {{x: {{}}}}\n\n# flows\nflows:\n  # first\n"
        "  main: [hangup]\n  # last\n\n# what is said\nprompts: {a: b}\n"
    )


def test_the_verb_of_a_step_comes_first_and_its_outcomes_last() -> None:
    text = """\
flows:
  main:
    - on_timeout: {greeting: busy, voicemail: support}   # late
      # ten minutes
      max_wait: 10m
      queue: support                                     # ours
      exit_keys: {9: x, 0: front-desk}
    - voicemail: support
"""
    queue = """\
flows:
  main:
    - queue: support                            # ours
      # ten minutes
      max_wait: 10m
      exit_keys: {9: x, 0: front-desk}
      on_timeout: {voicemail: support, greeting: busy}  # late
    - voicemail: support
"""
    assert laid_out(text) == queue


@pytest.mark.parametrize(
    "text",
    [
        "flows:\n  main:\n    - max_wate: 10m\n      queue: support\n",  # a slip: first correct it
        "numbers:\n  x: {tier: gold, language: en}\n",
        "a: {flow: x, set: {b: 1, a: 2}}\n",
    ],
)
def test_what_is_no_step_keeps_its_order(text: str) -> None:
    assert laid_out(text) == text


def test_with_aliases_nothing_is_moved() -> None:
    text = "prompts: {x: &a {k: v}}\nflows: {main: *a}\n"
    assert laid_out(text) == text


# -- what is refused -------------------------------------------------------------------------------


def test_crlf_and_byte_order_mark_go() -> None:
    assert laid_out(b"\xef\xbb\xbfa: 1\r\nb:\r\n- x\r\n") == "a: 1\n\nb:\n  - x\n"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"a: [1\n", "E910"),
        (b"a: \xff\n", "E911"),
        (b"? [a]\n: b\n", "fmt"),
        (b"? a\n: b\n", "fmt"),
        (b"t: |2\n    x\n", "fmt"),
        (b"t: |+\n  x\n\n\nu: 1\n", "fmt"),
        (b"%YAML 1.1\n---\na: 1\n", "fmt"),
        (b"a: 1\n---\nb: 2\n", "E910"),
        (b"a: 1\n  b: 2\n", "E910"),
        ("a: |\n  x\u2028  y\n".encode(), "fmt"),
        (b"a: b\n...\nc: d: e\n", "E9"),
    ],
)
def test_what_cannot_be_laid_out_is_left_alone(data: bytes, code: str) -> None:
    result = formatted(data)
    assert result.text is None
    assert result.findings[0].code.startswith(code), result.findings


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_of_this_repository(path: Path) -> None:
    stays_as_it_is(path.read_text())


def stays_as_it_is(text: str) -> None:
    once = formatted(text).text
    if once is None:
        return
    before, after = parse(text.encode(), "x"), parse(once.encode(), "x")
    assert before.root is not None
    assert after.root is not None
    assert meaning(after.root) == meaning(before.root)
    assert comments_of(once) == comments_of(text)
    assert formatted(once).text == once
    assert "|" in text or ">" in text or not re.search(" $", once, re.MULTILINE)


# -- any YAML --------------------------------------------------------------------------------------

WORDS = [
    "a",
    "b1",
    "main",
    "queue",
    "play",
    "on_timeout",
    "flows",
    "ccctl",
    "prompts",
    '"*"',
    "'#'",
    '"x: y"',
]
SCALARS = [
    *WORDS,
    "",
    "10:30",
    "+4930",
    "!secret vm",
    "'it''s'",
    "two words",
    "{}",
    "[]",
    "|\n{pad} x\n{pad}  y",
]
FOLDED = ['"one\n{pad} two"', "one\n{pad} two", ">-\n{pad} one\n\n{pad} two"]
COMMENTS = st.sampled_from(["", "", "", "", " # c", "   # d: [e", "  #"])
BLANKS = st.sampled_from(
    ["", "", "", "\n", "{pad}# above\n", "\n{pad}  # deep\n", "# left\n", "\n\n{pad}# x\n\n"]
)


def unique(keys: list[str]) -> list[str]:
    return list(dict.fromkeys(keys))


@st.composite
def flow_values(draw: st.DrawFn, depth: int = 0) -> str:
    kind = draw(st.sampled_from(["scalar", "scalar", "map", "seq"] if depth < 3 else ["scalar"]))
    if kind == "scalar":
        return draw(st.sampled_from([*WORDS, "!secret vm", "x" * 50, "{}"]))
    parts = [draw(flow_values(depth=depth + 1)) for _ in range(draw(st.integers(1, 4)))]
    keys = unique([draw(st.sampled_from(WORDS)) for _ in parts])
    if kind == "map":
        parts = [f"{key}: {part}" for key, part in zip(keys, parts, strict=False)]
    gap = draw(
        st.sampled_from(
            [", ", ",", " ,  ", ",   # in\n        ", ",\n        ", "\n        # on\n        , "]
        )
    )
    inside = gap.join(parts)
    return f"{{{inside}}}" if kind == "map" else f"[{inside}]"


@st.composite
def block_values(draw: st.DrawFn, pad: str = "", depth: int = 0) -> str:
    """What follows a key or a dash: a scalar in the line, or a block in the next lines."""
    kind = draw(st.sampled_from(["scalar", "flow", "map", "seq", "folded"] if depth < 4 else ["scalar"]))
    comment = draw(COMMENTS)
    if kind == "scalar":
        scalar = draw(st.sampled_from(SCALARS)).replace("{pad}", pad)
        return f" {scalar}{'' if chr(10) in scalar else comment}\n"
    if kind == "flow":
        return f" {draw(flow_values())}{comment}\n"
    if kind == "folded":
        return f" {draw(st.sampled_from(FOLDED)).replace('{pad}', pad)}\n"
    deeper = pad + " " * draw(st.integers(1, 4))
    block = draw(blocks(pad=deeper, depth=depth + 1, mapping=kind == "map"))
    return f"{comment}\n{block}"


@st.composite
def blocks(draw: st.DrawFn, pad: str, depth: int, mapping: bool) -> str:
    lines = []
    for key in unique([draw(st.sampled_from(WORDS)) for _ in range(draw(st.integers(1, 4)))]):
        above = draw(BLANKS).replace("{pad}", pad)
        value = draw(block_values(pad=pad, depth=depth))
        lines.append(f"{above}{pad}{key if mapping else '-'}{':' if mapping else ''}{value}")
    return "".join(lines)


@given(blocks(pad="", depth=0, mapping=True))
@example("a:\n  b: 1\n    # deep\nc: 2\n")
@example("a:\n- - x # c\n  # d\n  - y\n")
@example("a: |\n    \nb: 1\n")
@example("a: |\n  x  \nb: 1\n")
@example("a: {b: c,   # in\n     d: e}   # out\n")
def test_any_yaml_keeps_its_meaning_and_is_stable(text: str) -> None:
    if parse(text.encode(), "x").root is not None:
        assert formatted(text).text is not None, text
        stays_as_it_is(text)

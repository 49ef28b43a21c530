"""Sites with slips: YAML files in which something was deleted, doubled, swapped or overwritten."""

import copy
from collections.abc import Iterator

import yaml
from hypothesis import strategies as st

from ccctl.diagnostics import Diagnostic
from tests.support.site_cases import FLOWS, read

EXAMPLE = FLOWS.parents[1] / "dialplans"
PARTS = ("*.yaml", "prompts/*.yaml", "flows/*.yaml")
FILES = {"data/customers.csv": (EXAMPLE / "data/customers.csv").read_text()}
SECRETS = {
    "ph203": "ph203-83921765",
    "vm201": "83921765",
    "vm202": "38291765",
    "room_pin": "738291",
    "contract_pins": "738292",
}
WORDS = (
    *(
        "",
        "~",
        "true",
        "-1",
        "0",
        "999999999999",
        "15",
        "1.5",
        "x" * 5000,
        "ü",
        "€ 5",
        "a b",
        "a\nb",
        "*8",
        "#",
    ),
    *(
        "${X}",
        "{{ caller.number }}",
        "2026-02-30",
        "25:00",
        "mon",
        "hangup",
        "main",
        "x.ics",
        "../x.yaml",
        "/etc",
    ),
    *(
        "Europe/Berln",
        "en",
        "+49301234500",
        "ccctl",
        "flows",
        "goto",
        "\u2028",
        "\u202e",
        "\U0001f4de",
        "'\"\\",
    ),
)
ODD = (
    *(
        b"\r",
        b"\r\n",
        b"\x00",
        b"\t",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xc3",
        b"\x85",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
    ),
    *(
        b"*",
        b"&a",
        b"<<: ",
        b"- ",
        b"? ",
        b": ",
        b"---\n",
        b"|\n",
        b">-\n ",
        b"%YAML 9.9\n",
        b"{",
        b"]",
        b'"',
        b"'",
    ),
    *(b"!!python/none ", b"!secret ", b"\\", b'"\\0"', b'"\\ud800"', b"!<%ff>", b"!%"),
)
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=30))


def compose(text: str) -> yaml.Node:
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    assert node is not None
    return node


def write(node: yaml.Node) -> str:
    return str(yaml.serialize(node, Dumper=yaml.SafeDumper, allow_unicode=True, width=200))


def nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    yield node
    children = node.value if isinstance(node, yaml.CollectionNode) else ()
    for child in children:
        for part in child if isinstance(child, tuple) else (child,):
            yield from nodes(part)


def scalar(text: str, tag: str = "tag:yaml.org,2002:str") -> yaml.ScalarNode:
    return yaml.ScalarNode(tag, text)


@st.composite
def mutants(draw: st.DrawFn, text: str) -> str:
    """The text of a site with one to three slips in its tree."""
    root = compose(text)
    for _ in range(draw(st.integers(1, 3))):
        every = list(nodes(root))
        victim = every[draw(st.integers(0, len(every) - 1))]
        _hurt(draw, victim, every)
    return write(root)


def _hurt(draw: st.DrawFn, victim: yaml.Node, every: list[yaml.Node]) -> None:
    if isinstance(victim, yaml.ScalarNode):
        kind = draw(st.sampled_from(("overwrite", "tag", "nest", "graft")))
    else:
        kind = draw(st.sampled_from(("delete", "double", "swap", "add", "graft", "alias")))
    at = draw(st.integers(0, max(len(victim.value) - 1, 0)))
    match kind:
        case "overwrite":
            victim.value = draw(TEXTS)
        case "tag":
            victim.tag = draw(
                st.sampled_from(("!secret", "!env", "tag:yaml.org,2002:binary", "!!python/object:x"))
            )
        case "nest":
            _become(victim, _nested(draw(st.integers(1, 60))))
        case "graft":
            _become(victim, copy.deepcopy(every[draw(st.integers(0, len(every) - 1))]))
        case "delete" if victim.value:
            del victim.value[at]
        case "double" if victim.value:
            victim.value.insert(at, copy.deepcopy(victim.value[at]))
        case "swap" if isinstance(victim, yaml.MappingNode) and victim.value:
            key, value = victim.value[at]
            victim.value[at] = (value, key)
        case "add":
            word = scalar(draw(TEXTS))
            victim.value.insert(
                at, (word, scalar(draw(TEXTS))) if isinstance(victim, yaml.MappingNode) else word
            )
        case "alias" if victim.value:
            victim.value.append(victim.value[at])


def _become(victim: yaml.Node, other: yaml.Node) -> None:
    victim.__class__ = other.__class__
    victim.__dict__.clear()
    victim.__dict__.update(other.__dict__)


def _nested(depth: int) -> yaml.Node:
    node: yaml.Node = scalar("x")
    for level in range(depth):
        if level % 2:
            node = yaml.SequenceNode("tag:yaml.org,2002:seq", [node])
        else:
            node = yaml.MappingNode("tag:yaml.org,2002:map", [(scalar("a"), node)])
    return node


@st.composite
def garbled(draw: st.DrawFn, text: str) -> bytes:
    """The bytes of a site after an accident: cut, doubled, with bytes that do not belong there."""
    data = text.encode()
    start = draw(st.integers(0, len(data)))
    end = min(len(data), start + draw(st.integers(0, 40)))
    odd = st.sampled_from(ODD)
    put = draw(st.one_of(odd, st.binary(max_size=8), st.just(data[start:end] * 2)))
    text_ends = draw(st.sampled_from((b"\n", b"\r\n", b"\r")))
    return (data[:start] + put + data[end:]).replace(b"\n", text_ends)


def examine(data: bytes | str, file: str = "case.yaml", alone: bool = False) -> list[Diagnostic]:
    """The findings of a site with this file in it. Each has a place in a file that is there."""
    raw = data if isinstance(data, bytes) else data.encode()
    _, found = read({"site": raw, "alone": alone, "secrets": SECRETS, "files": FILES})
    lines = {"case.yaml": raw.decode("utf-8-sig", "replace").splitlines()}
    for finding in found:
        span = finding.span
        assert span.line >= 1, finding
        assert span.column >= 1, finding
        assert finding.text, finding
        if span.file in lines:
            own = lines[span.file]
            assert span.line <= len(own) + 1, finding
            width = len(own[span.line - 1]) if span.line <= len(own) else 0
            assert span.column <= width + 1, (finding, own[span.line - 1 : span.line])
        else:
            assert span.file in ("base.yaml", ""), finding
    return found


def example() -> str:
    """The example call centre as one file, with no file around it."""
    sections: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for path in sorted(path for part in PARTS for path in EXAMPLE.glob(part)):
        root = compose(path.read_text())
        for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
            if key.value in sections and isinstance(value, yaml.MappingNode):
                sections[key.value][1].value += value.value
            elif key.value != "include":
                sections[key.value] = (key, value)
    whole = yaml.MappingNode("tag:yaml.org,2002:map", list(sections.values()))
    text = write(whole)
    return text.replace("calendars/company.yaml", "12-25")

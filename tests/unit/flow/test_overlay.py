"""A file of changes laid on the files of a site: joined by key, replaced, taken out."""

from typing import Any

from ccctl.flow.overlay import lay_over
from ccctl.flow.schema import Document
from ccctl.flow.source import Mapping, Node, Sequence, parse

SITE = {
    "a.yaml": """
ccctl: 1
prompts: {welcome: {en: Hello, de: Hallo}, closed: {en: Closed}}
flows: {main: [answer, {play: welcome}], night: [hangup]}
""",
    "b.yaml": "queues: {support: {title: Support, skills: {technical: 3, polite: 1}}}\n",
}


def document(name: str, text: str) -> Document:
    parsed = parse(text.encode(), name)
    assert parsed.root is not None, parsed.findings
    return Document(name, parsed.root, digest=f"of {name}")


def plain(node: Node) -> Any:
    match node:
        case Mapping():
            return {word.text: plain(value) for word, value in node.entries}
        case Sequence():
            return [plain(item) for item in node.items]
    return node.text


def laid(change: str) -> tuple[dict[str, Any], list[str], dict[str, str]]:
    """The sections of all files, the findings, and the digest of each file."""
    documents, found = lay_over(
        [document(name, text) for name, text in SITE.items()], document("c.yaml", change)
    )
    sections: dict[str, Any] = {}
    for each in documents:
        for word, value in plain(each.root).items():
            known = sections.setdefault(word, value)
            if known is not value and isinstance(known, dict):
                assert not known.keys() & value.keys(), "a name stands in one file only"
                known |= value
    return sections, [str(finding) for finding in found], {each.file: each.digest for each in documents}


def test_mappings_are_joined_key_by_key() -> None:
    sections, found, _ = laid("prompts: {welcome: {en: Hi}}\nqueues: {support: {skills: {technical: 5}}}\n")
    assert found == []
    assert sections["prompts"]["welcome"] == {"en": "Hi", "de": "Hallo"}
    assert sections["queues"]["support"] == {"title": "Support", "skills": {"technical": "5", "polite": "1"}}


def test_lists_and_values_take_the_place_of_what_was_there() -> None:
    sections, _, _ = laid("flows: {main: [hangup], new: [answer]}\nqueues: {support: {skills: none}}\n")
    assert sections["flows"] == {"main": ["hangup"], "new": ["answer"], "night": ["hangup"]}
    assert sections["queues"]["support"]["skills"] == "none"


def test_what_has_nothing_behind_it_is_taken_out() -> None:
    sections, found, _ = laid("flows: {night: }\nprompts: {welcome: {de: }}\n")
    assert found == []
    assert "night" not in sections["flows"]
    assert sections["prompts"]["welcome"] == {"en": "Hello"}


def test_a_name_that_is_not_there_cannot_be_taken_out() -> None:
    _, found, _ = laid("flows: {nihgt: }\n")
    assert found == [
        'c.yaml:1:9: error[E955] the site has no "nihgt" in flows that could be taken out; '
        'did you mean "night"?'
    ]


def test_files_that_are_not_as_they_were_are_not_remembered() -> None:
    """What was read of a file is kept under its digest: half of a file must not be taken for all of it."""
    _, _, digests = laid("flows: {night: [answer]}\n")
    assert digests == {"a.yaml": "", "b.yaml": "of b.yaml", "c.yaml": ""}


def test_what_is_no_mapping_is_left_to_reading() -> None:
    documents, found = lay_over([document("a.yaml", SITE["a.yaml"])], document("c.yaml", "[flows]"))
    assert (len(documents), found) == (2, [])
    documents, found = lay_over([document("a.yaml", SITE["a.yaml"])], document("c.yaml", "flows: [main]"))
    assert [plain(each.root)["flows"] for each in documents][1] == ["main"]
    assert found == []

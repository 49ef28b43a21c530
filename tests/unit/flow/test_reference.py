"""The pages made from the schema and the checks are up to date, and name every key and code."""

from pathlib import Path

import pytest

from ccctl.flow.checks_pages import PAGES
from ccctl.flow.schema import SECTIONS
from ccctl.flow.schema_reference import TABLES, manual, reference
from ccctl.flow.schema_verbs import VERBS

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(("page", "make"), [("reference-yaml.md", reference), ("checks.md", manual)])
def test_pages_are_up_to_date(page: str, make) -> None:
    assert (DOCS / page).read_text() == make(), "run scripts/docs"


def test_reference_has_every_section_key_and_verb() -> None:
    text = reference()
    for section in SECTIONS:
        assert f"## {section}\n" in text or f"`{section}:" in text, section
    for table in (*(table for _, tables, _ in TABLES for table in tables), *(verb.table for verb in VERBS)):
        for key in table.keys:
            assert f"| `{key.name}` |" in text, key.name
            assert key.meaning, key.name


def test_manual_has_every_finding() -> None:
    text = manual()
    assert [code for code in PAGES if f"## {code}: " not in text] == []

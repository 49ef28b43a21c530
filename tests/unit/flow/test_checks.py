"""Every code has a file of cases, bad and good: a bad case has exactly the findings it names."""

import pytest
import yaml

from ccctl.diagnostics import Diagnostic
from ccctl.flow.checks_pages import PAGES, severity_of
from tests.support.site_cases import FLOWS, read

ELSEWHERE = {"E900", "E508", "E911", "W605"}  # need real files or bytes: test_site_folder.py, test_source.py
ELSEWHERE |= {"E950", "E951", "E952", "E953", "E954", "E955"}  # of test files: test_flow_test_files.py


def told(found: list[Diagnostic]) -> list[str]:
    def place(finding: Diagnostic) -> str:
        file = "" if finding.span.file == "case.yaml" else f"{finding.span.file} "
        return f"{finding.code} {file}{finding.span.line}:{finding.span.column}"

    return sorted(place(finding) for finding in set(found))


def cases(kind: str) -> list:
    return [
        pytest.param(path.stem, case, id=f"{path.stem}-{number}")
        for path in sorted((FLOWS / "cases").glob("*.yaml"))
        for number, case in enumerate(yaml.safe_load(path.read_text())[kind])
    ]


@pytest.mark.parametrize(("code", "case"), cases("bad"))
def test_bad_case_has_exactly_its_findings(code: str, case: dict) -> None:
    _, found = read(case)
    assert told(found) == sorted(case["finds"]), [str(finding) for finding in found]
    assert any(finding.code == code for finding in found)
    assert all(finding.hint or finding.code == "E910" for finding in found), "a finding says what to write"
    assert all(finding.severity is severity_of(finding.code) for finding in found)


@pytest.mark.parametrize(("code", "case"), cases("good"))
def test_good_case_has_no_finding(code: str, case: dict) -> None:
    _, found = read(case)
    assert [str(finding) for finding in found] == []


def test_every_code_has_cases_and_a_page() -> None:
    assert {path.stem for path in (FLOWS / "cases").glob("*.yaml")} | ELSEWHERE == set(PAGES)
    for page in PAGES.values():
        assert page.title, page.code
        assert "Bad:" in page.text, page.code
        assert "Good:" in page.text, page.code


def test_one_language_that_prompts_lack_is_one_finding_that_names_them() -> None:
    prompts = "".join(f"  p{number:02}: {{en: Hello}}\n" for number in range(25))
    names = "".join(f"{{play: p{number:02}}}, " for number in range(25))
    site = "ccctl: 1\ndefaults: {languages: [en, de]}\nnumbers: {'+49301234501': x}\n"
    _, (finding,) = read({"alone": True, "site": f"{site}flows: {{x: [{names}hangup]}}\nprompts:\n{prompts}"})
    assert (finding.code, finding.span.line, finding.span.column) == ("E601", 2, 23)
    assert finding.text.startswith('25 prompts have no text in "de" and no sounds/de/NAME.wav: p00, p01,')
    assert "p19 and 5 more" in finding.text
    assert 'take "de" out of languages (case.yaml:2:23)' in finding.hint
    assert "prompts missing" in finding.hint


def test_languages_that_were_never_written_are_the_hint() -> None:
    site = "ccctl: 1\ndefaults: {timezone: UTC}\nnumbers: {'+49301234501': x}\n"
    flows = "flows: {x: [{play: [a, b]}, hangup]}\nprompts: {a: {de: A}, b: {de: B}}\n"
    _, found = read({"alone": True, "site": site + flows})
    hints = [finding.hint for finding in found if finding.code == "E601"]
    assert hints == ["without languages they are [en]; write defaults: {languages: [de]}"]

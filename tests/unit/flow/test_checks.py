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

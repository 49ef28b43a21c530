"""Findings as SARIF 2.1.0, for code scanning and for the viewers of editors."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ccctl import __version__
from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow.checks_pages import PAGES, Page, severity_of
from ccctl.flow.schema_reference import page_as_markdown

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
TOP = "%SRCROOT%"  # the folder that relative paths start from: that of the checkout
Record = dict[str, Any]


def sarif(found: Sequence[Diagnostic]) -> Record:
    """One run. All pages are rules, so that a finding that is repaired keeps its description."""
    codes = sorted({*PAGES, *(finding.code for finding in found)}, key=lambda code: (code[1:], code))
    index = {code: at for at, code in enumerate(codes)}
    driver = {
        "name": "ccctl",
        "semanticVersion": __version__,
        "rules": [_rule(PAGES.get(code) or Page(code, code, "")) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {TOP: {"description": {"text": "The folder where ccctl check ran."}}},
        "results": [_result(finding, index[finding.code]) for finding in found],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(page: Page) -> Record:
    prose, _, _ = page.parts
    level = severity_of(page.code).value
    return {
        "id": page.code,
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": " ".join(prose.split()) or page.title},
        "help": {"text": f"{page.title}\n\n{page.text}", "markdown": page_as_markdown(page)},
        "defaultConfiguration": {"level": level},
        "properties": {"precision": "very-high", "problem.severity": level, "tags": ["call-flow"]},
    }


def _result(finding: Diagnostic, rule: int) -> Record:
    hint = f"; {finding.hint}" if finding.hint else ""
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity.value,
        "message": {"text": finding.text + hint},
        "locations": [{"physicalLocation": _location(finding.span)}],
        "partialFingerprints": {"finding/v1": _fingerprint(finding)},
    }


def _location(span: Span) -> Record:
    region = {"startLine": span.line, "startColumn": span.column}
    if span.end_column > span.column:
        region["endColumn"] = span.end_column
    return {"artifactLocation": _artifact(span.file), "region": region}


def _artifact(file: str) -> Record:
    path = Path(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": TOP}


def _fingerprint(finding: Diagnostic) -> str:
    """Without the line: a finding stays the same one when lines are put above it."""
    told = f"{finding.code}\0{finding.span.file}\0{finding.text}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]

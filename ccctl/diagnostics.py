"""Findings about what a user wrote: data, never exceptions.

Imports nothing of ours. Rendered as text, JSON or GitHub annotations by the CLI.
"""

import difflib
from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Span(msgspec.Struct, frozen=True, order=True):
    """A place in a file; line and column count from 1, end_column is exclusive."""

    file: str = ""
    line: int = 1
    column: int = 1
    end_column: int = 0


class Diagnostic(msgspec.Struct, frozen=True):
    """One finding: what is wrong (`text`) and what to write instead (`hint`)."""

    code: str
    severity: Severity
    text: str
    span: Span
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.span.file}:{self.span.line}:{self.span.column}"
        tail = f"; {self.hint}" if self.hint else ""
        return f"{place}: {self.severity}[{self.code}] {self.text}{tail}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word, or ''."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return near[0] if near else ""

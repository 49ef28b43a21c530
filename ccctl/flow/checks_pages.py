"""The registry of findings: each code has one function, and that function's docstring is its manual page.

A page starts with one line that names the fault, then says why it matters, then shows `Bad:` and
`Good:` YAML. `ccctl explain CODE` prints it and docs/checks.md is made of it.
"""

import inspect
import re
from collections.abc import Callable
from textwrap import dedent
from typing import ParamSpec, TypeVar

import msgspec

from ccctl.diagnostics import Diagnostic, Severity, Span

P = ParamSpec("P")
R = TypeVar("R")


class Page(msgspec.Struct, frozen=True):
    code: str
    title: str
    text: str

    @property
    def parts(self) -> tuple[str, str, str]:
        """Why it matters, then the YAML of Bad: and of Good:."""
        prose, *blocks = re.split(r"^(?:Bad|Good):\n", self.text, flags=re.MULTILINE)
        bad, good, *_ = (*(dedent(block).strip() for block in blocks), "", "")
        return prose.strip(), bad, good


PAGES: dict[str, Page] = {}


def finding(code: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a function as the one that speaks for `code`."""

    def register(function: Callable[P, R]) -> Callable[P, R]:
        title, _, text = inspect.cleandoc(function.__doc__ or "").partition("\n")
        PAGES[code] = Page(code, title.rstrip("."), text.strip("\n"))
        return function

    return register


def severity_of(code: str) -> Severity:
    return Severity.WARNING if code.startswith("W") else Severity.ERROR


def found(code: str, span: Span, text: str, hint: str = "") -> Diagnostic:
    return Diagnostic(code, severity_of(code), text, span, hint)

"""All checks of a draft. A check is a function from a Draft to findings; its docstring is its manual page.

Reading (schema.py) finds what is wrong with a single value; checks find what is wrong between values.
"""

from collections.abc import Callable, Iterable

from ccctl.diagnostics import Diagnostic
from ccctl.flow import (
    checks_flows,
    checks_menus,
    checks_names,
    checks_prompts,
    checks_site,
    checks_vars,
)
from ccctl.flow import checks_tests as _  # noqa: F401 - registers the pages of its findings
from ccctl.flow.checks_pages import PAGES, Page
from ccctl.flow.schema import Draft

Check = Callable[[Draft], Iterable[Diagnostic]]
CHECKS: tuple[Check, ...] = (
    *checks_names.CHECKS,
    *checks_menus.CHECKS,
    *checks_flows.CHECKS,
    *checks_site.CHECKS,
    *checks_prompts.CHECKS,
    *checks_vars.CHECKS,
)


def check_draft(draft: Draft) -> list[Diagnostic]:
    """Every finding once, in the order of the files."""
    found = {finding for check in CHECKS for finding in check(draft)}
    return sorted(found, key=lambda finding: (finding.span, finding.code, finding.text))


def page(code: str) -> Page | None:
    return PAGES.get(code.upper())

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
from ccctl.flow.schema import Document, Draft, read_site
from ccctl.flow.schema_types import Folder

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
    return ordered(finding for check in CHECKS for finding in check(draft))


def read_and_check(
    documents: list[Document], folder: Folder, root: str = "", parsed: bool = True
) -> tuple[Draft, list[Diagnostic]]:
    """All that trees and their surroundings say. `parsed`: no file is missing among the trees."""
    draft, found = read_site(documents, folder, root)
    if parsed:
        return draft, [*found, *check_draft(draft)]
    # Names of a file that could not be parsed would all seem unknown, and its "ccctl: 1" would seem to be missing.
    return draft, [finding for finding in found if finding.code != "E915"]


def ordered(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each finding once, in the order of the files."""
    return sorted(set(found), key=lambda finding: (finding.span, finding.code, finding.text))


def page(code: str) -> Page | None:
    return PAGES.get(code.upper())

"""All checks of a draft. A check is a function from a Draft to findings; its docstring is its manual page.

Reading (schema.py) finds what is wrong with a single value; checks find what is wrong between values.
"""

import datetime
import hashlib
from collections.abc import Callable, Iterable, Iterator

import msgspec

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import (
    checks_callbacks,
    checks_data,
    checks_desk,
    checks_flows,
    checks_menus,
    checks_names,
    checks_overflow,
    checks_phones,
    checks_prompts,
    checks_say,
    checks_site,
    checks_vars,
)
from ccctl.flow import checks_tests as _  # noqa: F401 - registers the pages of its findings
from ccctl.flow.checks_pages import PAGES, Page
from ccctl.flow.checks_reading import place
from ccctl.flow.chunks import Part
from ccctl.flow.schema import REFERENCES, Document, Draft, read_site
from ccctl.flow.schema_types import Folder

SHOWN_PLACES = 3
REPEATED = REFERENCES | {"E504"}
Check = Callable[[Draft], Iterable[Diagnostic]]
CHECKS: tuple[Check, ...] = (
    *checks_names.CHECKS,
    *checks_flows.CHECKS,
    *checks_site.CHECKS,
    *checks_vars.CHECKS,
    *checks_data.CHECKS,
    *checks_callbacks.CHECKS,
    *checks_desk.CHECKS,
    *checks_overflow.CHECKS,
    *checks_phones.CHECKS,
)
# These look at one flow after the other: what they find in the flows of a file is kept.
FLOW_CHECKS: tuple[Check, ...] = (
    *checks_menus.FLOW_CHECKS,
    *checks_flows.FLOW_CHECKS,
    *checks_prompts.FLOW_CHECKS,
    *checks_say.FLOW_CHECKS,
    *checks_vars.FLOW_CHECKS,
    *checks_data.FLOW_CHECKS,
    *checks_callbacks.FLOW_CHECKS,
    *checks_desk.FLOW_CHECKS,
    *checks_overflow.FLOW_CHECKS,
)
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(tuple[Diagnostic, ...])


def check_draft(draft: Draft, folder: Folder) -> list[Diagnostic]:
    found = [finding for check in CHECKS for finding in check(draft)]
    found += check_flows(draft, folder)
    return gathered(ordered(finding for finding in found if finding.code not in draft.unsure))


def check_flows(draft: Draft, folder: Folder) -> Iterator[Diagnostic]:
    rest = _ENCODER.encode(msgspec.structs.replace(draft.site, flows={}, prompts={}))
    around = hashlib.sha256(rest).digest()
    for part in draft.parts:
        alone = _alone(draft, part)
        key = "" if draft.broken or not part.key else _key(part, alone, around)
        known = _recalled(folder, key)
        if known is None:
            known = tuple(finding for check in FLOW_CHECKS for finding in check(alone))
            if key:
                folder.keep(key, _ENCODER.encode(known))
        yield from known


def _alone(draft: Draft, part: Part) -> Draft:
    """The flows of one file and nothing of the others: what is not in the key, checks cannot look at."""
    every = draft.site.prompts
    prompts = {name: every[name] for name in part.prompts if name in every}
    site = msgspec.structs.replace(draft.site, flows=part.flows, prompts=prompts)
    return msgspec.structs.replace(
        draft,
        site=site,
        refs=(),
        names={},
        spots={},
        openings={},
        dialled=(),
        given=(),
        targets=(),
        callers=(),
        patient=part.patient,
        recordings={},
        shown="",
        today=datetime.date(1970, 1, 1),
        missing=(),
        summaries=part.summaries,
        called=draft.called & part.flows.keys(),
        parts=(part,),
    )


def _key(part: Part, alone: Draft, around: bytes) -> str:
    named = _ENCODER.encode((alone.site.prompts, sorted(alone.called)))
    return hashlib.sha256(b"".join((part.key.encode(), named, around))).hexdigest()


def _recalled(folder: Folder, key: str) -> tuple[Diagnostic, ...] | None:
    data = folder.recall(key) if key else None
    try:
        return None if data is None else _DECODER.decode(data)
    except msgspec.MsgspecError:
        return None


def read_and_check(
    documents: list[Document], folder: Folder, root: str = "", parsed: bool = True
) -> tuple[Draft, list[Diagnostic]]:
    """All that trees and their surroundings say. `parsed`: no file is missing among the trees."""
    draft, found = read_site(documents, folder, root)
    if parsed:
        return draft, [*found, *check_draft(draft, folder)]
    # Names of a file that could not be parsed would all seem unknown, and its "ccctl: 1" would be missing.
    return draft, [finding for finding in found if finding.code != "E915"]


def ordered(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each finding once, in the order of the files."""
    return sorted(set(found), key=lambda finding: (finding.span, finding.code, finding.text))


def gathered(found: list[Diagnostic]) -> list[Diagnostic]:
    """A name that is missing is one mistake, however often it is used: told at the first place."""
    groups: dict[tuple[str, str] | Diagnostic, list[Diagnostic]] = {}
    for finding in found:
        one = (finding.code, finding.text) if finding.code in REPEATED else finding
        groups.setdefault(one, []).append(finding)
    return [_with_places(first, more) for first, *more in groups.values()]


def _with_places(first: Diagnostic, more: list[Diagnostic]) -> Diagnostic:
    if not more:
        return first
    places = [_place(finding.span, first.span) for finding in more[:SHOWN_PLACES]]
    left = len(more) - len(places)
    tail = f" and {left} more" if left else ""
    return msgspec.structs.replace(first, text=f"{first.text} (also at {', '.join(places)}{tail})")


def _place(span: Span, near: Span) -> str:
    return f"{span.line}:{span.column}" if span.file == near.file else place(span)


def page(code: str) -> Page | None:
    return PAGES.get(code.upper())

"""A site folder to a plan. Light: no door to Asterisk is imported for it."""

import msgspec

from ccctl.diagnostics import Diagnostic, Severity
from ccctl.flow.compile import Memory, Plan, Read, compile_all
from ccctl.flow.graph import Site
from ccctl.runtime.readcache import ReadCache
from ccctl.runtime.site import load_draft, no_collections


class Compiled(msgspec.Struct, frozen=True):
    """A checked and compiled site. `site` is None when the check found errors."""

    diagnostics: tuple[Diagnostic, ...]
    site: Site | None = None
    plan: Plan | None = None
    secrets: frozenset[str] = frozenset()


def compile_folder(root: str) -> Compiled:
    secrets: set[str] = set()
    draft, found = load_draft(root, used=secrets)
    if draft is None or any(each.severity is Severity.ERROR for each in found):
        return Compiled(tuple(found))
    keys = {
        file: part.key for part in draft.parts for file in {flow.span.file for flow in part.flows.values()}
    }
    known = Read(draft.called, draft.kinds, draft.music, keys)
    with no_collections():
        plan = compile_all(draft.site, _memory(ReadCache()), known)
    return Compiled(tuple(found), draft.site, plan, frozenset(secrets))


def _memory(cache: ReadCache) -> Memory:
    """Kept under the code that compiled, too."""
    return Memory(
        lambda key: cache.get(cache.key("flows", key)),
        lambda key, data: cache.put(cache.key("flows", key), data),
    )

"""How the files of a site's folder stand to what is in force: told after a rollback, which leaves them."""

from collections.abc import Iterator
from pathlib import Path

from ccctl.asterisk import conf
from ccctl.asterisk.conf import Revision
from ccctl.diagnostics import Severity
from ccctl.flow.model import PLACE, Tree, model, seal
from ccctl.flow.site_changes import Change, changes, singular
from ccctl.runtime.apply import model_key
from ccctl.runtime.settings import Settings
from ccctl.runtime.site import load_site

SHOWN = 10


def standing(settings: Settings, folder: str, left: Revision | None) -> list[str]:
    """Lines for a person. `left` is what was in force before the way back."""
    now = conf.read_current(settings.node)
    if now is None or now.record is None or not folder:
        return []
    if not Path(folder).is_dir():
        return [f"{folder}, the folder of {_name(left)}, is not there: its files were not compared"]
    secrets: set[str] = set()
    site, found = load_site(folder, used=secrets)
    if site is None:
        errors = sum(each.severity is Severity.ERROR for each in found)
        return [
            f"the files in {folder} were not compared: {errors} error{'s' if errors > 1 else ''}"
            f" ('ccctl check {folder}'), so an apply would refuse them"
        ]
    tree = model(site, seal(model_key(settings.node)), secrets)
    differences = changes(now.record.model, tree)
    if not differences:
        return [f"the files in {folder} are those of {_name(now)}, too: an apply of them changes nothing"]
    return [*_head(folder, tree, now, left), *_shown(differences, tree), _advice(folder, now)]


def _name(revision: Revision | None) -> str:
    """What people call it: after a rollback, the revision that it went back to."""
    entry = revision.manifest.entry if revision else None
    change = revision.manifest.change if revision else "that change"
    return entry.back_to or change if entry else change


def _head(folder: str, tree: Tree, now: Revision, left: Revision | None) -> Iterator[str]:
    same = left and left.record and not changes(left.record.model, tree)
    if same:
        yield f"{_name(now)} is in force, but the files in {folder} are still those of {_name(left)};"
        yield f"'ccctl plan {folder}' shows, and the next 'ccctl apply {folder}' would bring back:"
    else:
        yield f"the files in {folder} are neither those of {_name(now)}, now in force, nor of {_name(left)};"
        yield f"'ccctl plan {folder}' shows, and the next 'ccctl apply {folder}' would change:"


def _shown(differences: list[Change], tree: Tree) -> Iterator[str]:
    for change in differences[:SHOWN]:
        place = _place(change, tree)
        yield f"  {change.lines()[0].rstrip(':')}{f'  ({place})' if place else ''}"
    if len(differences) > SHOWN:
        yield f"  and {len(differences) - SHOWN} more changes"


def _place(change: Change, tree: Tree) -> str:
    """File and line in the folder; '' for what it has no more."""
    for section, things in tree.items():
        if isinstance(things, dict) and singular(section) == change.what:
            thing = things.get(change.name) if change.name else things
            return str(thing.get(PLACE, "")) if isinstance(thing, dict) else ""
    return ""


def _advice(folder: str, now: Revision) -> str:
    return f"to stay with {_name(now)}, bring its files back to {folder} from your version control"

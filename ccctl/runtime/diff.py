"""A plan for people and programs: what changes, in the site's words; whom it touches; files; no secrets."""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ccctl.agent.state import ON_CALL
from ccctl.asterisk.conf import Revision, flows_file, own, queues_of
from ccctl.asterisk.drift import Edit
from ccctl.asterisk.reload import changed_modules
from ccctl.flow import retire
from ccctl.runtime.plan import Outlook

_PASSWORD = re.compile(r"^(password|secret) = .*$", re.MULTILINE)
_PIN = re.compile(r"^(\w+) = [^,\n]*,", re.MULTILINE)
_HIDDEN = "(hidden)"
NO_CHANGE = "no change: this site is in force"


def is_change(seen: Outlook) -> bool:
    """Whether an apply would have something to do."""
    drifted = not seen.now.asterisk and seen.now.serving != seen.new.manifest.generation
    settled = not (drifted or seen.broken_off or seen.edits or seen.now.differences)
    if not settled or seen.old is None or seen.old.record is None or seen.changes:
        return True
    return _loaded(seen.old) != _loaded(seen.new)


def _loaded(revision: Revision) -> dict[str, str]:
    """What the site alone makes Asterisk load. The first file also names what only drains."""
    return {path: text for path, text in own(revision).items() if path != "extensions.conf"}


def describe(seen: Outlook, files: bool = False) -> str:
    """The answer of `ccctl plan`."""
    head = [line for change in seen.changes for line in change.lines()]
    if seen.old and not seen.old.record:
        head = ["the revision in force was made by another version: only files can be compared"]
    diff = list(unified(seen.old, seen.new)) if files else [*_files(seen)]
    rest = [*_state(seen), *_drift(seen), *_touched(seen), *_kept(seen)]
    if not is_change(seen):
        return "\n".join([NO_CHANGE, *head, *rest])
    return "\n".join([*head, *diff, *rest, f"to reload: {', '.join(modules(seen))}"])


def as_json(seen: Outlook) -> dict[str, Any]:
    """The same for programs."""
    return {
        "change": is_change(seen),
        "base": seen.base,
        "generation": {"from": _old_generation(seen), "to": seen.new.manifest.generation},
        "changes": list(seen.changes),
        "files": {path: list(_diff(seen, path)) for path in changed_files(seen)},
        "live": {"calls": seen.now.calls, "queues": seen.now.queues},
        "touched": list(_touched(seen)),
        "kept": retire.names(_gone(seen)),
        "drift": list(_drift(seen)),
        "broken_off": seen.broken_off,
        "asterisk": seen.now.asterisk,
        "reload": modules(seen) if is_change(seen) else [],
    }


def modules(seen: Outlook) -> list[str]:
    known = None if seen.broken_off or seen.now.differences else seen.old
    return [name.removesuffix(".so") for name in changed_modules(known, seen.new)]


def _old_generation(seen: Outlook) -> str:
    return seen.old.manifest.generation if seen.old else ""


def _state(seen: Outlook) -> Iterator[str]:
    new, old = seen.new.manifest.generation, _old_generation(seen) or "none"
    yield f"generation: {old} -> {new}" if old != new else f"generation: {new}"
    if seen.broken_off:
        yield "the last apply was broken off before its end; an apply makes that right"
    if seen.now.asterisk:
        yield f"Asterisk could not be asked: {seen.now.asterisk}"
    elif seen.old and seen.now.serving != old:
        yield f"Asterisk serves {seen.now.serving or 'no generation'}; an apply makes that right"


# -- drift -----------------------------------------------------------------------------------------

_MOST = 10


def _drift(seen: Outlook) -> Iterator[str]:
    secrets = secrets_of(seen.old)
    for edit in seen.edits:
        yield f"drift: {edit_line(edit, secrets)}; an apply overwrites it and keeps a copy"
    for text in seen.now.differences[:_MOST]:
        yield f"drift: in Asterisk, {mask('', text, secrets)}; an apply makes that right"
    if len(seen.now.differences) > _MOST:
        yield f"drift: and {len(seen.now.differences) - _MOST} more differences; see 'ccctl drift'"


def secrets_of(revision: Revision | None) -> tuple[str, ...]:
    return revision.record.secrets if revision and revision.record else ()


def edit_line(edit: Edit, secrets: Iterable[str] = ()) -> str:
    """Where a file was edited, without secrets."""
    place = f"{edit.path}:{edit.line}"
    if edit.gone:
        return f"{edit.path} was removed by hand"
    if edit.written == edit.found:
        return f"{place} was edited by hand (blank lines)"
    found, written = (mask(edit.path, text, secrets) for text in (edit.found, edit.written))
    return f'{place} was edited by hand: "{found}" instead of "{written}"'


# -- whom it touches -------------------------------------------------------------------------------


def _touched(seen: Outlook) -> Iterator[str]:
    for generation, calls in sorted(seen.now.calls.items()):
        yield f"live: {calls} channels in generation {generation}; they stay in it until they end"
    for queue, calls in sorted(seen.now.queues.items()):
        yield f"live: {calls} callers in queue {queue}{_fate(seen, queue)}"
    for change in seen.changes:
        if change.what in ("agent", "user") and change.kind == "removed" and change.name in seen.now.agents:
            yield from _leaver(change.name, seen.now.agents[change.name])
    if members := sorted(_members(seen)):
        yield f"agents of changed queues: {', '.join(members)}"


def _leaver(agent: str, presence: str) -> Iterator[str]:
    if presence in ON_CALL:
        yield f"live: agent {agent} is {presence}; he is logged out, and his call goes on"
    elif presence != "offline":
        yield f"live: agent {agent} is {presence}; he is logged out"


def _members(seen: Outlook) -> set[str]:
    """Agents whose queues come, go or change."""
    names = {change.name for change in seen.changes if change.what == "queue"}
    both = [
        each.record.roster for each in (seen.old, seen.new) if each and each.record and each.record.roster
    ]
    return {
        agent
        for people in both
        for queue in names & set(people.queues)
        for agent in people.queues[queue].agents
    }


def _fate(seen: Outlook, queue: str) -> str:
    before, after = (_section(each, queue) for each in (seen.old, seen.new))
    if not after:
        return "; the queue is removed: they keep their place, new callers find none"
    return "" if before == after else "; the queue changes for them too"


def _section(revision: Revision | None, queue: str) -> str:
    text = revision.files.get("queues.conf", "") if revision else ""
    found = re.search(rf"^\[{re.escape(queue)}\]\n([^\[]*)", text, re.MULTILINE)
    return found.group(1).strip() if found else ""


def _gone(seen: Outlook) -> dict[str, Any]:
    """What the site does not have any more and calls may still need."""
    if not (seen.old and seen.old.record and seen.new.record):
        return {}
    return retire.retired(seen.old.record.plan.sections, seen.new.record.plan.sections, "")


def _kept(seen: Outlook) -> Iterator[str]:
    gone = _gone(seen)
    if gone and seen.now.calls:
        yield f"removed last, when the calls of older generations have ended: {', '.join(retire.names(gone))}"
    if seen.old and (waiting := queues_of(seen.old.kept)):
        yield f"still there for older calls: queue {', queue '.join(waiting)}"


# -- files -----------------------------------------------------------------------------------------


def changed_files(seen: Outlook) -> list[str]:
    before, after = readable(seen.old), readable(seen.new)
    return [path for path in sorted(before | after) if before.get(path) != after.get(path)]


def _files(seen: Outlook) -> Iterator[str]:
    if found := changed_files(seen):
        yield f"files: {', '.join(found)} ('--files' shows them)"


def unified(old: Revision | None, new: Revision) -> Iterator[str]:
    """Diff lines of all files. Both sides' generation is written GENERATION, so only content differs."""
    before, after = readable(old), readable(new)
    for path in sorted(before | after):
        yield from _lines(path, before, after)


def _diff(seen: Outlook, path: str) -> Iterator[str]:
    return _lines(path, readable(seen.old), readable(seen.new))


def _lines(path: str, before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    return difflib.unified_diff(
        before.get(path, "").splitlines(),
        after.get(path, "").splitlines(),
        f"live/{path}" if path in before else "/dev/null",
        f"site/{path}" if path in after else "/dev/null",
        lineterm="",
    )


def readable(revision: Revision | None) -> dict[str, str]:
    """The files of the site alone, as they were written; secrets hidden."""
    if not revision:
        return {}
    generation = revision.manifest.generation
    secrets = secrets_of(revision)
    flows = flows_file(generation)
    return {
        "dialplan.conf" if path == flows else path: mask(path, text, secrets).replace(
            generation, "GENERATION"
        )
        for path, text in own(revision).items()
        if path == flows or (not path.startswith("dialplan/") and path != "extensions.conf")
    }


def mask(path: str, text: str, secrets: Iterable[str] = ()) -> str:
    """Passwords and pins do not belong on a screen; that one changed is not shown either."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    text = _PASSWORD.sub(rf"\1 = {_HIDDEN}", text)
    return _PIN.sub(rf"\1 = {_HIDDEN},", text) if path == "voicemail.conf" else text

"""What would change, for a person to read: a unified diff without secrets, calls, reloads."""

import difflib
import re
from collections.abc import Iterator

from ccctl.asterisk.conf import Revision, flows_file
from ccctl.asterisk.reload import changed_modules
from ccctl.runtime.apply import Outlook, same

_PASSWORD = re.compile(r"^(password|secret) = .*$", re.MULTILINE)
_PIN = re.compile(r"^(\w+) = [^,\n]*,", re.MULTILINE)
_HIDDEN = "(hidden)"


def describe(outlook: Outlook) -> str:
    """The answer of `ccctl plan`."""
    lines = [*_state(outlook), *_calls(outlook)]
    settled = not _drifted(outlook) and not outlook.broken_off
    if outlook.old and same(outlook.old, outlook.new) and settled:
        return "\n".join(["no change: this site is in force", *lines])
    known = None if outlook.broken_off else outlook.old
    modules = ", ".join(name.removesuffix(".so") for name in changed_modules(known, outlook.new))
    diff = list(unified(outlook.old, outlook.new))
    return "\n".join([*diff, *lines, f"to reload: {modules}"])


def _drifted(outlook: Outlook) -> bool:
    return not outlook.asterisk and outlook.serving != outlook.new.manifest.generation


def _state(outlook: Outlook) -> Iterator[str]:
    new = outlook.new.manifest.generation
    old = outlook.old.manifest.generation if outlook.old else "none"
    yield f"generation: {old} -> {new}" if old != new else f"generation: {new}"
    if outlook.broken_off:
        yield "the last apply was broken off before its end; an apply makes that right"
    if outlook.asterisk:
        yield f"Asterisk could not be asked: {outlook.asterisk}"
    elif outlook.old and outlook.serving != old:
        yield f"Asterisk serves {outlook.serving or 'no generation'}; an apply makes that right"


def _calls(outlook: Outlook) -> Iterator[str]:
    for generation, calls in sorted(outlook.calls.items()):
        yield f"live: {calls} channels in generation {generation}; they stay in it until they end"
    for queue, calls in sorted(outlook.queues.items()):
        yield f"live: {calls} callers in queue {queue}{_fate(outlook, queue)}"


def _fate(outlook: Outlook, queue: str) -> str:
    before, after = (_section(each, queue) for each in (outlook.old, outlook.new))
    if not after:
        return "; the queue is removed: they keep their place, new callers find none"
    return "" if before == after else "; the queue changes"


def _section(revision: Revision | None, queue: str) -> str:
    text = revision.files.get("queues.conf", "") if revision else ""
    found = re.search(rf"^\[{re.escape(queue)}\]\n([^\[]*)", text, re.MULTILINE)
    return found.group(1).strip() if found else ""


# -- diff ------------------------------------------------------------------------------------------


def unified(old: Revision | None, new: Revision) -> Iterator[str]:
    """Diff lines of all files. Both sides' generation is written GENERATION, so only content differs."""
    before, after = readable(old), readable(new)
    for path in sorted(before | after):
        yield from difflib.unified_diff(
            before.get(path, "").splitlines(),
            after.get(path, "").splitlines(),
            f"live/{path}" if path in before else "/dev/null",
            f"site/{path}" if path in after else "/dev/null",
            lineterm="",
        )


def readable(revision: Revision | None) -> dict[str, str]:
    """The files of the current generation, secrets hidden; other generations only drain."""
    if not revision:
        return {}
    generation = revision.manifest.generation
    own = flows_file(generation)
    return {
        "dialplan.conf" if path == own else path: mask(path, text).replace(generation, "GENERATION")
        for path, text in revision.files.items()
        if path == own or (not path.startswith("dialplan/") and path != "extensions.conf")
    }


def mask(path: str, text: str) -> str:
    """Passwords and pins do not belong on a screen; that one changed is not shown either."""
    text = _PASSWORD.sub(rf"\1 = {_HIDDEN}", text)
    return _PIN.sub(rf"\1 = {_HIDDEN},", text) if path == "voicemail.conf" else text

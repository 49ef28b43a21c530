"""Puts a revision in force on a running Asterisk, or leaves the old one serving.

A reload that Asterisk accepts proves nothing about the content: a bad line is dropped and the reload
succeeds. So everything is read back and compared with what the compiler meant.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ccctl.asterisk import conf, history
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.conf import Revision
from ccctl.asterisk.node import Node
from ccctl.errors import ApplyError, AsteriskDown, AsteriskRefused, CcctlError
from ccctl.flow.compile import Plan
from ccctl.flow.compile_flow import VOICEMAIL
from ccctl.flow.dialplan import Context, Priority, Section, model
from ccctl.flow.retire import joined

Row = dict[str, str]
Progress = Callable[[str], None]

DIALPLAN = "pbx_config.so"
SERVING = "cc-serving"  # a context of one line, which says the generation
_MODULES = (  # what new flows refer to comes first, the dialplan last
    ("pjsip.conf", "res_pjsip.so"),
    ("queues.conf", "app_queue.so"),
    ("voicemail.conf", "app_voicemail.so"),
    ("musiconhold.conf", "res_musiconhold.so"),
)
_SOURCES = "pbx|config|loader|app_queue|app_voicemail|res_musiconhold|res_sorcery|res_pjsip"
_COMPLAINT = re.compile(rf"\] (?:ERROR|WARNING)\[[^\n]*? ((?:{_SOURCES})[\w./]*): (.+)")
_LOST_OBJECT = "Could not create an object of type"
_UNRESOLVED = re.compile(r"Identify '([^']+)' failed when adding resolution results of '([^']+)'")
_LOG_BYTES = 200_000
_SHOWN = 3


class Doors(msgspec.Struct, frozen=True):
    """One Asterisk: where its files are, and the ways to talk to it."""

    node: Node
    ari: Ari
    ami: Ami


def changed_modules(old: Revision | None, new: Revision) -> list[str]:
    """The modules to reload, in order."""
    before = old.files if old else {}
    named = [module for path, module in _MODULES if before.get(path, "") != new.files[path]]
    return [*named, DIALPLAN]


# -- who is in which generation --------------------------------------------------------------------


async def calls_by_generation(doors: Doors) -> dict[str, int]:
    """Live channels per generation, as their CC_GEN says."""
    counts: dict[str, int] = {}
    for row in await doors.ami.rows("Status", Variables="CC_GEN,CC_CALL", AllVariables="false"):
        generation = _carried(row)
        if generation:
            counts[generation] = counts.get(generation, 0) + 1
    return counts


def _carried(row: Row) -> str:
    """Only the channels of a call count: those that ring at a desk go with them."""
    said = str(row.get("Variable", ""))
    found = re.search(r"CC_GEN=([0-9a-f]{6})", said)
    return found.group(1) if found and re.search(r"CC_CALL=\w", said) else ""


async def calls_by_queue(doors: Doors) -> dict[str, int]:
    """Callers who are in a queue now, ours or app_queue's."""
    counts: dict[str, int] = {}
    for channel in await doors.ari.channels_list():
        queue = _queue_of(channel.get("dialplan") or {})
        if queue:
            counts[queue] = counts.get(queue, 0) + 1
    return counts


def _queue_of(dialplan: dict[str, Any]) -> str:
    arguments = [*str(dialplan.get("app_data", "")).split(","), "", "", "", ""]
    match dialplan.get("app_name"):
        case "Queue":
            return arguments[0]
        case "Stasis" if arguments[1] == "queue":
            return arguments[3]
    return ""


async def serving(doors: Doors) -> str:
    """The generation that Asterisk says it serves; '' when none was ever loaded."""
    rows = await _dialplan_rows(doors, SERVING)
    found = [_priority(row).data for row in rows if row.get("Extension") == "generation"]
    return found[0] if found else ""


# -- switch ----------------------------------------------------------------------------------------


Health = Callable[[], Awaitable[None]]


async def switch(
    doors: Doors, old: Revision | None, new: Revision, modules: list[str], say: Progress, healthy: Health
) -> None:
    """Write `new`, put it in force, read it back; on any failure `old` is in force again. `healthy` raises
    when the rest of the house does not do well with it."""
    log = Log(doors.node)
    conf.write(doors.node, new)
    try:
        conf.swap(doors.node, new.manifest.revision)
        await _reload(doors, modules, say)
        await _remove_strangers(doors, new)
        say("reading back")
        await _read_back(doors, new)
        log.refuse_lost_objects()
        for warning in log.unresolved():
            say(warning)
        await healthy()
        conf.mark_loaded(doors.node, new.manifest.revision)
    except CcctlError as error:
        await _back(doors, modules, old, new)
        raise ApplyError(f"{error.text}{log.quote()}", "the old configuration goes on serving") from None
    if new.manifest.entry:
        history.note(doors.node, new.manifest.entry)
    history.tidy(doors.node)


async def _reload(doors: Doors, modules: Iterable[str], say: Progress) -> None:
    for module in modules:
        say(f"reloading {module.removesuffix('.so')}")
        try:
            await doors.ari.asterisk_reload_module(module)
        except AsteriskRefused as error:
            raise ApplyError(f"Asterisk refused to reload {module}: {error.text}") from None


async def _back(doors: Doors, modules: list[str], old: Revision | None, new: Revision) -> None:
    """The old files, and Asterisk told so. A dead Asterisk reads them when it starts."""
    conf.swap(doors.node, old.manifest.revision if old else None)
    conf.remove(doors.node, new.manifest.revision)
    for module in modules:
        try:
            await doors.ari.asterisk_reload_module(module)
        except (AsteriskRefused, AsteriskDown):
            continue


# -- read back -------------------------------------------------------------------------------------


async def _read_back(doors: Doors, new: Revision) -> None:
    plan = plan_of(new)
    generation = await serving(doors)
    if generation != plan.generation:
        raise ApplyError(f"Asterisk serves generation {generation or 'none'} instead of {plan.generation}")
    loaded = await loaded_dialplan(doors)
    for context in (*plan.entry, *plan.contexts):
        _compare(context, loaded)
    for context_name in _contexts(new):
        if context_name not in loaded:
            raise ApplyError(f"Asterisk did not load the context {context_name}")
    for missing in await _missing_objects(doors, new):
        raise ApplyError(f"Asterisk did not load the {missing}")


def plan_of(revision: Revision) -> Plan:
    if revision.record is None:
        raise ApplyError(f"revision {revision.manifest.revision} was written by another version of ccctl")
    return revision.record.plan


def _contexts(revision: Revision) -> list[str]:
    """Those of all generations that are loaded."""
    flows = [text for path, text in revision.written.items() if path.startswith("dialplan/")]
    return [name for text in flows for name in re.findall(r"^\[(cc-[^]]+)\]", text, re.MULTILINE)]


async def loaded_dialplan(doors: Doors) -> dict[str, set[Priority]]:
    """Context -> its steps, as Asterisk has them."""
    loaded: dict[str, set[Priority]] = {}
    for row in await doors.ami.rows("ShowDialPlan", timeout=60):
        if row.get("Context", "").startswith("cc-"):
            loaded.setdefault(row["Context"], set()).add(_priority(row))
    return loaded


async def _dialplan_rows(doors: Doors, context: str) -> list[Row]:
    try:
        return [row for row in await doors.ami.rows("ShowDialPlan", Context=context) if "Context" in row]
    except AsteriskRefused:  # there is no such context
        return []


def _priority(row: Row) -> Priority:
    if "IncludeContext" in row:
        return Priority("include", "", "include", row["IncludeContext"])
    return Priority(
        row.get("Extension", ""), row.get("Priority", ""), row.get("Application", ""), row.get("AppData", "")
    )


def _compare(context: Context, all_loaded: dict[str, set[Priority]]) -> None:
    meant, loaded = model(context), all_loaded.get(context.name, set())
    if meant == loaded:
        return
    lost, extra = sorted(meant - loaded), sorted(loaded - meant)
    what = "missing" if lost else "unexpected"
    raise ApplyError(
        f"Asterisk loaded {len(loaded)} of {len(meant)} steps of the context {context.name};"
        f" {what}: {_step((lost or extra)[0])}"
    )


def _step(found: Priority) -> str:
    return f"{found.exten},{found.priority},{found.app}({found.data})"


def sections_of(revision: Revision, path: str) -> tuple[Section, ...]:
    """What one file should hold: the site's, and what stays for older generations."""
    return joined(plan_of(revision).sections[path], revision.kept.get(path, ()))


async def _missing_objects(doors: Doors, revision: Revision) -> list[str]:
    phones = [
        each.name for each in sections_of(revision, "pjsip.conf") if ("type", "endpoint") in each.options
    ]
    queues = [each.name for each in sections_of(revision, "queues.conf")]
    boxes = [box for each in sections_of(revision, "voicemail.conf") for box, _ in each.options]
    found = [
        await _missing(doors, "PJSIPShowEndpoints", "ObjectName", phones, "endpoint"),
        await _missing(doors, "QueueSummary", "Queue", queues, "queue"),
        await _missing(doors, "VoicemailUsersList", "VoiceMailbox", boxes, "mailbox"),
    ]
    return [text for text in found if text]


async def _missing(doors: Doors, action: str, field: str, meant: list[str], what: str) -> str:
    if not meant:
        return ""
    try:
        rows = await doors.ami.rows(action, timeout=30)
    except AsteriskRefused:  # no endpoint or mailbox at all
        rows = []
    if field == "VoiceMailbox":
        rows = [row for row in rows if row.get("VMContext") == VOICEMAIL]
    missing = [name for name in meant if name not in {row.get(field, "") for row in rows}]
    return f"{what} {', '.join(missing)}" if missing else ""


# -- what others changed ---------------------------------------------------------------------------


async def differences(doors: Doors, revision: Revision) -> list[str]:
    """What Asterisk has loaded and this revision does not say, or the other way round."""
    if revision.record is None:
        return []
    loaded = await loaded_dialplan(doors)
    plan = revision.record.plan
    found = [line for context in (*plan.entry, *plan.contexts) for line in _by_hand(context, loaded)]
    found += [f"the context {name} is not loaded" for name in _contexts(revision) if name not in loaded]
    ours = {SERVING, *(context.name for context in plan.entry), *_contexts(revision)}
    found += [f"the context {name} is loaded and not ours" for name in sorted(set(loaded) - ours)]
    found += [f"not loaded: {text}" for text in await _missing_objects(doors, revision)]
    found += [
        f"queue {queue}: {phone} was added by hand" for queue, phone in await _strangers(doors, revision)
    ]
    return list(dict.fromkeys(found))


def _by_hand(context: Context, loaded: dict[str, set[Priority]]) -> Iterator[str]:
    meant, found = model(context), loaded.get(context.name)
    if found is None:
        return
    for each in sorted(found - meant):
        yield f"context {context.name}: {_step(each)} was added by hand"
    for each in sorted(meant - found):
        yield f"context {context.name}: {_step(each)} is missing"


async def _strangers(doors: Doors, revision: Revision) -> list[tuple[str, str]]:
    """Members of our queues that no file names."""
    queues = {
        each.name: {value.split(",")[0] for key, value in each.options if key == "member"}
        for each in sections_of(revision, "queues.conf")
    }
    rows = await doors.ami.rows("QueueStatus", timeout=30) if queues else []
    return [
        (row["Queue"], row["Location"])
        for row in rows
        if row.get("Event") == "QueueMember"
        and row.get("Membership") == "dynamic"
        and row["Location"] not in queues.get(row["Queue"], {row["Location"]})
    ]


async def _remove_strangers(doors: Doors, revision: Revision) -> None:
    """A reload keeps the members that somebody added; the dialplan's strangers are gone with it."""
    for queue, phone in await _strangers(doors, revision):
        await doors.ami.action("QueueRemove", Queue=queue, Interface=phone)


# -- drain -----------------------------------------------------------------------------------------


async def drain(doors: Doors, say: Progress = lambda text: None) -> tuple[str, ...]:
    """Remove the generations that no call is in any more. Returns those that are gone."""
    with conf.lock(doors.node):
        return await drain_locked(doors, say)


async def drain_locked(doors: Doors, say: Progress) -> tuple[str, ...]:
    """With the last old generation goes what is not in the site any more."""
    old = conf.read_current(doors.node)
    if not old or not old.is_draining or conf.is_broken_off(doors.node):
        return ()
    busy = await calls_by_generation(doors)
    older = set(old.manifest.generations) - {old.manifest.generation}
    empty = {name for name in older if name not in busy}
    if older and not empty:
        return ()
    new = conf.without(old, empty)
    modules = changed_modules(old, new)
    await asyncio.to_thread(
        conf.write, doors.node, new
    )  # the daemon drains too, and must not wait for a disk
    conf.swap(doors.node, new.manifest.revision)
    try:
        await _reload(doors, modules, say)
        conf.mark_loaded(doors.node, new.manifest.revision)
    except CcctlError:
        await _back(doors, modules, old, new)
        raise
    history.tidy(doors.node)
    return tuple(sorted(empty))


# -- what Asterisk said ----------------------------------------------------------------------------


class Log:
    """Asterisk's message log from now on: the reasons that a refusal does not carry."""

    def __init__(self, node: Node) -> None:
        self._path = Path(node.log_dir) / "messages"
        self._start = self._size()

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def complaints(self) -> list[str]:
        """The warnings and errors since then that are about configuration."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._start)
                text = file.read(_LOG_BYTES).decode(errors="replace")
        except OSError:
            return []
        return list(dict.fromkeys(f"{source}: {what}" for source, what in _COMPLAINT.findall(text)))

    def quote(self) -> str:
        """The first complaints, for the end of a sentence; '' when there are none."""
        said = self.complaints()[:_SHOWN]
        return f"; Asterisk said: {'; '.join(said)}" if said else ""

    def refuse_lost_objects(self) -> None:
        """A phone that cannot be read again keeps its old settings: only the log tells. A name that is not
        known now is no reason to refuse all else."""
        said = self.complaints()
        known = {trunk for line in said for trunk, _ in _UNRESOLVED.findall(line)}
        excused = [f"{_LOST_OBJECT} 'identify' with id '{trunk}'" for trunk in known]
        lost = [line for line in said if _LOST_OBJECT in line]
        if any(not any(words in line for words in excused) for line in lost):
            raise ApplyError("Asterisk did not take a phone or trunk as written")

    def unresolved(self) -> list[str]:
        """What to say of trunks whose host has no address now."""
        found = dict.fromkeys(pair for line in self.complaints() for pair in _UNRESOLVED.findall(line))
        hint = "when it has one, have Asterisk do 'module reload res_pjsip.so'"
        return [
            f"warning: {host} has no address now; calls from trunk {trunk} are not recognised ({hint})"
            for trunk, host in found
        ]

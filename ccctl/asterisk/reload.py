"""Puts a revision in force on a running Asterisk, or leaves the old one serving.

A reload that Asterisk accepts proves nothing about the content: a bad line is dropped and the reload
succeeds. So everything is read back and compared with what the compiler meant.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from ccctl.asterisk import conf
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.conf import Revision
from ccctl.asterisk.node import Node
from ccctl.errors import ApplyError, AsteriskDown, AsteriskRefused, CcctlError
from ccctl.flow.compile import Plan
from ccctl.flow.dialplan import Priority, Section, model

Row = dict[str, str]
Progress = Callable[[str], None]

DIALPLAN = "pbx_config.so"
_MODULES = (  # what new flows refer to comes first, the dialplan last
    ("pjsip.conf", "res_pjsip.so"),
    ("queues.conf", "app_queue.so"),
    ("voicemail.conf", "app_voicemail.so"),
    ("musiconhold.conf", "res_musiconhold.so"),
)
_SOURCES = "pbx|config|loader|app_queue|app_voicemail|res_musiconhold|res_sorcery|res_pjsip"
_COMPLAINT = re.compile(rf"\] (?:ERROR|WARNING)\[[^\n]*? ((?:{_SOURCES})[\w./]*): (.+)")
_LOST_OBJECT = "Could not create an object of type"
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
    """A channel without a CC_GEN of its own shows the global: only those of a call count."""
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
    return await doors.ari.asterisk_get_global_var("CC_GEN")


# -- switch ----------------------------------------------------------------------------------------


async def switch(
    doors: Doors, plan: Plan, old: Revision | None, new: Revision, modules: list[str], say: Progress
) -> None:
    """Write `new`, put it in force, read it back; on any failure `old` is in force again."""
    log = Log(doors.node)
    conf.write(doors.node, new)
    try:
        conf.swap(doors.node, new.manifest.revision)
        await _reload(doors, modules, say)
        say("reading back")
        await _read_back(doors, plan, new)
        log.refuse_lost_objects()
        conf.mark_loaded(doors.node, new.manifest.revision)
    except CcctlError as error:
        await _back(doors, modules, old, new)
        raise ApplyError(f"{error.text}{log.quote()}", "the old configuration goes on serving") from None
    conf.tidy(doors.node)


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


async def _read_back(doors: Doors, plan: Plan, new: Revision) -> None:
    generation = await serving(doors)
    if generation != plan.generation:
        raise ApplyError(f"Asterisk serves generation {generation or 'none'} instead of {plan.generation}")
    loaded = await loaded_dialplan(doors)
    for context in (*plan.entry, *plan.contexts):
        _compare(context.name, model(context), loaded.get(context.name, set()))
    for path, text in new.files.items():
        for context in re.findall(r"^\[(cc-[^]]+)\]", text, re.MULTILINE) if "dialplan/" in path else ():
            if context not in loaded:
                raise ApplyError(f"Asterisk did not load the context {context}")
    await _compare_objects(doors, plan)


async def loaded_dialplan(doors: Doors) -> dict[str, set[Priority]]:
    """Context -> its steps, as Asterisk has them."""
    loaded: dict[str, set[Priority]] = {}
    for row in await doors.ami.rows("ShowDialPlan", timeout=60):
        if "Context" in row and row.get("Registrar") == "pbx_config":
            loaded.setdefault(row["Context"], set()).add(_priority(row))
    return loaded


def _priority(row: Row) -> Priority:
    return Priority(
        row.get("Extension", ""), row.get("Priority", ""), row.get("Application", ""), row.get("AppData", "")
    )


def _compare(context: str, meant: set[Priority], loaded: set[Priority]) -> None:
    if meant == loaded:
        return
    lost, extra = sorted(meant - loaded), sorted(loaded - meant)
    first = (lost or extra)[0]
    what = "missing" if lost else "unexpected"
    raise ApplyError(
        f"Asterisk loaded {len(loaded)} of {len(meant)} steps of the context {context};"
        f" {what}: {first.exten},{first.priority},{first.app}({first.data})"
    )


async def _compare_objects(doors: Doors, plan: Plan) -> None:
    endpoints = [each.name for each in plan.sections["pjsip.conf"] if ("type", "endpoint") in each.options]
    await _compare_names(doors, "PJSIPShowEndpoints", "ObjectName", endpoints, "endpoint")
    queues = _names(plan.sections["queues.conf"])
    await _compare_names(doors, "QueueSummary", "Queue", queues, "queue")


def _names(sections: tuple[Section, ...]) -> list[str]:
    return [section.name for section in sections]


async def _compare_names(doors: Doors, action: str, field: str, meant: list[str], what: str) -> None:
    if not meant:
        return
    loaded = {row.get(field, "") for row in await doors.ami.rows(action, timeout=30)}
    missing = [name for name in meant if name not in loaded]
    if missing:
        raise ApplyError(f"Asterisk did not load the {what} {', '.join(missing)}")


# -- drain -----------------------------------------------------------------------------------------


async def drain(doors: Doors, say: Progress = lambda text: None) -> tuple[str, ...]:
    """Remove the generations that no call is in any more. Returns those that are gone."""
    with conf.lock(doors.node):
        return await drain_locked(doors, say)


async def drain_locked(doors: Doors, say: Progress) -> tuple[str, ...]:
    old = conf.read_current(doors.node)
    if not old or len(old.manifest.generations) < 2 or conf.is_broken_off(doors.node):
        return ()
    busy = await calls_by_generation(doors)
    empty = {
        name for name in old.manifest.generations if name not in busy and name != old.manifest.generation
    }
    if not empty:
        return ()
    new = conf.without(old, empty)
    await asyncio.to_thread(
        conf.write, doors.node, new
    )  # the daemon drains too, and must not wait for a disk
    conf.swap(doors.node, new.manifest.revision)
    try:
        await _reload(doors, [DIALPLAN], say)
        conf.mark_loaded(doors.node, new.manifest.revision)
    except CcctlError:
        await _back(doors, [DIALPLAN], old, new)
        raise
    conf.tidy(doors.node)
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
        """A phone that cannot be read again keeps its old settings: only the log tells."""
        if any(_LOST_OBJECT in line for line in self.complaints()):
            raise ApplyError("Asterisk did not take a phone or trunk as written")

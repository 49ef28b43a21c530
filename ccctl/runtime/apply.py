"""From a site folder to a serving Asterisk: check, compile, prompts, switch, roster, daemon, drain."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from ccctl.asterisk import conf, prompts, reload
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.conf import Revision
from ccctl.asterisk.node import Node
from ccctl.asterisk.reload import Doors
from ccctl.diagnostics import Diagnostic, Severity
from ccctl.errors import ApplyError, AsteriskDown
from ccctl.flow.compile import Plan, compile_site, generation_id
from ccctl.flow.graph import Site
from ccctl.flow.roster import Roster, roster, to_json
from ccctl.runtime.settings import Settings
from ccctl.runtime.site import load_site

CONNECT_S = 5.0
DAEMON_S = 10.0

Say = Callable[[str], None]


class Compiled(msgspec.Struct, frozen=True):
    """A checked and compiled site. `site` is None when the check found errors."""

    diagnostics: tuple[Diagnostic, ...]
    site: Site | None = None
    plan: Plan | None = None


class Applied(msgspec.Struct, frozen=True):
    """What an apply did. `daemon` says whether the daemon knows, in words."""

    generation: str
    revision: str
    changed: bool
    reloaded: tuple[str, ...] = ()
    prompts: int = 0
    drained: tuple[str, ...] = ()
    draining: dict[str, int] = {}
    daemon: str = ""


def compile_folder(root: str) -> Compiled:
    site, found = load_site(root)
    if site is None or any(each.severity is Severity.ERROR for each in found):
        return Compiled(tuple(found))
    return Compiled(tuple(found), site, compile_site(site, generation_id(site)))


# -- apply -----------------------------------------------------------------------------------------


async def apply(settings: Settings, site: Site, plan: Plan, say: Say) -> Applied:
    """Put a compiled site in force. Raises when nothing was changed; the old one then serves on."""
    async with asterisk(settings.node) as doors:
        with conf.lock(doors.node):
            made = await make_prompts(site, doors.node, say)
            fresh = write_roster(settings, roster(site, plan.generation))
            try:
                applied = await _switch(doors, site, plan, say)
                put_roster(settings, fresh)
            finally:
                fresh.unlink(missing_ok=True)
            drained = await _drain(doors, say)
            draining = await _draining(doors)
    told = await tell_daemon(settings)
    return msgspec.structs.replace(
        applied, prompts=len(made), drained=drained, draining=draining, daemon=told
    )


async def make_prompts(site: Site, node: Node, say: Say) -> list[str]:
    def progress(done: int, of: int, name: str) -> None:
        if name:
            say(f"prompt {done + 1} of {of}: {name}")

    return await asyncio.to_thread(prompts.make, site, node.sounds_dir, progress)


async def _switch(doors: Doors, site: Site, plan: Plan, say: Say) -> Applied:
    """Calls may enter the old generation until the very switch, so it is kept now and drained after."""
    old, broken_off = conf.read_current(doors.node), conf.is_broken_off(doors.node)
    music = await asyncio.to_thread(prompts.copy_music, site, plan.music, doors.node.sounds_dir)
    keep = set(await reload.calls_by_generation(doors))
    new = conf.build(plan, music, old, keep | ({old.manifest.generation} if old else set()))
    if (
        old
        and not broken_off
        and await reload.serving(doors) == plan.generation
        and same(old, conf.build(plan, music, old, keep))
    ):
        return Applied(plan.generation, old.manifest.revision, changed=False)
    if broken_off:
        say("the last apply was broken off: everything is loaded again")
    modules = reload.changed_modules(None if broken_off else old, new)
    back = await _way_back(doors, old) if broken_off else old
    await reload.switch(doors, plan, back, new, modules, say)
    return Applied(plan.generation, new.manifest.revision, changed=True, reloaded=tuple(modules))


async def _way_back(doors: Doors, current: Revision | None) -> Revision | None:
    """After an apply that was broken off: the one before it, unless calls may be in its flows already."""
    if current and await reload.serving(doors) == current.manifest.generation:
        return current
    return conf.read_loaded(doors.node)


def same(old: Revision, new: Revision) -> bool:
    """Nothing to load; generations that only wait to be drained do not count."""
    stable = {path for path in old.files | new.files if not path.startswith("dialplan/")}
    paths = stable - {"extensions.conf"} | {conf.flows_file(new.manifest.generation)}
    return all(old.files.get(path) == new.files.get(path) for path in paths)


def write_roster(settings: Settings, people: Roster) -> Path:
    """Beside the one that counts, before anything is switched: a full disk shows here."""
    fresh = Path(settings.roster_file).with_suffix(".new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(to_json(people))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ApplyError(f"{fresh} cannot be written: {error.strerror}", "nothing was changed") from None
    return fresh


def put_roster(settings: Settings, fresh: Path) -> None:
    try:
        fresh.replace(settings.roster_file)
    except OSError as error:
        raise ApplyError(
            f"{settings.roster_file} cannot be written: {error.strerror}",
            "Asterisk serves the new site, the daemon still knows the old one; apply again",
        ) from None


async def _drain(doors: Doors, say: Say) -> tuple[str, ...]:
    drained = await reload.drain_locked(doors, say)
    prompts.remove_unused(doors.node.sounds_dir, conf.sounds_in_use(doors.node))
    return drained


async def _draining(doors: Doors) -> dict[str, int]:
    current = conf.read_current(doors.node)
    if not current:
        return {}
    calls = await reload.calls_by_generation(doors)
    old = set(current.manifest.generations) - {current.manifest.generation}
    return {generation: calls.get(generation, 0) for generation in sorted(old)}


async def drain(node: Node, ari: Ari, ami: Ami) -> tuple[str, ...]:
    """For the daemon, now and then: remove what no call needs any more; returns those generations."""
    doors = Doors(node, ari, ami)
    current = await asyncio.to_thread(conf.read_current, node)
    if not current or len(current.manifest.generations) < 2:
        return ()
    with conf.lock(node):
        return await _drain(doors, lambda text: None)


# -- plan ------------------------------------------------------------------------------------------


class Outlook(msgspec.Struct, frozen=True):
    """What an apply would meet: both sides' files, and the calls that live now."""

    old: Revision | None
    new: Revision
    serving: str = ""
    calls: dict[str, int] = {}
    queues: dict[str, int] = {}
    asterisk: str = ""  # why Asterisk could not be asked; '' when it was
    broken_off: bool = False  # the last apply died before its end


async def outlook(settings: Settings, plan: Plan) -> Outlook:
    """Changes nothing. Works without Asterisk too, and says so."""
    old, broken_off = conf.read_current(settings.node), conf.is_broken_off(settings.node)
    music = {name: _music_of(old, name) for name in plan.music}
    new = conf.build(plan, music, old, set())
    try:
        async with asterisk(settings.node) as doors:
            calls = await reload.calls_by_generation(doors)
            queues = await reload.calls_by_queue(doors)
            serving = await reload.serving(doors)
            return Outlook(old, new, serving, calls, queues, broken_off=broken_off)
    except AsteriskDown as error:
        return Outlook(old, new, asterisk=str(error), broken_off=broken_off)


def _music_of(old: Revision | None, name: str) -> str:
    text = old.files.get("musiconhold.conf", "") if old else ""
    _, _, rest = text.partition(f"[{name}]\n")
    found = [line for line in rest.splitlines()[:3] if line.startswith("directory = ")]
    return found[0].removeprefix("directory = ") if found else "moh"


# -- the ways to Asterisk and to the daemon --------------------------------------------------------


@asynccontextmanager
async def asterisk(node: Node) -> AsyncIterator[Doors]:
    """Doors for one command: requests only, the daemon's event stream is left alone."""
    up = asyncio.Event()
    reasons: list[str] = []

    def on_state(connected: bool, detail: str) -> None:
        reasons.append(detail)
        if connected:
            up.set()

    ari = Ari(node, _ignore, lambda connected, detail: None)
    ami = Ami(node, _ignore, on_state, wanted=frozenset())
    await ari.open()
    try:
        await ari.asterisk_ping()
        await ami.start()
        await _wait(up, reasons)
        yield Doors(node, ari, ami)
    finally:
        await ami.close()
        await ari.shut()


async def _wait(up: asyncio.Event, reasons: list[str]) -> None:
    try:
        await asyncio.wait_for(up.wait(), CONNECT_S)
    except TimeoutError:
        raise AsteriskDown(f"AMI does not answer: {reasons[-1] if reasons else 'no connection'}") from None


def _ignore(event: dict[str, Any]) -> None:
    """One command needs no events."""


async def tell_daemon(settings: Settings) -> str:
    """Ask the daemon to read the new roster; it reads it at its start otherwise."""
    if not os.path.exists(settings.socket):
        return "not running"
    connector = aiohttp.UnixConnector(settings.socket)
    limit = aiohttp.ClientTimeout(total=DAEMON_S)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=limit) as session,
            session.post("http://ccctl/api/v1/reload", json={}) as answer,
        ):
            return "reloaded" if answer.ok else f"refused: {answer.status} {await answer.text()}"
    except aiohttp.ClientConnectorError:
        return "not running"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"did not answer: {error or 'too slow'}"

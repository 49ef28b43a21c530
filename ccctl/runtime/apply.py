"""From a site folder to a serving Asterisk: check, compile, prompts, switch, roster, daemon, drain."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from ccctl.asterisk import astdb, conf, corewords, drift, history, prompts, reload
from ccctl.asterisk.ami import Ami
from ccctl.asterisk.ari import Ari
from ccctl.asterisk.conf import About, Revision
from ccctl.asterisk.node import Node
from ccctl.asterisk.record import Entry
from ccctl.asterisk.reload import Doors
from ccctl.errors import ApplyError
from ccctl.flow.compile import Plan
from ccctl.flow.graph import Site
from ccctl.flow.model import Tree, model, seal
from ccctl.flow.roster import Roster, roster, to_json, without_queues
from ccctl.flow.site_changes import Change, changes, summary
from ccctl.runtime.doors import asterisk, tell_daemon
from ccctl.runtime.settings import Settings
from ccctl.runtime.tasks import now_ms

Say = Callable[[str], None]
Count = Callable[[str, int, int], None]  # what is made, how many are, of how many


class Order(msgspec.Struct, frozen=True):
    """Who wants a change, and why. `expect` is the change that he saw in force, '' that he saw none;
    None: he did not look. `secrets` are values that must not be seen in the history."""

    who: str = ""
    host: str = ""
    via: str = ""
    why: str = ""
    expect: str | None = None
    secrets: frozenset[str] = frozenset()


NOBODY = Order()


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
    hand: tuple[str, ...] = ()  # copies of files that somebody had edited


def folder_digest(root: str) -> str:
    """Over every file of a site: whether it is still what was looked at."""
    digest = hashlib.sha256()
    for path in sorted(Path(root).rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts):
            digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


# -- apply -----------------------------------------------------------------------------------------


def uncounted(what: str, done: int, of: int) -> None:
    """For those who look at the result only."""


async def apply(
    settings: Settings,
    site: Site,
    plan: Plan,
    say: Say,
    order: Order = NOBODY,
    count: Count = uncounted,
) -> Applied:
    """Put a compiled site in force. Raises when nothing was changed; the old one then serves on."""
    async with asterisk(settings.node) as doors:
        with conf.lock(doors.node):
            _refuse_moved(doors.node, order)
            made = await make_prompts(site, doors.node, say, count)
            music = await asyncio.to_thread(prompts.copy_music, site, plan.music, doors.node.sounds_dir, say)
            tree = model(site, seal(model_key(doors.node)), order.secrets)
            wanted = _Wanted(plan, music, tree, roster(site, plan.generation), site.root, order.secrets)
            await astdb.put_secrets(doors.ami, site.secrets)
            applied = await _put(settings, doors, wanted, _entry(order, "apply"), say)
            await astdb.drop_secrets(doors.ami, conf.secrets_in_use(doors.node))
    return msgspec.structs.replace(applied, prompts=len(made))


async def rollback(settings: Settings, revision: str, say: Say, order: Order = NOBODY) -> Applied:
    """Put a past change in force again, exactly as it was. '': the one before the one in force."""
    async with asterisk(settings.node) as doors:
        with conf.lock(doors.node):
            _refuse_moved(doors.node, order)
            found = history.find(doors.node, revision)
            wanted = _past(history.read(doors.node, found), found.entry)
            _refuse_silence(doors.node, wanted.plan)
            entry = _entry(order, "rollback", found.entry.revision)
            return await _put(settings, doors, wanted, entry, say)


class _Wanted(msgspec.Struct, frozen=True):
    """What is to be in force, from a folder or from the past."""

    plan: Plan
    music: dict[str, str]
    model: Tree
    roster: Roster
    site: str
    secrets: frozenset[str] = frozenset()


def _past(past: Revision, entry: Entry) -> _Wanted:
    record = past.record
    if record is None or record.roster is None:
        raise ApplyError(f"revision {entry.revision} has no list of agents", "apply that version of the site")
    people = without_queues(record.roster, conf.queues_of(record.kept))
    music = {name: record.music[name] for name in record.plan.music}
    return _Wanted(record.plan, music, record.model, people, entry.site, frozenset(record.secrets))


def _refuse_silence(node: Node, plan: Plan) -> None:
    """Sounds of kept revisions stay; unless somebody removed them."""
    missing = [
        each.name for each in plan.prompts if not any(Path(node.sounds_dir).glob(f"*/{each.sound}.wav"))
    ]
    if missing:
        raise ApplyError(
            f"the sounds of {', '.join(missing[:5])} are not there any more; nothing was changed",
            "apply that version of the site, which makes them again",
        )


def _refuse_moved(node: Node, order: Order) -> None:
    """What was planned against is not in force any more: somebody else was faster."""
    history.mend(node)
    current = conf.read_manifest(node, "current")
    now = current.change if current else ""
    if order.expect is None or order.expect == now:
        return
    who = f" by {current.entry.who}" if current and current.entry and current.entry.who else ""
    raise ApplyError(
        f"{order.expect or 'nothing'} was in force when the plan was made, now {now or 'nothing'} is{who}",
        "nothing was changed; look at the plan again",
    )


def _entry(order: Order, action: str, back_to: str = "") -> Entry:
    return Entry(
        revision="",
        generation="",
        at_ms=now_ms(),
        who=order.who,
        host=order.host,
        via=order.via,
        action=action,
        back_to=back_to,
        why=order.why,
    )


async def make_prompts(site: Site, node: Node, say: Say, count: Count) -> list[str]:
    made = await asyncio.to_thread(
        prompts.make, site, node.sounds_dir, lambda done, of: count("prompts", done, of)
    )
    try:
        await asyncio.to_thread(corewords.make, site, node.sounds_dir, count)
    except ApplyError as error:  # callers then hear these in English
        say(f"Asterisk's own words were not made: {error}")
    return made


# -- put in force ----------------------------------------------------------------------------------


async def _put(settings: Settings, doors: Doors, wanted: _Wanted, entry: Entry, say: Say) -> Applied:
    """Switch, and drain what no call needs. The roster is written before anything is changed."""
    new = await _next(doors, wanted, entry)
    people = new.record and new.record.roster
    crew = _Crew(settings, people or wanted.roster)
    crew.prepare()
    try:
        applied = await _switch(doors, new, crew, say)
        if not applied.changed:
            await crew.take_over()
    finally:
        crew.fresh.unlink(missing_ok=True)
    drained = await _drain(doors, say, settings.roster_file)
    if drained and new.kept:
        crew.told = await tell_daemon(settings)
    draining = await _draining(doors)
    return msgspec.structs.replace(applied, drained=drained, draining=draining, daemon=crew.told)


async def _next(doors: Doors, wanted: _Wanted, entry: Entry) -> Revision:
    """Calls may enter the old generation until the very switch, so it is kept now and drained after."""
    old = conf.read_current(doors.node)
    keep = set(await reload.calls_by_generation(doors)) | ({old.manifest.generation} if old else set())
    found = changes(old.record.model if old and old.record else {}, wanted.model)
    entry = msgspec.structs.replace(
        entry, generation=wanted.plan.generation, site=wanted.site, summary=summary(found)
    )
    about = About(entry, wanted.model, wanted.roster, tuple(_lines(found)), wanted.secrets)
    return conf.build(wanted.plan, wanted.music, old, keep, about)


def _lines(found: Iterable[Change]) -> list[str]:
    return [line for change in found for line in change.lines()]


async def _switch(doors: Doors, new: Revision, crew: "_Crew", say: Say) -> Applied:
    old, broken_off = conf.read_current(doors.node), conf.is_broken_off(doors.node)
    generation = new.manifest.generation
    foreign = await reload.differences(doors, old) if old and not broken_off else []
    in_force = old and not broken_off and not foreign and await reload.serving(doors) == generation
    if old and in_force and same(old, new) and _same_site(old, new) and not drift.edits(old):
        return Applied(generation, old.manifest.change, changed=False)
    if broken_off:
        say("the last apply was broken off: everything is loaded again")
    if foreign:
        say(f"Asterisk does not have what was applied ({foreign[0]}): everything is loaded again")
    hand = drift.keep_copies(doors.node, old) if old else []
    modules = reload.changed_modules(None if broken_off or foreign else old, new)
    back = await _way_back(doors, old) if broken_off else old
    try:
        await reload.switch(doors, back, new, modules, say, crew.take_over)
    except ApplyError:
        await crew.give_back()
        raise
    return Applied(generation, new.manifest.change, changed=True, reloaded=tuple(modules), hand=tuple(hand))


async def _way_back(doors: Doors, current: Revision | None) -> Revision | None:
    """After an apply that was broken off: the one before it, unless calls may be in its flows already."""
    if current and await reload.serving(doors) == current.manifest.generation:
        return current
    return conf.read_loaded(doors.node)


def _same_site(old: Revision, new: Revision) -> bool:
    """What the daemon alone reads, and what nobody reads, is a change for the history as well."""
    if not (old.record and new.record):
        return False
    return old.record.roster == new.record.roster and not new.record.details


def same(old: Revision, new: Revision) -> bool:
    """Nothing to load; generations that only wait to be drained do not count."""
    stable = {path for path in old.files | new.files if not path.startswith("dialplan/")}
    paths = stable - {"extensions.conf"} | {conf.flows_file(new.manifest.generation)}
    return all(old.files.get(path) == new.files.get(path) for path in paths)


def model_key(node: Node) -> bytes:
    """What secrets are hidden with in the models; made once. Without it every secret seems to change."""
    path = conf.folder(node) / "model.key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as file:
            file.write(os.urandom(32))
    except FileExistsError:
        pass
    except OSError as error:
        raise ApplyError(f"{path} cannot be written: {error.strerror}", "nothing was changed") from None
    return path.read_bytes()


# -- the daemon's list -----------------------------------------------------------------------------


class _Crew:
    """The roster: written beside the one that counts, put in its place in the switch, and taken back."""

    def __init__(self, settings: Settings, people: Roster) -> None:
        self.settings = settings
        self.people = people
        self.told = ""
        self.before: bytes | None = None
        self.fresh = Path(settings.roster_file).with_suffix(".new")

    def prepare(self) -> None:
        self.fresh = write_roster(self.settings, to_json(self.people))

    async def take_over(self) -> None:
        """A daemon that runs must take it, else the switch did not succeed."""
        current = Path(self.settings.roster_file)
        self.before = current.read_bytes() if current.exists() else b""
        put_roster(self.settings, self.fresh)
        self.told = await tell_daemon(self.settings, self.people.generation)
        if self.told.startswith("refused"):
            raise ApplyError(f"the daemon {self.told}")

    async def give_back(self) -> None:
        if self.before is None:
            return
        if self.before:
            put_roster(self.settings, write_roster(self.settings, self.before))
        else:
            Path(self.settings.roster_file).unlink(missing_ok=True)
        self.told = await tell_daemon(self.settings)


def write_roster(settings: Settings, data: bytes) -> Path:
    """Beside the one that counts, before anything is switched: a full disk shows here."""
    fresh = Path(settings.roster_file).with_suffix(".new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
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
            f"{settings.roster_file} cannot be written: {error.strerror}", "make it writable"
        ) from None


# -- drain -----------------------------------------------------------------------------------------


async def _drain(doors: Doors, say: Say, roster_file: str = "") -> tuple[str, ...]:
    before = conf.read_current(doors.node)
    drained = await reload.drain_locked(doors, say)
    after = conf.read_current(doors.node)
    if roster_file and before and after and before.kept and not after.kept:
        _shrink_roster(Path(roster_file), after)
    prompts.remove_unused(doors.node.sounds_dir, conf.sounds_in_use(doors.node))
    return drained


def _shrink_roster(path: Path, after: Revision) -> None:
    """The queues that only old calls needed are gone from Asterisk: from the daemon's list as well."""
    home = Settings(home=str(path.parent))
    if people := after.record and after.record.roster:
        put_roster(home, write_roster(home, to_json(people)))


async def _draining(doors: Doors) -> dict[str, int]:
    current = conf.read_current(doors.node)
    if not current:
        return {}
    calls = await reload.calls_by_generation(doors)
    old = set(current.manifest.generations) - {current.manifest.generation}
    return {generation: calls.get(generation, 0) for generation in sorted(old)}


async def drain(node: Node, ari: Ari, ami: Ami, roster_file: str = "") -> tuple[str, ...]:
    """For the daemon, now and then: remove what no call needs any more; returns those generations."""
    doors = Doors(node, ari, ami)
    current = await asyncio.to_thread(conf.read_current, node)
    if not current or not current.is_draining:
        return ()
    with conf.lock(node):
        return await _drain(doors, lambda text: None, roster_file)

"""The generated configuration on disk: numbered revisions and one symlink that says which one counts.

    <etc>/ccctl/r000012/extensions.conf  entry.conf  dialplan/<generation>.conf  pjsip.conf ...
                        revision.json  record
    <etc>/ccctl/current -> r000012

A revision is written whole, flushed, and only then `current` is swapped: a crash, a full disk or a
read-only folder leave the old one in force.
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from ccctl.asterisk.node import Node
from ccctl.asterisk.record import RECORD, Entry, Record, pack, unpack
from ccctl.errors import ApplyError
from ccctl.flow.compile import Plan
from ccctl.flow.compile_http import SECRETS
from ccctl.flow.dialplan import Section, value
from ccctl.flow.dialplan import render as render_dialplan
from ccctl.flow.retire import joined, retired
from ccctl.flow.roster import Roster, with_retired, without_queues

LEAST = 6  # characters of a secret that is looked for in files
MANIFEST = "revision.json"
_REVISION = re.compile(r"r(\d{6})")


class Manifest(msgspec.Struct, frozen=True):
    """What a revision holds. `generations`: generation -> the sounds its flows play."""

    revision: str
    generation: str
    generations: dict[str, tuple[str, ...]]
    entry: Entry | None = None  # None: made by a version that kept no history

    @property
    def change(self) -> str:
        """The revision that made what this one holds."""
        return self.entry.revision if self.entry else self.revision


class Revision(msgspec.Struct, frozen=True):
    """A revision's files: path inside its folder -> text, as they are on the disk now."""

    manifest: Manifest
    files: dict[str, str]
    record: Record | None = None

    @property
    def written(self) -> dict[str, str]:
        """The files as they were written, whatever somebody made of them."""
        return self.record.files if self.record else self.files

    @property
    def kept(self) -> dict[str, tuple[Section, ...]]:
        """What is not in the site any more and stays for older generations."""
        return self.record.kept if self.record else {}

    @property
    def is_draining(self) -> bool:
        """Something waits for the end of older calls."""
        music = bool(self.record and set(self.record.music) - set(self.record.plan.music))
        return len(self.manifest.generations) > 1 or bool(self.kept) or music


class About(msgspec.Struct, frozen=True):
    """What a revision is, beside its files."""

    entry: Entry | None = None  # its `revision` is filled in
    model: dict[str, Any] = {}
    roster: Roster | None = None
    details: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()


ABOUT_NOTHING = About()


def folder(node: Node) -> Path:
    return Path(node.etc_dir) / "ccctl"


# -- text ------------------------------------------------------------------------------------------


@cache
def templates() -> jinja2.Environment:
    environment = shipped("templates")
    environment.filters["value"] = value
    return environment


def shipped(where: str) -> jinja2.Environment:
    """Of one folder of templates in the package; each kind of file has filters of its own."""
    source = package_files("ccctl.asterisk_conf").joinpath(where)
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: source.joinpath(name).read_text("utf-8")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration, not HTML
    )


def build(
    plan: Plan, music: Mapping[str, str], old: Revision | None, keep: set[str], about: About = ABOUT_NOTHING
) -> Revision:
    """The next revision: this plan, and what the generations in `keep` need of `old`: their flows, and
    what is not in the site any more.

    `music` says in which folder the files of a class are.
    """
    sounds = {plan.generation: tuple(sorted(prompt.sound for prompt in plan.prompts))}
    texts = {flows_file(plan.generation): _flows(plan)}
    if old:
        for generation in sorted(set(old.manifest.generations) & keep - {plan.generation}):
            sounds[generation] = old.manifest.generations[generation]
            texts[flows_file(generation)] = old.written[flows_file(generation)]
    kept = _retired(old.record, plan) if old and old.record and keep else {}
    music = {**(old.record.music if old and old.record and keep else {}), **music}
    number = _next(old)
    entry = about.entry and msgspec.structs.replace(about.entry, revision=number)
    manifest = Manifest(number, plan.generation, sounds, entry)
    files = {**_stable(plan, music, manifest, kept), **texts}
    people = about.roster
    if people and kept and old and old.record and old.record.roster:
        people = with_retired(people, old.record.roster, queues_of(kept))
    record = Record(plan, kept, dict(music), about.model, people, files, about.details, sorted_secrets(about))
    return Revision(manifest, files, record)


def sorted_secrets(about: About) -> tuple[str, ...]:
    """Those that can be looked for in files: a short one would hide half of them."""
    return tuple(sorted(secret for secret in about.secrets if len(secret) >= LEAST))


def queues_of(kept: Mapping[str, tuple[Section, ...]]) -> list[str]:
    return [section.name for section in kept.get("queues.conf", ())]


def _retired(old: Record, plan: Plan) -> dict[str, tuple[Section, ...]]:
    """What stays of the plan before, and of those before it."""
    lock = secrets.token_urlsafe(18)
    now = retired(old.plan.sections, plan.sections, lock)
    earlier = retired(
        old.kept, {path: (*plan.sections[path], *now.get(path, ())) for path in plan.sections}, ""
    )
    both = {path: joined(earlier.get(path, ()), now.get(path, ())) for path in (*earlier, *now)}
    return {path: sections for path, sections in both.items() if sections}


def flows_file(generation: str) -> str:
    return f"dialplan/{generation}.conf"


def _next(old: Revision | None) -> str:
    return f"r{int(old.manifest.revision[1:]) + 1 if old else 1:06}"


def _flows(plan: Plan) -> str:
    template = templates().get_template("dialplan.conf.j2")
    return template.render(generation=plan.generation, contexts=render_dialplan(plan.contexts))


def _stable(
    plan: Plan, music: Mapping[str, str], manifest: Manifest, kept: Mapping[str, tuple[Section, ...]]
) -> dict[str, str]:
    environment = templates()
    sections = environment.get_template("sections.conf.j2")
    return {
        "extensions.conf": _start(manifest),
        "entry.conf": render_dialplan(plan.entry),
        **{
            name: sections.render(sections=joined(found, kept.get(name, ())))
            for name, found in plan.sections.items()
        },
        "musiconhold.conf": environment.get_template("musiconhold.conf.j2").render(classes=music.items()),
    }


def own(revision: Revision) -> dict[str, str]:
    """The stable files and flows of the site alone, without what stays for older generations."""
    record, manifest = revision.record, revision.manifest
    if not record:
        return revision.files
    music = {name: record.music[name] for name in record.plan.music}
    flows = flows_file(manifest.generation)
    return {**_stable(record.plan, music, manifest, {}), flows: record.files[flows]}


def _start(manifest: Manifest) -> str:
    template = templates().get_template("extensions.conf.j2")
    return template.render(generation=manifest.generation, generations=sorted(manifest.generations))


def without(old: Revision, generations: set[str]) -> Revision:
    """The next revision: `old` without the flows of some generations. The last of them takes along what
    is not in the site any more."""
    left = {name: sounds for name, sounds in old.manifest.generations.items() if name not in generations}
    manifest = msgspec.structs.replace(old.manifest, revision=_next(old), generations=left)
    gone = {flows_file(generation) for generation in generations}
    texts = {path: text for path, text in old.written.items() if path not in gone}
    record = old.record
    if record and len(left) == 1:
        texts.update(own(old))
        music = {name: record.music[name] for name in record.plan.music}
        people = record.roster and without_queues(record.roster, queues_of(record.kept))
        record = msgspec.structs.replace(record, kept={}, music=music, roster=people)
    texts["extensions.conf"] = _start(manifest)
    record = record and msgspec.structs.replace(record, files=texts)
    return Revision(manifest, texts, record)


# -- disk ------------------------------------------------------------------------------------------


def read_current(node: Node) -> Revision | None:
    """The revision that `current` points to; None before the first apply."""
    return _read(folder(node) / "current")


def mark_loaded(node: Node, revision: str) -> None:
    """Asterisk has loaded it and was asked what it has. Until then an apply that dies left it half done."""
    fresh = folder(node) / "loaded.new"
    try:
        fresh.write_text(revision)
        fresh.replace(folder(node) / "loaded")
    except OSError as error:
        raise ApplyError(f"{fresh} cannot be written: {error.strerror}") from None


def loaded(node: Node) -> str:
    """The name of the revision that was last loaded to its end; '' before the first."""
    with suppress(OSError, UnicodeDecodeError):
        name = (folder(node) / "loaded").read_text().strip()
        return name if _REVISION.fullmatch(name) else ""
    return ""


def read_loaded(node: Node) -> Revision | None:
    """The revision that was last loaded to its end; None when there is none or it is gone."""
    return read_revision(node, loaded(node))


def is_broken_off(node: Node) -> bool:
    """The last apply died between the switch and its end: what Asterisk has loaded is not known."""
    current = read_manifest(node, "current")
    return current is not None and current != read_manifest(node, loaded(node))


def _read(path: Path) -> Revision | None:
    try:
        manifest = msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)
        texts = {
            str(file.relative_to(path)): file.read_text("utf-8", errors="replace")
            for file in sorted(path.rglob("*.conf"))
        }
        record = unpack((path / RECORD).read_bytes()) if (path / RECORD).exists() else None
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ApplyError(f"{path}: the revision in force cannot be read: {error}") from None
    return Revision(manifest, texts, record)


def read_manifest(node: Node, revision: str) -> Manifest | None:
    """None when it is not there (any more), or cannot be read."""
    try:
        return msgspec.json.decode((folder(node) / revision / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return None


def read_revision(node: Node, revision: str) -> Revision | None:
    return _read(folder(node) / revision) if _REVISION.fullmatch(revision) else None


def write(node: Node, revision: Revision) -> None:
    """The whole revision onto the disk, durable, not yet in force."""
    target = folder(node) / revision.manifest.revision
    try:
        shutil.rmtree(target, ignore_errors=True)
        (target / "dialplan").mkdir(parents=True, mode=0o750)
        group = Path(node.etc_dir).stat().st_gid
        for path, text in revision.files.items():
            _write_file(target / path, text.encode(), group)
        if revision.record:
            _write_file(target / RECORD, pack(revision.record), group)
        _write_file(target / MANIFEST, msgspec.json.encode(revision.manifest), group)
        for each in (target, target / "dialplan", folder(node)):
            _own(each, group)
            _sync(each)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise ApplyError(f"{target} cannot be written: {error.strerror}", "nothing was changed") from None


def _write_file(path: Path, data: bytes, group: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    _own(path, group)


def _own(path: Path, group: int) -> None:
    """Asterisk often runs as a user of its own and reads by its group."""
    with suppress(PermissionError):
        os.chown(path, -1, group)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def swap(node: Node, revision: str | None) -> None:
    """Put a revision in force for Asterisk's next (re)load, in one step. None: none at all."""
    link = folder(node) / "current"
    try:
        if revision is None:
            link.unlink(missing_ok=True)
            return
        fresh = folder(node) / "current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(revision)
        fresh.replace(link)
        _sync(folder(node))
    except OSError as error:
        raise ApplyError(f"{link} cannot be changed: {error.strerror}") from None


def remove(node: Node, revision: str) -> None:
    shutil.rmtree(folder(node) / revision, ignore_errors=True)


def revisions(node: Node) -> list[str]:
    """Names of the revisions on disk, oldest first."""
    with suppress(FileNotFoundError):
        return sorted(path.name for path in folder(node).iterdir() if _REVISION.fullmatch(path.name))
    return []


def sounds_in_use(node: Node) -> set[str]:
    """The sounds of every generation of every revision on disk."""
    found = (read_manifest(node, revision) for revision in revisions(node))
    return {sound for each in found if each for sounds in each.generations.values() for sound in sounds}


def secrets_in_use(node: Node) -> set[str]:
    """Names of the secrets that the flows of any revision on disk read from AstDB."""
    texts = (path.read_text("utf-8") for path in folder(node).glob("r*/dialplan/*.conf"))
    return {name for text in texts for name in re.findall(rf"DB\({SECRETS}/([\w.-]+)\)", text)}


@contextmanager
def lock(node: Node) -> Iterator[None]:
    """One apply at a time. The lock is the kernel's, so a dead process holds none; the pid is for people."""
    path = folder(node) / "apply.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    except OSError as error:
        raise ApplyError(f"{path} cannot be written: {error.strerror}", "nothing was changed") from None
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "unknown"
            raise ApplyError(
                f"another apply is at work (pid {holder})", "wait for it and try again"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield

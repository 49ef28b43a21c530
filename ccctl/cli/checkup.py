"""What `ccctl doctor` looks at on this machine: settings, disk, database, daemon, sounds, ports, log."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from ccctl.asterisk import conf, corewords
from ccctl.asterisk.node import Node
from ccctl.cli.client import Client
from ccctl.errors import CcctlError, DaemonDown
from ccctl.flow import roster
from ccctl.flow.model import Tree
from ccctl.flow.roster import Roster
from ccctl.runtime.settings import Settings

State = Literal["ok", "warn", "fail"]

LITTLE_SPACE = 200 * 1024**2  # below: recordings and journal are about to fail
SOME_SPACE = 2 * 1024**3
TONE = "beep"  # no word: it is the same in every language
PACKAGED = ("en", "es", "fr", "it", "ru")  # Asterisk's own words, by Debian


class Finding(msgspec.Struct, frozen=True):
    """`hint` says what to do; empty when there is nothing to do."""

    check: str
    state: State
    text: str
    hint: str = ""


def guarded(check: str, look: Callable[[], Finding]) -> Finding:
    """A check that cannot be made is a finding, not the end of the others."""
    try:
        return look()
    except CcctlError as error:
        return Finding(check, "fail", error.text, error.hint)
    except OSError as error:
        return Finding(check, "fail", f"{error.filename or check}: {error.strerror}")


def read_roster(settings: Settings) -> Roster | None:
    try:
        return roster.from_json(Path(settings.roster_file).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None


def local(settings: Settings) -> Iterator[Finding]:
    """The checks that need no Asterisk."""
    yield guarded("settings", lambda: _settings(settings))
    yield guarded("home", lambda: _home(settings))
    for name, place in _places(settings):
        yield guarded(name, lambda name=name, place=place: _disk(name, place))  # type: ignore[misc]
    yield guarded("database", lambda: _database(settings))
    daemon, finding = _daemon(settings)
    yield finding
    yield from _ports(settings, daemon)
    yield guarded("site", lambda: _site(settings, daemon))
    yield guarded("drift", lambda: _drift(settings.node))
    yield guarded("speech", _speech)
    yield guarded("sounds", lambda: _sounds(settings))
    yield guarded("event log", lambda: _event_log(settings.node))


# -- one function per check ---------------------------------------------------------------------------


def _settings(settings: Settings) -> Finding:
    path = Path(settings.home) / "settings.yaml"
    if path.stat().st_mode & 0o077:
        return Finding(
            "settings", "fail", f"{path} holds secrets and others may read it", f"chmod 600 {path}"
        )
    return Finding("settings", "ok", str(path))


def _home(settings: Settings) -> Finding:
    with tempfile.TemporaryFile(dir=settings.home) as file:
        file.write(b"x")
    return Finding("home", "ok", f"{settings.home} can be written")


def _places(settings: Settings) -> list[tuple[str, str]]:
    node = settings.node
    return [
        ("disk home", settings.home),
        ("disk recordings", node.recordings_dir if Path(node.recordings_dir).is_dir() else node.spool_dir),
        ("disk log", node.log_dir),
    ]


def _disk(name: str, place: str) -> Finding:
    free = shutil.disk_usage(place).free
    text = f"{free / 1024**3:.1f} GB free for {place}"
    if free < LITTLE_SPACE:
        return Finding(name, "fail", text, "free some space at once: nothing can be recorded without")
    if free < SOME_SPACE:
        return Finding(name, "warn", text, "free some space, or export and delete old recordings")
    return Finding(name, "ok", text)


def _database(settings: Settings) -> Finding:
    from ccctl.store import db

    have, head = db.current(settings.database_url)
    if have == head:
        return Finding("database", "ok", f"reachable, tables are at {have}")
    if not have:
        return Finding("database", "warn", "has no tables yet", "'ccctl serve' makes them")
    return Finding("database", "fail", f"tables are at {have}, needed is {head}", "run 'ccctl db upgrade'")


def _daemon(settings: Settings) -> tuple[dict[str, Any] | None, Finding]:
    try:
        status = Client(settings).get("status")
    except DaemonDown as error:
        text = f"{error.text}; Asterisk serves the queues by itself"
        return None, Finding("daemon", "warn", text, error.hint)
    except CcctlError as error:
        return None, Finding("daemon", "fail", error.text, error.hint)
    state = status.get("journal", {})
    trouble = state.get("error") or state.get("spool_error") or (state.get("lost") and "events were lost")
    if trouble:
        return status, Finding(
            "daemon", "fail", f"the journal is not written: {trouble}", "see 'ccctl status'"
        )
    return status, Finding("daemon", "ok", f"runs, version {status.get('version', '?')}")


def _ports(settings: Settings, daemon: dict[str, Any] | None) -> Iterator[Finding]:
    """With the daemon running they are its own; before it starts they must be free."""
    wanted = {"port events": settings.node.events_port, "port web": settings.web_port}
    for name, port in wanted.items():
        if port:
            yield _port(name, port, daemon is not None)


def _port(name: str, port: int, in_use: bool) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if in_use:
                return Finding(name, "ok", f"{port} is served")
            return Finding(name, "fail", f"{port}: {error.strerror}", "end what uses it, or change the port")
    if in_use:
        return Finding(name, "fail", f"the daemon runs but does not serve {port}", "restart 'ccctl serve'")
    return Finding(name, "ok", f"{port} is free for the daemon")


def _site(settings: Settings, daemon: dict[str, Any] | None) -> Finding:
    people, current = read_roster(settings), conf.read_current(settings.node)
    if people is None or current is None:
        return Finding("site", "warn", "no site was applied yet", "run 'ccctl apply SITE'")
    if conf.is_broken_off(settings.node):
        return Finding(
            "site", "fail", "the last apply was broken off before its end", "run 'ccctl apply SITE' again"
        )
    have = {"the daemon's list": people.generation, "Asterisk's files": current.manifest.generation}
    if daemon is not None:
        have["the daemon"] = str(daemon.get("system", {}).get("generation", ""))
    if len(set(have.values())) == 1:
        return Finding("site", "ok", f"generation {people.generation} everywhere")
    text = ", ".join(f"{place} has {generation or 'none'}" for place, generation in have.items())
    return Finding("site", "fail", text, "run 'ccctl apply SITE' again")


def _drift(node: Node) -> Finding:
    """Only files: what Asterisk has in memory is looked at by 'ccctl drift'."""
    from ccctl.asterisk import drift
    from ccctl.runtime.diff import edit_line, secrets_of

    current = conf.read_current(node)
    edits = drift.edits(current) if current else []
    if not edits:
        return Finding("drift", "ok", "the generated files are as they were written")
    more = f", and {len(edits) - 1} more" if len(edits) > 1 else ""
    return Finding(
        "drift",
        "warn",
        f"{edit_line(edits[0], secrets_of(current))}{more}",
        "bring the change into the site, and apply it",
    )


def _speech() -> Finding:
    """What makes sounds: a text-to-speech engine, and what brings every sound into form."""
    from ccctl.asterisk import loudness

    lacking = [name for name in ("espeak-ng", "sox") if not shutil.which(name)]
    lacking += [] if loudness.present() else ["libebur128-1"]
    if not lacking:
        return Finding("speech", "ok", f"{shutil.which('espeak-ng')}, sox, libebur128")
    text = f"{', '.join(lacking)} not there: prompts and music cannot be made"
    return Finding("speech", "warn", text, f"apt install {' '.join(lacking)}")


def _sounds(settings: Settings) -> Finding:
    """Asterisk's own words. What a language lacks Asterisk takes without a language, or from English."""
    current = conf.read_current(settings.node)
    if current is None or current.record is None:
        return Finding("sounds", "ok", "looked at when a site is applied")
    model, folder = current.record.model, Path(settings.node.sounds_dir)
    languages = _languages(model, read_roster(settings))
    words = ["digits/1", *(["vm-intro"] if model.get("mailboxes") else [])]
    common = {name for name in (*words, TONE) if _is_there(folder, name) or _is_there(folder / "en", name)}
    lacking = {
        language: [word for word in words if not _speaks(folder, language, word)] for language in languages
    }
    silent = {name for names in lacking.values() for name in names} - common
    silent |= {TONE for language in languages if not _speaks(folder, language, TONE)} - common
    if silent:
        text = f"calls hear nothing where Asterisk would say {', '.join(sorted(silent))}: not in {folder}"
        return Finding("sounds", "warn", text, _install("en", folder))
    foreign = [language for language, names in lacking.items() if names]
    if foreign:
        text = f"Asterisk has no words of its own in {', '.join(foreign)}: such calls hear them in English"
        return Finding(
            "sounds", "warn", text, "; ".join(dict.fromkeys(_install(each, folder) for each in foreign))
        )
    return Finding("sounds", "ok", f"Asterisk speaks {', '.join(languages)}")


def _languages(model: Tree, people: Roster | None) -> list[str]:
    """Of callers at every place, and of the people at the phones."""
    places = [model.get("defaults", {}), *model.get("sites", {}).values()]
    users = people.users.values() if people else ()
    return sorted(
        {language for each in places for language in each.get("languages", ())} | {u.language for u in users}
    )


def _speaks(folder: Path, language: str, name: str) -> bool:
    """Asterisk looks for de_AT, then for de."""
    return any(_is_there(folder / each, name) for each in (language, language.partition("_")[0]))


def _is_there(folder: Path, name: str) -> bool:
    return any(folder.glob(f"{name}.*"))


def _install(language: str, folder: Path) -> str:
    base = language.partition("_")[0]
    if base in corewords.LANGUAGES:
        return f"'ccctl apply SITE' speaks those in {base}"
    if base not in PACKAGED:
        return f"put recordings of them into {folder / base}, called as those in {folder / 'en'}"
    package = f"apt install asterisk-core-sounds-{base}-wav"
    if folder == Path(Node().sounds_dir):
        return package
    return f"{package}, and copy {Path(Node().sounds_dir) / base} to {folder / base}"


def _event_log(node: Node) -> Finding:
    path = Path(node.cel_file)
    if not path.parent.is_dir():
        hint = "let cel_custom.conf write ccctl.csv there"
        return Finding("event log", "fail", f"{path.parent} is not there", hint)
    if not path.exists():
        return Finding("event log", "warn", f"{path} has no record yet", "it begins with the first call")
    if not os.access(path, os.R_OK):
        return Finding("event log", "fail", f"{path} cannot be read", "add this user to Asterisk's group")
    age = max(0, round((time.time() - path.stat().st_mtime) / 60))
    return Finding("event log", "ok", f"{path}, last record {age} min ago")

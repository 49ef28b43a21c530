"""A site folder to a checked Site: reads the files, the secrets and the recordings around the pure reader."""

import atexit
import datetime
import gc
import hashlib
import os
import shlex
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccctl.diagnostics import Diagnostic, Severity, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow.checks import ordered, read_and_check
from ccctl.flow.graph import Site
from ccctl.flow.overlay import lay_over
from ccctl.flow.schema import Document, Draft
from ccctl.flow.schema_types import Folder, Recording, secret_variable
from ccctl.flow.source import Mapping, Node, Scalar, parse
from ccctl.flow.values import Wrong
from ccctl.runtime.files import SECRETS, SiteFiles, read_file
from ccctl.runtime.readcache import ReadCache

COMMAND_SECONDS = 15
atexit.register(gc.freeze)  # a process that ends need not look for circles in the site that it has read


def load_site(
    root: str | Path, today: datetime.date | None = None, used: set[str] | None = None
) -> tuple[Site | None, list[Diagnostic]]:
    """The site, or None when there is any error; and every finding, in the order of the files. Values of
    secrets are added to `used`."""
    return _whole(*load_draft(root, today, used))


def _whole(draft: Draft | None, found: list[Diagnostic]) -> tuple[Site | None, list[Diagnostic]]:
    wrong = draft is None or any(finding.severity is Severity.ERROR for finding in found)
    return (None if wrong or draft is None else draft.site), found


def load_changed(root: str | Path, change: str) -> tuple[Site | None, list[Diagnostic]] | Wrong:
    """As load_site, with the YAML file `change` laid over the site; Wrong: what that file is not."""
    with no_collections():
        files = SiteFiles(Path(root))
        documents = files.read_documents()
        over = files.read_change(change)
        if isinstance(over, Wrong):
            return over
        documents, found = lay_over(documents, over)
        files.findings += found
        return _whole(*_read_draft(files, documents, _today()))


def load_draft(
    root: str | Path, today: datetime.date | None = None, used: set[str] | None = None
) -> tuple[Draft | None, list[Diagnostic]]:
    """What can be read of the site, errors or not; None when there is nothing to read."""
    with no_collections():
        return _load_draft(Path(root), today or _today(), ReadCache(), used)


@contextmanager
def no_collections() -> Iterator[None]:
    """A site is a tree of many small things: looking for circles in it took half of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.freeze()  # and back: what was made counts as old, and is not looked through at once
            gc.unfreeze()
            gc.enable()


def _load_draft(
    folder: Path, today: datetime.date, cache: ReadCache, used: set[str] | None
) -> tuple[Draft | None, list[Diagnostic]]:
    root = str(folder)
    if not folder.is_dir():
        why = "is not a folder" if folder.exists() else "does not exist"
        return None, [
            findings.unreadable(Span(str(root)), f"the site folder {why}", "give the folder of the site")
        ]
    files = SiteFiles(folder, cache)
    documents = files.read_documents()
    if not documents and not files.findings:
        text = "there is no .yaml file in this folder"
        return None, [findings.unreadable(Span(str(root)), text, "run 'ccctl init' to begin with an example")]
    return _read_draft(files, documents, today, used)


def _read_draft(
    files: SiteFiles, documents: list[Document], today: datetime.date, used: set[str] | None = None
) -> tuple[Draft, list[Diagnostic]]:
    folder, cache = files.folder, files.cache
    secrets = Secrets(folder / SECRETS, files.show(SECRETS))
    around = Folder(
        secret=secrets.value,
        read=files.read_named,
        sounds=_scan_sounds(folder),
        shown=files.shown,
        today=today,
        recall=cache.get,
        keep=cache.put,
        query=_query,
    )
    draft, found = read_and_check(documents, around, str(folder.resolve()), not files.unparsed)
    if used is not None:
        used.update(value for value in secrets.known.values() if isinstance(value, str))
    cache.clear_old()
    return draft, ordered([*files.findings, *secrets.findings, *found])


def _query(address: str, sql: str, most: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]] | Wrong:
    from ccctl.store.lookup import read_rows  # most sites have no foreign database, and the door is heavy

    return read_rows(address, sql, most)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


class Secrets:
    """Values of !secret: from the environment, else from secrets.yaml. A finding never shows a value."""

    def __init__(self, path: Path, shown: str) -> None:
        self.shown = shown
        self.findings: list[Diagnostic] = []
        self.unreadable = False
        self.values = self._read(path)
        self.known: dict[str, str | Wrong] = {}

    def value(self, name: str) -> str | Wrong:
        if name not in self.known:
            self.known[name] = self._find(name)
        return self.known[name]

    def _find(self, name: str) -> str | Wrong:
        variable = secret_variable(name)
        node = self.values.get(name)
        if os.environ.get(variable):
            value: str | Wrong = os.environ[variable]
        elif self.unreadable:
            value = Wrong(f"may be in {self.shown}, which cannot be read", "")
        elif isinstance(node, Mapping):
            command = node.get("command")
            value = _run(command.text) if isinstance(command, Scalar) else Wrong("has no command", "")
        elif isinstance(node, Scalar):
            value = node.text
        else:
            value = Wrong("is a list, not a text", "") if node else Wrong(f"is not in {self.shown}", "")
        if isinstance(value, str) and (not value.strip() or not value.isprintable()):
            value = Wrong("is empty" if not value.strip() else "has characters that cannot be typed", "")
        return value

    def _read(self, path: Path) -> dict[str, Node]:
        try:
            mode = path.stat().st_mode & 0o777
            data = read_file(path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.unreadable = True
            text = f"the file cannot be read: {error.strerror}"
            self.findings.append(findings.unreadable(Span(self.shown), text))
            return {}
        if mode & 0o077:
            self.findings.append(faults.open_secrets(Span(self.shown), f"{mode:04o}"))
        parsed = parse(data, self.shown)
        for finding in parsed.findings:
            if finding.code != "E916":
                self.findings.append(
                    findings.syntax(finding.span, "see this line", "quote the value of a secret")
                )
        if isinstance(parsed.root, Mapping):
            return {word.text: node for word, node in parsed.root.entries}
        return {}


def _run(command: str) -> str | Wrong:
    """The first line that a command of secrets.yaml prints. No shell, so nothing is expanded."""
    try:
        words = shlex.split(command)
        done = subprocess.run(  # noqa: S603 - the owner of secrets.yaml wrote it
            words,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        return Wrong(f"cannot be had: its command failed ({type(error).__name__})", "")
    if done.returncode:
        return Wrong(f"cannot be had: its command ended with {done.returncode}", "")
    return done.stdout.split("\n", 1)[0]


# -- recordings ------------------------------------------------------------------------------------


def _scan_sounds(folder: Path) -> dict[str, Recording]:
    """Recordings of prompts below sounds/; sounds/moh/ holds music, which has other formats."""
    result: dict[str, Recording] = {}
    for path in sorted((folder / "sounds").rglob("*.wav")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith("sounds/moh/"):
            result[name] = _recording(path, name)
    return result


def _recording(path: Path, name: str) -> Recording:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with wave.open(str(path), "rb") as sound:
            rate, channels, width = sound.getframerate(), sound.getnchannels(), sound.getsampwidth()
    except OSError as error:
        return Recording(name, "", f"the file cannot be read: {error.strerror}")
    except (wave.Error, EOFError, ValueError):
        return Recording(name, digest, "this is not a WAV file with plain samples")
    if rate in (8000, 16000) and channels == 1 and width == 2:
        return Recording(name, digest)
    kind = {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
    return Recording(name, digest, f"{rate / 1000:g} kHz {kind} {8 * width}-bit")

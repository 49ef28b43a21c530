"""A site folder to a checked Site: reads the files, the secrets and the recordings around the pure reader."""

import datetime
import errno
import glob
import hashlib
import os
import shlex
import subprocess
import wave
from pathlib import Path

from ccctl.diagnostics import Diagnostic, Severity, Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow.checks import check_draft
from ccctl.flow.graph import Site
from ccctl.flow.schema import Document, Draft, include_patterns, read_site
from ccctl.flow.schema_types import Folder, Recording, secret_variable
from ccctl.flow.source import Mapping, Node, Scalar, parse
from ccctl.flow.values import Wrong

SECRETS = "secrets.yaml"
COMMAND_SECONDS = 15


def load_site(root: str | Path, today: datetime.date | None = None) -> tuple[Site | None, list[Diagnostic]]:
    """The site, or None when there is any error; and every finding, in the order of the files."""
    draft, found = load_draft(root, today)
    wrong = draft is None or any(finding.severity is Severity.ERROR for finding in found)
    return (None if wrong or draft is None else draft.site), found


def load_draft(root: str | Path, today: datetime.date | None = None) -> tuple[Draft | None, list[Diagnostic]]:
    """What can be read of the site, errors or not; None when there is nothing to read."""
    folder = Path(root)
    if not folder.is_dir():
        why = "is not a folder" if folder.exists() else "does not exist"
        return None, [
            findings.unreadable(Span(str(root)), f"the site folder {why}", "give the folder of the site")
        ]
    files = SiteFiles(folder)
    documents = files.read_documents()
    if not documents and not files.findings:
        text = "there is no .yaml file in this folder"
        return None, [findings.unreadable(Span(str(root)), text, "run 'ccctl init' to begin with an example")]
    secrets = Secrets(folder / SECRETS, files.show(SECRETS))
    around = Folder(secrets.value, files.read_named, _scan_sounds(folder), files.shown, today or _today())
    draft, found = read_site(documents, around, str(folder.resolve()))
    if not files.unparsed:  # names of a file that could not be parsed would all seem unknown
        found = [*found, *check_draft(draft)]
    else:  # and its "ccctl: 1" would seem to be missing
        found = [finding for finding in found if finding.code != "E915"]
    return draft, sorted({*files.findings, *secrets.findings, *found}, key=_order)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _order(finding: Diagnostic) -> tuple[Span, str, str]:
    return finding.span, finding.code, finding.text


def _read_file(path: Path) -> bytes:
    """Only a file: a pipe or a device would be waited for without end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "this is not a file")
    return path.read_bytes()


def shown_prefix(folder: Path) -> str:
    """What stands before a site file's path when it is shown: short when the reader stands near it."""
    full, here = folder.resolve(), Path.cwd()
    if full == here:
        return ""
    return f"{full.relative_to(here) if full.is_relative_to(here) else folder}/"


class SiteFiles:
    """The YAML files of a folder: those at its top, and those that they include."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown = shown_prefix(folder)
        self.findings: list[Diagnostic] = []
        self.unparsed = False

    def show(self, path: str) -> str:
        return f"{self.shown}{path}"

    def read_documents(self) -> list[Document]:
        try:
            names = sorted(path.name for path in self.folder.iterdir() if path.suffix in (".yaml", ".yml"))
        except OSError as error:
            text = f"the folder cannot be read: {error.strerror}"
            self.findings.append(findings.unreadable(Span(str(self.folder)), text))
            return []
        waiting = [name for name in names if name != SECRETS]
        taken = set(waiting)
        documents: list[Document] = []
        while waiting:
            document = self._read_document(waiting.pop(0))
            if document is None:
                continue
            documents.append(document)
            included = [path for word in include_patterns(document) for path in self._included(word)]
            waiting += [path for path in dict.fromkeys(included) if path not in taken]
            taken.update(included)
        return documents

    def _read_document(self, path: str) -> Document | None:
        try:
            data = _read_file(self.folder / path)
        except OSError as error:
            text = f"the file cannot be read: {error.strerror}"
            self.findings.append(findings.unreadable(Span(self.show(path)), text))
            self.unparsed = True
            return None
        parsed = parse(data, self.show(path))
        self.findings += parsed.findings
        if parsed.root is None:
            self.unparsed = self.unparsed or any(finding.code != "E916" for finding in parsed.findings)
            return None
        return Document(self.show(path), parsed.root)

    def _included(self, word: Scalar) -> list[str]:
        if self._leaves(word.text):
            self._missing(
                word, f'include "{word.text}" leaves the folder of the site', "keep its files together"
            )
            return []
        paths = sorted(glob.glob(word.text, root_dir=self.folder, recursive=True))
        paths = [path for path in paths if path != SECRETS and (self.folder / path).is_file()]
        if not paths:
            self._missing(
                word, f'include "{word.text}" matches no file', "paths are relative to the site's folder"
            )
        return paths

    def _missing(self, word: Scalar, text: str, hint: str) -> None:
        self.findings.append(faults.missing_file(word.span, text, hint))

    def _leaves(self, path: str) -> bool:
        return os.path.isabs(path) or ".." in Path(path).parts

    def read_named(self, path: str) -> bytes | Wrong:
        """A file that the site names, for example a calendar."""
        if self._leaves(path):
            return Wrong("leaves the folder of the site", "keep its files together")
        try:
            return _read_file(self.folder / path)
        except FileNotFoundError:
            return Wrong("not found", "paths are relative to the site's folder")
        except OSError as error:
            return Wrong(f"cannot be read: {error.strerror}", "")


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
            data = _read_file(path)
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

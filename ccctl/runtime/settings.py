"""Where things are: the home folder, the database, the web address, the Asterisk node.

`home` is --home, else $CCCTL_HOME, else ./.ccctl when it exists, else /var/lib/ccctl.
Settings live in <home>/settings.yaml (mode 0600: it holds the AMI and ARI secrets).
"""

import os
import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ccctl.asterisk.node import Node, Port
from ccctl.diagnostics import did_you_mean
from ccctl.errors import SettingsError
from ccctl.flow.source import Mapping, parse

QUOTING = ("E910", "E906")  # findings that may quote the line that they are about: secrets stand here
_PLACE = re.compile(r"(.*) - at `\$\.(.*)`")  # of msgspec's errors


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    home: str = ""
    database: str = ""  # SQLAlchemy URL; '' = SQLite in the home folder
    web_host: str = "127.0.0.1"
    web_port: Port = 8090
    web_token: str = ""  # '' = the TCP port is read-only: wallboard, live feed and GET
    web_names: tuple[str, ...] = ()  # host names, besides localhost and this machine's, to be served
    phones_host: str = "127.0.0.1"  # where phones on desks fetch their files
    phones_port: Annotated[int, Meta(ge=0, le=65535)] = 0  # 0: nowhere
    phones_certificate: str = ""  # files; without them only on loopback
    phones_key: str = ""
    phones_folder: str = ""  # '' = phones in the home folder
    node: Node = Node()

    @property
    def phones(self) -> str:
        """The folder with what they fetch."""
        return self.phones_folder or f"{self.home}/phones"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.home}/ccctl.db"

    @property
    def socket(self) -> str:
        return f"{self.home}/ccctl.sock"

    @property
    def roster_file(self) -> str:
        """JSON of the roster that was last applied."""
        return f"{self.home}/roster.json"


def find_home(given: str | None = None) -> Path:
    if given or os.environ.get("CCCTL_HOME"):
        return Path(given or os.environ["CCCTL_HOME"]).resolve()
    local = Path(".ccctl").resolve()
    return local if local.is_dir() else Path("/var/lib/ccctl")


def load(home: str | None = None) -> Settings:
    folder = find_home(home)
    path = folder / "settings.yaml"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: no settings",
            "give --home, run 'ccctl lab up' for a lab, or write them (docs/operations.md, Settings)",
        ) from None
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    _refuse_unclear(data, str(path))
    try:
        settings = msgspec.yaml.decode(data, type=Settings)
    except msgspec.MsgspecError as error:
        found = _PLACE.fullmatch(str(error))
        what = f"{found[2]}: {found[1]}" if found else str(error)
        raise SettingsError(f"{path}: {what}", "correct the file") from None
    return msgspec.structs.replace(settings, home=str(folder))


def _refuse_unclear(data: bytes, path: str) -> None:
    """What is no YAML, written twice or not known would otherwise be a default without a word."""
    parsed = parse(data, path)
    for finding in parsed.findings:
        place = f"{path}:{finding.span.line}:{finding.span.column}"
        if finding.code in QUOTING:
            hint = "each line is a key, a ':', a blank and a value; quote a value with other signs in it"
            raise SettingsError(f"{place}: this is not YAML", hint)
        raise SettingsError(f"{place}: {finding.text}", finding.hint)
    if not isinstance(parsed.root, Mapping):
        raise SettingsError(f"{path}: this is not a list of 'key: value'", "correct the file")
    _refuse_unknown(parsed.root, Settings, path)
    node = parsed.root.get("node")
    if isinstance(node, Mapping):
        _refuse_unknown(node, Node, path)


def _refuse_unknown(found: Mapping, kind: type[msgspec.Struct], path: str) -> None:
    known = kind.__struct_fields__
    lines: dict[str, int] = {}
    for key, _ in found.entries:
        if key.text in lines:
            text = f"{path}:{key.span.line}: '{key.text}' is already written in line {lines[key.text]}"
            raise SettingsError(text, "keep one of them")
        lines[key.text] = key.span.line
        if key.text not in known:
            near = did_you_mean(key.text, known)
            hint = f"did you mean '{near}'?" if near else f"known: {', '.join(known)}"
            raise SettingsError(f"{path}:{key.span.line}: unknown key '{key.text}'", hint)


def save(settings: Settings) -> None:
    folder = Path(settings.home)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settings.yaml"
    temporary = path.with_suffix(".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.yaml.encode(settings))
    temporary.replace(path)

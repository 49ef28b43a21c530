"""The files of one lab Asterisk: <home>/pbx with its configuration, sounds, spool and logs.

The configuration comes from asterisk-conf/base. What a site adds is written by `ccctl apply`
into etc/ccctl and included from there; `prepare` never touches it.
"""

import os
from importlib import resources
from pathlib import Path

import jinja2
import msgspec

from ccctl.errors import LabError
from ccctl.lab.music import write_music
from ccctl.lab.ports import Ports
from ccctl.lab.provision import Tree

APP = "ccctl"
OUTBOUND_SINCE = (22, 5)
SOCKET_LIMIT = 107  # bytes in the path of a unix socket


class Secrets(msgspec.Struct, frozen=True):
    ami: str
    ari: str
    events: str


class Lab(msgspec.Struct, frozen=True):
    """One lab: where it lives, its ports and secrets. The program it runs is decided at `up`."""

    home: str
    name: str
    ports: Ports
    secrets: Secrets
    host: str = "127.0.0.1"
    user: str = "ccctl"  # of AMI, ARI and the outbound websocket

    @property
    def folder(self) -> Path:
        return Path(self.home) / "pbx"

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def conf(self) -> Path:
        return self.etc / "asterisk.conf"

    @property
    def sounds(self) -> Path:
        return self.folder / "data/sounds"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def run(self) -> Path:
        return self.folder / "run"


def prepare(lab: Lab, tree: Tree) -> None:
    """Folders, sounds and base configuration of a lab; what is there already is only completed."""
    if len(os.fsencode(lab.run / "asterisk.ctl")) > SOCKET_LIMIT:
        raise LabError(
            f"{lab.home}: the path is too long for Asterisk's control socket", "use a shorter --home"
        )
    try:
        _make_folders(lab)
        _link_data(lab, Path(tree.data))
        if not (music := lab.folder / "data/moh/melody.wav").exists():
            write_music(music)
        _write_base(lab, tree)
    except OSError as error:
        raise LabError(f"{error.filename}: {error.strerror}", "make room or choose another --home") from None


def _make_folders(lab: Lab) -> None:
    for folder in (
        lab.folder,  # nobody else goes in: Asterisk's database is readable for all, and holds secrets
        lab.folder / "var",
        lab.etc,
        lab.etc / "ccctl",
        lab.run,
        lab.folder / "var/keys",
        lab.folder / "data/moh",
        lab.sounds,
        lab.log / "cel-custom",
        lab.spool / "ccctl",
        lab.spool / "recording",  # ARI answers 500 to a recording without it
        lab.spool / "tmp",
        lab.spool / "voicemail",
        lab.spool / "mail",
        lab.spool / "outgoing",
    ):
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)


def _link_data(lab: Lab, data: Path) -> None:
    """Asterisk's own data by links; `sounds` is a real folder, because prompts of the site are written there.

    The English sounds are also linked without a language: what a language lacks is then said in English.
    """
    own = lab.folder / "data"
    for source in data.iterdir():
        if source.name not in ("sounds", "moh"):
            _link(own / source.name, source)
    for language in (data / "sounds").iterdir():
        if not (language / "digits").is_dir():  # not a language
            continue
        (lab.sounds / language.name).mkdir(exist_ok=True)
        for source in language.iterdir():
            _link(lab.sounds / language.name / source.name, source)
            if language.name == "en":
                _link(lab.sounds / source.name, source)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink():
        if link.readlink() == target:
            return
        link.unlink()
    if not link.exists():
        link.symlink_to(target)


# ---- configuration


def _write_base(lab: Lab, tree: Tree) -> None:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    values = _values(lab, tree)
    for source in resources.files("ccctl.asterisk_conf").joinpath("base").iterdir():
        if source.name.endswith(".conf.j2"):
            text = environment.from_string(source.read_text()).render(values)
            _write_private(lab.etc / source.name.removesuffix(".j2"), text)


def _values(lab: Lab, tree: Tree) -> dict[str, object]:
    version = tuple(int(part) for part in tree.version.split("+")[0].split("-")[0].split(".")[:2])
    return {
        "name": lab.name,
        "host": lab.host,
        "ami_port": lab.ports.ami,
        "ami_user": lab.user,
        "ami_secret": lab.secrets.ami,
        "ari_port": lab.ports.ari,
        "ari_user": lab.user,
        "ari_secret": lab.secrets.ari,
        "events_port": lab.ports.events,
        "events_secret": lab.secrets.events,
        "sip_port": lab.ports.sip,
        "rtp_start": lab.ports.rtp_start,
        "rtp_end": lab.ports.rtp_end,
        "etc_dir": lab.etc,
        "var_dir": lab.folder / "var",
        "data_dir": lab.folder / "data",
        "modules_dir": tree.modules,
        "spool_dir": lab.spool,
        "run_dir": lab.run,
        "log_dir": lab.log,
        "outbound_apps": [APP] if version >= OUTBOUND_SINCE else [],
        "event_filters": event_filters(version),
    }


def event_filters(version: tuple[int, ...]) -> list[str]:
    """Newer Asterisk filters by name before it formats an event; older ones match the text of it."""
    names = ("VarSet", "Newexten", "RTCPSent", "RTCPReceived", "TestEvent")
    if version >= (22, 0):
        return [f"eventfilter(action(exclude),name({name}))=" for name in names]
    return [f"eventfilter=!Event: {name}\\r" for name in names]


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by strangers: some of these files hold secrets."""
    temporary = path.with_name(path.name + ".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as file:
        file.write(text)
    temporary.replace(path)

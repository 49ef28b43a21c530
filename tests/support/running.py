"""A whole call centre for end-to-end tests: lab Asterisk, a small site of tones, the daemon, phones."""

import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ccctl.cli.client import Client
from ccctl.errors import CcctlError
from ccctl.runtime.settings import save
from ccctl.store.db import open_engine
from tests.support.labhome import LabHome
from tests.support.until import wait_until

CALLER, SECOND, THIRD, ANNA, BEN, SUPER = 450, 550, 1050, 650, 850, 1250
MUSIC, WHISPER, WELCOME = 350, 1550, 1950
SITE = """
ccctl: 1
defaults: {timezone: UTC, languages: [en], pause_reasons: {1: lunch}}
trunks:
  telco: {host: 127.0.0.1, codecs: [ulaw]}
numbers:
  "+49301000": support
  "+49301001": main
  "+49301002": plain
  "+49301003": night
  "+49301004": impatient
hours:
  never: {open: never}
users:
  anna: {extension: 201, password: !secret anna}
  ben: {extension: 202, password: !secret ben}
  sue: {extension: 210, password: !secret sue, roles: [supervisor]}
  joe: {extension: 211, password: !secret joe}
agents:
  anna: {}
  ben: {}
queues:
  support: {ring: 4s, wrap_up: 1s, whisper: tone, record: always, music: tone}
  plain: {ring: 4s, wrap_up: 0s, whisper: none, music: tone}
mailboxes:
  support: {number: 900, pin: !secret box}
flows:
  main:
    - play: welcome
    - menu: welcome
      options:
        1: [{recording: on}, {queue: support}]
        2: {voicemail: support}
      timeout: 2s
      attempts: 2
      on_exhausted: hangup
    - hangup
  support:
    - recording: on
    - queue: support
    - hangup
  plain:
    - queue: plain
    - hangup
  impatient:
    - recording: on
    - queue: support
      max_wait: 2s
      exit_keys: {0: {voicemail: support}}
      on_timeout: {voicemail: support}
    - hangup
  night:
    - hours: never
      on_closed: [{play: welcome}, hangup]
    - hangup
feature_codes:
  "*45": agent-login
  "*46": agent-pause
  "*222": {listen: agents, roles: [supervisor], keys: {4: listen, 5: whisper, 6: barge}}
prompts:
  welcome: {all: sounds/welcome.wav}
  tone: {all: sounds/tone.wav}
"""
SECRETS = {name: f"pw-{name}-82613" for name in ("anna", "ben", "sue", "joe")} | {"box": "739184"}


def write_tone(path: Path, tone: int, seconds: float) -> None:
    """8 kHz mono 16 bit, as Asterisk plays it."""
    samples = (round(6000 * math.sin(2 * math.pi * tone * i / 8000)) for i in range(int(8000 * seconds)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


class Centre:
    """`start()` the daemon, `kill()` it, `stop()` it; ask its API; look into its ledger."""

    def __init__(self, database: str = "") -> None:
        self.lab = LabHome()
        self.daemon: subprocess.Popen[bytes] | None = None
        self.site = Path(self.lab.home) / "site"
        self.log = Path(self.lab.home) / "daemon.log"
        self.database = database

    @property
    def server(self) -> tuple[str, int]:
        return self.lab.node.host, self.lab.node.sip_port

    @property
    def client(self) -> Client:
        return Client(self.lab.settings)

    def up(self, site: str = SITE) -> "Centre":
        self.lab.up()
        if self.database:
            self.lab.settings = replace(self.lab.settings, database=self.database)
            save(self.lab.settings)
        self.write_site(site)
        self.ccctl("apply", str(self.site), "--yes")
        self.start()
        return self

    def write_site(self, text: str) -> None:
        sounds = self.site / "sounds"
        (sounds / "moh" / "tone").mkdir(parents=True, exist_ok=True)
        write_tone(sounds / "moh" / "tone" / "music.wav", MUSIC, 10)
        write_tone(sounds / "welcome.wav", WELCOME, 2)
        write_tone(sounds / "tone.wav", WHISPER, 2)
        (self.site / "site.yaml").write_text(text)
        secrets = self.site / "secrets.yaml"
        secrets.write_text("".join(f'{name}: "{value}"\n' for name, value in SECRETS.items()))
        secrets.chmod(0o600)

    def ccctl(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ccctl", "--home", self.lab.home, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    # -- the daemon --------------------------------------------------------------------------------

    def start(self) -> None:
        command = [sys.executable, "-m", "ccctl", "--home", self.lab.home, "serve", "-v"]
        with self.log.open("ab") as log:
            self.daemon = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | {"PYTHONASYNCIODEBUG": ""}
            )
        wait_until(self.is_up, 60, f"the daemon serves; see {self.log}")

    def is_up(self) -> bool:
        assert self.daemon is None or self.daemon.poll() is None, self.log.read_text()[-3000:]
        try:
            return bool(self.live("system").get("asterisk") == "up")
        except CcctlError:
            return False

    def live(self, key: str) -> dict[str, Any]:
        """One object of the live picture: "system", "agent/anna", "queue/support"."""
        kind, _, name = key.partition("/")
        path = {"system": "status", "agent": f"agents/{name}", "queue": f"queues/{name}"}[kind]
        value: dict[str, Any] = self.client.get(path)
        return value.get("system", value)

    def presence(self, agent: str) -> str:
        return str(self.live(f"agent/{agent}")["presence"])

    def kill(self) -> None:
        assert self.daemon
        os.kill(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()
        self.daemon = None

    def stop(self) -> None:
        if self.daemon is not None:
            self.daemon.terminate()
            self.daemon.wait(20)
            self.daemon = None

    def down(self) -> None:
        self.stop()
        self.lab.down()
        shutil.rmtree(self.lab.home)

    # -- the ledger --------------------------------------------------------------------------------

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        from sqlalchemy import text

        engine = open_engine(self.lab.settings.database_url)
        try:
            with engine.connect() as connection:
                return [dict(row) for row in connection.execute(text(sql), values).mappings()]
        finally:
            engine.dispose()

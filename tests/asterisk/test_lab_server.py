"""The lab on a real Asterisk: it starts, serves what the base configuration promises, and stops."""

import csv
import json
import os
import re
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ccctl.cli.lab import boot, find_asterisk, new_lab
from ccctl.errors import LabError
from ccctl.lab import server
from tests.support.labhome import LabHome
from tests.support.until import wait_until

pytestmark = pytest.mark.asterisk
MakeLab = Callable[[], LabHome]


def test_status_and_second_up_are_harmless(lab: LabHome) -> None:
    pid = lab.pid()
    lab.up()
    assert lab.pid() == pid
    running = server.find(lab.lab)
    assert running is not None
    health = server.health(lab.lab, running)
    assert health.rss_bytes > 10_000_000
    assert re.match(r"\d+\.", health.version)


def test_files_with_secrets_are_private(lab: LabHome) -> None:
    for path in Path(lab.node.etc_dir).glob("*.conf"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o027, path
    assert stat.S_IMODE(Path(lab.home, "settings.yaml").stat().st_mode) == 0o600


def test_only_loopback_is_opened(lab: LabHome) -> None:
    listening = (
        lab.ask("http show status") + lab.ask("manager show settings") + lab.ask("pjsip show transports")
    )
    assert f"127.0.0.1:{lab.node.ari_port}" in listening
    assert f"127.0.0.1:{lab.node.sip_port}" in listening
    assert "0.0.0.0" not in listening


def test_outbound_websocket_is_configured(lab: LabHome) -> None:
    assert f"ws://127.0.0.1:{lab.node.events_port}/ari" in lab.ask("ari show outbound-websockets")


DIALPLAN = """
[lab-test]
exten => mark,1,Answer()
 same => n,Set(CALLERID(name)=Zoë "Q" Müller, Ltd)
 same => n,CELGenUserEvent(CC_TEST,a=1,b="x")
 same => n,Hangup()
exten => german,1,Answer()
 same => n,Set(CHANNEL(language)=de)
 same => n,Playback(vm-goodbye)
 same => n,CELGenUserEvent(CC_PLAYED,${PLAYBACKSTATUS})
exten => music,1,Answer()
 same => n,MusicOnHold(default,1)
 same => n,CELGenUserEvent(CC_MUSIC,done)
"""


def test_a_port_that_another_took_meanwhile(make_lab: MakeLab) -> None:
    """Two labs that start in one moment find the same free ports: the slower one moves on."""
    home = make_lab()
    settings = new_lab(home.home)
    tree = find_asterisk(home.home, None, lambda text: None)
    with socket.create_server((settings.node.host, settings.node.ami_port)):
        with pytest.raises(LabError, match=f"port {settings.node.ami_port}/tcp"):
            boot(settings, tree, starts=1)
        home.settings, _ = boot(settings, tree)
        assert home.node.ami_port != settings.node.ami_port
    assert "System uptime" in home.ask("core show uptime")


@pytest.fixture
def dialplan(make_lab: MakeLab) -> LabHome:
    home = make_lab()
    home.write("extensions.conf", DIALPLAN)
    return home.up()


class Manager:
    """Just enough AMI to see what Asterisk writes."""

    def __init__(self, home: LabHome) -> None:
        self.socket = socket.create_connection(("127.0.0.1", home.node.ami_port), timeout=5)
        self.text = ""
        self.send(f"Action: Login\r\nUsername: {home.node.ami_user}\r\nSecret: {home.node.ami_secret}")

    def send(self, action: str) -> None:
        self.socket.sendall(f"{action}\r\n\r\n".encode())

    def wait(self, text: str) -> None:
        while text not in self.text:
            self.text += self.socket.recv(65536).decode()  # TimeoutError when it never comes

    def call(self, exten: str) -> None:
        target = f"Channel: Local/{exten}@lab-test\r\nApplication: Wait\r\nData: 5"
        self.send(f"Action: Originate\r\n{target}\r\nAsync: true")

    def cel(self, name: str) -> dict[str, str]:
        """The first CEL event of that name."""
        self.wait(f"EventName: {name}\r\n")
        self.wait("Event: Hangup\r\n")  # by then the whole event has come
        block = next(text for text in self.text.split("\r\n\r\n") if f"EventName: {name}\r\n" in text)
        return dict(line.partition(": ")[::2] for line in block.split("\r\n"))


def test_user_events_reach_the_file_and_ami(dialplan: LabHome) -> None:
    manager = Manager(dialplan)
    with manager.socket:
        manager.call("mark")
        live = manager.cel("CC_TEST")

    def record() -> list[str] | None:
        with Path(dialplan.node.cel_file).open(newline="") as file:
            return next((row for row in csv.reader(file) if row[1] == "CC_TEST"), None)

    row = wait_until(record, 5, "the record in the file")
    assert json.loads(live["Extra"]) == {"extra": 'a=1,b="x"'} == json.loads(row[10])
    assert (live["UniqueID"], live["LinkedID"], live["Channel"]) == (row[2], row[3], row[4])
    assert row[6] == 'Zoë "Q" Müller, Ltd'
    assert row[11] == dialplan.node.name
    assert re.fullmatch(r"\d{10}\.\d{6}", row[0])
    assert abs(float(live["Timestamp"]) - float(row[0])) < 5


def test_a_language_without_sounds_speaks_english(dialplan: LabHome) -> None:
    manager = Manager(dialplan)
    with manager.socket:
        manager.call("german")
        assert json.loads(manager.cel("CC_PLAYED")["Extra"]) == {"extra": "SUCCESS"}


def test_there_is_music(dialplan: LabHome) -> None:
    assert "melody" in dialplan.ask("moh show files")
    manager = Manager(dialplan)
    with manager.socket:
        manager.call("music")
        assert json.loads(manager.cel("CC_MUSIC")["Extra"]) == {"extra": "done"}


def test_noise_is_filtered_at_the_source(dialplan: LabHome) -> None:
    manager = Manager(dialplan)
    with manager.socket:
        manager.call("mark")
        manager.cel("CC_TEST")
    assert "Event: VarSet\r\n" not in manager.text
    assert "Event: Newexten\r\n" not in manager.text


def test_stop_start_and_stale_pid(make_lab: MakeLab) -> None:
    home = make_lab().up()
    pid = home.pid()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.find(home.lab) is None, 5, "the dead one is not taken for running")
    home.up()
    assert home.pid() != pid
    assert server.stop(home.lab)
    assert not server.stop(home.lab)


def test_a_reused_pid_is_left_alone(make_lab: MakeLab) -> None:
    home = make_lab().up()
    record = Path(home.home, "pbx/run/lab.json")
    text = record.read_text()
    try:
        record.write_text(text.replace(str(home.pid()), str(os.getpid())))
        assert not server.stop(home.lab)  # else this test would be dead
    finally:
        record.write_text(text)


def test_a_taken_port_names_its_holder(make_lab: MakeLab) -> None:
    home = make_lab().up()
    home.down()
    with socket.create_server(("127.0.0.1", home.node.ami_port)), pytest.raises(LabError) as refused:
        home.up()
    assert f"port {home.node.ami_port}/tcp (AMI of this lab) is in use by " in refused.value.text
    assert f"(pid {os.getpid()})" in refused.value.text
    assert "--port-base" in refused.value.hint


def test_an_asterisk_without_modules_says_why_and_leaves_nothing_running(make_lab: MakeLab) -> None:
    home = make_lab().up()
    home.down()
    tree = find_asterisk(home.home, None, print)
    bare = msgspec.structs.replace(tree, modules=str(home.lab.folder / "data/moh"))
    with pytest.raises(LabError, match=r"Asterisk (ended while starting|lacks)"):
        server.start(home.lab, bare)
    assert server.find(home.lab) is None

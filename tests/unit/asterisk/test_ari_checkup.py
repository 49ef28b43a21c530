"""What doctor makes of versions, space and ports."""

import shutil
import socket
from collections import namedtuple

import pytest

from ccctl.asterisk.node import Node
from ccctl.cli.checkpbx import _version, version_of
from ccctl.cli.checkup import _disk, _port
from tests.support.ports import free_port

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("22.10.1+dfsg+~cs6.17.60671434-1", (22, 10)),
        ("certified/20.7-cert2", (20, 7)),
        ("certified-18.9-cert1", (18, 9)),
        ("GIT-master-1234", (0, 0)),
    ],
)
def test_versions(text: str, version: tuple[int, int]) -> None:
    assert version_of(text) == version


@pytest.mark.parametrize(
    ("text", "events_port", "state"),
    [("22.5.0", 8765, "ok"), ("22.4.1", 8765, "fail"), ("20.1.0", 0, "ok"), ("18.9.0", 0, "fail")],
)
def test_which_version_can_do_what(text: str, events_port: int, state: str) -> None:
    assert _version(Node(events_port=events_port), text).state == state


@pytest.mark.parametrize(("free", "state"), [(10 * 1024**3, "ok"), (1024**3, "warn"), (1024**2, "fail")])
def test_space(monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))
    assert _disk("disk", "/").state == state


def test_ports() -> None:
    port = free_port()
    assert _port("p", port, in_use=False).state == "ok"
    assert _port("p", port, in_use=True).state == "fail"
    with socket.create_server(("127.0.0.1", port)):
        assert _port("p", port, in_use=False).state == "fail"
        assert _port("p", port, in_use=True).state == "ok"

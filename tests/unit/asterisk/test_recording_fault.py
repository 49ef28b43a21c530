"""Why a recording is not written: seen at its file, never guessed about another machine."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ccctl.asterisk.disk import recording_fault
from ccctl.asterisk.node import Node


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ccctl" / "a.wav"
    path.parent.mkdir()
    path.write_bytes(b"RIFF")
    return path


def test_a_file_on_a_disk_with_room_is_well(tmp_path: Path, file: Path) -> None:
    assert recording_fault(Node(spool_dir=str(tmp_path)), str(file)) == ""


def test_no_file_is_said(tmp_path: Path, file: Path) -> None:
    file.unlink()
    assert "wrote no file" in recording_fault(Node(spool_dir=str(tmp_path)), str(file))


def test_a_full_disk_is_said(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=3, f_frsize=4096))
    assert "is full" in recording_fault(Node(spool_dir=str(tmp_path)), str(file))


def test_another_machines_disk_is_not_judged() -> None:
    assert recording_fault(Node(spool_dir="/nowhere/spool"), "/nowhere/spool/ccctl/a.wav") == ""

"""Following Asterisk's channel event log: every record once, over restarts and rotations."""

from pathlib import Path

import pytest

from ccctl import events as e
from ccctl.asterisk.eventlog import CHUNK, SLICE, EventLog
from ccctl.asterisk.node import Node


def record(mark: str, second: int, extra: str = "x") -> str:
    fields = (
        f"{second}.000001",
        mark,
        "1.1",
        "1.1",
        "PJSIP/a-1",
        "+49",
        "",
        "s",
        "c",
        "",
        f'{{""extra"":""{extra}""}}',
        "n",
    )
    return ",".join(f'"{field}"' for field in fields) + "\n"


class Follower:
    def __init__(self, folder: Path) -> None:
        self.node = Node(log_dir=str(folder))
        self.path = Path(self.node.cel_file)
        self.path.parent.mkdir(exist_ok=True)
        self.seen: list[e.Event] = []
        self.log = self.new()

    def new(self) -> EventLog:
        return EventLog(self.node, self.seen.append, lambda: 7)

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)

    def marks(self) -> list[str]:
        self.log.drain()
        return [event.mark for event in self.seen if isinstance(event, e.CallMarked)]

    def place(self) -> tuple[int, int]:
        last = [event for event in self.seen if isinstance(event, e.Logged)][-1]
        return last.file, last.place


@pytest.fixture
def follower(tmp_path: Path):
    follower = Follower(tmp_path)
    yield follower
    follower.log.close()


def test_history_is_not_told_and_news_are_told_once(follower: Follower) -> None:
    follower.write(record("CC_OLD", 1))
    follower.log.begin(None)
    assert follower.marks() == []
    follower.write(record("CC_A", 2) + record("CC_B", 3))
    assert follower.marks() == ["CC_A", "CC_B"]
    assert follower.marks() == ["CC_A", "CC_B"]


def test_a_log_that_does_not_exist_yet_is_told_from_its_beginning(follower: Follower) -> None:
    follower.log.begin(None)
    opened = follower.seen[0]
    assert isinstance(opened, e.LogOpened)
    assert (opened.file, opened.place) == (0, 0)
    follower.write(record("CC_A", 1))
    assert follower.marks() == ["CC_A"]


def test_a_line_being_written_waits_for_its_end(follower: Follower) -> None:
    follower.log.begin(None)
    line = record("CC_A", 1)
    follower.write(line[:40])
    assert follower.marks() == []
    follower.write(line[40:])
    assert follower.marks() == ["CC_A"]


def test_restart_goes_on_at_the_next_record(follower: Follower) -> None:
    follower.log.begin(None)
    follower.write(record("CC_A", 1) + record("CC_B", 2))
    follower.marks()
    first = next(event for event in follower.seen if isinstance(event, e.CallMarked))
    follower.log.close()
    follower.log = follower.new()
    follower.seen.clear()
    follower.write(record("CC_C", 3))
    follower.log.begin((first.file, first.place))
    assert follower.marks() == ["CC_B", "CC_C"]


def test_rotation_loses_nothing_whether_we_run_or_not(follower: Follower) -> None:
    follower.log.begin(None)
    follower.write(record("CC_A", 1))
    follower.marks()
    place = follower.place()
    follower.write(record("CC_B", 2))
    follower.path.rename(f"{follower.path}.1")
    follower.write(record("CC_C", 3))
    assert follower.marks() == ["CC_A", "CC_B", "CC_C"]
    follower.log.close()
    follower.log = follower.new()
    follower.seen.clear()
    follower.log.begin(place)
    assert follower.marks() == ["CC_B", "CC_C"]


def test_a_log_cut_to_nothing_begins_again(follower: Follower) -> None:
    follower.log.begin(None)
    follower.write(record("CC_A", 1) * 3)
    assert follower.marks() == ["CC_A"] * 3
    follower.path.write_text(record("CC_B", 2))
    assert follower.marks()[3:] == ["CC_B"]


def test_a_line_longer_than_a_slice(follower: Follower) -> None:
    follower.log.begin(None)
    follower.write(record("CC_A", 1, "y" * (SLICE * 3)) + record("CC_B", 2))
    assert SLICE * 3 < CHUNK
    while follower.log._read(SLICE):
        pass
    assert follower.marks() == ["CC_A", "CC_B"]


def test_a_line_that_is_no_record_is_passed_over(
    follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    follower.log.begin(None)
    follower.write('"CC_ broken\n' + record("CC_A", 1))
    assert follower.marks() == ["CC_A"]
    assert "not understood" in caplog.text

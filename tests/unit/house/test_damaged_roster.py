"""A roster file that is damaged must not be taken for a call centre without agents."""

from pathlib import Path

import pytest

from ccctl.errors import SettingsError
from ccctl.runtime.engine import Engine


class NoJournal:
    def event(self, node_seq: int, at: int, type: str, body: bytes, made: bytes = b"") -> None: ...
    def change(self, row: object) -> None: ...
    def snapshot(self, seq: int, at: int, body: bytes, kept: bool = False) -> None: ...


@pytest.mark.parametrize("damage", [b"", b"{broken", b"\xff\xfe", b"[1]", b'{"generation": 5}'])
async def test_the_daemon_does_not_start_with_it(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "roster.json"
    path.write_bytes(damage)
    engine = Engine(NoJournal(), path)
    with pytest.raises(SettingsError, match=r"roster\.json is damaged.*ccctl apply"):
        engine.start("boot01")


async def test_a_reload_of_it_is_refused_and_the_old_one_rules(tmp_path: Path) -> None:
    path = tmp_path / "roster.json"
    engine = Engine(NoJournal(), path)
    engine.start("boot01")
    path.write_bytes(b"{broken")
    reply = await engine.reload()
    assert (reply.error, "damaged" in reply.text) == ("no-roster", True)

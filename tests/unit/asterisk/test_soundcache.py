"""The cache of sounds: whole or nothing, bounded, and no fault when it cannot be written."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ccctl.asterisk.shaping import Files
from ccctl.asterisk.soundcache import SoundCache, cache_folder, key_of

KEYS = [key_of(str(number)) for number in range(6)]


def test_what_was_put_is_got(tmp_path: Path) -> None:
    known = SoundCache(tmp_path)
    assert known.get(KEYS[0]) is None
    known.put(KEYS[0], {".wav": b"narrow", ".wav16": b"wide"})
    assert SoundCache(tmp_path).get(KEYS[0]) == {".wav": b"narrow", ".wav16": b"wide"}


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: b"x" + data[1:]])
def test_a_damaged_entry_is_none_and_goes(tmp_path: Path, damage) -> None:
    known = SoundCache(tmp_path)
    known.put(KEYS[0], {".wav": b"narrow"})
    (entry,) = tmp_path.glob("*/*")
    entry.write_bytes(damage(entry.read_bytes()))
    assert known.get(KEYS[0]) is None
    assert not entry.exists()


def test_what_was_not_used_for_long_goes_first(tmp_path: Path) -> None:
    known = SoundCache(tmp_path, limit=5_000)
    for age, key in enumerate(KEYS):
        known.put(key, {".wav": bytes(1_000)})
        path = tmp_path / key[:2] / key[2:]
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    assert known.get(KEYS[5]) is not None  # the oldest, but used just now
    known.clear_old()
    assert [known.get(key) is not None for key in KEYS] == [True, True, False, False, False, True]


def test_a_cache_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    known = SoundCache(tmp_path / "file")
    known.put(KEYS[0], {".wav": b"x"})
    assert known.get(KEYS[0]) is None
    known.clear_old()


def test_the_folder_is_the_users_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CCCTL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/ccctl/sounds")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/u")
    assert cache_folder() == Path("/home/u/.cache/ccctl/sounds")


def test_many_at_once_see_whole_entries_or_none(tmp_path: Path) -> None:
    """As two applies that speak the same text: each writes, each reads, nobody gets a part."""
    content = [{".wav": bytes([number]) * 200_000} for number in range(4)]

    def work(number: int) -> list[Files | None]:
        known = SoundCache(tmp_path)
        found = []
        for _ in range(10):
            known.put(KEYS[0], content[number])
            found.append(known.get(KEYS[0]))
        return found

    with ThreadPoolExecutor(4) as pool:
        seen = [files for found in pool.map(work, range(4)) for files in found]
    assert all(files in content for files in seen)
    assert not list(tmp_path.rglob("*.new"))

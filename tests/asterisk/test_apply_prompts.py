"""Prompts: what is made, how, and what happens when it cannot be."""

import os
import wave
from pathlib import Path

import pytest

from ccctl.asterisk import prompts
from ccctl.errors import ApplyError
from ccctl.flow import graph as g


def site(root: Path, voice: str = "espeak-ng", **prompt: object) -> g.Site:
    one = g.Prompt(name="welcome", digest="0badcafe", **prompt)  # type: ignore[arg-type]
    return g.Site(
        root=str(root), defaults=g.Defaults(languages=("en", "de"), voice=voice), prompts={"welcome": one}
    )


def make(site: g.Site, folder: Path) -> list[str]:
    said: list[tuple[int, int, str]] = []
    made = prompts.make(site, str(folder), lambda done, of, name: said.append((done, of, name)))
    assert not made or said[-1] == (len(made), len(made), "")
    return [str(Path(path).relative_to(folder)) for path in made]


def recording(path: Path, rate: int = 8000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\1\2" * rate * channels)


def shape(path: Path) -> tuple[int, int, int]:
    with wave.open(str(path), "rb") as file:
        return file.getframerate(), file.getnchannels(), file.getsampwidth()


def test_texts_are_spoken_once_per_language(tmp_path: Path) -> None:
    spoken = site(tmp_path, texts={"en": "Welcome", "de": "-v Willkommen"})
    made = make(spoken, tmp_path / "sounds")
    assert made == ["en/cc/welcome-0badcafe.wav", "de/cc/welcome-0badcafe.wav"]
    assert {shape(tmp_path / "sounds" / path) for path in made} == {(8000, 1, 2)}
    assert make(spoken, tmp_path / "sounds") == []


def test_a_recording_is_taken_as_it_is_or_converted(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    recording(tmp_path / "b.wav", 44100, 2)
    made = make(site(tmp_path, files={"en": "a.wav", "de": "b.wav"}), tmp_path / "sounds")
    assert (tmp_path / "sounds" / made[0]).read_bytes() == (tmp_path / "a.wav").read_bytes()
    assert shape(tmp_path / "sounds" / made[1]) == (8000, 1, 2)


def test_one_recording_serves_all_languages_but_a_text_is_nearer(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    both = site(tmp_path, files={"all": "a.wav"}, texts={"de": "Willkommen"})
    made = [tmp_path / "sounds" / path for path in make(both, tmp_path / "sounds")]
    assert made[0].read_bytes() == (tmp_path / "a.wav").read_bytes()
    assert made[1].read_bytes() != made[0].read_bytes()


@pytest.mark.parametrize(
    ("voice", "said"),
    [
        ("piper:/voices/none.onnx", "piper, which is not installed; pip install"),
        ("robot", "unknown voice 'robot'"),
    ],
)
def test_a_missing_engine_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, voice: str, said: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ApplyError) as error:
        make(site(tmp_path, voice=voice, texts={"en": "Welcome"}), tmp_path / "sounds")
    assert said in str(error.value)
    assert not (tmp_path / "sounds").exists()


def test_a_failing_engine_leaves_nothing_behind(tmp_path: Path) -> None:
    """The second of two prompts cannot be made: the first is not published either."""
    broken = site(tmp_path, texts={"en": "Welcome"}, files={"de": "missing.wav"})
    with pytest.raises(ApplyError, match=r"prompt welcome \(de\): sox failed"):
        make(broken, tmp_path / "sounds")
    assert not list((tmp_path / "sounds").rglob("*.wav*"))


def test_a_full_disk_leaves_nothing_half_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = prompts.shutil.copyfile

    def full(source: object, target: object) -> None:
        if "/de/" in str(target):
            raise OSError(28, "No space left on device")
        copy(source, target)  # type: ignore[call-overload]

    monkeypatch.setattr(prompts.shutil, "copyfile", full)
    with pytest.raises(ApplyError, match="No space left on device"):
        make(site(tmp_path, texts={"en": "Welcome", "de": "Willkommen"}), tmp_path / "sounds")
    assert not [path for path in (tmp_path / "sounds").rglob("*") if path.is_file()]


def test_only_our_own_unused_files_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "en/cc"
    folder.mkdir(parents=True)
    for name in ("welcome-0badcafe.wav", "old-11111111.wav", "by-hand.wav"):
        (folder / name).touch()
    assert prompts.remove_unused(str(tmp_path), ["cc/welcome-0badcafe"]) == [str(folder / "old-11111111.wav")]
    assert sorted(os.listdir(folder)) == ["by-hand.wav", "welcome-0badcafe.wav"]


def test_music_of_the_site_is_copied_else_asterisks_own(tmp_path: Path) -> None:
    recording(tmp_path / "sounds/moh/calm/a.wav")
    where = prompts.copy_music(g.Site(root=str(tmp_path)), ("calm", "loud"), str(tmp_path / "pbx"))
    assert where == {"calm": str(tmp_path / "pbx/moh/calm"), "loud": "moh"}
    assert (tmp_path / "pbx/moh/calm/a.wav").exists()

"""Prompts: what is made, how, and what happens when it cannot be."""

import math
import os
import struct
import wave
from pathlib import Path

import pytest

from ccctl.asterisk import prompts, shaping, speech
from ccctl.asterisk.loudness import measure
from ccctl.asterisk.soundcache import cache_folder
from ccctl.errors import ApplyError
from ccctl.flow import graph as g
from ccctl.lab import tones

TONE = 650


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCCTL_CACHE", str(tmp_path / "cache"))


def site(root: Path, voice: str = "espeak-ng", **prompt: object) -> g.Site:
    one = g.Prompt(name="welcome", digest="0badcafe", **prompt)  # type: ignore[arg-type]
    return g.Site(
        root=str(root), defaults=g.Defaults(languages=("en", "de"), voice=voice), prompts={"welcome": one}
    )


def make(site: g.Site, folder: Path) -> list[str]:
    said: list[tuple[int, int]] = []
    made = prompts.make(site, str(folder), lambda done, of: said.append((done, of)))
    assert said == ([(done, len(made)) for done in range(len(made) + 1)] if made else [])
    return [str(Path(path).relative_to(folder)) for path in made]


def recording(path: Path, rate: int = 8000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(_sample(at, rate) * channels for at in range(rate)))


def _sample(at: int, rate: int) -> bytes:
    return struct.pack("<h", round(2000 * math.sin(2 * math.pi * TONE * at / rate)))


def shape(path: Path) -> tuple[int, int, int]:
    with wave.open(str(path), "rb") as file:
        return file.getframerate(), file.getnchannels(), file.getsampwidth()


def folder_of(tmp_path: Path) -> Path:
    return tmp_path / "sounds"


def test_texts_are_spoken_once_per_language(tmp_path: Path) -> None:
    spoken = site(tmp_path, texts={"en": "Welcome", "de": "-v Willkommen"})
    made = make(spoken, folder_of(tmp_path))
    assert made == ["en/cc/welcome-0badcafe.wav", "de/cc/welcome-0badcafe.wav"]
    for path in made:
        assert shape(folder_of(tmp_path) / path) == (8000, 1, 2)
        assert shape(folder_of(tmp_path) / f"{path}16") == (16000, 1, 2)
    assert make(spoken, folder_of(tmp_path)) == []


def test_what_was_spoken_is_never_spoken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another folder, under another name and without any engine: from the cache."""
    make(site(tmp_path, texts={"en": "Welcome", "de": "Willkommen"}), folder_of(tmp_path))
    monkeypatch.setattr(speech, "speak", lambda *given: pytest.fail("spoken again"))
    renamed = g.Prompt(name="hello", digest="11111111", texts={"en": "Welcome", "de": "Willkommen"})
    again = g.Site(root="/", defaults=g.Defaults(languages=("en", "de")), prompts={"hello": renamed})
    made = make(again, tmp_path / "other")
    assert made == ["en/cc/hello-11111111.wav", "de/cc/hello-11111111.wav"]
    first = folder_of(tmp_path) / "de/cc/welcome-0badcafe.wav"
    assert (tmp_path / "other" / made[1]).read_bytes() == first.read_bytes()


def test_a_damaged_cache_entry_is_made_anew(tmp_path: Path) -> None:
    spoken = site(tmp_path, texts={"en": "Welcome"})
    (made,) = make(spoken, folder_of(tmp_path))
    whole = (folder_of(tmp_path) / made).read_bytes()
    (entry,) = (path for path in cache_folder().rglob("*") if path.is_file())
    entry.write_bytes(entry.read_bytes()[:-7])
    make(spoken, tmp_path / "other")
    assert (tmp_path / "other" / made).read_bytes() == whole


def test_a_voice_for_a_language_and_a_speed_change_what_is_said(tmp_path: Path) -> None:
    text = {"de": "Vielen Dank für Ihren Anruf"}
    prompt = {"welcome": g.Prompt(name="welcome", digest="0badcafe", texts=text)}

    def seconds(**defaults: object) -> tuple[float, bytes]:
        one = g.Site(defaults=g.Defaults(languages=("de",), **defaults), prompts=prompt)  # type: ignore[arg-type]
        folder = tmp_path / "-".join(f"{value}" for value in defaults.values())
        (path,) = make(one, folder)
        samples, rate = shaping.read_wav(folder / path)
        return len(samples) / rate, samples.tobytes()

    usual, fast = seconds(speed=100), seconds(speed=180)
    assert fast[0] < usual[0] * 0.75
    assert seconds(voices={"de": "espeak-ng:en-gb"})[1] != usual[1]
    assert seconds(voices={"en": "espeak-ng:en-gb"})[1] == usual[1]


def test_recordings_come_to_one_form_and_loudness(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    recording(tmp_path / "b.wav", 44100, 2)
    made = make(site(tmp_path, files={"en": "a.wav", "de": "b.wav"}), folder_of(tmp_path))
    for path in made:
        samples, rate = shaping.read_wav(folder_of(tmp_path) / path)
        assert rate == 8000
        assert measure(samples, rate).lufs == pytest.approx(shaping.SPEECH_LUFS, abs=0.5)
        assert len(samples) / rate == pytest.approx(1 + shaping.LEAD_S + shaping.TAIL_S, abs=0.03)
    assert not (folder_of(tmp_path) / f"{made[0]}16").exists()
    assert shape(folder_of(tmp_path) / f"{made[1]}16") == (16000, 1, 2)


def test_one_recording_serves_all_languages_but_a_text_is_nearer(tmp_path: Path) -> None:
    recording(tmp_path / "a.wav")
    both = site(tmp_path, files={"all": "a.wav"}, texts={"de": "Willkommen"})
    made = [folder_of(tmp_path) / path for path in make(both, folder_of(tmp_path))]
    assert tones.share(tones.read_wave(made[0]), TONE) > 0.8
    assert tones.share(tones.read_wave(made[1]), TONE) < 0.5


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
    with pytest.raises(ApplyError, match=r"prompt welcome \(de\): .*missing.wav cannot be read"):
        make(broken, tmp_path / "sounds")
    assert not list((tmp_path / "sounds").rglob("*.wav*"))


def test_a_full_disk_leaves_nothing_half_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if "/de/" in str(path):
            raise OSError(28, "No space left on device", str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ApplyError, match="No space left on device"):
        make(site(tmp_path, texts={"en": "Welcome", "de": "Willkommen"}), tmp_path / "sounds")
    assert not [path for path in (tmp_path / "sounds").rglob("*") if path.is_file()]


def test_only_our_own_unused_files_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "en/cc"
    folder.mkdir(parents=True)
    kept = ["by-hand.wav", "welcome-0badcafe.wav", "welcome-0badcafe.wav16"]
    for name in (*kept, "old-11111111.wav", "old-11111111.wav16"):
        (folder / name).touch()
    gone = prompts.remove_unused(str(tmp_path), ["cc/welcome-0badcafe"])
    assert gone == [str(folder / "old-11111111.wav"), str(folder / "old-11111111.wav16")]
    assert sorted(os.listdir(folder)) == kept


def test_music_of_the_site_comes_into_form_else_asterisks_own(tmp_path: Path) -> None:
    recording(tmp_path / "sounds/moh/calm/a.wav", 44100, 2)
    recording(tmp_path / "sounds/moh/calm/b.wav")
    here = g.Site(root=str(tmp_path))
    said: list[str] = []
    where = prompts.copy_music(here, ("calm", "loud"), str(tmp_path / "pbx"), said.append)
    calm = tmp_path / "pbx/moh/calm"
    assert where == {"calm": str(calm), "loud": "moh"}
    assert sorted(os.listdir(calm)) == ["a.wav", "a.wav16", "b.wav"]
    samples, rate = shaping.read_wav(calm / "a.wav")
    assert (len(samples), rate) == (8000, 8000)
    assert measure(samples, rate).lufs == pytest.approx(shaping.MUSIC_LUFS, abs=0.5)
    (tmp_path / "sounds/moh/calm/b.wav").unlink()
    untouched = (calm / "a.wav").stat().st_mtime_ns
    for _ in range(2):
        prompts.copy_music(here, ("calm",), str(tmp_path / "pbx"), said.append)
    assert sorted(os.listdir(calm)) == ["a.wav", "a.wav16"]
    assert (calm / "a.wav").stat().st_mtime_ns == untouched
    assert said == ["music calm: 3 files changed", "music calm: 1 file changed"]


def test_music_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "sounds/moh/calm").mkdir(parents=True)
    (tmp_path / "sounds/moh/calm/notes.txt").write_text("not a sound")
    with pytest.raises(ApplyError, match=r"music calm/notes.txt: sox failed"):
        prompts.copy_music(g.Site(root=str(tmp_path)), ("calm",), str(tmp_path / "pbx"), print)


def test_a_text_goes_to_any_engine_as_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The options of piper, which is too large to be installed for tests, as its program takes them."""
    program = tmp_path / "bin/piper"
    program.parent.mkdir()
    script = 'printf "%s\\n" "$@" > "$0.options"; cat > "$0.text"; sox -n -r 22050 "$6" synth 1 sine 650'
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    spoken = site(tmp_path, voice="piper:de.onnx", texts={"de": "Guten\n Tag"})
    (made,) = make(spoken, folder_of(tmp_path))
    assert (program.parent / "piper.text").read_text() == "Guten Tag"
    options = (program.parent / "piper.options").read_text().split()
    assert options == [
        *("--model", str(tmp_path / "de.onnx"), "--length_scale", "1.000", "--output_file", options[-1])
    ]
    assert shape(folder_of(tmp_path) / f"{made}16") == (16000, 1, 2)

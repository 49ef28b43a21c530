"""Sounds come to one loudness, one lead and tail, and no peak above the ceiling."""

import math
import random
import struct
import wave
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccctl.asterisk import shaping
from ccctl.asterisk.limiter import amplify
from ccctl.asterisk.loudness import measure
from ccctl.errors import ApplyError

RATE = 16_000


def tone(seconds: float, level: float, pitch: float = 440) -> "array[float]":
    return array(
        "f", [level * math.sin(2 * math.pi * pitch * at / RATE) for at in range(int(seconds * RATE))]
    )


def silence(seconds: float) -> "array[float]":
    return array("f", bytes(4 * int(seconds * RATE)))


def written(path: Path, samples: "array[float]", rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", round(sample * 32767)) for sample in samples))
    return path


def shaped(path: Path, frame: shaping.Frame = shaping.Frame.SPEECH) -> tuple["array[float]", int]:
    out = path.with_suffix(".out")
    out.write_bytes(shaping.shape(path, "a sound", frame)[shaping.NARROW])
    return shaping.read_wav(out)


def test_a_full_sine_measures_as_the_standard_says() -> None:
    """0 LUFS is a full sine of 997 Hz in two channels, so -3.01 in one."""
    assert measure(tone(3, 1.0, 997), RATE).lufs == pytest.approx(-3.01, abs=0.05)
    assert measure(tone(0.2, 1.0, 997), RATE).lufs == pytest.approx(-3.01, abs=0.2)
    assert measure(silence(1), RATE).silent
    assert measure(array("f"), RATE).silent


@pytest.mark.parametrize("level", [0.006, 0.05, 0.9])
@pytest.mark.parametrize("seconds", [0.3, 2.0])
def test_loud_and_quiet_sounds_come_to_one_loudness(tmp_path: Path, level: float, seconds: float) -> None:
    samples, rate = shaped(written(tmp_path / "a.wav", silence(1) + tone(seconds, level) + silence(2)))
    assert len(samples) / rate == pytest.approx(shaping.LEAD_S + seconds + shaping.TAIL_S, abs=0.03)
    start, end = int(shaping.LEAD_S * rate), int((shaping.LEAD_S + seconds) * rate)
    assert measure(samples[start:end], rate).lufs == pytest.approx(shaping.SPEECH_LUFS, abs=0.7)


def test_a_sound_without_silence_gets_it(tmp_path: Path) -> None:
    samples, rate = shaped(written(tmp_path / "a.wav", tone(1, 0.3)))
    assert max(samples[: int(shaping.LEAD_S * rate) - 80]) < 0.001
    assert max(samples[-int(shaping.TAIL_S * rate) + 80 :]) < 0.001


def test_a_part_of_a_sentence_has_next_to_no_silence(tmp_path: Path) -> None:
    source = written(tmp_path / "a.wav", silence(1) + tone(1, 0.3) + silence(1))
    samples, rate = shaped(source, shaping.Frame.JOINED)
    assert len(samples) / rate == pytest.approx(1 + 2 * shaping.JOINED_S, abs=0.03)
    assert shaping.JOINED_S < shaping.LEAD_S < shaping.TAIL_S


def test_a_click_is_limited_and_the_speech_keeps_its_loudness(tmp_path: Path) -> None:
    speech = tone(3, 0.05)
    for at in range(20_000, 20_020):
        speech[at] = 1.0 if at % 2 else -1.0
    samples, rate = shaped(written(tmp_path / "a.wav", speech))
    assert measure(samples, rate).peak <= shaping.PEAK_DB
    quiet_part = samples[2 * rate : 3 * rate]
    assert measure(quiet_part, rate).lufs == pytest.approx(shaping.SPEECH_LUFS, abs=1.5)


def test_silence_and_music_keep_their_length(tmp_path: Path) -> None:
    assert len(shaped(written(tmp_path / "a.wav", silence(2)))[0]) == 16_000
    music, rate = shaped(
        written(tmp_path / "b.wav", silence(1) + tone(1, 0.5) + silence(1)), shaping.Frame.MUSIC
    )
    assert len(music) == 3 * rate


def test_a_source_of_8_khz_has_one_form_and_a_better_one_two(tmp_path: Path) -> None:
    assert set(shaping.shape(written(tmp_path / "a.wav", tone(1, 0.3), 8000), "x")) == {".wav"}
    assert set(shaping.shape(written(tmp_path / "b.wav", tone(1, 0.3), 22050), "x")) == {".wav", ".wav16"}


def test_what_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(ApplyError, match="prompt hello: sox failed"):
        shaping.shape(tmp_path / "a.wav", "prompt hello")


@given(st.integers(0, 2**32), st.floats(0.1, 40), st.floats(0.05, 0.95), st.integers(0, 3000))
def test_no_sample_is_above_the_ceiling(seed: int, factor: float, ceiling: float, length: int) -> None:
    chance = random.Random(seed)
    samples = array("f", [chance.uniform(-1, 1) ** 5 for _ in range(length)])
    louder = amplify(samples, RATE, factor, ceiling)
    assert len(louder) == length
    assert max((abs(sample) for sample in louder), default=0.0) <= ceiling * 1.00001 or factor <= ceiling

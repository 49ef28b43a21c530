"""Tones: what is made is found, in both codecs, alone and mixed; speech-like noise is not a tone."""

import math
import random
import wave
from pathlib import Path

import pytest

from ccctl.lab import tones

PARTIES = {450, 650, 850, 1150}


def frames(*parts: int, count: int = 20, codec: int = tones.ULAW) -> list[list[int]]:
    mixed = [sum(x) for x in zip(*(tones.decode(tones.frame(p, codec), codec) for p in parts), strict=True)]
    return [mixed] * count


@pytest.mark.parametrize("codec", [tones.ULAW, tones.ALAW])
def test_every_code_survives_a_round_trip(codec: int) -> None:
    values = tones.LINEAR[codec]
    again = tones.decode(tones.encode(values, codec), codec)
    assert again == values


def test_known_codes_of_g711() -> None:
    assert tones.decode(b"\xff\x7f\x00\x80", tones.ULAW) == [0, 0, -32124, 32124]
    assert tones.decode(b"\xd5\x55\x2a\xaa", tones.ALAW) == [8, -8, -32256, 32256]


@pytest.mark.parametrize("codec", [tones.ULAW, tones.ALAW])
@pytest.mark.parametrize("tone", sorted(PARTIES))
def test_a_tone_is_found_alone(tone: int, codec: int) -> None:
    assert tones.present(frames(tone, codec=codec), PARTIES) == {tone}


def test_mixed_tones_are_all_found() -> None:
    assert tones.present(frames(450, 650, 850), PARTIES) == {450, 650, 850}


def test_silence_and_nothing_hold_no_tone() -> None:
    assert tones.present(frames(0), PARTIES) == set()
    assert tones.present([], PARTIES) == set()


def test_a_tone_for_half_of_the_time_is_not_present() -> None:
    assert tones.present(frames(450, count=10) + frames(0, count=10), PARTIES) == set()
    assert tones.share(frames(450, count=10) + frames(0, count=10), 450) == 0.5


def test_noise_is_not_a_tone() -> None:
    chance = random.Random(7)
    noise = [[int(chance.gauss(0, 1500)) for _ in range(tones.FRAME)] for _ in range(50)]
    assert tones.present(noise, PARTIES) == set()


def test_loudness_is_the_root_mean_square() -> None:
    assert tones.loudness(tones.decode(tones.frame(450))) == pytest.approx(6000 / math.sqrt(2), rel=0.02)
    assert tones.loudness([]) == 0.0


@pytest.mark.parametrize("tone", [455, -50, 4000])
def test_a_tone_that_does_not_fit_a_packet_is_refused(tone: int) -> None:
    with pytest.raises(ValueError, match="multiple of 50"):
        tones.frame(tone)


def test_a_recording_is_read_in_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = tones.decode(tones.frame(650)) * 10
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(s.to_bytes(2, "little", signed=True) for s in samples))
    assert tones.present(tones.read_wave(path), PARTIES) == {650}

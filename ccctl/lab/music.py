"""Music for waiting callers, made from nothing: a soft melody, so that the lab needs no recording."""

import math
import wave
from array import array
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

RATE = 8000
BEAT_MS = 420
# Semitones from A4; None is a rest. One line is one bar; the bass is the bar's root an octave lower.
MELODY: tuple[tuple[int | None, ...], ...] = (
    (3, 7, 10, 7),
    (0, 3, 7, 3),
    (-4, 0, 3, 8),
    (-2, 2, 5, None),
    (3, 10, 7, 3),
    (0, 7, 3, 0),
    (-4, 3, 0, -4),
    (-2, 5, 2, None),
)


def write_music(path: Path) -> None:
    samples = array("h", chain.from_iterable(_bar(notes) for notes in MELODY))
    temporary = path.with_suffix(".new")
    with wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    temporary.replace(path)


def _bar(notes: Sequence[int | None]) -> list[int]:
    beat = RATE * BEAT_MS // 1000
    root = next(note for note in notes if note is not None)
    samples = [0.0] * (beat * len(notes))
    _add(samples, 0, _pluck(root - 12, beat * len(notes), 1500))
    for at, note in enumerate(notes):
        if note is not None:
            _add(samples, at * beat, _pluck(note, beat, 2500))
    return [int(sample) for sample in samples]


def _pluck(semitone: int, length: int, loudness: float) -> list[float]:
    """A tone that starts softly and fades to silence, so that bars join without a click."""
    pitch = 440.0 * 2 ** (semitone / 12) * 2 * math.pi / RATE
    return [
        loudness
        * min(1.0, at / 80)
        * (1 - at / length)
        * (math.sin(pitch * at) + 0.25 * math.sin(2 * pitch * at))
        for at in range(length)
    ]


def _add(samples: list[float], start: int, tone: list[float]) -> None:
    for at, value in enumerate(tone, start):
        samples[at] += value

"""Tones over G.711: make them, and find them in what was heard.

Every frequency that is a multiple of 50 Hz repeats exactly within one 20 ms packet (160 samples at
8 kHz), so a party's voice is one constant payload and a packet tells each tone apart from all others.
Choose tones that are no multiple of each other: a loud 450 Hz leaves a trace at 900 and 1350.
"""

import math
import wave
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import mul
from pathlib import Path

RATE = 8000
FRAME = 160  # samples of 20 ms
ULAW, ALAW = 0, 8  # RTP payload types
FLOOR = 300.0  # amplitude (of 32767) from which a tone counts as present ...
PART = 0.05  # ... when it also has this part of the power: an overtone of music or speech has less
AUDIBLE = 150.0  # root mean square from which a packet counts as sound


def _from_ulaw(byte: int) -> int:
    byte = ~byte & 0xFF
    value = (((byte & 0x0F) << 3) + 0x84) << ((byte & 0x70) >> 4)
    return 0x84 - value if byte & 0x80 else value - 0x84


def _from_alaw(byte: int) -> int:
    byte ^= 0x55
    segment, value = (byte & 0x70) >> 4, (byte & 0x0F) << 4
    value = value + 8 if segment == 0 else (value + 0x108) << (segment - 1)
    return value if byte & 0x80 else -value


LINEAR = {ULAW: [_from_ulaw(i) for i in range(256)], ALAW: [_from_alaw(i) for i in range(256)]}


@lru_cache
def _ladder(codec: int) -> tuple[list[int], list[int]]:
    """Sample values in rising order, and the byte of each."""
    pairs = sorted((value, byte) for byte, value in enumerate(LINEAR[codec]))
    return [value for value, _ in pairs], [byte for _, byte in pairs]


def encode(samples: Iterable[int], codec: int = ULAW) -> bytes:
    """G.711 of linear samples: the code whose value is nearest."""
    values, codes = _ladder(codec)
    out = bytearray()
    for sample in samples:
        at = min(max(bisect_left(values, sample), 1), len(values) - 1)
        nearer_below = sample - values[at - 1] <= values[at] - sample
        out.append(codes[at - 1 if nearer_below else at])
    return bytes(out)


def decode(payload: bytes, codec: int = ULAW) -> list[int]:
    table = LINEAR[codec]
    return [table[byte] for byte in payload]


@lru_cache
def frame(tone: int, codec: int = ULAW, amplitude: int = 6000) -> bytes:
    """One packet of a sine; 0 is silence."""
    if tone % 50 or not 0 <= tone < RATE // 2:
        raise ValueError(f"a tone of {tone} Hz does not fit a packet: use a multiple of 50 below {RATE // 2}")
    return encode((round(amplitude * math.sin(2 * math.pi * tone * i / RATE)) for i in range(FRAME)), codec)


@lru_cache
def _waves(tone: int) -> tuple[list[float], list[float]]:
    angles = [2 * math.pi * tone * i / RATE for i in range(FRAME)]
    return [math.cos(a) for a in angles], [math.sin(a) for a in angles]


def strength(samples: Sequence[int], tone: int) -> float:
    """Amplitude of the tone in one frame of 160 samples (Goertzel's bin, as two dot products)."""
    cosine, sine = _waves(tone)
    return 2 * math.hypot(sum(map(mul, samples, cosine)), sum(map(mul, samples, sine))) / FRAME


def loudness(samples: Sequence[int]) -> float:
    """Root mean square of the samples."""
    return math.sqrt(sum(map(mul, samples, samples)) / len(samples)) if samples else 0.0


def sounds(samples: Sequence[int], tone: int) -> bool:
    """The tone is in this frame."""
    amplitude = strength(samples, tone)
    return amplitude > FLOOR and amplitude**2 / 2 > PART * loudness(samples) ** 2


def present(frames: Sequence[Sequence[int]], tones: Iterable[int]) -> set[int]:
    """Which of the tones sound through at least three quarters of the frames.

    Speech touches any frequency now and then, a party's tone is always there."""
    whole = [f for f in frames if len(f) == FRAME]
    if not whole:
        return set()
    need = math.ceil(len(whole) * 0.75)
    return {tone for tone in tones if sum(sounds(f, tone) for f in whole) >= need}


def read_wave(path: str | Path) -> list[list[int]]:
    """Frames of a recording: 8 kHz, mono, 16 bit, as Asterisk writes it."""
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path}: not 8 kHz mono 16 bit")
        samples = memoryview(file.readframes(file.getnframes())).cast("h").tolist()
    return [samples[i : i + FRAME] for i in range(0, len(samples) - FRAME + 1, FRAME)]


def share(frames: Sequence[Sequence[int]], tone: int) -> float:
    """Part of the frames (0..1) in which the tone sounds."""
    return sum(sounds(f, tone) for f in frames) / len(frames) if frames else 0.0

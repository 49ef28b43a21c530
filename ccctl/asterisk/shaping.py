"""Any sound file to the form that callers hear: 8 and 16 kHz, mono, 16 bit, one loudness, short silences.

Asterisk takes the nearer of <name>.wav (8 kHz) and <name>.wav16 (16 kHz) for each channel by itself: phones
with G.722 or Opus hear the wide one. A source of 8 kHz has nothing for it, so it gets no .wav16.

Speech comes to SPEECH_LUFS, where Asterisk's own words are (their median is -19.2 LUFS), music 4 dB below.
No true peak is above PEAK_DB; what would be is limited. Silence itself stays as it is.
"""

import math
import subprocess
import wave
from array import array
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

from ccctl.asterisk.limiter import amplify
from ccctl.asterisk.loudness import measure
from ccctl.errors import ApplyError

VERSION = "1"  # raised when sounds come out differently: cached ones are then made anew
SPEECH_LUFS = -20.0
MUSIC_LUFS = -24.0
PEAK_DB = -2.0
MOST_GAIN_DB = 30.0
LEAD_S, TAIL_S = 0.05, 0.15
JOINED_S = 0.03  # before and after a sound that is a part of a sentence
NARROW, WIDE = ".wav", ".wav16"
RATES = {NARROW: 8000, WIDE: 16000}
TIMEOUT_S = 120
_WIDE_FROM = 11025  # Hz of a source that has more than the telephone band
_BETWEEN_DB = 1.0  # the wave between two samples, and after a change of rate, is higher than they are
_NEAR_DB, _ROUNDS = 0.2, 4
_SILENCE = 0.001  # of full scale: -60 dB
_QUIET = 0.01  # of the sound's peak: -40 dB
_FADE_S = 0.005

Files = dict[str, bytes]  # extension -> content of the file


class Frame(Enum):
    """What silence a sound has around it: (before, after) in seconds; music keeps its own."""

    SPEECH = (LEAD_S, TAIL_S)
    JOINED = (JOINED_S, JOINED_S)
    MUSIC = (0.0, 0.0)


def shape(source: Path, what: str, frame: Frame = Frame.SPEECH) -> Files:
    """The sound in every form worth having. `what` names it in an error."""
    music = frame is Frame.MUSIC
    rate = 16_000 if _rate(source, what) >= _WIDE_FROM else 8_000
    samples = decode(source, rate, what)
    start, end = (0, len(samples)) if music else bounds(samples, rate)
    loud = level(samples[start:end], rate, MUSIC_LUFS if music else SPEECH_LUFS)
    samples = loud if music else framed(samples[:start] + loud + samples[end:], (start, end), rate, frame)
    with TemporaryDirectory(prefix="ccctl-sound-") as scratch:
        made: Files = {}
        for ending, wanted in RATES.items():
            if wanted <= rate:
                out = Path(scratch) / f"out{wanted}.wav"
                _encode(samples, rate, wanted, out)
                made[ending] = out.read_bytes()
        return made


def level(samples: "array[float]", rate: int, target: float) -> "array[float]":
    """Brought to `target` LUFS. Limited peaks take loudness with them, so it is measured again."""
    found, gain, louder = measure(samples, rate), 0.0, samples
    for _ in range(_ROUNDS):
        if found.silent or abs(target - found.lufs) < _NEAR_DB or gain >= MOST_GAIN_DB:
            return louder
        gain = min(gain + target - found.lufs, MOST_GAIN_DB)
        louder = amplify(samples, rate, _factor(gain), _factor(PEAK_DB - _BETWEEN_DB))
        found = measure(louder, rate)
    return louder


def _factor(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def bounds(samples: "array[float]", rate: int) -> tuple[int, int]:
    """Where the sound begins and ends, in steps of 10 ms; all of it when it is silence."""
    loudest = max(max(samples, default=0.0), -min(samples, default=0.0))
    if loudest < _SILENCE:
        return 0, len(samples)
    step = rate // 100
    edge = max(_SILENCE, loudest * _QUIET)
    starts = range(0, len(samples), step)
    first = next(at for at in starts if _louder(samples[at : at + step], edge))
    last = next(at for at in reversed(starts) if _louder(samples[at : at + step], edge))
    return first, min(last + step, len(samples))


def _louder(window: "array[float]", edge: float) -> bool:
    return max(window) >= edge or min(window) <= -edge


def framed(
    samples: "array[float]", sounding: tuple[int, int], rate: int, frame: Frame = Frame.SPEECH
) -> "array[float]":
    """The same lead and tail for every sound: of what is there, completed with silence. The edges fade, so
    that nothing clicks. Silence as a whole stays as it is."""
    lead, tail = (int(seconds * rate) for seconds in frame.value)
    if not any(samples):
        return samples
    start, end = sounding
    before, after = min(start, lead), min(len(samples) - end, tail)
    kept = samples[start - before : end + after]
    fade = min(int(_FADE_S * rate), len(kept))
    for at in range(fade):
        kept[at] *= at / fade
        kept[-1 - at] *= at / fade
    silence = array("f", bytes(4 * (lead + tail - before - after)))
    return silence[: lead - before] + kept + silence[lead - before :]


# -- sox -------------------------------------------------------------------------------------------


def decode(source: Path, rate: int, what: str) -> "array[float]":
    command = ["sox", "-V1", str(source), "-t", "f32", "-r", str(rate), "-c", "1", "-"]
    samples = array("f")
    samples.frombytes(run(command, what))
    return samples


def _rate(source: Path, what: str) -> int:
    return int(run(["sox", "--info", "-r", str(source)], what))


def _encode(samples: "array[float]", rate: int, wanted: int, out: Path) -> None:
    raw = ["-t", "f32", "-r", str(rate), "-c", "1", "-"]
    wav = ["-t", "wav", "-e", "signed-integer", "-b", "16", "-r", str(wanted), str(out)]
    run(["sox", "-V1", "-D", *raw, *wav], out.name, samples.tobytes())


def run(command: list[str], what: str, given: bytes = b"", install: str = "apt install sox") -> bytes:
    """What a program prints; ApplyError with its last words, or with what to install."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command, input=given, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise ApplyError(f"{what} needs {command[0]}, which is not installed", install) from None
    except subprocess.TimeoutExpired:
        raise ApplyError(f"{what}: {command[0]} did not end within {TIMEOUT_S} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        last = said[-1] if said else str(done.returncode)
        hint = "apt install libsox-fmt-all" if "no handler for" in last else ""
        raise ApplyError(f"{what}: {command[0]} failed: {last}", hint)
    return done.stdout


# -- looking ---------------------------------------------------------------------------------------


def read_wav(path: Path) -> tuple["array[float]", int]:
    """Samples of a mono 16-bit WAV between -1 and 1, and their rate. Raises OSError, wave.Error, EOFError."""
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise wave.Error("not mono with 16 bit")
        whole = array("h", file.readframes(file.getnframes()))
        return array("f", (sample / 32768 for sample in whole)), file.getframerate()


def decibel(value: float) -> str:
    return "silent" if math.isinf(value) else f"{value:.1f}"

"""Text to speech: engines, their versions and voices, and what this machine lacks of them."""

import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from ccctl.asterisk.shaping import run
from ccctl.asterisk.soundcache import key_of
from ccctl.errors import ApplyError
from ccctl.flow.graph import Site

WORDS_PER_MINUTE = 150  # espeak-ng at 100 %


class Engine(msgspec.Struct, frozen=True):
    """A command that reads text on stdin and writes `{out}`. `{voice}` is the language, or what the
    site wrote after "<engine>:"; `{pace}` words per minute, `{stretch}` how long sounds last."""

    command: tuple[str, ...]
    install: str


ENGINES = {
    "espeak-ng": Engine(
        ("espeak-ng", "-v", "{voice}", "-s", "{pace}", "-w", "{out}", "--stdin"), "apt install espeak-ng"
    ),
    "piper": Engine(
        ("piper", "--model", "{voice}", "--length_scale", "{stretch}", "--output_file", "{out}"),
        "pip install piper-tts, and name the voice file: voice: piper:/path/to/voice.onnx",
    ),
}


class Voice(msgspec.Struct, frozen=True):
    """Who speaks a language. `name` is a voice of espeak-ng or the model file of piper."""

    engine: str
    name: str
    speed: int = 100  # percent


def voice_of(site: Site, language: str) -> Voice:
    kind, _, chosen = site.defaults.voice_of(language).partition(":")
    if kind not in ENGINES:
        raise ApplyError(f"unknown voice {kind!r}", f"known: {', '.join(ENGINES)}")
    name = chosen.replace("{language}", language) if chosen else language.replace("_", "-").lower()
    if kind == "piper" and chosen:
        name = str(Path(site.root) / name)
    return Voice(kind, name, site.defaults.speed)


def speak(voice: Voice, text: str, out: Path, what: str) -> None:
    engine = ENGINES[voice.engine]
    pace, stretch = round(WORDS_PER_MINUTE * voice.speed / 100), f"{100 / voice.speed:.3f}"
    values = {"voice": voice.name, "out": str(out), "pace": pace, "stretch": stretch}
    line = " ".join(text.split())  # some engines make one file of each line
    run([part.format(**values) for part in engine.command], what, line.encode(), engine.install)


def spoken_key(voice: Voice, language: str, text: str, shaping: str) -> str:
    """What a spoken sound depends on."""
    version = engine_version(voice.engine, voice.name)
    return key_of("spoken", voice.engine, version, voice.name, str(voice.speed), language, text, shaping)


@cache
def engine_version(engine: str, name: str) -> str:
    """What the engine says of itself; of piper the model counts."""
    if engine == "piper":
        try:
            status = Path(name).stat()
        except OSError:
            return ""
        return f"{status.st_size}-{status.st_mtime_ns}"
    try:
        asked = [engine, "--version"]
        said = subprocess.run(asked, capture_output=True, timeout=20, check=False)  # noqa: S603 - of ENGINES
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.decode(errors="replace").partition("Data at")[0].strip()


# -- what is missing here --------------------------------------------------------------------------


class Lack(msgspec.Struct, frozen=True):
    language: str
    text: str
    hint: str


def lacks(site: Site, languages: Iterable[str]) -> list[Lack]:
    """Why texts of these languages cannot be spoken on this machine."""
    found = (_lack(site, language) for language in dict.fromkeys(languages))
    return [lack for lack in found if lack is not None]


def _lack(site: Site, language: str) -> Lack | None:
    try:
        voice = voice_of(site, language)
    except ApplyError as error:
        return Lack(language, error.text, error.hint)
    engine = ENGINES[voice.engine]
    if not shutil.which(voice.engine):
        return Lack(language, f"{voice.engine} is not installed", engine.install)
    if voice.engine == "piper" and not Path(voice.name).is_file():
        return Lack(language, f"there is no voice file {voice.name}", engine.install)
    if voice.engine == "espeak-ng" and not _espeak_knows(voice.name):
        hint = f"'espeak-ng --voices' lists them; write for example voice: {{{language}: espeak-ng:en}}"
        return Lack(language, f"espeak-ng has no voice {voice.name!r}", hint)
    return None


@cache
def _espeak_knows(name: str) -> bool:
    probe = ["espeak-ng", "-q", "-v", name, "a"]
    done = subprocess.run(probe, capture_output=True, timeout=20, check=False)  # noqa: S603 - no shell
    return done.returncode == 0

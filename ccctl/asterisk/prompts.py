"""Sound files of a site: recordings copied, texts spoken by a text-to-speech engine.

A file is <sounds>/<language>/cc/<name>-<digest>.wav (8 kHz, mono, 16 bit). The digest pins its content,
so a file that exists is never made again and an old generation keeps its own prompts.
"""

import os
import re
import shutil
import subprocess
import wave
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from ccctl.errors import ApplyError
from ccctl.flow.graph import Prompt, Site

TIMEOUT_S = 120
ALL = "all"
_OURS = re.compile(r"(.+-[0-9a-f]{8})\.wav")


class Engine(msgspec.Struct, frozen=True):
    """A command that reads text on stdin and writes `{out}`. `{voice}` is the language, or what the
    site wrote after "<engine>:"."""

    command: tuple[str, ...]
    install: str


ENGINES = {
    "espeak-ng": Engine(
        ("espeak-ng", "-v", "{voice}", "-s", "150", "-w", "{out}", "--stdin"), "apt install espeak-ng"
    ),
    "piper": Engine(
        ("piper", "--model", "{voice}", "--output_file", "{out}"),
        "pip install piper-tts, and name the voice file: voice: piper:/path/to/voice.onnx",
    ),
}


class Sound(msgspec.Struct, frozen=True):
    """One file to be made: from a recording (`file`) or from `text`."""

    prompt: str
    language: str
    target: str
    text: str = ""
    file: str = ""


def sounds(site: Site, sounds_dir: str) -> list[Sound]:
    """Every sound file that the site needs."""
    languages = site.defaults.languages
    return [
        _sound(site, prompt, language, sounds_dir)
        for prompt in site.prompts.values()
        for language in dict.fromkeys((*languages, *prompt.texts, *(set(prompt.files) - {ALL})))
        if language in prompt.texts or language in prompt.files or ALL in prompt.files
    ]


def _sound(site: Site, prompt: Prompt, language: str, sounds_dir: str) -> Sound:
    file = prompt.files.get(language) or ("" if language in prompt.texts else prompt.files.get(ALL, ""))
    source = str(Path(site.root) / file) if file else ""
    target = f"{sounds_dir}/{language}/{prompt.sound}.wav"
    return Sound(prompt.name, language, target, "" if file else prompt.texts[language], source)


def make(site: Site, sounds_dir: str, progress: Callable[[int, int, str], None]) -> list[str]:
    """Make the missing files, all or none; returns their paths. `progress(done, of, name)`."""
    missing = [sound for sound in sounds(site, sounds_dir) if not os.path.exists(sound.target)]
    if not missing:
        return []
    try:
        with TemporaryDirectory(prefix="ccctl-prompts-") as scratch:
            made = []
            for number, sound in enumerate(missing):
                progress(number, len(missing), f"{sound.language}/{sound.prompt}")
                made.append(_make_one(site.defaults.voice, sound, Path(scratch), number))
            _publish(missing, made)
    except OSError as error:
        raise ApplyError(f"prompts cannot be written to {sounds_dir}: {error.strerror}") from None
    progress(len(missing), len(missing), "")
    return [sound.target for sound in missing]


def _make_one(voice: str, sound: Sound, scratch: Path, number: int) -> Path:
    out = scratch / f"{number}.wav"
    if sound.file and _is_telephone(sound.file):
        shutil.copyfile(sound.file, out)
        return out
    source = Path(sound.file) if sound.file else _speak(voice, sound, scratch / f"{number}.tts.wav")
    command = ["sox", str(source), "-r", "8000", "-c", "1", "-b", "16", "-e", "signed-integer", str(out)]
    _run(command, b"", sound, "apt install sox")
    return out


def _speak(voice: str, sound: Sound, out: Path) -> Path:
    kind, _, chosen = voice.partition(":")
    engine = ENGINES.get(kind)
    if not engine:
        raise ApplyError(f"unknown voice {voice!r}", f"known: {', '.join(ENGINES)}")
    spoken = chosen.format(language=sound.language) if chosen else sound.language.replace("_", "-").lower()
    command = [part.format(voice=spoken, out=out) for part in engine.command]
    _run(command, sound.text.encode(), sound, engine.install)
    return out


def _run(command: list[str], text: bytes, sound: Sound, install: str) -> None:
    what = f"prompt {sound.prompt} ({sound.language})"
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
    except FileNotFoundError:
        raise ApplyError(f"{what} needs {command[0]}, which is not installed", install) from None
    except subprocess.TimeoutExpired:
        raise ApplyError(f"{what}: {command[0]} did not end within {TIMEOUT_S} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ApplyError(f"{what}: {command[0]} failed: {said[-1] if said else done.returncode}")


def _is_telephone(path: str) -> bool:
    try:
        with wave.open(path, "rb") as file:
            return (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
    except (wave.Error, EOFError, OSError):
        return False  # sox will convert it, or say what is wrong


def _publish(missing: list[Sound], made: list[Path]) -> None:
    """First everything beside its place, then every rename: a full disk leaves nothing half there."""
    waiting = [Path(f"{sound.target}.new") for sound in missing]
    try:
        for path, source in zip(waiting, made, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)
            path.chmod(0o644)
        for path, sound in zip(waiting, missing, strict=True):
            path.replace(sound.target)
    finally:
        for path in waiting:
            path.unlink(missing_ok=True)


def remove_unused(sounds_dir: str, keep: Iterable[str]) -> list[str]:
    """Delete our files that no live generation plays; `keep` are sounds as in Prompt.sound."""
    wanted = set(keep)
    gone = []
    for path in sorted(Path(sounds_dir).glob("*/cc/*.wav")):
        ours = _OURS.fullmatch(path.name)
        if ours and f"cc/{ours.group(1)}" not in wanted:
            path.unlink(missing_ok=True)
            gone.append(str(path))
    return gone


def copy_music(site: Site, classes: Iterable[str], sounds_dir: str) -> dict[str, str]:
    """Class -> folder of its files: the site's sounds/moh/<class>/, else Asterisk's own music."""
    return {name: _copy_class(Path(site.root) / "sounds" / "moh" / name, sounds_dir) for name in classes}


def _copy_class(source: Path, sounds_dir: str) -> str:
    if not source.is_dir():
        return "moh"
    target = Path(sounds_dir) / "moh" / source.name
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(path for path in source.iterdir() if path.is_file()):
            shutil.copyfile(file, target / f"{file.name}.new")
            (target / f"{file.name}.new").replace(target / file.name)
    except OSError as error:
        raise ApplyError(f"music cannot be copied to {target}: {error.strerror}") from None
    return str(target)

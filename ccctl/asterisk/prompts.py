"""Sound files of a site: texts spoken, recordings and music brought into form, from the cache if they can.

A file is <sounds>/<language>/cc/<name>-<digest>.wav (8 kHz, mono, 16 bit), with .wav16 (16 kHz) beside it
when the source has that much. The digest pins its content, so a file that exists is never made again and an
old generation keeps its own prompts.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from ccctl.asterisk import shaping, speech
from ccctl.asterisk.shaping import NARROW, RATES, Files, Frame
from ccctl.asterisk.soundcache import SoundCache, key_of
from ccctl.errors import ApplyError
from ccctl.flow.graph import Prompt, Site

WORKERS = 2
ALL = "all"
_OURS = re.compile(r"(.+-[0-9a-f]{8})\.wav(?:16)?")
# Formats of Asterisk that sox does not read, or not without being told their rate: music in them is copied.
_AS_THEY_ARE = frozenset((".g722", ".g729", ".sln", ".sln16", ".sln48", ".ulaw", ".alaw", ".wav16"))

Progress = Callable[[int, int], None]  # how many are made, of how many


class Sound(msgspec.Struct, frozen=True):
    """One sound to be made: from a recording (`file`) or from `text`. `target` is its 8 kHz file. `joined`:
    another sound follows at once."""

    prompt: str
    language: str
    target: str
    text: str = ""
    file: str = ""
    joined: bool = False

    @property
    def what(self) -> str:
        return f"prompt {self.prompt} ({self.language})"


def sounds(site: Site, sounds_dir: str) -> list[Sound]:
    """Every sound that the site needs."""
    languages = site.languages
    return [
        _sound(site, prompt, language, sounds_dir)
        for prompt in site.prompts.values()
        for language in dict.fromkeys((*languages, *prompt.texts, *(set(prompt.files) - {ALL})))
        if language in prompt.texts or language in prompt.files or ALL in prompt.files
    ]


def _sound(site: Site, prompt: Prompt, language: str, sounds_dir: str) -> Sound:
    file = prompt.files.get(language) or ("" if language in prompt.texts else prompt.files.get(ALL, ""))
    source = str(Path(site.root) / file) if file else ""
    target = f"{sounds_dir}/{language}/{prompt.sound}{NARROW}"
    text = "" if file else spoken_text(prompt, prompt.texts[language])
    return Sound(prompt.name, language, target, text, source, is_joined(prompt))


def is_joined(prompt: Prompt) -> bool:
    return bool(prompt.fragment and prompt.fragment.joined)


def spoken_text(prompt: Prompt, text: str) -> str:
    """The voice must not fall as at the end of a sentence when the sentence goes on."""
    goes_on = is_joined(prompt) and prompt.fragment is not None and not prompt.fragment.pin
    return f"{text}," if goes_on and text[-1].isalnum() else text


def make(site: Site, sounds_dir: str, progress: Progress) -> list[str]:
    """Make the missing sounds, all or none; returns their 8 kHz files."""
    return make_sounds(site, sounds(site, sounds_dir), progress)


def make_sounds(site: Site, wanted: Iterable[Sound], progress: Progress) -> list[str]:
    missing = [sound for sound in wanted if not os.path.exists(sound.target)]
    if not missing:
        return []
    known = SoundCache()
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = [pool.submit(sound_of, site, sound, known) for sound in missing]
        try:
            for number, job in enumerate(jobs):
                progress(number, len(missing))
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    publish({sound.target: job.result() for sound, job in zip(missing, jobs, strict=True)})
    known.clear_old()
    progress(len(missing), len(missing))
    return [sound.target for sound in missing]


def sound_of(site: Site, sound: Sound, known: SoundCache) -> Files:
    """From the cache, else made and put there."""
    frame = Frame.JOINED if sound.joined else Frame.SPEECH
    if sound.file:
        return recorded(Path(sound.file), sound.what, known, frame)
    voice = speech.voice_of(site, sound.language)
    key = speech.spoken_key(voice, sound.language, sound.text, form(frame))
    files = known.get(key)
    if files is None:
        try:
            with TemporaryDirectory(prefix="ccctl-speech-") as scratch:
                out = Path(scratch) / "spoken.wav"
                speech.speak(voice, sound.text, out, sound.what)
                files = shaping.shape(out, sound.what, frame)
        except OSError as error:
            raise ApplyError(f"{sound.what} cannot be spoken: {error.strerror}") from None
        known.put(key, files)
    return files


def recorded(source: Path, what: str, known: SoundCache, frame: Frame = Frame.SPEECH) -> Files:
    """A recording in the form that callers hear."""
    try:
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        key = key_of("recorded", digest, str(frame is Frame.MUSIC), form(frame))
    except OSError as error:
        raise ApplyError(f"{what}: {source} cannot be read: {error.strerror}") from None
    files = known.get(key)
    if files is None:
        try:
            files = shaping.shape(source, what, frame)
        except OSError as error:
            raise ApplyError(f"{what} cannot be converted: {error.strerror}") from None
        known.put(key, files)
    return files


def form(frame: Frame = Frame.SPEECH) -> str:
    joined = " joined" if frame is Frame.JOINED else ""
    return f"{shaping.VERSION} {','.join(RATES)} {shaping.SPEECH_LUFS} {shaping.MUSIC_LUFS}{joined}"


def publish(made: dict[str, Files]) -> None:
    """`made`: path of the 8 kHz file -> its forms. First everything beside its place, then every rename: a
    full disk leaves nothing half there. The 8 kHz file, by which a sound counts as made, comes last."""
    contents = {
        f"{target.removesuffix(NARROW)}{ending}": data
        for target, files in made.items()
        for ending, data in sorted(files.items(), reverse=True)
    }
    try:
        for path, data in contents.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(f"{path}.new").write_bytes(data)
            Path(f"{path}.new").chmod(0o644)
        for path in contents:
            Path(f"{path}.new").replace(path)
    except OSError as error:
        raise ApplyError(f"sounds cannot be written to {error.filename}: {error.strerror}") from None
    finally:
        for path in contents:
            Path(f"{path}.new").unlink(missing_ok=True)


def remove_unused(sounds_dir: str, keep: Iterable[str]) -> list[str]:
    """Delete our files that no live generation plays; `keep` are sounds as in Prompt.sound."""
    wanted = set(keep)
    gone = []
    for path in sorted(Path(sounds_dir).glob("*/cc/*.wav*")):
        ours = _OURS.fullmatch(path.name)
        if ours and f"cc/{ours.group(1)}" not in wanted:
            path.unlink(missing_ok=True)
            gone.append(str(path))
    return gone


# -- music -----------------------------------------------------------------------------------------


def copy_music(
    site: Site, classes: Iterable[str], sounds_dir: str, say: Callable[[str], None]
) -> dict[str, str]:
    """Class -> folder of its files: the site's sounds/moh/<class>/ in form, else Asterisk's own music. No
    plan knows these files, so what changes is said."""
    known = SoundCache()
    folders: dict[str, str] = {}
    for name in classes:
        source = Path(site.root) / "sounds" / "moh" / name
        folders[name] = str(Path(sounds_dir) / "moh" / name) if source.is_dir() else "moh"
        if source.is_dir() and (count := _copy_class(source, Path(folders[name]), known)):
            say(f"music {name}: {count} file{'s' if count > 1 else ''} changed")
    return folders


def _copy_class(source: Path, target: Path, known: SoundCache) -> int:
    files = sorted(path for path in source.iterdir() if path.is_file() and not path.name.startswith("."))
    with ThreadPoolExecutor(WORKERS) as pool:
        made = list(pool.map(lambda path: _piece(path, source.name, known), files))
    contents = {name: data for piece in made for name, data in piece.items()}
    try:
        target.mkdir(parents=True, exist_ok=True)
        changed = sum(_replace(target / name, data) for name, data in contents.items())
        gone = [path for path in target.iterdir() if path.name not in contents]  # the site has them no more
        for path in gone:
            path.unlink()
    except OSError as error:
        raise ApplyError(f"music cannot be copied to {target}: {error.strerror}") from None
    return changed + len(gone)


def _piece(path: Path, name: str, known: SoundCache) -> Files:
    """File name -> content of one piece of music."""
    if path.suffix in _AS_THEY_ARE:
        return {path.name: path.read_bytes()}
    stem = path.stem if path.suffix == NARROW else path.name.replace(".", "-")
    forms = recorded(path, f"music {name}/{path.name}", known, Frame.MUSIC)
    return {f"{stem}{ending}": data for ending, data in forms.items()}


def _replace(path: Path, data: bytes) -> bool:
    """Only when it changed: what plays now goes on undisturbed. Whether it did."""
    if path.is_file() and path.read_bytes() == data:
        return False
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)
    return True

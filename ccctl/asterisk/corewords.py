"""Asterisk's own words in languages for which Debian has no sounds: spoken into <sounds>/<language>/.

Only where no file is: what somebody installs later, in whatever format, goes first, and ours gives way. A
list of ours is kept in <sounds>/<language>/cc/, so that a new voice speaks them again and nothing else is
ever touched.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from importlib import resources
from pathlib import Path

import msgspec
import yaml

from ccctl.asterisk import prompts, speech
from ccctl.asterisk.prompts import Sound
from ccctl.asterisk.shaping import RATES, Files
from ccctl.asterisk.soundcache import SoundCache
from ccctl.errors import ApplyError
from ccctl.flow.graph import Directory, Say, SayAs, Site
from ccctl.flow.sentences import slots
from ccctl.flow.ways import walk

LANGUAGES = ("de",)
LIST = "asterisk-words.json"
BATCH = 40
_ALWAYS = ("numbers", "ordinals", "dates", "calls")

Words = dict[str, str]  # name of a sound -> text


@cache
def words_of(language: str) -> dict[str, Words]:
    """Group -> the words of it."""
    text = resources.files("ccctl.asterisk").joinpath(f"words-{language}.yaml").read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), dict[str, Words])


def needed(site: Site) -> dict[str, Words]:
    """Language -> what Asterisk may say in calls of this site."""
    bases = dict.fromkeys(language.split("_")[0] for language in site.defaults.languages)
    groups = tuple(_groups(site))
    return {
        language: {name: text for group in groups for name, text in words_of(language).get(group, {}).items()}
        for language in bases
        if language in LANGUAGES
    }


def _groups(site: Site) -> Iterator[str]:
    yield from _ALWAYS
    steps = [step for flow in site.flows.values() for step in walk(flow.steps)]
    spelt = any(isinstance(step, Say) and _spells(step) for step in steps)
    directory = any(isinstance(step, Directory) for step in steps)
    if spelt or directory:
        yield "letters"
    if directory:
        yield "directory"
    if site.queues:
        yield "queues"
    if site.mailboxes:
        yield "voicemail"
    if site.conferences:
        yield "conference"


def _spells(step: Say) -> bool:
    return step.say_as is SayAs.ALPHA or any(slot.way == SayAs.ALPHA for slot in slots(step))


def make(site: Site, sounds_dir: str, count: Callable[[str, int, int], None]) -> int:
    """Speak what is missing or was spoken by another voice; how many. `count` hears what is made, how many
    are and of how many. Raises ApplyError."""
    wanted = needed(site)
    for manifest in Path(sounds_dir).glob(f"*/cc/{LIST}"):
        if manifest.parents[1].name not in wanted:
            _remove(manifest.parents[1], _read(manifest))
            manifest.unlink(missing_ok=True)
    return sum(
        _make(site, Path(sounds_dir) / language, words, partial(count, f"Asterisk's words in {language}"))
        for language, words in wanted.items()
    )


def _make(site: Site, folder: Path, words: Words, progress: prompts.Progress) -> int:
    manifest = folder / "cc" / LIST
    ours = _read(manifest)
    foreign = {name for name in words if _others(folder, name, name in ours)}
    _remove(folder, foreign & ours.keys())
    keys = {name: _key(site, folder.name, text) for name, text in words.items() if name not in foreign}
    stale = [
        name for name, key in keys.items() if ours.get(name) != key or not (folder / f"{name}.wav").exists()
    ]
    kept = {name: key for name, key in ours.items() if name not in foreign}
    if not stale and kept == ours:
        return 0
    _write(manifest, kept | dict.fromkeys(stale, ""))  # ours from now on, whatever happens
    for start in range(0, len(stale), BATCH):
        progress(start, len(stale))
        prompts.publish(dict(_spoken(site, folder, words, stale[start : start + BATCH])))
    _write(manifest, kept | {name: keys[name] for name in stale})
    if stale:
        progress(len(stale), len(stale))
    return len(stale)


def _spoken(site: Site, folder: Path, words: Words, names: list[str]) -> Iterator[tuple[str, Files]]:
    known = SoundCache()
    language = _spoken_as(site, folder.name)
    with ThreadPoolExecutor(prompts.WORKERS) as pool:
        sounds = [Sound(name, language, f"{folder}/{name}.wav", words[name]) for name in names]
        jobs = [pool.submit(prompts.sound_of, site, sound, known) for sound in sounds]
        for sound, job in zip(sounds, jobs, strict=True):
            yield sound.target, job.result()


def _spoken_as(site: Site, base: str) -> str:
    """The site's language that these words belong to: de, or de_AT when there is no de."""
    languages = site.defaults.languages
    return base if base in languages else next(each for each in languages if each.startswith(f"{base}_"))


def _key(site: Site, base: str, text: str) -> str:
    language = _spoken_as(site, base)
    return speech.spoken_key(speech.voice_of(site, language), language, text, prompts.form())


# -- files -----------------------------------------------------------------------------------------


def _others(folder: Path, name: str, ours: bool) -> bool:
    """Somebody else has a sound of that name there."""
    path = folder / name
    mine = {f"{path.name}{ending}" for ending in RATES} if ours else set()
    try:
        found = {entry for entry in _entries(str(path.parent)) if entry.partition(".")[0] == path.name}
    except OSError:
        return False
    return bool(found - mine)


def _entries(folder: str) -> Iterable[str]:
    return os.listdir(folder)


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        for ending in RATES:
            (folder / f"{name}{ending}").unlink(missing_ok=True)


def _read(manifest: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(manifest.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):
        return {}


def _write(manifest: Path, names: dict[str, str]) -> None:
    fresh = manifest.with_suffix(".new")
    try:
        manifest.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(dict(sorted(names.items()))))
        fresh.replace(manifest)
    except OSError as error:
        raise ApplyError(f"{manifest} cannot be written: {error.strerror}") from None

"""What `ccctl prompts` tells of a site: where prompts come from, who plays them, what is to be recorded."""

import wave
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import msgspec

from ccctl.asterisk import prompts, shaping, speech
from ccctl.asterisk.loudness import measure
from ccctl.asterisk.prompts import ALL, Sound, is_joined, spoken_text
from ccctl.asterisk.shaping import NARROW, Files
from ccctl.asterisk.soundcache import SoundCache
from ccctl.diagnostics import Diagnostic, Span
from ccctl.errors import ApplyError
from ccctl.flow.checks_prompts import no_voice
from ccctl.flow.graph import Prompt, Site
from ccctl.flow.roster import queue_prompt
from ccctl.flow.schema import Draft
from ccctl.flow.sentences import prompts_said

Source = Literal["text", "recording", "shared recording", "missing"]


class Entry(msgspec.Struct, frozen=True):
    """One prompt in one language. `by` is the voice that speaks it or the recording; `uses` counts places."""

    prompt: str
    language: str
    source: Source
    by: str
    text: str
    deliver: str
    digest: str
    uses: dict[str, int] = {}
    seconds: float | None = None
    lufs: float | None = None
    problem: str = ""
    part: bool = False  # of what a say step says


def entries(draft: Draft) -> list[Entry]:
    """Every prompt in every language of the site. Works for a site with errors too."""
    uses = uses_of(draft)
    return [
        _entry(draft.site, prompt, language, uses.get(prompt.name, {}))
        for prompt in draft.site.prompts.values()
        for language in draft.site.defaults.languages
        if not _is_cut_otherwise(prompt, language)
    ]


def _is_cut_otherwise(prompt: Prompt, language: str) -> bool:
    """A language whose sentence has no such part lacks nothing."""
    elsewhere = prompt.fragment.elsewhere if prompt.fragment else ()
    return language in elsewhere or language.partition("_")[0] in elsewhere


def _entry(site: Site, prompt: Prompt, language: str, uses: dict[str, int]) -> Entry:
    source: Source
    if language in prompt.files:
        source, by = "recording", prompt.files[language]
    elif language in prompt.texts:
        source, by = "text", site.defaults.voice_of(language)
    elif ALL in prompt.files:
        source, by = "shared recording", prompt.files[ALL]
    else:
        source, by = "missing", ""
    text = prompt.texts.get(language) or next(iter(prompt.texts.values()), "")
    return Entry(
        prompt=prompt.name,
        language=language,
        source=source,
        by=by,
        text=text,
        deliver=f"sounds/{language}/{prompt.name}.wav",
        digest=prompt.pin,
        uses=dict(sorted(uses.items())),
        part=prompt.fragment is not None,
    )


# -- who plays it ----------------------------------------------------------------------------------


def uses_of(draft: Draft) -> dict[str, dict[str, int]]:
    """Prompt -> "flow main", "queue support" -> in how many places it is named there."""
    found: dict[str, Counter[str]] = {}
    owners = sorted(_owners(draft))
    for ref in draft.refs:
        if ref.kind == "prompts":
            found.setdefault(ref.name, Counter())[_owner(owners, ref.span)] += 1
    for flow, told in draft.summaries.items():
        for step in told.says:
            for name in prompts_said(step, draft.site.vars):
                found.setdefault(name, Counter())[f"flow {flow}"] += 1
    for queue in draft.site.queues.values():
        if "queue" in queue.whisper:
            found.setdefault(queue_prompt(queue), Counter())[f"queue {queue.name}"] += 1
    return {name: dict(places) for name, places in found.items()}


def _owners(draft: Draft) -> Iterator[tuple[Span, str]]:
    """Every named thing of the site, by the place where it begins."""
    for section, names in draft.names.items():
        for name, span in names.items():
            yield span, f"{_SINGULAR.get(section, section)} {name}"


_SINGULAR = {
    "flows": "flow",
    "queues": "queue",
    "prompts": "prompt",
    "surveys": "survey",
    "numbers": "number",
}


def _owner(owners: list[tuple[Span, str]], span: Span) -> str:
    """The last thing that begins before the place, in the same file."""
    before = [name for place, name in owners if place.file == span.file and place <= span]
    return before[-1] if before else "the site"


# -- how it sounds ---------------------------------------------------------------------------------


def measured(site: Site, found: list[Entry]) -> Iterator[Entry]:
    """With length and loudness, as callers hear it; what was not spoken yet is spoken for that (and kept)."""
    known = SoundCache()
    with ThreadPoolExecutor(prompts.WORKERS) as pool:
        yield from pool.map(lambda entry: _measured(site, entry, known), found)


def _measured(site: Site, entry: Entry, known: SoundCache) -> Entry:
    if entry.source == "missing":
        return entry
    spoken = entry.source == "text"
    file = "" if spoken else str(Path(site.root) / entry.by)
    prompt = site.prompts[entry.prompt]
    text = spoken_text(prompt, entry.text) if spoken else ""
    sound = Sound(entry.prompt, entry.language, "", text, file, is_joined(prompt))
    try:
        files = prompts.sound_of(site, sound, known)
    except ApplyError as error:
        return msgspec.structs.replace(entry, problem=str(error))
    seconds, lufs = heard(files)
    return msgspec.structs.replace(entry, seconds=round(seconds, 2), lufs=round(lufs, 1))


def heard(files: Files) -> tuple[float, float]:
    """Length in seconds and loudness in LUFS of a sound in form; silence counts as -70."""
    with TemporaryDirectory(prefix="ccctl-heard-") as scratch:
        path = Path(scratch) / "sound.wav"
        path.write_bytes(files[NARROW])
        samples, rate = shaping.read_wav(path)
    return len(samples) / rate, max(measure(samples, rate).lufs, -70.0)


# -- what this machine cannot speak ----------------------------------------------------------------


def voice_findings(site: Site) -> list[Diagnostic]:
    """Before an apply finds out: texts that no engine here can speak."""
    spoken = {language for prompt in site.prompts.values() for language in prompt.texts}
    return [
        no_voice(site.defaults.span, lack.language, lack.text, lack.hint)
        for lack in speech.lacks(site, sorted(spoken))
    ]


# -- converting ------------------------------------------------------------------------------------

ORIGINALS = "originals"


class Converted(msgspec.Struct, frozen=True):
    source: str
    target: str
    kept: str  # where the original of an overwritten file is


def faulty(draft: Draft) -> list[str]:
    """Recordings that Asterisk cannot play, as paths below the site."""
    return [path for path, recording in draft.recordings.items() if recording.fault]


def convert(root: Path, source: Path, target: str) -> Converted:
    """Any sound file to `target` (a path below the site) in the form that E602 asks for."""
    forms = shaping.shape(source, str(source))
    place = root / target
    kept = ""
    try:
        if place.exists():
            kept = _keep(root, place, target)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{place.name}.new")
        fresh.write_bytes(forms.get(shaping.WIDE) or forms[NARROW])
        fresh.replace(place)
    except OSError as error:
        raise ApplyError(
            f"{place} cannot be written: {error.strerror}", "the original is untouched"
        ) from None
    return Converted(str(source), str(place), kept)


def _keep(root: Path, place: Path, target: str) -> str:
    """A copy of what is there, under a name that no earlier copy has."""
    folder = root / ORIGINALS / Path(target).parent.relative_to("sounds")
    folder.mkdir(parents=True, exist_ok=True)
    names = (f"{place.stem}{number}{place.suffix}" for number in ("", *(f".{n}" for n in range(1, 10_000))))
    copy = next(folder / name for name in names if not (folder / name).exists())
    copy.write_bytes(place.read_bytes())
    return str(copy)


def is_in_form(path: Path) -> bool:
    try:
        return shaping.read_wav(path)[1] in shaping.RATES.values()
    except (OSError, wave.Error, EOFError):
        return False


def to_record(found: Iterable[Entry]) -> list[Entry]:
    """What a studio would be given: whatever has no recording of its own language."""
    return [entry for entry in found if entry.source != "recording"]

"""What callers hear: the section prompts, what ccctl says itself, and the parts of what say steps say."""

import hashlib
import re
from collections.abc import Iterable

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph
from ccctl.flow.built_in import callback_texts, money_texts, state_texts
from ccctl.flow.roster import queue_prompt
from ccctl.flow.schema_types import Reader, read_mapping, read_scalar, read_text, refuse_duplicates
from ccctl.flow.sentences import (
    cut,
    fragment,
    spoken_words,
    value_prompt,
    value_texts,
    values_of,
    words_of,
)
from ccctl.flow.source import Mapping, Node, Scalar

SHAPING = "shaping 1"  # raised when sounds are made in another way: they get new names
_OF_SENTENCES = re.compile(r"say-[0-9a-f]{10}")


class Spoken(msgspec.Struct, frozen=True):
    """A prompt as written: texts and files by language."""

    texts: dict[str, str]
    files: dict[str, str]


# -- as written ------------------------------------------------------------------------------------


def read_prompt(reader: Reader, node: Node) -> Spoken | None:
    if isinstance(node, Scalar) and node.text.endswith(".wav"):
        path = _sound_file(reader, node)
        return Spoken({}, {"all": path}) if path else None
    if isinstance(node, Scalar) and node.text:
        texts = read_texts(reader, node, "a prompt")
        return Spoken(texts, {}) if texts else None
    mapping = read_mapping(reader, node, "a prompt", "texts by language, for example {en: Welcome}")
    return _by_language(reader, mapping) if mapping else None


def _by_language(reader: Reader, mapping: Mapping) -> Spoken:
    refuse_duplicates(reader, mapping)
    texts: dict[str, str] = {}
    files: dict[str, str] = {}
    for word, child in mapping.entries:
        scalar = read_scalar(reader, child)
        if word.text != "all":
            reader.refer("languages", word.text, word.span)
        if scalar is not None and scalar.text.endswith(".wav"):
            files[word.text] = _sound_file(reader, scalar)
        elif scalar is not None and word.text == "all":
            reader.report(findings.shape(scalar.span, '"all" takes a recording', "write sounds/name.wav"))
        else:
            texts[word.text] = read_text(reader, scalar) or "" if scalar is not None else ""
    return Spoken(texts, files)


def read_texts(reader: Reader, node: Node, what: str) -> dict[str, str] | None:
    """Language -> text. One text alone is enough where there is one language, or not one word in it."""
    if isinstance(node, Scalar) and node.text:
        languages = tuple(reader.names["languages"])
        if len(languages) > 1 and any(isinstance(part, str) for part in cut(node.text)):
            hint = f"write {{{languages[0]}: ..., {languages[1]}: ...}}"
            reader.report(findings.shape(node.span, f"{what} needs a text for each language", hint))
            return None
        text = read_text(reader, node)
        return dict.fromkeys(languages, text) if text else None
    mapping = read_mapping(reader, node, what, "texts by language, for example {en: Welcome}")
    if mapping is None:
        return None
    refuse_duplicates(reader, mapping)
    if not mapping.entries:
        reader.report(findings.shape(node.span, f"{what} has no text", "write for example {en: Welcome}"))
    for word, _ in mapping.entries:
        reader.refer("languages", word.text, word.span)
    lines = {word.text: read_text(reader, child) for word, child in mapping.entries}
    written = {language: text for language, text in lines.items() if text}
    return written if written and len(written) == len(lines) else None


def _sound_file(reader: Reader, node: Scalar) -> str:
    if node.text not in reader.folder.sounds:
        hint = findings.mean(
            node.text, reader.folder.sounds, "paths are relative to the site's folder, below sounds/"
        )
        reader.report(faults.missing_file(node.span, f"recording {node.text} not found", hint))
    return node.text


# -- all of a site ---------------------------------------------------------------------------------


def read_prompts(
    reader: Reader,
    entries: list[tuple[Scalar, Node]],
    defaults: graph.Defaults,
    queues: dict[str, graph.Queue],
    hours: dict[str, graph.Hours],
) -> dict[str, graph.Prompt]:
    """Prompts as written, those that are only recordings, queues' titles, and what switches say."""
    spoken: dict[str, Spoken] = {}
    for name, texts in state_texts(hours, defaults.languages).items():
        if name not in reader.names["prompts"]:
            spoken[name] = Spoken(texts, {})
            reader.names["prompts"][name] = Span()
    for name, texts in money_texts(defaults.currency, defaults.languages).items():
        if name not in reader.names["prompts"]:
            spoken[name] = Spoken(texts, {})
            reader.names["prompts"][name] = Span()
    for queue in queues.values():
        name = queue_prompt(queue)
        if name not in reader.names["prompts"]:
            spoken[name] = Spoken(dict.fromkeys(defaults.languages, queue.title), {})
            reader.names["prompts"][name] = queue.span
    for path, recording in reader.folder.sounds.items():
        parts = path.split("/")
        if len(parts) == 3 and parts[1] in reader.names["languages"]:
            name = parts[2].removesuffix(".wav")
            if _OF_SENTENCES.fullmatch(name):
                continue  # of a sentence that is written, or that was
            spoken.setdefault(name, Spoken({}, {}))
            reader.names["prompts"].setdefault(name, Span(f"{reader.folder.shown}{recording.path}"))
    for word, node in entries:
        found = read_prompt(reader, node)
        if found is None:
            found = Spoken(dict.fromkeys(defaults.languages, "-"), {})  # reported; not missing besides
        spoken[word.text] = found
    return {name: _prompt(reader, name, written, defaults) for name, written in sorted(spoken.items())}


def callback_prompts(reader: Reader, defaults: graph.Defaults) -> dict[str, graph.Prompt]:
    """What is said about callbacks, in a site that has them. A recording of that name is not left over."""
    texts = callback_texts(reader.names["languages"])
    known = reader.names["prompts"]
    known.update({name: Span() for name in texts if known.get(name, Span(".wav")).file.endswith(".wav")})
    return {name: _prompt(reader, name, Spoken(each, {}), defaults) for name, each in texts.items()}


def _prompt(reader: Reader, name: str, written: Spoken, defaults: graph.Defaults) -> graph.Prompt:
    """A recording sounds/<language>/<name>.wav beats what is written."""
    files = dict(written.files)
    for language in reader.names["languages"]:
        path = f"sounds/{language}/{name}.wav"
        if path in reader.folder.sounds:
            files[language] = path
    texts = {language: text for language, text in written.texts.items() if language not in files}
    return graph.Prompt(
        name=name,
        span=reader.names["prompts"].get(name, Span()),
        texts=texts,
        files=files,
        digest=_digest(reader, texts, files, defaults),
    )


def _digest(reader: Reader, texts: dict[str, str], files: dict[str, str], defaults: graph.Defaults) -> str:
    parts = [SHAPING]
    for language, text in texts.items():
        parts.append(f"text {language} {defaults.voice_of(language)} {defaults.speed} {text}")
    for language, path in files.items():
        recording = reader.folder.sounds.get(path)
        parts.append(f"file {language} {recording.digest if recording else path}")
    return _pin(sorted(parts))


def _pin(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


# -- parts of sentences ----------------------------------------------------------------------------


def fragment_prompts(
    reader: Reader,
    says: Iterable[graph.Say],
    variables: dict[str, graph.Variable],
    defaults: graph.Defaults,
) -> dict[str, graph.Prompt]:
    """The words of say steps, and the values of variables that they speak as words."""
    found: dict[str, graph.Prompt] = {}
    valued: dict[str, graph.Variable] = {}
    for step in says:
        for words in words_of(step):
            if words.prompt not in found:
                prompt = _prompt(reader, words.prompt, Spoken(words.texts, {}), defaults)
                kind = fragment(words)
                found[words.prompt] = msgspec.structs.replace(prompt, span=step.span, fragment=kind)
        valued |= {variable.name: variable for variable in spoken_words(step, variables)}
    for variable in valued.values():
        found |= _value_prompts(reader, variable, defaults)
    return found


def _value_prompts(
    reader: Reader, variable: graph.Variable, defaults: graph.Defaults
) -> dict[str, graph.Prompt]:
    """One digest pins them all: the dialplan names their sounds by what the variable holds."""
    languages = tuple(reader.names["languages"])
    made: dict[str, graph.Prompt] = {}
    for value in values_of(variable):
        name = value_prompt(variable.name, value)
        texts = value_texts(variable, value, languages)
        span = reader.spot("vars", variable.name, f"spoken {value}")
        prompt = _prompt(reader, name, Spoken(texts, {}), defaults)
        made[name] = msgspec.structs.replace(prompt, span=span)
    kind = graph.Fragment(joined=True, pin=_pin(f"{each.name} {each.digest}" for each in made.values()))
    return {name: msgspec.structs.replace(each, fragment=kind) for name, each in made.items()}

"""Who speaks the texts of a site, as written under defaults: one voice, or one for each language."""

import re

from ccctl.diagnostics import did_you_mean
from ccctl.flow import shapes
from ccctl.flow.schema_types import Kind, Reader, keyed, typed
from ccctl.flow.source import Mapping, Node
from ccctl.flow.values import Wrong, language

EXAMPLES = {"espeak-ng": "espeak-ng:en-gb", "piper": "piper:voices/de.onnx"}


def _voice(text: str) -> str | Wrong:
    engine, colon, name = text.partition(":")
    if engine not in EXAMPLES:
        near = did_you_mean(engine.lower(), EXAMPLES)
        hint = f'did you mean "{near}{colon}{name}"?' if near else f"write {' or '.join(EXAMPLES)}"
        return Wrong(f'there is no text-to-speech engine "{engine}"', hint)
    if not name and (colon or engine == "piper"):
        return Wrong(f'"{text}" names no voice', f"write for example {EXAMPLES[engine]}")
    return text


VOICE = typed(
    "`espeak-ng`, `espeak-ng:<voice>` or `piper:<model file>`",
    _voice,
    shape=shapes.matching("espeak-ng(:.+)?|piper:.+"),
)
_BY_LANGUAGE = keyed("voice", typed("language code", language), VOICE)


def _read_voices(reader: Reader, node: Node) -> str | dict[str, str] | None:
    found: str | dict[str, str] | None
    if not isinstance(node, Mapping):
        found = VOICE.read(reader, node)
        return found
    for word, _ in node.entries:
        reader.refer("languages", word.text, word.span)
    found = _BY_LANGUAGE.read(reader, node)
    return found


VOICES = Kind(
    f"{VOICE.title}, or a mapping of languages to those",
    _read_voices,
    shapes.either(VOICE.shape, _BY_LANGUAGE.shape),
)


def _speed(text: str) -> int | Wrong:
    if re.fullmatch(r"\d{2,3}%", text) and 50 <= int(text[:-1]) <= 200:
        return int(text[:-1])
    return Wrong(f'"{text}" is not a speed of speech', "write 50% to 200%, for example 90%")


SPEED = typed("50% to 200%", _speed, shape=shapes.matching(r"\d{2,3}%"))

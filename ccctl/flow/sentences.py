"""What say steps say: sentences cut into words, which become prompts, and values of variables. Pure.

A sentence is cut in all languages at once. Where the same values come in the same order, the words between
them are one prompt in all these languages; a language that orders them differently is a version of its own.
"""

import functools
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from ccctl.flow.built_in import flag_texts
from ccctl.flow.graph import Fragment, Prompt, Say, SayAs, Variable

BRACES = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_BEFORE = " \t\n,.;:!?)]…"  # a value before these words has taken their place
_HASH = 10  # hex digits of a prompt's name

# How a value of a type can be spoken; the first is the usual one.
WAYS: dict[str, tuple[SayAs, ...]] = {
    "digits": (SayAs.DIGITS, SayAs.NUMBER, SayAs.ORDINAL, SayAs.PHONE, SayAs.MONEY, SayAs.ALPHA),
    "number": (SayAs.NUMBER, SayAs.DIGITS, SayAs.ORDINAL, SayAs.MONEY),
    "phone": (SayAs.PHONE, SayAs.DIGITS),
    "enum": (SayAs.WORD, SayAs.ALPHA),
    "flag": (SayAs.WORD, SayAs.ALPHA),
}
# Nobody knows what a free text holds: it has no usual way.
FREE = (SayAs.ALPHA, SayAs.MONEY)
CLOCK = (SayAs.TIME, SayAs.DATE, SayAs.DATETIME)
OWN: dict[str, tuple[SayAs, ...]] = {
    "caller.number": (SayAs.PHONE, SayAs.DIGITS),
    "called.number": (SayAs.PHONE, SayAs.DIGITS),
    "caller.name": FREE,
    "language": (),
    "now": CLOCK,
}


class Slot(msgspec.Struct, frozen=True):
    """A value in a sentence. `way` is what stands behind the `|`, as it is written."""

    variable: str
    way: str = ""


class Words(msgspec.Struct, frozen=True):
    """Words between values: language -> text. `elsewhere`: languages that have a version of their own.
    `joined`: something follows at once."""

    texts: dict[str, str]
    elsewhere: tuple[str, ...] = ()
    joined: bool = False

    @property
    def prompt(self) -> str:
        """The name of the prompt, by its content."""
        content = msgspec.json.encode([sorted(self.texts.items()), self.elsewhere, self.joined])
        return f"say-{hashlib.sha256(content).hexdigest()[:_HASH]}"


Piece = Words | Slot


class Version(msgspec.Struct, frozen=True):
    languages: tuple[str, ...]
    pieces: tuple[Piece, ...]


@functools.cache
def cut(text: str) -> tuple[str | Slot, ...]:
    """Words and values in turn. Signs that no voice speaks are no words."""
    parts: list[str | Slot] = []
    for at, part in enumerate(BRACES.split(text)):
        if at % 2:
            variable, _, way = part.partition("|")
            parts.append(Slot(variable.strip(), way.strip()))
            continue
        words = " ".join(part.lstrip(_BEFORE).split())
        if any(char.isalnum() for char in words):
            parts.append(words)
    return tuple(parts)


def slots(step: Say) -> tuple[Slot, ...]:
    """The values of a step, each once, in all languages."""
    parts = (part for text in step.text.values() for part in cut(text))
    return tuple(dict.fromkeys(part for part in parts if isinstance(part, Slot)))


def versions(text: Mapping[str, str]) -> tuple[Version, ...]:
    """The sentence in all its languages; that of the first language comes first."""
    groups: dict[tuple[Slot | None, ...], list[str]] = {}
    for language, sentence in text.items():
        form = tuple(part if isinstance(part, Slot) else None for part in cut(sentence))
        groups.setdefault(form, []).append(language)
    return tuple(Version(tuple(each), tuple(_pieces(text, each))) for each in groups.values())


def _pieces(text: Mapping[str, str], languages: list[str]) -> Iterator[Piece]:
    elsewhere = tuple(language for language in text if language not in languages)
    rows = list(zip(*(cut(text[language]) for language in languages), strict=True))
    for at, row in enumerate(rows):
        if isinstance(row[0], Slot):
            yield row[0]
        else:
            texts = {language: str(words) for language, words in zip(languages, row, strict=True)}
            yield Words(texts, elsewhere, joined=at + 1 < len(rows))


def words_of(step: Say) -> Iterator[Words]:
    for version in versions(step.text):
        yield from (piece for piece in version.pieces if isinstance(piece, Words))


# -- values ----------------------------------------------------------------------------------------


def ways_of(slot: Slot, variables: Mapping[str, Variable]) -> tuple[SayAs, ...]:
    """How the value may be spoken; nothing when it cannot be."""
    if slot.variable in variables:
        return WAYS.get(variables[slot.variable].type, FREE)
    return OWN.get(slot.variable, ())


def is_known(slot: Slot, variables: Mapping[str, Variable]) -> bool:
    return slot.variable in variables or slot.variable in OWN


def is_free(slot: Slot, variables: Mapping[str, Variable]) -> bool:
    """Is it a text that anybody could have written?"""
    return ways_of(slot, variables) == FREE


def way_of(slot: Slot, variables: Mapping[str, Variable]) -> SayAs:
    return SayAs(slot.way) if slot.way else ways_of(slot, variables)[0]


def spoken_words(step: Say, variables: Mapping[str, Variable]) -> Iterator[Variable]:
    """Variables whose values the step speaks as words."""
    named = [slot for slot in slots(step) if slot.way == SayAs.WORD or not slot.way]
    if step.say_as is SayAs.WORD and (found := BRACES.fullmatch(step.value)):
        named.append(Slot(found[1]))
    for slot in named:
        variable = variables.get(slot.variable)
        if variable and WAYS.get(variable.type, FREE)[0] is SayAs.WORD:
            yield variable


def values_of(variable: Variable) -> tuple[str, ...]:
    return ("yes", "no") if variable.type == "flag" else variable.values


def value_prompt(variable: str, value: str) -> str:
    """tier.gold: no prompt that somebody writes can have this name."""
    return f"{variable}.{value}"


def value_texts(variable: Variable, value: str, languages: Iterable[str]) -> dict[str, str]:
    """What is written for the value; else a flag's own words, or the value itself as it stands."""
    if value in variable.spoken:
        return variable.spoken[value]
    if variable.type == "flag":
        return flag_texts(value, languages)
    return dict.fromkeys(languages, value.replace("-", " ").replace("_", " "))


def prompts_said(step: Say, variables: Mapping[str, Variable]) -> Iterator[str]:
    """Names of all prompts that the step may play, each as often as it stands there."""
    yield from (words.prompt for words in words_of(step))
    for variable in spoken_words(step, variables):
        yield from (value_prompt(variable.name, value) for value in values_of(variable))


def fragment(words: Words) -> Fragment:
    return Fragment(elsewhere=words.elsewhere, joined=words.joined)


def speaks(prompt: Prompt, language: str) -> bool:
    """Is there something to be heard? Asterisk looks for de_AT, then for de."""
    ways = {language, language.partition("_")[0]}
    elsewhere = prompt.fragment.elsewhere if prompt.fragment else ()
    return "all" in prompt.files or not ways.isdisjoint((*prompt.texts, *prompt.files, *elsewhere))

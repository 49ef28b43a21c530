"""The step say: one value, or a sentence with values in it."""

import re
from typing import Any

from ccctl.diagnostics import Span, did_you_mean
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes
from ccctl.flow.graph import AnyStep, SayAs
from ccctl.flow.schema_prompts import read_texts
from ccctl.flow.schema_types import Key, Kind, Reader, Table, Verb, choice, read_keys, read_text
from ccctl.flow.schema_words import braces_match, refer
from ccctl.flow.sentences import BRACES, Slot, cut
from ccctl.flow.source import Mapping, Node

VARIABLES = ("caller.number", "called.number", "now")
Said = str | dict[str, str]  # a value, or language -> sentence


def _read_say(reader: Reader, node: Node) -> Said | None:
    if not isinstance(node, Mapping):
        return _read_value(reader, node)
    if not node.entries:
        what = "a value or a sentence is needed here"
        reader.report(findings.shape(node.span, what, 'write "{{ name }}" or {text: "..."}'))
        return None
    texts: dict[str, str] | None = read_keys(reader, node, SENTENCE).get("text")
    return texts


def _read_value(reader: Reader, node: Node) -> str | None:
    """A literal, one of VARIABLES, or a declared variable as `{{ name }}`."""
    text = read_text(reader, node)
    if text is None:
        return None
    variable = BRACES.fullmatch(text)
    name = variable.group(1) if variable else text
    if name in VARIABLES:
        return name
    if variable and "|" not in name:
        return f"{{{{ {refer(reader, name, node.span)} }}}}"
    if re.fullmatch(r"[0-9A-Za-z.+*#-]{1,40}", name):
        return name
    near = did_you_mean(name, VARIABLES)
    hint = f'did you mean "{near}"?' if near else f'write digits or letters, or say: {{text: "{text}"}}'
    reader.report(faults.bad_value(node.span, f'"{text}" cannot be spoken as one value', hint))
    return None


def _read_text(reader: Reader, node: Node) -> dict[str, str] | None:
    texts = read_texts(reader, node, "what is said")
    if texts is None:
        return None
    spans = {word.text: child.span for word, child in node.entries} if isinstance(node, Mapping) else {}
    good = [_is_sentence(reader, text, spans.get(language, node.span)) for language, text in texts.items()]
    return texts if all(good) else None


def _is_sentence(reader: Reader, text: str, span: Span) -> bool:
    """Its values are referred to; what is wrong with it is reported."""
    if not braces_match(reader, text, span):
        return False
    parts = cut(text)
    if not parts:
        reader.report(faults.bad_value(span, f'there is nothing to say in "{text}"', "write words"))
    good = [_is_slot(reader, each, span) for each in parts if isinstance(each, Slot)]
    return bool(parts) and all(good)


def _is_slot(reader: Reader, slot: Slot, span: Span) -> bool:
    refer(reader, slot.variable, span)
    if slot.way in ("", *SayAs):
        return True
    near = findings.mean(slot.way, SayAs)
    reader.report(faults.bad_value(span, f'"{slot.way}" is no way to speak {slot.variable}', near))
    return False


_NAME = r"[A-Za-z][\w.-]*"
_SLOT = rf"\{{\{{\s*{_NAME}\s*(\|\s*({'|'.join(SayAs)})\s*)?\}}\}}"
_SENTENCE_SHAPE = shapes.matching(
    rf"((?!\{{\{{|\}}\}})[\s\S]|{_SLOT})+",
    "words, and values as {{ name }} or {{ name | number }}",
    number=True,
)
_VALUE_SHAPE = shapes.matching(
    rf"[0-9A-Za-z.+*#-]{{1,40}}|\{{\{{\s*{_NAME}\s*\}}\}}",
    "a value: digits, letters or {{ name }}; or a sentence: {text: ...}",
    number=True,
)
TEXTS = Kind(
    "text, or mapping: language to text",
    _read_text,
    shapes.either(_SENTENCE_SHAPE, shapes.mapping(shapes.LANGUAGE, _SENTENCE_SHAPE, least=1)),
)
SENTENCE = Table(
    "say text",
    "A sentence with values in it: `{{ order }}` is spoken as the variable's type says,"
    " `{{ order | number }}` in another way, one of `as`. The types digits and phone are spoken digit by"
    " digit, number as a number, enum and flag as words (see `spoken` of a variable); caller.number and"
    " called.number digit by digit, now as the time. The words between them become prompts. A variable of"
    " type text can only be spelt: `{{ name | alpha }}`.",
    (Key("text", TEXTS, "the sentence", required=True, example='text: "Your ticket is {{ ticket }}."'),),
)
VALUE = Kind("text or variable, or {text: sentence}", _read_say, shapes.either(_VALUE_SHAPE, SENTENCE.shape))


def _build_say(span: Span, v: dict[str, Any]) -> AnyStep:
    said: Said = v["say"]
    if isinstance(said, dict):
        return graph.Say(span=span, text=said, say_as=SayAs(v["as"]) if "as" in v else None)
    default = SayAs.TIME if said == "now" else SayAs.DIGITS
    return graph.Say(span=span, value=said, say_as=SayAs(v.get("as", default)))


VERBS: tuple[Verb, ...] = (
    Verb(
        Table(
            "step say",
            "Speaks a value: digits, letters, a variable (`{{ name }}`), caller.number, called.number, now;"
            " or a sentence with values in it, `say: {text: ...}`.",
            (
                Key("say", VALUE, "what to say", required=True, example="now"),
                Key("as", choice(*SayAs), "how to speak it", "digits; time for now"),
            ),
            soon=("voice",),
        ),
        _build_say,
    ),
)

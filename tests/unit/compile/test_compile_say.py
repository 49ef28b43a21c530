"""Sentences as lines of the dialplan."""

import msgspec
import pytest

from ccctl.flow import graph as g
from ccctl.flow.compile import compile_contexts, generation_id
from tests.support import sample_site as s

VIP = g.Variable(name="vip", type="flag", default="no")
NAME = g.Variable(name="name", type="text", most=20)
MOBILE = g.Variable(name="mobile", type="phone")
TRIES = g.Variable(name="tries", type="number")


def said(
    *steps: g.AnyStep, languages: tuple[str, ...] = ("en", "de"), sites: dict[str, g.Locale] | None = None
) -> list[str]:
    """What a flow of these steps does, without its beginning and its end; prompts by their English text."""
    base = s.site()
    says = [step for step in steps if isinstance(step, g.Say)]
    parts = [part for step in says for part in s.parts(step, s.TIER)]
    texts = {part.name: next(iter(part.texts.values())) for part in parts if part.texts}
    prompts = s.named(
        *parts, *(s.prompt(name) for name in ("money-eur", "money-eur-part", "vip.yes", "vip.no"))
    )
    site = msgspec.structs.replace(
        base,
        defaults=g.Defaults(timezone="Europe/Berlin", languages=languages, currency="EUR"),
        flows={"x": s.flow("x", *steps, g.HangupStep())},
        vars={**base.vars, **s.named(VIP, NAME, MOBILE, TRIES)},
        prompts={**base.prompts, **prompts},
        sites=sites or {},
    )
    (exten,) = (
        exten
        for context in compile_contexts(site, "7f3a9c")
        for exten in context.extens
        if (context.name, exten.name) == ("cc-7f3a9c-x", "s")
    )
    lines = []
    for line in exten.lines[3:-2]:
        text = f"{line.label + ': ' if line.label else ''}{line.app}({','.join(line.args)})"
        for name, words in texts.items():
            text = text.replace(f"cc/{name}-0badcafe", f"'{words}'")
        lines.append(text)
    return lines


def sentence(**text: str) -> g.Say:
    return g.Say(text=text, say_as=None)


def test_words_and_word_values_are_one_playback() -> None:
    step = sentence(
        en="Your case {{ case }} is {{ tier }}, so wait.",
        de="Ihr Fall {{ case }} ist {{ tier }}, warten Sie.",
    )
    assert said(step) == [
        "Playback('Your case')",
        "SayDigits(${CC_V_case})",
        "Playback('is'&cc/tier.${CC_V_tier}-0badcafe&'so wait.')",
    ]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("{{ case }}", "SayDigits(${CC_V_case})"),
        ("{{ case | number }}", 'SayNumber(${IF($["${CC_V_case}" = ""]?-:${CC_V_case})})'),
        ("{{ tries | ordinal }}", 'SayOrdinal(${IF($["${CC_V_tries}" = ""]?-:${CC_V_tries})})'),
        ("{{ mobile }}", "SayDigits(${FILTER(0-9,${CC_V_mobile})})"),
        ("{{ caller.number }}", "SayDigits(${FILTER(0-9,${CC_NUM})})"),
        ("{{ caller.name | alpha }}", "SayAlpha(${CC_NAME})"),
        ("{{ name | alpha }}", "SayAlpha(${CC_V_name})"),
        ("{{ now }}", "SayUnixTime(${EPOCH},Europe/Berlin,HM)"),
        ("{{ now | date }}", "SayUnixTime(${EPOCH},Europe/Berlin,AdBY)"),
    ],
)
def test_a_value_first_answers_the_call(value: str, line: str) -> None:
    assert said(sentence(en=f"{value} it is", de=f"{value} ist es")) == [
        "Answer()",
        line,
        "Playback('it is')",
    ]


def test_a_flag_and_a_value_alone_are_words() -> None:
    assert said(sentence(en="{{ vip }}", de="{{ vip }}")) == ["Playback(cc/vip.${CC_V_vip}-0badcafe)"]
    alone = g.Say(value="{{ tier }}", say_as=g.SayAs.WORD)
    assert said(alone) == ["Playback(cc/tier.${CC_V_tier}-0badcafe)"]


def test_a_sum_stands_in_its_place() -> None:
    lines = said(sentence(en="It costs {{ name | money }} today.", de="Es kostet {{ name | money }} heute."))
    assert lines[0] == "Playback('It costs')"
    assert lines[2:4] == ["SayNumber(0${CC_RAW})", "Playback(cc/money-eur-0badcafe)"]
    assert lines[-1] == "Playback('today.')"


def test_a_language_with_another_order_has_lines_of_its_own() -> None:
    step = sentence(en="Case {{ case }} is {{ tier }}.", de="{{ case }} als {{ tier }} bei uns.")
    assert said(step, g.Play(prompts=("welcome",))) == [
        'GotoIf($["${CHANNEL(language)}" = "de"]?say1_de)',
        "Playback('Case')",
        "SayDigits(${CC_V_case})",
        "Playback('is'&cc/tier.${CC_V_tier}-0badcafe)",
        "Goto(say1_on)",
        "say1_de: Answer()",
        "SayDigits(${CC_V_case})",
        "Playback('als'&cc/tier.${CC_V_tier}-0badcafe&'bei uns.')",
        "say1_on: NoOp()",
        "Playback(cc/welcome-0badcafe)",
    ]


def test_a_region_hears_what_its_language_has() -> None:
    vienna = {"vienna": g.Locale(name="vienna", languages=("de_AT",))}
    step = sentence(en="Case {{ case }}", de="{{ case }} ist der Fall")
    (jump, *_) = said(step, sites=vienna)
    assert jump == 'GotoIf($["${CHANNEL(language)}" = "de" | "${CHANNEL(language)}" = "de_AT"]?say1_de)'
    (jump, first, *_) = said(step, languages=("de", "en"))
    assert (jump, first) == ('GotoIf($["${CHANNEL(language)}" = "en"]?say1_en)', "Answer()")


def test_new_words_are_a_new_generation() -> None:
    site = s.site()
    words = next(prompt for prompt in site.prompts.values() if prompt.texts.get("en") == "Your case")
    again = msgspec.structs.replace(words, digest="11111111")
    assert generation_id(site) != generation_id(
        msgspec.structs.replace(site, prompts={**site.prompts, words.name: again})
    )

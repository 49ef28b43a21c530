"""Sentences of say steps: how they are cut, and what is shared between languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccctl.flow import graph as g
from ccctl.flow.sentences import (
    Slot,
    Words,
    cut,
    prompts_said,
    slots,
    speaks,
    value_texts,
    versions,
    way_of,
    words_of,
)
from tests.support.site_cases import read

TIER = g.Variable(
    name="tier", type="enum", values=("gold", "silver-plus"), spoken={"gold": {"en": "Gold", "de": "Gold"}}
)
VIP = g.Variable(name="vip", type="flag")
CASE = g.Variable(name="case", type="digits", most=8)
VARS = {each.name: each for each in (TIER, VIP, CASE)}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello.", ["Hello."]),
        ("Your case {{ case }} is open.", ["Your case", Slot("case"), "is open."]),
        ("{{case|number}}", [Slot("case", "number")]),
        ("{{ case }}, and\n  {{ tier | word }}.", [Slot("case"), "and", Slot("tier", "word")]),
        ("Is it {{ case }}? Then (wait) …", ["Is it", Slot("case"), "Then (wait) …"]),
        ("¿Es {{ case }} {{ tier }}?", ["¿Es", Slot("case"), Slot("tier")]),
        (" ... ", []),
    ],
)
def test_a_sentence_is_cut_into_words_and_values(text: str, parts: list[str | Slot]) -> None:
    assert list(cut(text)) == parts


def test_the_same_order_of_values_is_one_version() -> None:
    (version,) = versions({"en": "Case {{ case }} is {{ tier }}.", "de": "Fall {{ case }} ist {{ tier }}!"})
    assert version.languages == ("en", "de")
    assert version.pieces == (
        Words({"en": "Case", "de": "Fall"}, joined=True),
        Slot("case"),
        Words({"en": "is", "de": "ist"}, joined=True),
        Slot("tier"),
    )


def test_another_order_or_other_gaps_are_a_version_of_their_own() -> None:
    text = {
        "en": "Case {{ case }} is {{ tier }}.",
        "de": "{{ tier }} hat {{ case }}",
        "fr": "Cas {{ case }} est {{ tier }}",
    }
    english, german = versions(text)
    assert (english.languages, german.languages) == (("en", "fr"), ("de",))
    assert english.pieces[0] == Words({"en": "Case", "fr": "Cas"}, ("de",), joined=True)
    assert german.pieces == (Slot("tier"), Words({"de": "hat"}, ("en", "fr"), joined=True), Slot("case"))
    assert len(versions({"en": "{{ case }}", "de": "Fall {{ case }}"})) == 2
    assert len(versions({"en": "{{ case }}", "de": "{{ case | number }}"})) == 2


def test_a_prompt_is_called_by_its_content() -> None:
    def names(**text: str) -> list[str]:
        return [words.prompt for words in words_of(g.Say(text=text))]

    one = names(en="Case {{ case }} is open.", de="Fall {{ case }} ist offen.")
    assert one == names(de="Fall {{ case | number }} ist offen.", en="Case {{ case | number }} is open.")
    assert len(set(one)) == 2
    assert names(en="Case", de="Fall")[0] not in one, "at the end of a sentence it ends in another way"
    assert names(en="Case {{ case }}") != names(en="Case {{ case }}", de="{{ case }}"), "German has none here"


def test_values_are_spoken_by_their_type() -> None:
    ways = {name: way_of(Slot(name), VARS) for name in (*VARS, "caller.number", "now")}
    assert ways == {
        "tier": g.SayAs.WORD,
        "vip": g.SayAs.WORD,
        "case": g.SayAs.DIGITS,
        "caller.number": g.SayAs.PHONE,
        "now": g.SayAs.TIME,
    }
    assert way_of(Slot("case", "ordinal"), VARS) is g.SayAs.ORDINAL


def test_values_have_words_of_their_own() -> None:
    assert value_texts(TIER, "gold", ("en", "de")) == {"en": "Gold", "de": "Gold"}
    assert value_texts(TIER, "silver-plus", ("en", "de")) == {"en": "silver plus", "de": "silver plus"}
    assert value_texts(VIP, "yes", ("en", "de_AT", "it")) == {"en": "yes", "de_AT": "ja"}


def test_a_step_names_every_prompt_that_it_may_play() -> None:
    step = g.Say(text={"en": "{{ tier }} {{ vip | alpha }} {{ tier | word }}"})
    assert list(prompts_said(step, VARS)) == ["tier.gold", "tier.silver-plus"] * 2
    assert [slot.variable for slot in slots(step)] == ["tier", "vip", "tier"]
    alone = g.Say(value="{{ vip }}", say_as=g.SayAs.WORD)
    assert list(prompts_said(alone, VARS)) == ["vip.yes", "vip.no"]
    assert list(prompts_said(g.Say(value="{{ vip }}"), VARS)) == []


def test_a_language_with_a_version_of_its_own_lacks_nothing() -> None:
    prompt = g.Prompt(name="say-1", texts={"en": "Case"}, fragment=g.Fragment(elsewhere=("de",)))
    assert [language for language in ("en", "de", "de_AT", "fr") if speaks(prompt, language)] == [
        "en",
        "de",
        "de_AT",
    ]


WORD = st.text("abcäß ", min_size=1, max_size=6).map(str.strip).filter(bool)
PART = st.one_of(WORD, st.sampled_from(["{{ case }}", "{{ tier }}", "{{ case | number }}"]))


@given(
    st.dictionaries(st.sampled_from(["en", "de", "fr"]), st.lists(PART, min_size=1).map(" ".join), min_size=1)
)
def test_no_language_loses_a_word_or_a_value(text: dict[str, str]) -> None:
    heard = {
        language: [piece.texts[language] if isinstance(piece, Words) else piece for piece in version.pieces]
        for version in versions(text)
        for language in version.languages
    }
    assert heard == {language: list(cut(sentence)) for language, sentence in text.items()}


SITE = """
numbers: {"+49301234501": x}
vars:
  tier: {type: enum, values: [gold, none], default: none, spoken: {gold: {en: Gold, de: Goldkunde}}}
  case: {type: digits, max: 8, default: "7"}
flows:
  x:
    - say: {text: {en: "Case {{ case }} is {{ tier }}.", de: "Fall {{ case }} ist {{ tier }}."}}
    - say: {text: {en: "Case {{ case }} again.", de: "Fall {{ case }} noch einmal."}}
    - hangup
"""


def test_a_site_gets_the_prompts_of_its_sentences() -> None:
    draft, found = read({"site": SITE})
    assert found == []
    made = {name: prompt for name, prompt in draft.site.prompts.items() if prompt.fragment}
    assert len(made) == 5, "Case is shared by both sentences"
    assert made["tier.gold"].texts == {"en": "Gold", "de": "Goldkunde"}
    assert made["tier.gold"].pin == made["tier.none"].pin
    assert made["tier.gold"].digest != made["tier.none"].digest
    assert made["tier.gold"].span.line == 4
    again, _ = read({"site": SITE.replace("Goldkunde", "Gold")})
    assert again.site.prompts["tier.none"].pin != made["tier.none"].pin, "one name for all values"
    assert again.site.prompts["tier.none"].digest == made["tier.none"].digest


def test_a_recording_replaces_a_part_and_an_old_one_is_told() -> None:
    draft, _ = read({"site": SITE})
    name = next(name for name, prompt in draft.site.prompts.items() if prompt.texts.get("en") == "Case")
    sounds = {f"sounds/de/{name}.wav": "", "sounds/en/tier.none.wav": "", "sounds/en/say-0123456789.wav": ""}
    again, found = read({"site": SITE, "sounds": sounds})
    assert [(each.code, each.span.file) for each in found] == [("W603", "sounds/en/say-0123456789.wav")]
    part = again.site.prompts[name]
    assert (part.texts, part.files) == ({"en": "Case"}, {"de": f"sounds/de/{name}.wav"})
    assert again.site.prompts["tier.gold"].pin != draft.site.prompts["tier.gold"].pin

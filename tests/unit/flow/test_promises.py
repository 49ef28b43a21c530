"""Phrases in which a text promises a key, and many more that only look like it."""

import pytest

from ccctl.flow.promises import Promise, answers, promises
from ccctl.flow.steps import Menu, Option


def keys(text: str, language: str) -> str:
    return "".join(sorted(promise.key for promise in promises(text, language)))


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "Billing press 1, support press 3 ...", "13"),
        ("en", "To hear this again, press the star key, or hit pound.", "#*"),
        ("en_GB", "Push nine now", "9"),
        ("en", "1 for sales, 2 for support or 0 for the desk", "012"),
        ("en", "Press ONE. Press number 4!", "14"),
        ("de", "Rechnung die 1, Support die 3 ...", "13"),
        ("de", "Für Deutsch drücken Sie die Eins", "1"),
        ("de", "Bitte drücken Sie jetzt auf die Taste 7.", "7"),
        ("de", "Wählen Sie bitte die Zwo oder die Raute.", "#2"),
        ("de", "Wenn Sie Hilfe brauchen, die Fünf drücken", "5"),
        ("de", "Für Hilfe die 1. Für Verkauf die 2. Sonst die Null.", "012"),
        ("de_AT", "For English press 2", "2"),
        ("fr", "Pour les ventes, appuyez sur le 1; tapez sur la touche étoile", "*1"),
        ("es", "Para ventas marque el 1, para ayuda pulse la tecla dos", "12"),
        ("it", "Premere 5", ""),
    ],
)
def test_keys_are_found(language: str, text: str, found: str) -> None:
    assert keys(text, language) == found


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Press any key. Press one of the keys. Press two times. Press 10 now. Press 5 digits."),
        (
            "en",
            "We are open from 8 to 5 for all. Our top 3 for you. Dial 911. Buy 2 for 1. Press 1.5 percent",
        ),
        ("en", "The press. Two for you, one for all. In the press five times"),
        ("de", "Die Drei von der Tankstelle. Die 3 Berater. Um die 5 Minuten. Drücken Sie die 112."),
        (
            "de",
            "Drücken Sie eine Taste. Wir wählen eins von drei. Die Nummer 12. Bis 17.30 Uhr, die 5. Etage",
        ),
        ("fr", "Appuyez sur une touche. Tapez deux fois."),
        ("es", "Marque 2 veces. Pulse una tecla."),
    ],
)
def test_what_only_looks_like_a_key_is_not(language: str, text: str) -> None:
    assert promises(text, language) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Press 5, then your department."),
        ("en", "Press five followed by the room"),
        ("en", "Press 5 and the number of the room"),
        ("en", "Press 5 1"),
        ("en", "Press five one"),
        ("de", "Drücken Sie die 5, dann die Abteilung"),
        ("de", "Drücken Sie die Fünf und die Zimmernummer"),
        ("fr", "Appuyez sur le 5 puis sur le 1"),
        ("es", "Pulse el 5 y luego el 1"),
    ],
)
def test_a_text_may_say_that_more_keys_follow(language: str, text: str) -> None:
    assert [promise.more for promise in promises(text, language) if promise.key == "5"] == [True]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "For billing press 5. For sales press 6"),
        ("en", "Press 5, and for help press 6"),
        ("en", "Press 5 or 6"),
        ("de", "Drücken Sie die 5, und für Hilfe die 6"),
        ("fr", "Appuyez sur le 5, et pour les ventes sur le 6"),
        ("es", "Pulse el 5, y para ventas el 6"),
    ],
)
def test_another_choice_is_not_more_of_the_same(language: str, text: str) -> None:
    assert [promise.more for promise in promises(text, language) if promise.key == "5"] == [False]


def test_menus_answer_the_key_itself_and_where_more_is_said_to_follow_longer_ones() -> None:
    menu = Menu(prompts=("m",), options=(Option(key="1"), Option(key="42")), extensions=("201",))

    def answered(more: bool) -> list[str]:
        return [key for key in "0123456789*#" if answers(menu, Promise(key, key, more))]

    assert answered(False) == ["1", "#"]
    assert answered(True) == ["1", "2", "4", "#"]
    assert not answers(Menu(prompts=("m",), options=(Option(key="1"),)), Promise("#", "#"))

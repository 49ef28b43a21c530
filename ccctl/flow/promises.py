"""Which keys a prompt's text asks callers to press: "press 5", "drücken Sie die Drei", "1 for sales".

Careful rather than complete: a phrase counts only when it can hardly mean something else. Numbers of several
digits are never taken (they are extensions and telephone numbers).
"""

import re

import msgspec

from ccctl.flow.steps import Menu

_WORDS = {
    "en": "zero one two three four five six seven eight nine",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
}
_KEYS = {
    **{str(digit): str(digit) for digit in range(10)},
    **{word: str(digit) for words in _WORDS.values() for digit, word in enumerate(words.split())},
    **{"zwo": "2", "*": "*", "#": "#", "star": "*", "asterisk": "*", "pound": "#", "hash": "#"},
    **{"stern": "*", "sterntaste": "*", "raute": "#", "rautetaste": "#"},
    **{"étoile": "*", "dièse": "#", "asterisco": "*", "almohadilla": "#", "numeral": "#"},
}


def _key(language: str, more: str = "") -> str:
    words = "|".join(_WORDS[language].split())
    return rf"(?P<key>[0-9*#](?![\d.,:]*\d)|(?:{words}{more})\b)"


# What follows a number that is not a key: "press 1 of the keys", "press two times", "eins von drei".
_NOT_EN = r"(?!\s+(?:of|times?|more|seconds?|minutes?|digits?|buttons?|keys|percent|hundred|thousand)\b|\s*%)"
_NOT_DE = r"(?!\s+(?:von|mal|sekunden?|minuten?|ziffern|tasten|prozent|hundert|tausend|der|uhr)\b|\s*%)"
_NOT_FR = r"(?!\s+(?:des|de|fois|secondes?|minutes?|chiffres|touches)\b)"
_NOT_ES = r"(?!\s+(?:de|veces|segundos?|minutos?|d[íi]gitos|teclas)\b)"
_EN = _key("en", "|star|asterisk|pound|hash")
_DE = _key("de", "|zwo|stern|sterntaste|raute|rautetaste")
_FR = _key("fr", "|étoile|dièse")
_ES = _key("es", "|asterisco|almohadilla|numeral")
# "die 5. Etage" is an ordinal; a sentence ends where the text does or another begins with such a word.
_BEGIN_DE = "für|um|zum|zur|bei|oder|sonst|mit|wenn|drücken|wählen|bitte|möchten|sie|ansonsten|haben"
_FULL_STOP_DE = rf"\.(?:\s*$|\.|\s+(?:{_BEGIN_DE})\b)"
_NOUN_DE = r"(?:(?:taste|ziffer|nummer|zahl)\s+)?"

PHRASES = {
    "en": (
        rf"\b(?:press|push|hit)\s+(?:the\s+)?(?:key\s+|number\s+|digit\s+)?{_EN}{_NOT_EN}",
        r"(?:^|[.,;:!?]\s*|\b(?:or|and)\s+)(?P<key>[0-9])\s+for\s+(?!\d)(?=[^\W\d])",
    ),
    "de": (
        r"\bdrück(?:en|e|t)?\s+(?:sie\s+)?(?:bitte\s+|jetzt\s+|einfach\s+|nun\s+)*(?:auf\s+)?(?:die\s+)?"
        rf"{_NOUN_DE}{_DE}{_NOT_DE}",
        rf"\bwählen\s+(?:sie\s+)(?:bitte\s+|jetzt\s+|nun\s+)*die\s+{_NOUN_DE}{_DE}{_NOT_DE}",
        rf"\bdie\s+{_NOUN_DE}{_DE}(?=\s*(?:,(?!\s*\d)|[;!?]|$|\s(?:drücken|wählen)\b|{_FULL_STOP_DE}))",
    ),
    "fr": (
        r"\b(?:appuyez|tapez|pressez)\s+(?:sur\s+)?(?:la\s+touche\s+|le\s+(?:chiffre\s+)?|la\s+)?"
        rf"{_FR}{_NOT_FR}",
    ),
    "es": (
        r"\b(?:pulse|presione|oprima|marque)\s+(?:la\s+tecla\s+|el\s+(?:número\s+)?|la\s+)?"
        rf"{_ES}{_NOT_ES}",
    ),
}
# What follows a key that is only the first of several: "press 5, then your department", "press 4 2".
_MORE_EN = r"then|followed|plus|before|and(?!\s+(?:for|to|if)\b)"
_MORE_DE = r"dann|danach|gefolgt|plus|vor|und(?!\s+(?:für|um|zum|zur|bei|wenn)\b)"
_MORE_FR = r"puis|ensuite|suivie?|plus|et(?!\s+(?:pour|si)\b)"
_MORE_ES = r"luego|después|seguid[ao]|más|y(?!\s+(?:para|si)\b)"
MORE = {"en": _MORE_EN, "de": _MORE_DE, "fr": _MORE_FR, "es": _MORE_ES}
_COMPILED = {
    language: tuple(re.compile(phrase, re.IGNORECASE) for phrase in phrases)
    for language, phrases in PHRASES.items()
}
_GOES_ON = {
    language: re.compile(rf"[\s,.;-]*(?:(?:{more})\b|{_key(language)})", re.IGNORECASE)
    for language, more in MORE.items()
}


class Promise(msgspec.Struct, frozen=True):
    """`words` is the phrase as it stands in the text; `more`: it says that further keys follow."""

    key: str
    words: str
    more: bool = False


def promises(text: str, language: str) -> list[Promise]:
    """Keys that callers are told to press. A menu of languages says each phrase in its own: those of English
    and of the text's language are looked for, and the first phrase for each key is kept."""
    found: dict[str, Promise] = {}
    for known in dict.fromkeys((language[:2], "en")):
        for phrase in _COMPILED.get(known, ()):
            for match in phrase.finditer(text):
                words = " ".join(match.group().strip(" .,;:!?").split())
                key = _KEYS[match["key"].lower()]
                more = _GOES_ON[known].match(text, match.end()) is not None
                found.setdefault(key, Promise(key, words, more))
    return list(found.values())


def answers(menu: Menu, promise: Promise) -> bool:
    """The menu knows the key, or it is said to be the first of several, or ends a longer input."""
    if promise.key in {option.key for option in menu.options}:
        return True
    if promise.key == "#":
        return any(len(option) > 1 for option in _dialled(menu))
    return promise.more and bool(longer(menu, promise.key))


def longer(menu: Menu, key: str) -> list[str]:
    """What may be dialled in the menu and begins with the key."""
    return [option for option in _dialled(menu) if option.startswith(key) and option != key]


def _dialled(menu: Menu) -> tuple[str, ...]:
    return (*(option.key for option in menu.options), *menu.extensions)

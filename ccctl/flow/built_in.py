"""What ccctl itself says on phones, in the languages it knows. A prompt of the same name in the site wins."""

from collections.abc import Iterable

from ccctl.flow.graph import Hours

STATES = {
    "auto": {
        "en": "The opening hours apply.",
        "de": "Es gelten die Öffnungszeiten.",
        "fr": "Les horaires d'ouverture s'appliquent.",
        "es": "Rige el horario de apertura.",
    },
    "open": {
        "en": "Open, until this is switched again.",
        "de": "Geöffnet, bis wieder umgeschaltet wird.",
        "fr": "Ouvert, jusqu'à nouvel ordre.",
        "es": "Abierto, hasta nuevo aviso.",
    },
    "closed": {
        "en": "Closed, until this is switched again.",
        "de": "Geschlossen, bis wieder umgeschaltet wird.",
        "fr": "Fermé, jusqu'à nouvel ordre.",
        "es": "Cerrado, hasta nuevo aviso.",
    },
    "emergency-on": {
        "en": "The emergency announcement is on.",
        "de": "Die Notfallansage ist eingeschaltet.",
        "fr": "L'annonce d'urgence est activée.",
        "es": "El aviso de emergencia está activado.",
    },
    "emergency-off": {
        "en": "The emergency announcement is off.",
        "de": "Die Notfallansage ist ausgeschaltet.",
        "fr": "L'annonce d'urgence est désactivée.",
        "es": "El aviso de emergencia está desactivado.",
    },
}
MONEY = {  # currency -> unit and its hundredth, spoken after the number
    "EUR": {
        "en": ("euros", "cents"),
        "de": ("Euro", "Cent"),
        "fr": ("euros", "centimes"),
        "es": ("euros", "céntimos"),
    },
    "USD": {
        "en": ("dollars", "cents"),
        "de": ("Dollar", "Cent"),
        "fr": ("dollars", "cents"),
        "es": ("dólares", "centavos"),
    },
    "GBP": {
        "en": ("pounds", "pence"),
        "de": ("Pfund", "Pence"),
        "fr": ("livres", "pence"),
        "es": ("libras", "peniques"),
    },
    "CHF": {
        "en": ("francs", "centimes"),
        "de": ("Franken", "Rappen"),
        "fr": ("francs", "centimes"),
        "es": ("francos", "céntimos"),
    },
}
CURRENCIES = tuple(MONEY)
FLAGS = {
    "yes": {"en": "yes", "de": "ja", "fr": "oui", "es": "sí"},
    "no": {"en": "no", "de": "nein", "fr": "non", "es": "no"},
}
MAIL_WORDS = {  # of subject and body: what app_voicemail knows of a message
    "name": "VM_NAME",
    "mailbox": "VM_MAILBOX",
    "caller": "VM_CALLERID",
    "number": "VM_CIDNUM",
    "duration": "VM_DUR",
    "date": "VM_DATE",
}
MAIL = {  # subject, body
    "en": ("New message from {{ caller }}", "{{ caller }} left a message of {{ duration }} on {{ date }}."),
    "de": ("Neue Nachricht von {{ caller }}", "{{ caller }}: eine Nachricht von {{ duration }}, {{ date }}."),
    "fr": ("Nouveau message de {{ caller }}", "{{ caller }} : un message de {{ duration }}, {{ date }}."),
    "es": ("Nuevo mensaje de {{ caller }}", "{{ caller }}: un mensaje de {{ duration }}, {{ date }}."),
}
CALLBACKS = {  # prompt -> what is said
    "callback-agent": {  # to the agent, before what his queue whispers
        "en": "A callback.",
        "de": "Ein Rückruf.",
        "fr": "Un rappel.",
        "es": "Una devolución de llamada.",
    },
    "callback-customer": {  # to the customer whose phone was rung first
        "en": "This is the call you asked for. We will connect you in a moment.",
        "de": "Hier ist der Rückruf, um den Sie gebeten haben. Wir verbinden Sie sofort.",
        "fr": "Voici le rappel que vous avez demandé. Nous vous mettons en relation.",
        "es": "Esta es la llamada que pidió. Le pasamos en un momento.",
    },
    "callback-noted": {  # to a caller who accepted
        "en": "Thank you. We will call you back. Goodbye.",
        "de": "Vielen Dank. Wir rufen Sie zurück. Auf Wiederhören.",
        "fr": "Merci. Nous vous rappellerons. Au revoir.",
        "es": "Gracias. Le devolveremos la llamada. Adiós.",
    },
    "callback-number": {  # to a caller who accepted and is asked where he can be reached
        "en": "Please enter the number where we can reach you.",
        "de": "Bitte geben Sie die Nummer ein, unter der wir Sie erreichen.",
        "fr": "Veuillez saisir le numéro où vous joindre.",
        "es": "Marque el número en el que podemos localizarle.",
    },
}
LANGUAGES = tuple(STATES["auto"])


def state_prompt(state: str) -> str:
    return f"state-{state}"


def money_prompts(currency: str) -> tuple[str, str]:
    """Names of the prompts for the unit and its hundredth."""
    return f"money-{currency.lower()}", f"money-{currency.lower()}-part"


def money_texts(currency: str, languages: tuple[str, ...]) -> dict[str, dict[str, str]]:
    if not currency:
        return {}
    words = MONEY[currency]
    pairs = {code: words.get(code.partition("_")[0], words["en"]) for code in languages}
    return {
        prompt: {code: pair[at] for code, pair in pairs.items()}
        for at, prompt in enumerate(money_prompts(currency))
    }


def flag_texts(value: str, languages: Iterable[str]) -> dict[str, str]:
    """`yes` or `no`, in those of the languages that are known."""
    words = FLAGS[value]
    bases = {code: code.partition("_")[0] for code in languages}
    return {code: words[base] for code, base in bases.items() if base in words}


def callback_texts(languages: Iterable[str]) -> dict[str, dict[str, str]]:
    """Name to text by language; English where there is no other."""
    return {
        prompt: {code: texts.get(code.partition("_")[0], texts["en"]) for code in languages}
        for prompt, texts in CALLBACKS.items()
    }


def state_texts(hours: dict[str, Hours], languages: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Prompts of the switches that there are: name to text by language; English where there is no other."""
    found: list[str] = []
    if any(each.switch for each in hours.values()):
        found += ["auto", "open", "closed"]
    if any(each.emergency for each in hours.values()):
        found += ["emergency-on", "emergency-off"]
    return {state_prompt(state): {code: _text(state, code) for code in languages} for state in found}


def _text(state: str, language: str) -> str:
    texts = STATES[state]
    return texts.get(language.partition("_")[0], texts["en"])

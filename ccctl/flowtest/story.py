"""What happens in a call, told from the dialplan steps that were executed for it.

Simulator and Asterisk both tell a call as `Executed` steps; `observe` turns each into what the caller
experiences. So one assertion holds for both.
"""

import re
from collections.abc import Callable, Iterable

import msgspec

from ccctl.flow import marks
from ccctl.sim import Executed


def place_of(step: Executed) -> str:
    return f"{step.context},{step.exten},{step.priority}"


class Seen(msgspec.Struct, frozen=True):
    """Something that the caller experiences. `kind` is the word that a test uses for it."""

    kind: str
    what: str = ""
    more: dict[str, str] = {}
    at_ms: int = 0
    place: str = ""

    def __str__(self) -> str:
        more = " ".join(f"{key} {value}" for key, value in self.more.items() if value)
        return " ".join(part for part in (self.kind.replace("_", " "), self.what, more) if part)


APPLIES = "applies"  # a change of the site is in force; `more` has the old and the new generation
CALLBACK, KEPT, NEW = "callback", "kept", "new"  # a wish is noted: with the place in the line, or a new one
LISTENING = frozenset(
    {"background", "waitexten", "read", "voicemail", "voicemailmain", "directory", "confbridge", "record"}
)  # in lower case: Asterisk says BackGround, the compiler Background
_PROMPT = re.compile(r"cc/(.+)-[0-9a-f]{8}")
_VALUE = re.compile(r"[a-z0-9-]+\.([a-z0-9_-]+)")  # tier.gold: a value that is spoken as a word
_TARGET = re.compile(r"(?:^|\+)(\+?[^+]+)")  # reception++4930: separated by +, numbers begin with one
_SET = re.compile(r"_{0,2}([A-Za-z][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_SAYS = {
    "SayDigits": "digits",
    "SayNumber": "number",
    "SayAlpha": "alpha",
    "SayUnixTime": "time",
    "SayMoney": "money",
    "SayPhonetic": "alpha",
    "SayOrdinal": "number",
}

More = dict[str, str]
Told = tuple[str, str, More]


def observe(step: Executed) -> tuple[Seen, ...]:
    """What the caller experiences of one executed step."""
    tell = _TELLERS.get(step.app.lower())
    told = tell(step.data) if tell else ()
    if step.app.lower() == "celgenuserevent":
        told = [*told, *_wish(step)]
    return tuple(Seen(kind, what, more, step.at_ms, place_of(step)) for kind, what, more in told)


def listens(step: Executed) -> bool:
    """Keys that are pressed now are taken. During a plain prompt they would be lost."""
    app = step.app.lower()
    if app == "stasis":
        return step.data.startswith(f"{marks.APP},")
    return app in LISTENING or app == "queue"


def waits_for_keys(step: Executed) -> bool:
    """The prompt is over and only keys are awaited."""
    return step.app.lower() in LISTENING - {"background"}


def prompt_name(sound: str) -> str:
    """cc/welcome-4be1d29a is the prompt welcome; sounds of Asterisk keep their names."""
    found = _PROMPT.fullmatch(sound)
    return found[1] if found else sound


# -- by application --------------------------------------------------------------------------------


def _hears(sounds: str) -> Iterable[Told]:
    for sound in filter(None, sounds.split("&")):
        prompt = prompt_name(sound)
        yield "hears", prompt, {}
        if value := _VALUE.fullmatch(prompt):
            yield "says", value[1], {"as": "word"}


def _playback(data: str) -> Iterable[Told]:
    return _hears(_words(data)[0])


def _read(data: str) -> Iterable[Told]:
    return _hears(_words(data, 2)[1])


def _says(kind: str) -> Callable[[str], Iterable[Told]]:
    return lambda data: [("says", _words(data)[0], {"as": kind})]


def _mark(data: str) -> Iterable[Told]:
    event, value = _words(data, 2)[:2]
    match event:
        case marks.FLOW:
            return [("goes", value, {})]
        case marks.CLOSED:
            return [("closed", value, {})]
        case marks.DIAL:
            return [_called(who) for who in _TARGET.findall(value)]
        case marks.VOICEMAIL:
            return [("voicemail", value, {})]
    return []


def _wish(step: Executed) -> Iterable[Told]:
    """A callback is noted. Whoever accepted the offer of a queue step keeps the place that he had there."""
    event, value = _words(step.data, 2)[:2]
    facts = value.split("/")
    if event != marks.CALLBACK or len(facts) < 3:
        return []
    place = KEPT if step.exten.endswith("_callback_gather") else NEW
    return [(CALLBACK, facts[1], {"queue": facts[0], "when": facts[2], "place": place})]


def _stasis(data: str) -> Iterable[Told]:
    words = _words(data, 8)
    if words[0] != marks.APP or words[1] != "queue":
        return []
    return [("enters", words[3], {"priority": words[4], "engine": "acd"})]


def _queue(data: str) -> Iterable[Told]:
    return [("enters", _words(data)[0], {"engine": "native"})]


def _called(who: str) -> Told:
    """A user's phone, or a number outside; the dialplan may reach them through channels of its own."""
    return ("dials" if re.fullmatch(r"\+?[0-9]+", who) else "rings", who, {})


def _set(data: str) -> Iterable[Told]:
    if data.startswith("CHANNEL(language)="):
        return [("language", data.partition("=")[2], {})]
    found = _SET.fullmatch(data)
    return [("sets", found[1], {"to": found[2]})] if found else []


def _hangup(data: str) -> Iterable[Told]:
    return [("hangup", "dialplan", {"cause": data or "16"})]


def _always(kind: str) -> Callable[[str], Iterable[Told]]:
    return lambda data: [(kind, _words(data)[0], {})]


def _words(data: str, least: int = 1) -> list[str]:
    words = data.split(",")
    return words + [""] * (least - len(words))


_TELLERS: dict[str, Callable[[str], Iterable[Told]]] = {
    "playback": _playback,
    "background": _playback,
    "read": _read,
    "celgenuserevent": _mark,
    "stasis": _stasis,
    "queue": _queue,
    "set": _set,
    "hangup": _hangup,
    "record": _always("records"),
    "mixmonitor": _always("recording"),
    "confbridge": _always("joins"),
    "transfer": _always("transfers"),
    "blindtransfer": _always("transfers"),
    **{app.lower(): _says(kind) for app, kind in _SAYS.items()},
}

"""The steps of a flow test from YAML: one verb each. Also the patterns that `ends` and `never` share."""

import datetime
import re
from collections.abc import Callable
from typing import Any

from ccctl.diagnostics import Span
from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_tests as faults
from ccctl.flow import checks_values as wrong
from ccctl.flow import values
from ccctl.flow.schema_types import (
    Key,
    Kind,
    Reader,
    Table,
    choice,
    named,
    read_keys,
    read_scalar,
    secret_variable,
    typed,
)
from ccctl.flow.source import Mapping, Node, Scalar, Sequence
from ccctl.flow.values import Wrong
from ccctl.flowtest.cases import (
    WITHIN_MS,
    AgentDoes,
    AnyStep,
    Ends,
    HangsUp,
    PhoneDoes,
    Presses,
    Sees,
    Waits,
    Want,
)

DURATION = typed("duration", values.duration)
ANY = "*"


def _raw(reader: Reader, node: Node) -> str | None:
    scalar = read_scalar(reader, node)
    return None if scalar is None else scalar.text


RAW = Kind("text", _raw)


def keys(text: str) -> str | Wrong:
    if re.fullmatch(r"[0-9*#A-D]+", text):
        return text
    return Wrong(f'"{text}" are no keys', 'write the keys of a phone, for example "3" or "4711#"')


KEYS = typed("keys of a phone", keys, faults.bad_value)


def _name_of(section: str) -> Kind:
    """A name of the site, several of them, or '*'."""
    one = named(section, section)

    def read(reader: Reader, node: Node) -> tuple[str, ...] | None:
        items = node.items if isinstance(node, Sequence) else (node,)
        read_one = (_star(item) or one.read(reader, item) for item in items)
        names = tuple(name for name in read_one if name is not None)
        return names if names and len(names) == len(items) else None

    return Kind(f"name of {section}", read)


def _star(node: Node) -> str | None:
    return node.text if isinstance(node, Scalar) and ANY in node.text else None


def _texts(reader: Reader, node: Node) -> tuple[str, ...] | None:
    text = _raw(reader, node)
    return None if text is None else (text,)


TEXTS = Kind("text", _texts)

OTHERS = {"callback": {"queue": named("queues", "a queue"), "place": choice("kept", "new")}}  # not any text
# The word in a test, what the names belong to, more keys that may stand beside the name.
Pattern = tuple[str, Kind, tuple[str, ...]]
PATTERNS: dict[str, Pattern] = {
    "hears": ("prompt", _name_of("prompts"), ("text", "sound")),
    "says": ("value", TEXTS, ("as",)),
    "enters": ("queue", _name_of("queues"), ("priority", "engine")),
    "rings": ("user", _name_of("users"), ()),
    "dials": ("number", TEXTS, ()),
    "goes": ("flow", _name_of("flows"), ()),
    "closed": ("hours", _name_of("hours"), ()),
    "voicemail": ("box", _name_of("mailboxes"), ()),
    "language": ("code", TEXTS, ()),
    "joins": ("room", TEXTS, ()),
    "transfers": ("to", TEXTS, ()),
    "records": ("file", TEXTS, ()),
    "talks_with": ("user", TEXTS, ()),
    "callback": ("number", TEXTS, ("queue", "when", "place")),
    "hangup": ("by", TEXTS, ("cause",)),
}
KINDS = {"talks_with": "talks"}
ALIASES = {"queue": "enters", "flow": "goes", "plays": "hears"}  # as `ends:` may be written


def read_pattern(reader: Reader, word: Scalar, node: Node) -> Want | None:
    """`hears: welcome` or `enters: {queue: support, priority: 10}`, of a step or an end."""
    verb = ALIASES.get(word.text, word.text)
    main, kind, others = PATTERNS[verb]
    if not isinstance(node, Mapping):
        names = kind.read(reader, node)
        return Want(KINDS.get(verb, verb), names, every=verb == "rings") if names else None
    kinds = {key: OTHERS.get(verb, {}).get(key, RAW) for key in (*others, "within")}
    table = Table(f"step {verb}", "", (Key(main, kind, ""), *(Key(key, kinds[key], "") for key in kinds)))
    found = read_keys(reader, node, table)
    found.pop("within", None)
    if verb == "hears":
        return _hears(reader, found)
    names = found.pop(main, (ANY,))
    return Want(KINDS.get(verb, verb), names, every=verb == "rings", more=found)


def _hears(reader: Reader, found: dict[str, Any]) -> Want | None:
    if "text" in found:
        texts: dict[str, Span] = reader.names["prompt texts"]
        part = found["text"].lower()
        return Want("hears", tuple(key.partition("\n")[0] for key in texts if part in key.lower()) or ("\n",))
    if "sound" in found:
        return Want("hears", (found["sound"],))
    return Want("hears", found["prompt"]) if "prompt" in found else None


def read_end(reader: Reader, node: Node) -> Want | None:
    """`ends: hangup`, `ends: support` is no end: the kind has to be said."""
    if isinstance(node, Scalar):
        if node.text == "hangup":
            return Want("hangup")
        reader.report(
            faults.bad_value(node.span, f'"{node.text}" is no end', "write for example {hears: closed}")
        )
        return None
    entries = _beside_engine(node) if isinstance(node, Mapping) else ()
    if len(entries) != 1 or ALIASES.get(entries[0][0].text, entries[0][0].text) not in PATTERNS:
        text, hint = "an end is one thing that is seen", "write for example {voicemail: support}"
        reader.report(faults.bad_value(node.span, text, hint))
        return None
    assert isinstance(node, Mapping)
    return _with_engine(node, read_pattern(reader, *entries[0]))


def _beside_engine(node: Mapping) -> tuple[tuple[Scalar, Node], ...]:
    return tuple(entry for entry in node.entries if entry[0].text != "engine")


def _with_engine(node: Mapping, want: Want | None) -> Want | None:
    """`ends: {queue: support, engine: native}`."""
    engine = node.get("engine")
    if want is None or not isinstance(engine, Scalar):
        return want
    return Want(want.kind, want.names, want.every, {**want.more, "engine": engine.text})


# -- steps -----------------------------------------------------------------------------------------


def _sees(reader: Reader, word: Scalar, node: Node) -> AnyStep | None:
    want = read_pattern(reader, word, node)
    return Sees(want=want, within_ms=_within(reader, node), span=word.span) if want else None


def _within(reader: Reader, node: Node) -> int:
    limit = node.get("within") if isinstance(node, Mapping) else None
    value = DURATION.read(reader, limit) if limit is not None else None
    return WITHIN_MS if value is None else int(value)


def _ends(reader: Reader, word: Scalar, node: Node) -> AnyStep | None:
    want = read_end(reader, node)
    return Ends(want=want, span=word.span) if want else None


PRESS = Table(
    "step press", "", (Key("keys", KEYS, "", required=True), Key("after", choice("listening", "end"), ""))
)
PRESS_SECRET = Table("step press", "", (Key("secret", RAW, "", required=True),))


def _presses(reader: Reader, word: Scalar, node: Node) -> AnyStep | None:
    if isinstance(node, Scalar):
        pressed = KEYS.read(reader, node)
        return Presses(keys=pressed, span=word.span) if pressed else None
    if isinstance(node, Mapping) and node.get("secret") is not None:
        return _presses_secret(reader, word, node)
    found = read_keys(reader, node, PRESS)
    if "keys" not in found:
        return None
    return Presses(keys=found["keys"], after_prompt=found.get("after") == "end", span=word.span)


def _presses_secret(reader: Reader, word: Scalar, node: Mapping) -> AnyStep | None:
    """The first PIN that a secret holds, and the hash key; no report shows it."""
    name = read_keys(reader, node, PRESS_SECRET).get("secret", "")
    value = reader.folder.secret(name)
    if isinstance(value, Wrong):
        reader.report(wrong.unknown_secret(word.span, name, value.text, value.hint or secret_variable(name)))
        return None
    first = re.split(r"[\s,;]+", value.strip())[0]
    return Presses(keys=f"{first}#", secret=name, span=word.span)


def _waits(reader: Reader, word: Scalar, node: Node) -> AnyStep | None:
    ms = DURATION.read(reader, node)
    return None if ms is None else Waits(ms=ms, talking=word.text == "talks", span=word.span)


DOES = choice("answer", "hangup", "pause", "available")
AGENT_HEARS = "hears"


def _agent(reader: Reader, word: Scalar, node: Node) -> AnyStep | None:
    who = _who(reader, node, "agents")
    if who is None:
        return None
    assert isinstance(node, Mapping)
    does = DOES.read(reader, who[1])
    heard = node.get(AGENT_HEARS)
    told = named("prompts", "a prompt").read(reader, heard) if heard is not None else ""
    name = reader.refer("agents", who[0].text, who[0].span)
    return AgentDoes(agent=name, does=does, hears=told or "", span=word.span) if does else None


def _phone(reader: Reader, word: Scalar, node: Node) -> AnyStep | None:
    who = _who(reader, node, "phones")
    does = DOES.read(reader, who[1]) if who else None
    return PhoneDoes(phone=who[0].text, does=does, span=word.span) if who and does else None


def _who(reader: Reader, node: Node, section: str) -> tuple[Scalar, Node] | None:
    """The one entry that is a name: {ben: answer, hears: ...}."""
    entries = node.entries if isinstance(node, Mapping) else ()
    who = [entry for entry in entries if entry[0].text != AGENT_HEARS]
    if len(who) != 1:
        reader.report(
            findings.shape(node.span, f"one of the {section} and what it does", "write {ben: answer}")
        )
        return None
    return who[0]


Verb = Callable[[Reader, Scalar, Node], AnyStep | None]
VERBS: dict[str, Verb] = {
    **dict.fromkeys((*PATTERNS, *ALIASES), _sees),
    "ends": _ends,
    "press": _presses,
    "waits": _waits,
    "talks": _waits,
    "agent": _agent,
    "phone": _phone,
}


def read_step(reader: Reader, node: Node) -> AnyStep | None:
    if isinstance(node, Scalar):
        if node.text == "hangs_up":
            return HangsUp(span=node.span)
        reader.report(faults.unknown_step(node.span, node.text, (*VERBS, "hangs_up")))
        return None
    if not isinstance(node, Mapping) or not node.entries:
        reader.report(findings.shape(node.span, "a step is one verb", "write for example {press: 3}"))
        return None
    word, argument = node.entries[0]
    if word.text not in VERBS:
        reader.report(faults.unknown_step(word.span, word.text, (*VERBS, "hangs_up")))
        return None
    if len(node.entries) > 1:
        second = node.entries[1][0]
        hint = f"write {{{word.text}: {{..., {second.text}: ...}}}} or two steps"
        reader.report(findings.shape(second.span, f'"{second.text}" beside {word.text}', hint))
        return None
    return VERBS[word.text](reader, word, argument)


def read_steps(reader: Reader, node: Node) -> tuple[AnyStep, ...]:
    items = node.items if isinstance(node, Sequence) else (node,)
    steps = (read_step(reader, item) for item in items)
    return tuple(step for step in steps if step is not None)


STEPS = Kind("list of steps", read_steps)


# -- the moment of the call ------------------------------------------------------------------------


def moment(text: str, zone: datetime.tzinfo) -> int | Wrong:
    """2026-11-23 10:00 in the site's zone, or with an offset or Z, as a Unix second."""
    wrong = Wrong(f'"{text}" is not a moment', 'write for example "2026-11-23 10:00"')
    if not re.match(r"20\d{2}-\d{2}-\d{2}[ T]\d{2}:\d{2}", text):
        return wrong
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        return wrong
    return int((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp())

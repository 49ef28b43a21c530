"""The sections of a site and the keys of what is in them. Declared as tables; schema.py reads them."""

import re
from typing import Any

import msgspec

from ccctl.flow import checks_reading as findings
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes, values
from ccctl.flow.built_in import CURRENCIES, MAIL_WORDS
from ccctl.flow.graph import OpenSpan
from ccctl.flow.handing import TALK_CODES
from ccctl.flow.schema_calendar import EXCEPTIONS_SHAPE, HOLIDAYS_SHAPE, read_exceptions, read_holidays
from ccctl.flow.schema_steps import (
    BODY,
    INTERDIGIT,
    RINGING,
    YES,
    span_of_time,
    whole,
)
from ccctl.flow.schema_types import (
    TEXT,
    Key,
    Kind,
    Reader,
    Table,
    choice,
    keyed,
    listed,
    named,
    read_keys,
    read_mapping,
    read_secret,
    read_text,
    refuse_duplicates,
    typed,
)
from ccctl.flow.schema_voices import SPEED, VOICES
from ccctl.flow.source import Mapping, Node, Scalar, Sequence
from ccctl.flow.values import Wrong


def _name(text: str) -> str | Wrong:
    value = values.name(text)
    return Wrong(f'"{text}" {value.text}', value.hint) if isinstance(value, Wrong) else value


NAME = typed("name", _name, shape=shapes.NAME)
ZONE = typed("time zone", values.zone, faults.bad_zone)
COUNTRY = typed("country code of two letters", values.country, shape=shapes.words(tuple(values.COUNTRIES)))
LANGUAGE = typed("language code", values.language, shape=shapes.LANGUAGE)
SERVICE_LEVEL = typed(
    "service level", values.service_level, shape=shapes.matching(r"\d{1,3}\s*%\s+in\s+\S+", "80% in 20s")
)
EXTENSION = typed(
    "extension, 2 to 8 digits", lambda text: values.digits(text, 2, 8), shape=shapes.digits(2, 8)
)
BOX = typed("2 to 10 digits", lambda text: values.digits(text, 2, 10), shape=shapes.digits(2, 10))
DIGIT = typed("one digit", lambda text: values.digits(text, 1, 1), shape=shapes.digits(1, 1))
HOST = typed("host name or address", values.host, shape=shapes.HOST)
ENGINE = choice("acd", "native")
SRTP = choice("off", "offer", "required")


def _code(text: str) -> str | Wrong:
    if re.fullmatch(r"[*#][0-9]{1,5}", text):
        return text
    near = re.sub(r"[^0-9]", "", text)[:5]
    hint = f'did you mean "*{near}"?' if near else 'write for example "*45"'
    return Wrong(f'"{text}" is not a feature code: a * or # and up to five digits', hint)


CODE = typed("feature code", _code, shape=shapes.matching("[*#][0-9]{1,5}", 'a feature code: "*45"'))


def _outside(text: str) -> str | Wrong:
    if re.fullmatch(r"\+[0-9]{1,15}", text):
        return text
    near = re.sub(r"[^0-9]", "", text)
    hint = f'did you mean "+{near}"?' if near else 'write for example "+49"'
    return Wrong(f'"{text}" is not the beginning of a number', hint)


OUTSIDE = typed(
    "beginning of a number", _outside, shape=shapes.matching(r"\+[0-9]{1,15}", 'for example "+49"')
)


def _read_own_number(reader: Reader, node: Node) -> str | None:
    """A number of this site, as caller id."""
    text = read_text(reader, node)
    if text is None:
        return None
    number = values.e164(text, reader.country)
    if isinstance(number, Wrong):
        reader.report(faults.bad_number(node.span, number.text, number.hint))
        return None
    reader.shown.append((number, node.span))
    return number


OWN_NUMBER = Kind("number of this site", _read_own_number, shapes.E164)


def nested(table: Table) -> Kind:
    return Kind("mapping, below", lambda reader, node: read_keys(reader, node, table) or None, table.shape)


def _email(text: str) -> str | Wrong:
    if re.fullmatch(r"[^\s@,;|]+@[^\s@,;|]+", text):
        return text
    return Wrong(f'"{text}" is not a mail address', "write for example support@acme.example")


def _read_mail(reader: Reader, node: Node) -> str | None:
    """A text in which {{ name }} and its like may stand."""
    text = read_text(reader, node)
    words = re.findall(r"\{\{\s*(.*?)\s*\}\}", text or "")
    unknown = next((word for word in words if word not in MAIL_WORDS), None)
    if unknown is not None:
        near = findings.mean(unknown, MAIL_WORDS)
        reader.report(faults.bad_value(node.span, f'"{unknown}" is not known of a message', near))
        return None
    return text


MAIL_TEXT = Kind(
    "text; may hold `{{ name }}`, caller, number, duration, date, mailbox", _read_mail, shapes.SINGLE
)


# -- hours -----------------------------------------------------------------------------------------


class OpenRow(msgspec.Struct, frozen=True):
    """One line of opening hours as written; `spans` is empty for `closed`."""

    span: Any
    days: tuple[int, ...]
    spans: tuple[OpenSpan, ...]


class Opening(msgspec.Struct, frozen=True):
    """`word` is `never` or `always` when that was written in place of a week."""

    rows: tuple[OpenRow, ...] = ()
    word: str = ""

    @property
    def spans(self) -> tuple[OpenSpan, ...]:
        if self.word == "always":
            return tuple(OpenSpan(day, 0, values.DAY_MINUTES) for day in range(7))
        return tuple(
            sorted((span for row in self.rows for span in row.spans), key=lambda s: (s.day, s.start))
        )


def _read_open(reader: Reader, node: Node) -> Opening | None:
    if isinstance(node, Scalar) and node.text in ("never", "always"):
        return Opening(word=node.text)
    mapping = read_mapping(
        reader, node, "open", 'days and times, for example {mon-fri: "09:00-17:00"}, or never'
    )
    if mapping is None:
        return None
    refuse_duplicates(reader, mapping)
    if not mapping.entries:
        reader.report(
            findings.shape(mapping.span, "no day is written", 'write {mon-fri: "09:00-17:00"} or never')
        )
        return None
    rows = [_read_row(reader, word, child) for word, child in mapping.entries]
    return None if None in rows else Opening(tuple(row for row in rows if row is not None))


OPEN_SHAPE = shapes.either(
    shapes.words(("never", "always")),
    shapes.mapping(
        shapes.several(shapes.DAY_PATTERN, "days: mon, mon-fri, sat,sun, daily"),
        shapes.listed(shapes.several(f"closed|{shapes.TIMES_PATTERN}", "times: 08:00-18:00, or closed")),
        least=1,
    ),
)


def _read_row(reader: Reader, word: Scalar, node: Node) -> OpenRow | None:
    days = values.days(word.text)
    if isinstance(days, Wrong):
        reader.report(faults.bad_time(word.span, days.text, days.hint))
        return None
    if isinstance(node, Scalar) and node.text == "closed":
        return OpenRow(node.span, days, ())
    times = listed(typed("times", values.times, faults.bad_time)).read(reader, node)
    if times is None:
        return None
    flat = tuple(pair for written in times for pair in written)
    return OpenRow(node.span, days, values.spans(days, flat))


# -- whispers, codes -------------------------------------------------------------------------------


def _read_whisper(reader: Reader, node: Node) -> tuple[str, ...] | None:
    if isinstance(node, Scalar) and node.text == "none":
        return ()
    items = node.items if isinstance(node, Sequence) else (node,)
    words = [read_text(reader, item) for item in items]
    for item, word in zip(items, words, strict=True):
        if word is not None and word not in ("queue", "waited"):
            reader.refer("prompts", word, item.span)
    return None if None in words else tuple(word for word in words if word is not None)


LISTEN = Table(
    "feature code listen",
    "Dialled before an agent's extension by those who may hear talks; keys change the mode during the talk.",
    (
        Key("listen", choice("agents"), "whom to hear", required=True, example="listen: agents"),
        Key("roles", listed(NAME), "which users may", "[supervisor]"),
        Key(
            "keys",
            keyed("keys", DIGIT, choice("listen", "whisper", "barge")),
            "digit to mode",
            "{4: listen, 5: whisper, 6: barge}",
        ),
    ),
)
PAGE = Table(
    "feature code page",
    "An announcement through the loudspeakers of phones, which answer by themselves.",
    (Key("page", listed(named("users", "a user")), "whose phones", required=True, example="page: [anna]"),),
)
ACTIONS = ("voicemail", "agent-login", "agent-pause", "agent-wrap-up", "pickup", "park", *TALK_CODES.values())


def read_code(reader: Reader, node: Node) -> dict[str, Any] | None:
    """The fields of a FeatureCode."""
    if isinstance(node, Scalar):
        action = choice(*ACTIONS, soon=("redial", "record")).read(reader, node)
        return {"action": action} if action else None
    if isinstance(node, Mapping) and node.get("page") is not None:
        people = read_keys(reader, node, PAGE).get("page")
        return {"action": "page", "people": people} if people else None
    found = read_keys(reader, node, LISTEN)
    modes = {"4": "listen", "5": "whisper", "6": "barge"}
    roles = found.get("roles", ("supervisor",))
    return (
        {"action": "listen", "roles": roles, "keys": found.get("keys", modes)} if "listen" in found else None
    )


# -- tables ----------------------------------------------------------------------------------------

MENU = Table(
    "defaults.menu",
    "What every menu has that does not say otherwise.",
    (
        Key("timeout", RINGING, "how long to wait for the first key", "5s"),
        Key("interdigit", INTERDIGIT, "how long to wait for a further key", "2s"),
        Key("attempts", whole(1, 10), "how often to ask", "3"),
    ),
)
MAIL = Table(
    "defaults.mail",
    "The mail that takes a message of a mailbox to its owner, with the recording.",
    (
        Key("from", typed("mail address", _email), "sender", "asterisk at this machine"),
        Key("name", TEXT, "sender's name", "Asterisk PBX"),
        Key("subject", MAIL_TEXT, "subject", "in the site's first language"),
        Key("body", MAIL_TEXT, "what the mail says", "in the site's first language"),
    ),
)
PAUSE = Table(
    "defaults.pause_reasons",
    "A reason of pauses that is limited: a text alone is one without limit.",
    (
        Key("name", TEXT, "the reason", required=True, example="name: lunch"),
        Key("max", span_of_time(60_000, 43_200_000), "how long such a pause may be", "no limit"),
        Key("over", choice("alarm", "offline"), "what follows: a warning, or a log-out as well", "alarm"),
    ),
)


def _read_reason(reader: Reader, node: Node) -> tuple[str, graph.PauseLimit | None] | None:
    if not isinstance(node, Mapping):
        text = TEXT.read(reader, node)
        return (text, None) if text else None
    keys = read_keys(reader, node, PAUSE)
    if "name" not in keys:
        return None
    limit = graph.PauseLimit(keys["max"], keys.get("over", "alarm")) if "max" in keys else None
    return keys["name"], limit


REASON = Kind("text, or mapping, below", _read_reason, shapes.either(TEXT.shape, PAUSE.shape))
DEFAULTS = Table(
    "defaults",
    "Settings of the whole site.",
    (
        Key("timezone", ZONE, "time zone of hours and reports", "UTC"),
        Key("country", COUNTRY, "country, for phone numbers and emergency numbers"),
        Key("languages", listed(LANGUAGE), "languages of the site; the first is the default", "[en]"),
        Key("menu", nested(MENU), "defaults of menus"),
        Key("engine", ENGINE, "engine of queues: ccctl's own, or Asterisk's app_queue", "acd"),
        Key("currency", choice(*CURRENCIES), "of sums of money that are spoken"),
        Key("catch", named("flows", "a flow"), "where a call goes when an outcome has no destination"),
        Key("max_call", span_of_time(60_000, 86_400_000), "how long a call may last in flows", "no limit"),
        Key("max_flows", whole(10, 10_000), "how many flows a call may enter, against endless loops", "200"),
        Key("pause_reasons", keyed("pause_reasons", DIGIT, REASON), "digit after the pause code to reason"),
        Key("do_not_call", named("tables", "a table"), "numbers that nobody calls back: the table's keys"),
        Key("voice", VOICES, "who speaks texts; for all, or for each language", "espeak-ng"),
        Key("speed", SPEED, "how fast texts are spoken", "100%"),
        Key(
            "srtp",
            SRTP,
            "encryption of what phones on desks send and get; needs a transport of type tls",
            "off",
        ),
        Key(
            "transfer_outside",
            listed(OUTSIDE, empty=True),
            "beginnings of numbers outside to which agents may transfer calls; none: to no number at all",
            "none",
            example='transfer_outside: ["+49"]',
        ),
        Key("mail", nested(MAIL), "how messages of mailboxes are mailed"),
    ),
    soon=("recording", "retention"),
)
FLOW = Table(
    "flow",
    "What a call goes through: a list of steps, or a mapping with them and what is caught.",
    (
        Key("steps", BODY, "the steps", required=True, example="steps: [{play: welcome}, hangup]"),
        Key(
            "catch",
            named("flows", "a flow"),
            "where a call goes when an outcome has no destination",
            "of defaults",
        ),
    ),
)
TRUNK = Table(
    "trunk",
    "A connection to the public network.",
    (
        Key(
            "host", HOST, "where calls go to and come from", required=True, example="host: sip.telco.example"
        ),
        Key("port", whole(1, 65535), "SIP port", "5060"),
        Key("username", TEXT, "account at the carrier"),
        Key("password", read_secret("a password"), "password of the account"),
        Key("register", YES, "register with the carrier; needs username and password", "false"),
        Key(
            "codecs",
            listed(choice("alaw", "ulaw", "g722", "gsm")),
            "codecs in order of choice",
            "[alaw, ulaw]",
        ),
        Key("channels", whole(1, 10_000), "how many calls at a time, in and out together", "no limit"),
        Key("caller_id", OWN_NUMBER, "number of this site that people outside see", "the caller's"),
    ),
    soon=("transport", "srtp"),
)


def _read_number_set(reader: Reader, node: Node) -> dict[str, str] | None:
    """The language, and variables by name; whether the values fit is for checks to say."""
    mapping = read_mapping(reader, node, "set", "{language: en, tier: gold}")
    if mapping is None:
        return None
    refuse_duplicates(reader, mapping)
    found: dict[str, str] = {}
    for word, child in mapping.entries:
        text = read_text(reader, child)
        reader.refer("languages" if word.text == "language" else "vars", *_named(word, child, text))
        reader.given.append((word.text, text or "", child.span))
        found[word.text] = text or ""
    return found


def _named(word: Scalar, node: Node, text: str | None) -> tuple[str, Any]:
    return (text or "", node.span) if word.text == "language" else (word.text, word.span)


NUMBER = Table(
    "number",
    'A number that people call. The flow\'s name alone is enough: `"+49301234500": main`.',
    (
        Key("flow", named("flows", "a flow"), "where its calls go", required=True, example="flow: main"),
        Key("language", named("languages", "a language"), "language of its calls", "the site's first"),
        Key("site", named("sites", "a site"), "the site it belongs to"),
        Key(
            "set",
            Kind(
                "mapping: `language` or variable to value",
                _read_number_set,
                shapes.mapping(shapes.NAME, shapes.SINGLE),
            ),
            "what is set when a call comes in",
        ),
    ),
)
HOURS = Table(
    "hours",
    "Opening hours: times by day (the end is exclusive; an end before the start is that of the next day), "
    "`closed` for a day, or `never` or `always` for all.",
    (
        Key(
            "open",
            Kind("mapping: days to times; or `never`, `always`", _read_open, OPEN_SHAPE),
            "when it is open",
            required=True,
            example='open: {mon-fri: "09:00-17:00"}',
        ),
        Key(
            "holidays",
            Kind("list of: date, half day or calendar file", read_holidays, HOLIDAYS_SHAPE),
            'days that beat the hours: `"2026-12-25"`, `"2026-12-24..2026-12-26"`, `"12-25"` of every year, '
            'half days `{date: "2026-12-24", from: "12:00"}`; an .ics file, or a YAML file with such dates '
            "as a list, or as keys with their names",
        ),
        Key(
            "exceptions",
            Kind("mapping: dates to times; or `closed`", read_exceptions, EXCEPTIONS_SHAPE),
            "days with hours of their own, which beat holidays and the week",
        ),
        Key("switch", CODE, "feature code of the day/night switch; with 0, 1, 2 after it auto, open, closed"),
        Key("emergency", CODE, "feature code of the emergency announcement; with 0, 1 after it off, on"),
        Key("timezone", ZONE, "time zone of these hours", "of the site, of defaults"),
        Key("site", named("sites", "a site"), "the site they belong to"),
    ),
)
USER = Table(
    "user",
    "A person and the phone on the desk.",
    (
        Key("extension", EXTENSION, "internal number", required=True, example="extension: 201"),
        Key(
            "password",
            read_secret("a password"),
            "of the phone",
            required=True,
            example="password: !secret ph201",
        ),
        Key("name", TEXT, "name as people read it", "the key"),
        Key("phone", choice("sip", "webrtc"), "kind of phone: on the desk, or in a browser", "sip"),
        Key("mailbox", named("mailboxes", "a mailbox"), "the user's mailbox"),
        Key("language", named("languages", "a language"), "language of the user", "the site's first"),
        Key(
            "srtp",
            SRTP,
            "encryption of what the phone sends and gets: `required` refuses a call without",
            "of defaults",
        ),
        Key("roles", listed(NAME), "roles, for example supervisor"),
    ),
    soon=("follow_me", "caller_id"),
)
AGENT = Table(
    "agent",
    "A user of the same name who takes queue calls.",
    (Key("skills", keyed("skills", NAME, whole(1, 5)), "skill to level, 1 to 5"),),
    soon=("queues", "wrap_up", "rank"),
)
WHISPER = Kind("list of: prompt, `queue`, `waited`; or `none`", _read_whisper, shapes.listed(shapes.NAME))
MAILBOX = Table(
    "mailbox",
    "A voicemail box.",
    (
        Key(
            "pin",
            read_secret("a PIN"),
            "asked when messages are heard",
            required=True,
            example="pin: !secret vm201",
        ),
        Key("number", BOX, "its number", "extension of the one user who has it, else its name"),
        Key("email", typed("mail address", _email), "where the message is sent to, with the recording"),
        Key("name", TEXT, "name as people read it", "the key"),
        Key("greeting", named("prompts", "a prompt"), "played in place of Asterisk's words", "the owner's"),
        Key("operator", named("flows", "a flow"), "where the key 0 leads in the greeting", "a goodbye"),
    ),
    soon=("delete",),
)
SOON_SECTIONS = (
    "campaigns",
    "parking",
    "directory",
    "webhooks",
)

"""The verbs about what a caller agrees to, answers and says: consent, surveys, messages, PINs."""

import hashlib
import re
from typing import Any

from ccctl.diagnostics import Span
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes, values
from ccctl.flow.graph import AnyStep
from ccctl.flow.schema_steps import BODY, PROMPTS, YES, span_of_time, whole
from ccctl.flow.schema_types import (
    Key,
    Kind,
    Reader,
    Table,
    Verb,
    choice,
    named,
    read_keys,
    read_secret,
    typed,
)
from ccctl.flow.source import Mapping, Node, Scalar
from ccctl.flow.values import Wrong

_PIN = re.compile(r"[0-9]{3,20}")


def options_of(what: str, first: str, table: Table) -> Kind:
    """The verb's argument: prompts alone, with the options beside the verb; or a mapping of all."""

    def read(reader: Reader, node: Node) -> dict[str, Any] | None:
        if isinstance(node, Mapping):
            return read_keys(reader, node, table) or None
        prompts = PROMPTS.read(reader, node)
        return None if prompts is None else {first: prompts}

    return Kind(f"prompts, or a mapping of {what}", read, shapes.either(PROMPTS.shape, table.shape))


def _merged(verb: str, v: dict[str, Any]) -> dict[str, Any]:
    return {**v[verb], **{key: value for key, value in v.items() if key != verb}}


def _read_pins(reader: Reader, node: Node) -> tuple[str, ...] | None:
    """The salt, and the digests of the PINs: the PINs themselves go no further."""
    value = read_secret("pins").read(reader, node)
    if value is None:
        return None
    pins = re.split(r"[\s,;]+", value.strip())
    if not all(_PIN.fullmatch(pin) for pin in pins):
        text = f'secret "{node.text if isinstance(node, Scalar) else ""}" is no list of PINs'
        reader.report(faults.bad_value(node.span, text, "write 3 to 20 digits each, with commas between"))
        return None
    salt = hashlib.sha256(("pins " + " ".join(sorted(pins))).encode()).hexdigest()[:16]
    digests = {hashlib.sha1(f"{salt}{pin}".encode(), usedforsecurity=False).hexdigest() for pin in pins}
    return (salt, *sorted(digests))


PINS = Kind("`!secret` and a name; the secret holds one PIN or several", _read_pins, shapes.SINGLE)
_OUTCOMES = (
    Key("on_denied", BODY, "after the last wrong PIN"),
    Key("on_locked", BODY, "the number is locked", "as on_denied"),
)
_AUTHENTICATE = (
    Key("prompt", PROMPTS, "prompts that ask for the PIN", example="prompt: enter-pin"),
    Key("pins", PINS, "the PINs that are right", example="pins: !secret contract_pins"),
    Key("attempts", whole(1, 10), "how often to ask", "3"),
    Key("lockout", span_of_time(1000, 7 * 86_400_000), "how long a number stays locked", "15m"),
    Key("lockout_after", whole(1, 100), "calls of one number with wrong PINs until then", "3"),
    *_OUTCOMES,
)
AUTHENTICATE = Table("authenticate", "What a PIN is asked with.", _AUTHENTICATE)


def _digit(text: str) -> str | Wrong:
    return text if re.fullmatch(r"[0-9*#]", text) else Wrong(f'"{text}" is not one key', "write 0-9, * or #")


KEY = typed("one key", _digit, shape=shapes.matching("[0-9*#]", number=True))
_CONSENT = (
    Key("prompt", PROMPTS, "prompts that say that the talk is recorded", example="prompt: recording-notice"),
    Key("decline", KEY, "the key of those who do not agree", '"9"'),
    Key("timeout", span_of_time(100, 30_000), "how long to wait for a key after the prompts", "3s"),
    Key("on_declined", BODY, "who declines goes here", "the next step"),
)
CONSENT = Table("consent", "How a caller is asked.", _CONSENT)


def _build_authenticate(span: Span, v: dict[str, Any]) -> AnyStep:
    found = _merged("authenticate", v)
    salt, *digests = found.get("pins", ("",))
    return graph.Authenticate(
        span=span,
        prompts=found.get("prompt", ()),
        pins=tuple(digests),
        salt=salt,
        attempts=found.get("attempts", 3),
        lockout_ms=found.get("lockout", 900_000),
        lockout_after=found.get("lockout_after", 3),
        on_denied=found.get("on_denied", ()),
        on_locked=found.get("on_locked", ()),
    )


def _build_consent(span: Span, v: dict[str, Any]) -> AnyStep:
    found = _merged("consent", v)
    return graph.Consent(
        span=span,
        prompts=found.get("prompt", ()),
        decline=found.get("decline", "9"),
        timeout_ms=found.get("timeout", 3000),
        on_declined=found.get("on_declined", ()),
    )


def _build_recording(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.Recording(span=span, on=v["recording"])


def _build_survey(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.SurveyStep(span=span, survey=v["survey"])


def _message_name(text: str) -> str | Wrong:
    value = values.name(text)
    return Wrong(f'"{text}" {value.text}', value.hint) if isinstance(value, Wrong) else value


def _build_record(span: Span, v: dict[str, Any]) -> AnyStep:
    return graph.RecordMessage(
        span=span,
        name=v["record"],
        prompts=v.get("prompt", ()),
        max_ms=v.get("max", 120_000),
        silence_ms=v.get("silence", 5000),
        finish=v.get("finish", "#"),
        beep=v.get("beep", True),
        on_empty=v.get("on_empty", ()),
    )


_NAME = typed("name", _message_name, shape=shapes.NAME)
VERBS: tuple[Verb, ...] = (
    Verb(
        Table(
            "step authenticate",
            "Asks for a PIN. Wrong PINs lock the caller's number; withheld numbers are one.",
            (
                Key(
                    "authenticate",
                    options_of("the keys below", "prompt", AUTHENTICATE),
                    "prompts, or all",
                    required=True,
                    example="enter-pin",
                ),
                *_AUTHENTICATE[1:],
            ),
        ),
        _build_authenticate,
    ),
    Verb(
        Table(
            "step consent",
            "Says that talks are recorded, and asks. Who declines, or could not hear it, is not recorded.",
            (
                Key(
                    "consent",
                    options_of("the keys below", "prompt", CONSENT),
                    "prompts, or all",
                    required=True,
                    example="recording-notice",
                ),
                *_CONSENT[1:],
            ),
        ),
        _build_consent,
    ),
    Verb(
        Table(
            "step recording",
            "From here on talks of this call are recorded, or not, as if the caller had said so.",
            (Key("recording", YES, "on or off", required=True, example="off"),),
        ),
        _build_recording,
    ),
    Verb(
        Table(
            "step survey",
            "Asks the questions of a survey. Each answer is kept with the call at once.",
            (Key("survey", named("surveys", "a survey"), "the survey", required=True, example="csat"),),
        ),
        _build_survey,
    ),
    Verb(
        Table(
            "step record",
            "Records a message of the caller. It is kept when the caller hangs up in it.",
            (
                Key("record", _NAME, "what the message is called", required=True, example="complaint"),
                Key("prompt", PROMPTS, "prompts before the beep"),
                Key("max", span_of_time(1000, 3_600_000), "longest message", "2m"),
                Key("silence", span_of_time(1000, 60_000), "silence that ends it", "5s"),
                Key("finish", choice("#", "*", "any", "none"), "key that ends it", '"#"'),
                Key("beep", YES, "beep before it", "true"),
                Key("on_empty", BODY, "nothing was said", "the next step"),
            ),
        ),
        _build_record,
    ),
)

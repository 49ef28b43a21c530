"""The verbs about facts from outside and answers of the caller, declared as tables."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow import checks_outside as outside
from ccctl.flow import checks_values as faults
from ccctl.flow import graph, shapes
from ccctl.flow.graph import AnyStep, Body, Pair, Save, Text, Value
from ccctl.flow.schema_answers import KEY
from ccctl.flow.schema_steps import BODY, PROMPTS, YES, read_body, span_of_time, whole
from ccctl.flow.schema_types import (
    Key,
    Kind,
    Reader,
    Table,
    Verb,
    choice,
    named,
    read_keys,
    read_mapping,
    read_secret,
    read_text,
    refuse_duplicates,
    typed,
)
from ccctl.flow.schema_words import READABLE, VARIABLE, template
from ccctl.flow.source import Node, Scalar, duplicates
from ccctl.flow.values import Wrong, host

METHODS = ("get", "post")
SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token")
_URL = re.compile(r"https?://(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::[0-9]{1,5})?(?:[/?].*)?", re.IGNORECASE)
_URL_TEXT = re.compile(r"[A-Za-z0-9._~!*;/?:@&=+,%-]*")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
_PATH = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,4}\])+")


class Request(msgspec.Struct, frozen=True):
    method: str
    url: Text
    span: Span


# -- http ------------------------------------------------------------------------------------------


def _read_request(reader: Reader, node: Node) -> Request | None:
    text = read_text(reader, node)
    if text is None:
        return None
    method, _, url = text.partition(" ")
    if method.lower() in ("put", "patch", "delete", "head"):
        why = f'Asterisk cannot send "{method}"'
        reader.report(faults.bad_value(node.span, why, "write get or post"))
        return None
    if method.lower() not in METHODS:
        url, method = (text, "get") if "://" in method else (url, method)
        reader.report(outside.bad_url(node.span, f'"{text}" names no method', f"write get {url.strip()}"))
        return None
    parts = template(reader, url.strip(), node.span)
    if parts is None or not _is_url(reader, parts, node.span):
        return None
    return Request(method.lower(), parts, node.span)


def _is_url(reader: Reader, parts: Text, span: Span) -> bool:
    shown = "".join(part.text or f"{{{{ {part.variable} }}}}" for part in parts)
    first = parts[0].text if parts else ""
    hint = "write https://, a host, and a path"
    if not _URL.fullmatch(first) or (len(parts) > 1 and not re.match(r"https?://[^/?]+[/?]", first)):
        if "://" in first and len(parts) > 1:
            hint = "variables may stand after the host: https://crm.acme.example/{{ case }}"
        reader.report(outside.bad_url(span, f'"{shown}" is not a URL', hint))
        return False
    place = host(re.split("[:/?]", first.partition("://")[2])[0])
    if isinstance(place, Wrong):
        reader.report(outside.bad_url(span, place.text, place.hint))
        return False
    wrong = next((part.text for part in parts if not _URL_TEXT.fullmatch(part.text)), "")
    if wrong:
        bad = next(char for char in wrong if not _URL_TEXT.fullmatch(char))
        code = "".join(f"%{byte:02X}" for byte in bad.encode())
        reader.report(outside.bad_url(span, f'"{bad}" cannot stand in a URL', f"write {code}"))
    return not wrong


def pairs(what: str, secrets: bool = False) -> Kind:
    """Names with texts; headers may be secrets."""

    def read(reader: Reader, node: Node) -> tuple[Pair, ...] | None:
        mapping = read_mapping(reader, node, what, "{name: value}")
        if mapping is None:
            return None
        refuse_duplicates(reader, mapping)
        found = [_pair(reader, word, child, secrets) for word, child in mapping.entries]
        return None if None in found else tuple(pair for pair in found if pair)

    key = shapes.matching("[A-Za-z0-9_-]{1,60}")
    return Kind(
        f"mapping: name to text{' or `!secret`' if secrets else ''}", read, shapes.mapping(key, shapes.ANY)
    )


def _pair(reader: Reader, word: Scalar, node: Node, secrets: bool) -> Pair | None:
    allowed = _HEADER if secrets else re.compile(r"[A-Za-z0-9_.-]{1,60}")
    if not allowed.fullmatch(word.text):
        hint = "use letters, digits and hyphens"
        reader.report(faults.bad_value(word.span, f'"{word.text}" cannot be sent as a name', hint))
        return None
    if isinstance(node, Scalar) and node.secret and secrets:
        return _secret_pair(reader, word, node)
    text = read_text(reader, node)
    value = None if text is None else template(reader, text, node.span)
    if value is None:
        return None
    if secrets and word.text.lower() in SECRET_HEADERS:
        reader.report(faults.clear_text(node.span, f"header {word.text}"))
        return None
    if any(char in part.text for part in value for char in '"\\\n'):
        hint = "leave out quotes, backslashes and line ends"
        reader.report(faults.bad_value(node.span, f"{word.text} cannot be sent as it is", hint))
        return None
    return Pair(name=word.text, value=value, span=word.span)


def _secret_pair(reader: Reader, word: Scalar, node: Scalar) -> Pair | None:
    value = read_secret("a header").read(reader, node)
    if value is None:
        return None
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", node.text):
        text = f'secret "{node.text}" has a name that cannot be kept in Asterisk'
        reader.report(faults.bad_value(node.span, text, "use letters, digits, - and _ in its name"))
        return None
    reader.secrets[node.text] = value
    secret = (Value(text=node.text, span=node.span),)
    return Pair(name=word.text, value=secret, secret=True, span=word.span)


def saves(what: str, convert: Callable[[str], str | Wrong]) -> Kind:
    """Variables, and where their values come from."""

    def read(reader: Reader, node: Node) -> tuple[Save, ...] | None:
        mapping = read_mapping(reader, node, "save", f"{{tier: {what}}}")
        if mapping is None:
            return None
        for second, first in duplicates(mapping):
            reader.report(outside.saved_twice(second.span, second.text, first.span))
        found = [_save(reader, word, child, convert) for word, child in mapping.entries]
        return None if None in found else tuple(each for each in found if each)

    return Kind(f"mapping: variable to {what}", read, shapes.mapping(shapes.NAME, shapes.SINGLE, least=1))


def _save(reader: Reader, word: Scalar, node: Node, convert: Callable[[str], str | Wrong]) -> Save | None:
    variable = VARIABLE.read(reader, word)
    text = read_text(reader, node)
    source = None if text is None else convert(text)
    if isinstance(source, Wrong):
        reader.report(outside.bad_path(node.span, source.text, source.hint))
        return None
    return (
        None if variable is None or source is None else Save(variable=variable, source=source, span=node.span)
    )


def _json_path(text: str) -> str | Wrong:
    if _PATH.fullmatch(text) and text.count(".") + text.count("[") <= 12:
        return text
    bare = text.removeprefix("$").lstrip(".")
    near = f"$.{bare}"
    hint = (
        f'did you mean "{near}"?'
        if _PATH.fullmatch(near)
        else "write for example $.customer.tier or $.cases[0].id"
    )
    return Wrong(f'"{text}" is not a path into a JSON reply', hint)


def _column(text: str) -> str | Wrong:
    if re.fullmatch(r"[\w .-]{1,60}", text):
        return text
    return Wrong(
        f'"{text}" is not the name of a column', "write it as it stands in the first line of the table"
    )


def _read_on_error(reader: Reader, node: Node) -> Body | None:
    """`continue` is the next step, as when nothing is written."""
    return () if isinstance(node, Scalar) and node.text == "continue" else read_body(reader, node)


ON_ERROR = Kind("destination, or `continue`", _read_on_error, shapes.BODY)


def _build_http(span: Span, v: dict[str, Any]) -> AnyStep:
    request: Request = v["http"]
    return graph.Http(
        span=span,
        method=request.method,
        url=request.url,
        query=v.get("query", ()),
        headers=v.get("headers", ()),
        body=v.get("body", ()),
        timeout_ms=v.get("timeout", 2000),
        retries=v.get("retries", 0),
        save=v.get("save", ()),
        on_error=v.get("on_error", ()),
    )


def _build_lookup(span: Span, v: dict[str, Any]) -> AnyStep:
    missing = v.get("on_missing", ())
    return graph.Lookup(
        span=span,
        table=v["lookup"],
        key=v["key"],
        save=v.get("save", ()),
        on_missing=missing,
        on_error=v.get("on_error", ()),
    )


# -- callbacks -------------------------------------------------------------------------------------


def _needs(v: dict[str, Any], *names: str) -> bool:
    return all(name in v for name in names)


def _when(text: str) -> str | Wrong:
    if text in ("now", "next-open"):
        return text
    if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        return f"at-{text[:2]}{text[3:]}"
    return Wrong(f'"{text}" is not a time to call back', "write now, next-open, or a time of day: 09:30")


WHEN = typed(
    "`now`, `next-open` or a time of day",
    _when,
    shape=shapes.matching("now|next-open|[0-2][0-9]:[0-5][0-9]", "now, next-open or 09:30"),
)


def _build_callback(span: Span, v: dict[str, Any]) -> AnyStep:
    prompts = v.get("prompt", ())
    return graph.Callback(
        span=span,
        queue=v["callback"],
        when=v.get("when", "now"),
        hours=v.get("hours", ""),
        number=v.get("number", "caller.number"),
        ask=v.get("ask", bool(prompts)),
        prompts=prompts,
        delay_ms=v.get("delay", 0),
        retries=v.get("retries", -1),
        gap_ms=v.get("gap", -1),
        on_withheld=v.get("on_withheld", ()),
        on_failed=v.get("on_failed", ()),
    )


LATER = span_of_time(1000, 86_400_000)
OFFER = Table(
    "offer_callback",
    "What those who wait are offered: to be called back instead, without losing their place.",
    (
        Key("after", LATER, "first after this wait", required=True, example="after: 90s"),
        Key("every", LATER, "and again after each of these", "once"),
        Key("key", KEY, "the key that accepts", '"1"'),
        Key("prompt", PROMPTS, "prompts that offer it", required=True, example="prompt: callback-offer"),
        Key("to", choice("caller", "gather"), "the caller's number, or one that is asked for", "caller"),
        Key("retries", whole(0, 20), "how often to try again", "of the queue"),
        Key("gap", LATER, "time between the tries", "of the queue"),
        Key("on_withheld", BODY, "the number is not known"),
    ),
)


def _read_offer(reader: Reader, node: Node) -> graph.CallbackOffer | None:
    v = read_keys(reader, node, OFFER)
    if not _needs(v, "after", "prompt"):
        return None
    return graph.CallbackOffer(
        span=node.span,
        after_ms=v["after"],
        every_ms=v.get("every", 0),
        key=v.get("key", "1"),
        prompts=v["prompt"],
        to=v.get("to", "caller"),
        retries=v.get("retries", -1),
        gap_ms=v.get("gap", -1),
        on_withheld=v.get("on_withheld", ()),
    )


OFFER_KEY = Key(
    "offer_callback",
    Kind("mapping, below", _read_offer, OFFER.shape),
    "a callback for those who wait",
)
VERBS: tuple[Verb, ...] = (
    Verb(
        Table(
            "step http",
            "Asks another system. Music plays meanwhile. The reply is JSON of at most 4,000 bytes; its fields"
            " become variables, filtered by their types; a field that is missing leaves the variable at its"
            " default. A status from 300 on, no reply in time, a reply that is longer or no JSON: on_error.",
            (
                Key(
                    "http",
                    Kind("get or post, and a URL", _read_request, shapes.LINE),
                    "what to ask",
                    required=True,
                    example="get https://crm.acme.example/customers",
                ),
                Key("query", pairs("the query"), "parameters of the URL; values are encoded"),
                Key("headers", pairs("the headers", secrets=True), "headers of the request"),
                Key("body", pairs("the body"), "fields of the JSON that is posted, as texts"),
                Key("timeout", span_of_time(100, 30_000), "how long to wait for the whole reply", "2s"),
                Key("retries", whole(0, 5), "how often to ask again after a failure", "0"),
                Key("save", saves("$.path", _json_path), "variables from the reply: `$.a.b[0].c`"),
                Key("on_error", ON_ERROR, "no good reply", "the next step"),
            ),
        ),
        _build_http,
    ),
    Verb(
        Table(
            "step lookup",
            "Finds a row of a table by its key.",
            (
                Key("lookup", named("tables", "a table"), "the table", required=True, example="customers"),
                Key(
                    "key", READABLE, "whose value is looked for", required=True, example="key: caller.number"
                ),
                Key(
                    "save",
                    saves("column", _column),
                    "variables from the row",
                    required=True,
                    example="save: {tier: tier}",
                ),
                Key("on_missing", BODY, "there is no such row", "the next step"),
                Key("on_error", ON_ERROR, "the table cannot be asked", "as on_missing"),
            ),
        ),
        _build_lookup,
    ),
    Verb(
        Table(
            "step callback",
            "Somebody is to be called back: he takes his place in the queue's line when he is due. Numbers of"
            " this site, premium and internal ones are refused.",
            (
                Key(
                    "callback", named("queues", "a queue"), "who calls back", required=True, example="support"
                ),
                Key(
                    "when",
                    WHEN,
                    "when: at once, at the next opening, or the next time the clock shows",
                    "now",
                ),
                Key(
                    "hours",
                    named("hours", "a set of hours"),
                    "whose opening next-open means",
                    "the only hours",
                ),
                Key("number", READABLE, "the number", "caller.number"),
                Key("ask", YES, "ask for the number; no key means the caller's own", "true with a prompt"),
                Key("prompt", PROMPTS, "prompts that ask for the number"),
                Key("delay", LATER, "not before this time", "at once"),
                Key("retries", whole(0, 20), "how often to try again", "of the queue"),
                Key("gap", LATER, "time between the tries", "of the queue"),
                Key("on_withheld", BODY, "no number is known", "as on_failed"),
                Key("on_failed", BODY, "the number is refused", "the next step"),
            ),
        ),
        _build_callback,
    ),
)

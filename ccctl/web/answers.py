"""JSON in and out: answers, errors with a stable id, checked bodies and query values."""

import time
from typing import Any, TypeVar

import msgspec
import orjson
from aiohttp import web

from ccctl.commands import Reply
from ccctl.diagnostics import did_you_mean

T = TypeVar("T")

_NAMES = ("agent", "call", "queue", "user", "phone", "callback")
NOT_FOUND = frozenset(f"unknown-{name}" for name in _NAMES)
UNAVAILABLE = frozenset({"asterisk-down", "no-answer", "stopping"})


class Problem(Exception):
    """A request that gets no 2xx: becomes {"error", "text", "hint"} with this status."""

    def __init__(self, status: int, error: str, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.status, self.error, self.text, self.hint = status, error, text, hint


def now() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def answer(value: object, status: int = 200) -> web.Response:
    body = orjson.dumps(value)
    return web.Response(
        body=body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def problem(error: Problem) -> web.Response:
    return answer({"error": error.error, "text": error.text, "hint": error.hint}, error.status)


def replied(reply: Reply) -> web.Response:
    """The engine's answer to a person as HTTP: 200, or the status that fits the error id."""
    if not reply.error:
        return answer({"request": reply.request, "text": reply.text})
    raise Problem(_status(reply.error), reply.error, reply.text)


def _status(error: str) -> int:
    if error in NOT_FOUND:
        return 404
    if error in UNAVAILABLE:
        return 503
    return 403 if error == "forbidden" else 409


async def body(request: web.Request, kind: type[T]) -> T:
    """The request's JSON as `kind`; unknown keys and wrong types are refused by name."""
    data = await request.read()
    if data and request.content_type != "application/json":
        raise Problem(400, "bad-body", "the body must be JSON", "send Content-Type: application/json")
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise Problem(400, "bad-body", _plain(str(error)), "see /api/v1/openapi.yaml") from None
    except msgspec.DecodeError:
        raise Problem(400, "bad-body", "the body is not valid JSON") from None


def _plain(text: str) -> str:
    """msgspec's own words, with `$.field` spelled as the field."""
    return text.replace("`$.", "`").replace("`", "'")


def known(request: web.Request, *names: str) -> None:
    """Refuse query parameters that mean nothing here: a typing mistake must not widen a search."""
    for name in request.query:
        if name not in names:
            raise Problem(
                400, "bad-query", f"unknown query parameter '{name}'", f"known: {', '.join(names) or 'none'}"
            )


def whole(request: web.Request, name: str, default: int, top: int) -> int:
    text = request.query.get(name, str(default))
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= top:
        return int(text[:9])
    raise Problem(400, "bad-query", f"'{name}' must be a whole number from 1 to {top}, not '{text}'")


def object_or_404(snapshot: Any, noun: str, name: str) -> Any:
    found = snapshot.get(f"{noun}/{name}")
    if found is None:
        near = did_you_mean(name, (str(one["name"]) for one in objects(snapshot, noun) if "name" in one))
        hint = f"did you mean '{near}'?" if near else ""
        raise Problem(404, f"unknown-{noun}", f"there is no {noun} '{name}'", hint)
    return found


def objects(snapshot: Any, noun: str) -> list[Any]:
    return [value for key, value in snapshot.items() if key.startswith(f"{noun}/")]

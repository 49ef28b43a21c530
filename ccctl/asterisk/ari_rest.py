"""Requests to ARI: one HTTP session, and the table of the operations that we use.

The names are Asterisk's own (Swagger nickname after the resource, in snake case). A test compares
the table with the api-docs of the running Asterisk. What happens to a lost connection: GET and
DELETE are asked once more, nothing else ever is; a POST carries ids of ours, so whoever repeats one
is told by 409 that it was done.
"""

import base64
import os
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
import orjson

from ccctl.asterisk.ari_wire import QUICK, Answer, Asked, Lost, Wire
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskDown, AsteriskRefused

TIMEOUT_S = 5.0
CONNECTIONS = 16  # Asterisk has 100 for everybody, and serves each in a thread of its own
KEEP_ALIVE_S = 10.0  # below Asterisk's 15, so that it never closes one that we are about to use


class Operation(msgspec.Struct, frozen=True):
    method: str
    path: str  # as in the api-docs, below /ari
    query: tuple[str, ...] = ()
    body: str = ""  # the name of the body's parameter


def _get(path: str, *query: str) -> Operation:
    return Operation("GET", path, query)


def _post(path: str, *query: str, body: str = "") -> Operation:
    return Operation("POST", path, query, body)


def _delete(path: str, *query: str) -> Operation:
    return Operation("DELETE", path, query)


_CHANNEL = "/channels/{channelId}"
_BRIDGE = "/bridges/{bridgeId}"
_APPLICATION = "/applications/{applicationName}"
_MAKE = ("endpoint", "app", "appArgs", "originator", "formats")

OPERATIONS = {
    "channels_list": _get("/channels"),
    "channels_get": _get(_CHANNEL),
    "channels_originate_with_id": _post(_CHANNEL, *_MAKE, "callerId", "timeout", body="variables"),
    "channels_create": _post("/channels/create", "channelId", *_MAKE, body="variables"),
    "channels_dial": _post(f"{_CHANNEL}/dial", "caller", "timeout"),
    "channels_hangup": _delete(_CHANNEL, "reason_code"),
    "channels_answer": _post(f"{_CHANNEL}/answer"),
    "channels_ring": _post(f"{_CHANNEL}/ring"),
    "channels_ring_stop": _delete(f"{_CHANNEL}/ring"),
    "channels_play_with_id": _post(_CHANNEL + "/play/{playbackId}", "media", "lang", "offsetms", "skipms"),
    "channels_record": _post(
        f"{_CHANNEL}/record",
        "name",
        "format",
        "maxDurationSeconds",
        "maxSilenceSeconds",
        "ifExists",
        "beep",
        "terminateOn",
    ),
    "channels_start_moh": _post(f"{_CHANNEL}/moh", "mohClass"),
    "channels_stop_moh": _delete(f"{_CHANNEL}/moh"),
    "channels_set_channel_var": _post(f"{_CHANNEL}/variable", "variable", "value"),
    "channels_get_channel_var": _get(f"{_CHANNEL}/variable", "variable"),
    "channels_continue_in_dialplan": _post(
        f"{_CHANNEL}/continue", "context", "extension", "priority", "label"
    ),
    "channels_snoop_channel_with_id": _post(
        _CHANNEL + "/snoop/{snoopId}", "spy", "whisper", "app", "appArgs"
    ),
    "channels_send_dtmf": _post(f"{_CHANNEL}/dtmf", "dtmf", "before", "between", "duration", "after"),
    "channels_move": _post(f"{_CHANNEL}/move", "app", "appArgs"),
    "channels_transfer_progress": _post(f"{_CHANNEL}/transfer_progress", "states"),
    "bridges_list": _get("/bridges"),
    "bridges_get": _get(_BRIDGE),
    "bridges_create_with_id": _post(_BRIDGE, "type", "name"),
    "bridges_destroy": _delete(_BRIDGE),
    "bridges_add_channel": _post(f"{_BRIDGE}/addChannel", "channel", "role", "absorbDTMF", "mute"),
    "bridges_remove_channel": _post(f"{_BRIDGE}/removeChannel", "channel"),
    "bridges_start_moh": _post(f"{_BRIDGE}/moh", "mohClass"),
    "bridges_stop_moh": _delete(f"{_BRIDGE}/moh"),
    "playbacks_get": _get("/playbacks/{playbackId}"),
    "playbacks_stop": _delete("/playbacks/{playbackId}"),
    "applications_list": _get("/applications"),
    "applications_get": _get(_APPLICATION),
    "applications_subscribe": _post(f"{_APPLICATION}/subscription", "eventSource"),
    "applications_filter": Operation("PUT", f"{_APPLICATION}/eventFilter", (), "filter"),
    "asterisk_get_info": _get("/asterisk/info", "only"),
    "asterisk_ping": _get("/asterisk/ping"),
    "asterisk_list_modules": _get("/asterisk/modules"),
    "asterisk_reload_module": Operation("PUT", "/asterisk/modules/{moduleName}"),
    "asterisk_get_global_var": _get("/asterisk/variable", "variable"),
    "asterisk_set_global_var": _post("/asterisk/variable", "variable", "value"),
}


def basic_auth(user: str, secret: str) -> str:
    """For the Authorization header; an api_key in the URL would end up in logs."""
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


class Rest:
    """The session. `open()` connects to nothing yet."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._base = f"http://{node.host}:{node.ari_port}/ari"
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                headers={"Authorization": basic_auth(self._node.ari_user, self._node.ari_secret)},
            )

    async def shut(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def wire(self) -> Wire | None:
        """The way for what is done at once; None: by HTTP like the rest."""
        return None

    async def call(self, name: str, /, **given: object) -> Any:
        """One operation of the table by Asterisk's own parameter names; None means not given."""
        operation = OPERATIONS[name]
        values = {key: value for key, value in given.items() if value is not None}
        path = operation.path
        query: dict[str, str] = {}
        body: bytes | None = None
        for key, value in values.items():
            if f"{{{key}}}" in path:
                path = path.replace(f"{{{key}}}", quote(str(value), safe=""))
            elif key in operation.query:
                query[key] = _text(value)
            elif key == operation.body:
                body = orjson.dumps({"variables": value} if key == "variables" else value)
            else:
                raise TypeError(f"{name} has no parameter {key}")
        return await self._request(Asked(operation.method, path, query, body), name in QUICK)

    async def _request(self, asked: Asked, quick: bool) -> Any:
        tries = 2 if asked.method in ("GET", "DELETE") else 1
        while True:
            tries -= 1
            wire = self.wire() if quick else None
            try:
                if wire is not None:
                    return self._judge(asked, await wire.ask(asked, TIMEOUT_S))
                return self._judge(asked, await self._by_http(asked))
            except TimeoutError:
                what = f"{asked.method} {asked.path}"
                raise AsteriskDown(f"ARI did not answer {what} within {TIMEOUT_S:g} s") from None
            except aiohttp.ClientConnectorError as error:
                reason = os.strerror(error.errno) if error.errno else "no connection"
                raise AsteriskDown(f"ARI at {self._node.host}:{self._node.ari_port}: {reason}") from None
            except (aiohttp.ClientError, Lost) as error:
                if not tries:
                    why = str(error) or type(error).__name__
                    raise AsteriskDown(f"ARI: {asked.method} {asked.path}: {why}") from None

    async def _by_http(self, asked: Asked) -> Answer:
        if self._session is None:
            raise AsteriskDown("the ARI session is closed")
        headers = {"Content-Type": "application/json"} if asked.body else None
        async with self._session.request(
            asked.method, self._base + asked.path, params=asked.query, data=asked.body, headers=headers
        ) as answer:
            return Answer(answer.status, answer.reason or "", await answer.read())

    def _judge(self, asked: Asked, answer: Answer) -> Any:
        if answer.status == 401:
            place = f"{self._node.host}:{self._node.ari_port}"
            raise AsteriskRefused(
                f"login refused for ARI user {self._node.ari_user} at {place}",
                "node.ari_user and node.ari_secret must be those of Asterisk's ari.conf",
                status=401,
            )
        if answer.status >= 400:
            raise AsteriskRefused(
                f"ARI: {asked.method} {asked.path}: {_reason(answer.body, answer.reason)}",
                status=answer.status,
            )
        return orjson.loads(answer.body) if answer.body else None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _reason(data: bytes, default: str) -> str:
    try:
        body = orjson.loads(data)
        return str(body.get("message") or body["error"])
    except (ValueError, AttributeError, KeyError):
        return default or "refused without a reason"

"""A client that lets no answer pass which the API's description does not allow."""

import re
from typing import Any

import yaml
from aiohttp import ClientResponse, ClientWebSocketResponse
from aiohttp.test_utils import TestClient
from jsonschema import Draft202012Validator

from ccctl.web.status import OPENAPI

DESCRIPTION: dict[str, Any] = yaml.safe_load(OPENAPI.read_text())


def validate(value: object, schema: dict[str, Any]) -> None:
    Draft202012Validator({**schema, "components": DESCRIPTION["components"]}).validate(value)


def schema_of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def find_path(path: str) -> str:
    """The template of the description that a path fits; names are one part, call ids may be several."""
    templates = sorted(DESCRIPTION["paths"], key=lambda one: (one.count("{"), -len(one)))
    for template in templates:
        pattern = template.replace("{id}", ".+").replace("{name}", "[^/]+")
        if re.fullmatch(pattern, path):
            return str(template)
    raise AssertionError(f"{path} is not described")


def _resolved(response: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in response:
        name = response["$ref"].rpartition("/")[2]
        response = DESCRIPTION["components"]["responses"][name]
    return response


def check_answer(method: str, path: str, status: int, value: object) -> None:
    operation = DESCRIPTION["paths"][find_path(path)][method.lower()]
    assert str(status) in operation["responses"], f"{method} {path}: {status} is not described"
    content = _resolved(operation["responses"][str(status)])["content"]
    validate(value, content["application/json"]["schema"])


class Described:
    def __init__(self, client: "TestClient[Any, Any]") -> None:
        self.client = client

    async def send(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self.client.request(method, path, **more) as response:
            value = await response.json()
            check_answer(method, path.partition("?")[0], response.status, value)
            return response.status, value

    async def get(self, path: str, **more: Any) -> tuple[int, Any]:
        return await self.send("GET", path, **more)

    async def post(self, path: str, body: object = None, **more: Any) -> tuple[int, Any]:
        return await self.send("POST", path, json={} if body is None else body, **more)

    async def raw(self, method: str, path: str, **more: Any) -> ClientResponse:
        return await self.client.request(method, path, **more)

    async def live(self, **more: Any) -> ClientWebSocketResponse:
        return await self.client.ws_connect("/api/v1/live", **more)

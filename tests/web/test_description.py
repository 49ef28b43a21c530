"""The description and the routes are the same set, and the description is valid OpenAPI."""

import re

import openapi_spec_validator
import sqlalchemy
from aiohttp import web

from ccctl.runtime.settings import Settings
from ccctl.web.app import create_app
from tests.support import fake_engine as fake
from tests.support.described import DESCRIPTION, Described

METHODS = {"get", "post", "put", "patch", "delete"}


def routes(app: web.Application) -> set[tuple[str, str]]:
    found = set()
    for route in app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if path.startswith("/api/") and route.method != "HEAD":
            found.add((route.method, re.sub(r"\{(\w+):[^}]+\}", r"{\1}", path)))
    return found


def test_description_is_valid_openapi() -> None:
    openapi_spec_validator.validate(DESCRIPTION)


def test_routes_and_description_are_the_same(
    engine: fake.FakeEngine, store: sqlalchemy.Engine, settings: Settings
) -> None:
    described = {
        (method.upper(), path)
        for path, item in DESCRIPTION["paths"].items()
        for method in item
        if method in METHODS
    }
    assert routes(create_app(engine, store, settings)) == described


def test_operation_ids_are_unique() -> None:
    ids = [item[m]["operationId"] for item in DESCRIPTION["paths"].values() for m in item if m in METHODS]
    assert len(ids) == len(set(ids))


async def test_description_is_served(remote: Described) -> None:
    response = await remote.raw("GET", "/api/v1/openapi.yaml")
    assert response.status == 200
    assert response.content_type == "application/yaml"
    assert (await response.text()).startswith("openapi: 3.1")

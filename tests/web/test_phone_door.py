"""The door where phones fetch their files: only their own, only with their secret; guessing leads nowhere."""

import logging
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from ccctl.errors import SettingsError
from ccctl.runtime.provision import INDEX, Known, digest, fetches_in
from ccctl.runtime.settings import Settings
from ccctl.web.phones import BURST, LOCKED_S, TRIES, Door, Limits
from tests.support.ports import free_port
from tests.support.secure_phone import make_ca

MAC, OTHER, SECRET = "001565123456", "000413123456", "fetch-5c1d"
FILE = f"/provision/{MAC}.cfg"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "phones"
    folder.mkdir()
    known = [
        Known("desk-1", MAC, (f"{MAC}.cfg",), digest(MAC, SECRET)),
        Known("desk-2", OTHER, (f"{OTHER}.xml",)),
    ]
    (folder / INDEX).write_bytes(msgspec.json.encode(known))
    (folder / f"{MAC}.cfg").write_text("account.1.password = pw-anna\n")
    (folder / f"{OTHER}.xml").write_text("<settings/>")
    return Settings(home=str(tmp_path))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def phone(settings: Settings, clock: Clock) -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(Door(settings, clock).app())) as client:
        yield client


def login(mac: str = MAC, secret: str = SECRET) -> str:
    return "Basic " + b64encode(f"{mac}:{secret}".encode()).decode()


async def answer(phone: TestClient, path: str = FILE, auth: str = "") -> tuple[int, str, str]:
    async with phone.get(path, headers={"Authorization": auth}) as response:
        return response.status, await response.text(), response.headers.get("WWW-Authenticate", "")


async def test_a_phone_fetches_its_own_file_and_it_is_noted(
    phone: TestClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ccctl.web.phones")
    status, _, challenge = await answer(phone)
    assert (status, challenge.startswith("Basic ")) == (401, True)
    assert await answer(phone, auth=login()) == (200, "account.1.password = pw-anna\n", "")
    assert (await answer(phone, FILE.upper().replace("PROVISION", "provision"), login(MAC.upper())))[0] == 200
    noted = fetches_in(Path(settings.phones))["desk-1"]
    assert (noted.address, noted.file) == ("127.0.0.1", f"{MAC}.cfg")
    assert "fetched 001565123456.cfg of the phone desk-1" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "auth",
    [
        login(secret="wrong"),
        login("aabbccddeeff"),
        login(OTHER, ""),
        login(OTHER),
        login("", ""),
        login("x" * 99),
        "Basic rubbish",
        "Bearer token",
    ],
    ids=[
        "wrong secret",
        "unknown MAC",
        "no secret at all",
        "another's secret",
        "nobody",
        "rubbish",
        "no base64",
        "another kind",
    ],
)
async def test_all_who_may_not_get_the_same_answer(phone: TestClient, auth: str) -> None:
    assert await answer(phone, auth=auth) == await answer(phone)
    assert (await answer(phone, "/provision/aabbccddeeff.cfg", auth)) == await answer(phone)


@pytest.mark.parametrize(
    "path",
    [
        f"/provision/{OTHER}.xml",
        f"/provision/{INDEX}",
        "/provision/..%2fsettings.yaml",
        f"/provision/{MAC}-phone.cfg",
        "/provision/",
        "/",
    ],
)
async def test_nothing_else_is_given_out(phone: TestClient, path: str) -> None:
    assert (await answer(phone, path, login()))[0] == 404


async def test_nothing_is_taken_in(phone: TestClient) -> None:
    async with phone.put(FILE, data=b"x", headers={"Authorization": login()}) as response:
        assert response.status == 405


async def test_who_guesses_is_locked_out_for_a_while(phone: TestClient, clock: Clock) -> None:
    for _ in range(TRIES):
        await answer(phone, auth=login(secret="wrong"))
    assert (await answer(phone, auth=login()))[0] == 401
    clock.now += LOCKED_S + 1
    assert (await answer(phone, auth=login()))[0] == 200


async def test_a_right_secret_forgives_what_was_wrong_before(phone: TestClient) -> None:
    for _ in range(3):
        for _ in range(TRIES - 1):
            await answer(phone, auth=login(secret="wrong"))
        assert (await answer(phone, auth=login()))[0] == 200


async def test_who_asks_too_often_waits(phone: TestClient, clock: Clock) -> None:
    statuses = [(await answer(phone))[0] for _ in range(int(BURST) + 5)]
    assert statuses.count(429) == 5
    clock.now += 10
    assert (await answer(phone))[0] == 401


def test_what_is_remembered_has_an_end() -> None:
    limits = Limits(Clock())
    for number in range(10_000):
        limits.asks(str(number))
        limits.failed(str(number), MAC)
    assert len(limits._asked) + len(limits._failed) < 10_000


async def test_passwords_are_not_given_out_in_the_clear(settings: Settings) -> None:
    open_door = Door(msgspec.structs.replace(settings, phones_host="0.0.0.0", phones_port=free_port()))
    with pytest.raises(SettingsError) as error:
        await open_door.start()
    assert "phones_certificate" in error.value.hint


async def test_https(settings: Settings, tmp_path: Path) -> None:
    root, crt, key = make_ca(tmp_path)
    port = free_port()
    secure = {"phones_certificate": str(crt), "phones_key": str(key)}
    door = Door(msgspec.structs.replace(settings, phones_port=port, **secure))
    await door.start()
    context = ssl.create_default_context(cafile=str(root))
    try:
        async with aiohttp.ClientSession() as session:
            url = f"https://127.0.0.1:{port}{FILE}"
            async with session.get(url, headers={"Authorization": login()}, ssl=context) as response:
                assert (response.status, response.headers["Cache-Control"]) == (200, "no-store")
    finally:
        await door.stop()


async def test_a_certificate_that_is_none_is_told(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "crt").write_text("no certificate")
    bad = {"phones_port": free_port(), "phones_certificate": str(tmp_path / "crt")}
    with pytest.raises(SettingsError):
        await Door(msgspec.structs.replace(settings, **bad)).start()


async def test_without_a_port_there_is_no_door(settings: Settings) -> None:
    door = Door(settings)
    await door.start()
    await door.stop()

"""Asterisk dies under the daemon, or was never there: it says so, catches up, and loses nothing."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from ccctl.lab.phones import Phones
from tests.support.desk import EARS, Desk
from tests.support.running import ANNA, MUSIC, SECOND, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]


@pytest.fixture
def centre() -> Iterator[Centre]:
    centre = Centre()
    try:
        yield centre.up()
    finally:
        centre.down()


def is_up(centre: Centre) -> bool:
    return bool(centre.live("system")["asterisk"] == "up")


async def test_asterisk_is_killed_while_people_wait_and_talk(centre: Centre) -> None:
    async with Phones(server=centre.server) as phones:
        desk = Desk(centre, phones)
        await desk.anna.register()
        await desk.login("anna")
        talk, _ = await desk.talk(desk.anna)
        waiting = desk.call(tone=SECOND)
        await waiting.until_heard({MUSIC}, among=EARS)
        os.kill(centre.lab.pid(), signal.SIGKILL)
        await until(lambda: not is_up(centre), 10, "the daemon sees it")
        said = await asyncio.to_thread(centre.ccctl, "status", check=False)
        assert said.returncode == 1
        assert "DOWN" in said.stdout
        await asyncio.to_thread(centre.lab.up)
        await until(lambda: is_up(centre), 15, "the daemon is back")
        for call in (talk, waiting):
            row = await desk.ended(call)
            visits = centre.rows("select * from visits where call = :c", c=row["id"])
            assert [visit["ended"] is not None for visit in visits] == [True]
        for table in ("calls", "visits", "segments", "offers", "recordings"):
            assert not centre.rows(f"select * from {table} where ended is null"), table
        await desk.anna.register()  # until then she is unreachable: this Asterisk has not seen her phone
        await desk.presence("anna", "ready")
        caller = desk.call()
        (await desk.anna.incoming()).answer()
        await caller.until_heard({ANNA}, 8, among=EARS)
        caller.hangup()
        await desk.ended(caller)
    assert "Traceback" not in centre.log.read_text()


async def test_the_daemon_starts_before_asterisk_and_waits(centre: Centre) -> None:
    centre.stop()
    centre.lab.down()

    async def told() -> bool:
        said = await asyncio.to_thread(centre.ccctl, "status", check=False)
        return said.returncode == 1 and "Connection refused" in said.stdout

    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(centre.start))  # returns when Asterisk is there
        await until(told, 10, "status says that Asterisk does not answer")
        await asyncio.to_thread(centre.lab.up)
    assert is_up(centre)

"""The daemon on PostgreSQL: the same calls, the same ledger, and an outage in the middle of a talk."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.desk import Desk, at_desk, ears, running
from tests.support.postgres import Cluster
from tests.support.running import ANNA, CALLER, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio, pytest.mark.postgres]


@pytest.fixture
def centre(postgres_url: str) -> Iterator[Centre]:
    with running(postgres_url) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna") as desk:
        yield desk


async def test_the_database_goes_away_while_they_talk_and_nothing_is_missing(
    centre: Centre, desk: Desk, postgres: Cluster
) -> None:
    await desk.login("anna")
    caller, agent = await desk.talk(desk.anna)
    await asyncio.to_thread(postgres.stop)
    try:
        await ears({"caller": caller, "agent": agent}, {"caller": {ANNA}, "agent": {CALLER}})
        agent.hangup()
        await caller.until_ended()
        await desk.presence("anna", "ready")
        second, agent = await desk.talk(desk.anna)  # a whole call that the database does not see
        second.hangup()
        await agent.until_ended()
    finally:
        await asyncio.to_thread(postgres.start)
    for call in (caller, second):
        row = await until(lambda call=call: desk.ended(call), 20)
        visits = centre.rows("select * from visits where call = :call", call=row["id"])
        assert [(v["outcome"], v["agent"]) for v in visits] == [("answered", "anna")]
    states = centre.rows("select * from agent_states where ended is null")
    assert [row["presence"] for row in states] in (["ready"], ["wrapup"])
    report = await asyncio.to_thread(centre.ccctl, "report", "queues", "--format", "csv")
    assert "support" in report.stdout

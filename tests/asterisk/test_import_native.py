"""A queue_log that the real app_queue wrote, imported: the same visits as the ledger has of those calls."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.desk import EARS, Desk, at_desk, running
from tests.support.running import ANNA, SITE, Centre
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

DESK = "+49301005"
NATIVE = SITE.replace('  "+49301004": impatient\n', f'  "+49301004": impatient\n  "{DESK}": desk\n')
NATIVE = NATIVE.replace(
    "mailboxes:", "  desk: {engine: native, ring: 4s, music: tone, agents: [anna]}\nmailboxes:"
)
NATIVE = NATIVE.replace(
    "  night:\n    - hours",
    "  desk:\n    - {queue: desk, max_wait: 3s, on_timeout: hangup}\n    - hangup\n  night:\n    - hours",
)


@pytest.fixture
def centre() -> Iterator[Centre]:
    with running(site=NATIVE) as centre:
        conf = centre.lab.lab.etc / "logger.conf"
        conf.write_text(conf.read_text().replace("queue_log = no", "queue_log = yes"))
        centre.lab.ask("logger reload")
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna") as desk:
        yield desk


def visits(centre: Centre, engine: str) -> dict[str, dict[str, Any]]:
    rows = centre.rows("select * from visits where engine = :engine and ended is not null", engine=engine)
    return {row["call"].partition("/")[2]: row for row in rows}


async def test_what_app_queue_logged_is_what_the_ledger_has(centre: Centre, desk: Desk) -> None:
    await desk.login("anna")
    for by_agent in (True, False):
        caller = desk.call(DESK)
        ringing = await desk.anna.incoming(15)
        ringing.answer()
        await caller.until_heard({ANNA}, 8, among=EARS)
        (ringing if by_agent else caller).hangup()
        await desk.ended(caller)
    impatient = desk.call(DESK)
    await desk.anna.incoming(15)
    impatient.hangup()
    await desk.ended(impatient)
    late = desk.call(DESK)
    await late.until_ended(20)
    await desk.ended(late)
    await until(lambda: len(visits(centre, "native")) == 4, 10, "the ledger has all four")

    log = next(centre.lab.lab.folder.rglob("queue_log"))
    done = centre.ccctl("import", "queue-log", str(log))
    assert "rejects: 0" in done.stdout, done.stdout + log.read_text()
    assert "calls of other nodes" in done.stdout
    native, read = visits(centre, "native"), visits(centre, "imported")
    assert native.keys() == read.keys()
    for call, row in native.items():
        same = ("queue", "outcome", "agent")
        assert [read[call][key] for key in same] == [row[key] for key in same], log.read_text()
        for moment in ("entered", "ended", "answered", "talk_ended"):
            assert (read[call][moment] is None) == (row[moment] is None)
            assert abs((read[call][moment] or 0) - (row[moment] or 0)) < 2000, (moment, log.read_text())
    ended = sorted(row["ended_by"] for row in read.values() if row["outcome"] == "answered")
    assert ended == ["agent", "caller"]
    offers = centre.rows("select outcome from offers where call like 'imported/%'")
    assert {row["outcome"] for row in offers} >= {"answered", "caller_left"}

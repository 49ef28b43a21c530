"""Who declines is not recorded: two calls over SIP, the daemon, the ledger, and the answers they leave."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.desk import Desk, at_desk, running
from tests.support.running import ANNA, CALLER, SITE, Centre

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

ASKED = (
    SITE.replace("record: always", "record: consent")
    .replace(
        "  support:\n    - recording: on\n    - queue: support\n",
        '  support:\n    - consent: {prompt: welcome, decline: "9", timeout: 1s}\n    - queue: support\n'
        "    - survey: csat\n",
        1,
    )
    .replace(
        "feature_codes:",
        "surveys:\n  csat: {questions: [{ask: tone, digits: 1-5, save: csat}]}\nfeature_codes:",
    )
)


@pytest.fixture(scope="module")
def centre() -> Iterator[Centre]:
    with running(site=ASKED) as centre:
        yield centre


@pytest.fixture
async def desk(centre: Centre) -> AsyncIterator[Desk]:
    async with at_desk(centre, "anna") as desk:
        yield desk


async def test_recordings_of_those_who_agreed(desk: Desk) -> None:
    assert "consent: {prompt" in ASKED
    await desk.login("anna")
    for declines in (False, True):
        caller = desk.call()
        if declines:
            await caller.until_answered()
            await caller.until_sound()
            caller.press("9")
        ringing = await desk.anna.incoming(12)
        ringing.answer()
        await caller.until_heard({ANNA}, 8, among=(CALLER, ANNA))
        ringing.hangup()
        if not declines:
            await caller.until_sound()
            caller.press("4")
        await caller.until_ended(20)
        row = await desk.ended(caller)
        kept = desk.centre.rows("select * from recordings where call = :call", call=row["id"])
        assert len(kept) == (0 if declines else 1)
        said = desk.centre.rows("select * from answers where call = :call order by at", call=row["id"])
        wanted = [("consent", "", "no")] if declines else [("consent", "", "yes"), ("survey", "csat", "4")]
        assert [(each["kind"], each["name"], each["value"]) for each in said] == wanted
        await desk.presence("anna", "ready")
    folder = Path(desk.centre.lab.node.recordings_dir)
    assert len(list(folder.rglob("*.wav"))) == 1
    shown = desk.centre.ccctl("call", "show", row["id"]).stdout
    assert "consent" in shown

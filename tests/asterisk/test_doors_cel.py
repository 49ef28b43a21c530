"""The records that a real Asterisk writes, as we read them."""

from pathlib import Path

import pytest

from ccctl import events as e
from ccctl.asterisk.cel import from_line, to_event
from tests.support.labhome import LabHome
from tests.support.until import wait_until

pytestmark = pytest.mark.asterisk


def test_the_records_of_a_call(lab: LabHome) -> None:
    file = Path(lab.node.cel_file)
    before = file.stat().st_size if file.exists() else 0
    steps = ["Set(CALLERID(num)=+491701)", "Set(CALLERID(name)=Zoë)", "CELGenUserEvent,CC_CALL,inbound"]
    for number, step in enumerate([*steps, "Answer,i", "Hangup,16"], 1):
        lab.ask(f"dialplan add extension 4930,{number},{step} into cctest")
    lab.ask("channel originate Local/4930@cctest application Wait 5")

    def told() -> list[e.Event]:
        text = file.read_bytes()[before:].decode() if file.exists() else ""
        records = [from_line(line) for line in text.splitlines()]
        assert all(records), text
        return [event for record in records if record and (event := to_event("n", record))]

    events = wait_until(lambda: told() if any(isinstance(x, e.ChannelEnded) for x in told()) else None)
    marks = [event for event in events if isinstance(event, e.CallMarked)]
    assert [(m.mark, m.value, m.number, m.caller, m.caller_name) for m in marks] == [
        ("CC_CALL", "inbound", "4930", "+491701", "Zoë")
    ]
    assert any(isinstance(event, e.ChannelAnswered) for event in events)
    assert next(event.cause_code for event in events if isinstance(event, e.ChannelEnded)) == 16

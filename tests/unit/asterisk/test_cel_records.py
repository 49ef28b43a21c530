"""Lines of the channel event log, as Asterisk 22 wrote them."""

import pytest

from ccctl import events as e
from ccctl.asterisk.cel import from_line, to_event

USER = (
    '"1795316961.594789","CC_CALL","1795316961.1","1795316961.0","Local/a@t-00000000;2","+491701112233",'
    '"Zoë ""Q"" Müller, Ltd","+49301234500","cc-in","","{""extra"":""inbound""}","pbx1"\n'
)
ENTER = (
    '"1795316961.796037","BRIDGE_ENTER","1795316961.6","1795316961.2","Local/c@t-00000003;1","b","Max","","t",'
    '"","{""bridge_id"":""b4ddcf6d"",""bridge_technology"":""simple_bridge""}","pbx1"\n'
)
HANGUP = (
    '"1795316962.095683","HANGUP","1795316961.1","1795316961.0","Local/a@t-00000000;2","","","a","t","",'
    '"{""hangupcause"":16,""hangupsource"":""dialplan/builtin"",""dialstatus"":""""}","pbx1"\n'
)


def event_of(line: str) -> e.Event | None:
    record = from_line(line)
    assert record is not None
    return to_event("pbx1", record)


def test_a_mark() -> None:
    assert event_of(USER) == e.CallMarked(
        at=1795316961594,
        cause="cel",
        call="pbx1/1795316961.1",
        mark="CC_CALL",
        value="inbound",
        caller="+491701112233",
        caller_name='Zoë "Q" Müller, Ltd',
        number="+49301234500",
        name="Local/a@t-00000000;2",
    )


def test_only_the_first_mark_knows_the_number() -> None:
    marked = event_of(USER.replace("CC_CALL", "CC_FLOW"))
    assert isinstance(marked, e.CallMarked)
    assert marked.number == ""


def test_a_bridge() -> None:
    channel = "pbx1/1795316961.6"
    assert event_of(ENTER) == e.ChannelBridged(
        at=1795316961796, cause="cel", channel=channel, name="Local/c@t-00000003;1", bridge="b4ddcf6d"
    )
    left = event_of(ENTER.replace("ENTER", "EXIT"))
    assert isinstance(left, e.ChannelUnbridged)


def test_a_hangup() -> None:
    assert event_of(HANGUP) == e.ChannelEnded(
        at=1795316962095,
        cause="cel",
        channel="pbx1/1795316961.1",
        cause_code=16,
        source="dialplan/builtin",
        name="Local/a@t-00000000;2",
    )


@pytest.mark.parametrize("name", ["CHAN_END", "LINKEDID_END", "APP_START"])
def test_what_the_core_need_not_know(name: str) -> None:
    assert event_of(HANGUP.replace("HANGUP", name)) is None


@pytest.mark.parametrize(
    "line", ["", "\n", "rubbish", USER[:40], '"1.2","ANSWER"', USER.replace("1795316961.594789", "Sunday")]
)
def test_what_is_no_record(line: str) -> None:
    assert from_line(line) is None


@pytest.mark.parametrize(("text", "us"), [("1.5", 1_500_000), ("1", 1_000_000), ("1.0000019", 1_000_001)])
def test_times(text: str, us: int) -> None:
    record = from_line(USER.replace("1795316961.594789", text))
    assert record is not None
    assert record.at_us == us


@pytest.mark.parametrize("extra", ["", "not json", "[1]"])
def test_an_extra_that_is_not_ours(extra: str) -> None:
    ended = event_of(HANGUP.split('"{', maxsplit=1)[0] + f'"{extra}","pbx1"\n')
    assert isinstance(ended, e.ChannelEnded)
    assert ended.cause_code == 0

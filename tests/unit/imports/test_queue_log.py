"""queue_log to rows: every event, the fields of each version, random days against a model of them."""

from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccctl.changes import AgentStateRow, CallRow, Change, OfferRow, SegmentRow, VisitRow
from ccctl.flow.roster import AgentConfig, Roster
from ccctl.imports.queue_log import History, Wrong
from ccctl.imports.reading import Names, agent_names

T = 1_700_000_000
ENTER = f"{T}|c1|sales|NONE|ENTERQUEUE||+4930123|3|Müller"
CONNECT = f"{T + 9}|c1|sales|anna|CONNECT|9|c1a|4"


def history(agents: Names | None = None, zone: str = "UTC") -> History:
    return History("old", Names({}, {}), agents or Names({}, {}), ZoneInfo(zone))


def read(*lines: str, whole: History | None = None) -> list[Change]:
    made = whole or history()
    for line in lines:
        made.line(line)
    made.finish()
    return made.rows


def visits(rows: list[Change]) -> list[VisitRow]:
    return [row for row in rows if isinstance(row, VisitRow)]


def stretches(rows: list[Change]) -> list[tuple[str, int, int | None, str]]:
    found = [row for row in rows if isinstance(row, AgentStateRow)]
    return [
        (row.presence, row.started // 1000 - T, row.ended and row.ended // 1000 - T, row.reason)
        for row in found
    ]


def test_an_answered_call_is_a_call_with_segments_visit_and_offer() -> None:
    rows = read(
        ENTER, f"{T + 1}|c1|sales|NONE|DID|0800123", CONNECT, f"{T + 69}|c1|sales|anna|COMPLETECALLER|9|60|3"
    )
    call = next(row for row in rows if isinstance(row, CallRow))
    assert (call.id, call.node, call.caller, call.caller_name) == ("old/c1", "old", "+4930123", "Müller")
    assert (call.started, call.answered, call.ended) == (T * 1000, (T + 9) * 1000, (T + 69) * 1000)
    assert (call.number, call.ended_in, call.ended_by) == ("0800123", "talk", "caller")
    [visit] = visits(rows)
    assert (visit.outcome, visit.agent, visit.ended_by, visit.engine) == (
        "answered",
        "anna",
        "caller",
        "imported",
    )
    assert (visit.ended, visit.answered, visit.talk_ended) == (
        (T + 9) * 1000,
        (T + 9) * 1000,
        (T + 69) * 1000,
    )
    assert (visit.position, visit.offers) == (3, 1)
    [offer] = [row for row in rows if isinstance(row, OfferRow)]
    assert (offer.offered, offer.answered, offer.outcome) == ((T + 5) * 1000, (T + 9) * 1000, "answered")
    parts = [row for row in rows if isinstance(row, SegmentRow)]
    assert [(part.n, part.kind, part.agent) for part in parts] == [(1, "waiting", ""), (2, "talk", "anna")]
    assert stretches(rows) == [("ringing", 5, 9, ""), ("talking", 9, 69, "")]


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        ("NONE|ABANDON|1|3|20", "abandoned"),
        ("NONE|EXITWITHTIMEOUT|1|3|20", "timed_out"),
        ("NONE|EXITWITHTIMEOUT|1", "timed_out"),
        ("NONE|EXITWITHKEY|5|1|3|20", "key_exit"),
        ("NONE|EXITEMPTY|1|3|20", "no_agents"),
        ("NONE|WITHDRAW|1|3|20|moved", "withdrawn"),
        ("anna|SYSCOMPAT|", "failed"),
        ("anna|ABANDON|1|3|20", "abandoned"),
    ],
)
def test_how_waiting_ends(event: str, outcome: str) -> None:
    [visit] = visits(read(ENTER, f"{T + 20}|c1|sales|{event}"))
    assert (visit.outcome, visit.ended, visit.answered) == (outcome, (T + 20) * 1000, None)
    assert visit.offers == event.startswith("anna")


@pytest.mark.parametrize(
    ("event", "by"),
    [
        ("COMPLETECALLER|9|60|3", "caller"),
        ("COMPLETEAGENT|9|60", "agent"),
        ("TRANSFER|200|default|9|60|3", "agent"),
        ("BLINDTRANSFER|200|default|9|60|3", "agent"),
        ("ATTENDEDTRANSFER|BRIDGE|b1|9|60|3", "agent"),
        ("ATTENDEDTRANSFER|LINK|a|b|9|60|3", "agent"),
    ],
)
def test_how_a_talk_ends(event: str, by: str) -> None:
    [visit] = visits(read(ENTER, CONNECT, f"{T + 69}|c1|sales|anna|{event}"))
    assert (visit.talk_ended, visit.ended_by, visit.outcome) == ((T + 69) * 1000, by, "answered")


@pytest.mark.parametrize(
    ("event", "outcome", "since"),
    [
        ("RINGNOANSWER|15000", "no_answer", 0),
        ("RINGNOANSWER|2500", "no_answer", 17.5),
        ("RINGCANCELED|4000", "caller_left", 16),
        ("AGENTDUMP|", "hung_up", 20),
    ],
)
def test_an_agent_who_does_not_take_it(event: str, outcome: str, since: float) -> None:
    rows = read(
        f"{T + 5}" + ENTER[len(str(T)) :],
        f"{T + 20}|c1|sales|anna|{event}",
        f"{T + 30}|c1|sales|NONE|ABANDON|1|1|25",
    )
    [offer] = [row for row in rows if isinstance(row, OfferRow)]
    assert (offer.outcome, offer.offered, offer.ended) == (
        outcome,
        (T + max(since, 5)) * 1000,
        (T + 20) * 1000,
    )
    assert visits(rows)[0].offers == 1


def test_what_agents_did() -> None:
    rows = read(
        f"{T}|NONE|sales|anna|ADDMEMBER|",
        f"{T + 10}|NONE|support|anna|ADDMEMBER|PAUSED",  # of one queue: he serves the other
        f"{T + 20}|NONE|NONE|anna|PAUSEALL|lunch",
        f"{T + 20}|NONE|sales|anna|PAUSE|lunch",
        f"{T + 50}|NONE|NONE|anna|UNPAUSEALL|",
        f"{T + 60}|NONE|sales|anna|REMOVEMEMBER|",
        f"{T + 70}|NONE|support|anna|REMOVEMEMBER|",
        f"{T + 80}|c9|NONE|Agent/7|AGENTLOGIN|SIP/7",
        f"{T + 90}|c9|NONE|Agent/7|AGENTLOGOFF|SIP/7|10",
        f"{T + 99}|NONE|NONE|NONE|CONFIGRELOAD|",
    )
    assert stretches(rows) == [
        ("ready", 0, 20, ""),
        ("paused", 20, 50, "lunch"),
        ("ready", 50, 70, ""),
        ("ready", 80, 90, ""),
    ]


def test_a_member_that_never_came_is_not_ready_all_the_time() -> None:
    rows = read(
        f"{T}|NONE|sales|anna|PAUSE|tea",
        f"{T + 5}|NONE|sales|anna|UNPAUSE|",
        f"{T + 9}|NONE|NONE|NONE|INFO|x",
    )
    assert stretches(rows) == [("paused", 0, 5, "tea")]


def test_a_restart_ends_what_was_open() -> None:
    other = f"{T + 1}|c2|sales|NONE|ENTERQUEUE||5|1"
    whole = history()
    rows = read(ENTER, other, CONNECT, f"{T + 40}|NONE|NONE|NONE|QUEUESTART|", whole=whole)
    assert {(v.call, v.outcome, v.ended, v.talk_ended) for v in visits(rows)} == {
        ("old/c1", "answered", (T + 9) * 1000, (T + 40) * 1000),
        ("old/c2", "failed", (T + 40) * 1000, None),
    }
    assert whole.unfinished == 2
    assert stretches(rows)[-1] == ("talking", 9, 40, "")


def test_nothing_is_left_open_at_the_end() -> None:
    rows = read(ENTER, f"{T + 3}|NONE|sales|ben|ADDMEMBER|", CONNECT)
    assert all(row.ended is not None for row in rows)  # type: ignore[union-attr] # all kinds that come have it
    again = read(
        ENTER, f"{T + 3}|NONE|sales|ben|ADDMEMBER|", CONNECT, f"{T + 69}|c1|sales|anna|COMPLETEAGENT|9|60|3"
    )
    assert {row.id for row in rows} < {row.id for row in again}  # what comes later completes the same rows


def test_back_in_the_same_queue_within_a_second_is_another_visit() -> None:
    out = f"{T}|c1|sales|NONE|EXITEMPTY|1|1|0"
    rows = read(ENTER, out, ENTER, out)
    assert len({visit.id for visit in visits(rows)}) == 2
    assert sum(isinstance(row, CallRow) for row in rows) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("garbage", "not time"),
        ("x|c1|sales|NONE|ABANDON|1|1|1", "no time"),
        ("99999999999999|c1|sales|NONE|ABANDON", "between 1970"),
        (f"{T}|c1|sales|NONE||1|1", "no event"),
        (f"{T}|c2|sales|NONE|ABANDON|1|1|1", "in no queue"),
        (f"{T}|c1|support|NONE|ABANDON|1|1|1", "not in"),
        (f"{T}|c1|sales|anna|COMPLETEAGENT|1|1|1", "before CONNECT"),
        (f"{T}|c1|sales|anna|CONNECT|1|x|abc", "is no number"),
        (f"{T}|c1|sales|NONE|CONNECT|1|x|3", "without an agent"),
        (f"{T}|NONE|sales|NONE|PAUSE|", "without an agent"),
        (f"{T}|NONE|sales|NONE|ENTERQUEUE||1|1", "without a call"),
        (f"{T}|c7|NONE|NONE|DID|1", "in no queue"),
    ],
)
def test_a_line_that_cannot_be_used_says_why_and_changes_nothing(line: str, why: str) -> None:
    whole = history()
    whole.line(ENTER)
    with pytest.raises(Wrong, match=why):
        whole.line(line)
    assert read(f"{T + 2}|c1|sales|NONE|ABANDON|1|1|2", whole=whole) == read(
        ENTER, f"{T + 2}|c1|sales|NONE|ABANDON|1|1|2"
    )


def test_times_with_a_fraction_and_of_a_table() -> None:
    assert visits(read(f"{T}.25|c1|s|NONE|ENTERQUEUE||1|1"))[0].entered == T * 1000 + 250
    line = "2023-11-14 23:13:20.500000|c1|s|NONE|ENTERQUEUE||1|1"
    assert visits(read(line, whole=history(zone="Europe/Berlin")))[0].entered == T * 1000 + 500


def test_events_that_are_not_known_are_counted() -> None:
    whole = history()
    read(f"{T}|c1|sales|NONE|MYEVENT|1", ENTER, whole=whole)
    assert whole.unknown == {"MYEVENT": 1}


def test_agents_are_known_by_phone_extension_and_title() -> None:
    anna = AgentConfig("anna", "Anna Berg", "201", "PJSIP/anna", "en")
    names = agent_names(Roster(agents={"anna": anna}), {"Agent/7": "anna"})
    old = ("anna", "Anna Berg", "201", "PJSIP/anna", "Agent/7", "Local/201@from-queue/n")
    assert [names[one] for one in old] == ["anna"] * 6
    assert (names["Local/9@x"], names.unknown) == ("Local/9@x", {"Local/9@x"})


# -- random days -----------------------------------------------------------------------------------

ENDS = {
    "ABANDON|1|1|0": "abandoned",
    "EXITWITHTIMEOUT|1|1|0": "timed_out",
    "EXITWITHKEY|5|1|1|0": "key_exit",
    "EXITEMPTY|1|1|0": "no_agents",
}
one_call = st.tuples(
    st.sampled_from(("q1", "q2")),
    st.integers(0, 500),  # when it comes
    st.integers(0, 90),  # wait
    st.sampled_from((*ENDS, "talk")),
    st.integers(0, 300),  # talk
    st.integers(0, 120),  # rings
    st.lists(st.integers(0, 60), max_size=3),  # misses so long after entry
)


@given(st.lists(one_call, max_size=25))
def test_a_random_day_read_back_is_the_day(day: list[tuple[str, int, int, str, int, int, list[int]]]) -> None:
    log: list[tuple[int, int, str]] = []
    model = set()
    offers: Counter[str] = Counter()
    for n, (queue, came, wait, end, talk, ring, misses) in enumerate(day):
        agent, at = f"a{n % 3}", T + came
        left = at + wait

        def put(then: int, text: str, n: int = n, queue: str = queue) -> None:
            log.append((then, n * 100 + len(log), f"{then}|c{n}|{queue}|{text}"))

        put(at, "NONE|ENTERQUEUE||1|1")
        for missed in sorted(miss for miss in misses if miss <= wait):
            put(at + missed, f"{agent}|RINGNOANSWER|15000")
            offers["no_answer"] += 1
        if end == "talk":
            put(left, f"{agent}|CONNECT|{wait}|x|{ring}")
            put(left + talk, f"{agent}|COMPLETEAGENT|{wait}|{talk}|1")
            offers["answered"] += 1
        else:
            put(left, f"NONE|{end}")
        outcome = ENDS.get(end, "answered")
        model.add((f"old/c{n}", queue, at, left, outcome, left + talk if end == "talk" else None))
    whole = history()
    rows = read(*(line for *_, line in sorted(log)), whole=whole)
    found = visits(rows)
    assert {
        (
            v.call,
            v.queue,
            v.entered // 1000,
            (v.ended or 0) // 1000,
            v.outcome,
            v.talk_ended and v.talk_ended // 1000,
        )
        for v in found
    } == model
    assert len(found) == len(day) == whole.calls
    assert Counter(row.outcome for row in rows if isinstance(row, OfferRow)) == offers
    assert all(row.offered <= (row.ended or 0) for row in rows if isinstance(row, OfferRow))
    assert whole.unfinished == 0
    assert_in_order([row for row in rows if isinstance(row, AgentStateRow)])
    assert len({row.id for row in rows}) == len(rows)


def assert_in_order(rows: list[AgentStateRow]) -> None:
    """No agent is in two states at a time."""
    ends: dict[str, int] = {}
    for row in rows:
        assert row.ended is not None
        assert ends.get(row.agent, 0) <= row.started < row.ended
        ends[row.agent] = row.ended

"""What callers agree to and answer: rows of the ledger, and whether a talk is recorded."""

import pytest

from ccctl import changes as ch
from ccctl import commands as c
from ccctl import events as e
from ccctl.flow.roster import QueueConfig, Roster, from_json, to_json
from ccctl.recording.policy import is_recorded
from ccctl.world.recovery import queued_from_args
from tests.support.centre import Centre, make_roster


@pytest.mark.parametrize(
    ("policy", "wish", "recorded"),
    [
        ("always", "", True),
        ("always", "yes", True),
        ("always", "no", False),
        ("consent", "", False),
        ("consent", "yes", True),
        ("consent", "no", False),
        ("never", "yes", False),
    ],
)
def test_who_has_said_no_is_never_recorded(policy: str, wish: str, recorded: bool) -> None:
    assert is_recorded(policy, wish) is recorded


@pytest.mark.parametrize(
    ("flags", "wish", "empty"), [("", "", False), ("n", "", True), ("nr", "yes", True), ("x", "no", False)]
)
def test_the_flags_of_a_queue_step(flags: str, wish: str, empty: bool) -> None:
    args = ("queue", "7f3a9c", "support", "5", "600", "0", flags, "a1b2c3d4")
    queued = queued_from_args(e.LiveChannel(channel="n/1", app_args=args), 0)
    assert queued
    assert (queued.recording, queued.leave_if_empty, queued.offer) == (wish, empty, "a1b2c3d4")
    assert queued_from_args(e.LiveChannel(channel="n/1", app_args=args[:7]), 0)


@pytest.mark.parametrize(("wish", "paths"), [("yes", 1), ("no", 0), ("", 0)])
def test_only_those_who_agreed(wish: str, paths: int) -> None:
    centre = Centre(make_roster(agents=1, record="consent"))
    centre.login("a0")
    centre.queued(recording=wish)
    commands = centre.answer(centre.leg_of("a0"))
    assert len([x for x in commands if isinstance(x, c.Connect) and x.record]) == paths


def test_rosters_of_before_are_read() -> None:
    for old, policy in ((b"true", "always"), (b"false", "never"), (b'"consent"', "consent")):
        text = to_json(Roster(queues={"q": QueueConfig("q", "Q")})).replace(
            b'"record":"never"', b'"record":' + old
        )
        assert from_json(text).queues["q"].recording == policy


def test_every_answer_is_a_row() -> None:
    centre = Centre()
    call = "n1/77.1"
    for mark, value in (
        ("CC_CALL", "inbound"),
        ("CC_CONSENT", "yes"),
        ("CC_SURVEY", "csat/score=4"),
        ("CC_SURVEY", "csat/why=messages/77.1-survey2_2.wav"),
        ("CC_MESSAGE", "wish=messages/77.1-record3.wav"),
        ("CC_CALLBACK", "support/+491701112233/now/0/2/600/de/1795705629"),
    ):
        centre.send(e.CallMarked(at=centre.at, call=call, mark=mark, value=value))
    rows = [(r.kind, r.name, r.question, r.value) for r in centre.rows[ch.AnswerRow].values()]
    assert rows == [
        ("consent", "", "", "yes"),
        ("survey", "csat", "score", "4"),
        ("survey", "csat", "why", "messages/77.1-survey2_2.wav"),
        ("message", "wish", "", "messages/77.1-record3.wav"),
        ("callback", "", "", "support/+491701112233/now/0/2/600/de/1795705629"),
    ]

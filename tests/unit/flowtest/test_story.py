"""Executed dialplan steps, told as what the caller experiences."""

import pytest

from ccctl.flowtest.story import listens, observe, waits_for_keys
from ccctl.sim import Executed


def step(app: str, data: str = "") -> Executed:
    return Executed("cc-7f3a9c-main", "s", 1, app, data, 5)


@pytest.mark.parametrize(
    ("app", "data", "told"),
    [
        ("Playback", "cc/welcome-4be1d29a&cc/main-menu-0badcafe", ["hears welcome", "hears main-menu"]),
        ("BackGround", "vm-goodbye", ["hears vm-goodbye"]),
        ("Read", "CC_X,cc/ask-4be1d29a,5", ["hears ask"]),
        ("SayDigits", "4711", ["says 4711 as digits"]),
        ("Playback", "cc/tier.gold-0badcafe", ["hears tier.gold", "says gold as word"]),
        ("CELGenUserEvent", "CC_FLOW,main", ["goes main"]),
        ("CELGenUserEvent", "CC_CLOSED,office", ["closed office"]),
        ("CELGenUserEvent", "CC_VOICEMAIL,support", ["voicemail support"]),
        ("CELGenUserEvent", "CC_HANGUP,main", []),
        (
            "CELGenUserEvent",
            "CC_CALLBACK,support/+4930555/next-open/0/2/600/en/1",
            ["callback +4930555 queue support when next-open place new"],
        ),
        ("CELGenUserEvent", "CC_CALLBACK,support", []),
        ("Stasis", "ccctl,queue,7f3a9c,support,5,600,0,n", ["enters support priority 5 engine acd"]),
        ("Stasis", "ccctl,code,7f3a9c,agent-login,anna,", []),
        ("Queue", "billing,Cc,,,1", ["enters billing engine native"]),
        ("CELGenUserEvent", "CC_DIAL,reception+anna", ["rings reception", "rings anna"]),
        ("CELGenUserEvent", "CC_DIAL,anna++4930+ben", ["rings anna", "dials +4930", "rings ben"]),
        ("Dial", "PJSIP/reception&PJSIP/anna,20,g", []),
        ("Set", "CHANNEL(language)=de", ["language de"]),
        ("Set", "__CC_TIER=gold", ["sets CC_TIER to gold"]),
        ("Set", "TIMEOUT(digit)=2", []),
        ("Hangup", "17", ["hangup dialplan cause 17"]),
        ("MixMonitor", "x.wav,b", ["recording x.wav"]),
        ("NoOp", "x", []),
    ],
)
def test_what_a_step_means(app: str, data: str, told: list[str]) -> None:
    assert [str(seen) for seen in observe(step(app, data))] == told


def test_who_types_a_number_while_he_waits_keeps_his_place() -> None:
    mark = "CC_CALLBACK,support/+4930555/now/0/2/600/en/1"
    noted = Executed("cc-7f3a9c-main", "queue2_callback_gather", 9, "CELGenUserEvent", mark, 5)
    assert [seen.more["place"] for seen in observe(noted)] == ["kept"]


def test_it_says_when_and_where() -> None:
    (seen,) = observe(step("Hangup"))
    assert (seen.at_ms, seen.place) == (5, "cc-7f3a9c-main,s,1")


def test_who_takes_keys() -> None:
    apps = ("Playback", "BackGround", "WaitExten", "Read", "Queue")
    assert [app for app in apps if listens(step(app))] == ["BackGround", "WaitExten", "Read", "Queue"]
    assert listens(step("Stasis", "ccctl,queue,g,support,0,0,0,"))
    assert not waits_for_keys(step("BackGround"))
    assert waits_for_keys(step("WaitExten"))

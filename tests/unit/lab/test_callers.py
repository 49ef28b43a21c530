"""The callers' scripts, and the verdict: it agrees with a right ledger and names every difference."""

from dataclasses import replace
from itertools import islice

import msgspec
import pytest

from ccctl.changes import CallRow, OfferRow, Outcome, RecordingRow, SegmentKind, SegmentRow, VisitRow
from ccctl.lab.callers import CLOSED, MAIN, SCRIPTS, SUPPORT, Facts, Trial, choose, judge

CALL = "pbx1/1.1"
CALLER_TONE, ANNA = 1150, 1750
VOICES = {"anna": ANNA, "ben": 1850}


def trial(name: str) -> Trial:
    played = Trial(SCRIPTS[name], 1, "+4915000001", CALLER_TONE, "over", 1000, 20_000, "anna", ["anna"])
    played.talk_began, played.talk_ended, played.whisper_s = 10.0, 13.0, 1.2
    return played


def segments(*kinds: SegmentKind) -> tuple[SegmentRow, ...]:
    return tuple(
        SegmentRow(id=f"{CALL}:{n}", call=CALL, n=n, kind=kind, started=n) for n, kind in enumerate(kinds, 1)
    )


def answered() -> Facts:
    visit = VisitRow(
        id="v",
        call=CALL,
        queue="support",
        entered=5000,
        ended=10_000,
        outcome=Outcome.ANSWERED,
        agent="anna",
        answered=10_000,
        talk_ended=13_100,
    )
    offer = OfferRow(id="leg", visit="v", call=CALL, queue="support", agent="anna", offered=6000)
    recording = RecordingRow(
        id="r", call=CALL, visit="v", queue="support", agent="anna", path="a.wav", started=1
    )
    return Facts(
        call=CallRow(
            id=CALL, node="pbx1", started=1, ended=9, number=SUPPORT, ended_in="talk", ended_by="caller"
        ),
        segments=segments(SegmentKind.IVR, SegmentKind.WAITING, SegmentKind.TALK),
        visits=(visit,),
        offers=(offer,),
        recordings=((recording, frozenset({CALLER_TONE, ANNA})),),
    )


def change_visit(**fields: object) -> Facts:
    right = answered()
    return replace(right, visits=(msgspec.structs.replace(right.visits[0], **fields),))


def change_call(**fields: object) -> Facts:
    right = answered()
    assert right.call
    return replace(right, call=msgspec.structs.replace(right.call, **fields))


def test_a_right_ledger_agrees() -> None:
    assert judge(trial("support"), answered(), VOICES) == []


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        (Facts(), "does not have the call"),
        (change_call(number=MAIN), "number"),
        (change_call(ended=None), "has not ended"),
        (change_call(ended_in="waiting"), "ended in"),
        (change_call(ended_by="agent"), "ended by"),
        (replace(answered(), segments=segments(SegmentKind.IVR)), "segments"),
        (replace(answered(), visits=()), "queue visits"),
        (replace(answered(), visits=answered().visits * 2), "queue visits"),
        (change_visit(outcome=Outcome.ABANDONED), "outcome"),
        (change_visit(agent="ben"), "agent"),
        (change_visit(talk_ended=20_000), "talk"),
        (replace(answered(), offers=()), "offers"),
        (replace(answered(), recordings=()), "recording"),
        (replace(answered(), recordings=((answered().recordings[0][0], frozenset({ANNA})),)), "recording"),
    ],
)
def test_each_difference_is_named_alone(facts: Facts, named: str) -> None:
    findings = judge(trial("support"), facts, VOICES)
    assert len(findings) == 1
    assert named in findings[0]


def test_an_agent_must_have_heard_the_announcement() -> None:
    played = trial("support")
    played.whisper_s = 0.0
    assert judge(played, answered(), VOICES) == ["whisper: the agent heard 0.0 s before the caller"]


def test_what_the_phones_missed_is_a_finding_too() -> None:
    played = trial("support")
    played.faults.append("caller heard nothing")
    assert judge(played, answered(), VOICES) == ["caller heard nothing"]


def test_a_voicemail_needs_the_callers_voice() -> None:
    call = CallRow(
        id=CALL, node="pbx1", started=1, ended=9, number=CLOSED, ended_in="voicemail", ended_by="caller"
    )
    facts = Facts(call=call, segments=segments(SegmentKind.IVR, SegmentKind.VOICEMAIL))
    assert "voicemail" in judge(trial("voicemail"), facts, VOICES)[0]
    heard = replace(facts, messages=(frozenset(), frozenset({CALLER_TONE})))
    assert judge(trial("voicemail"), heard, VOICES) == []


def test_a_call_that_never_queued_may_have_no_visit() -> None:
    facts = change_call(number=MAIN, ended_in="ivr")
    assert any("queue visits" in finding for finding in judge(trial("left in menu"), facts, VOICES))


def test_twenty_callers_are_of_every_kind() -> None:
    numbers = {script.number for script in SCRIPTS.values()}
    chosen = list(choose(20, numbers))
    assert len(chosen) == 20
    assert {script.name for script in chosen} == set(SCRIPTS)


def test_only_numbers_of_the_site_are_called() -> None:
    assert {script.number for script in choose(20, {SUPPORT})} == {SUPPORT}
    assert list(choose(20, set())) == []


def test_without_a_count_callers_never_end() -> None:
    assert len(list(islice(choose(None, {SUPPORT}), 100))) == 100

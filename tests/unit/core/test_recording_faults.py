"""A recording that stops being written is failed from then on, and the talk goes on."""

from ccctl import changes as ch
from ccctl import events as e
from tests.support.centre import Centre, make_roster


def test_a_recording_that_fails_after_its_start_keeps_path_and_start() -> None:
    centre = Centre(make_roster(agents=1))
    centre.login("a0")
    call = centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.send(e.RecordingStarted(at=centre.at, leg=leg, path="2026/x.wav"))
    started = centre.at
    centre.tick(2000)
    centre.send(e.RecordingFailed(at=centre.at, leg=leg, reason="the disk is full"))
    row = centre.rows[ch.RecordingRow][leg]
    assert (row.path, row.started, row.ended, row.failed) == (
        "2026/x.wav",
        started,
        centre.at,
        "the disk is full",
    )
    assert centre.presence("a0") == "talking"
    centre.leg_ended(leg)
    assert centre.rows[ch.RecordingRow][leg] == row
    assert centre.visit(call).outcome == "answered"


def test_a_talk_that_is_over_before_the_proof_has_its_failed_recording_all_the_same() -> None:
    centre = Centre(make_roster(agents=1))
    centre.login("a0")
    centre.queued()
    leg = centre.leg_of("a0")
    centre.talk(leg)
    centre.send(e.RecordingStarted(at=centre.at, leg=leg, path="2026/x.wav"))
    centre.leg_ended(leg)
    ended = centre.rows[ch.RecordingRow][leg].ended
    centre.send(e.RecordingFailed(at=centre.at + 1500, leg=leg, reason="the disk is full"))
    row = centre.rows[ch.RecordingRow][leg]
    assert (row.failed, row.ended) == ("the disk is full", ended)

"""What the ledger and the sound files say of simulated calls, for the verdict."""

import wave
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine

from ccctl.asterisk.node import Node
from ccctl.changes import RecordingRow
from ccctl.lab import tones
from ccctl.lab.callers import Facts, Trial
from ccctl.store import queries

MARGIN_MS = 5000
CLEAR_SHARE = 0.4  # part of a recording through which a voice must be heard


def facts_of(engine: Engine, node: Node, trial: Trial, voices: Iterable[int]) -> Facts:
    wanted = queries.CallFilter(text=trial.caller[-9:])
    rows = list(queries.calls_between(engine, trial.started - MARGIN_MS, trial.ended + MARGIN_MS, wanted))
    detail = queries.call(engine, rows[0].id) if len(rows) == 1 else None
    if detail is None:
        return Facts()
    known = {*voices, trial.tone}
    return Facts(
        call=detail.call,
        segments=tuple(detail.segments),
        visits=tuple(detail.visits),
        offers=tuple(detail.offers),
        recordings=tuple((row, _recorded(node, row, known)) for row in detail.recordings),
        messages=_messages(node, trial, known) if trial.script.expect.message else (),
    )


def _recorded(node: Node, row: RecordingRow, voices: set[int]) -> frozenset[int]:
    return _voices_in(Path(node.recordings_dir) / row.path, voices)


def _voices_in(path: Path, voices: set[int]) -> frozenset[int]:
    try:
        frames = tones.read_wave(path)
    except (OSError, EOFError, ValueError, wave.Error):
        return frozenset()  # absent, or still being written: no voice to be found
    return frozenset(tone for tone in voices if tones.share(frames, tone) > CLEAR_SHARE)


def _messages(node: Node, trial: Trial, voices: set[int]) -> tuple[frozenset[int], ...]:
    """Voicemail messages that were written since the call began."""
    found = Path(node.spool_dir, "voicemail").glob("*/*/*/msg*.wav")
    new = (path for path in found if path.stat().st_mtime * 1000 > trial.started)
    return tuple(_voices_in(path, voices) for path in new)

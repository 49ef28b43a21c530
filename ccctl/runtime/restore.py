"""Before the daemon works: the world of the last run out of the database, and the day's visits."""

import logging

from msgspec.structs import replace
from sqlalchemy import Engine as Database

from ccctl.changes import (
    Change,
    OfferOutcome,
    OfferRow,
    Outcome,
    QueuePauseRow,
    RecordingRow,
    SegmentRow,
    TransferRow,
    VisitRow,
    WatchRow,
)
from ccctl.errors import StoreError
from ccctl.runtime.engine import Engine
from ccctl.runtime.tasks import now_ms
from ccctl.store import queries
from ccctl.store.journal import Writer, last_snapshot, read_journal

log = logging.getLogger(__name__)
STEP_S, STUCK_STEPS = 1.0, 10


def restore(engine: Engine, writer: Writer, database: Database) -> None:
    """Snapshot and journal; first what an earlier run could not write must be in the database."""
    _drain(writer)
    snapshot = last_snapshot(database)
    after = snapshot[0] if snapshot else 0
    engine.restore(snapshot, list(read_journal(database, after)))
    _drain(writer)  # the rows of the replay
    orphans = _orphans(engine, database)
    for row in orphans:
        writer.change(row)
    if orphans:
        log.warning("%d open ledger rows of an earlier run closed", len(orphans), extra={"action": "orphans"})


def _drain(writer: Writer) -> None:
    _await_spool(writer)


def _await_spool(writer: Writer) -> None:
    """A long spool may take its time, one that does not move may not: the phones wait for us."""
    written, stuck = -1, 0
    while not writer.drained(STEP_S):
        state = writer.status()
        stuck = stuck + 1 if state["written"] == written else 0
        written = state["written"]
        if stuck >= STUCK_STEPS:
            text = f"the spool of the last run cannot be written: {state['error']}"
            raise StoreError(text, "make the database take entries; the spool is kept until then")


def _orphans(engine: Engine, database: Database) -> list[Change]:
    """Rows open in the ledger that the world knows nothing of: closed now, so that none stays open."""
    world, now = engine.world, now_ms()
    states = set(world.agent_rows.values())
    visits = {visit.row.id for visit in world.visits.values()}
    visits |= {call.native.id for call in world.calls.values() if call.native}
    rows: list[Change] = [
        replace(row, ended=now) for row in queries.open_agent_states(database) if row.id not in states
    ]
    rows += [
        replace(row, ended=now, ended_by="unknown")
        for row in queries.open_calls(database)
        if row.id not in world.calls
    ]
    rows += [_ended_visit(row, now) for row in queries.open_visits(database) if row.id not in visits]
    parts = _open_parts(engine)
    rows += [_ended_part(row, now) for row in queries.open_parts(database) if row.id not in parts]
    return rows


def _open_parts(engine: Engine) -> set[str]:
    world = engine.world
    segments = {call.segment.id for call in world.calls.values() if call.segment}
    pauses = {row.id for paused in world.queue_pauses.values() for row in paused.values()}
    transfers = {handover.row.id for handover in world.handovers.values()}
    watches = {watch.row.id for watch in world.watches.values() if watch.row}
    return segments | set(world.legs) | transfers | watches | pauses


Part = SegmentRow | OfferRow | RecordingRow | WatchRow | QueuePauseRow | TransferRow


def _ended_part(row: Part, now: int) -> Change:
    if isinstance(row, TransferRow):
        return replace(row, ended=now, outcome="failed")
    if isinstance(row, OfferRow):
        return replace(row, ended=now, outcome=OfferOutcome.FAILED)
    return replace(row, ended=now)


def _ended_visit(row: VisitRow, now: int) -> VisitRow:
    if row.ended is None:
        return replace(row, ended=now, outcome=Outcome.FAILED)
    return replace(row, talk_ended=now)


def ended_today(engine: Engine, database: Database) -> list[VisitRow]:
    since = engine.live.midnight()
    rows = queries.visits_between(database, since, now_ms())
    return [row for row in rows if row.ended is not None and row.ended >= since]

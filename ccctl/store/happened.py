"""A stretch of the ledger for a simulation: who came, what became of him, when agents were there."""

import msgspec
from sqlalchemy import Engine, select

from ccctl import events as e
from ccctl.flow.roster import Roster, from_json
from ccctl.store import queries, tables
from ccctl.store.db import explained
from ccctl.whatif.past import Records
from ccctl.whatif.plan import Window

LATER_MS = 2 * 3_600_000  # so long a call may go on after the end


def happened(engine: Engine, window: Window) -> Records:
    """All visits that entered in the window, with what followed from them."""
    start, end = window.start, window.end
    visits = [v for v in queries.visits_between(engine, start, end) if start <= v.entered < end]
    wanted = {visit.id for visit in visits}
    offers = queries.offers_between(engine, start, end + LATER_MS)
    calls = queries.calls_between(engine, start - LATER_MS, end)
    return Records(
        visits=visits,
        offers=[offer for offer in offers if offer.visit in wanted],
        states=list(queries.agent_states_between(engine, start, end + LATER_MS)),
        languages={call.id: call.language for call in calls if call.language},
    )


def roster_at(engine: Engine, start: int, end: int) -> Roster | None:
    """The roster that ruled at `start`, else the first that came before `end`; None when the journal has
    neither any more."""
    table = tables.journal.c
    all_of_them = select(table.body).where(table.type == e.RosterChanged.__name__).limit(1)
    before = all_of_them.where(table.at <= start).order_by(table.seq.desc())
    after = all_of_them.where(table.at > start, table.at < end).order_by(table.seq)
    with explained(engine), engine.connect() as connection:
        found = (connection.execute(wanted).scalar_one_or_none() for wanted in (before, after))
        body = next((body for body in found if body is not None), None)
    try:
        event = e.from_json(bytes(body)) if body is not None else None
        return from_json(event.roster) if isinstance(event, e.RosterChanged) else None
    except msgspec.MsgspecError:  # of another version
        return None

"""Reads of the ledger: one function for each question. Many rows are streamed, times are [start, end)."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, and_, exists, func, or_, select

from ccctl.changes import (
    AgentStateRow,
    AnswerRow,
    CallbackRow,
    CallRow,
    OfferRow,
    Outcome,
    QueuePauseRow,
    RecordingRow,
    SegmentRow,
    TransferRow,
    VisitRow,
    WatchRow,
)
from ccctl.report.tables import SAME_MOMENT_MS
from ccctl.store import tables
from ccctl.store.db import explained

R = TypeVar("R", bound=msgspec.Struct)
Where = ColumnElement[bool]

_LIVE = tables.visits.c.engine != "callback"
visits, calls, states = tables.visits.c, tables.calls.c, tables.agent_states.c
offers, recordings_, watches = tables.offers.c, tables.recordings.c, tables.watches.c


def _stream(engine: Engine, statement: Select[Any], kind: type[R]) -> Iterator[R]:
    """Rows of the one table that is selected, as records."""
    with (
        explained(engine),
        engine.connect().execution_options(yield_per=2000) as connection,
    ):
        yield from records(connection, statement, kind)


def records(connection: Connection, statement: Select[Any], kind: type[R]) -> Iterator[R]:
    with connection.execute(statement) as result:
        names = [str(name) for name in result.keys()]  # noqa: SIM118 - not a dict; it gives a str subclass
        for row in result:
            yield msgspec.convert(dict(zip(names, row, strict=True)), kind)


def _within(column: ColumnElement[Any], start: int, end: int) -> Where:
    return and_(column >= start, column < end)


def _among(column: ColumnElement[str], names: Sequence[str]) -> list[Where]:
    return [column.in_(names)] if names else []


def _touching(table: Table, start: int, end: int) -> Where:
    ended = table.c.ended
    return and_(table.c.started < end, or_(ended.is_(None), ended > start))


# -- for reports -----------------------------------------------------------------------------------


def visits_between(
    engine: Engine, start: int, end: int, queues: Sequence[str] = (), callbacks: bool = False
) -> Iterator[VisitRow]:
    """Visits that entered, ended, or whose talk or wrap-up ended in the time; those of customers who are
    called back only when they are asked for: such a caller was counted when he accepted."""
    spanning = (
        select(states.call)
        .where(states.presence == "wrapup", states.started < start + SAME_MOMENT_MS)
        .where(or_(states.ended.is_(None), states.ended >= start))
    )
    inside = or_(
        _within(visits.entered, start, end),
        _within(visits.ended, start, end),
        _within(visits.talk_ended, start, end),
        visits.call.in_(spanning),
    )
    among = [*_among(visits.queue, queues), *([] if callbacks else [_LIVE])]
    wanted = select(tables.visits).where(inside, *among)
    return _stream(engine, wanted, VisitRow)


def waiting_at(engine: Engine, at: int, queues: Sequence[str] = ()) -> dict[str, int]:
    """How many waited in each queue at an instant."""
    there = and_(_LIVE, visits.entered < at, or_(visits.ended.is_(None), visits.ended >= at))
    wanted = select(visits.queue, func.count()).where(there, *_among(visits.queue, queues))
    with explained(engine), engine.connect() as connection:
        return {str(queue): int(n) for queue, n in connection.execute(wanted.group_by(visits.queue))}


def agent_states_between(
    engine: Engine, start: int, end: int, agents: Sequence[str] = ()
) -> Iterator[AgentStateRow]:
    """Stretches of states that touch the time, by agent and in order."""
    touching = _touching(tables.agent_states, start, end)
    wanted = select(tables.agent_states).where(touching, *_among(states.agent, agents))
    return _stream(engine, wanted.order_by(states.agent, states.started), AgentStateRow)


def wrapups_around(engine: Engine, start: int, end: int) -> Iterator[AgentStateRow]:
    """Every wrap-up that can follow a talk of `visits_between`."""
    margin = 2 * SAME_MOMENT_MS
    touching = _touching(tables.agent_states, start - margin, end + margin)
    return _stream(
        engine, select(tables.agent_states).where(touching, states.presence == "wrapup"), AgentStateRow
    )


def offers_between(engine: Engine, start: int, end: int, agents: Sequence[str] = ()) -> Iterator[OfferRow]:
    """Offers that began to ring in the time."""
    inside = _within(offers.offered, start, end)
    return _stream(engine, select(tables.offers).where(inside, *_among(offers.agent, agents)), OfferRow)


def watches_between(
    engine: Engine, start: int, end: int, agent: str = "", supervisor: str = ""
) -> Iterator[WatchRow]:
    """Who heard whom: stretches of supervision that touch the time."""
    conditions = [watches.agent == agent] if agent else []
    conditions += [watches.supervisor == supervisor] if supervisor else []
    wanted = select(tables.watches).where(_touching(tables.watches, start, end), *conditions)
    return _stream(engine, wanted.order_by(watches.started, watches.id), WatchRow)


def has_queue(engine: Engine, name: str) -> bool:
    """Whether the ledger ever saw this queue."""
    return _any(engine, select(tables.visits.c.id).where(visits.queue == name))


def has_agent(engine: Engine, name: str) -> bool:
    return _any(engine, select(tables.agent_states.c.id).where(states.agent == name))


def _any(engine: Engine, statement: Select[Any]) -> bool:
    with explained(engine), engine.connect() as connection:
        return connection.execute(statement.limit(1)).first() is not None


# -- calls and recordings --------------------------------------------------------------------------


class CallFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls: all that are given must hold; '' asks for nothing. `text` is part of the caller's
    number or name or of the number dialled. `limit` 0: all."""

    queue: str = ""
    agent: str = ""
    outcome: str = ""
    direction: str = ""
    text: str = ""
    newest_first: bool = False
    limit: int = 0


def calls_between(
    engine: Engine, start: int, end: int, wanted: CallFilter | None = None
) -> Iterator[CallRow]:
    """Calls that arrived in the time, in order of arrival."""
    wanted = wanted or CallFilter()
    query = select(tables.calls).where(_within(calls.started, start, end), *_call_conditions(wanted))
    order = (calls.started.desc(), calls.id.desc()) if wanted.newest_first else (calls.started, calls.id)
    query = query.order_by(*order)
    return _stream(engine, query.limit(wanted.limit) if wanted.limit else query, CallRow)


def _call_conditions(wanted: CallFilter) -> list[Where]:
    found: list[Where] = []
    if wanted.queue or wanted.outcome:
        same = [visits.call == calls.id, *([visits.queue == wanted.queue] if wanted.queue else [])]
        same += [visits.outcome == wanted.outcome] if wanted.outcome else []
        found.append(exists().where(*same))
    if wanted.agent:
        part = tables.segments.c
        found.append(exists().where(part.call == calls.id, part.agent == wanted.agent))
    if wanted.direction:
        found.append(calls.direction == wanted.direction)
    if wanted.text:
        columns = (calls.caller, calls.caller_name, calls.number)
        found.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    return found


class CallDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the ledger knows of one call."""

    call: CallRow
    segments: list[SegmentRow]
    visits: list[VisitRow]
    offers: list[OfferRow]
    recordings: list[RecordingRow]
    watches: list[WatchRow]
    answers: list[AnswerRow]
    transfers: list[TransferRow]


def call(engine: Engine, ident: str) -> CallDetail | None:
    """A call by its reference "node/id", or by the id alone when it is the only one."""
    wanted = calls.id == ident if "/" in ident else calls.id.endswith(f"/{ident}", autoescape=True)
    rows = list(_stream(engine, select(tables.calls).where(wanted).limit(2), CallRow))
    if len(rows) != 1:
        return None

    def part(table: Table, kind: type[R], order: str) -> list[R]:
        query = select(table).where(table.c.call == rows[0].id).order_by(table.c[order], table.c.id)
        return list(_stream(engine, query, kind))

    return CallDetail(
        call=rows[0],
        segments=part(tables.segments, SegmentRow, "n"),
        visits=part(tables.visits, VisitRow, "entered"),
        offers=part(tables.offers, OfferRow, "offered"),
        recordings=part(tables.recordings, RecordingRow, "started"),
        watches=part(tables.watches, WatchRow, "started"),
        answers=part(tables.answers, AnswerRow, "at"),
        transfers=part(tables.transfers, TransferRow, "started"),
    )


class RecordingFilter(msgspec.Struct, frozen=True, kw_only=True):
    queue: str = ""
    agent: str = ""
    call: str = ""
    newest_first: bool = False
    limit: int = 0


def recordings(
    engine: Engine, start: int, end: int, wanted: RecordingFilter | None = None
) -> Iterator[RecordingRow]:
    """Recordings that began in the time."""
    wanted = wanted or RecordingFilter()
    conditions = [_within(recordings_.started, start, end)]
    for field in ("queue", "agent", "call"):
        if value := getattr(wanted, field):
            conditions.append(recordings_[field] == value)
    order = recordings_.started.desc() if wanted.newest_first else recordings_.started
    query = select(tables.recordings).where(*conditions).order_by(order, recordings_.id)
    return _stream(engine, query.limit(wanted.limit) if wanted.limit else query, RecordingRow)


def callbacks_between(
    engine: Engine, start: int, end: int, queues: Sequence[str] = ()
) -> Iterator[CallbackRow]:
    """Callbacks that were asked for in the time."""
    rows = tables.callbacks
    wanted = select(rows).where(_within(rows.c.asked, start, end), *_among(rows.c.queue, queues))
    return _stream(engine, wanted.order_by(rows.c.asked, rows.c.id), CallbackRow)


def callback(engine: Engine, ident: str) -> CallbackRow | None:
    query = select(tables.callbacks).where(tables.callbacks.c.id == ident)
    return next(iter(list(_stream(engine, query, CallbackRow))), None)


def recording(engine: Engine, ident: str) -> RecordingRow | None:
    query = select(tables.recordings).where(recordings_.id == ident)
    return next(iter(list(_stream(engine, query, RecordingRow))), None)


# -- for the daemon --------------------------------------------------------------------------------


def open_calls(engine: Engine) -> list[CallRow]:
    """Calls that have not ended as far as the ledger knows."""
    return list(_stream(engine, select(tables.calls).where(calls.ended.is_(None)), CallRow))


def open_visits(engine: Engine) -> list[VisitRow]:
    """Visits still waiting, and answered ones whose talk has not ended."""
    talking = and_(visits.outcome == Outcome.ANSWERED, visits.talk_ended.is_(None))
    query = select(tables.visits).where(or_(visits.ended.is_(None), talking))
    return list(_stream(engine, query, VisitRow))


Part = SegmentRow | OfferRow | RecordingRow | WatchRow | QueuePauseRow | TransferRow


def open_parts(engine: Engine) -> list[Part]:
    """What else has begun and not ended."""
    pauses = tables.queue_pauses
    return [
        *_stream(engine, select(pauses).where(pauses.c.ended.is_(None)), QueuePauseRow),
        *_stream(engine, select(tables.segments).where(tables.segments.c.ended.is_(None)), SegmentRow),
        *_stream(engine, select(tables.offers).where(offers.ended.is_(None)), OfferRow),
        *_stream(engine, select(tables.recordings).where(recordings_.ended.is_(None)), RecordingRow),
        *_stream(engine, select(tables.watches).where(watches.ended.is_(None)), WatchRow),
        *_stream(engine, select(tables.transfers).where(tables.transfers.c.ended.is_(None)), TransferRow),
    ]


def open_agent_states(engine: Engine) -> list[AgentStateRow]:
    query = select(tables.agent_states).where(states.ended.is_(None))
    return list(_stream(engine, query, AgentStateRow))

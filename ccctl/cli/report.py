"""`ccctl report`: queues, agents, calls and waits, straight from the database, the daemon running or not."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec
from sqlalchemy import Engine

from ccctl.cli.common import settings
from ccctl.cli.group import Group
from ccctl.cli.ledger import (
    FORMATS,
    now_ms,
    read_roster,
    refuse_unknown,
    render,
    span,
    time_options,
    write_out,
    zone_of,
)
from ccctl.cli.tables import Fit, room
from ccctl.flow.roster import Roster
from ccctl.report.agents import agent_table
from ccctl.report.callbacks import callback_table
from ccctl.report.calls import call_table
from ccctl.report.intervals import Interval, Period, periods
from ccctl.report.kpi import DEFAULT_PRESET, PRESETS, preset
from ccctl.report.queues import queue_table
from ccctl.report.tables import Scope, Table
from ccctl.report.waits import Records, wait_table
from ccctl.store import db, queries

F = TypeVar("F", bound=Callable[..., Any])
MOST_ROWS = 200_000
LEARNING_MS = 7 * 24 * 3_600_000  # what estimates have learnt before the time of their report
# What a narrow terminal does without; the least important first.
QUEUES = Fit(
    cut=("queue",),
    drop=(
        *("SL preset", "short", "other", "longest", "handled", "avg talk", "waiting", "answered %"),
        *("AHT", "wait p90", "abandoned %", "ASA", "from"),
    ),
)
AGENTS = Fit(
    cut=("agent",),
    drop=(
        *("utilisation %", "answered %", "not responding", "offers", "avg talk", "ringing", "missed"),
        *("wrapup", "answered", "paused", "AHT", "ready", "occupancy %", "from"),
    ),
)
CALLS = Fit(
    drop=(
        *(
            "in other",
            "by other",
            "in closed",
            "longest",
            "time",
            "in progress",
            "internal",
            "callbacks",
            "in voicemail",
        ),
        *("in dial", "by system", "connected %", "in waiting", "in ivr", "in talk", "by agent", "by caller"),
        *("callbacks", "inbound", "from"),
    ),
)
CALLBACKS = Fit(
    cut=("queue",),
    drop=("cancelled", "merged", "called in", "wait p90", "expired", "failed", "tries", "open", "from"),
)
WAITS = Fit(
    cut=("queue",),
    drop=("told", "answered", "error p50", "bias", "calls", "from", "told %", "error p80"),
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a report, read."""

    engine: Engine
    roster: Roster
    zone: ZoneInfo
    start: int
    end: int
    now: int
    periods: list[Period]
    form: str
    out: str | None


def read_request(ctx: click.Context, options: dict[str, Any]) -> Request:
    config = settings(ctx)
    roster = read_roster(config)
    zone, now = zone_of(options["tz"], roster), now_ms()
    start, end = span(options["since"], options["until"], now, zone)
    return Request(
        engine=db.open_ready(config.database_url),
        roster=roster,
        zone=zone,
        start=start,
        end=end,
        now=now,
        periods=periods(start, end, Interval(options["interval"]), zone),
        form=options["form"],
        out=options["out"],
    )


def report_options(interval: str) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in (
            click.option("--out", type=click.Path(dir_okay=False), help="Write to this file."),
            click.option("--format", "form", type=FORMATS, default="table", show_default=True),
            click.option(
                "--interval",
                type=click.Choice([one.value for one in Interval]),
                default=interval,
                show_default=True,
                help="Length of the intervals, in local time.",
            ),
        ):
            command = option(command)
        return time_options("today")(command)

    return decorate


def _limit(request: Request, names: Sequence[str]) -> None:
    rows = len(request.periods) * max(len(names), 1)
    if rows > MOST_ROWS:
        raise click.BadParameter(f"would give {rows} rows; choose longer ones", param_hint="--interval")


def _write(table: Table, request: Request, fit: Fit) -> None:
    write_out(render(table, request.form, request.zone, fit, None if request.out else room()), request.out)


@click.group(cls=Group)
def report() -> None:
    """Reports on queues, agents, calls, callbacks and estimated waits, from the ledger."""


@report.command("queues")
@report_options("total")
@click.option("--queue", "queue", multiple=True, help="Only this queue (may be repeated).")
@click.option(
    "--sl-preset",
    type=click.Choice(list(PRESETS)),
    default=DEFAULT_PRESET,
    show_default=True,
    help="Formula of the service level.",
)
@click.option("--sl-threshold", type=click.FloatRange(min=0), help="Seconds [those of the queue, else 20].")
@click.pass_context
def report_queues(
    ctx: click.Context, /, queue: tuple[str, ...], sl_preset: str, sl_threshold: float | None, **options: Any
) -> None:
    """Offered, answered, abandoned, service level, waits and handle times by queue."""
    request = read_request(ctx, options)
    engine, roster = request.engine, request.roster
    refuse_unknown(engine, roster, queue, ())
    names = list(queue) or list(roster.queues)
    _limit(request, names)
    given = None if sl_threshold is None else round(sl_threshold * 1000)
    levels = {
        name: preset(sl_preset, config.sl_ms if given is None else given)
        for name, config in roster.queues.items()
        if not queue or name in queue
    }
    table = queue_table(
        queries.visits_between(engine, request.start, request.end, queue),
        queries.wrapups_around(engine, request.start, request.end),
        Scope(
            periods=request.periods,
            zone=request.zone,
            now=request.now,
            level=preset(sl_preset, 20_000 if given is None else given),
            levels=levels,
            names=tuple(names),
        ),
        queries.waiting_at(engine, request.start, queue),
    )
    _write(table, request, QUEUES)


@report.command("agents")
@report_options("total")
@click.option("--agent", "agent", multiple=True, help="Only this agent (may be repeated).")
@click.pass_context
def report_agents(ctx: click.Context, /, agent: tuple[str, ...], **options: Any) -> None:
    """Time in each state, offers, handle times, occupancy and utilisation by agent."""
    request = read_request(ctx, options)
    engine = request.engine
    refuse_unknown(engine, request.roster, (), agent)
    names = list(agent) or list(request.roster.agents)
    _limit(request, names)
    visits = queries.visits_between(engine, request.start, request.end, callbacks=True)
    table = agent_table(
        queries.agent_states_between(engine, request.start, request.end, agent),
        queries.offers_between(engine, request.start, request.end, agent),
        (visit for visit in visits if not agent or visit.agent in agent),
        queries.wrapups_around(engine, request.start, request.end),
        Scope(periods=request.periods, zone=request.zone, now=request.now, names=tuple(names)),
    )
    _write(table, request, AGENTS)


@report.command("calls")
@report_options("total")
@click.option("--queue", default="", help="Only calls that were in this queue.")
@click.option("--agent", default="", help="Only calls that this agent took part in.")
@click.pass_context
def report_calls(ctx: click.Context, /, queue: str, agent: str, **options: Any) -> None:
    """Calls by direction, how and by whom they ended, and their length."""
    request = read_request(ctx, options)
    _limit(request, ())
    refuse_unknown(request.engine, request.roster, [queue], [agent])
    wanted = queries.CallFilter(queue=queue, agent=agent)
    rows = queries.calls_between(request.engine, request.start, request.end, wanted)
    scope = Scope(periods=request.periods, zone=request.zone, now=request.now)
    _write(call_table(rows, scope), request, CALLS)


@report.command("callbacks")
@report_options("total")
@click.option("--queue", "queue", multiple=True, help="Only this queue (may be repeated).")
@click.pass_context
def report_callbacks(ctx: click.Context, /, queue: tuple[str, ...], **options: Any) -> None:
    """Callbacks by queue: how many were asked for, how they ended, and how long customers waited."""
    request = read_request(ctx, options)
    refuse_unknown(request.engine, request.roster, queue, ())
    names = list(queue) or list(request.roster.queues)
    _limit(request, names)
    rows = queries.callbacks_between(request.engine, request.start, request.end, queue)
    scope = Scope(periods=request.periods, zone=request.zone, now=request.now, names=tuple(names))
    _write(callback_table(rows, scope), request, CALLBACKS)


@report.command("wait-estimates")
@report_options("total")
@click.option("--queue", "queue", multiple=True, help="Only this queue (may be repeated).")
@click.pass_context
def report_wait_estimates(ctx: click.Context, /, queue: tuple[str, ...], **options: Any) -> None:
    """What callers would have been told of their wait, and how long it was; two other formulas beside it.

    The calls of the ledger go through the estimator again, in order, from a week before --from on. Each of
    them is told only what could be known when it came.
    """
    request = read_request(ctx, options)
    engine, roster = request.engine, request.roster
    refuse_unknown(engine, roster, queue, ())
    names = list(queue) or list(roster.queues)
    _limit(request, names)
    learning = request.start - LEARNING_MS
    records = Records(
        visits=list(queries.visits_between(engine, learning, request.end, queue)),
        offers=list(queries.offers_between(engine, learning, request.end)),
        states=list(queries.agent_states_between(engine, learning, request.end)),
        roster=roster,
    )
    scope = Scope(periods=request.periods, zone=request.zone, now=request.now, names=tuple(names))
    _write(wait_table(records, scope), request, WAITS)


commands: tuple[click.Command, ...] = (report,)

"""`ccctl why`: the decisions about a call or an agent, found again in the journal."""

from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

import click
import msgspec
from sqlalchemy import Engine

from ccctl.cli.common import print_json, print_table, printable, settings
from ccctl.cli.ledger import now_ms, read_at, read_roster, zone_of
from ccctl.diagnostics import did_you_mean
from ccctl.errors import CcctlError, NotFound
from ccctl.flow.roster import Roster
from ccctl.report.intervals import local
from ccctl.store import db, queries, recorded
from ccctl.whatif.replay import Replay
from ccctl.whatif.why import Decision, Watch
from ccctl.whatif.why_callback import CallbackWatch
from ccctl.world.explain import Caller, Reason

AROUND = 5  # callers shown behind the one who was chosen


class _Stretch(NamedTuple):
    """What to replay: from the last world kept before `since` to `until` (None: all there is)."""

    since: int
    until: int | None


@click.command()
@click.argument("about", metavar="CALL|AGENT|CALLBACK")
@click.option("--at", "moment", default="", help="As it was at this time [now].")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=5, show_default=True, help="Calls of an agent."
)
@click.option("--tz", default="", help="Time zone [that of the site, else UTC].")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def why(ctx: click.Context, /, about: str, moment: str, limit: int, tz: str, form: str) -> None:
    """Why this agent was rung for that caller, or why nobody is: each decision about a CALL, or the last
    about an AGENT; or the way of a CALLBACK, and why he is not called sooner.

    Who was free and in what order, who was not asked and why not, whose turn it was of all who waited. The
    journal is replayed for it: the daemon keeps nothing more. What is older than the journal cannot be told.
    """
    config = settings(ctx)
    roster = read_roster(config)
    zone = zone_of(tz, roster)
    now = now_ms()
    at = read_at(moment, now, zone) if moment else now

    def clock(when: int) -> str:
        return local(when, zone).strftime("%H:%M:%S")

    engine = db.open_ready(config.database_url)
    try:
        kind, about, stretch = _stretch(engine, roster, about, at, limit)
        stretch = stretch._replace(until=at) if moment else stretch
        watch = CallbackWatch(clock, about) if kind == "callback" else Watch(clock, **{kind: about})
        played = _played(engine, watch, stretch, about)
    finally:
        engine.dispose()
    decisions = watch.decisions[-limit:] if kind == "agent" else watch.decisions
    last = watch.now(played.world, at) if played.world else None
    found = [*decisions, *([last] if last else [])]
    if form == "json":
        print_json({"about": about, "notes": played.notes, "decisions": [_data(each) for each in found]})
        return
    click.echo(printable(f"{kind} {about}, times in {zone.key}"))
    _show(found, played.notes, zone)


def _stretch(engine: Engine, roster: Roster, about: str, at: int, limit: int) -> tuple[str, str, _Stretch]:
    """agent, call or callback, its name or whole reference, and what to replay."""
    with recorded.one_moment(engine) as connection:
        first = recorded.offers_since(connection, about, at, limit)
    if about in roster.agents or first is not None:
        return "agent", about, _Stretch(at if first is None else first - 1, None)
    callback = queries.callback(engine, about)
    if callback is not None:
        return "callback", about, _Stretch(callback.asked - 1, callback.ended)
    detail = queries.call(engine, about)
    if detail is None:
        near = did_you_mean(about, roster.agents)
        hint = (
            f"did you mean '{near}'?" if near else "look for it with 'ccctl call list' or 'ccctl agent list'"
        )
        raise NotFound(f"the ledger has no call or callback '{about}', the site no such agent", hint)
    if not detail.visits:
        raise CcctlError(f"call '{about}' was in no queue", "nothing was to be decided about it")
    ends = [visit.ended if visit.answered is None else visit.talk_ended for visit in detail.visits]
    until = None if None in ends else max(end for end in ends if end is not None)
    return "call", detail.call.id, _Stretch(min(visit.entered for visit in detail.visits) - 1, until)


def _played(engine: Engine, watch: Watch, stretch: _Stretch, about: str) -> Replay:
    played = Replay(watch.step)
    with recorded.one_moment(engine) as connection:
        played.run(recorded.recorded(connection, stretch.since, stretch.until))
    if played.world is None or (played.counted["skipped"] and not watch.decisions):
        hint = "see 'How long things are kept' in docs/operations.md; the ledger has 'ccctl call show'"
        raise CcctlError(f"the journal does not reach back to what was decided about '{about}'", hint)
    return played


# -- showing ---------------------------------------------------------------------------------------------


def _data(decision: Decision) -> dict[str, object]:
    data: dict[str, object] = msgspec.to_builtins(decision)
    return {**data, "told": headline(decision)}


def _show(found: Sequence[Decision], notes: Sequence[str], zone: ZoneInfo) -> None:
    for note in notes:
        click.echo(f"note: {note}; begun anew at the next world that was kept")
    if not found:
        click.echo("nothing was decided about it in this time")
    for decision in found:
        click.echo("")
        click.secho(
            printable(f"{local(decision.at, zone):%Y-%m-%d %H:%M:%S} {headline(decision)}"), bold=True
        )
        if decision.event:
            click.echo(printable(f"because: {decision.event}"))
        if decision.need:
            click.echo(printable(f"needs: {decision.need}"))
        _show_agents(decision)
        _show_callers(decision)


def headline(decision: Decision) -> str:
    """The decision in one sentence."""
    one = decision
    match one.kind:
        case "offer":
            free = sum(each.place > 0 for each in one.candidates)
            turn = next((each.place for each in one.callers if each.call == one.call), 0)
            may = sum(each.place > 0 for each in one.callers)
            agents = f"the first of {free} who were free" if free > 1 else "the only one who was free"
            callers = f"number {turn} of {may} whom he may serve" if may > 1 else "nobody else waited for him"
            return f"{one.agent} is rung for {one.call} of {one.queue}: {agents}; {callers}"
        case "passed":
            return f"{one.agent} is rung for {one.other}, not for {one.call}{_passed(one)}"
        case "callback":
            return one.state
        case "kept":
            return f"{one.agent} is {one.state}, whose phone is rung first"
        case "now" if one.agent:
            may = sum(each.place > 0 for each in one.callers)
            wait = "nobody waits" if not may else "1 caller waits" if may == 1 else f"{may} callers wait"
            return f"{one.agent}: {one.state}; {wait} whom {one.agent} may serve"
        case "now" if one.state:
            return f"{one.call} of {one.queue}: {one.state}"
    if any(each.place for each in one.candidates):
        return f"{one.call} waits in {one.queue}, though somebody is free: see who comes first"
    return f"nobody is rung for {one.call} of {one.queue}"


def _passed(decision: Decision) -> str:
    ours = next((each for each in decision.callers if each.call == decision.call), None)
    if ours is None:
        return ""
    return f": {_reasons(ours.reasons)}" if ours.reasons else f", who is number {ours.place}"


def _reasons(reasons: Sequence[Reason]) -> str:
    return "; ".join(reason.text for reason in reasons)


def _show_agents(decision: Decision) -> None:
    if decision.candidates:
        rows = [
            (each.place or "-", each.agent, each.score or f"not asked: {_reasons(each.reasons)}")
            for each in decision.candidates
        ]
        print_table(("place", "agent", "why"), rows)


def _show_callers(decision: Decision) -> None:
    if len(decision.callers) < (1 if decision.kind == "now" else 2):
        return  # nobody else waited
    shown, more = _around(decision)
    rows = [
        (
            each.place or "-",
            each.call,
            each.queue,
            each.turn + (f"; not for him: {_reasons(each.reasons)}" if each.reasons else ""),
        )
        for each in shown
    ]
    print_table(("turn", "caller", "queue", "why"), rows)
    if more:
        click.echo(f"and {more} more")


def _around(decision: Decision) -> tuple[Sequence[Caller], int]:
    """Those before the caller, himself, and some behind him."""
    wanted = {decision.call, decision.other}
    here = [at for at, each in enumerate(decision.callers) if each.call in wanted]
    end = max(here, default=0) + AROUND + 1
    return decision.callers[:end], max(0, len(decision.callers) - end)


commands: tuple[click.Command, ...] = (why,)

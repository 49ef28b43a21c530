"""What `ccctl simulate` plays: a stretch of the ledger, or a day made up for a site; and what is changed."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec
from msgspec.structs import replace

from ccctl.cli.common import fail, not_found
from ccctl.cli.ledger import now_ms, read_end, read_roster, read_start, zone_of
from ccctl.diagnostics import did_you_mean
from ccctl.flow.graph import Site
from ccctl.flow.roster import Roster
from ccctl.flow.roster import roster as roster_of
from ccctl.flow.steps import QueueStep
from ccctl.flow.values import Wrong, duration
from ccctl.flow.ways import walk
from ccctl.report.intervals import label, local
from ccctl.runtime.settings import Settings
from ccctl.whatif.chance import FORMS, Shape, Spread, read_spread
from ccctl.whatif.demand import HOUR_MS, Curve, Demand, Stretch, calls, read_curve, read_rate
from ccctl.whatif.figures import Figures, figures
from ccctl.whatif.plan import Duty, Plan, Window
from ccctl.whatif.study import Study, reading
from ccctl.whatif.variation import by_presence, with_agents, with_setting

T = TypeVar("T")
LEAD_MS = HOUR_MS  # played before what is counted, so that it does not begin with idle agents
MIDNIGHT = 1_767_571_200_000  # 2026-01-05 00:00 UTC: where days are that never were
OPENS_MS = 8 * HOUR_MS
_CLOCK = re.compile(r"\d\d?:\d\d")
_COUNT = re.compile(r"[+-]?\d{1,4}")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the command, by their names."""

    site: Path | None
    since: str
    tz: str
    arrivals: tuple[str, ...]
    talk: tuple[str, ...]
    patience: tuple[str, ...]
    pick_up: tuple[str, ...]
    hours: float
    warm_up: str
    agents: tuple[str, ...]
    queue: str
    strategy: str
    settings: tuple[str, ...]
    sl_preset: str
    runs: int
    seed: int


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """`queues` are those in which callers come; `ledger` has the figures of what really happened."""

    study: Study
    zone: ZoneInfo
    title: str
    queues: tuple[str, ...]
    notes: list[str]
    ledger: dict[str, Figures] | None = None


def right(option: str, value: T | Wrong) -> T:
    """The value of an option; a Wrong ends the command."""
    if isinstance(value, Wrong):
        hint = f"; {value.hint}" if value.hint else ""
        raise click.BadParameter(value.text + hint, param_hint=option)
    return value


# -- a day that was --------------------------------------------------------------------------------------


def history(config: Settings, wanted: Wanted) -> Case:
    from ccctl.store import db
    from ccctl.store.happened import happened, roster_at
    from ccctl.whatif.past import completed, duties, past

    applied = read_roster(config)
    zone = zone_of(wanted.tz, applied)
    start, end = window_of(wanted.since, now_ms(), zone)
    window = Window(start - LEAD_MS, start, end)
    engine = db.open_ready(config.database_url)
    records, ruling = happened(engine, window), roster_at(engine, start, end)
    engine.dispose()
    learnt = past(records)
    words = f"{label(start, zone)} to {label(end, zone)}"
    if not any(learnt.handlings.values()):
        fail(f"the ledger has no talk from {words}", "there is nothing to learn from: give another time")
    rules = completed(ruling or applied, records)
    _known_queue(wanted.queue, rules)
    notes = [f"callers, patience, handle times and agents' hours: {words} ({zone.key})"]
    if ruling is None:
        notes.append("rules: those applied now, as the journal has not kept those of that time")
    base = Plan(window, rules, duties(records.states, window))
    plans = _with_changes(base, wanted, wanted.queue)
    return Case(
        study=Study(plans=plans, past=learnt, sl_preset=wanted.sl_preset),
        zone=zone,
        title=words,
        queues=tuple(sorted({visit.queue for visit in records.visits})),
        notes=[*notes, *_changes(wanted)],
        ledger=figures(records.visits, records.states, reading(rules, window, wanted.sl_preset)),
    )


def window_of(text: str, now: int, zone: ZoneInfo) -> tuple[int, int]:
    """[start, end) of `2026-11-25T08:00..18:00`; without an end it is that of a day, else now."""
    since, dots, until = (part.strip() for part in text.partition(".."))
    start = read_start(since, now, zone)
    if _CLOCK.fullmatch(until):
        until = f"{local(start, zone).date()} {until}"
    end = read_end(until or since, now, zone)
    if not dots and end <= start:
        end = now
    end = min(end, now)
    if end <= start:
        raise click.BadParameter(f"'{text}' ends before it begins, or is to come", param_hint="--from")
    return start, end


# -- a day that never was --------------------------------------------------------------------------------


def made_up(wanted: Wanted) -> Case:
    if wanted.site is None:
        fail("what is to be simulated?", "give --from yesterday, or a SITE with --arrivals 120/h")
    if not wanted.arrivals:
        fail("no calls come", "give --arrivals 120/h, or --from for calls that came")
    site = read_site(wanted.site)
    rules = roster_of(site, "simulated")
    _known_queue(wanted.queue, rules)
    demands = _demands(site, wanted)
    start = min(demand.curve[0].start for demand in demands)
    end = max(demand.curve[-1].end for demand in demands)
    warm_up = right("--warm-up", duration(wanted.warm_up))
    if start + warm_up >= end:
        raise click.BadParameter("leaves nothing that is counted", param_hint="--warm-up")
    window = Window(MIDNIGHT + start, MIDNIGHT + start + warm_up, MIDNIGHT + end)
    queues = tuple(demand.queue for demand in demands)
    target = wanted.queue or (queues[0] if len(queues) == 1 else "")
    base = Plan(window, rules, tuple(Duty(window.start, agent, "login") for agent in rules.agents))
    for count in wanted.agents:
        base = _staffed(base, count, target) if count[:1] not in "+-" else base
    relative = tuple(count for count in wanted.agents if count[:1] in "+-")
    changes = replace(wanted, site=None, agents=relative)
    return Case(
        study=Study(
            plans=_with_changes(base, changes, target),
            demands=demands,
            midnight=MIDNIGHT,
            sl_preset=wanted.sl_preset,
        ),
        zone=ZoneInfo("UTC"),
        title=wanted.site.resolve().name,
        queues=queues,
        notes=[*(_told(demand) for demand in demands), *_changes(changes)],
    )


def read_site(folder: Path) -> Site:
    from ccctl.cli.site import print_findings
    from ccctl.runtime.site import load_site

    site, found = load_site(folder)
    if site is None:
        print_findings(found, "text")
        fail("the site has errors, so nothing was simulated", "'ccctl explain CODE' tells more")
    return site


def _demands(site: Site, wanted: Wanted) -> tuple[Demand, ...]:
    names = tuple(site.queues)
    only = wanted.queue or (names[0] if len(names) == 1 else "")
    curves = _by_queue("--arrivals", wanted.arrivals, names, lambda text: _curve(text, wanted.hours))
    if "" in curves and not only:
        text = f"say for which queue: {', '.join(f'{name}=…' for name in names)}, or give --queue"
        raise click.BadParameter(text, param_hint="--arrivals")
    curves = {queue or only: curve for queue, curve in curves.items()}
    talk = _by_queue("--talk", wanted.talk or ("4m",), names, read_spread)
    patience = _by_queue("--patience", wanted.patience or ("3m",), names, _patience)
    pick_up = _by_queue("--pick-up", wanted.pick_up or ("constant:0s",), names, read_spread)
    return tuple(
        Demand(
            queue=queue,
            curve=curve,
            talk=_for(queue, talk, Spread(Shape.EXPONENTIAL, 240_000)),
            patience=_for(queue, patience, Spread(Shape.EXPONENTIAL, 180_000)),
            pick_up=_for(queue, pick_up, Spread(Shape.CONSTANT, 0)),
            max_wait_ms=step.max_wait_ms if step else 0,
            leave_if_empty=bool(step and step.on_no_agents),
        )
        for queue, curve in curves.items()
        for step in (_step(site, queue),)
    )


def _for(queue: str, values: dict[str, T], default: T) -> T:
    return values.get(queue, values.get("", default))


def _by_queue(
    option: str, given: Sequence[str], queues: Sequence[str], read: Callable[[str], T | Wrong]
) -> dict[str, T]:
    """Values by queue, '' those of all others."""
    found: dict[str, T] = {}
    for text in given:
        queue, equals, rest = text.partition("=")
        if equals and queue not in queues:
            _no_queue(option, queue, queues)
        found[queue if equals else ""] = right(option, read(rest if equals else text))
    return found


def _curve(text: str, hours: float) -> Curve | Wrong:
    rate = read_rate(text)
    if isinstance(rate, Wrong):
        return rate
    if rate:
        return (Stretch(OPENS_MS, OPENS_MS + round(hours * HOUR_MS), rate),)
    try:
        return read_curve(Path(text).read_text(encoding="utf-8"), text)
    except (OSError, UnicodeDecodeError):
        return Wrong(f'"{text}" is neither a rate nor a file', "write for example 120/h")


def _patience(text: str) -> Spread | Wrong | None:
    if text == "none":
        return None
    found = read_spread(text)
    return Wrong(found.text, f"{FORMS}, none") if isinstance(found, Wrong) else found


def _step(site: Site, queue: str) -> QueueStep | None:
    """The first that leads into the queue: it says how long one waits, and whether without agents at all."""
    steps = (step for flow in site.flows.values() for step in walk(flow.steps))
    return next((step for step in steps if isinstance(step, QueueStep) and step.queue == queue), None)


def _told(demand: Demand) -> str:
    limit = f", longest wait {demand.max_wait_ms / 1000:g} s" if demand.max_wait_ms else ""
    return (
        f"{demand.queue}: {calls(demand.curve):.0f} calls expected, talk {demand.talk},"
        f" patience {demand.patience or 'for ever'}, picked up after {demand.pick_up}{limit}"
    )


# -- what is changed -------------------------------------------------------------------------------------


def _known_queue(name: str, rules: Roster) -> None:
    if name and name not in rules.queues:
        _no_queue("--queue", name, tuple(rules.queues))


def _no_queue(option: str, name: str, known: Sequence[str]) -> NoReturn:
    near = did_you_mean(name, known)
    hint = f"did you mean '{near}'?" if near else f"queues: {', '.join(known)}"
    not_found(f"{option}: there is no queue '{name}'", hint)


def _with_changes(base: Plan, wanted: Wanted, queue: str) -> tuple[Plan, ...]:
    """The plan, and the plan as it would be if anything is to be changed."""
    rules = base.roster
    if wanted.site is not None:
        rules = _with_lost(roster_of(read_site(wanted.site), "simulated"), base.roster)
    for option, setting in _settings(wanted, rules, queue):
        rules = right(option, with_setting(rules, setting))
    changed = replace(base, roster=rules)
    for count in wanted.agents:
        changed = _staffed(changed, count, queue)
    return (base,) if changed == base and not list(_changes(wanted)) else (base, changed)


def _with_lost(new: Roster, old: Roster) -> Roster:
    """Queues in which callers come although the other site has none: nobody serves them."""
    lost = {name: replace(queue, agents=()) for name, queue in old.queues.items() if name not in new.queues}
    return replace(new, queues={**new.queues, **lost})


def _settings(wanted: Wanted, rules: Roster, queue: str) -> Iterator[tuple[str, str]]:
    if wanted.strategy:
        for name in (queue,) if queue else rules.queues:
            yield "--strategy", f"queues.{name}.strategy={wanted.strategy}"
    for setting in wanted.settings:
        yield "--set", setting


def _staffed(plan: Plan, count: str, queue: str) -> Plan:
    if not _COUNT.fullmatch(count):
        text = f"'{count}' is no number of agents; write 12, +2 or -1"
        raise click.BadParameter(text, param_hint="--agents")
    more = int(count) - (0 if count[0] in "+-" else len(by_presence(plan, queue)))
    return right("--agents", with_agents(plan, more, queue))


def _changes(wanted: Wanted) -> Iterator[str]:
    parts = [f"site {wanted.site}"] if wanted.site else []
    parts += [f"strategy {wanted.strategy}"] if wanted.strategy else []
    parts += [*wanted.settings, *(f"agents {count}" for count in wanted.agents)]
    if parts:
        where = f" (queue {wanted.queue})" if wanted.queue else ""
        yield f"changed{where}: {', '.join(parts)}"

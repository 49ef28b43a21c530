"""Several plans, the same callers, many runs: what the figures are, and what a change does to them. Pure."""

from collections.abc import Sequence

import msgspec

from ccctl.flow.roster import Roster
from ccctl.report.intervals import Period
from ccctl.report.kpi import DEFAULT_PRESET, preset
from ccctl.whatif.chance import Chance
from ccctl.whatif.day import play
from ccctl.whatif.demand import Demand, callers
from ccctl.whatif.figures import Figures, Half, Reading, figures
from ccctl.whatif.past import Past, callers_again
from ccctl.whatif.plan import Caller, Plan, Window
from ccctl.whatif.statistics import Estimate, difference, estimate

Run = tuple[dict[str, Figures], ...]  # for each plan the figures by queue
NAMES = tuple(name for name in Figures.__struct_fields__ if name != "halves")


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """`plans`: as it is, and, if something is to be changed, as it would be. `midnight` is that of the day
    for which `demands` hold."""

    plans: tuple[Plan, ...]
    past: Past | None = None
    demands: tuple[Demand, ...] = ()
    midnight: int = 0
    sl_preset: str = DEFAULT_PRESET


def reading(roster: Roster, window: Window, sl_preset: str) -> Reading:
    queues = roster.queues.values()
    return Reading(
        counted=Period(window.counted, window.end),
        levels={queue.name: preset(sl_preset, queue.sl_ms) for queue in queues},
        members={queue.name: queue.agents for queue in queues},
    )


def who_comes(study: Study, chance: Chance) -> list[Caller]:
    if study.past is not None:
        return callers_again(study.past, chance)
    return callers(study.demands, study.midnight, chance)


def run_once(study: Study, chance: Chance) -> Run:
    """Every plan with the same callers."""
    coming = who_comes(study, chance)
    found = []
    for plan in study.plans:
        played = play(plan, coming)
        how = reading(plan.roster, plan.window, study.sl_preset)
        found.append(figures(played.visits, played.states, how))
    return tuple(found)


class Compared(msgspec.Struct, frozen=True):
    """One figure under each plan; `change` is what the second makes of the first, None with one plan."""

    plans: tuple[Estimate, ...]
    change: Estimate | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What all runs say of one queue: its figures by name, and the service level by half hour and plan."""

    figures: dict[str, Compared]
    offered: tuple[Estimate, ...]
    levels: tuple[tuple[Estimate, ...], ...]


def outcome(runs: Sequence[Run], queue: str) -> Outcome:
    """Over at least one run."""
    by_plan = [[run[number][queue] for run in runs] for number in range(len(runs[0]))]
    return Outcome(
        figures={name: _compared(by_plan, name) for name in NAMES},
        offered=tuple(estimate([half.offered for half in column]) for column in _columns(by_plan[0])),
        levels=tuple(
            tuple(estimate([half.sl for half in column]) for column in _columns(plan)) for plan in by_plan
        ),
    )


def _columns(runs: Sequence[Figures]) -> list[tuple[Half, ...]]:
    return list(zip(*(run.halves for run in runs), strict=True))


def _compared(by_plan: Sequence[Sequence[Figures]], name: str) -> Compared:
    values = [[getattr(run, name) for run in plan] for plan in by_plan]
    change = difference(values[0], values[1]) if len(values) > 1 else None
    return Compared(tuple(estimate(each) for each in values), change)

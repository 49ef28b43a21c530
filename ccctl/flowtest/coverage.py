"""Which branches of the flows the tests took. A branch is an outcome of a step: a key of a menu, a closed
office, a queue that is full; in the dialplan the extension `<step><number>_<outcome>` of the flow."""

import re
from collections.abc import Iterable

import msgspec

from ccctl.flow.compile import Plan
from ccctl.flow.dialplan import Context, Exten
from ccctl.flowtest.story import Executed

_BRANCH = re.compile(r"[a-z]+[0-9]+_.+")
Place = tuple[str, str]  # context, extension


class Branch(msgspec.Struct, frozen=True, order=True):
    flow: str
    outcome: str  # as the dialplan calls it: menu3_1, hours2_closed
    context: str
    exten: str


class FlowCoverage(msgspec.Struct, frozen=True):
    flow: str
    branches: tuple[Branch, ...]
    missed: tuple[Branch, ...]

    @property
    def percent(self) -> float:
        return percent_of(len(self.branches) - len(self.missed), len(self.branches))


def percent_of(taken: int, every: int) -> float:
    return 100 * taken / every if every else 100.0


def branches(plan: Plan) -> tuple[Branch, ...]:
    """All branches of the flows of a plan."""
    prefix = f"cc-{plan.generation}-"
    found: list[Branch] = []
    for context in plan.contexts:
        if context.name.startswith(prefix):
            flow, _, menu = context.name.removeprefix(prefix).partition(".")
            found += _of_menu(flow, menu, context) if menu else _of_flow(flow, context)
    return tuple(found)


def _of_flow(flow: str, context: Context) -> list[Branch]:
    names = (exten.name for exten in context.extens if _BRANCH.fullmatch(exten.name))
    return [Branch(flow, name, context.name, name) for name in names]


def _of_menu(flow: str, menu: str, context: Context) -> list[Branch]:
    """Keys that play the menu again have no extension in the flow."""
    repeats = (exten for exten in context.extens if _repeats(exten, context.name))
    return [Branch(flow, f"{menu}_{exten.name}", context.name, exten.name) for exten in repeats]


def _repeats(exten: Exten, context: str) -> bool:
    keys = re.fullmatch(r"[0-9*#]+", exten.name)
    return bool(keys) and any(line.app == "Goto" and line.args[:1] == (context,) for line in exten.lines)


def cover(every: Iterable[Branch], steps: Iterable[Executed]) -> tuple[FlowCoverage, ...]:
    taken = {(step.context, step.exten) for step in steps}
    flows: dict[str, list[Branch]] = {}
    for branch in every:
        flows.setdefault(branch.flow, []).append(branch)
    return tuple(
        FlowCoverage(flow, tuple(known), tuple(b for b in known if (b.context, b.exten) not in taken))
        for flow, known in sorted(flows.items())
    )


def total(flows: Iterable[FlowCoverage]) -> float:
    known = list(flows)
    missed = sum(len(flow.missed) for flow in known)
    every = sum(len(flow.branches) for flow in known)
    return percent_of(every - missed, every)


def table(flows: Iterable[FlowCoverage]) -> list[tuple[str, str, str, str]]:
    """Rows: flow, taken of all, percent, what was never taken."""
    return [
        (
            flow.flow,
            f"{len(flow.branches) - len(flow.missed)}/{len(flow.branches)}",
            f"{flow.percent:.0f} %",
            ", ".join(branch.outcome for branch in flow.missed),
        )
        for flow in flows
    ]

"""Which branches of the flows the tests took. A branch is an outcome of a step: a key of a menu, a closed
office, a queue that is full; in the dialplan the extension `<step><number>_<outcome>` of the flow."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow.compile import Plan
from ccctl.flow.compile_flow import FlowCompiler, Registry, flow_context, subflow_context
from ccctl.flow.compile_steps import REGISTRY
from ccctl.flow.dialplan import Context, Exten
from ccctl.flow.graph import Flow, Site
from ccctl.sim import Executed

_BRANCH = re.compile(r"([a-z]+)([0-9]+)_(.+)")
_LEG = re.compile(r"leg[0-9]+")  # channels of their own, not ways of the caller
_KEYS = {"star": "*", "hash": "#"}
Place = tuple[str, str]  # context, extension


class Branch(msgspec.Struct, frozen=True):
    """One outcome of a step of a flow. A flow that is also a subroutine has it in two places."""

    flow: str
    step: str  # menu, hours, ...
    number: int
    outcome: str
    places: frozenset[Place]
    span: Span = Span()

    def __str__(self) -> str:
        return f"{self.step} {self.outcome}"


class FlowCoverage(msgspec.Struct, frozen=True):
    flow: str
    branches: tuple[Branch, ...]
    missed: tuple[Branch, ...]

    @property
    def percent(self) -> float:
        return percent_of(len(self.branches) - len(self.missed), len(self.branches))


def percent_of(taken: int, every: int) -> float:
    return 100 * taken / every if every else 100.0


Contexts = dict[str, list[Context]]  # by name, each with the contexts of its menus behind it


def branches(site: Site, plan: Plan) -> tuple[Branch, ...]:
    """All branches of the flows of a plan, in the order of the flows."""
    contexts: Contexts = {}
    for context in plan.contexts:
        contexts.setdefault(context.name, []).insert(0, context)
        contexts.setdefault(context.name.rpartition(".")[0], []).append(context)
    return tuple(
        branch for flow in site.flows.values() for branch in _of_flow(site, plan.generation, flow, contexts)
    )


def _of_flow(site: Site, generation: str, flow: Flow, contexts: Contexts) -> list[Branch]:
    places: dict[tuple[str, int, str], set[Place]] = {}
    for root in (flow_context(generation, flow.name), subflow_context(generation, flow.name)):
        for outcome, place in _outcomes(root, contexts):
            places.setdefault(outcome, set()).add(place)
    spans = step_spans(site, flow)
    return [
        Branch(flow.name, step, number, _shown(outcome), frozenset(found), spans.get(number, flow.span))
        for (step, number, outcome), found in places.items()
    ]


Outcome = tuple[tuple[str, int, str], Place]


def _outcomes(root: str, contexts: Contexts) -> Iterable[Outcome]:
    for context in contexts.get(root, ()):
        menu = re.fullmatch(r"([a-z]+)([0-9]+)", context.name.removeprefix(f"{root}."))
        for exten in context.extens:
            found = _BRANCH.fullmatch(exten.name)
            if found and context.name == root and not _LEG.match(found[3]):
                yield (found[1], int(found[2]), found[3]), (root, exten.name)
            elif menu and _repeats(exten, context.name):
                yield (menu[1], int(menu[2]), exten.name), (context.name, exten.name)


def _repeats(exten: Exten, context: str) -> bool:
    """Keys that play the menu again have no extension in the flow."""
    keys = re.fullmatch(r"[0-9*#]+", exten.name)
    return bool(keys) and any(line.app == "Goto" and line.args[:1] == (context,) for line in exten.lines)


def _shown(outcome: str) -> str:
    return "".join(_KEYS.get(word, word) for word in re.split(r"(star|hash)", outcome))


def step_spans(site: Site, flow: Flow) -> dict[int, Span]:
    """The place of each numbered step: what the compiler numbers next is the step that it is given."""
    spans: dict[int, Span] = {}

    def watched(compile_step: Callable[..., None]) -> Callable[..., None]:
        def compile_and_note(compiler: FlowCompiler, block: Any, step: Any, *then: Any) -> None:
            spans.setdefault(compiler.serial + 1, step.span)
            compile_step(compiler, block, step, *then)

        return compile_and_note

    plain = {kind: watched(function) for kind, function in REGISTRY.plain.items()}
    branching = {kind: watched(function) for kind, function in REGISTRY.branching.items()}
    FlowCompiler(site, "000000", flow, Registry(plain, branching, REGISTRY.terminal)).compile()
    return spans


def cover(every: Iterable[Branch], steps: Iterable[Executed]) -> tuple[FlowCoverage, ...]:
    taken = {(step.context, step.exten) for step in steps}
    flows: dict[str, list[Branch]] = {}
    for branch in every:
        flows.setdefault(branch.flow, []).append(branch)
    return tuple(
        FlowCoverage(flow, tuple(known), tuple(branch for branch in known if not branch.places & taken))
        for flow, known in flows.items()
    )


def total(flows: Iterable[FlowCoverage]) -> float:
    known = list(flows)
    missed = sum(len(flow.missed) for flow in known)
    every = sum(len(flow.branches) for flow in known)
    return percent_of(every - missed, every)


def table(flows: Iterable[FlowCoverage]) -> list[tuple[str, str, str]]:
    """Rows: flow, taken of all, percent."""
    return [
        (flow.flow, f"{len(flow.branches) - len(flow.missed)}/{len(flow.branches)}", f"{flow.percent:.0f} %")
        for flow in flows
        if flow.branches
    ]


def never_taken(flows: Iterable[FlowCoverage]) -> list[str]:
    """A line for each branch that no test took: place, flow, step and outcome."""
    return [
        f"{branch.span.file}:{branch.span.line}:{branch.span.column}: never taken: {flow.flow}, {branch}"
        for flow in flows
        for branch in flow.missed
    ]

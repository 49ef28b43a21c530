"""Checks of variables: declared, of a type that fits, set before they are read."""

import re
from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic, Span, did_you_mean
from ccctl.flow import graph as g
from ccctl.flow.checks_menus import steps_of
from ccctl.flow.checks_names import unknown
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import place
from ccctl.flow.circles import circles
from ccctl.flow.graph import Variable
from ccctl.flow.schema import Draft
from ccctl.flow.schema_words import BUILT_IN
from ccctl.flow.summaries import NUMERIC, Summary


@finding("E505")
def check_declared(draft: Draft) -> Iterator[Diagnostic]:
    """A variable that is not declared.

    The section vars says of every variable what may pass into it; nothing else reaches the dialplan.

    Bad:
        main: [{set: {tire: gold}}, hangup]
    Good:
        main: [{set: {tier: gold}}, hangup]
    """
    for ref in unknown(draft, "vars"):
        near = did_you_mean(ref.name, draft.names["vars"])
        hint = f'did you mean "{near}" ({place(draft.names["vars"][near])})?' if near else ""
        declare = f"add vars: {{{ref.name}: {{type: digits, max: 10}}}}"
        yield found("E505", ref.span, f'"{ref.name}" is not declared', hint or declare)


@finding("E504")
def check_values(draft: Draft) -> Iterator[Diagnostic]:
    """A value that a variable cannot have.

    Bad:
        main: [{if: tier is platinum, then: support}, hangup]
    Good:
        main: [{if: tier is gold, then: support}, hangup]
    """
    for name, value, span in draft.given:
        yield from _fitting(draft, name, value, span)
    for variable in draft.site.vars.values():
        if variable.default and (why := misfit(variable, variable.default)):
            span = draft.spot("vars", variable.name, "default")
            yield found("E504", span, f'{variable.name} has no value "{variable.default}"', why)


def check_cases(draft: Draft) -> Iterator[Diagnostic]:
    """The cases of switch steps. The page of E504 is with check_values."""
    for step in steps_of(draft):
        if isinstance(step, g.Switch):
            for case in step.cases:
                yield from _fitting(draft, step.variable, case.key, case.span)


def _fitting(draft: Draft, name: str, value: str, span: Span) -> Iterator[Diagnostic]:
    variable = draft.site.vars.get(name)
    if variable and variable.type == "enum" and not variable.values:
        return  # told where it is declared
    if variable and (why := misfit(variable, value)):
        yield found("E504", span, f'{name} has no value "{value}"', why)


def misfit(variable: Variable, value: str) -> str:
    """Why the variable cannot hold the value; '' when it can."""
    match variable.type:
        case "enum":
            return "" if value in variable.values else f"values: {', '.join(variable.values)}"
        case "flag":
            return "" if value in ("yes", "no") else "values: yes, no"
        case "digits":
            fits = re.fullmatch(r"[0-9]+", value) and len(value) <= variable.most
            return "" if fits else f"it holds up to {variable.most} digits"
        case "phone":
            return "" if re.fullmatch(r"\+?[0-9]{1,15}", value) else "it holds a number like +49301234500"
        case "number":
            return _number_misfit(variable, value)
        case _:
            fits = re.fullmatch(r"[\w .@]+", value) and len(value.encode()) <= variable.most
            return "" if fits else f"it holds letters, digits and blanks, at most {variable.most}"


def _number_misfit(variable: Variable, value: str) -> str:
    if not re.fullmatch(r"-?[0-9]{1,9}", value):
        return "it holds a whole number"
    if (variable.least or variable.most) and not variable.least <= int(value) <= variable.most:
        return f"it holds {variable.least} to {variable.most}"
    return ""


@finding("E510")
def check_comparisons(draft: Draft) -> Iterator[Diagnostic]:
    """Numbers are compared where there are none.

    < and > compare whole numbers: variables of type number or digits.

    Bad:
        main: [{if: tier >= 3, then: support}, hangup]
    Good:
        main: [{if: tier is gold, then: support}, hangup]
    """
    for clause in _clauses(draft):
        variable = draft.site.vars.get(clause.variable)
        if clause.op in NUMERIC and (variable or clause.variable in BUILT_IN):
            kind = variable.type if variable else "text"
            if kind not in ("number", "digits"):
                text = f"{clause.variable} is of type {kind} and has no order"
                yield found("E510", clause.span, text, "compare with is, or use a variable of type number")


def _clauses(draft: Draft) -> Iterator[g.Clause]:
    for step in steps_of(draft):
        if isinstance(step, g.If):
            yield from (clause for group in step.condition.groups for clause in group)


# -- set before read -------------------------------------------------------------------------------


@finding("E501")
def check_set(draft: Draft) -> Iterator[Diagnostic]:
    """A variable may be read before anything has set it.

    A condition may ask `is set`; everything else needs a value on every way that leads there. Give the
    variable a default, or set it before.

    Bad:
        numbers: {"+49301234500": main}
        vars: {kind: {type: digits, max: 2}}
        flows: {main: [{say: "{{ kind }}"}, hangup]}
    Good:
        numbers: {"+49301234500": main}
        vars: {kind: {type: digits, max: 2, default: "0"}}
        flows: {main: [{say: "{{ kind }}"}, hangup]}
    """
    if not draft.site.vars or draft.broken or any(unknown(draft, "vars")) or any(unknown(draft, "flows")):
        return
    reads: dict[tuple[str, Span], str] = {}
    for path, name, span in Unset(draft).found():
        reads.setdefault((name, span), path)
    for (name, span), path in reads.items():
        text = f'"{name}" may be unset on the path {path}'
        yield found("E501", span, text, f"give vars.{name} a default, or set it before")


class Unset:
    """Follows every flow from the numbers with the set of variables that surely have a value."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.defaults = frozenset(v.name for v in draft.site.vars.values() if v.default)
        self.entry: dict[str, tuple[frozenset[str], str]] = {}
        self.waiting: list[str] = []
        self.reads: dict[tuple[str, str, Span], None] = {}

    def found(self) -> list[tuple[str, str, Span]]:
        for number in self.draft.site.numbers.values():
            self.arrive(number.flow, self.defaults | frozenset(number.values), number.flow)
        while self.waiting:
            name = self.waiting.pop()
            known, path = self.entry[name]
            self.reads = {key: None for key in self.reads if key[0].split(" -> ")[-1] != name}
            if name in self.draft.summaries:
                self.follow(self.draft.summaries[name], known, path)
        return list(self.reads)

    def follow(self, flow: Summary, known: frozenset[str], path: str) -> None:
        for name, span in flow.needs:
            if name in self.draft.site.vars and name not in known:
                self.reads[path, name, span] = None
        for target, own in flow.enters:
            self.arrive(target, known | own, path)

    def arrive(self, flow: str, known: frozenset[str], path: str) -> None:
        """The flow is entered with these; what is not known on one of the ways is not known."""
        before = self.entry.get(flow)
        both = known & before[0] if before else known
        if before is None or both != before[0]:
            self.entry[flow] = (both, path if path.endswith(flow) else f"{path} -> {flow}")
            self.waiting.append(flow)


# -- subflows --------------------------------------------------------------------------------------


@finding("E405")
def check_recursion(draft: Draft) -> Iterator[Diagnostic]:
    """A subflow that calls itself.

    Every round would leave a return address behind until none is left. Use goto, or a loop.

    Bad:
        support: [{subflow: verify}, hangup]
        verify: [{play: welcome}, {subflow: verify}, return]
    Good:
        support: [{subflow: verify}, hangup]
        verify: [{play: welcome}, return]
    """
    if not draft.called:
        return
    calls = {name: each.runs for name, each in draft.summaries.items()}
    for circle in circles(calls):
        text = f"subflow {' -> '.join([*circle, circle[0]])} calls itself"
        yield found("E405", calls[circle[-1]][circle[0]], text, "use goto, or loop")


@finding("E412")
def check_return(draft: Draft) -> Iterator[Diagnostic]:
    """return stands in a flow that no subflow step runs.

    There is nowhere to return to: the call would end.

    Bad:
        main: [{play: welcome}, return]
    Good:
        main: [{play: welcome}, hangup]
    """
    for name, flow in draft.summaries.items():
        if flow.returns and name not in draft.called and not draft.broken:
            text = f'flow "{name}" returns, but no subflow step runs it'
            yield found("E412", flow.returns, text, "write hangup or goto, or run it with subflow")


CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_declared,
    check_values,
    check_set,
    check_recursion,
    check_return,
)
FLOW_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (check_cases, check_comparisons)

"""Checks of the way a call takes: every flow is reached, ends on purpose, and never turns in circles."""

from collections.abc import Callable, Iterator
from itertools import pairwise

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow.checks_menus import steps_of
from ccctl.flow.checks_names import unknown
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.circles import circles
from ccctl.flow.graph import Body, Callback, Dial, QueueStep
from ccctl.flow.schema import Draft
from ccctl.flow.schema_desk import is_number
from ccctl.flow.summaries import reached
from ccctl.flow.ways import Then, all_bodies, goes_on, verb, walk, ways


@finding("E401")
def check_reached(draft: Draft) -> Iterator[Diagnostic]:
    """A flow that no number leads to.

    Bad:
        numbers: {"+49301234500": main}
        flows: {main: [hangup], partner: [hangup]}
    Good:
        numbers: {"+49301234500": main, "+49301234501": partner}
        flows: {main: [hangup], partner: [hangup]}
    """
    if draft.broken or any(unknown(draft, "flows")):
        return
    edges = {name: each.leads for name, each in draft.summaries.items()}
    starts = (number.flow for number in draft.site.numbers.values())
    known = reached(draft.site, draft.summaries, starts)
    lost = [name for name in edges if name not in known]
    led_to = {target for name in lost for target in edges[name] if target != name}
    heads = [name for name in lost if name not in led_to]
    for name in heads or lost[:1]:
        text = f'flow "{name}" is unreachable from every number'
        yield found("E401", draft.names["flows"][name], text, "delete it or route to it")


# -- ends ------------------------------------------------------------------------------------------


@finding("E402")
def check_never_run(draft: Draft) -> Iterator[Diagnostic]:
    """A step after one that ends the call.

    Bad:
        main: [hangup, {play: goodbye}]
    Good:
        main: [{play: goodbye}, hangup]
    """
    for flow in draft.site.flows.values():
        if flow.name in draft.broken:
            continue
        for body in all_bodies(flow.steps):
            for step, after in pairwise(body):
                if not goes_on(step):
                    where = f"{step.span.line}:{step.span.column}"
                    text = f'step after "{verb(step)}" ({where}) can never run'
                    yield found("E402", after.span, text, "delete it, or move it before")
                    break


@finding("E404")
def check_ends(draft: Draft) -> Iterator[Diagnostic]:
    """A flow runs off its end.

    The last step of a flow must end the call or go elsewhere, in each of its outcomes; else the
    caller is cut off without a word. After a talk with an agent the end is fine.

    Bad:
        main: [{play: welcome}]
    Good:
        main: [{play: welcome}, {goto: front-desk}]
    """
    for flow in draft.site.flows.values():
        if flow.name not in draft.broken and flow.name not in draft.called:
            caught = bool(flow.catch or draft.site.defaults.catch)
            for span, how in sorted(set(_leaks(flow.steps, caught))):
                text = f'flow "{flow.name}" runs off its end {how}'
                yield found("E404", span, text, _end_hint(how))


def _end_hint(how: str) -> str:
    return "add goto, voicemail or hangup" if how == "here" else "add that outcome, or a step after this one"


def _leaks(body: Body, caught: bool) -> Iterator[tuple[Span, str]]:
    """Places where a call falls out of the body, and when. `caught`: what is not written is caught."""
    last = next((step for step in body if not goes_on(step)), body[-1] if body else None)
    if isinstance(last, Callback):  # noted, or refused in the caller's hearing: E704 sees to the rest
        return
    for way in ways(last) if last else ():
        open_end = way.empty is Then.ON or (way.leak and way.empty is Then.END and not caught)
        if way.body and way.after is Then.ON:
            yield from _leaks(way.body, caught)
        elif last and not way.body and open_end and way.outcome != "answered":
            yield last.span, way.leak or "here"


@finding("W411")
def check_queue_outcomes(draft: Draft) -> Iterator[Diagnostic]:
    """A queue step says nothing about an outcome that can happen.

    The call would end without a word. What is not written is done as on_timeout says.

    Bad:
        - {queue: support, max_wait: 10m}
    Good:
        - {queue: support, max_wait: 10m, on_timeout: {voicemail: support}}
    """
    flows = [] if draft.broken or draft.site.defaults.catch else draft.site.flows.values()
    for step in (step for flow in flows if not flow.catch for step in walk(flow.steps)):
        queue = draft.site.queues.get(step.queue) if isinstance(step, QueueStep) else None
        if isinstance(step, QueueStep) and queue and not step.on_timeout:
            possible = {
                "on_full": bool(queue.max_callers) and not step.on_full,
                "on_no_agents": queue.engine == "native" and not step.on_no_agents,
                "on_overflow": queue.sends_on and not step.on_overflow,
                "on_timeout": bool(step.max_wait_ms),
            }
            missing = [outcome for outcome, open_ in possible.items() if open_]
            if missing:
                text = f"the call would end without a word: queue step has no {' and no '.join(missing)}"
                yield found("W411", step.span, text, "add on_timeout; it serves for the others, too")


# -- circles ---------------------------------------------------------------------------------------


@finding("E403")
def check_circles(draft: Draft) -> Iterator[Diagnostic]:
    """Flows that lead into one another for ever.

    A caller who presses nothing, or whom nobody can answer, would go round until the line is cut.
    One of the flows must end, wait in a queue, or ring somebody.

    Bad:
        main: [{play: closed}, {goto: after-hours}]
        after-hours: [{play: sorry}, {goto: main}]
    Good:
        main: [{play: closed}, {goto: after-hours}]
        after-hours: [{play: sorry}, hangup]
    """
    edges = {name: each.idle for name, each in draft.summaries.items()}
    for circle in circles(edges):
        way = " -> ".join([*circle, circle[0]])
        span = edges[circle[-1]][circle[0]]
        text = f"loop without exit: {way}; a caller who presses nothing stays in it for ever"
        yield found("E403", span, text, "let one of them end with voicemail, dial, queue or hangup")


# -- outcomes and numbers --------------------------------------------------------------------------


@finding("E407")
def check_own_numbers(draft: Draft) -> Iterator[Diagnostic]:
    """A dial step calls a number of this site.

    The call would leave by the trunk and come back as a new one, or go round for ever.

    Bad:
        main: [{dial: "+49301234500", on_no_answer: hangup}]
    Good:
        main: [{goto: main}]
    """
    for number, span in draft.dialled:
        own = draft.site.numbers.get(number)
        if own:
            where = f"{own.span.line}:{own.span.column}"
            text = f'"{number}" is this site\'s own number ({where})'
            yield found("E407", span, text, f"use goto: {own.flow}")


@finding("E410")
def check_via(draft: Draft) -> Iterator[Diagnostic]:
    """A number is dialled and it is not said through which trunk.

    With exactly one trunk it is taken without being named.

    Bad:
        main: [{dial: "+49301111111", on_no_answer: hangup}]      # two trunks
    Good:
        main: [{dial: "+49301111111", via: telco, on_no_answer: hangup}]
    """
    for step in steps_of(draft):
        if isinstance(step, Dial) and not step.via:
            number = next((target for target in step.targets if is_number(target)), None)
            if number:
                names = ", ".join(draft.site.trunks) or "none"
                yield found(
                    "E410",
                    step.span,
                    f'"{number}" needs a trunk',
                    f"add via: and a trunk (there are: {names})",
                )


@finding("W408")
def check_impossible(draft: Draft) -> Iterator[Diagnostic]:
    """An outcome that can never happen.

    A queue without max_callers is never full. A wait without max_wait never times out, and on_timeout
    serves for no other outcome when all of them are written.

    Bad:
        - {queue: endless, on_full: overflow, on_timeout: overflow}
    Good:
        - {queue: endless, max_wait: 10m, on_timeout: overflow}
    """
    for step in steps_of(draft):
        queue = draft.site.queues.get(step.queue) if isinstance(step, QueueStep) else None
        if not isinstance(step, QueueStep) or not queue:
            continue
        if step.on_full and not queue.max_callers:
            text = f'on_full can never happen: queue "{queue.name}" has no max_callers'
            yield found("W408", step.on_full[0].span, text, "add max_callers to the queue")
        if step.on_overflow and not queue.sends_on:
            text = f'on_overflow can never happen: no overflow rule of queue "{queue.name}" says leave'
            hint = "write overflow: [{when: {wait: 5m}, leave: true}] in the queue"
            yield found("W408", step.on_overflow[0].span, text, hint)
        others = (
            (not queue.sends_on or step.on_overflow)
            and step.on_no_agents
            and step.on_failed
            and (step.on_full or not queue.max_callers)
        )
        if step.on_timeout and not step.max_wait_ms and others:
            text = "on_timeout can never happen: this step has no max_wait"
            yield found("W408", step.on_timeout[0].span, text, "add max_wait")


CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_reached,
    check_circles,
    check_own_numbers,
)
FLOW_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_never_run,
    check_ends,
    check_via,
    check_impossible,
    check_queue_outcomes,
)

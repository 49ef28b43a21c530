"""What checks of a whole site need to know of each flow: made of the flow alone, and kept with it. Pure."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from ccctl.diagnostics import Span
from ccctl.flow import graph as g
from ccctl.flow.graph import AnyStep, Body, Flow, Site
from ccctl.flow.sentences import BRACES, slots
from ccctl.flow.ways import Then, falls_through, prompts_of, walk, ways

NUMERIC = ("less", "at_most", "more", "at_least")
Targets = dict[str, Span]  # flow -> place of the step that leads there


class Summary(msgspec.Struct, frozen=True, array_like=True):
    """`leads`: flows that it goes to or runs; the catch is at the flow's own place. `idle`: those where a
    call gets to although the caller presses nothing and nobody can answer. `runs`: as subflows.

    `needs`: variables that a step reads and that the flow itself has not surely set before. `enters`: the
    flows that it leads to, with the variables that it has surely set before.

    `unasked`: queue steps where a call gets to without consent or a recording step; `onward`: flows so.
    """

    leads: Targets = {}
    idle: Targets = {}
    runs: Targets = {}
    returns: Span | None = None
    needs: tuple[tuple[str, Span], ...] = ()
    enters: tuple[tuple[str, frozenset[str]], ...] = ()
    unasked: tuple[tuple[str, Span], ...] = ()
    onward: tuple[str, ...] = ()
    asks: tuple[g.Http, ...] = ()
    prompts: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()  # variables that take whatever digits callers type
    kinds: frozenset[str] = frozenset()  # of steps, as their classes are called
    music: tuple[str, ...] = ()  # classes that its steps play
    says: tuple[g.Say, ...] = ()  # those that play prompts of their own


def summary(flow: Flow) -> Summary:
    steps = list(walk(flow.steps))
    leads = {step.flow: step.span for step in steps if isinstance(step, g.Goto | g.Subflow)}
    set_, told = _Set(), _Told()
    set_.body(flow.steps, frozenset())
    told.body(flow.steps)
    return Summary(
        {flow.catch: flow.span, **leads} if flow.catch else leads,
        hurry(flow.steps)[0],
        {step.flow: step.span for step in steps if isinstance(step, g.Subflow)},
        next((step.span for step in steps if isinstance(step, g.Return)), None),
        tuple(set_.needs),
        tuple(set_.enters),
        tuple((queue, span) for span, queue in told.queues.items()),
        tuple(told.onward),
        tuple(step for step in steps if isinstance(step, g.Http)),
        tuple(dict.fromkeys(prompt for step in steps for prompt in prompts_of(step))),
        tuple(step.save for step in steps if isinstance(step, g.Gather) and not step.matches),
        _kinds(steps),
        tuple({step.music for step in steps if isinstance(step, g.Dial | g.Wait)}),
        tuple(step for step in steps if isinstance(step, g.Say) and (step.text or step.say_as == "word")),
    )


def _kinds(steps: list[AnyStep]) -> frozenset[str]:
    found = {type(step).__name__ for step in steps}
    offers = any(isinstance(step, g.QueueStep) and step.offer for step in steps)
    return frozenset(found | {g.CallbackOffer.__name__} if offers else found)


def reached(site: Site, summaries: Mapping[str, Summary], starts: Iterable[str]) -> set[str]:
    """Every flow that a call can get to which begins in one of `starts`."""
    waiting = [*starts, site.defaults.catch, *(box.operator for box in site.mailboxes.values())]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in summaries and name not in found:
            found.add(name)
            waiting += summaries[name].leads
    return found


# -- who presses nothing ---------------------------------------------------------------------------


def hurry(body: Body) -> tuple[Targets, bool]:
    """Where a call gets to although the caller presses nothing and nobody can answer; and whether
    it gets to the end of the body so."""
    targets: Targets = {}
    for step in body:
        passed, through = _hurry_step(step)
        targets = {**passed, **targets}
        if not through:
            return targets, False
    return targets, True


def _hurry_step(step: AnyStep) -> tuple[Targets, bool]:
    if isinstance(step, g.Goto):
        return {step.flow: step.span}, False
    targets: Targets = {}
    through = False
    for way in ways(step):
        if not way.idle:
            continue
        passed, fell = hurry(way.body)
        targets |= passed
        through |= fell and (way.after if way.body else way.empty) is Then.ON
    return targets, through


# -- variables -------------------------------------------------------------------------------------


class _Set:
    """Follows one flow with the variables that it has surely set. What was set before it is entered adds to
    that and changes nothing else, so one summary serves for every way that leads there."""

    def __init__(self) -> None:
        self.needs: dict[tuple[str, Span], None] = {}
        self.enters: dict[tuple[str, frozenset[str]], None] = {}

    def body(self, steps: Body, known: frozenset[str]) -> frozenset[str]:
        for step in steps:
            for name, span in reads_of(step):
                if name not in known:
                    self.needs[name, span] = None
            known = self.step(step, known)
        return known

    def step(self, step: AnyStep, known: frozenset[str]) -> frozenset[str]:
        after = known.union(sets_of(step))
        match step:
            case g.Goto():
                self.enters[step.flow, after] = None
            case g.Subflow():
                self.enters[step.flow, after] = None
                return after | ({step.save} if step.save else set())
            case g.If():
                return self.decide(step, known)
        return self.meet(step, after)

    def meet(self, step: AnyStep, after: frozenset[str]) -> frozenset[str]:
        """What is set however the call came to the next step."""
        ends = []
        for way in ways(step):
            end = self.body(way.body, after)
            if (way.after if way.body else way.empty) is Then.ON and falls_through(way.body):
                ends.append(end)
        return frozenset.intersection(*ends) if ends else after

    def decide(self, step: g.If, known: frozenset[str]) -> frozenset[str]:
        """What a condition has found to be set is set where it holds."""
        groups = step.condition.groups
        sure = groups[0] if len(groups) == 1 else ()
        holds = {clause.variable for clause in sure if clause.op in ("set", "is", "starts_with")}
        lacks = {clause.variable for clause in sure if clause.op == "unset" and len(sure) == 1}
        arms = ((step.then, known | holds), (step.otherwise, known | lacks))
        ends = [(body, self.body(body, before)) for body, before in arms]
        on = [end for body, end in ends if falls_through(body)]
        return frozenset.intersection(*on) if on else known


def sets_of(step: AnyStep) -> Iterator[str]:
    """Variables that surely have a value after the step."""
    match step:
        case g.Assign():
            yield from (change.variable for change in step.changes)
        case g.Goto() | g.Subflow():
            yield from (change.variable for change in step.arguments)
        case g.Gather():
            yield step.save


def reads_of(step: AnyStep) -> Iterator[tuple[str, Span]]:
    """Variables that the step needs a value of. `is set` needs none; a missing one equals no word."""
    match step:
        case g.Say():
            if named := BRACES.fullmatch(step.value):
                yield named[1], step.span
            yield from ((slot.variable, step.span) for slot in slots(step))
        case g.Switch():
            yield step.variable, step.span
        case g.If():
            clauses = (clause for group in step.condition.groups for clause in group)
            yield from ((c.variable, c.span) for c in clauses if c.op in NUMERIC)
        case g.Assign():
            yield from _parts(part for change in step.changes for part in change.value)
        case g.Goto() | g.Subflow():
            yield from _parts(part for change in step.arguments for part in change.value)
        case g.Return():
            yield from _parts(iter(step.value))
        case g.Http():
            pairs = (*step.query, *step.headers, *step.body)
            yield from _parts(part for pair in pairs if not pair.secret for part in pair.value)
            yield from _parts(iter(step.url))
        case g.Lookup():
            yield step.key, step.span
        case g.QueueStep() if step.priority_by:
            yield step.priority_by, step.span


def _parts(parts: Iterator[g.Value]) -> Iterator[tuple[str, Span]]:
    yield from ((part.variable, part.span) for part in parts if part.variable)


# -- consent ---------------------------------------------------------------------------------------


class _Told:
    """Follows one flow to the queue steps that a call reaches without having been asked."""

    def __init__(self) -> None:
        self.queues: dict[Span, str] = {}
        self.onward: list[str] = []

    def body(self, steps: Body) -> bool:
        """Whether a call gets to the end of the body without having been asked."""
        return all(self.step(step) for step in steps)

    def step(self, step: AnyStep) -> bool:
        match step:
            case g.Consent() | g.Recording():
                return False
            case g.Goto():
                self.onward.append(step.flow)
                return False
            case g.Subflow():
                self.onward.append(step.flow)
            case g.QueueStep():
                self.queues.setdefault(step.span, step.queue)
        ends = [self.body(way.body) and self._goes_on(way.body, way.after, way.empty) for way in ways(step)]
        return any(ends)

    def _goes_on(self, body: Body, after: Then, empty: Then) -> bool:
        return falls_through(body) and (after if body else empty) is Then.ON

"""What a flow looks like: its steps as boxes, their outcomes as branches. Drawn by drawing_text.py and
drawing_svg.py; made of the table of ways (ways.py), so that a new step is drawn without being named here."""

from typing import Any

import msgspec

from ccctl.flow import graph as g
from ccctl.flow.graph import AnyStep, Body, Site
from ccctl.flow.ways import Then, Way, goes_on, verb, walk, ways

# An outcome that ends the flow by reaching somebody is no dead end.
REACHED = ("found", "extension")
OPS = {"is": "is", "is_not": "is not", "less": "<", "at_most": "<=", "more": ">", "at_least": ">="}
CAUSES = {16: "", 17: "busy", 19: "no-answer", 21: "rejected", 34: "congestion"}


class Box(msgspec.Struct, frozen=True):
    """`kind`: step; flow (another one); next, again (goes on after, or back at, the step it belongs
    to); returns; end. `onward`: outcomes that lead to the box below,
    `again`: that come back to this one, `reached`: that reach somebody, `dead`: that end the call."""

    kind: str
    verb: str = ""
    text: str = ""
    line: int = 0
    onward: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    branches: tuple["Branch", ...] = ()


class Branch(msgspec.Struct, frozen=True):
    outcomes: tuple[str, ...]
    boxes: tuple[Box, ...]


NEXT = Box("next", text="goes on below")
AGAIN = Box("again", text="and again")
END = Box("end", text="the call ends")
TAILS = {Then.ON: NEXT, Then.BACK: AGAIN, Then.END: END}


def drawing(site: Site, name: str) -> tuple[Box, ...]:
    flow = site.flows[name]
    catch = flow.catch or site.defaults.catch
    called = any(
        isinstance(step, g.Subflow) and step.flow == name
        for each in site.flows.values()
        for step in walk(each.steps)
    )
    tail = Box("returns", text="returns") if called else _caught(catch) if catch else END
    return _chain(flow.steps, tail, catch)


def _caught(catch: str) -> Box:
    return Box("flow", text=catch)


def _chain(body: Body, tail: Box, catch: str) -> tuple[Box, ...]:
    """Boxes one below the other. What comes after a step that does not go on is not reached, or drawn."""
    boxes: list[Box] = []
    for step in body:
        boxes.append(_box(step, catch))
        if not goes_on(step):
            return tuple(boxes)
    return (*boxes, tail)


def _box(step: AnyStep, catch: str) -> Box:
    if isinstance(step, g.Goto):
        return Box("flow", text=step.flow, line=step.span.line)
    found = ways(step)
    empty = [way for way in found if not way.body]
    silent = [way.outcome for way in empty if way.empty is Then.END and way.outcome not in REACHED]
    dead = silent if len(found) > 1 else []  # the one way of a step that ends the call anyhow
    return Box(
        kind="step",
        verb=verb(step),
        text=argument(step),
        line=step.span.line,
        onward=tuple(way.outcome for way in empty if way.empty is Then.ON and way.outcome != "done"),
        again=tuple(way.outcome for way in empty if way.empty is Then.BACK),
        reached=tuple(way.outcome for way in empty if way.outcome in REACHED and way.empty is Then.END),
        dead=() if catch else tuple(dead),
        branches=_branches(found, dead, catch),
    )


def _branches(found: tuple[Way, ...], dead: list[str], catch: str) -> tuple[Branch, ...]:
    """Outcomes that lead to the same are one branch."""
    bodies = [(way.outcome, _chain(way.body, TAILS[way.after], catch)) for way in found if way.body]
    bodies += [(outcome, (_caught(catch),)) for outcome in dead if catch]
    grouped: dict[tuple[Box, ...], tuple[list[str], tuple[Box, ...]]] = {}
    for outcome, boxes in bodies:
        grouped.setdefault(_placeless(boxes), ([], boxes))[0].append(outcome)
    return tuple(Branch(tuple(outcomes), boxes) for outcomes, boxes in grouped.values())


def _placeless(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    replace = msgspec.structs.replace
    return tuple(
        replace(
            box,
            line=0,
            branches=tuple(replace(each, boxes=_placeless(each.boxes)) for each in box.branches),
        )
        for box in boxes
    )


def has_dead_end(boxes: tuple[Box, ...]) -> bool:
    return any(box.dead or any(has_dead_end(each.boxes) for each in box.branches) for box in boxes)


# -- words -----------------------------------------------------------------------------------------


def argument(step: AnyStep) -> str:
    """What a step is about, as short as it was written: the first of its fields that says something."""
    match step:
        case g.If():
            return " or ".join(
                " and ".join(_clause(each) for each in group) for group in step.condition.groups
            )
        case g.Http():
            return f"{step.method} {_words(step.url)}"
        case g.HangupStep() | g.Reject():
            return CAUSES.get(step.cause, str(step.cause))
        case g.Loop():
            return f"{step.times} times"
        case g.Say() if step.text:
            return next(iter(step.text.values()))
        case g.Dial():
            return step.group or ", ".join(step.targets)
    fields = (getattr(step, field) for field in step.__struct_fields__ if field != "span")
    return next((words for words in map(_words, fields) if words), "")


def _words(value: Any) -> str:
    match value:
        case str():
            return value
        case g.Value():
            return f"{{{{ {value.variable} }}}}" if value.variable else value.text
        case g.Change():
            change = f"{value.add:+}" if value.add else _words(value.value)
            return f"{value.variable}: {change}"
        case (g.Value(), *_):
            return "".join(_words(each) for each in value)
        case (str() | g.Change(), *_):
            return ", ".join(_words(each) for each in value)
        case bool():
            return "on" if value else "off"
    return ""


def _clause(clause: g.Clause) -> str:
    if clause.op in ("set", "unset"):
        return f"{clause.variable} is {'not ' if clause.op == 'unset' else ''}set"
    op = OPS.get(clause.op, clause.op.replace("_", " "))
    return f"{clause.variable} {op} {', '.join(clause.values)}".rstrip()

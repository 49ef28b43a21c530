"""Decisions: hours, conditions, shares, loops, subflows, and what variables become."""

from ccctl.flow import marks
from ccctl.flow.compile_flow import Block, Branching, FlowCompiler, Plain, hours_context, subflow_context
from ccctl.flow.compile_values import changed, condition, read, store, text
from ccctl.flow.dialplan import Line, Place, go_if, goto, literal, mark, put
from ccctl.flow.graph import (
    Assign,
    HoursStep,
    If,
    Loop,
    Option,
    Return,
    Split,
    Subflow,
    Switch,
)


def _hours(f: FlowCompiler, block: Block, step: HoursStep, then: Place | None) -> None:
    here = f.fresh("hours")
    block.append(Line("Gosub", (hours_context(f.generation, step.hours), "s", "1")))
    answers = {
        "closed": step.on_closed,
        "holiday": step.on_holiday or step.on_closed,
        "emergency": step.on_emergency or step.on_closed,
    }
    if not f.site.hours[step.hours].emergency:
        del answers["emergency"]
    for answer in answers:
        block.append(go_if(f'"${{GOSUB_RETVAL}}" = "{answer}"', f"{here}_{answer},1"))
        f.block(f"{here}_{answer}").append(mark(marks.CLOSED, step.hours))
    f.go(block, then)
    for answer, body in answers.items():
        f.outcome(f"{here}_{answer}", body, then)


def _if(f: FlowCompiler, block: Block, step: If, then: Place | None) -> None:
    here = f.fresh("if")
    block += [go_if(condition(step.condition), f"{here}_yes,1"), goto(f.place(f"{here}_no"))]
    f.body(f"{here}_yes", step.then, then)
    f.body(f"{here}_no", step.otherwise, then)


def _switch(f: FlowCompiler, block: Block, step: Switch, then: Place | None) -> None:
    """Branches are numbered, so that no value of a variable is part of an extension's name."""
    here = f.fresh("switch")
    value = read(step.variable) if step.variable != "language" else "${CHANNEL(language)}"
    for number, case in enumerate(step.cases, 1):
        block.append(go_if(f'"{value}" = "{literal(case.key)}"', f"{here}_{number},1"))
    block.append(goto(f.place(f"{here}_else")))
    for number, case in enumerate(step.cases, 1):
        f.body(f"{here}_{number}", case.body, then)
    f.body(f"{here}_else", step.otherwise, then)


def _split(f: FlowCompiler, block: Block, step: Split, then: Place | None) -> None:
    """CC_DICE stands for chance in tests, as TESTTIME does for the clock."""
    here = f.fresh("split")
    dice = '${IF($["${CC_DICE}" = ""]?${RAND(1,100)}:${FILTER(0-9,${CC_DICE})})}'
    block.append(put("CC_SHARE", dice))
    reached = 0
    for number, part in enumerate(step.parts, 1):
        reached += int(part.key)
        last = number == len(step.parts)
        here_too = f"0${{CC_SHARE}} <= {reached}"
        block.append(goto(f.place(f"{here}_{number}")) if last else go_if(here_too, f"{here}_{number},1"))
    for number, part in enumerate(step.parts, 1):
        _part(f, f"{here}_{number}", part, then)


def _part(f: FlowCompiler, exten: str, part: Option, then: Place | None) -> None:
    f.body(exten, part.body, then)


def _loop(f: FlowCompiler, block: Block, step: Loop, then: Place | None) -> None:
    here = f.fresh("loop")
    counter = f"CC_LOOP_{here}"
    block += [put(counter, "0"), goto(f.place(here))]
    f.block(here).extend(
        [put(counter, f"$[0${{{counter}}} + 1]"), go_if(f"${{{counter}}} > {step.times}", f"{here}_done,1")]
    )
    f.body(here, step.steps, f.place(here))
    f.go(f.block(f"{here}_done"), then)


# -- variables -------------------------------------------------------------------------------------


def _assign(f: FlowCompiler, block: Block, step: Assign) -> None:
    for change in step.changes:
        block += changed(f.site, change)


def _subflow(f: FlowCompiler, block: Block, step: Subflow) -> None:
    for change in step.arguments:
        block += changed(f.site, change)
    block.append(Line("Gosub", (subflow_context(f.generation, step.flow), "s", "1")))
    if step.save:
        block += store(f.site.vars[step.save], "${GOSUB_RETVAL}")


def _return(f: FlowCompiler, block: Block, step: Return) -> None:
    """In a flow that nobody calls as a subflow there is nowhere to return to."""
    if f.sub:
        block.append(Line("Return", (text(step.value),) if step.value else ()))
    else:
        f.end(block)


PLAIN: dict[type, Plain] = {Assign: _assign, Subflow: _subflow, Return: _return}
BRANCHING: dict[type, Branching] = {
    HoursStep: _hours,
    If: _if,
    Switch: _switch,
    Split: _split,
    Loop: _loop,
}

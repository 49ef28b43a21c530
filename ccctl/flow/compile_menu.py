"""Asking the caller: menus, each in a context of its own, and digits to be typed."""

import msgspec

from ccctl.flow.compile_flow import (
    Block,
    Branching,
    FlowCompiler,
    desk_context,
    digits,
    key_name,
    seconds,
)
from ccctl.flow.compile_values import store
from ccctl.flow.dialplan import Context, Exten, Line, Place, go_if, goto, name, put
from ccctl.flow.graph import Body, Gather, Menu, Option

_LOST = (("i", "invalid"), ("t", "timeout"))


# -- menus -----------------------------------------------------------------------------------------


def _menu(f: FlowCompiler, block: Block, step: Menu, then: Place | None) -> None:
    here = f.fresh("menu")
    context = name(f"{f.context}.{here}")
    block.append(goto((context, "s", "1")))
    ask: Place = (context, "s", "ask")
    options = [_option(f, here, option, ask, then) for option in step.options]
    desks = [_extension(f, digits(extension)) for extension in step.extensions]
    lost = [Exten(exten, (goto(f.place(f"{here}_{why}")),)) for exten, why in _LOST]
    f.extra.append(Context(context, (*_question(f, here, step), *options, *desks, *lost)))
    for why, body, by in (
        ("invalid", step.on_invalid, step.invalid_by),
        ("timeout", step.on_timeout, step.timeout_by),
    ):
        _lost(f, (here, why), step.attempts, (body, by), ask)
    f.outcome(f"{here}_exhausted", step.on_exhausted, then)


def _question(f: FlowCompiler, here: str, step: Menu) -> list[Exten]:
    """Each attempt may have prompts of its own, in an extension of its own: WaitExten goes on to the next
    priority when there is one, and to `t` only after the last. `lead` comes before the first attempt."""
    tried = f"${{CC_TRY_{here}}}"
    waits = put("TIMEOUT(digit)", seconds(step.interdigit_ms))
    lead = [waits, Line("Background", (f.sounds(step.lead),))] if step.lead else []
    later = [
        go_if(f"{tried} {'=' if number < len(step.again) else '>='} {number}", f"again{number},1")
        for number in range(1, len(step.again) + 1)
    ]
    start = (
        put(f"CC_TRY_{here}", "0"),
        *lead,
        msgspec.structs.replace(waits, label="ask"),
        *later,
        *_ask(f, step.prompts, step),
    )
    again = [
        Exten(f"again{number}", tuple(_ask(f, prompts, step))) for number, prompts in enumerate(step.again, 1)
    ]
    return [Exten("s", start), *again]


def _ask(f: FlowCompiler, prompts: tuple[str, ...], step: Menu) -> list[Line]:
    return [Line("Background", (f.sounds(prompts),)), Line("WaitExten", (seconds(step.timeout_ms),))]


def _lost(
    f: FlowCompiler, why: tuple[str, str], attempts: int, bodies: tuple[Body, tuple[Option, ...]], ask: Place
) -> None:
    """After a wrong key or silence: one more attempt is counted, and something is said before it."""
    here, exten = why[0], f"{why[0]}_{why[1]}"
    tried = f"${{CC_TRY_{here}}}"
    block = f.block(exten)
    block += [
        put(f"CC_TRY_{here}", f"$[{tried} + 1]"),
        go_if(f"{tried} >= {attempts}", f"{here}_exhausted,1"),
    ]
    body, by = bodies
    block += [go_if(f"{tried} = {option.key}", f"{exten}{option.key},1") for option in by]
    f.body(exten, body, ask)
    for option in by:
        f.body(f"{exten}{option.key}", option.body, ask)


def _option(f: FlowCompiler, here: str, option: Option, again: Place, then: Place | None) -> Exten:
    if option.repeat:
        return Exten(option.key, (goto(again),))
    branch = f"{here}_{key_name(option.key)}"
    f.body(branch, option.body, then)
    return Exten(option.key, (goto(f.place(branch)),))


def _extension(f: FlowCompiler, extension: str) -> Exten:
    """A desk, and nothing else: a caller from outside must not reach trunks or feature codes."""
    return Exten(extension, (goto((desk_context(f.generation), extension, "1")),))


# -- digits ----------------------------------------------------------------------------------------


def _gather(f: FlowCompiler, block: Block, step: Gather, then: Place | None) -> None:
    here = f.fresh("gather")
    ask = f"{here}_ask"
    block += [put(f"CC_TRY_{here}", "0"), goto(f.place(ask))]
    f.block(ask).extend(_read(f, here, step))
    done = f.block(f"{here}_done")
    done += [*store(f.site.vars[step.save], "${CC_DIGITS}"), put("CC_DIGITS", "")]
    f.go(done, then)
    if step.confirm:
        _confirm(f, here, step)
    for why, body in (("invalid", step.on_invalid), ("timeout", step.on_timeout)):
        _lost(f, (here, why), step.attempts, (body, ()), f.place(ask))
    f.outcome(f"{here}_exhausted", step.on_exhausted, then)


def _read(f: FlowCompiler, here: str, step: Gather) -> list[Line]:
    """Read knows one time-out only; the two of the call serve when its own is left out. What was typed
    before a time-out counts: the variable is looked at, not READSTATUS."""
    done = f"{here}_confirm" if step.confirm else f"{here}_done"
    options = "" if step.finish == "#" else f"t({step.finish})"
    matches = f' & ${{REGEX("^({step.matches})$" ${{CC_DIGITS}})}}' if step.matches else ""
    return [
        put("TIMEOUT(response)", seconds(step.timeout_ms)),
        put("TIMEOUT(digit)", seconds(step.interdigit_ms)),
        put("CC_DIGITS", ""),
        Line("Read", ("CC_DIGITS", f.sounds(step.prompts), str(step.most), *([options] if options else []))),
        put("CC_DIGITS", "${FILTER(0-9*,${CC_DIGITS})}"),
        go_if('"${CC_DIGITS}" = ""', f"{here}_timeout,1"),
        go_if(f"${{LEN(${{CC_DIGITS}})}} >= {step.least}{matches}", f"{done},1"),
        goto(f.place(f"{here}_invalid")),
    ]


def _confirm(f: FlowCompiler, here: str, step: Gather) -> None:
    """What was typed is read back; 1 accepts it, anything else is a wrong attempt."""
    said = [] if step.secret else [Line("SayDigits", ("${CC_DIGITS}",))]
    f.block(f"{here}_confirm").extend(
        [
            *said,
            Line("Read", ("CC_KEY", f.sounds(step.confirm), "1", "", "1", seconds(step.timeout_ms))),
            go_if('"${CC_KEY}" = "1"', f"{here}_done,1"),
            goto(f.place(f"{here}_invalid")),
        ]
    )


BRANCHING: dict[type, Branching] = {Menu: _menu, Gather: _gather}

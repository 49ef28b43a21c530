"""Ringing somebody: phones, numbers, ring groups.

Who needs more than a phone's name (a confirmation, a free line of a trunk, another caller id) is reached
through a Local channel into an extension of the flow: only when that one says so the caller is answered,
and until then he hears ringing, or music, and the others go on ringing.
"""

from ccctl.flow import marks
from ccctl.flow.compile_flow import Block, Branching, FlowCompiler, digits, seconds
from ccctl.flow.compile_values import read
from ccctl.flow.dialplan import Context, Exten, Line, Place, go_if, goto, literal, mark, name, put
from ccctl.flow.graph import Dial

TRUNKS = "trunk"  # category of the groups that count the calls of a trunk, both directions
WARN_MS = 30_000  # before a limited talk ends
CONFIRM_S = "5"
CONFIRM_MS = 30_000  # for both attempts and their prompts, after the ringing
DICE = "0${FILTER(0-9,${CC_DICE})}"
BUSY, UNREACHABLE, FULL = "17", "3", "34"


def _dial(f: FlowCompiler, block: Block, step: Dial, then: Place | None) -> None:
    here = f.fresh("dial")
    block += _before(step)
    legs = [_leg(f, here, step, number) for number in range(1, len(step.targets) + 1)]
    if step.strategy == "all":
        _round(f, block, here, step, [("&".join(legs), step.targets)])
    elif step.strategy == "hunt" or len(legs) == 1:
        _round(f, block, here, step, [(leg, (who,)) for leg, who in zip(legs, step.targets, strict=True)])
    else:
        _random(f, block, here, step, legs)
    f.end(f.block(f"{here}_answered"))
    f.body(f"{here}_no_answer", step.on_no_answer, then)
    f.body(f"{here}_busy", step.on_busy or step.on_no_answer, then)
    f.body(f"{here}_failed", step.on_failed or step.on_no_answer, then)


def _before(step: Dial) -> list[Line]:
    lines = [] if _once(step) else [put("CC_MISSED", "")]
    if step.repeats > 1:
        lines.append(put("CC_ROUND", "0"))
    if step.max_ms:
        lines += [
            put("LIMIT_PLAYAUDIO_CALLER", "yes"),
            put("LIMIT_PLAYAUDIO_CALLEE", "yes"),
            put("LIMIT_WARNING_FILE", "beep"),
            put("LIMIT_TIMEOUT_FILE", "vm-goodbye"),
        ]
    variables = [target for target in step.targets if target.startswith("{{")]
    return lines + [
        put(f"_CC_TO{step.targets.index(target) + 1}", _number(read(_variable(target))))
        for target in variables
    ]


def _number(value: str) -> str:
    return f"${{FILTER(+0-9,{value})}}"


# -- rounds ----------------------------------------------------------------------------------------


def _round(
    f: FlowCompiler, block: Block, here: str, step: Dial, calls: list[tuple[str, tuple[str, ...]]]
) -> None:
    """Every call of the round after the other; the first that is answered ends it."""
    if step.repeats > 1:
        block.append(goto(f.place(f"{here}_round")))
        block = f.block(f"{here}_round")
    for channels, people in calls:
        block += _call(f, here, step, channels, people)
    block += _again(f, here, step)


def _call(f: FlowCompiler, here: str, step: Dial, channels: str, people: tuple[str, ...]) -> list[Line]:
    return [
        mark(marks.DIAL, "+".join(_shown(who) for who in people)),
        Line(
            "Dial", (channels, seconds(step.timeout_ms + (CONFIRM_MS if step.confirm else 0)), _options(step))
        ),
        mark(marks.DIAL_END, "${DIALSTATUS}"),
        go_if('"${DIALSTATUS}" = "ANSWER"', f"{here}_answered,1"),
        *([] if _once(step) else [put("CC_MISSED", "${CC_MISSED}.${DIALSTATUS}")]),
    ]


def _once(step: Dial) -> bool:
    """One call of Dial() is all."""
    return step.repeats == 1 and (step.strategy == "all" or len(step.targets) == 1)


def _options(step: Dial) -> str:
    music = f"m({name(step.music)})" if step.music else ""
    warn = f":{WARN_MS}" if step.max_ms > 2 * WARN_MS else ""
    limit = f"L({step.max_ms}{warn})" if step.max_ms else ""
    return f"g{music}{limit}"


def _again(f: FlowCompiler, here: str, step: Dial) -> list[Line]:
    """One more round; after the last, what was heard of them all counts: ringing before busy."""
    if _once(step):
        return [
            go_if('"${DIALSTATUS}" = "NOANSWER"', f"{here}_no_answer,1"),
            go_if('"${DIALSTATUS}" = "BUSY"', f"{here}_busy,1"),
            goto(f.place(f"{here}_failed")),
        ]
    more = []
    if step.repeats > 1:
        more = [
            put("CC_ROUND", "$[${CC_ROUND} + 1]"),
            go_if(f"${{CC_ROUND}} < {step.repeats}", f"{here}_round,1"),
        ]
    return [
        *more,
        go_if('${REGEX("NOANSWER" ${CC_MISSED})} = 1', f"{here}_no_answer,1"),
        go_if('${REGEX("BUSY" ${CC_MISSED})} = 1', f"{here}_busy,1"),
        goto(f.place(f"{here}_failed")),
    ]


def _random(f: FlowCompiler, block: Block, here: str, step: Dial, legs: list[str]) -> None:
    """Each round draws one of those who are left, until nobody is. CC_DICE stands for chance in tests."""
    block.append(goto(f.place(f"{here}_round")))
    everybody = "-".join(str(number) for number in range(1, len(legs) + 1))
    f.block(f"{here}_round").extend([put("CC_LEFT", everybody), goto(f.place(f"{here}_draw"))])
    many = "${CC_MANY}"
    chance = f'${{IF($["${{CC_DICE}}" = ""]?${{RAND(1,{many})}}:$[{DICE} % {many} + 1])}}'
    f.block(f"{here}_draw").extend(
        [
            go_if('"${CC_LEFT}" = ""', f"{here}_drawn,1"),
            put("CC_MANY", "${FIELDQTY(CC_LEFT,-)}"),
            put("CC_WHO", f"${{CUT(CC_LEFT,-,{chance})}}"),
            put("CC_LEFT", "${LISTFILTER(CC_LEFT,-,${CC_WHO})}"),
            *(go_if(f'"${{CC_WHO}}" = "{n}"', f"{here}_member{n},1") for n in range(1, len(legs) + 1)),
            goto(f.place(f"{here}_drawn")),
        ]
    )
    f.block(f"{here}_drawn").extend(_again(f, here, step))
    for number, leg in enumerate(legs, 1):
        lines = _call(f, here, step, leg, (step.targets[number - 1],))
        f.block(f"{here}_member{number}").extend([*lines, goto(f.place(f"{here}_draw"))])


# -- legs ------------------------------------------------------------------------------------------


def _leg(f: FlowCompiler, here: str, step: Dial, number: int) -> str:
    """The channel of the n-th target."""
    target = step.targets[number - 1]
    trunk = f.site.trunks.get(step.via)
    outside = target not in f.site.users
    if outside:
        called = f"${{CC_TO{number}}}" if target.startswith("{{") else digits(target)
        channel = f"PJSIP/{called}@{name(step.via)}"
    else:
        channel = f"PJSIP/{name(target)}"
    shown = (step.caller_id or (trunk.caller_id if trunk else "")) if outside else ""
    limited = bool(outside and trunk and trunk.channels)
    if not (step.confirm or shown or limited or target.startswith("{{")):
        return channel
    exten = f"{here}_leg{number}"
    lines = f.block(exten)
    if target.startswith("{{"):
        lines.append(go_if(f'"${{CC_TO{number}}}" = ""', "nobody"))
    if limited and trunk:
        lines.append(go_if(f"{in_use(trunk.name)} >= {trunk.channels}", "full"))
    if shown:
        lines += [put("CALLERID(num)", digits(shown)), put("CALLERID(name)", "")]
    lines += _reached(step, channel, _confirm(f, here, step) if step.confirm else "")
    return f"Local/{exten}@{f.context}"


def in_use(trunk: str) -> str:
    return f"${{GROUP_COUNT({name(trunk)}@{TRUNKS})}}"


def _reached(step: Dial, channel: str, confirm: str) -> list[Line]:
    """The end of a leg says why, so that the caller's Dial counts it right. Who did not confirm has not
    answered, whatever Dial thinks; the pause of D(w) fails on a phone that was hung up meanwhile, which
    would otherwise count as a talk and stop the others. The time of ringing is that of the leg: the
    caller's Dial waits for the key, too."""
    return [
        Line("Dial", (channel, seconds(step.timeout_ms), f"g{confirm}D(w)" if confirm else "g")),
        go_if('"${DIALSTATUS}" = "BUSY"', "busy"),
        go_if('"${DIALSTATUS}" = "CHANUNAVAIL"', "nobody"),
        go_if('"${DIALSTATUS}" = "CONGESTION"', "full"),
        Line("Hangup", ("19",)),
        Line("Hangup", (BUSY,), "busy"),
        Line("Hangup", (FULL,), "full"),
        Line("Hangup", (UNREACHABLE,), "nobody"),
    ]


def _confirm(f: FlowCompiler, here: str, step: Dial) -> str:
    """The subroutine on the phone of the one who answered: without the key 1 he does not get the call."""
    context = name(f"{f.context}.{here}.confirm")
    if all(known.name != context for known in f.extra):
        language = literal(f.site.defaults.languages[0])
        lines = (
            go_if('"${CC_USER}" != ""', "ask"),
            put("CHANNEL(language)", language),
            Line("Read", ("CC_KEY", f.sounds(step.confirm), "1", "", "2", CONFIRM_S), "ask"),
            go_if('"${CC_KEY}" = "1"', "yes"),
            put("GOSUB_RESULT", "CONTINUE"),
            Line("Return"),
            Line("Return", (), "yes"),
        )
        f.extra.append(Context(context, (Exten("s", lines),)))
    return f"U({context})"


def _variable(target: str) -> str:
    return target.strip("{} ")


def _shown(target: str) -> str:
    return _variable(target) if target.startswith("{{") else target


BRANCHING: dict[type, Branching] = {Dial: _dial}

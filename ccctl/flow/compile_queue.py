"""Queue steps: handed to the daemon behind a dead-man timer, with app_queue as the fallback."""

from ccctl.flow import marks
from ccctl.flow.compile_basic import RECORD
from ccctl.flow.compile_data import facts, international, refused, typed
from ccctl.flow.compile_flow import Block, Branching, FlowCompiler, key_name, whole_seconds
from ccctl.flow.compile_values import read
from ccctl.flow.dialplan import Line, Place, go_if, goto, literal, mark, name, put
from ccctl.flow.graph import Callback, CallbackOffer, QueueStep
from ccctl.flow.roster import menu_name, offer_name

NATIVE_WAIT_S = 3600  # app_queue's limit when the flow sets none
KEY_ENDS_S = "0.3"  # Asterisk tells a short tone before it is over: what comes next would take it for its own
_EMPTY_QUEUE = ("JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL")


def _queue(f: FlowCompiler, block: Block, step: QueueStep, then: Place | None) -> None:
    here = f.fresh("queue")
    native = f.site.queues[step.queue].engine == "native"
    f.timed |= not native
    block.append(goto(f.place(here)))
    lines = f.block(here)
    lines += [
        Line("Answer", ("", "i")),
        put("CHANNEL(musicclass)", name(f.site.queues[step.queue].music)),
        *_greeting(f, step),
        *_priority(step),
    ]
    if not native:
        lines += [*_wait(f, here, step), *_results(f, here, step)]
        lines += [put("TIMEOUT(absolute)", "0", "native"), put("CC_T", ""), Line("StopMusicOnHold")]
    lines += _native(f, here, step)
    _outcomes(f, here, step, then)
    if step.offer:
        _accepted(f, here, step, step.offer, then)


def _greeting(f: FlowCompiler, step: QueueStep) -> list[Line]:
    prompts = f.site.queues[step.queue].greeting
    return [Line("Playback", (f.sounds(prompts),))] if prompts else []


def _priority(step: QueueStep) -> list[Line]:
    """The priority of a caller whose variable says it; the last line that fits counts."""
    if not step.priority_by:
        return []
    value = read(step.priority_by)
    chain = [put("CC_PRIORITY", str(step.priority))]
    for word, priority in step.priorities.items():
        chosen = f'${{IF($["{value}" = "{literal(word)}"]?{priority}:${{CC_PRIORITY}})}}'
        chain.append(put("CC_PRIORITY", chosen))
    return chain


def _wait(f: FlowCompiler, here: str, step: QueueStep) -> list[Line]:
    """Music plays before the application is reached; the timer takes over when nobody answers."""
    keys = "".join(option.key for option in step.exit_keys)
    wait = whole_seconds(step.max_wait_ms)
    refused = f'${{IF($["${{{RECORD}}}" = "no"]?x)}}'
    flags = ("n" if step.on_no_agents else "") + f'${{IF($["${{{RECORD}}}" = "yes"]?r:{refused})}}'
    priority = "${CC_PRIORITY}" if step.priority_by else str(step.priority)
    named = [offer_name(f.site, step) if step.offer else "", menu_name(f.site, step) if step.waiting else ""]
    while named and not named[-1]:
        named.pop()
    arguments = ("queue", f.generation, step.queue, priority, wait, keys, flags, *named)
    return [
        Line("StartMusicOnHold"),
        put("CC_T", ",".join((f.context, here, "native"))),
        put("CC_RESULT", ""),
        put("TIMEOUT(absolute)", str(marks.DEADMAN_ENTRY_S)),
        mark(marks.QUEUE, step.queue),
        Line("Stasis", (marks.APP, *arguments)),
        put("TIMEOUT(absolute)", left(f)),
        put("CC_T", ""),
        go_if('"${STASISSTATUS}" != "SUCCESS"', "native"),
        Line("StopMusicOnHold"),
        put("CC_RESULT", "${FILTER(a-z0-9_*#,${CC_RESULT})}"),
    ]


def left(f: FlowCompiler) -> str:
    """Seconds that the call may still last; 0 is without a limit."""
    if not f.site.defaults.max_call_ms:
        return "0"
    return "${IF($[${CC_END} > ${EPOCH}]?$[${CC_END} - ${EPOCH}]:1)}"


def _results(f: FlowCompiler, here: str, step: QueueStep) -> list[Line]:
    named = [(f"key_{option.key}", f"key_{key_name(option.key)}") for option in step.exit_keys]
    named += [(result, result) for result in marks.CALLBACK_RESULTS] if step.offer else []
    known = [result for result in marks.RESULTS if result != "overflow" or _overflows(f, step)]
    results = [(result, result) for result in known] + named
    jumps = [go_if(f'"${{CC_RESULT}}" = "{result}"', f"{here}_{exten},1") for result, exten in results]
    return [*jumps, goto(f.place(f"{here}_failed"))]


def _overflows(f: FlowCompiler, step: QueueStep) -> bool:
    return f.site.queues[step.queue].sends_on


def _native(f: FlowCompiler, here: str, step: QueueStep) -> list[Line]:
    wait = str(-(-step.max_wait_ms // 1000) or NATIVE_WAIT_S)
    empty = " | ".join(f'"${{QUEUESTATUS}}" = "{status}"' for status in _EMPTY_QUEUE)
    return [
        put("QUEUESTATUS", ""),
        mark(marks.NATIVE, step.queue),
        Line("Queue", (name(step.queue), "Cc", "", "", wait)),
        mark(marks.NATIVE_END, "${QUEUESTATUS}"),
        go_if('"${QUEUESTATUS}" = "CONTINUE"', f"{here}_answered,1"),
        go_if('"${QUEUESTATUS}" = "TIMEOUT"', f"{here}_timeout,1"),
        go_if('"${QUEUESTATUS}" = "FULL"', f"{here}_full,1"),
        go_if(empty, f"{here}_no_agents,1"),
        goto(f.place(f"{here}_failed")),
    ]


def _outcomes(f: FlowCompiler, here: str, step: QueueStep, then: Place | None) -> None:
    f.go(f.block(f"{here}_answered"), then)
    f.outcome(f"{here}_timeout", step.on_timeout, then)
    f.outcome(f"{here}_full", step.on_full or step.on_timeout, then)
    f.outcome(f"{here}_no_agents", step.on_no_agents or step.on_timeout, then)
    if _overflows(f, step):
        f.outcome(f"{here}_overflow", step.on_overflow or step.on_timeout, then)
    f.outcome(f"{here}_failed", step.on_failed or step.on_timeout, then)
    for option in step.exit_keys:
        again = f.place(here)
        branch = f"{here}_key_{key_name(option.key)}"
        f.block(branch).append(Line("Wait", (KEY_ENDS_S,)))
        if option.repeat:
            f.go(f.block(branch), again)
        else:
            f.body(branch, option.body, then)


def _accepted(f: FlowCompiler, here: str, step: QueueStep, offer: CallbackOffer, then: Place | None) -> None:
    """He is called back: that was his call. A number that cannot be called leads back into the queue, where
    his place is kept."""
    block = f.block(f"{here}_callback")
    block.append(Line("Playback", (f.sounds(("callback-noted",)),)))
    f.end(block)
    wish = Callback(queue=step.queue, retries=offer.retries, gap_ms=offer.gap_ms)
    f.block(f"{here}_callback_gather").extend(
        [
            Line("Wait", (KEY_ENDS_S,)),
            *typed(f, ("callback-number",), "caller.number"),
            go_if('"${CC_KEY}" = ""', f"{here},1"),
            *international("${CC_KEY}", f.site.defaults.country),
            *refused(f.site, f"{here},1"),
            mark(marks.CALLBACK, facts(f.site, wish)),
            goto(f.place(f"{here}_callback")),
        ]
    )
    f.body(f"{here}_callback_withheld", offer.on_withheld, then)


BRANCHING: dict[type, Branching] = {QueueStep: _queue}

"""What a caller says and agrees to: consent, surveys, messages, PINs.

The names of what is recorded are made of the call's id only. A mark is written before a recording
begins, because a caller who hangs up in it takes his dialplan with him.
"""

import hashlib

from ccctl.flow import marks
from ccctl.flow.compile_basic import RECORD
from ccctl.flow.compile_flow import Block, Branching, FlowCompiler, whole_seconds
from ccctl.flow.compile_values import channel_variable
from ccctl.flow.dialplan import Context, Exten, Line, Place, go_if, goto, literal, mark, name, put
from ccctl.flow.graph import Authenticate, Consent, Question, RecordMessage, SurveyStep

LOCKS = "cc/lock"  # AstDB family of numbers that gave wrong PINs: set of PINs, number -> calls-second
LEAST_MS = 500  # a shorter message is none
MESSAGES = "messages"  # folder below that of the recordings
_CALL = "${FILTER(a-zA-Z0-9.\\x2d,${UNIQUEID})}"
_FINISH = {"#": "", "*": "t", "any": "y", "none": "x"}  # the key that ends a message
_HEARD = '"${READSTATUS}" = "OK" | "${READSTATUS}" = "TIMEOUT"'


def _key(f: FlowCompiler, prompts: tuple[str, ...], most: int, wait_ms: int) -> list[Line]:
    """Lines that ask for up to `most` keys into CC_KEY."""
    return [
        put("TIMEOUT(response)", f"{wait_ms / 1000:g}"),
        put("TIMEOUT(digit)", "3"),
        put("READSTATUS", ""),
        Line("Read", ("CC_KEY", f.sounds(prompts), str(most))),
    ]


# -- consent ---------------------------------------------------------------------------------------


def _consent(f: FlowCompiler, block: Block, step: Consent, then: Place | None) -> None:
    """Who could not hear the question has not agreed."""
    here = f.fresh("consent")
    agrees = f'({_HEARD}) & "${{FILTER(0-9*#,${{CC_KEY}})}}" != "{literal(step.decline)}"'
    block += [
        Line("Answer", ("", "i")),
        *_key(f, step.prompts, 1, step.timeout_ms),
        go_if(agrees, f"{here}_agreed,1"),
        goto(f.place(f"{here}_declined")),
    ]
    for outcome, word in (("agreed", "yes"), ("declined", "no")):
        f.block(f"{here}_{outcome}").extend([put(RECORD, word), mark(marks.CONSENT, word)])
    f.go(f.block(f"{here}_agreed"), then)
    f.body(f"{here}_declined", step.on_declined, then)


# -- messages and surveys --------------------------------------------------------------------------


def _file(what: str) -> str:
    return f"{MESSAGES}/{_CALL}-{what}.wav"


def _record_lines(path: str, silence_ms: int, most_ms: int, options: str) -> list[Line]:
    """`k` keeps what was said by a caller who hangs up."""
    where = f"${{ASTSPOOLDIR}}/ccctl/{path}"
    return [
        put("RECORD_STATUS", ""),
        Line("Record", (where, whole_seconds(silence_ms), whole_seconds(most_ms), f"k{options}")),
    ]


def _message(f: FlowCompiler, block: Block, step: RecordMessage, then: Place | None) -> None:
    here = f.fresh("record")
    path = _file(here)
    prompts = [Line("Playback", (f.sounds(step.prompts),))] if step.prompts else []
    options = _FINISH[step.finish] + ("" if step.beep else "q")
    block += [
        Line("Answer", ("", "i")),
        *prompts,
        mark(marks.MESSAGE, f"{name(step.name)}={path}"),
        *_record_lines(path, step.silence_ms, step.max_ms, options),
        mark(marks.MESSAGE_END, "${FILTER(A-Z,${RECORD_STATUS})}"),
        put("CC_LONG", "${FILTER(0-9,${RECORDING_INFO(duration)})}"),
        go_if(f"0${{CC_LONG}} >= {_least(step)}", f"{here}_kept,1"),
        goto(f.place(f"{here}_empty")),
    ]
    f.go(f.block(f"{here}_kept"), then)
    f.body(f"{here}_empty", step.on_empty, then)


def _least(step: RecordMessage) -> str:
    """The silence that ended a message is counted, too."""
    silent = step.silence_ms + LEAST_MS
    return f'${{IF($["${{RECORD_STATUS}}" = "SILENCE"]?{silent}:{LEAST_MS})}}'


def _survey(f: FlowCompiler, block: Block, step: SurveyStep, then: Place | None) -> None:
    here = f.fresh("survey")
    survey = f.site.surveys[step.survey]
    block += [Line("Answer", ("", "i")), goto(f.place(f"{here}_1"))]
    for number, question in enumerate(survey.questions, 1):
        exten = f"{here}_{number}"
        ask = _spoken_question if question.record_ms else _question
        f.block(exten).extend(ask(f, exten, step.survey, question))
        f.block(exten).append(goto(f.place(f"{here}_{number + 1}")))
    last = f.block(f"{here}_{len(survey.questions) + 1}")
    last.append(mark(marks.SURVEY_END, name(step.survey)))
    if survey.thanks:
        last.append(Line("Playback", (f.sounds(survey.thanks),)))
    f.go(last, then)


def _question(f: FlowCompiler, _: str, survey: str, question: Question) -> list[Line]:
    """Asked again after a wrong key; then it is left without an answer."""
    value = "${CC_KEY}"
    fits = f'"{value}" != "" & 0{value} >= {question.least} & 0{value} <= {question.most}'
    return [
        put("CC_TRY", "0"),
        put("CC_TRY", "$[0${CC_TRY} + 1]", "ask"),
        *_key(f, question.prompts, len(str(question.most)), 5000),
        put("CC_KEY", "${FILTER(0-9,${CC_KEY})}"),
        go_if(fits, "answered"),
        go_if(f"0${{CC_TRY}} < {question.attempts}", "ask"),
        Line("Goto", ("over",)),
        put(channel_variable(question.save), value, "answered"),
        mark(marks.SURVEY, f"{name(survey)}/{name(question.save)}={value}"),
        Line("NoOp", (), "over"),
    ]


def _spoken_question(f: FlowCompiler, exten: str, survey: str, question: Question) -> list[Line]:
    path = _file(exten)
    return [
        Line("Playback", (f.sounds(question.prompts),)),
        put(channel_variable(question.save), path),
        mark(marks.SURVEY, f"{name(survey)}/{name(question.save)}={path}"),
        *_record_lines(path, 4000, question.record_ms, ""),
    ]


# -- PINs ------------------------------------------------------------------------------------------


def _authenticate(f: FlowCompiler, block: Block, step: Authenticate, then: Place | None) -> None:
    """A digest that exists as an extension is right: what is compared tells nothing of the PIN."""
    here = f.fresh("authenticate")
    pins = name(f"{f.context}.{here}")
    f.extra.append(
        Context(pins, tuple(Exten(f"p{name(pin)}", (Line("Return", ("1",)),)) for pin in step.pins))
    )
    lock = f"DB({LOCKS}/{lock_name(step)}/${{CC_WHO}})"
    block.append(goto(f.place(here)))
    f.block(here).extend(
        [*_locked(here, step, lock), *_tries(f, here, step, pins), *_failed(here, step, lock)]
    )
    granted = f.block(f"{here}_granted")
    granted.append(put("CC_LOCK", f"${{DB_DELETE({LOCKS}/{lock_name(step)}/${{CC_WHO}})}}"))
    f.go(granted, then)
    f.outcome(f"{here}_denied", step.on_denied, then)
    f.outcome(f"{here}_locked", step.on_locked or step.on_denied, then)


def lock_name(step: Authenticate) -> str:
    """The same PINs are one lock, wherever they are asked for."""
    return hashlib.sha256("".join(sorted(step.pins)).encode()).hexdigest()[:8]


def _locked(here: str, step: Authenticate, lock: str) -> list[Line]:
    """CC_FAILS: calls that failed and are not forgotten yet. Withheld numbers are one."""
    own = "${FILTER(0-9,${CC_NUM})}"
    return [
        Line("Answer", ("", "i")),
        put("CC_WHO", f'${{IF($["{own}" = ""]?withheld:{own})}}'),
        put("CC_WHO", "${CC_WHO:0:20}"),
        put("CC_LOCK", f"${{FILTER(0-9\\x2d,${{{lock}}})}}"),
        put("CC_FAILS", "${CUT(CC_LOCK,-,1)}"),
        put("CC_UNTIL", "${CUT(CC_LOCK,-,2)}"),
        put("CC_FAILS", "${IF($[0${CC_UNTIL:0:12} > ${EPOCH}]?${CC_FAILS:0:6}:0)}"),
        go_if(f"0${{CC_FAILS}} >= {step.lockout_after}", f"{here}_locked,1"),
        put("CC_TRY", "0"),
    ]


def _tries(f: FlowCompiler, here: str, step: Authenticate, pins: str) -> list[Line]:
    right = "${DIALPLAN_EXISTS(" + pins + ",p${CC_DIGEST},1)}"
    return [
        put("CC_TRY", "$[0${CC_TRY} + 1]", "ask"),
        *_key(f, step.prompts, 20, 6000),
        put("CC_DIGEST", f"${{SHA1({name(step.salt)}${{FILTER(0-9,${{CC_KEY}})}})}}"),
        put("CC_KEY", ""),
        go_if(f'"{right}" = "1"', f"{here}_granted,1"),
        go_if(f"0${{CC_TRY}} < {step.attempts}", "ask"),
    ]


def _failed(here: str, step: Authenticate, lock: str) -> list[Line]:
    until = f"$[${{EPOCH}} + {whole_seconds(step.lockout_ms)}]"
    return [
        put("CC_FAILS", "$[0${CC_FAILS} + 1]"),
        put(lock, f"${{CC_FAILS}}-{until}"),
        mark(marks.DENIED, "${CC_FAILS}"),
        Line("Goto", (f"{here}_denied", "1")),
    ]


BRANCHING: dict[type, Branching] = {
    Consent: _consent,
    RecordMessage: _message,
    SurveyStep: _survey,
    Authenticate: _authenticate,
}

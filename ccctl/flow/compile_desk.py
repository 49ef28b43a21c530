"""Mailboxes, dial by name, rooms, and sending the caller elsewhere."""

import hashlib

from ccctl.flow.compile_boxes import leave_message
from ccctl.flow.compile_flow import (
    VOICEMAIL,
    Block,
    Branching,
    FlowCompiler,
    digits,
    directory_context,
)
from ccctl.flow.compile_values import read
from ccctl.flow.dialplan import Context, Exten, Line, Place, go_if, goto, name, put
from ccctl.flow.graph import (
    Conference,
    ConferenceStep,
    Dial,
    Directory,
    Flow,
    HangupStep,
    Queue,
    QueueStep,
    RingGroup,
    Transfer,
    VoicemailStep,
)
from ccctl.flow.handing import desk_flow

DIRECTORY = "directory.conf"
_GREETINGS = {"unavailable": "u", "busy": "b", "none": "s"}
_BY = {"last": "l", "first": "f", "both": "b"}
_PIN_S = "6"


def _voicemail(f: FlowCompiler, block: Block, step: VoicemailStep, then: Place | None) -> None:
    here = f.fresh("voicemail")
    failed = f"{here}_failed"
    place = ",".join(f.place(failed)) if step.on_failed else ""
    block += leave_message(f.generation, step.mailbox, _GREETINGS[step.greeting], place)
    if step.on_failed:
        f.body(failed, step.on_failed, then)


# -- internal numbers ------------------------------------------------------------------------------


def group_flow(group: RingGroup, via: str) -> Flow:
    """What the internal number of a group does."""
    dial = Dial(
        targets=tuple(dict.fromkeys(group.ring)),
        via=via,
        strategy=group.strategy,
        timeout_ms=group.timeout_ms,
        repeats=group.repeats,
        group=group.name,
        on_no_answer=(HangupStep(cause=19),),
        on_busy=(HangupStep(cause=17),),
    )
    return Flow(name=desk_flow(group), steps=(dial,))


def room_flow(room: Conference) -> Flow:
    """What the internal number of a room does."""
    return Flow(name=desk_flow(room), steps=(ConferenceStep(room=room.name), HangupStep()))


def queue_flow(queue: Queue) -> Flow:
    """What the internal number of a queue does."""
    return Flow(name=desk_flow(queue), steps=(QueueStep(queue=queue.name), HangupStep()))


# -- dial by name ----------------------------------------------------------------------------------


def _directory(f: FlowCompiler, block: Block, step: Directory, then: Place | None) -> None:
    """The keys 0 and * (extensions o and a) leave it like one who chose nobody."""
    here = f.fresh("directory")
    context = name(f"{f.context}.{here}")
    nobody = (goto(f.place(f"{here}_none")),)
    f.extra.append(Context(context, (Exten("o", nobody), Exten("a", nobody))))
    options = f"{_BY[step.by]}(3)ap(500)sc({'ccctl/current/' + DIRECTORY})"
    block += [
        Line("Answer"),
        put("DIRECTORY_EXTEN", ""),
        Line("Directory", (VOICEMAIL, context, options)),
        put("DIRECTORY_EXTEN", "${FILTER(0-9,${DIRECTORY_EXTEN})}"),
        go_if('"${DIRECTORY_EXTEN}" = ""', f"{here}_none,1"),
        Line("Goto", (directory_context(f.generation), "${DIRECTORY_EXTEN}", "1")),
    ]
    f.body(f"{here}_none", step.on_none, then)


# -- rooms -----------------------------------------------------------------------------------------


def pin_digest(room: str, pin: str) -> str:
    """The PIN itself is in no file of Asterisk's."""
    return hashlib.sha1(f"{room}:{pin}".encode()).hexdigest()  # noqa: S324 - Asterisk knows no better one


def _conference(f: FlowCompiler, block: Block, step: ConferenceStep, then: Place | None) -> None:
    here = f.fresh("conference")
    room = f.site.conferences[step.room]
    block.append(Line("Answer"))
    if room.pin:
        block += [put("CC_TRY", "0"), goto(f.place(f"{here}_pin"))]
        _ask_pin(f, here, room, then)
        block = f.block(f"{here}_in")
    if room.max_members:  # Asterisk would hang up on who is one too many
        parties = f"0${{CONFBRIDGE_INFO(parties,{name(room.name)})}}"
        block.append(go_if(f"{parties} >= {room.max_members}", f"{here}_full,1"))
        full = f.block(f"{here}_full")
        full.append(Line("Playback", ("conf-full",)))
        f.go(full, then)
    block += _settings(room)
    block.append(Line("ConfBridge", (name(room.name),)))
    f.go(block, then)


def _ask_pin(f: FlowCompiler, here: str, room: Conference, then: Place | None) -> None:
    typed = f"${{SHA1({name(room.name)}:${{FILTER(0-9,${{CC_PIN}})}})}}"
    f.block(f"{here}_pin").extend(
        [
            Line("Read", ("CC_PIN", "conf-getpin", "10", "", "1", _PIN_S)),
            put("CC_TRY", "$[${CC_TRY} + 1]"),
            go_if(f'"{typed}" = "{pin_digest(room.name, room.pin)}"', f"{here}_in,1"),
            Line("Playback", ("conf-invalidpin",)),
            go_if("${CC_TRY} < 3", f"{here}_pin,1"),
            goto(f.place(f"{here}_out")),
        ]
    )
    f.go(f.block(f"{here}_out"), then)


def _settings(room: Conference) -> list[Line]:
    """Set on the channel, so that no profile of confbridge.conf can be missing."""
    settings = [
        ("bridge,template", "default_bridge"),
        ("user,template", "default_user"),
        ("user,music_on_hold_when_empty", "yes"),
        ("menu,template", "default_menu"),  # without it Asterisk writes its default to a wrong place
        ("menu,#", "leave_conference"),
        ("menu,*", "toggle_mute"),
    ]
    if room.max_members:
        settings.append(("bridge,max_members", str(room.max_members)))
    if room.record:
        settings.append(("bridge,record_conference", "yes"))
    if room.music:
        settings.append(("user,music_on_hold_class", name(room.music)))
    return [put(f"CONFBRIDGE({what})", value) for what, value in settings]


# -- elsewhere -------------------------------------------------------------------------------------


def _transfer(f: FlowCompiler, block: Block, step: Transfer, then: Place | None) -> None:
    here = f.fresh("transfer")
    trunk = f.site.trunks[step.via]
    if step.target.startswith("{{"):
        block += [
            put("CC_TO1", f"${{FILTER(+0-9,{read(step.target.strip('{} '))})}}"),
            go_if('"${CC_TO1}" = ""', f"{here}_failed,1"),
        ]
        number = "${CC_TO1}"
    else:
        number = digits(step.target)
    block += [
        Line("Transfer", (f"PJSIP/sip:{number}@{name(trunk.host)}:{trunk.port}",)),
        go_if('"${TRANSFERSTATUS}" != "SUCCESS"', f"{here}_failed,1"),
        goto(f.place(f"{here}_done")),
    ]
    f.end(f.block(f"{here}_done"))
    f.body(f"{here}_failed", step.on_failed, then)


BRANCHING: dict[type, Branching] = {
    VoicemailStep: _voicemail,
    Directory: _directory,
    ConferenceStep: _conference,
    Transfer: _transfer,
}

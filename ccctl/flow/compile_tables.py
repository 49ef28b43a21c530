"""What surrounds the flows: entry tables of trunks and phones, hours, voicemail, feature codes.

The entry tables `cc-in` and `cc-phones` are stable: every apply rewrites them, and all they do is
send a call into contexts of one generation, where it stays.
"""

from collections.abc import Iterable

from ccctl.errors import ApplyError
from ccctl.flow import marks
from ccctl.flow.compile_boxes import leave_message
from ccctl.flow.compile_desk import group_flow, queue_flow, room_flow
from ccctl.flow.compile_dial import TRUNKS
from ccctl.flow.compile_flow import (
    desk_context,
    digits,
    flow_context,
    hours_context,
    seconds,
    whole_seconds,
)
from ccctl.flow.compile_switch import MODES, emergency_first, switches
from ccctl.flow.compile_values import channel_variable
from ccctl.flow.dialplan import Context, Exten, Line, Place, go_if, goto, literal, mark, name, put
from ccctl.flow.graph import FeatureCode, Flow, Hours, Number, OpenSpan, Site, User
from ccctl.flow.handing import TALK_CODES

INBOUND = "cc-in"
PHONES = "cc-phones"
PHONE_RING_MS = 30_000
PARKING = range(701, 721)  # as in res_parking.conf
PARKED = "cc-parked"  # res_parking's own context
CODE_LIMIT_S = "8"  # a feature code is confirmed by then

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CALLER_NAME = "${FILTER(a-zA-Z0-9 .\\x27\\-\\x80-\\xff,${CALLERID(name)})}"
# A caller's number may hold line breaks (sip:%0d%0a...): they would forge lines of the event log and of AMI.
_PRINTABLE = "\\x20-\\x7e\\x80-\\xff"
_PLAIN_CALLER = tuple(
    put(f"CALLERID({part})", f"${{FILTER({_PRINTABLE},${{CALLERID({part})}})}}") for part in ("num", "name")
)
_UNKNOWN = tuple(Exten(pattern, (Line("Hangup", ("1",)),)) for pattern in ("_[+*#0-9]", "_[+*#0-9]."))


# -- entry -----------------------------------------------------------------------------------------


def begin(site: Site, generation: str, direction: str, number: Number) -> list[Line]:
    """The first lines of a call. A call that is transferred to here keeps its identity."""
    lines = [
        put("__CC_GEN", generation),
        put("CC_NUMBER", number.number),
        Line("GotoIf", ("${EXISTS(${CC_CALL})}?known",)),
        put("__CC_CALL", "${UNIQUEID}"),
        put("CC_NUM", "${FILTER(+0-9,${CALLERID(num)})}"),
        put("CC_NAME", _CALLER_NAME),
        *(_PLAIN_CALLER if direction == "inbound" else ()),
    ]
    if site.defaults.max_call_ms:
        limit = whole_seconds(site.defaults.max_call_ms)
        lines += [put("TIMEOUT(absolute)", limit), put("CC_END", f"$[${{EPOCH}} + {limit}]")]
    language = number.language or (site.languages_of(number.site)[0] if number.flow else "")
    if language:
        lines.append(put("CHANNEL(language)", name(language)))
    if number.language:
        lines.append(put("CC_LANGUAGE", name(number.language)))
    return [*lines, *_values(site, number), mark(marks.CALL, direction), *_limit(site, direction)]


def _limit(site: Site, direction: str) -> list[Line]:
    """Calls out count against a trunk's channels, too: one too many is told that the lines are busy."""
    if direction != "inbound" or not any(trunk.channels for trunk in site.trunks.values()):
        return []
    calls = f"${{GROUP_COUNT(${{GROUP({TRUNKS})}}@{TRUNKS})}}"
    return [go_if(f'"${{CC_TRUNK_MOST}}" != "" & {calls} > 0${{CC_TRUNK_MOST}}', "full,1")]


def _values(site: Site, number: Number) -> list[Line]:
    """What variables are when a call begins."""
    values = {var.name: var.default for var in site.vars.values() if var.default} | number.values
    return [put(channel_variable(variable), literal(value)) for variable, value in values.items()]


def inbound(site: Site, generation: str) -> Context:
    extens = _numbers(site, generation, "inbound")
    known = {exten.name for exten in extens}
    for number in site.numbers:
        for spelling in (number.removeprefix("+"), number.replace("+", "00", 1)):
            if spelling not in known:
                known.add(spelling)
                extens.append(Exten(spelling, (goto((INBOUND, number, "1")),)))
    full = Exten("full", (mark(marks.HANGUP, "trunk-full"), Line("Hangup", ("34",))))
    limited = any(trunk.channels for trunk in site.trunks.values())
    return Context(INBOUND, (*extens, *((full,) if limited else ()), *_UNKNOWN))


def _numbers(site: Site, generation: str, direction: str) -> list[Exten]:
    return [
        _entry(
            digits(did.number),
            begin(site, generation, direction, did),
            (flow_context(generation, did.flow), "s", "1"),
        )
        for did in site.numbers.values()
    ]


def _entry(number: str, lines: list[Line], place: Place, hint: str = "") -> Exten:
    return Exten(number, (*lines, goto(place, "known")), hint)


def phones(site: Site, generation: str) -> Context:
    """What a phone of this site can dial: colleagues, our own numbers, feature codes."""
    people = [
        _entry(
            digits(user.extension),
            begin(site, generation, "internal", Number(number=user.extension, flow="")),
            (desk_context(generation), user.extension, "1"),
            f"PJSIP/{name(user.name)}",
        )
        for user in site.users.values()
    ]
    codes = [exten for code in site.feature_codes.values() for exten in _code(site, generation, code)]
    late = Exten("T", (put("TIMEOUT(absolute)", "0"), *_sorry()))
    numbers = _numbers(site, generation, "internal")
    rooms = _rooms(site, generation)
    return Context(PHONES, (*people, *rooms, *numbers, *codes, *switches(site, PHONES), late, *_UNKNOWN))


def _rooms(site: Site, generation: str) -> list[Exten]:
    """Internal numbers of ring groups, conferences and queues."""
    return [
        _entry(
            digits(number),
            begin(site, generation, "internal", Number(number=number, flow="")),
            (flow_context(generation, flow.name), "s", "1"),
        )
        for number, flow in internal_flows(site)
    ]


def internal_flows(site: Site) -> list[tuple[str, Flow]]:
    """Internal numbers, and the flows that they are made into."""
    trunk = next(iter(site.trunks), "")
    groups = [(g.extension, group_flow(g, trunk)) for g in site.ring_groups.values() if g.extension]
    rooms = [(r.extension, room_flow(r)) for r in site.conferences.values() if r.extension]
    queues = [(q.extension, queue_flow(q)) for q in site.queues.values() if q.extension]
    return [*groups, *rooms, *queues]


def taken(generation: str) -> Context:
    """Where phones are fetched to whom an agent consulted by himself, when his caller goes on with them."""
    handling = Line("Set", ("PJSIP_TRANSFER_HANDLING()=ari-only",))
    stasis = Line("Stasis", (marks.APP, "taken", generation))
    return Context(marks.TAKEN, (Exten("s", (handling, stasis, Line("Hangup"))),))


# -- desks -----------------------------------------------------------------------------------------


def desks(site: Site, generation: str) -> Context:
    extens = tuple(_desk(user, generation) for user in site.users.values())
    return Context(desk_context(generation), extens)


def _desk(user: User, generation: str) -> Exten:
    box = leave_message(generation, user.mailbox) if user.mailbox else []
    lines = [
        mark(marks.DIAL, user.name),
        Line("Dial", (f"PJSIP/{name(user.name)}", seconds(PHONE_RING_MS), "g")),
        mark(marks.DIAL_END, "${DIALSTATUS}"),
        go_if('"${DIALSTATUS}" = "ANSWER"', "done"),
        *box,
        Line("Hangup", ("${HANGUPCAUSE}",)),
        Line("Hangup", ("16",), "done"),
    ]
    return Exten(user.extension, tuple(lines))


# -- hours -----------------------------------------------------------------------------------------


def hours(site: Site, generation: str) -> list[Context]:
    return [_hours(each, generation) for each in site.hours.values()]


def _hours(hours: Hours, generation: str) -> Context:
    """A subroutine that returns open, closed, holiday or emergency. The emergency announcement goes before
    the manual switch, that before dates, those before the week."""
    zone = hours.timezone
    lines = [
        *emergency_first(hours),
        put("LOCAL(mode)", f"${{FILTER(a-z,${{DB({MODES}/{name(hours.name)})}})}}"),
        go_if('"${mode}" = "open"', "open"),
        go_if('"${mode}" = "closed"', "closed"),
        put("LOCAL(test)", "${FILTER(0-9,${TESTTIME})}"),
        put("LOCAL(now)", '${IF($["${test}" = ""]?${EPOCH}:${test})}'),
        Line("Goto", ("d${STRFTIME(${now}," + literal(zone) + ",%Y%m%d)}", "1")),
        Line("Return", ("open",), "open"),
        Line("Return", ("closed",), "closed"),
        *([Line("Return", ("emergency",), "emergency")] if hours.emergency else []),
    ]
    spans = [_span(spell, zone) for spell in spells(hours.open)]
    week = (*spans, Line("Return", ("closed",)), Line("Return", ("open",), "open"))
    safety = Exten("i", (Line("Return", ("closed",)),))
    return Context(
        hours_context(generation, hours.name),
        (Exten("s", tuple(lines)), *_dates(hours), Exten("_d.", week), safety),
    )


def _dates(hours: Hours) -> list[Exten]:
    """Days that are not as the week: an exception beats a holiday, and a whole holiday beats half of one."""
    zone = hours.timezone
    days: dict[str, tuple[Line, ...]] = {}
    for part in hours.partial:
        before = days.get(part.day, (_week(),))[:-1]
        days[part.day] = (*before, _within(part.start, part.end, zone, "holiday"), _week())
    days = {day: (*lines, Line("Return", ("holiday",), "holiday")) for day, lines in days.items()}
    days |= {day: (Line("Return", ("holiday",)),) for day in hours.holidays}
    for exception in hours.exceptions:
        spans = [_within(start, end, zone, "open") for start, end in exception.spans]
        opened = (Line("Return", ("open",), "open"),) if spans else ()
        days[exception.day] = (*spans, Line("Return", ("closed",)), *opened)
    return [Exten(f"d{digits(day)}", lines) for day, lines in sorted(days.items())]


def _week() -> Line:
    """To the extension of all days that have none of their own."""
    return Line("Goto", ("day", "1"))


def _within(start: int, end: int, zone: str, label: str) -> Line:
    return Line("GotoIfTime", (_clock(start, end), "*", "*", "*", f"{literal(zone)}?{label}"))


def _clock(start: int, end: int) -> str:
    """Asterisk's end minute is inclusive and it knows no 24:00, so the last open minute is written."""
    return f"{start // 60:02}:{start % 60:02}-{(end - 1) // 60:02}:{(end - 1) % 60:02}"


def spells(spans: Iterable[OpenSpan]) -> list[tuple[int, int, tuple[int, ...]]]:
    """(start, end, days): the days that share a span, in the order of the clock."""
    days: dict[tuple[int, int], list[int]] = {}
    for span in spans:
        days.setdefault((span.start, span.end), []).append(span.day)
    return [(start, end, tuple(sorted(set(on)))) for (start, end), on in sorted(days.items())]


def _span(spell: tuple[int, int, tuple[int, ...]], zone: str) -> Line:
    start, end, on = spell
    days = "&".join(_DAYS[day] for day in on)
    return Line("GotoIfTime", (_clock(start, end), days, "*", "*", f"{literal(zone)}?open"))


# -- feature codes ---------------------------------------------------------------------------------


def _code(site: Site, generation: str, code: FeatureCode) -> list[Exten]:
    if code.action in TALK_CODES.values():
        return []  # pressed in a talk, where the daemon hears them
    match code.action:
        case "voicemail":
            return [Exten(code.code, _own_box())]
        case "pickup":
            return [Exten(code.code, (Line("Pickup"), Line("Hangup")))]
        case "park":
            return [Exten(code.code, (Line("Park", ("default",)), Line("Hangup"))), *_slots()]
        case "page":
            return _page(code)
        case "listen":
            return [_listen(site.users[agent], generation, code) for agent in site.agents]
        case "agent-login" | "agent-wrap-up":
            return [_ask(code.code, generation, code.action, "")]
        case "agent-pause":
            reasons = site.defaults.pause_reasons.items()
            spoken = [
                _ask(f"{code.code}{digit}", generation, code.action, reason) for digit, reason in reasons
            ]
            return [_ask(code.code, generation, code.action, ""), *spoken]
    raise ApplyError(f"feature code {code.code}: unknown action {code.action!r}")


def _slots() -> list[Exten]:
    """Who is parked is fetched at the number that was said; its lamp tells that somebody waits there."""
    return [
        Exten(
            str(slot), (Line("ParkedCall", ("default", str(slot))), Line("Hangup")), f"park:{slot}@{PARKED}"
        )
        for slot in PARKING
    ]


def _page(code: FeatureCode) -> list[Exten]:
    """The phones answer by themselves, as the headers ask them to, and hear who dialled."""
    header = f"{code.code}0"
    phones = "&".join(f"PJSIP/{name(who)}" for who in code.people)
    lines = (Line("Page", (phones, f"b({PHONES}^{header}^1)")), Line("Hangup"))
    wanted = (
        put("PJSIP_HEADER(add,Call-Info)", "<sip:page>;answer-after=0"),
        put("PJSIP_HEADER(add,Alert-Info)", "<http://page>;info=alert-autoanswer"),
        Line("Return"),
    )
    return [Exten(code.code, lines), Exten(header, wanted)]


def _own_box() -> tuple[Line, ...]:
    """CC_BOX comes from the phone's endpoint: a phone opens its own box only."""
    return (
        Line("GotoIf", ("${EXISTS(${CC_BOX})}?box",)),
        *_sorry(),
        Line("VoiceMailMain", ("${CC_BOX}", "${CC_BOX_OPTIONS}"), "box"),
        Line("Hangup"),
    )


def _ask(exten: str, generation: str, action: str, reason: str) -> Exten:
    """The timer answers for a daemon that is not there: a held channel would stay silent for ever."""
    limit = put("TIMEOUT(absolute)", CODE_LIMIT_S)
    return Exten(exten, (limit, *_stasis("code", generation, action, "${CC_USER}", literal(reason))))


def _listen(agent: User, generation: str, code: FeatureCode) -> Exten:
    return Exten(
        f"{code.code}{digits(agent.extension)}", _stasis("listen", generation, "${CC_USER}", agent.extension)
    )


def _stasis(*arguments: str) -> tuple[Line, ...]:
    """Hand a phone to the daemon; when it is not there, say so."""
    done = go_if('"${STASISSTATUS}" = "SUCCESS"', "done")
    return (Line("Stasis", (marks.APP, *arguments)), done, *_sorry(), Line("Hangup", (), "done"))


def _sorry() -> tuple[Line, ...]:
    return (Line("Answer"), Line("Playback", ("sorry&please-try-call-later",)), Line("Hangup"))

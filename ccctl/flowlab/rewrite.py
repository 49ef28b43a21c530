"""What a compiled site becomes for a lab: Dial rings stand-ins, CURL asks a server of the test.

The stand-in of a phone is an extension of the context `cc-test-phones`. What it does is said by each call
in variables that its dialled channels inherit, so one dialplan serves all tests at the same time.
"""

import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from ccctl.flow.compile import Plan
from ccctl.flow.compile_tables import INBOUND
from ccctl.flow.dialplan import Context, Exten, Line, Section, goto, put
from ccctl.flowtest.cases import Given, Phone

PHONES = "cc-test-phones"
ENTRY = "cc-test-entry"
_CHANNEL = re.compile(r"PJSIP/([A-Za-z0-9_.+-]+|\$\{CC_TO[0-9]+\})(@[A-Za-z0-9_.-]+)?")
_STAND_IN = re.compile(rf"Local/([A-Za-z0-9_.+-]+)(?:~([A-Za-z0-9_.-]+))?@{PHONES}/n")
_CURL = "${CURL(${CC_URL}"
_FOREVER = "3600"


def rewrite(plan: Plan, port: int) -> Plan:
    """`port` is where the stand-in of all web servers listens."""
    contexts = tuple(_map_lines(context, lambda line: _line(line, port)) for context in plan.contexts)
    sections = {**plan.sections, "pjsip.conf": tuple(_at_home(plan.sections["pjsip.conf"]))}
    return msgspec.structs.replace(plan, contexts=contexts, entry=(*plan.entry, phones()), sections=sections)


def rewrite_for_sip(plan: Plan, port: int, carrier: int) -> Plan:
    """Phones stay phones. Calls of the trunks come from `carrier`, with a test's facts before the number."""
    contexts = tuple(_map_lines(context, lambda line: _asking(line, port)) for context in plan.contexts)
    sections = {**plan.sections, "pjsip.conf": tuple(_trunks(_at_home(plan.sections["pjsip.conf"]), carrier))}
    return msgspec.structs.replace(plan, contexts=contexts, entry=(*plan.entry, entry()), sections=sections)


def _at_home(sections: Iterable[Section]) -> Iterator[Section]:
    """Without ports and certificates of the machine that the site is for; the lab's phones do not encrypt."""
    for section in sections:
        if ("type", "transport") not in section.options:
            options = tuple(pair for pair in section.options if not pair[0].startswith("media_encryption"))
            yield Section(section.name, options)


def _trunks(sections: Iterable[Section], carrier: int) -> Iterator[Section]:
    """Every trunk leads to the carrier on loopback; nothing registers anywhere."""
    for section in sections:
        options = dict(section.options)
        if options.get("context") == INBOUND:
            kept = [(key, ENTRY if key == "context" else text) for key, text in section.options]
            yield Section(section.name, tuple(pair for pair in kept if pair[0] != "outbound_auth"))
        elif options.get("type") == "aor" and "contact" in options:
            yield Section(section.name, (("type", "aor"), ("contact", f"sip:127.0.0.1:{carrier}")))
        elif options.get("type") == "identify":
            yield Section(section.name, (*section.options[:-1], ("match", "127.0.0.1")))
        elif options.get("type") != "registration":
            yield section


def entry() -> Context:
    """number of the case ~ moment ~ dice ~ number that is called"""
    lines = (
        put("__TESTTIME", "${CUT(EXTEN,~,2)}"),
        put("__CC_DICE", "${CUT(EXTEN,~,3)}"),
        goto((INBOUND, "${CUT(EXTEN,~,4)}", "1")),
    )
    return Context(ENTRY, (Exten("_X.", lines),))


def _map_lines(context: Context, change: Callable[[Line], Line]) -> Context:
    extens = (
        msgspec.structs.replace(exten, lines=tuple(change(line) for line in exten.lines))
        for exten in context.extens
    )
    return msgspec.structs.replace(context, extens=tuple(extens))


def _asking(line: Line, port: int) -> Line:
    asks = f"${{CURL(http://127.0.0.1:{port}/${{UNIQUEID}}?address=${{URIENCODE(${{CC_URL}})}}"
    if not any(_CURL in argument for argument in line.args):
        return line
    return msgspec.structs.replace(line, args=tuple(text.replace(_CURL, asks) for text in line.args))


def _line(line: Line, port: int) -> Line:
    if line.app != "Dial":
        return _asking(line, port)
    channels = _CHANNEL.sub(lambda found: stand_in(found[1], (found[2] or "")[1:]), line.args[0])
    return msgspec.structs.replace(line, args=(channels, *line.args[1:]))


def stand_in(who: str, trunk: str = "") -> str:
    return f"Local/{who}{f'~{trunk}' if trunk else ''}@{PHONES}/n"


def as_written(data: str) -> str:
    """The data of an executed step as the site's own dialplan has it."""
    return _STAND_IN.sub(lambda found: f"PJSIP/{found[1]}{f'@{found[2]}' if found[2] else ''}", data)


def phones() -> Context:
    """`~` separates a number from its trunk: it is in no name."""
    how = "CC_PHONE_${FILTER(a-zA-Z0-9,${CUT(EXTEN,~,1)})}"
    pick = (
        put("after", f"${{FILTER(0-9.,${{{how}_AFTER}})}}"),
        put("does", f"${{FILTER(a-z,${{{how}}})}}"),
        put("keys", f"${{FILTER(0-9*#,${{{how}_KEYS}})}}"),
        Line("GotoIf", ('$["${does}" = ""]?is_offline,1:is_${does},1',)),
    )
    return Context(
        PHONES,
        (
            Exten("is_busy", (Line("Busy", (_FOREVER,)),)),
            Exten("is_noanswer", (Line("Ringing"), Line("Wait", (_FOREVER,)))),
            Exten("is_offline", (Line("Hangup", ("20",)),)),
            Exten(
                "is_answer",
                (
                    Line("Ringing"),
                    Line("Wait", ("0${after}",)),
                    Line("Answer"),
                    Line("ExecIf", ('$["${keys}" != ""]?SendDTMF(w${keys})',)),
                    Line("Wait", (_FOREVER,)),
                ),
            ),
            Exten("_[a-zA-Z0-9+].", pick),
            Exten("i", (goto((PHONES, "is_offline", "1")),)),
        ),
    )


def phone_variables(given: Given) -> dict[str, str]:
    result: dict[str, str] = {}
    for who, phone in given.phones.items():
        name = "CC_PHONE_" + re.sub(r"[^a-zA-Z0-9]", "", who)
        facts = {"": phone.does.replace("_", ""), "_AFTER": _seconds(phone), "_KEYS": phone.keys}
        result |= {f"{name}{part}": text for part, text in facts.items() if text}
    return result


def _seconds(phone: Phone) -> str:
    return f"{phone.after_ms / 1000:g}"

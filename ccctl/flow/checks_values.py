"""Findings about single values while a site is read: wrong forms, secrets, files that the site names.

Each function makes the one finding of its code; its docstring is the manual page.
"""

import datetime

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow.checks_pages import finding, found

# -- values ----------------------------------------------------------------------------------------


@finding("E904")
def bad_value(span: Span, text: str, hint: str) -> Diagnostic:
    """A value of the wrong form.

    Durations need a unit (ms, s, m, h), yes/no values and named choices need one of their words,
    whole numbers have limits.

    Bad:
        queues:
          support: {ring: 15}
    Good:
        queues:
          support: {ring: 15s}
    """
    return found("E904", span, text, hint)


@finding("E301")
def bad_time(span: Span, text: str, hint: str) -> Diagnostic:
    """Not a time of day, or not a day.

    Times run from 00:00 to 24:00 and the end is exclusive; days are mon to sun and ranges of them.

    Bad:
        hours:
          office: {open: {mon: "08:00-25:00"}}
    Good:
        hours:
          office: {open: {mon: "08:00-24:00"}}
    """
    return found("E301", span, text, hint)


@finding("E302")
def bad_zone(span: Span, text: str, hint: str) -> Diagnostic:
    """Unknown time zone.

    Asterisk would silently use UTC, and the office would open and close at the wrong hour.

    Bad:
        defaults: {timezone: Europe/Berln}
    Good:
        defaults: {timezone: Europe/Berlin}
    """
    return found("E302", span, text, hint)


@finding("E308")
def bad_date(span: Span, text: str, hint: str) -> Diagnostic:
    """Not a date of the calendar.

    Bad:
        hours:
          office: {open: {mon-fri: "09:00-17:00"}, holidays: ["25.12.2026"]}
    Good:
        hours:
          office: {open: {mon-fri: "09:00-17:00"}, holidays: ["2026-12-25"]}
    """
    return found("E308", span, text, hint)


@finding("E309")
def bad_calendar(span: Span, text: str, hint: str) -> Diagnostic:
    """A calendar file (.ics) that cannot be read.

    A calendar that is read in part would open the office on a day off, so it is refused as a whole.

    Bad:
        DTSTART;VALUE=DATE:2026122
    Good:
        DTSTART;VALUE=DATE:20261225
    """
    return found("E309", span, text, hint)


@finding("E310")
def exception_twice(span: Span, day: str, line: int) -> Diagnostic:
    """Two exceptions for one day, or times of one that overlap.

    Bad:
        exceptions: {"2026-12-24..2026-12-31": closed, "2026-12-28": "09:00-12:00"}
    Good:
        exceptions: {"2026-12-24..2026-12-27": closed, "2026-12-28": "09:00-12:00"}
    """
    shown = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    return found("E310", span, f"{shown} is also an exception in line {line}", "write each day once")


def times_overlap(span: Span, minute: int) -> Diagnostic:
    text = f"two of these times hold {minute // 60:02}:{minute % 60:02}"
    return found("E310", span, text, "write each time once")


@finding("W304")
def calendar_ends(span: Span, path: str, last: datetime.date | None, today: datetime.date) -> Diagnostic:
    """A calendar ends soon.

    After its last day the office would be open on every holiday. It is told 60 days ahead.

    Bad:
        holidays: [calendars/2026.ics]       # and it is December 2026
    Good:
        holidays: [calendars/2026.ics, calendars/2027.ics]
    """
    hint = "fetch the next year" if path.endswith(".ics") else "write the days of the next year"
    if last is None:
        return found("W304", span, f"{path} has no day that counts", hint)
    days = (last - today).days
    when = f"{days} days ahead" if days > 0 else "today" if days == 0 else f"{-days} days ago"
    return found("W304", span, f"{path} has no day after {last}, {when}", hint)


@finding("E803")
def bad_number(span: Span, text: str, hint: str) -> Diagnostic:
    """Not a phone number in international form.

    Numbers of the public network are written as E.164: a plus sign, the country code, the number.
    Quote them, so that the plus sign stays.

    Bad:
        numbers: {"0301234500": main}
    Good:
        numbers: {"+49301234500": main}
    """
    return found("E803", span, text, hint)


@finding("E509")
def bad_condition(span: Span, words: str, hint: str) -> Diagnostic:
    """A condition that cannot be read.

    A condition compares a variable with words or numbers: is, is not, is one of, starts with, is set,
    is not set, is withheld, <, <=, >, >=. `and` binds before `or`.

    Bad:
        main: [{if: gold, then: support}, hangup]
    Good:
        main: [{if: tier is gold, then: support}, hangup]
    """
    return found("E509", span, f'"{words}" is not a condition', hint)


@finding("E206")
def bad_key(span: Span, word: str) -> Diagnostic:
    """Not a key of a phone.

    Callers have the digits 0 to 9, * and #.

    Bad:
        options: {A: sales}
    Good:
        options: {1: sales}
    """
    return found("E206", span, f'"{word}" is not a key callers have', "use 0-9, * or #")


@finding("E503")
def expansion(span: Span, word: str) -> Diagnostic:
    """Text that Asterisk would expand.

    Asterisk replaces ${...} and $[...] wherever they stand, and no quoting stops it. Text may not
    contain them.

    Bad:
        users: {anna: {name: "${NAME}", extension: 201, password: !secret ph201}}
    Good:
        users: {anna: {name: "Anna Schmidt", extension: 201, password: !secret ph201}}
    """
    return found("E503", span, f'"{word}" would be expanded by Asterisk', "remove the $")


@finding("E502")
def free_target(span: Span, name: str) -> Diagnostic:
    """A dial target that the caller could write.

    A caller's name is free text, and a call is placed by what stands in a target. Only variables whose
    type lets nothing but digits through may be dialled.

    Bad:
        main: [{dial: "{{ caller.name }}", on_no_answer: hangup}]
    Good:
        main: [{dial: "{{ desk }}", on_no_answer: hangup}]     # vars: {desk: {type: digits, max: 8}}
    """
    why = "is free text from the caller and" if name == "caller.name" else "holds no number and"
    text = f"{name} {why} may not reach a dial target"
    return found("E502", span, text, "use a var of type digits or phone")


# -- secrets and files that the site names ---------------------------------------------------------


@finding("E507")
def clear_text(span: Span, what: str) -> Diagnostic:
    """A secret in clear text.

    Site files go into version control; passwords and PINs do not. Name the secret with !secret and
    write its value into secrets.yaml (mode 0600) or the environment (CC_SECRET_<NAME>).

    Bad:
        users: {anna: {extension: 201, password: "hunter22"}}
    Good:
        users: {anna: {extension: 201, password: !secret ph201}}
    """
    return found("E507", span, f"{what} in clear text", "use !secret and a name")


def misplaced_secret(span: Span, word: str) -> Diagnostic:
    return found("E507", span, f'"!secret {word}" is not allowed here', "secrets are for passwords and PINs")


@finding("E508")
def open_secrets(span: Span, mode: str) -> Diagnostic:
    """secrets.yaml can be read by others.

    Bad:
        -rw-r--r--  secrets.yaml
    Good:
        -rw-------  secrets.yaml
    """
    return found(
        "E508", span, f"the file can be read by others (mode {mode})", f"run: chmod 0600 {span.file}"
    )


@finding("E107")
def unknown_secret(span: Span, name: str, why: str, variable: str) -> Diagnostic:
    """A secret has no value.

    Values come from the environment (CC_SECRET_<NAME>), else from secrets.yaml beside the site
    files; there a value is a text, or `{command: ...}`, a command whose first line of output it is.

    Bad:
        trunks: {telco: {host: sip.telco.example, username: acme, password: !secret nowhere}}
    Good:
        trunks: {telco: {host: sip.telco.example, username: acme, password: !secret telco}}
    """
    return found("E107", span, f'secret "{name}" {why}', f"add it or set {variable}")


@finding("E106")
def missing_file(span: Span, what: str, hint: str) -> Diagnostic:
    """A file that the site names does not exist.

    Paths are relative to the site's folder and stay inside it.

    Bad:
        include: [promts/*.yaml]
    Good:
        include: [prompts/*.yaml]
    """
    return found("E106", span, what, hint)


@finding("E602")
def bad_recording(span: Span, what: str) -> Diagnostic:
    """A recording that Asterisk cannot play.

    Recordings are WAV files with 16-bit samples, one channel, at 8 or 16 kHz. `ccctl prompts convert SITE`
    repairs all of a site, and keeps what was there in the folder `originals`.

    Bad:
        sounds/en/welcome.wav     # 44.1 kHz stereo
    Good:
        sounds/en/welcome.wav     # after: ccctl prompts convert SITE
    """
    hint = f"run: ccctl prompts convert {span.file}"
    return found("E602", span, f"{what}; Asterisk plays 8 or 16 kHz mono 16-bit", hint)


@finding("E109")
def wrong_kind(span: Span, word: str, is_what: str, hint: str) -> Diagnostic:
    """A name of another kind of thing.

    Bad:
        numbers: {"+49301234500": welcome}      # welcome is a prompt
    Good:
        numbers: {"+49301234500": main}         # a flow that plays it
    """
    return found("E109", span, f'"{word}" is {is_what}', hint)

"""Findings about flow tests: what names nothing, tests nothing or cannot be played.

Each function makes the one finding of its code; its docstring is the manual page.
"""

from collections.abc import Iterable

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import mean, place


@finding("E950")
def unknown_name(span: Span, kind: str, word: str, known: Iterable[str]) -> Diagnostic:
    """A flow test names something that the site does not have.

    Prompts, flows, queues, users, mailboxes and hours in a test are those of the site; numbers that are
    called are its own.

    Bad:
        steps: [{hears: wellcome}]
    Good:
        steps: [{hears: welcome}]
    """
    hint = mean(word, known, f"the site has no such {kind}")
    return found("E950", span, f'the site has no {kind} "{word}"', hint)


@finding("E951")
def unknown_step(span: Span, word: str, known: Iterable[str]) -> Diagnostic:
    """A step that flow tests do not have.

    A step is one verb: what the caller does (press, waits, talks, hangs_up), what happens to him (hears,
    says, enters, rings, dials, goes, voicemail, ends), or what another does (agent, phone).

    Bad:
        steps: [{presses: 3}]
    Good:
        steps: [{press: 3}]
    """
    words = f"write one of: {chr(44).join(sorted(known))}".replace(",", ", ")
    return found("E951", span, f'"{word}" is no step of a flow test', mean(word, known, words))


@finding("E952")
def bad_value(span: Span, text: str, hint: str) -> Diagnostic:
    """A value that cannot be used in a flow test.

    Times are dates with a time of day in the site's zone or with an offset, keys are 0-9, * and #, HTTP
    requests are a method and an address.

    Bad:
        call: {at: "10:00"}
    Good:
        call: {at: "2026-11-23 10:00"}
    """
    return found("E952", span, text, hint)


@finding("E953")
def tests_nothing(span: Span, name: str) -> Diagnostic:
    """A flow test that cannot fail.

    It has neither a step that sees something nor an end nor an expectation.

    Bad:
        tests:
          - name: closed on sunday
            call: {at: "2026-11-22 10:00"}
    Good:
        tests:
          - name: closed on sunday
            call: {at: "2026-11-22 10:00"}
            ends: {hears: closed}
    """
    hint = "add steps with hears, or ends, or expect"
    return found("E953", span, f'"{name}" expects nothing, so it would always pass', hint)


@finding("E954")
def name_twice(span: Span, name: str, first: Span) -> Diagnostic:
    """Two flow tests of one name.

    The name tells tests apart in reports.

    Bad:
        tests: [{name: closed, ends: hangup}, {name: closed, ends: hangup}]
    Good:
        tests: [{name: closed, ends: hangup}, {name: closed on sunday, ends: hangup}]
    """
    text = f'a test called "{name}" is already at {place(first)}'
    return found("E954", span, text, "give each test a name of its own")


@finding("E955")
def bad_change(span: Span, text: str, hint: str) -> Diagnostic:
    """A change that a flow test cannot apply.

    `given: {apply: FILE}` names one YAML file by its path from the site's folder. It is no file of the site
    and no file of tests, so it stands in a folder of its own; the site with it has no errors. Where
    `expect: {generation: ...}` asks on which text a call ends, its dialplan is another one. Mappings of
    the file are joined with those of the site key by key, everything else takes the place of what was
    there, and a name with nothing behind it is taken out.

    Bad:
        given: {apply: flows.yaml, during: main-menu}
    Good:
        given: {apply: tests/changes/no-billing.yaml, during: main-menu}
    """
    return found("E955", span, text, hint)


def nothing_to_take_out(span: Span, section: str, word: str, known: Iterable[str]) -> Diagnostic:
    hint = mean(word, known, "a name with nothing behind it is taken out of the site")
    return bad_change(span, f'the site has no "{word}" in {section} that could be taken out', hint)

"""Findings while a site is read: files, YAML, unknown words, values of the wrong form.

Each function makes the one finding of its code; its docstring is the manual page.
"""

import re
from collections.abc import Iterable

from ccctl.diagnostics import Diagnostic, Span, did_you_mean
from ccctl.flow.checks_pages import finding, found


def place(span: Span) -> str:
    return f"{span.file}:{span.line}:{span.column}"


def mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """The hint for an unknown word: the nearest known one, else the list."""
    words = sorted(known)
    near = did_you_mean(word, words) or did_you_mean(word.lower(), words)
    if near:
        return f'did you mean "{near}"?'
    if words and len(words) <= 14:
        return f"known: {', '.join(words)}"
    return otherwise


# -- files -----------------------------------------------------------------------------------------


@finding("E900")
def unreadable(span: Span, reason: str, hint: str = "") -> Diagnostic:
    """A file of the site, or the site itself, cannot be read.

    The folder does not exist or has no .yaml file, or the operating system refuses to open one of its files:
    give the account that runs ccctl the right to read it, or take it away.

    Bad:
        -rw------- root  acme.yaml        # read by another account
    Good:
        -rw-r----- root ccctl  acme.yaml
    """
    return found("E900", span, reason, hint)


@finding("E911")
def encoding(span: Span, what: str) -> Diagnostic:
    """The file is not plain UTF-8 text.

    Site files are UTF-8 and have no control characters, not even as escapes in quotes. Other encodings
    would make names and prompts that nobody can compare or speak. A UTF-8 byte order mark at the
    beginning, and line ends of Windows, are taken as they are.

    Bad:
        welcome: {de: "Gr<0xFC><0xDF> Gott"}   # Latin-1 bytes
    Good:
        welcome: {de: "Grüß Gott"}             # the same, saved as UTF-8
    """
    return found("E911", span, what, "save the file as UTF-8")


def control(span: Span, char: str) -> Diagnostic:
    return found("E911", span, f"this text holds the control character {char}", "take it out")


@finding("E916")
def empty(span: Span) -> Diagnostic:
    """The file has nothing in it.

    An empty file is most often a copy that went wrong. Delete it, or write a section.

    Bad:
        # only comments
    Good:
        ccctl: 1
    """
    return found("E916", span, "the file is empty", 'delete it or begin with "ccctl: 1"')


@finding("E914")
def too_big(span: Span, what: str, limit: str) -> Diagnostic:
    """The file is too large, too deep, or grows too much through aliases.

    A few lines of nested aliases can stand for billions of values; limits keep a broken or hostile
    file from filling the memory.

    Bad:
        a: &a [x, x, x, x]
        b: &b [*a, *a, *a, *a]      # and so on, ten levels
    Good:
        a: [x, x, x, x]
    """
    return found("E914", span, what, limit)


# -- YAML ------------------------------------------------------------------------------------------


@finding("E910")
def syntax(span: Span, what: str, hint: str) -> Diagnostic:
    """The text is not YAML.

    Most often a quote or bracket is not closed, a line is indented unlike its neighbours, a ":" or a comma is
    missing, a list stands below a key that has a value, or a text has ": " in it. Texts of several lines in
    which a line begins with "- " are refused without quotes, although they are YAML: a list is meant.

    Bad:
        welcome: {en: Hours: nine to five}
    Good:
        welcome: {en: "Hours: nine to five"}
    """
    return found("E910", span, f"this is not YAML: {what}", hint)


def documents(span: Span) -> Diagnostic:
    return syntax(span, 'a second document starts with "---"', "one document per file; split it")


def key(span: Span) -> Diagnostic:
    return syntax(
        span,
        "a key must be a word, not a list or a mapping",
        'quote a text that has braces: "{{ caller.number }}"',
    )


@finding("E912")
def shape(span: Span, what: str, hint: str) -> Diagnostic:
    """A list, a mapping or a single value was written where another of them is needed.

    Bad:
        queues: [support, billing]
    Good:
        queues:
          support: {skills: {technical: 1}}
          billing: {skills: {billing: 1}}
    """
    return found("E912", span, what, hint)


@finding("E906")
def special(span: Span, char: str, rest: str) -> Diagnostic:
    """An unquoted character has a meaning of its own in YAML.

    A leading * is an alias, @ and ` are reserved, % starts a directive. Keys of the phone and
    feature codes are texts: quote them.

    Bad:
        options: {*: repeat}
    Good:
        options: {"*": repeat}
    """
    word = re.split(r"[:\s,\]}]", rest, maxsplit=1)[0] or char
    what = "starts a YAML alias here" if char == "*" else "cannot start a word in YAML"
    return found("E906", span, f"{char} {what}", f'quote it: "{word}"')


@finding("W906")
def comment_key(span: Span, word: str) -> Diagnostic:
    """A key that starts with # is a comment.

    YAML drops everything after an unquoted #, so this line does nothing. Quote the key, or put a
    blank after the # when a comment is meant.

    Bad:
        options:
          #: operator
    Good:
        options:
          "#": operator
    """
    return found("W906", span, f"YAML reads this line as a comment: {word}", f'quote the key: "{word}"')


@finding("E913")
def tag(span: Span, name: str) -> Diagnostic:
    """Unknown YAML tag.

    The only tag is !secret, followed by the name of a secret. Tags of programming languages are
    refused because they could run code.

    Bad:
        password: !env TELCO
    Good:
        password: !secret telco
    """
    hint = "write !secret and the name of a secret" if name == "!secret" else "the only tag is !secret"
    return found("E913", span, f"tag {name} is not known here", hint)


@finding("E917")
def merge_key(span: Span) -> Diagnostic:
    """Merge keys are not supported.

    `<<: *name` copies a mapping in a way that hides where a value comes from. Write the values.

    Bad:
        billing: {<<: *common, ring: 20s}
    Good:
        billing: {ring: 20s, wrap_up: 30s}
    """
    return found("E917", span, '"<<" merges are not supported', "write the keys out")


@finding("E918")
def tab(span: Span, what: str = "a tab indents this line") -> Diagnostic:
    """A tab in the indentation.

    YAML forbids tabs before the first word of a line, because their width is a matter of taste. The no-break
    spaces of word processors and web pages are no blanks either.

    Bad:
        flows:
        <tab>main: [hangup]
    Good:
        flows:
          main: [hangup]
    """
    return found("E918", span, what, "use blanks")


# -- words -----------------------------------------------------------------------------------------


@finding("E905")
def unknown_key(span: Span, word: str, where: str, known: Iterable[str]) -> Diagnostic:
    """Unknown word in place of a key or a step.

    Bad:
        hours:
          office: {oepn: {mon-fri: "09:00-17:00"}}
    Good:
        hours:
          office: {open: {mon-fri: "09:00-17:00"}}
    """
    return found("E905", span, f'unknown key "{word}" in {where}', mean(word, known))


def unknown_step(span: Span, word: str, known: Iterable[str]) -> Diagnostic:
    return found("E905", span, f'unknown step "{word}"', mean(word, known))


@finding("E907")
def missing(span: Span, word: str, where: str, example: str) -> Diagnostic:
    """A key that must be there is missing.

    Bad:
        trunks:
          telco: {codecs: [alaw]}
    Good:
        trunks:
          telco: {host: sip.telco.example, codecs: [alaw]}
    """
    return found("E907", span, f'{where} has no "{word}"', f"add {example}")


@finding("E908")
def duplicate(span: Span, word: str, first: Span) -> Diagnostic:
    """A name or key is written twice.

    YAML would silently let the last one win. It is also refused across files, because the files of
    a site are one site.

    Bad:
        queues:
          support: {ring: 15s}
          support: {ring: 20s}
    Good:
        queues:
          support: {ring: 20s}
    """
    where = f"line {first.line}" if first.file == span.file else place(first)
    return found("E908", span, f'"{word}" is already written in {where}', "keep one of them")


@finding("E909")
def not_available(span: Span, word: str, what: str = "", instead: str = "") -> Diagnostic:
    """Part of the language that this version does not have yet.

    Bad:
        flows:
          main: [{survey: csat}]
    Good:
        flows:
          main: [hangup]
    """
    hint = instead or f"take it out{f' of {what}' if what else ''}"
    return found("E909", span, f'"{word}" is not available in this version', hint)


@finding("E915")
def version(span: Span, text: str) -> Diagnostic:
    """The version of the language is missing or not known.

    `ccctl: 1` says which version of this language the site is written in; one file of the site's
    folder must say it.

    Bad:
        ccctl: 2
    Good:
        ccctl: 1
    """
    return found("E915", span, text, 'write "ccctl: 1"')


@finding("E901")
def bad_name(span: Span, word: str, why: str, hint: str) -> Diagnostic:
    """A name that cannot become a name in Asterisk.

    Names are lower-case letters, digits and hyphens, begin with a letter, and have at most 40
    characters: Asterisk cuts context names at 79 characters, and two names would become one.
    The words of the language (hangup, repeat, none ...) are no names.

    Bad:
        flows:
          Main_Menu: [hangup]
    Good:
        flows:
          main-menu: [hangup]
    """
    return found("E901", span, f'"{word}" {why}', hint)


@finding("E406")
def unknown_outcome(span: Span, word: str, step: str, outcomes: Iterable[str]) -> Diagnostic:
    """A step has no such outcome.

    Bad:
        main: [{dial: anna, on_offline: {voicemail: anna}}]
    Good:
        main: [{dial: anna, on_no_answer: {voicemail: anna}}]
    """
    names = tuple(outcomes)
    near = did_you_mean(word.removeprefix("on_"), names)
    known = f"its outcomes are {', '.join(names)}" if names else "it has no outcomes"
    return found("E406", span, f"{step} has no {word}", f'did you mean "on_{near}"?' if near else known)


@finding("E201")
def option_twice(span: Span, word: str, first: Span) -> Diagnostic:
    """A key appears twice in a menu.

    Bad:
        options: {1: sales, 2: support, 1: billing}
    Good:
        options: {1: sales, 2: support, 3: billing}
    """
    where = f"first at {first.line}:{first.column}"
    return found("E201", span, f'key "{word}" appears twice in options ({where})', "give each key once")


@finding("E205")
def exit_key_twice(span: Span, word: str, first: Span) -> Diagnostic:
    """A key of those who wait has two meanings: in exit_keys, while_waiting or offer_callback.

    Bad:
        {queue: support, exit_keys: {1: sales, 1: billing}}
    Good:
        {queue: support, exit_keys: {1: sales, 2: billing}}
    """
    where = f"{first.line}:{first.column}"
    return found("E205", span, f'key "{word}" has a meaning already ({where})', "choose another")

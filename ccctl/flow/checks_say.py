"""Checks of what say steps speak: values in ways that fit them, no free text."""

import re
from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic
from ccctl.flow.checks_menus import steps_of
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.graph import Say, SayAs
from ccctl.flow.schema import Draft
from ccctl.flow.sentences import (
    CLOCK,
    FREE,
    Slot,
    is_free,
    is_known,
    slots,
    spoken_words,
    ways_of,
)

LONGEST_NUMBER = 9  # digits: Asterisk counts up to 2,147,483,647
_COUNTED = (SayAs.NUMBER, SayAs.ORDINAL, SayAs.MONEY)


def says_of(draft: Draft) -> Iterator[Say]:
    yield from (step for step in steps_of(draft) if isinstance(step, Say))


@finding("E409")
def check_spoken(draft: Draft) -> Iterator[Diagnostic]:
    """A say step cannot speak its value in the way it is told.

    Times and dates are spoken of `now`; digits and numbers are spoken of what has digits, words of an enum or
    a flag; sums of money need a currency in defaults. In a sentence the way stands behind the value:
    `{{ case | number }}`.

    Bad:
        main: [{say: caller.number, as: time}, hangup]
    Good:
        main: [{say: now, as: time}, {say: caller.number, as: digits}, hangup]
    """
    for step in says_of(draft):
        if step.text:
            yield from _sentence(draft, step)
        elif step.say_as and not _fits(draft, step, step.say_as):
            text = f'"{step.value}" cannot be spoken as {step.say_as.value}'
            ways = [way.value for way in SayAs if _fits(draft, step, way)]
            yield found("E409", step.span, text, f"write as: {' or '.join(ways)}")
        elif step.say_as is SayAs.MONEY:
            yield from _currency(draft, step)


def _fits(draft: Draft, step: Say, way: SayAs) -> bool:
    value = step.value
    if way is SayAs.WORD:
        return any(spoken_words(Say(value=value, say_as=way), draft.site.vars))
    if value.startswith("{{"):
        return way not in CLOCK
    if way in CLOCK:
        return value == "now"
    match way:
        case SayAs.NUMBER | SayAs.ORDINAL:
            return value.isdecimal() and len(value) <= LONGEST_NUMBER
        case SayAs.MONEY:
            return re.fullmatch(r"[0-9]{1,9}([.][0-9]{2})?", value) is not None
        case SayAs.ALPHA:
            return value != "now"
    return value.endswith(".number") or all(char in "0123456789+*#-" for char in value)


def _currency(draft: Draft, step: Say) -> Iterator[Diagnostic]:
    if not draft.site.defaults.currency:
        yield found("E409", step.span, "this sum has no currency", "write defaults: {currency: EUR}")


def _sentence(draft: Draft, step: Say) -> Iterator[Diagnostic]:
    if step.say_as:
        text = f"as: {step.say_as.value} belongs to a value that is spoken alone"
        yield found("E409", step.span, text, f"write {{{{ name | {step.say_as.value} }}}} in the sentence")
    for slot in slots(step):
        ways = ways_of(slot, draft.site.vars)
        if slot.way and ways and ways != FREE and slot.way not in ways:
            text = f'"{slot.variable}" cannot be spoken as {slot.way}'
            yield found("E409", step.span, text, f"write {_or(slot.variable, *ways)}")
        elif slot.way == SayAs.MONEY and slot.way in ways:
            yield from _currency(draft, step)
        yield from _too_long(draft, step, slot)


def _too_long(draft: Draft, step: Say, slot: Slot) -> Iterator[Diagnostic]:
    variable = draft.site.vars.get(slot.variable)
    if variable and variable.type == "digits" and slot.way in _COUNTED and variable.most > LONGEST_NUMBER:
        text = f'"{slot.variable}" may have {variable.most} digits and cannot be spoken as {slot.way}'
        hint = f"give vars.{slot.variable} max: {LONGEST_NUMBER}, or write {_or(slot.variable, SayAs.DIGITS)}"
        yield found("E409", step.span, text, hint)


def _or(variable: str, *ways: str) -> str:
    return " or ".join(f"{{{{ {variable} | {way} }}}}" for way in ways)


@finding("E413")
def check_free_text(draft: Draft) -> Iterator[Diagnostic]:
    """A sentence is to speak a text that nobody knows beforehand.

    What a say step says is made when the site is applied: the words of the sentence, and every value of an
    enum or a flag; digits, numbers and times are put together of sounds that are there. A variable of type
    text, and the caller's name, can hold anything, so there is no sound of it. Spell it, or play a prompt
    instead. What has few values is better a variable of type enum.

    Bad:
        vars: {name: {type: text}}
        flows: {main: [{say: {text: "Hello {{ name }}."}}, hangup]}
    Good:
        vars: {name: {type: text}}
        flows: {main: [{say: {text: "Hello {{ name | alpha }}."}}, hangup]}
    """
    for step in says_of(draft):
        for slot in slots(step):
            if not is_known(slot, draft.site.vars) or slot.way in ways_of(slot, draft.site.vars):
                continue
            name = slot.variable
            if is_free(slot, draft.site.vars):
                what = f' as "{slot.way}"' if slot.way else ""
                text = f'"{name}" is free text and cannot be spoken{what}'
                hint = f"spell it: {_or(name, SayAs.ALPHA)}, or play a prompt"
                yield found("E413", step.span, text, hint)
            elif name == "language":
                hint = "write the name of the language into its text"
                yield found("E413", step.span, f'"{name}" cannot be spoken', hint)


FLOW_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (check_spoken, check_free_text)

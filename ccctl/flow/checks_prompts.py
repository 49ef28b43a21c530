"""Checks of what prompts say: keys that a text promises and the menu does not have."""

from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow.checks_menus import menus_of
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.promises import Promise, answers, longer, promises
from ccctl.flow.schema import Draft
from ccctl.flow.steps import Menu

NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish"}
SHOWN = 3


@finding("E604")
def check_promised_keys(draft: Draft) -> Iterator[Diagnostic]:
    """A prompt tells callers to press a key that its menu does not have.

    They press it and are told that the choice is wrong; so they are when the key is only the beginning of a
    longer option or of an extension, unless the text says that more follows. Texts in English, German, French
    and Spanish are read for phrases such as "press 5", "drücken Sie die Drei" or "1 for sales"; recordings
    are not listened to.

    Bad:
        flows: {main: [{menu: main-menu, options: {1: sales}, on_exhausted: sales}]}
        prompts: {main-menu: {en: "For sales press 1, for billing press 2."}}
    Good:
        flows: {main: [{menu: main-menu, options: {1: sales, 2: billing}, on_exhausted: sales}]}
        prompts: {main-menu: {en: "For sales press 1, for billing press 2."}}
    """
    for menu in menus_of(draft):
        for name in dict.fromkeys((*menu.lead, *menu.prompts, *(n for names in menu.again for n in names))):
            if prompt := draft.site.prompts.get(name):
                for language, text in prompt.texts.items():
                    yield from _unanswered(menu, prompt.span, language, text)


def _unanswered(menu: Menu, span: Span, language: str, text: str) -> Iterator[Diagnostic]:
    for promise in promises(text, language):
        if not answers(menu, promise):
            spoken = NAMES.get(language[:2], language)
            place = f"{menu.span.line}:{menu.span.column}"
            place = place if menu.span.file == span.file else f"{menu.span.file}:{place}"
            lacks = f'"{promise.words}", the menu at {place} has no option {promise.key}'
            more, hint = _only_longer(menu, promise)
            yield found("E604", span, f"the {spoken} text says {lacks}{more}", hint)


def _only_longer(menu: Menu, promise: Promise) -> tuple[str, str]:
    """What the menu has in place of the key alone, and what to do."""
    keys = longer(menu, promise.key)
    if not keys:
        return "", f"add option {promise.key} or change the text"
    shown = ", ".join(keys[:SHOWN]) + (" ..." if len(keys) > SHOWN else "")
    hint = f'say all keys of the option, or what follows: "{promise.words}, then ..."'
    return f", only {shown}: who presses {promise.key} alone is told that the choice is wrong", hint


@finding("W605")
def no_voice(span: Span, language: str, what: str, hint: str) -> Diagnostic:
    """Texts of a language cannot be spoken on this machine.

    `ccctl apply` speaks them; without the engine or the voice it will refuse. What was spoken before is in
    the cache and needs neither.

    Bad:
        defaults: {languages: [en, de], voice: {de: "piper:voices/de.onnx"}}    # there is no such file
    Good:
        defaults: {languages: [en, de], voice: {de: espeak-ng}}                 # apt install espeak-ng
    """
    return found("W605", span, f'texts in "{language}" cannot be spoken here: {what}', hint)


FLOW_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (check_promised_keys,)

"""Checks of menus: keys that hide one another, outcomes that are missing, too many choices."""

from collections.abc import Callable, Iterator

from ccctl.diagnostics import Diagnostic
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.graph import AnyStep, Gather, Menu
from ccctl.flow.schema import Draft
from ccctl.flow.schema_steps import words
from ccctl.flow.ways import verb

MANY = 8


def steps_of(draft: Draft) -> tuple[AnyStep, ...]:
    return draft.steps


def menus_of(draft: Draft) -> Iterator[Menu]:
    yield from (step for step in steps_of(draft) if isinstance(step, Menu))


@finding("E202")
def check_prefixes(draft: Draft) -> Iterator[Diagnostic]:
    """A menu option begins with the keys of another.

    Who presses 1 waits until it is sure that no 2 follows. Drop one, or say with interdigit on this
    menu that the pause is meant.

    Bad:
        - {menu: main-menu, options: {1: sales, 12: support}, on_exhausted: hangup}
    Good:
        - {menu: main-menu, options: {1: sales, 2: support}, on_exhausted: hangup}
    """
    for menu in menus_of(draft):
        for option in menu.options:
            short = next(
                (o for o in menu.options if o.key != option.key and option.key.startswith(o.key)), None
            )
            if short and menu.span not in draft.patient:
                text = f'option "{option.key}" starts with option "{short.key}"'
                wait = f"who presses {short.key} waits {words(menu.interdigit_ms)}"
                yield found("E202", option.span, f"{text}: {wait}", "drop one or set interdigit on this menu")


@finding("E203")
def check_extensions(draft: Draft) -> Iterator[Diagnostic]:
    """A menu option is the beginning of an extension that may be dialled there.

    Who presses 2 waits until it is sure that no 210 follows; so does who dials extension 20 where there is an
    option 201. Move the option, let the menu take other extensions, or say with interdigit on this menu that
    the pause is meant.

    Bad:
        - {menu: main-menu, options: {2: sales}, dial_extensions: true, on_exhausted: hangup}   # 200-210
    Good:
        - {menu: main-menu, options: {3: sales}, dial_extensions: true, on_exhausted: hangup}
    """
    for menu in menus_of(draft):
        if menu.span not in draft.patient:
            for option in menu.options:
                if clash := _clash(menu, option.key):
                    yield found("E203", option.span, clash, "move the option, or limit dial_extensions")


def _clash(menu: Menu, key: str) -> str:
    hidden = sorted(each for each in menu.extensions if each.startswith(key))
    if key in hidden:
        return f'option "{key}" is also an extension that may be dialled here'
    if hidden:
        shown = hidden[0] if len(hidden) == 1 else f"{hidden[0]}-{hidden[-1]}"
        return f'option "{key}" is the beginning of extensions {shown}'
    short = next((each for each in menu.extensions if key.startswith(each)), "")
    return f'option "{key}" begins with extension {short}' if short else ""


@finding("E204")
def check_exhausted(draft: Draft) -> Iterator[Diagnostic]:
    """A menu does not say what happens after the last attempt.

    Bad:
        - {menu: main-menu, options: {1: sales}}
    Good:
        - {menu: main-menu, options: {1: sales}, on_exhausted: front-desk}
    """
    for step in steps_of(draft):
        if isinstance(step, Menu | Gather) and not step.on_exhausted and not draft.broken:
            end = f"so after {step.attempts} attempts the call would end unexplained"
            text = f"{verb(step)} has no on_exhausted, {end}"
            yield found("E204", step.span, text, "add on_exhausted and a destination, for example a person")


@finding("W207")
def check_many_options(draft: Draft) -> Iterator[Diagnostic]:
    """A menu with more options than callers remember.

    Bad:
        options: {1: a, 2: b, 3: c, 4: d, 5: e, 6: f, 7: g, 8: h, 9: i}
    Good:
        options: {1: sales, 2: support, 0: front-desk}
    """
    for menu in menus_of(draft):
        real = [option for option in menu.options if not option.repeat]
        if len(real) > MANY:
            text = f"{len(real)} options; callers remember about five"
            yield found("W207", menu.span, text, "split the menu")


@finding("E208")
def check_repeat_only(draft: Draft) -> Iterator[Diagnostic]:
    """A menu in which every key only repeats it.

    Bad:
        - {menu: main-menu, options: {"*": repeat}, on_exhausted: hangup}
    Good:
        - {menu: main-menu, options: {1: sales, "*": repeat}, on_exhausted: hangup}
    """
    for menu in menus_of(draft):
        if menu.options and all(option.repeat for option in menu.options):
            yield found(
                "E208", menu.options[0].span, "every key of this menu only repeats it", "add a choice"
            )


FLOW_CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_prefixes,
    check_extensions,
    check_exhausted,
    check_many_options,
    check_repeat_only,
)

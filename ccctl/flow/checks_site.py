"""Checks of what is not a flow: hours, prompts and recordings, extensions, codes, secrets."""

from collections.abc import Callable, Iterator
from typing import Any

from ccctl.diagnostics import Diagnostic, Span
from ccctl.flow import calendar
from ccctl.flow.checks_pages import finding, found
from ccctl.flow.checks_reading import place
from ccctl.flow.checks_values import bad_recording
from ccctl.flow.graph import OpenSpan, Prompt
from ccctl.flow.handing import TALK_CODES
from ccctl.flow.roster import queue_prompt
from ccctl.flow.schema import Draft
from ccctl.flow.schema_sections import Opening, OpenRow
from ccctl.flow.sentences import prompts_said, speaks
from ccctl.flow.summaries import reached
from ccctl.flow.values import COUNTRIES, DAYS, EMERGENCY_ANYWHERE

MANY_PROMPTS = 20  # so many are named in one finding


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


# -- hours -----------------------------------------------------------------------------------------


@finding("E303")
def check_overlaps(draft: Draft) -> Iterator[Diagnostic]:
    """Two lines of opening hours overlap.

    One of them is most often a slip: a day that is in two ranges, an end that was not moved.

    Bad:
        open: {mon-thu: "08:00-18:00", tue: "17:00-20:00"}
    Good:
        open: {mon: "08:00-18:00", tue: "08:00-20:00", wed-thu: "08:00-18:00"}
    """
    for opening in draft.openings.values():
        for at, row in enumerate(opening.rows):
            clash = next((other for other in opening.rows[:at] if _overlap(row, other)), None)
            if clash or _overlaps_itself(row):
                day, start, end = _shared(row, clash or row)
                where = f" with line {clash.span.line}" if clash else ""
                text = f"{DAYS[day]} {clock(start)}-{clock(end)} overlaps{where}"
                yield found("E303", row.span, text, "write each time once")


def _overlap(row: OpenRow, other: OpenRow) -> bool:
    return any(
        a.day == b.day and a.start < b.end and b.start < a.end for a in row.spans for b in other.spans
    ) or bool(set(row.days) & set(other.days) and not (row.spans and other.spans))


def _overlaps_itself(row: OpenRow) -> bool:
    return any(_overlap(OpenRow(row.span, (), (a,)), OpenRow(row.span, (), (b,))) for a, b in _pairs(row))


def _pairs(row: OpenRow) -> Iterator[tuple[OpenSpan, OpenSpan]]:
    yield from ((a, b) for at, a in enumerate(row.spans) for b in row.spans[:at])


def _shared(row: OpenRow, other: OpenRow) -> tuple[int, int, int]:
    for a in row.spans:
        for b in other.spans:
            if a is not b and a.day == b.day and a.start < b.end and b.start < a.end:
                return a.day, max(a.start, b.start), min(a.end, b.end)
    return min(set(row.days) & set(other.days)), 0, 1440


@finding("W305")
def check_missing_days(draft: Draft) -> Iterator[Diagnostic]:
    """Opening hours say nothing about some days.

    Those days are closed. Write so, if it is meant.

    Bad:
        open: {mon-fri: "09:00-17:00"}
    Good:
        open: {mon-fri: "09:00-17:00", sat-sun: closed}
    """
    for name, opening in draft.openings.items():
        missing = _missing_days(opening)
        if missing:
            text = f'hours "{name}" say nothing about {", ".join(missing)}'
            hint = (
                f"write {missing[0]}: closed if it is meant"
                if len(missing) == 1
                else "write closed if it is meant"
            )
            yield found("W305", draft.names["hours"][name], text, hint)


def _missing_days(opening: Opening) -> list[str]:
    told = {day for row in opening.rows for day in row.days}
    return [] if opening.word else [word for day, word in enumerate(DAYS) if day not in told]


@finding("W307")
def check_missing_minutes(draft: Draft) -> Iterator[Diagnostic]:
    """A time that does not exist on the day when the clocks go forward.

    On that day it counts as the end of the gap. Asterisk opens and closes late, then, by up to an hour.

    Bad:
        open: {sat-sun: "02:30-12:00"}      # in Europe/Berlin
    Good:
        open: {sat-sun: "03:00-12:00"}
    """
    for name, opening in draft.openings.items():
        hours = draft.site.hours[name]
        special = {*hours.holidays, *(exception.day for exception in hours.exceptions)}
        for gap in calendar.gaps(hours.timezone, draft.today):
            if gap.day in special:
                continue
            for row in opening.rows:
                for minute in sorted(_times(row, gap.weekday) & set(range(gap.start + 1, gap.end))):
                    yield _missing_minute(row.span, minute, gap, hours.timezone)


def _times(row: OpenRow, day: int) -> set[int]:
    return {minute for span in row.spans if span.day == day for minute in (span.start, span.end)}


def _missing_minute(span: Span, minute: int, gap: calendar.Gap, zone: str) -> Diagnostic:
    day = f"{gap.day[:4]}-{gap.day[4:6]}-{gap.day[6:]}"
    text = f"{clock(minute)} does not exist on {day} in {zone}; that day it counts as {clock(gap.end)}"
    return found("W307", span, text, f"write {clock(gap.end)}, or leave it if that is meant")


# -- codes and extensions --------------------------------------------------------------------------


def _codes(draft: Draft) -> list[tuple[str, Span, str]]:
    """Every code that a phone can dial: code, place, what it does."""
    codes = [
        (code.code, code.span, code.action)
        for code in draft.site.feature_codes.values()
        if code.action not in TALK_CODES.values()
    ]
    for hours in draft.site.hours.values():
        if hours.switch:
            codes.append(
                (hours.switch, draft.spot("hours", hours.name, "switch"), f"the switch of {hours.name}")
            )
        if hours.emergency:
            span = draft.spot("hours", hours.name, "emergency")
            codes.append((hours.emergency, span, f"the emergency announcement of {hours.name}"))
    return codes


@finding("E306")
def check_codes_twice(draft: Draft) -> Iterator[Diagnostic]:
    """A feature code has two meanings.

    Bad:
        hours: {office: {open: always, switch: "*8"}}
        feature_codes: {"*8": pickup}
    Good:
        hours: {office: {open: always, switch: "*27"}}
        feature_codes: {"*8": pickup}
    """
    first: dict[str, tuple[Span, str]] = {}
    for code, span, action in _codes(draft):
        if code in first:
            text = f'feature code "{code}" is also {first[code][1]} ({place(first[code][0])})'
            yield found("E306", span, text, "choose another code")
        first.setdefault(code, (span, action))


@finding("E805")
def check_code_prefixes(draft: Draft) -> Iterator[Diagnostic]:
    """A feature code begins with another one.

    A phone that sends digit by digit would wait after the shorter one; after the codes for pausing
    and listening more digits follow anyway.

    Bad:
        feature_codes: {"*4": pickup, "*45": agent-login}
    Good:
        feature_codes: {"*8": pickup, "*45": agent-login}
    """
    codes = sorted(_codes(draft))
    for code, span, _ in codes:
        short = next((other for other, _, _ in codes if other != code and code.startswith(other)), None)
        if short:
            yield found("E805", span, f'"{short}" is a prefix of "{code}"', "choose another code")


def extensions_of(draft: Draft) -> list[tuple[str, Span]]:
    """Internal numbers of people, ring groups, rooms and queues."""
    site = draft.site
    sections: tuple[tuple[str, dict[str, Any]], ...] = (
        ("users", site.users),
        ("ring_groups", site.ring_groups),
        ("conferences", site.conferences),
        ("queues", site.queues),
    )
    return [
        (thing.extension, draft.spot(section, thing.name, "extension"))
        for section, things in sections
        for thing in things.values()
        if thing.extension
    ]


@finding("E801")
def check_extensions_twice(draft: Draft) -> Iterator[Diagnostic]:
    """An extension or a mailbox number is used twice.

    Bad:
        users:
          anna: {extension: 201, password: !secret ph201}
          ben: {extension: 201, password: !secret ph202}
    Good:
        users:
          anna: {extension: 201, password: !secret ph201}
          ben: {extension: 202, password: !secret ph202}
    """
    extensions = extensions_of(draft)
    boxes = [(b.number, draft.spot("mailboxes", b.name, "number")) for b in draft.site.mailboxes.values()]
    for what, numbers in (("extension", extensions), ("mailbox number", boxes)):
        first: dict[str, Span] = {}
        for number, span in numbers:
            if number and number in first:
                text = f"{what} {number} is used twice (first at {place(first[number])})"
                yield found("E801", span, text, "give each its own")
            first.setdefault(number, span)


@finding("E802")
def check_emergency(draft: Draft) -> Iterator[Diagnostic]:
    """An extension hides an emergency number.

    Bad:
        users: {anna: {extension: 112, password: !secret ph201}}
    Good:
        users: {anna: {extension: 201, password: !secret ph201}}
    """
    country = draft.site.defaults.country
    numbers = {*COUNTRIES.get(country, ("", ()))[1], *EMERGENCY_ANYWHERE}
    for extension, span in extensions_of(draft):
        if extension in numbers:
            whose = f" of {country}" if extension in COUNTRIES.get(country, ("", ()))[1] else ""
            text = f"extension {extension} hides the emergency number{whose}"
            yield found("E802", span, text, "choose another")


@finding("E806")
def check_endpoints(draft: Draft) -> Iterator[Diagnostic]:
    """A user and a trunk have the same name.

    Both become an endpoint of that name in Asterisk.

    Bad:
        trunks: {telco: {host: sip.telco.example}}
        users: {telco: {extension: 201, password: !secret ph201}}
    Good:
        trunks: {telco: {host: sip.telco.example}}
        users: {anna: {extension: 201, password: !secret ph201}}
    """
    for user in draft.site.users.values():
        trunk = draft.site.trunks.get(user.name)
        if trunk:
            text = f'"{user.name}" is also a trunk ({place(trunk.span)})'
            yield found("E806", user.span, text, "rename one of them")


@finding("E804")
def check_weak_secrets(draft: Draft) -> Iterator[Diagnostic]:
    """A password or PIN that anybody would guess, or that a phone cannot type.

    Passwords differ from the extension and the name; PINs are 4 to 10 digits and differ from the
    number of the mailbox.

    Bad:
        ph201: "201"       # in secrets.yaml, for extension 201
    Good:
        ph201: "kR7-wuGh0-t3Yd"
    """
    for user in draft.site.users.values():
        if user.password and user.password in (user.extension, user.name):
            what = "the extension" if user.password == user.extension else "the name"
            span = draft.spot("users", user.name, "password")
            yield found("E804", span, f"password equals {what}", "choose a long random one")
    for box in draft.site.mailboxes.values():
        span = draft.spot("mailboxes", box.name, "pin")
        if box.pin and not (box.pin.isascii() and box.pin.isdecimal() and 4 <= len(box.pin) <= 10):
            yield found("E804", span, "PIN is not 4 to 10 digits", "choose digits that a phone can type")
        elif box.pin and box.pin == box.number:
            yield found("E804", span, "PIN equals the number of the mailbox", "choose random digits")


# -- prompts ---------------------------------------------------------------------------------------


@finding("E601")
def check_prompt_languages(draft: Draft) -> Iterator[Diagnostic]:
    """A prompt lacks one of the site's languages.

    Asterisk would play English, or nothing, and report success. What callers of one of several sites can
    hear needs that site's languages, too; de_AT is served by de. All prompts that lack the same language are
    one finding.

    Bad:
        defaults: {languages: [en, de]}
        prompts: {welcome: {en: "Welcome."}}
    Good:
        defaults: {languages: [en, de]}
        prompts: {welcome: {en: "Welcome.", de: "Willkommen."}}
    """
    needed = languages_needed(draft)
    silent: dict[str, list[Prompt]] = {}
    for prompt in draft.site.prompts.values():
        for language in needed.get(prompt.name, draft.site.defaults.languages):
            if not speaks(prompt, language):
                silent.setdefault(language, []).append(prompt)
    for language, prompts in silent.items():
        if len({_item(prompt) for prompt in prompts}) > 1:
            yield _silent(draft, language, prompts)
        else:
            languages = needed.get(prompts[0].name, draft.site.defaults.languages)
            text = _unspoken(prompts[0], language)
            yield found("E601", prompts[0].span, text, f"languages are {', '.join(languages)}")


def _silent(draft: Draft, language: str, prompts: list[Prompt]) -> Diagnostic:
    """One cause, one finding: where the language is asked for when no prompt has it, else at the first."""
    ordered = sorted(prompts, key=lambda prompt: (prompt.span, prompt.name))
    items = list(dict.fromkeys(_item(prompt) for prompt in ordered))
    more = len(items) - MANY_PROMPTS
    shown = ", ".join(items[:MANY_PROMPTS]) + (f" and {more} more" if more > 0 else "")
    text = f'{len(items)} prompts have no text in "{language}" and no sounds/{language}/NAME.wav: {shown}'
    every = "; 'ccctl prompts missing' lists them all" if more > 0 else ""
    cause, hint = _asked_for(draft, language, prompts)
    at_first = _is_spoken(draft, language) or not cause.file
    return found("E601", ordered[0].span if at_first else cause, text, f"{hint}{every}")


def _item(prompt: Prompt) -> str:
    """The parts of one sentence are one thing."""
    return f"what is said at {place(prompt.span)}" if _is_part(prompt) else prompt.name


def _is_part(prompt: Prompt) -> bool:
    return bool(prompt.fragment and not prompt.fragment.pin)


def _unspoken(prompt: Prompt, language: str) -> str:
    if _is_part(prompt):
        return f'what is said here has no text in "{language}"'
    path = f"sounds/{language}/{prompt.name}.wav"
    return f'prompt "{prompt.name}" has no text in "{language}" and no {path}'


def _asked_for(draft: Draft, language: str, prompts: list[Prompt]) -> tuple[Span, str]:
    """Where it is said that calls have this language, and what to do."""
    site = draft.site
    if language not in site.defaults.languages:
        locale = next(each for each in site.sites.values() if language in each.languages)
        span = draft.spot("sites", locale.name, "languages")
    elif written := draft.spots.get(("defaults", "defaults", "languages")):
        span = written
    else:
        spoken = sorted({word for prompt in prompts for word in prompt.texts}) or ["en"]
        meant = f"defaults: {{languages: [{', '.join(spoken)}]}}"
        return site.defaults.span, f"without languages they are [{language}]; write {meant}"
    return span, f'write their texts, or take "{language}" out of languages ({place(span)})'


def _is_spoken(draft: Draft, language: str) -> bool:
    """Some prompt that a person wrote or recorded has it."""
    made = {Span(), *(queue.span for queue in draft.site.queues.values())}
    prompts = draft.site.prompts.values()
    return any(speaks(prompt, language) for prompt in prompts if prompt.span not in made)


def languages_needed(draft: Draft) -> dict[str, tuple[str, ...]]:
    """Prompt -> languages, for those that can be heard at one of several sites."""
    site = draft.site
    needed: dict[str, dict[str, None]] = {}
    for locale in site.sites:
        starts = {number.flow for number in site.numbers.values() if number.site == locale}
        for name in reached(site, draft.summaries, starts):
            says = draft.summaries[name].says
            said = (prompt for step in says for prompt in prompts_said(step, site.vars))
            for prompt in (*draft.summaries[name].prompts, *said):
                words = needed.setdefault(prompt, dict.fromkeys(site.defaults.languages))
                words.update(dict.fromkeys(site.languages_of(locale)))
    return {prompt: tuple(words) for prompt, words in needed.items()}


def check_recordings(draft: Draft) -> Iterator[Diagnostic]:
    """The page of E602 is with bad_recording."""
    for path, recording in draft.recordings.items():
        if recording.fault:
            yield bad_recording(Span(f"{draft.shown}{path}"), recording.fault)


@finding("W603")
def check_unused_files(draft: Draft) -> Iterator[Diagnostic]:
    """A recording that nothing plays.

    It belongs to no prompt: the name is misspelt, the language is not one of the site's, or no
    step plays it.

    Bad:
        sounds/en/wellcome.wav
    Good:
        sounds/en/welcome.wav
    """
    spoken = {ref.name for ref in draft.refs if ref.kind == "prompts"}
    spoken |= {queue_prompt(queue) for queue in draft.site.queues.values()}
    spoken |= {prompt.name for prompt in draft.site.prompts.values() if prompt.fragment}
    spoken |= {name for name, span in draft.names["prompts"].items() if not span.file.endswith(".wav")}
    used = {
        path
        for prompt in draft.site.prompts.values()
        if prompt.name in spoken
        for path in prompt.files.values()
    }
    for path in draft.recordings:
        if path not in used:
            yield found(
                "W603", Span(f"{draft.shown}{path}"), "no prompt uses this file", "delete or rename it"
            )


CHECKS: tuple[Callable[[Draft], Iterator[Diagnostic]], ...] = (
    check_overlaps,
    check_missing_days,
    check_missing_minutes,
    check_codes_twice,
    check_code_prefixes,
    check_extensions_twice,
    check_emergency,
    check_endpoints,
    check_weak_secrets,
    check_prompt_languages,
    check_recordings,
    check_unused_files,
)

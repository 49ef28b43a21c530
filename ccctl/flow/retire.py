"""What a change takes away and calls of older generations may still need: it goes when they have ended."""

from collections.abc import Mapping

from ccctl.flow.compile_flow import VOICEMAIL
from ccctl.flow.compile_tables import PHONES
from ccctl.flow.dialplan import Section

Sections = Mapping[str, tuple[Section, ...]]
_INWARD = {"identify", "registration"}  # a trunk that was taken out of the site brings no new calls
_FREED = {"transport"}  # Asterisk keeps it until it starts again; its address may be another's now


def retired(before: Sections, after: Sections, lock: str) -> dict[str, tuple[Section, ...]]:
    """The sections of `before` whose names are not in `after`. A phone keeps ringing for the calls that
    dial it, but its password becomes `lock`, unless that is empty: who is no user any more cannot call."""
    phones = _gone(before, after, "pjsip.conf")
    at_desk = {each.name for each in phones if ("context", PHONES) in each.options}
    found = {
        "pjsip.conf": tuple(
            _locked(each, lock) if each.name in at_desk else each
            for each in phones
            if _kind(each) not in _INWARD | _FREED
        ),
        "queues.conf": _gone(before, after, "queues.conf"),
        "voicemail.conf": _boxes(before, after),
    }
    return {path: sections for path, sections in found.items() if sections}


def _gone(before: Sections, after: Sections, path: str) -> tuple[Section, ...]:
    names = {each.name for each in after.get(path, ())}
    return tuple(each for each in before.get(path, ()) if each.name not in names)


def _kind(section: Section) -> str:
    return dict(section.options).get("type", "")


def _locked(section: Section, lock: str) -> Section:
    if not lock or _kind(section) != "auth":
        return section
    options = [(key, lock if key == "password" else value) for key, value in section.options]
    return Section(section.name, tuple(options))


def _boxes(before: Sections, after: Sections) -> tuple[Section, ...]:
    """All boxes are options of one section."""
    there = {box for each in after.get("voicemail.conf", ()) for box, _ in each.options}
    gone = [
        option
        for each in before.get("voicemail.conf", ())
        for option in each.options
        if option[0] not in there
    ]
    return (Section(VOICEMAIL, tuple(dict(gone).items())),) if gone else ()


def joined(sections: tuple[Section, ...], more: tuple[Section, ...]) -> tuple[Section, ...]:
    """Both, and boxes in one section."""
    boxes = [each for each in (*sections, *more) if each.name == VOICEMAIL]
    if len(boxes) < 2:
        return (*sections, *more)
    return (Section(VOICEMAIL, tuple(option for each in boxes for option in each.options)),)


def names(kept: Sections) -> list[str]:
    """What is kept, for people: queue billing, phone ben, mailbox 900."""
    phones = [f"phone or trunk {each}" for each in dict.fromkeys(s.name for s in kept.get("pjsip.conf", ()))]
    queues = [f"queue {each.name}" for each in kept.get("queues.conf", ())]
    boxes = [f"mailbox {box}" for each in kept.get("voicemail.conf", ()) for box, _ in each.options]
    return [*queues, *phones, *boxes]

"""Mailboxes and the list of names: what callers leave messages in, and sections of Asterisk's files."""

import re
import unicodedata

from ccctl.flow import marks
from ccctl.flow.built_in import MAIL, MAIL_WORDS
from ccctl.flow.compile_flow import (
    VOICEMAIL,
    desk_context,
    digits,
    directory_context,
    flow_context,
    voicemail_context,
)
from ccctl.flow.dialplan import Context, Exten, Line, Section, go_if, goto, mark, name, put
from ccctl.flow.graph import Defaults, Mailbox, Site, User

VOICEMAIL_FAILED = "CC_VM_FAILED"  # where a call goes when its box cannot take a message
_SPELLING = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}


def box_number(box: Mailbox) -> str:
    return digits(box.number) if box.number else name(box.name)


def box_of(box: Mailbox) -> str:
    return f"{box_number(box)}@{VOICEMAIL}"


def leave_message(generation: str, mailbox: str, greeting: str = "u", failed: str = "") -> list[Line]:
    """Into the box; `failed` is the place where a call goes on whose message could not be taken."""
    return [put(VOICEMAIL_FAILED, failed), goto((voicemail_context(generation, mailbox), greeting, "1"))]


# -- contexts --------------------------------------------------------------------------------------


def voicemail(site: Site, generation: str) -> list[Context]:
    return [_box(site, box, generation) for box in site.mailboxes.values()]


def _box(site: Site, box: Mailbox, generation: str) -> Context:
    """One extension per greeting; the keys 0 and * are the extensions o and a of VoiceMail()."""
    context = voicemail_context(generation, box.name)
    greetings = [
        Exten(option, (mark(marks.VOICEMAIL, box.name), goto((context, f"{option}1", "1"))))
        for option in "ubs"
    ]
    keys = {"o": _operator(box, generation), "a": _owner(box)}
    return Context(
        context,
        (
            *greetings,
            Exten("u1", _own_greeting(site, box) if box.greeting else _message(box, "u")),
            Exten("b1", _message(box, "b")),
            Exten("s1", _message(box, "s")),
            *(Exten(key, lines) for key, lines in keys.items()),
            *_greeting_keys(box, context),
        ),
    )


def _message(box: Mailbox, option: str) -> tuple[Line, ...]:
    failed = f'"${{VMSTATUS}}" = "FAILED" & "${{{VOICEMAIL_FAILED}}}" != ""'
    return (
        Line("VoiceMail", (box_of(box), option)),
        mark(marks.VOICEMAIL_END, "${VMSTATUS}"),
        go_if(failed, "failed"),
        *_goodbye(),
        Line("Goto", (f"${{{VOICEMAIL_FAILED}}}",), "failed"),
    )


def _own_greeting(site: Site, box: Mailbox) -> tuple[Line, ...]:
    """A prompt of the site; the keys that VoiceMail() knows in its greeting work in this one, too."""
    prompt = site.prompts[box.greeting]
    return (Line("Answer"), Line("Background", (prompt.sound,)), *_message(box, "s"))


def _greeting_keys(box: Mailbox, context: str) -> list[Exten]:
    keys = (("0", "o"), ("*", "a"), ("#", "s1"), ("i", "s1")) if box.greeting else ()
    return [Exten(key, (goto((context, exten, "1")),)) for key, exten in keys]


def _operator(box: Mailbox, generation: str) -> tuple[Line, ...]:
    end = mark(marks.VOICEMAIL_END, "${VMSTATUS}")
    if box.operator:
        return (end, goto((flow_context(generation, box.operator), "s", "1")))
    return (end, *_goodbye())


def _owner(box: Mailbox) -> tuple[Line, ...]:
    """The owner who calls from elsewhere; without a PIN nobody hears messages so."""
    end = mark(marks.VOICEMAIL_END, "${VMSTATUS}")
    if box.pin:
        return (end, Line("VoiceMailMain", (box_of(box),)), Line("Hangup", ("16",)))
    return (end, *_goodbye())


def _goodbye() -> tuple[Line, ...]:
    return (Line("Playback", ("vm-goodbye",)), Line("Hangup", ("16",)))


# -- dial by name ----------------------------------------------------------------------------------


def directory(site: Site, generation: str) -> Context:
    """What Directory() found to the desk of that user."""
    extens = tuple(
        Exten(key, (goto((desk_context(generation), user.extension, "1")),))
        for key, user in directory_keys(site).items()
    )
    return Context(directory_context(generation), extens)


def directory_keys(site: Site) -> dict[str, User]:
    """By the number of the user's own mailbox, where the recorded name is; else by the extension."""
    keys: dict[str, User] = {}
    owners: dict[str, int] = {}
    for user in site.users.values():
        owners[user.mailbox] = owners.get(user.mailbox, 0) + 1
    extensions = {user.extension for user in site.users.values()}
    for user in site.users.values():
        box = site.mailboxes.get(user.mailbox)
        own = box_number(box) if box and owners[user.mailbox] == 1 else user.extension
        free = own.isdecimal() and (own == user.extension or own not in extensions) and own not in keys
        keys[own if free else user.extension] = user
    return keys


def directory_names(site: Site) -> tuple[Section, ...]:
    """Users without a mailbox are found, too; umlauts in both spellings that people type."""
    names = tuple((key, _listed(user)) for key, user in directory_keys(site).items())
    return (Section(VOICEMAIL, names),) if names else ()


def _listed(user: User) -> str:
    alias = _typed("".join(_SPELLING.get(char, char) for char in user.title))
    name = _typed(user.title)
    return f",{name},,,alias={alias}" if alias != name else f",{name},,,"


def _typed(title: str) -> str:
    """A name in letters that a keypad has."""
    plain = unicodedata.normalize("NFKD", title.replace("ß", "s")).encode("ascii", "ignore").decode()
    return " ".join("".join(char if char.isalnum() else " " for char in plain).split())


# -- mail ------------------------------------------------------------------------------------------


def mailed(defaults: Defaults) -> str:
    """The options of a mailbox that is mailed: whose mail it is and what it says."""
    mail = defaults.mail
    subject, body = MAIL.get(defaults.languages[0].partition("_")[0], MAIL["en"])
    options = {
        "serveremail": mail.sender,
        "fromstring": mail.name,
        "emailsubject": _filled(mail.subject or subject),
        "emailbody": _filled(mail.body or body),
    }
    return "|".join(f"{key}={text}" for key, text in options.items() if text)


def _filled(text: str) -> str:
    """{{ caller }} in Asterisk's words. A bar would begin the next option."""
    words = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: f"${{{MAIL_WORDS[found.group(1)]}}}", text)
    return words.strip().replace("|", "/").replace("\r", "").replace("\n", "\\n")

"""The world around a simulated call: everything that Asterisk would ask somebody else for.

All of it is made up by the test. Nothing here knows the site: phones are endpoints (`PJSIP/anna`), queues
and mailboxes are the names that the dialplan uses. Texts are ordinary strings.
"""

import itertools
from collections.abc import Callable, Iterator

import msgspec

Variables = dict[str, str]


class Phone(msgspec.Struct, frozen=True):
    """What a dialled endpoint does: answer, busy, no_answer, unavailable, congestion or reject.

    `keys` are pressed by who answered, as soon as he is asked (a confirmation before he is connected).
    `cause` is the cause that the network gives, -1: the usual one for what it does.
    `hangs_up` False: the caller has to end the talk.
    """

    does: str = "answer"
    after_ms: int = 3000
    talk_ms: int = 30_000
    keys: str = ""
    hangs_up: bool = True
    cause: int = -1


class Agents(msgspec.Struct, frozen=True):
    """What the ARI application does with a caller who enters Stasis.

    does: `result` (sets `variables` after `after_ms` and gives the caller back), `failed` (not there),
    `silent` (there, but never takes the caller), `dies` (takes him, dies after `after_ms`) or `driver`
    (the driver of the machine calls `release`). A key among `keys` gives the caller back at once with
    CC_RESULT=key_<key>. `renews_ms` is what it sets TIMEOUT(absolute) to while it lives.
    """

    does: str = "result"
    after_ms: int = 5000
    variables: Variables = msgspec.field(default_factory=lambda: {"CC_RESULT": "answered"})
    keys: str = ""
    renews_ms: int = 60_000


class Native(msgspec.Struct, frozen=True):
    """What app_queue does: QUEUESTATUS, or ANSWERED (then `talk_ms`, and CONTINUE or the end)."""

    status: str = "TIMEOUT"
    after_ms: int = 5000
    talk_ms: int = 30_000
    hangs_up: bool = True


class Box(msgspec.Struct, frozen=True):
    """A mailbox: lengths of its greeting, a message and the review of it; `exists` False: VMSTATUS=FAILED.

    The key 0 leads to extension o only where voicemail.conf has operator=yes, as ours has; * leads to a.
    """

    exists: bool = True
    greeting_ms: int = 3000
    message_ms: int = 10_000
    review_ms: int = 10_000
    operator: bool = True


class HttpRequest(msgspec.Struct, frozen=True):
    """`options` are those set by CURLOPT."""

    method: str
    url: str
    body: str
    options: dict[str, str]


class HttpReply(msgspec.Struct, frozen=True):
    """`status` 0: no answer at all. The caller waits `after_ms`.

    `text` is all that CURL gives: with the option `header` it begins with the status line.
    """

    text: str = ""
    status: int = 200
    after_ms: int = 0


def no_http(request: HttpRequest) -> HttpReply:
    return HttpReply(status=0)


def one_second(sound: str, language: str) -> int | None:
    return 1000


def _zeros() -> Iterator[int]:
    return itertools.repeat(0)


class Outside(msgspec.Struct):
    """The fakes of one call. `astdb` has keys such as "cc/mode/office" and is written to.

    `sound` gives a sound's length in ms, None if it is missing; `random` yields numbers of which the
    remainder is taken; `functions` answers for functions that only the site has (ODBC_...), by name.
    `phones`, `queues` and so on fall back to the entry "" if there is one, else to a sane default.
    """

    astdb: dict[str, str] = {}
    globals: Variables = {}
    http: Callable[[HttpRequest], HttpReply] = no_http
    phones: dict[str, Phone] = {}
    agents: Callable[[tuple[str, ...]], Agents] = lambda arguments: Agents()
    queues: dict[str, Native] = {}
    boxes: dict[str, Box] = {}
    sound: Callable[[str, str], int | None] = one_second
    speech_ms: int = 4000  # how long a caller speaks when he is recorded
    folders: Variables = {}  # ASTSPOOLDIR and its like, where they are not Debian's
    random: Iterator[int] = msgspec.field(default_factory=_zeros)
    zone: str = "Etc/UTC"  # of the machine that Asterisk runs on
    conferences: dict[str, int] = {}  # how long somebody stays, ms
    transfer: str = "SUCCESS"  # TRANSFERSTATUS
    directory: str = ""  # the extension that a caller finds
    devices: dict[str, str] = {}  # DEVICE_STATE, by device
    functions: dict[str, Callable[[str], str]] = {}
    shared: dict[tuple[str, str], str] = {}
    groups: dict[tuple[str, str], int] = {}  # members beside this call, by (category, group)


class Call(msgspec.Struct, frozen=True):
    """The caller. `at_ms` is when the call comes in, Unix milliseconds."""

    context: str
    exten: str
    at_ms: int
    number: str = ""
    name: str = ""
    variables: Variables = {}
    language: str = "en"
    channel: str = "PJSIP/caller-00000001"
    uniqueid: str = "sim-1"
    priority: int = 1

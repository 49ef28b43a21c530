"""The telephone world of `--on sip`: a carrier for callers and numbers outside, a SIP phone for each user.

A prompt is a chord of two tones of its own, so that a caller's ear tells which one is played.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ccctl.asterisk.background import spawn
from ccctl.asterisk.node import Node
from ccctl.errors import LabError
from ccctl.flow.graph import Site, User
from ccctl.flowtest.cases import Given, Phone
from ccctl.lab.phones import Call, Carrier, IncomingCall, PhoneError, Phones
from ccctl.lab.phones import Phone as SipPhone

TONES = (450, 550, 650, 850, 950, 1150, 1250, 1450, 1550, 1850, 2050, 2150, 2350, 2650)  # no multiples
PROMPT_S = 1.0
REGISTER_S = 10
Chord = tuple[int, int]
Talks = Callable[[str, Call], None]


def chords(sites: Iterable[Site]) -> dict[str, Chord]:
    """Two tones for each prompt of a site and its changed ones; more prompts than pairs begin anew."""
    pairs = itertools.cycle(itertools.combinations(TONES, 2))
    names = {name for site in sites for name in site.prompts}
    return dict(zip(sorted(names), pairs, strict=False))


class Exchange:
    """`behave` says what each phone does with a call, `talks` hears of whoever answers."""

    def __init__(self, users: Iterable[User], known: dict[str, Chord], phones: Phones) -> None:
        self.chords = known
        self.carrier: Carrier = phones.carrier()
        self.carrier.on_call = lambda call: self._take(call.invite.user, call)
        self.phones = {user.name: self._phone(phones, user.name, user.password) for user in users}
        self.behave: dict[str, Phone] = {}
        self.talks: Talks = lambda who, call: None

    @property
    def port(self) -> int:
        return int(self.carrier.wire.address[1])

    def _phone(self, phones: Phones, user: str, password: str) -> SipPhone:
        phone = phones.phone(user, password)
        phone.on_call = lambda call: self._take(user, call)
        return phone

    def _take(self, who: str, call: IncomingCall) -> None:
        phone = self.behave.get(who, Phone("offline"))
        if phone.does == "answer":
            call.ring()
            spawn(self._answer(who, call, phone), "answer")
        elif phone.does == "no_answer":
            call.ring()
        else:
            call.reject(486 if phone.does == "busy" else 480)

    async def _answer(self, who: str, call: IncomingCall, phone: Phone) -> None:
        await asyncio.sleep(phone.after_ms / 1000)
        self.talks(who, call)
        call.answer()
        try:
            await call.until_answered()
            if phone.keys:
                await call.until_pressed(phone.keys)
        except PhoneError:
            return  # the caller was faster

    @asynccontextmanager
    async def furnished(self, given: Given, talks: Talks) -> AsyncIterator[None]:
        """Phones as a case wants them: who is offline is not registered."""
        self.behave, self.talks = dict(given.phones), talks
        there = [
            self.phones[who] for who, phone in given.phones.items() if _is_there(who, phone, self.phones)
        ]
        try:
            for phone in there:
                await phone.register(timeout=REGISTER_S)
            yield
        finally:
            for phone in there:
                await phone.unregister(REGISTER_S)
            self.behave = {}


def _is_there(who: str, phone: Phone, known: dict[str, SipPhone]) -> bool:
    return who in known and phone.does != "offline"


@asynccontextmanager
async def opened(sites: Collection[Site], known: dict[str, Chord], node: Node) -> AsyncIterator[Exchange]:
    if not all(site.trunks for site in sites):
        raise LabError("callers from outside need a trunk, and the site has none", "use --on lab")
    async with Phones((node.host, node.sip_port)) as phones:
        users = {user.name: user for site in sites for user in site.users.values()}
        yield Exchange(users.values(), known, phones)


def write_chords(
    site: Site, known: Mapping[str, Chord], node: Node, write: Callable[[Path, Chord], None]
) -> None:
    """Sound files in place of the prompts."""
    languages = {*site.defaults.languages, *(code for p in site.prompts.values() for code in p.texts)}
    for name, prompt in site.prompts.items():
        for language in languages:
            path = Path(node.sounds_dir) / language / f"{prompt.sound}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, known[name])

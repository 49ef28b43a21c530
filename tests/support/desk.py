"""The phones of an end-to-end test, and what to ask of ears and ledger."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from ccctl.lab.phones import Call, Carrier, IncomingCall, Phone, Phones
from tests.support.running import (
    ANNA,
    BEN,
    CALLER,
    MUSIC,
    SECOND,
    SECRETS,
    SITE,
    SUPER,
    THIRD,
    WELCOME,
    WHISPER,
    Centre,
    write_tone,
)
from tests.support.until import until

EARS = (CALLER, SECOND, THIRD, ANNA, BEN, SUPER, MUSIC, WHISPER, WELCOME)


class Desk:
    """The phones of one test. Every call has a caller's number of its own."""

    callers = 0

    def __init__(self, centre: Centre, phones: Phones) -> None:
        self.centre, self.phones = centre, phones
        self.numbers: dict[Call, str] = {}
        self.carrier: Carrier = phones.carrier(tone=CALLER)
        self.anna = phones.phone("anna", SECRETS["anna"], tone=ANNA)
        self.ben = phones.phone("ben", SECRETS["ben"], tone=BEN)
        self.sue = phones.phone("sue", SECRETS["sue"], tone=SUPER)
        self.joe = phones.phone("joe", SECRETS["joe"], tone=SUPER)

    async def login(self, *agents: str) -> None:
        for agent in agents:
            await asyncio.to_thread(self.centre.ccctl, "agent", "login", agent)

    async def presence(self, agent: str, wanted: str, timeout: float = 8) -> None:
        async def seen() -> bool:
            return await asyncio.to_thread(self.centre.presence, agent) == wanted

        await until(seen, timeout, f"{agent} is {wanted}")

    async def dial_code(self, phone: Phone, code: str) -> None:
        """A feature code: the phone hears something said, then is hung up."""
        call = phone.call(code)
        await call.until_answered()
        await call.until_sound()
        await call.until_ended(10)

    def call(self, number: str = "+49301000", tone: int = CALLER) -> Call:
        Desk.callers += 1
        caller = f"+49170{tone:04d}{Desk.callers:03d}"
        call = self.carrier.call(number, caller=caller, tone=tone)
        self.numbers[call] = caller
        return call

    async def ended(self, call: Call) -> dict[str, Any]:
        """The ledger's row of a call that is over."""
        return await ended_call(self.centre, self.numbers[call])

    async def talk(self, phone: Phone, number: str = "+49301000") -> tuple[Call, IncomingCall]:
        """A caller and an agent in a talk."""
        caller = self.call(number)
        ringing = await phone.incoming()
        ringing.answer()
        await caller.until_heard({phone.tone or 0}, 8, among=EARS)
        return caller, ringing


@contextmanager
def running(database: str = "", site: str = SITE, long: bool = False) -> Iterator[Centre]:
    """A call centre that is up, and taken away whole. `long`: sounds/long.wav is a minute of WELCOME."""
    centre = Centre(database)
    try:
        if long:
            (centre.site / "sounds").mkdir(parents=True)
            write_tone(centre.site / "sounds/long.wav", WELCOME, 60)
        yield centre.up(site)
    finally:
        centre.down()


@asynccontextmanager
async def at_desk(centre: Centre, *users: str) -> AsyncIterator[Desk]:
    """The phones of these users, registered; at the end all calls are hung up."""
    async with Phones(server=centre.server) as phones:
        desk = Desk(centre, phones)
        for user in users:
            await phones.phone(user).register()
        yield desk
        for call in phones.calls:
            call.hangup()


async def everybody_home(centre: Centre, *agents: str) -> None:
    """For tests that share a centre: the next begins with nobody logged in."""
    agents = agents or ("anna", "ben")
    for agent in agents:
        centre.ccctl("agent", "logout", agent, check=False)
    await until(lambda: all(centre.presence(agent) == "offline" for agent in agents), 10)


async def ended_call(centre: Centre, caller: str) -> dict[str, Any]:
    def row() -> dict[str, Any]:
        found = centre.rows(
            "select * from calls where caller = :caller and ended is not null order by started desc",
            caller=caller,
        )
        return found[0] if found else {}

    return await until(row, 8, f"the call of {caller} is over in the ledger")


async def ears(parties: dict[str, Call], wanted: dict[str, set[int]]) -> None:
    """Each party hears exactly these tones."""
    names = list(wanted)
    waits = [parties[name].until_heard(wanted[name], 6, among=EARS) for name in names]
    done = await asyncio.gather(*waits, return_exceptions=True)
    wrong = [f"{name}: {result}" for name, result in zip(names, done, strict=True) if result is not None]
    assert not wrong, "; ".join(wrong)

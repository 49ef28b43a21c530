"""A house with three phones that speak in tones, a carrier, and a site of its own, on a real Asterisk."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from ccctl.lab.phones import Carrier, Phones
from ccctl.runtime.apply import apply
from ccctl.runtime.build import compile_folder
from tests.support.labhome import LabHome
from tests.support.ports import free_port
from tests.support.running import write_tone
from tests.support.until import until

CALLER, ANNA, BEN, CLEO, MUSIC, PROMPT = 450, 650, 850, 1050, 350, 1550
EARS = (CALLER, ANNA, BEN, CLEO, MUSIC, PROMPT)
SECRETS = {"anna": "pw-anna-1", "ben": "pw-ben-1", "cleo": "pw-cleo-1", "box": "739184", "pin": "4711"}


class House:
    def __init__(self) -> None:
        self.lab = LabHome()
        self.port = free_port(socket.SOCK_DGRAM)
        self.folder = Path(self.lab.home) / "site"

    def write(self, text: str) -> None:
        sounds = self.folder / "sounds"
        (sounds / "moh/tone").mkdir(parents=True, exist_ok=True)
        write_tone(sounds / "moh/tone/music.wav", MUSIC, 10)
        write_tone(sounds / "tone.wav", PROMPT, 1)
        (self.folder / "site.yaml").write_text(text.format(port=self.port))
        secrets = self.folder / "secrets.yaml"
        secrets.write_text("".join(f'{name}: "{value}"\n' for name, value in SECRETS.items()))
        secrets.chmod(0o600)

    async def apply(self) -> None:
        made = compile_folder(str(self.folder))
        assert made.site is not None, [str(finding) for finding in made.diagnostics]
        assert made.plan is not None
        await apply(self.lab.settings, made.site, made.plan, lambda text: None)


class Desks:
    def __init__(self, phones: Phones, carrier: Carrier) -> None:
        self.phones, self.carrier = phones, carrier
        self.anna = phones.phone("anna", SECRETS["anna"], ANNA)
        self.ben = phones.phone("ben", SECRETS["ben"], BEN)
        self.cleo = phones.phone("cleo", SECRETS["cleo"], CLEO)


@contextmanager
def house_with(site: str) -> Iterator[House]:
    """The site (a text with {port}) in force in a lab that runs."""
    house = House()
    try:
        house.lab.up()
        house.write(site)
        asyncio.run(house.apply())
        yield house
    finally:
        house.lab.remove()


@asynccontextmanager
async def desks_of(house: House) -> AsyncIterator[Desks]:
    """Its phones, registered; afterwards nobody talks any more."""
    node = house.lab.node
    async with Phones(server=(node.host, node.sip_port)) as phones:
        desks = Desks(phones, phones.carrier(port=house.port, tone=CALLER))
        for phone in (desks.anna, desks.ben, desks.cleo):
            await phone.register()
        yield desks
        for call in phones.calls:
            call.hangup()
    await until(
        lambda: "0 active channels" in house.lab.ask("core show channels count"), 10, "all channels gone"
    )

"""Phones over TLS: who proves itself by a certificate, whose media is encrypted, who is refused without."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccctl.cli.main import main
from ccctl.lab import tones
from ccctl.lab.phones import Phones
from tests.support.labhome import LabHome
from tests.support.ports import free_port
from tests.support.secure_phone import Media, SecurePhone, make_ca
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]

ANNA, BEN = 650, 850
PASSWORDS = {"anna": "anna-kR7wuGh0", "ben": "ben-kR7wuGh0"}
SITE = """
ccctl: 1
defaults: {{timezone: UTC, languages: [en]}}
transports:
  secure: {{type: tls, bind: 127.0.0.1, port: {port}, certificate: {crt}, key: {key}}}
provision: {{server: 127.0.0.1}}
devices:
  anna-desk: {{model: yealink-t4x, mac: 001565123456, lines: anna, transport: secure}}
  ben-desk: {{model: snom-d7xx, mac: 000413123456, lines: ben}}
users:
  anna: {{extension: 201, password: !secret anna, srtp: required}}
  ben: {{extension: 202, password: !secret ben}}
"""


class House:
    def __init__(self, home: LabHome, folder: Path) -> None:
        self.home, self.port = home, free_port()
        self.root, crt, key = make_ca(folder)
        self.site = site = folder / "site"
        site.mkdir()
        (site / "site.yaml").write_text(SITE.format(port=self.port, crt=crt, key=key))
        (site / "secrets.yaml").write_text("".join(f"{k}: {v}\n" for k, v in PASSWORDS.items()))
        (site / "secrets.yaml").chmod(0o600)
        done = self.apply()
        assert done.exit_code == 0, done.output

    def apply(self) -> Result:
        return CliRunner().invoke(main, ["--home", self.home.home, "apply", str(self.site), "--yes"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = LabHome()
    try:
        yield House(home.up(), tmp_path_factory.mktemp("secure"))
    finally:
        home.remove()


@pytest.fixture
async def anna(house: House) -> AsyncIterator[SecurePhone]:
    phone = SecurePhone("anna", PASSWORDS["anna"], ("127.0.0.1", house.port))
    await phone.connect(house.root)
    yield phone
    await phone.close()


async def test_what_is_provisioned_registers_over_tls_and_rings_encrypted(house: House) -> None:
    out = str(house.site.parent / "out")
    words = ["phone", "provision", "anna-desk", "--site", str(house.site), "--out", out]
    assert CliRunner().invoke(main, words).exit_code == 0
    lines = (Path(out) / "001565123456.cfg").read_text().splitlines()
    told = dict(line.split(" = ", 1) for line in lines if " = " in line)
    server = (told["account.1.sip_server.1.address"], int(told["account.1.sip_server.1.port"]))
    assert told["account.1.sip_server.1.transport_type"] == "2"
    phone = SecurePhone(told["account.1.user_name"], told["account.1.password"], server)
    await phone.connect(house.root)
    answer = await phone.register()
    assert answer.status == 200, answer.first
    assert "transport=TLS" in house.home.ask("pjsip show aor anna")
    node = house.home.node
    async with Phones(server=(node.host, node.sip_port)) as phones:
        call = phones.phone("ben", PASSWORDS["ben"], BEN).call("201")
        offer = await asyncio.wait_for(phone.offers.get(), 5)
        await call.until_ended()
    await phone.close()
    assert "RTP/SAVP" in offer
    assert "a=crypto:" in offer


def test_who_does_not_know_the_root_refuses_to_talk(house: House, tmp_path: Path) -> None:
    stranger, _, _ = make_ca(tmp_path)
    context = ssl.create_default_context(cafile=str(stranger))
    with (
        socket.create_connection(("127.0.0.1", house.port)) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
        context.wrap_socket(raw, server_hostname="127.0.0.1"),
    ):
        pass


async def test_a_talk_is_encrypted_and_heard_by_both_or_refused(anna: SecurePhone, house: House) -> None:
    node = house.home.node
    async with Phones(server=(node.host, node.sip_port)) as phones:
        ben = phones.phone("ben", PASSWORDS["ben"], BEN)
        await ben.register()
        with Media() as media:
            plain = await anna.invite("202", media.offer(encrypted=False))
            assert plain.status == 488, plain.first
            calling = asyncio.ensure_future(anna.invite("202", media.offer(encrypted=True)))
            ringing = await ben.incoming()
            ringing.answer()
            answer = await calling
            assert answer.status == 200, answer.first
            assert "RTP/SAVP" in answer.body
            media.take(answer.body)
            hearing = asyncio.ensure_future(ringing.until_heard({ANNA}, 8, among=(ANNA, BEN)))
            heard = await media.talk(ANNA, 2)
            await hearing
            frames = [tones.decode(packet[12:], tones.ULAW) for packet in heard[-40:]]
            assert len(frames) == 40
            assert tones.present(frames, (ANNA, BEN)) == {BEN}
            assert (await anna.bye(answer)).status == 200
            await ringing.until_ended()


async def test_a_device_is_told_to_fetch_its_file_again(house: House) -> None:
    node = house.home.node
    words = ["--home", house.home.home, "phone", "resync", "ben-desk", "--site", str(house.site)]
    absent = await asyncio.to_thread(CliRunner().invoke, main, words)
    assert absent.exit_code != 0
    assert "not registered: ben-desk" in absent.output
    async with Phones(server=(node.host, node.sip_port)) as phones:
        ben = phones.phone("ben", PASSWORDS["ben"], BEN)
        await ben.register()
        done = await asyncio.to_thread(CliRunner().invoke, main, words)
        assert done.exit_code == 0, done.output
        await until(lambda: ben.notices, what="a NOTIFY")
        assert ben.notices[-1].get("event") == "check-sync;reboot=false"


async def test_a_certificate_that_is_not_there_leaves_the_old_site_in_force(
    anna: SecurePhone, house: House
) -> None:
    path = house.site / "site.yaml"
    kept = path.read_text()
    more = (
        f"  other: {{type: tls, bind: 127.0.0.1, port: {free_port()}, certificate: /no.crt, key: /no.key}}\n"
    )
    path.write_text(kept.replace("provision:", f"{more}provision:"))
    try:
        done = await asyncio.to_thread(house.apply)
    finally:
        path.write_text(kept)
    assert done.exit_code != 0
    assert "the old configuration goes on serving" in done.output
    assert (await anna.register()).status == 200

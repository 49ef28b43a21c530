"""A prompt recorded from a real SIP phone: it speaks a tone and presses keys; the site's file holds it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ccctl.asterisk import shaping
from ccctl.asterisk.loudness import measure
from ccctl.lab import tones
from ccctl.lab.phones import Phone, Phones
from tests.support.labhome import LabHome
from tests.support.until import until

pytestmark = [pytest.mark.asterisk, pytest.mark.audio]
TONE, OTHER = 650, 1150
SITE = """
ccctl: 1
defaults: {timezone: UTC, languages: [en, de]}
numbers: {"+49301000": main}
users:
  anna: {extension: 201, password: !secret anna}
  ben: {extension: 202, password: !secret ben}
flows:
  main: [{play: welcome}, hangup]
prompts:
  welcome: {en: Welcome, de: Willkommen}
trunks:
  telco: {host: 127.0.0.1}
"""
PASSWORD = "pw-anna-82613"


class Command:
    """ccctl, running. `said` are the lines that it wrote to its error output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self.reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            self.said.append(line.decode().strip())

    async def says(self, text: str, times: int = 1) -> None:
        def heard() -> bool:
            return sum(text in line for line in self.said) >= times

        await until(heard, 30, f"{text}, {times} times")

    async def ended(self) -> tuple[int, str, str]:
        assert self.process.stdout
        out = await asyncio.wait_for(self.process.stdout.read(), 90)
        await self.reading
        return await self.process.wait(), out.decode(), "\n".join(self.said)


async def ccctl(lab: LabHome, *words: str) -> Command:
    command = (sys.executable, "-m", "ccctl", "--home", lab.home, *words)
    pipe = asyncio.subprocess.PIPE
    return Command(await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rec") / "site"
    folder.mkdir()
    (folder / "site.yaml").write_text(SITE)
    (folder / "secrets.yaml").write_text(f'anna: "{PASSWORD}"\nben: "pw-ben-82613"\n')
    (folder / "secrets.yaml").chmod(0o600)
    return folder


@asynccontextmanager
async def anna(lab: LabHome, site: Path) -> AsyncIterator[Phone]:
    """Her phone, registered."""
    code, out, err = await (await ccctl(lab, "apply", str(site), "--yes")).ended()
    assert code == 0, out + err
    async with Phones((lab.node.host, lab.node.sip_port)) as phones:
        phone = phones.phone("anna", PASSWORD, tone=0)
        await phone.register()
        yield phone


def share(path: Path, tone: int) -> float:
    """In how much of a sound, at 8 kHz, a tone is heard."""
    narrow = path.with_suffix(".8k")
    narrow.write_bytes(shaping.shape(path, str(path), shaping.Frame.MUSIC)[shaping.NARROW])
    return tones.share(tones.read_wave(narrow), tone)


def sizes(lab: LabHome) -> list[int]:
    return [path.stat().st_size for path in (Path(lab.node.spool_dir) / "recording").glob("ccctl-rec-*")]


async def take(lab: LabHome, running: Command, number: int, seconds: float = 1.5) -> None:
    """Until so much of the n-th take was written. It begins at nothing, over the one before."""
    await running.says("recording: # ends it", number)
    await until(lambda: any(size < 8_000 for size in sizes(lab)), 20, "the begin of a take")
    await until(lambda: any(size > 16_000 * seconds for size in sizes(lab)), 20, "so much of a take")


async def test_record_again_listen_and_keep(lab: LabHome, site: Path) -> None:
    async with anna(lab, site) as phone:
        running = await ccctl(lab, "prompts", "record", "201", "welcome", str(site), "--language", "de")
        call = await phone.incoming(20)
        call.answer()
        await call.until_answered()
        call.say(TONE)
        await call.until_sound(15)  # what to do
        await take(lab, running, 1)
        call.press("#")
        await call.until_heard({TONE}, 15, among=[TONE, OTHER])  # played back
        call.say(OTHER)
        call.press("2")
        await take(lab, running, 2)
        call.press("#")
        await call.until_heard({OTHER}, 15, among=[TONE, OTHER])
        await running.says("press 1 to keep it", 1)
        call.press("3")
        await call.until_heard({OTHER}, 15, among=[TONE, OTHER])
        call.press("1")
        await call.until_ended(20)
        code, out, err = await running.ended()
    assert code == 0, out + err
    assert "text of welcome (de): Willkommen" in out
    assert f"'ccctl apply {site}' puts it in force" in out
    made = site / "sounds/de/welcome.wav"
    assert share(made, OTHER) > 0.7
    assert share(made, TONE) < 0.1
    samples, rate = shaping.read_wav(made)
    assert measure(samples, rate).lufs == pytest.approx(shaping.SPEECH_LUFS, abs=2)
    assert sizes(lab) == []


async def test_a_hang_up_loses_nothing(lab: LabHome, site: Path) -> None:
    async with anna(lab, site) as phone:
        running = await ccctl(lab, "prompts", "record", "201", "welcome", str(site), "--language", "en")
        call = await phone.incoming(20)
        call.answer()
        await call.until_answered()
        call.say(TONE)
        await take(lab, running, 1)
        call.hangup()
        code, out, err = await running.ended()
    assert code == 1, out + err
    kept = site / "originals/en/welcome.take1.wav"
    assert f"the recording is kept in {kept}" in out
    assert share(kept, TONE) > 0.7
    assert not (site / "sounds/en/welcome.wav").exists()
    use = out.splitlines()[-1].split("'")[1].split()[1:]
    assert (await (await ccctl(lab, *use)).ended())[0] == 0
    assert share(site / "sounds/en/welcome.wav", TONE) > 0.7


async def test_a_phone_that_does_not_answer(lab: LabHome, site: Path) -> None:
    async with anna(lab, site) as phone:
        running = await ccctl(lab, "prompts", "record", "201", "welcome", str(site))
        call = await phone.incoming(20)
        call.reject(486)
        code, _, err = await running.ended()
        assert (code, "anna (201) is busy; is the phone registered and free?" in err) == (1, True), err
        code, _, err = await (await ccctl(lab, "prompts", "record", "202", "welcome", str(site))).ended()
        assert code == 1
        assert "ben (202) cannot be" in err
        assert "is the phone registered" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["203", "welcome"], "no user has extension 203; did you mean 20"),
        (["9", "welcome"], "no user has extension 9; there are: 201 anna, 202 ben"),
        (["201", "wellcome"], 'there is no prompt "wellcome"; did you mean "welcome"?'),
        (["201", "welcome", "--language", "fr"], '"fr" is not a language of the site; languages are en, de'),
    ],
)
async def test_what_is_not_known_is_refused(lab: LabHome, site: Path, words: list[str], said: str) -> None:
    place = [*words[:2], str(site), *words[2:]]
    code, _, err = await (await ccctl(lab, "prompts", "record", *place)).ended()
    assert code == 4
    assert said in err

"""Which form of a sound the real Asterisk takes: the wide one for phones that have more than 8 kHz."""

import asyncio
import math
import struct
import wave
from pathlib import Path

import pytest

from ccctl.asterisk import shaping
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCalls
from tests.support.until import until

pytestmark = pytest.mark.asterisk
DIALPLAN = """
[sound-forms]
exten => 1,1,Answer()
 same => n,Playback(cc/forms)
 same => n,Hangup()
"""


def write_long_tone(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 44100, 0, "NONE", ""))
        second = [round(9000 * math.sin(2 * math.pi * 3000 * at / 44100)) for at in range(44100)]
        file.writeframes(struct.pack("<44100h", *second) * 30)


@pytest.mark.parametrize(
    ("codec", "taken"), [("ulaw", "slin"), ("g722", "slin16"), ("opus", "slin16"), ("slin16", "slin16")]
)
async def test_each_phone_gets_its_form(lab: LabHome, tmp_path: Path, codec: str, taken: str) -> None:
    folder = lab.lab.sounds / "en/cc"
    folder.mkdir(parents=True, exist_ok=True)
    write_long_tone(tmp_path / "tone.wav")
    for ending, data in shaping.shape(tmp_path / "tone.wav", "a tone").items():
        (folder / f"forms{ending}").write_bytes(data)
    lab.write("extensions.conf", DIALPLAN)
    lab.ask("dialplan reload")

    async def written() -> bool:
        shown = await asyncio.to_thread(lab.ask, "core show channels concise")
        names = [line.split("!")[0] for line in shown.splitlines() if "!Playback!" in line]
        if not names:
            return False
        channel = await asyncio.to_thread(lab.ask, f"core show channel {names[0]}")
        return f"WriteFormat: {taken}\n" in channel.replace(" \n", "\n")

    async with LocalCalls(lab.node) as calls:
        call = await calls.call("1", "sound-forms", voice=("Wait", "20"), codecs=codec)
        await until(written, 10, f"a channel of {codec} that is played {taken}", every=0.2)
        await call.hang_up()

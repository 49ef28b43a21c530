"""Asterisk's own words in German: the real Asterisk finds a German file for every number, date and time.

It would say in English what it misses, without a word in its log. So the English sounds are taken away here:
what is missing then is a warning. The words are cut to a blink, so that thousands of numbers take seconds.
"""

import re
import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from ccctl.asterisk import corewords
from ccctl.flow import graph as g
from tests.support.labhome import LabHome
from tests.support.local_calls import LocalCalls

pytestmark = pytest.mark.asterisk
CHANNELS, UP_TO = 8, 239
MORE = (
    1999,
    2000,
    2101,
    9999,
    10_000,
    100_000,
    101_001,
    1_000_000,
    2_000_021,
    1_000_000_000,
    2_000_000_001,
    -7,
)
DIALPLAN = """
[words]
exten => _N.,1,Answer()
 same => n,Set(CHANNEL(language)=de)
 same => n,Set(n=${FROM})
 same => n,While($[${n} <= ${TO}])
 same => n,SayNumber(${n})
 same => n,Set(n=$[${n} + 1])
 same => n,EndWhile()
 same => n,CELGenUserEvent(CC_WORDS,${n})
 same => n,Hangup()
exten => 1,1,Answer()
 same => n,Set(CHANNEL(language)=de)
 same => n,SayNumber(${WHAT})
 same => n,SayNumber(${WHAT},f)
 same => n,Hangup()
exten => 2,1,Answer()
 same => n,Set(CHANNEL(language)=de)
 same => n,Set(at=1767222000)
 same => n,While($[${at} < 1798758000])
 same => n,SayUnixTime(${at},Europe/Berlin,AdBY 'digits/at' HM)
 same => n,Set(at=$[${at} + 640000])
 same => n,EndWhile()
 same => n,Hangup()
exten => 3,1,Answer()
 same => n,Set(CHANNEL(language)=de)
 same => n,Set(at=1767222000)
 same => n,While($[${at} < 1767309000])
 same => n,SayUnixTime(${at},Europe/Berlin,HM)
 same => n,SayUnixTime(${at},Europe/Berlin,IMp)
 same => n,SayUnixTime(${at},Europe/Berlin,HMS)
 same => n,Set(at=$[${at} + 3661])
 same => n,EndWhile()
 same => n,SayUnixTime(${EPOCH},Europe/Berlin,Q)
 same => n,SayUnixTime($[${EPOCH} - 86400],Europe/Berlin,Q)
 same => n,SayUnixTime($[${EPOCH} - 250000],Europe/Berlin,q)
 same => n,Hangup()
exten => 4,1,Answer()
 same => n,Set(CHANNEL(language)=de)
 same => n,Set(n=1)
 same => n,While($[${n} <= 121])
 same => n,SayOrdinal(${n})
 same => n,Set(n=$[${n} + 1])
 same => n,EndWhile()
 same => n,Hangup()
"""
SITE = g.Site(
    root="/",
    defaults=g.Defaults(languages=("en", "de")),
    flows={"main": g.Flow(name="main", steps=(g.Say(value="abc", say_as=g.SayAs.ALPHA), g.Directory()))},
)


def shorten(folder: Path) -> None:
    """Every word becomes 20 ms of silence."""
    for path in folder.rglob("*.wav16"):
        path.unlink()
    for path in folder.rglob("*.wav"):
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(320))


def take_english_away(lab: LabHome) -> None:
    for path in [*lab.lab.sounds.iterdir(), *(lab.lab.sounds / "en").iterdir()]:
        if path.is_symlink():
            path.unlink()


def missed(lab: LabHome) -> set[str]:
    text = "".join(path.read_text(errors="replace") for path in lab.lab.log.glob("*") if path.is_file())
    return set(re.findall(r"File (\S+) does not exist", text)) | set(
        re.findall(r"Unable to open (\S+)", text)
    )


@pytest.fixture
def german(make_lab: Callable[[], LabHome]) -> LabHome:
    lab = make_lab().up()
    made = corewords.make(SITE, str(lab.lab.sounds), lambda what, done, of: None)
    assert made == sum(len(words) for words in corewords.needed(SITE).values())
    shorten(lab.lab.sounds / "de")
    take_english_away(lab)
    lab.write("extensions.conf", DIALPLAN)
    lab.ask("dialplan reload")
    return lab


async def say(lab: LabHome, calls: LocalCalls, number: str, **variables: str) -> None:
    call = await calls.call(number, "words", voice=("Wait", "300"), **variables)
    await call.ends(240)


async def test_numbers_dates_and_times_are_all_german(german: LabHome) -> None:
    async with LocalCalls(german.node) as calls:
        step = (UP_TO + 1) // CHANNELS
        spans = [(start, start + step - 1) for start in range(0, UP_TO + 1, step)]
        started = [
            await calls.call("21", "words", voice=("Wait", "300"), FROM=str(start), TO=str(end))
            for start, end in spans
        ]
        started += [
            await calls.call("1", "words", voice=("Wait", "300"), WHAT=str(number)) for number in MORE
        ]
        started += [await calls.call(number, "words", voice=("Wait", "300")) for number in ("2", "3", "4")]
        for call in started:
            await call.ends(240)
        for call, (_, end) in zip(started, spans, strict=False):
            await call.passes("CC_WORDS", str(end + 1))
    assert missed(german) == set()
    have = {path.stem for path in (german.lab.sounds / "de/digits").glob("*.wav")}
    assert {*"0123456789", "star", "pound", "minus"} <= have  # SayDigits leaves out what is missing
    letters = {path.stem for path in (german.lab.sounds / "de/letters").glob("*.wav")}
    assert set("abcdefghijklmnopqrstuvwxyz") <= letters
    shutil.move(german.lab.sounds / "de/digits/7.wav", german.lab.sounds / "away.wav")
    async with LocalCalls(german.node) as calls:
        await say(german, calls, "1", WHAT="7")
    assert missed(german) == {"digits/7"}, "a missing word shows in the log"

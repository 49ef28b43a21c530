"""Sentences on a real Asterisk: their parts are executed, and heard, in the order of the call's language."""

from collections.abc import AsyncIterator, Iterator
from itertools import groupby
from pathlib import Path

import pytest

from ccctl.diagnostics import Span
from ccctl.flow.compile import compile_site, generation_id
from ccctl.flow.graph import Site
from ccctl.flowlab.house import write_sound
from ccctl.flowtest.cases import Caller, Case, Ends, Want
from ccctl.flowtest.simulate import Simulator
from ccctl.flowtest.story import observe
from ccctl.lab import tones
from ccctl.runtime.apply import apply
from ccctl.sim import Executed
from tests.support.labhome import LabHome
from tests.support.newexten import Watched, Watcher
from tests.support.site_cases import read
from tests.support.until import until

pytestmark = pytest.mark.asterisk

ENGLISH, GERMAN = "+49301234501", "+49301234502"
SITE = f"""
numbers:
  "{ENGLISH}": told
  "{GERMAN}": {{flow: told, language: de}}
vars:
  case: {{type: digits, max: 4, default: "47"}}
  tier: {{type: enum, values: [gold, none], default: gold, spoken: {{gold: {{en: Gold, de: Goldkunde}}}}}}
  empty: {{type: number}}
flows:
  told:
    - say:
        text:
          en: "Your case {{{{ case }}}} is open, and your tier is {{{{ tier }}}}."
          de: "{{{{ tier }}}} sind Sie, und {{{{ case }}}} ist Ihr Fall."
    - set: {{empty: "{{{{ caller.name }}}}"}}
    - say: {{text: "{{{{ empty }}}} {{{{ empty | ordinal }}}}"}}
    - say: {{text: {{en: "Goodbye.", de: "Auf Wiederhören."}}}}
    - hangup
"""
TONES = (450, 650, 850, 1150, 1550, 1850)
SPOKEN = ("Answer", "Playback", "SayDigits", "SayNumber", "SayOrdinal")


@pytest.fixture(scope="module")
def home() -> Iterator[LabHome]:
    home = LabHome()
    try:
        yield home.up()
    finally:
        home.remove()


@pytest.fixture
def site() -> Site:
    draft, found = read({"site": SITE})
    assert found == []
    return draft.site


@pytest.fixture
async def watcher(home: LabHome, site: Site) -> AsyncIterator[Watcher]:
    await apply(home.settings, site, compile_site(site, generation_id(site)), lambda text: None)
    async with Watcher(home) as watcher:
        yield watcher


def executed(call: Watched) -> list[tuple[str, str]]:
    return [(app, data) for _, _, _, app, data in call.steps if app in SPOKEN]


def sounds(site: Site) -> dict[str, str]:
    """English, or only, text of a part -> its sound."""
    return {next(iter(each.texts.values())): each.sound for each in site.prompts.values() if each.fragment}


async def test_the_parts_come_in_the_order_of_the_language(
    home: LabHome, site: Site, watcher: Watcher
) -> None:
    english, german = await watcher.call("cc-in", ENGLISH), await watcher.call("cc-in", GERMAN)
    await until(lambda: english.ended and german.ended, 60, "the end of both calls")
    sound = sounds(site)
    nothing = [("Answer", ""), ("SayNumber", "-"), ("SayOrdinal", "-")]
    tail = [*nothing, ("Playback", sound["Goodbye."])]
    assert executed(english) == [
        ("Playback", sound["Your case"]),
        ("SayDigits", "47"),
        ("Playback", f"{sound['is open, and your tier is']}&{sound['Gold']}"),
        *tail,
    ]
    assert executed(german) == [
        ("Playback", f"{sound['Gold']}&{sound['sind Sie, und']}"),
        ("SayDigits", "47"),
        ("Playback", sound["ist Ihr Fall."]),
        *tail,
    ]
    assert (english.cause, german.cause) == (16, 16), "nothing to say is no reason to drop a call"


async def test_every_part_was_spoken_by_the_apply(home: LabHome, site: Site, watcher: Watcher) -> None:
    folder = home.lab.sounds
    for prompt in site.prompts.values():
        for language in prompt.texts:
            assert (folder / language / f"{prompt.sound}.wav").stat().st_size > 2000, prompt
    parts = [prompt for prompt in site.prompts.values() if prompt.fragment]
    assert len(parts) == 7
    assert not any((folder / "de" / f"{each.sound}.wav").exists() for each in parts if "de" not in each.texts)


async def test_the_simulator_takes_the_same_steps(site: Site, watcher: Watcher) -> None:
    simulator = Simulator(site, compile_site(site, generation_id(site)))
    for number in (ENGLISH, GERMAN):
        call = await watcher.call("cc-in", number)
        await until(lambda call=call: call.ended, 60, "the end of the call")
        result = simulator.run(Case("x", Span(), Caller(number), steps=(Ends(want=Want("hangup")),)))
        flow = [
            (e.exten, e.priority, e.app.lower(), e.data)
            for e in result.executed
            if e.context.endswith("-told")
        ]
        assert flow == [
            (exten, priority, app.lower(), data)
            for context, exten, priority, app, data in call.steps
            if context.endswith("-told")
        ]
        seen = [seen for step in call.steps for seen in observe(Executed(*step, 0))]
        assert {seen.what for seen in seen if seen.kind == "says"} == {"47", "gold", "-"}


def heard(path: Path) -> list[int]:
    """The tones of a recording, one after the other; each for at least a tenth of a second."""
    frames = tones.read_wave(path)
    loudest = (max(TONES, key=lambda tone: tones.strength(frame, tone)) for frame in frames)
    present = [tone if tones.sounds(frame, tone) else 0 for frame, tone in zip(frames, loudest, strict=True)]
    runs = [(tone, len(list(run))) for tone, run in groupby(present)]
    return [tone for tone, _ in groupby(tone for tone, length in runs if tone and length >= 5)]


async def test_the_caller_hears_them_in_that_order(home: LabHome, site: Site, watcher: Watcher) -> None:
    """Every sound of the German sentence is a tone of its own, Asterisk's digits too."""
    sound = sounds(site)
    parts = (
        sound["Gold"],
        sound["sind Sie, und"],
        "digits/4",
        "digits/7",
        sound["ist Ihr Fall."],
        sound["Goodbye."],
    )
    for tone, name in zip(TONES, parts, strict=True):
        (home.lab.sounds / "de" / f"{name}.wav16").unlink(missing_ok=True)
        write_sound(home.lab.sounds / "de" / f"{name}.wav", (tone,), 0.4)
    path = home.lab.folder / "heard.wav"
    ear = Watched()
    watcher.calls[ear.far] = ear
    await watcher.ami.action(
        "Originate",
        Channel=f"Local/{GERMAN}@cc-in/n",
        ChannelId=ear.far,
        OtherChannelId=ear.caller,
        Application="Record",
        Data=f"{path},0,60,qk",
        Async="true",
    )
    await until(lambda: ear.ended, 60, "the end of the call")
    assert heard(path) == list(TONES)

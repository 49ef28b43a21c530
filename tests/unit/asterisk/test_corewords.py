"""Asterisk's words in German: whose files they are, and which a site needs."""

from pathlib import Path

import pytest

from ccctl.asterisk import corewords, prompts
from ccctl.errors import ApplyError
from ccctl.flow import graph as g


@pytest.fixture(autouse=True)
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of words that were spoken; nobody speaks really."""
    names: list[str] = []

    def sound_of(site: g.Site, sound: prompts.Sound, known: object) -> dict[str, bytes]:
        names.append(sound.prompt)
        return {".wav": f"{site.defaults.voice} {sound.text}".encode(), ".wav16": b"wide"}

    monkeypatch.setattr(prompts, "sound_of", sound_of)
    return names


def site(languages: tuple[str, ...] = ("en", "de"), voice: str = "espeak-ng", **more: object) -> g.Site:
    return g.Site(defaults=g.Defaults(languages=languages, voice=voice), **more)  # type: ignore[arg-type] # any fields


def make(site: g.Site, folder: Path) -> int:
    return corewords.make(site, str(folder), lambda what, done, of: None)


def test_the_way_is_counted(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    made = corewords.make(site(), str(tmp_path), lambda *count: told.append(count))
    assert {(what, of) for what, _, of in told} == {("Asterisk's words in de", made)}
    assert [done for _, done, _ in told] == [*range(0, made, corewords.BATCH), made]
    told.clear()
    (tmp_path / "de/digits/1.gsm").write_text("a person")  # ours gives way: nothing is made, nothing counted
    assert corewords.make(site(), str(tmp_path), lambda *count: told.append(count)) == 0
    assert told == []


def test_words_are_made_once(tmp_path: Path, spoken: list[str]) -> None:
    count = make(site(), tmp_path)
    assert count == len(spoken) == len(set(spoken))
    assert (tmp_path / "de/digits/1.wav").read_text() == "espeak-ng eins"
    assert make(site(), tmp_path) == 0


def test_a_site_needs_the_words_of_its_steps() -> None:
    assert corewords.needed(site(("en", "fr"))) == {}
    plain = corewords.needed(site())["de"]
    assert not [name for name in plain if name.startswith(("letters/", "queue-", "dir-", "vm-intro"))]
    more = corewords.needed(
        site(
            mailboxes={"a": g.Mailbox(name="a", number="1")},
            queues={"q": g.Queue(name="q", title="Q")},
            flows={"main": g.Flow(name="main", steps=(g.Directory(),))},
        )
    )["de"]
    spelt = g.Say(text={"en": "{{ name | alpha }}"}, say_as=None)
    assert "letters/z" in corewords.needed(site(flows={"main": g.Flow(name="main", steps=(spelt,))}))["de"]
    assert {"letters/z", "queue-youarenext", "dir-welcome", "vm-intro"} <= set(more)


def test_somebody_elses_sound_goes_first_and_ours_gives_way(tmp_path: Path) -> None:
    (tmp_path / "de/digits").mkdir(parents=True)
    (tmp_path / "de/digits/1.gsm").write_text("a person")
    (tmp_path / "de/digits/2.wav").write_text("a person")
    make(site(), tmp_path)
    assert not (tmp_path / "de/digits/1.wav").exists()
    assert (tmp_path / "de/digits/2.wav").read_text() == "a person"
    (tmp_path / "de/digits/3.gsm").write_text("installed later")
    make(site(), tmp_path)
    assert sorted(path.name for path in (tmp_path / "de/digits").glob("3.*")) == ["3.gsm"]
    (tmp_path / "de/digits/3.gsm").unlink()
    assert make(site(), tmp_path) == 1


def test_another_voice_speaks_them_again(tmp_path: Path) -> None:
    count = make(site(), tmp_path)
    (tmp_path / "de/digits/other.wav").write_text("not ours")
    assert make(site(voice="espeak-ng:de+f3"), tmp_path) == count
    assert (tmp_path / "de/digits/1.wav").read_text() == "espeak-ng:de+f3 eins"
    assert (tmp_path / "de/digits/other.wav").read_text() == "not ours"


def test_a_language_that_is_gone_takes_its_words_along(tmp_path: Path) -> None:
    make(site(), tmp_path)
    (tmp_path / "de/digits/other.wav").write_text("not ours")
    assert make(site(("en",)), tmp_path) == 0
    left = [path for path in (tmp_path / "de").rglob("*") if path.is_file()]
    assert left == [tmp_path / "de/digits/other.wav"]


def test_a_dialect_speaks_the_words_of_its_language(tmp_path: Path) -> None:
    assert make(site(("de_AT",)), tmp_path) > 100
    assert (tmp_path / "de/digits/1.wav").exists()


def test_a_run_that_was_broken_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = make(site(), tmp_path / "whole")
    real = prompts.sound_of

    def fails(site: g.Site, sound: prompts.Sound, known: object) -> dict[str, bytes]:
        if sound.prompt == "digits/day-3":
            raise ApplyError("no more breath")
        return real(site, sound, known)  # type: ignore[arg-type]

    monkeypatch.setattr(prompts, "sound_of", fails)
    with pytest.raises(ApplyError):
        make(site(), tmp_path / "part")
    monkeypatch.setattr(prompts, "sound_of", real)
    assert make(site(), tmp_path / "part") == count
    assert make(site(), tmp_path / "part") == 0


def test_every_word_is_a_text() -> None:
    words = corewords.words_of("de")
    names = [name for group in words.values() for name in group]
    assert len(names) == len(set(names))
    assert all(text.strip() for group in words.values() for text in group.values())
    assert words["numbers"]["digits/0"] == "null"

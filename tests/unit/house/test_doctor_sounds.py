"""What `ccctl doctor` says of Asterisk's own words: only what callers would notice, and what to do."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ccctl.asterisk.node import Node
from ccctl.cli import checkup
from ccctl.cli.checkup import Finding, local
from ccctl.runtime.settings import Settings

MODEL = {
    "defaults": {"languages": ["en", "de"]},
    "sites": {"vienna": {"languages": ["de_AT"]}},
    "mailboxes": {"a": {}},
}
ENGLISH = ("en/digits/1.gsm", "en/vm-intro.gsm", "en/beep.gsm")
GERMAN = ("de/digits/1.wav", "de/vm-intro.wav")


def sounds(
    folder: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], model: dict[str, Any] = MODEL
) -> Finding:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    current = SimpleNamespace(record=SimpleNamespace(model=model))
    monkeypatch.setattr(checkup.conf, "read_current", lambda node: current)
    monkeypatch.setattr(checkup, "_site", lambda settings, daemon: Finding("site", "ok", ""))
    monkeypatch.setattr(checkup, "_drift", lambda node: Finding("drift", "ok", ""))
    settings = Settings(home=str(folder / "home"), node=Node(sounds_dir=str(folder)))
    return next(finding for finding in local(settings) if finding.check == "sounds")


def test_a_tone_is_the_same_in_every_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sounds(tmp_path, monkeypatch, ENGLISH + GERMAN)
    assert (found.state, found.text) == ("ok", "Asterisk speaks de, de_AT, en")


def test_words_of_a_mailbox_are_missed_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = (*ENGLISH, "de/digits/1.wav")
    assert sounds(tmp_path, monkeypatch, files, MODEL | {"mailboxes": {}}).state == "ok"
    assert sounds(tmp_path, monkeypatch, files).state == "warn"


def test_words_that_an_apply_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sounds(tmp_path, monkeypatch, ENGLISH)
    assert found.text == "Asterisk has no words of its own in de, de_AT: such calls hear them in English"
    assert found.hint == "'ccctl apply SITE' speaks those in de"


@pytest.mark.parametrize(
    ("language", "hint"),
    [
        ("fr", "apt install asterisk-core-sounds-fr-wav, and copy /usr/share/asterisk/sounds/fr to {}/fr"),
        ("nl", "put recordings of them into {}/nl, called as those in {}/en"),
    ],
)
def test_words_that_somebody_else_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, hint: str
) -> None:
    found = sounds(tmp_path, monkeypatch, ENGLISH, {"defaults": {"languages": ["en", language]}})
    assert (found.state, found.hint) == ("warn", hint.format(tmp_path, tmp_path))
    assert f"in {language}: such calls hear them in English" in found.text


def test_what_is_nowhere_is_not_heard_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sounds(tmp_path, monkeypatch, (*GERMAN, "en/vm-intro.gsm"))
    said = "calls hear nothing where Asterisk would say beep, digits/1"
    assert (found.state, found.text) == ("warn", f"{said}: not in {tmp_path}")
    assert found.hint.startswith("apt install asterisk-core-sounds-en-wav")

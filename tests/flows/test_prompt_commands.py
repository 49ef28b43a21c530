"""ccctl prompts list, missing, convert: on real folders, with real sound."""

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccctl.asterisk import shaping, speech
from ccctl.cli.main import main
from ccctl.runtime.site import load_site

BASE = (Path(__file__).parent / "base.yaml").read_text()
SECRETS = "".join(f"{name}: {name}-kR7wuGh0\n" for name in ("ph200", "ph201", "ph210")) + 'vm900: "482915"\n'


def ccctl(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["prompts", *(str(word) for word in words)])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "acme.yaml").write_text(BASE)
    (folder / "secrets.yaml").write_text(SECRETS)
    (folder / "secrets.yaml").chmod(0o600)
    return folder


def sine(path: Path, *form: str, seconds: float = 1.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["sox", "-n", *form, str(path), "synth", str(seconds), "sine", "700", "vol", "0.05"]
    subprocess.run(command, check=True)
    return path


def test_list_tells_source_length_loudness_and_use(site: Path) -> None:
    sine(site / "sounds/de/welcome.wav", "-r", "16000", "-c", "1", "-b", "16")
    listed = ccctl("list", "site", "--format", "json")
    assert listed.exit_code == 0, listed.output
    entries = {(each["prompt"], each["language"]): each for each in json.loads(listed.stdout)}
    assert len(entries) == 10  # three prompts, the titles of two queues, two languages
    german = entries["welcome", "de"]
    assert (german["source"], german["by"]) == ("recording", "sounds/de/welcome.wav")
    assert german["seconds"] == pytest.approx(1.5 + shaping.LEAD_S + shaping.TAIL_S, abs=0.03)
    assert german["lufs"] == pytest.approx(shaping.SPEECH_LUFS, abs=1)
    assert german["uses"] == {"flow main": 1}
    english = entries["welcome", "en"]
    assert (english["source"], english["by"], english["text"]) == ("text", "espeak-ng", "Welcome")
    assert english["seconds"] > 0.3
    assert entries["queue-support", "en"]["uses"] == {"queue support": 1}
    assert entries["sorry", "de"]["uses"] == {}
    table = ccctl("list", "site").stdout
    assert "recording sounds/de/welcome.wav" in table
    assert "flow main" in table


def test_list_goes_on_without_an_engine(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "more.yaml").write_text(
        'prompts: {"new": {en: "Never said before 7351", de: "Nie gesagt 7351"}}\n'
    )
    monkeypatch.setitem(speech.ENGINES, "espeak-ng", speech.Engine(("no-such-engine",), "apt install it"))
    listed = ccctl("list", "site", "--format", "json")
    assert listed.exit_code == 0
    assert "prompt new (en) needs no-such-engine, which is not installed; apt install it" in listed.stderr
    new = [each for each in json.loads(listed.stdout) if each["prompt"] == "new"]
    assert [each["seconds"] for each in new] == [None, None]


def test_missing_is_a_list_for_a_studio(site: Path) -> None:
    sine(site / "sounds/de/welcome.wav", "-r", "8000", "-c", "1", "-b", "16")
    sine(site / "sounds/jingle.wav", "-r", "8000", "-c", "1", "-b", "16")
    (site / "more.yaml").write_text(
        'prompts: {half: {en: "Half, and\\n more"}, jingle: {all: sounds/jingle.wav}}\n'
    )
    told = ccctl("missing", "site", "--format", "csv")
    assert told.exit_code == 1  # half has no German
    assert "the site has 1 errors" in told.stderr
    rows = {(row["prompt"], row["language"]): row for row in csv.DictReader(io.StringIO(told.stdout))}
    assert ("welcome", "de") not in rows
    assert rows["welcome", "en"] == {
        "prompt": "welcome",
        "language": "en",
        "state": "spoken",
        "deliver": "sounds/en/welcome.wav",
        "used": "1",
        "text": "Welcome",
    }
    assert rows["half", "de"]["state"] == "missing"
    assert rows["half", "de"]["text"] == "Half, and more"
    assert rows["jingle", "de"]["state"] == "shared"
    (site / "more.yaml").unlink()
    (site / "sounds/jingle.wav").unlink()
    assert ccctl("missing", "site").exit_code == 0


SENTENCES = """
vars: {case: {type: digits, max: 8, default: "7"}, vip: {type: flag, default: "no"}}
numbers: {"+49301234501": told}
flows:
  told:
    - say: {text: {en: "Your case {{ case }} is open.", de: "{{ case }} ist offen."}}
    - say: {text: {en: "Never {{ vip }} {{ case }}."}}
    - say: {text: "{{ vip }}"}
    - hangup
"""


def test_parts_of_sentences_are_listed_and_wanted_like_prompts(site: Path) -> None:
    (site / "more.yaml").write_text(SENTENCES)
    listed = ccctl("list", "site", "--format", "json")
    parts = {(each["text"], each["language"]): each for each in json.loads(listed.stdout) if each["part"]}
    english, german = parts["Your case", "en"], parts["ist offen.", "de"]
    assert ("ist offen.", "en") not in parts, "English is cut in another way"
    assert english["uses"] == german["uses"] == {"flow told": 1}
    assert english["seconds"] > 0.3
    assert parts["ja", "de"]["uses"] == {"flow told": 2}
    assert f'{english["prompt"]}  en        text espeak-ng "Your case"' in ccctl("list", "site").stdout
    told = ccctl("missing", "site", "--format", "csv")
    assert told.exit_code == 1  # the second sentence has no German
    rows = {(row["prompt"], row["language"]): row for row in csv.DictReader(io.StringIO(told.stdout))}
    assert rows[english["prompt"], "en"]["deliver"] == f"sounds/en/{english['prompt']}.wav"
    never = parts["Never", "en"]["prompt"]
    assert rows[never, "de"]["state"] == "missing"


def test_a_recorded_part_keeps_its_name_and_has_next_to_no_silence(site: Path, tmp_path: Path) -> None:
    (site / "more.yaml").write_text(SENTENCES)
    cut = sine(tmp_path / "vip.no.wav", "-r", "16000", "-c", "1", "-b", "16")
    done = ccctl("convert", cut, "--site", "site", "--language", "en")
    assert done.exit_code == 0, done.output
    entries = json.loads(ccctl("list", "site", "--format", "json").stdout)
    part = next(each for each in entries if (each["prompt"], each["language"]) == ("vip.no", "en"))
    assert (part["source"], part["by"]) == ("recording", "sounds/en/vip.no.wav")
    assert part["seconds"] == pytest.approx(1.5 + 2 * shaping.JOINED_S, abs=0.03)


def test_convert_repairs_what_check_refuses(site: Path) -> None:
    bad = sine(site / "sounds/en/welcome.wav", "-r", "44100", "-c", "2")
    before = bad.read_bytes()
    _, (finding,) = load_site(site)
    assert (finding.code, finding.hint) == ("E602", "run: ccctl prompts convert site/sounds/en/welcome.wav")
    done = ccctl("convert", "site/sounds/en/welcome.wav")
    assert done.exit_code == 0, done.output
    assert load_site(site)[1] == []
    assert shaping.read_wav(bad)[1] == 16000
    assert (site / "originals/en/welcome.wav").read_bytes() == before
    sine(bad, "-r", "44100", "-c", "2")
    assert ccctl("convert", "site").exit_code == 0
    assert load_site(site)[1] == []
    assert (site / "originals/en/welcome.1.wav").exists()
    assert "every recording is in form" in ccctl("convert", "site").stdout


def test_convert_takes_files_from_elsewhere(site: Path, tmp_path: Path) -> None:
    ogg = sine(tmp_path / "studio/welcome.flac", "-r", "48000", "-c", "2")
    refused = ccctl("convert", ogg)
    assert refused.exit_code == 2
    assert "give --language and --site" in refused.stderr
    done = ccctl("convert", ogg, "--site", "site", "--language", "de")
    assert done.exit_code == 0, done.output
    assert shaping.read_wav(site / "sounds/de/welcome.wav")[1] == 16000
    assert ogg.exists()


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["--language", "dee"], '"dee" is not a language of the site; did you mean "de"?', 4),
        (["--language", "de", "--name", "Wel come"], '"Wel come" is not a name', 2),
    ],
)
def test_convert_refuses_what_has_no_place(
    site: Path, tmp_path: Path, words: list[str], said: str, code: int
) -> None:
    source = sine(tmp_path / "a.wav")
    refused = ccctl("convert", source, "--site", "site", *words)
    assert refused.exit_code == code
    assert said in refused.stderr
    assert not (site / "sounds").exists()


def test_convert_of_what_is_no_sound_loses_nothing(site: Path) -> None:
    bad = site / "sounds/en/welcome.wav"
    bad.parent.mkdir(parents=True)
    bad.write_text("no sound")
    refused = ccctl("convert", bad)
    assert refused.exit_code == 2
    assert "sox failed" in refused.stderr
    assert bad.read_text() == "no sound"


def test_check_tells_of_voices_that_are_not_here(site: Path) -> None:
    text = BASE.replace("defaults: {", 'defaults: {voice: {de: "piper:voices/de.onnx", en: "espeak-ng:xx"}, ')
    (site / "acme.yaml").write_text(text)
    checked = CliRunner().invoke(main, ["check", "site"])
    assert checked.exit_code == 0  # it may be the machine that edits, not the one that serves
    assert 'warning[W605] texts in "en" cannot be spoken here: espeak-ng has no voice' in checked.stdout
    assert 'texts in "de" cannot be spoken here: piper is not installed; pip install' in checked.stdout


@pytest.mark.parametrize(
    ("voice", "said"),
    [
        ("espeak", 'there is no text-to-speech engine "espeak"; did you mean "espeak-ng"?'),
        ("piper", '"piper" names no voice; write for example piper:voices/de.onnx'),
        ("{xx: espeak-ng}", '"xx"'),
        ("espeak-ng, speed: 20%", '"20%" is not a speed of speech; write 50% to 200%'),
    ],
)
def test_voices_are_checked(site: Path, voice: str, said: str) -> None:
    (site / "acme.yaml").write_text(BASE.replace("defaults: {", f"defaults: {{voice: {voice}, "))
    checked = CliRunner().invoke(main, ["check", "site"])
    assert checked.exit_code == 1
    assert said in checked.stdout

"""Real folders: files, includes, secrets, recordings; and the commands on them."""

import os
import stat
import sys
import wave
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ccctl.cli.main import main
from ccctl.diagnostics import Diagnostic
from ccctl.flow.graph import Menu, Site
from ccctl.runtime.site import load_site

BASE = (Path(__file__).parent / "base.yaml").read_text()
SECRETS = "".join(f"{name}: {name}-kR7wuGh0\n" for name in ("ph200", "ph201", "ph210")) + 'vm900: "482915"\n'


def ccctl(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def codes(found: list[Diagnostic]) -> list[str]:
    return [finding.code for finding in found]


def given_secrets(folder: Path, text: str = SECRETS, mode: int = 0o600) -> None:
    path = folder / "secrets.yaml"
    path.write_text(text)
    path.chmod(mode)


def given_wav(path: Path, rate: int = 8000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(b"\0\0" * channels * 80)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site without findings, in the folder "site" of the working folder."""
    monkeypatch.chdir(tmp_path)
    site = tmp_path / "site"
    site.mkdir()
    (site / "acme.yaml").write_text(BASE)
    given_secrets(site)
    return site


def loaded(folder: Path) -> Site:
    site, found = load_site(folder)
    assert [str(finding) for finding in found] == []
    assert site is not None
    return site


# -- files -----------------------------------------------------------------------------------------


def test_a_clean_folder_is_a_site(folder: Path) -> None:
    site = loaded(folder)
    assert site.root == str(folder)
    assert site.users["anna"].password == "ph201-kR7wuGh0"


def test_files_of_the_folder_are_one_site(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "extra.yaml").write_text("include: [more/*.yaml]\nqueues: {vip: {skills: {technical: 1}}}\n")
    (folder / "more" / "prompts.yaml").write_text("prompts: {jingle: {en: A, de: B}}\n")
    site = loaded(folder)
    assert "vip" in site.queues
    assert "jingle" in site.prompts
    (folder / "more" / "again.yaml").write_text("prompts: {welcome: {en: A, de: B}}\n")
    none, (finding,) = load_site(folder)
    assert none is None
    assert (finding.code, finding.span.file) == ("E908", "site/more/again.yaml")
    assert "site/acme.yaml:" in finding.text


@pytest.mark.parametrize("pattern", ["../*.yaml", "/etc/*.yaml", "nothing/*.yaml"])
def test_includes_stay_inside_and_match(folder: Path, pattern: str) -> None:
    (folder / "extra.yaml").write_text(f"include: ['{pattern}']\n")
    _, (finding,) = load_site(folder)
    assert (finding.code, finding.span.line, finding.span.column) == ("E106", 1, 11)


def test_a_file_that_is_not_yaml_does_not_make_names_unknown(folder: Path) -> None:
    (folder / "flows.yaml").write_text("flows: {other: [}\n")
    (folder / "numbers.yaml").write_text('numbers: {"+49301234501": other}\nqueues: {vip: {ring: 15}}\n')
    _, found = load_site(folder)
    assert codes(found) == ["E910", "E904"]


def test_a_file_that_cannot_be_read(folder: Path) -> None:
    (folder / "lost.yaml").symlink_to(folder / "nowhere")
    _, (finding,) = load_site(folder)
    assert (finding.code, finding.span.file) == ("E900", "site/lost.yaml")


def test_bytes_that_are_not_utf8(folder: Path) -> None:
    (folder / "latin.yaml").write_bytes("prompts: {a: {en: Grüße}}".encode("latin-1"))
    _, (finding,) = load_site(folder)
    assert (finding.code, finding.span.column) == ("E911", 21)


def test_the_version_is_not_missed_while_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text("ccctl: 1\ndefaults:\n\ttimezone: UTC\n")
    (tmp_path / "flows.yaml").write_text("flows: {main: [hangup]}\n")
    site, findings = load_site(tmp_path)
    assert site is None
    assert [finding.code for finding in findings] == ["E918"]


@pytest.mark.parametrize(
    "make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")]
)
def test_folders_that_are_no_site(tmp_path: Path, make) -> None:
    make(tmp_path / "x")
    site, (finding,) = load_site(tmp_path / "x")
    assert site is None
    assert finding.code == "E900"


def test_paths_are_shown_from_where_the_reader_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "extra.yaml").write_text("flow: {}\n")
    assert load_site("site")[1][0].span.file == "site/extra.yaml"
    monkeypatch.chdir(folder)
    assert load_site(".")[1][0].span.file == "extra.yaml"
    monkeypatch.chdir("/")
    assert load_site(folder)[1][0].span.file == f"{folder}/extra.yaml".removeprefix("/")


# -- secrets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_secrets_that_others_can_read_are_refused(folder: Path, mode: int) -> None:
    given_secrets(folder, mode=mode)
    site, (finding,) = load_site(folder)
    assert site is None
    assert finding.code == "E508"
    assert finding.hint == "run: chmod 0600 site/secrets.yaml"


def test_the_environment_goes_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC_SECRET_PH201", "from-the-environment")
    assert loaded(folder).users["anna"].password == "from-the-environment"


def test_a_command_gives_a_secret(folder: Path) -> None:
    script = folder.parent / "give"
    script.write_text(f"#!{sys.executable}\nprint('given-by-command')\nprint('second line')\n")
    script.chmod(0o700)
    given_secrets(folder, SECRETS.replace("ph201-kR7wuGh0", f'{{command: "{script}"}}'))
    assert loaded(folder).users["anna"].password == "given-by-command"


@pytest.mark.parametrize("value", ["{command: /nowhere/x}", "{command: 'false'}", "[a]", "''", '"a\\nb"'])
def test_secrets_that_are_none(folder: Path, value: str) -> None:
    given_secrets(folder, SECRETS.replace("ph201-kR7wuGh0", value))
    _, (finding,) = load_site(folder)
    assert finding.code == "E107"
    assert finding.span.file == "site/acme.yaml"


def test_no_finding_shows_a_secret(folder: Path) -> None:
    given_secrets(folder, SECRETS + "broken: @hunter22\n")
    _, found = load_site(folder)
    assert "E910" in codes(found)
    assert not [finding for finding in found if "hunter22" in str(finding)]


# -- recordings ------------------------------------------------------------------------------------


def test_recordings_are_found_and_measured(folder: Path) -> None:
    given_wav(folder / "sounds/en/welcome.wav", rate=16000)
    first = loaded(folder).prompts["welcome"]
    assert first.files == {"en": "sounds/en/welcome.wav"}
    given_wav(folder / "sounds/en/welcome.wav", rate=8000)
    assert loaded(folder).prompts["welcome"].digest != first.digest
    given_wav(folder / "sounds/en/welcome.wav", rate=44100, channels=2)
    (folder / "sounds/de").mkdir()
    (folder / "sounds/de/welcome.wav").write_bytes(b"not a sound")
    _, found = load_site(folder)
    assert [(finding.code, finding.span.file) for finding in found] == [
        ("E602", "site/sounds/de/welcome.wav"),
        ("E602", "site/sounds/en/welcome.wav"),
    ]
    assert "44.1 kHz stereo 16-bit" in found[1].text


def test_music_is_not_looked_at(folder: Path) -> None:
    given_wav(folder / "sounds/moh/calm/one.wav", rate=44100)
    loaded(folder)


# -- commands --------------------------------------------------------------------------------------


def test_check_ends_with_what_it_found(folder: Path) -> None:
    clean = ccctl("check", folder)
    assert (clean.exit_code, clean.stdout) == (0, "")
    assert "no findings" in clean.stderr
    (folder / "extra.yaml").write_text('hours: {shop: {open: {mon: "08:00-12:00"}}}\n')
    warned = ccctl("check", folder)
    assert warned.exit_code == 0
    assert "warning[W305]" in warned.stdout
    assert "0 errors, 1 warning" in warned.stderr
    (folder / "extra.yaml").write_text("queues: {vip: {ring: 15}}\n")
    wrong = ccctl("check", folder)
    assert wrong.exit_code == 1
    line = 'site/extra.yaml:1:22: error[E904] duration "15" has no unit; did you mean "15s"?'
    assert wrong.stdout.splitlines() == [line]
    assert ccctl("check", folder / "nowhere").exit_code == 2


def test_check_in_other_forms(folder: Path) -> None:
    (folder / "extra.yaml").write_text("queues: {vip: {ring: 15}}\n")
    assert '"code": "E904"' in ccctl("check", folder, "--format", "json").stdout
    annotation = ccctl("check", folder, "--format", "github").stdout
    assert annotation.startswith(
        "::error file=site/extra.yaml,line=1,col=22,endColumn=24,title=E904::duration"
    )


def test_explain_prints_the_page() -> None:
    page = ccctl("explain", "e404")
    assert page.exit_code == 0
    assert page.stdout.startswith("E404: A flow runs off its end\n")
    assert "Good:" in page.stdout
    assert "E404  A flow runs off its end" in ccctl("explain").stdout
    assert ccctl("explain", "E000").exit_code == 4


def test_init_makes_a_site_that_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = ccctl("init", "site")
    assert made.exit_code == 0, made.output
    assert "ccctl check site" in made.stdout
    checked = ccctl("check", "site")
    assert (checked.exit_code, checked.stdout) == (0, "")
    assert stat.S_IMODE(os.stat("site/secrets.yaml").st_mode) == 0o600
    names = [line.split(":")[0] for line in Path("site/secrets.yaml").read_text().splitlines()[1:]]
    phones = [f"ph{extension}" for extension in (200, 201, 202, 203, 210)]
    assert names == ["contract_pins", *phones, "room_pin", "vm201", "vm202", "vm900"]
    assert not list(Path("site").rglob("*.py"))
    again = ccctl("init", "site")
    assert again.exit_code == 2
    assert "not empty" in again.stderr
    ccctl("init", "other")
    assert Path("other/secrets.yaml").read_text() != Path("site/secrets.yaml").read_text()


def test_the_example_has_what_trials_need(tmp_path: Path) -> None:
    ccctl("init", tmp_path / "site")
    site = loaded(tmp_path / "site")
    assert {number.number: number.flow for number in site.numbers.values()} == {
        "+49301234500": "main",
        "+49301234510": "main",
        "+49301234520": "support",
        "+49301234530": "contract",
        "+49301234540": "orders",
        "+49301234550": "meeting",
        "+49301234560": "emergency",
        "+49301234599": "night-desk",
        "+4315551234": "main",
    }
    assert site.hours["always-closed"].open == ()
    assert site.queues["support"].agents == ("anna", "ben", "cleo")
    assert site.queues["support"].record == "always"
    assert site.defaults.languages == ("en", "de")
    assert all(set(prompt.texts) == {"en", "de"} for prompt in site.prompts.values())
    (menu,) = (step for step in site.flows["main"].steps if isinstance(step, Menu))
    assert len(menu.options) >= 5


def test_a_pipe_instead_of_a_file_is_a_finding(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "site.yaml")
    site, found = load_site(tmp_path)
    assert site is None
    assert [finding.text for finding in found if finding.code == "E900"] == [
        "the file cannot be read: this is not a file"
    ]

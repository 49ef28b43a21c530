"""Folders as accidents leave them: read, or refused with one clear finding; nothing waits, nothing raises."""

import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from ccctl.cli.main import main
from ccctl.runtime import files
from ccctl.runtime.site import load_site

SITE = """ccctl: 1
defaults: {timezone: Europe/Berlin, languages: [en]}
trunks: {telco: {host: sip.telco.example}}
numbers: {"+49301234500": main}
prompts: {welcome: {en: Hello}}
flows: {main: [{play: welcome}, hangup]}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(SITE)
    return tmp_path


def told(folder: Path) -> list[str]:
    """Codes and texts as `ccctl check` prints them, for whoever greps and for whoever reads."""
    _, found = load_site(folder)
    checked = CliRunner().invoke(main, ["check", str(folder), "--format", "json"])
    assert checked.exception is None or isinstance(checked.exception, SystemExit), checked.exception
    assert checked.exit_code == (1 if any(finding.severity == "error" for finding in found) else 0)
    return [f"{finding.code} {finding.text}" for finding in found]


def test_a_site_on_its_own_is_clean(place: Path) -> None:
    assert told(place) == []


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_line_ends_of_others_are_taken(place: Path, ends: str) -> None:
    (place / "site.yaml").write_bytes(SITE.replace("\n", ends).encode())
    assert told(place) == []
    (place / "site.yaml").write_bytes(
        (SITE + "hours: {x: {open: {daily: 9}}}\n").replace("\n", ends).encode()
    )
    _, (finding,) = load_site(place)
    assert (finding.code, finding.span.line, finding.span.column) == ("E301", 7, 27)


def test_a_byte_order_mark_is_no_mistake(place: Path) -> None:
    (place / "site.yaml").write_bytes(b"\xef\xbb\xbf" + SITE.encode())
    assert told(place) == []


@pytest.mark.parametrize("name", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_named(place: Path, name: str) -> None:
    (place / "site.yaml").write_bytes(SITE.encode(name))
    assert told(place) == ["E911 the file is UTF-16 or UTF-32"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "E916 the file is empty"),
        ("flows:\n\tx: [hangup]\n", "E918 a tab indents this line"),
        ("a: " + "[" * 10_000, "E914 too deeply nested"),
        ("a: " + "{b: " * 45 + "x" + "}" * 45, "E914 too deeply nested"),
        ("a: &a [" + "x," * 999 + "]\nb: &b [" + "*a," * 999 + "]\nc: [" + "*b," * 999 + "]", "E914 aliases"),
        ("a: &a {b: *a}", "E906 * starts"),
        (
            "flows:\n" + "".join(f"  f{n:06}: [answer, hangup]\n" for n in range(100_000)),
            "E914 the file is too large",
        ),
        ("#" * 50_000_000, "E914 the file is too large"),
        ("x: \x00", "E911 control character U+0000"),
        ('flows: {"\\0": [hangup]}', "E911 this text holds the control character U+0000"),
        ("flows: {" + "k" * 1_000_000 + ": [hangup]}", "E910 this is not YAML"),
    ],
    ids=["empty", "tab", "deep", "deep-map", "bomb", "self", "flows", "50MB", "nul", "escaped-nul", "key"],
)
def test_one_finding_for(place: Path, text: str, expected: str) -> None:
    (place / "other.yaml").write_text(text)
    (found,) = [one for one in told(place) if not one.startswith("E401")]
    assert found.startswith(expected)
    assert len(found) < 500


def test_links_that_lead_in_circles(place: Path) -> None:
    (place / "self.yaml").symlink_to("self.yaml")
    assert told(place) == ["E900 the file cannot be read: Too many levels of symbolic links"]
    (place / "self.yaml").unlink()
    for name in ("a", "b", "c"):
        (place / name).symlink_to(".")
    (place / "site.yaml").write_text(SITE + "include: ['**/*.yaml', '*/*.yaml', 'a/b/c/site.yaml']\n")
    (place / "more").mkdir()
    (place / "more/queues.yaml").write_text("mailboxes: {box: {number: 900, pin: x}}\n")
    assert told(place) == ["E507 a PIN in clear text"]
    (place / "site.yaml").write_text(SITE + f"include: '{'*/' * 30}*.yaml'\n")
    (found,) = told(place)
    assert found.startswith("E106")


def test_a_file_by_two_names_is_read_once(place: Path) -> None:
    (place / "again.yaml").symlink_to("site.yaml")
    os.link(place / "site.yaml", place / "third.yaml")
    assert told(place) == []


def test_files_that_include_themselves_and_each_other(place: Path) -> None:
    (place / "site.yaml").write_text(SITE + "include: [site.yaml, parts/*.yml]\n")
    (place / "parts").mkdir()
    (place / "parts/a.yml").write_text("include: [parts/b.yml, site.yaml]\n")
    (place / "parts/b.yml").write_text("include: [parts/a.yml, ./parts/../site.yaml]\n")
    assert [one[:24] for one in told(place)] == ['E106 include "./parts/..']


@pytest.mark.parametrize(
    "pattern", ["''", "'['", "'[!'", "'**'", "'***'", "'a**b'", "'**/'", "'\\'", "'//'", "'%00'"]
)
def test_odd_patterns(place: Path, pattern: str) -> None:
    (place / "site.yaml").write_text(SITE + f"include: {pattern}\n")
    assert [one[:4] for one in told(place)] in ([], ["E106"], ["E912"])


def test_what_is_no_file_is_not_waited_for(place: Path) -> None:
    os.mkfifo(place / "pipe.yaml")
    (place / "device.yaml").symlink_to("/dev/zero")
    (place / "folder.yaml").mkdir()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(place / "socket.yaml"))
        assert told(place) == ["E900 the file cannot be read: this is not a file"] * 4


def test_calendars_that_are_no_files(place: Path) -> None:
    os.mkfifo(place / "pipe.ics")
    (place / "big.ics").write_bytes(b"x" * 3_000_000)
    text = SITE + "hours: {shop: {open: always, holidays: [pipe.ics, big.ics, ./., '', '2026-12-25.yaml']}}\n"
    (place / "site.yaml").write_text(text)
    assert [one[:60] for one in told(place)] == [
        "E309 the file is larger than 2 MB",
        "E106 calendar pipe.ics cannot be read: this is not a file",
        'E308 "./." is not a date',
        "E912 nothing is written here",
        "E106 calendar 2026-12-25.yaml not found",
    ]


def test_a_file_without_the_right_to_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read all, so the refusal is made up where it would come from."""
    (place / "other.yaml").write_text("queues: {}\n")

    def refuse(path: Path, *more: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.os, "open", refuse)
    assert told(place) == ["E900 the file cannot be read: Permission denied"] * 2


def test_a_file_that_is_written_while_it_is_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of it is taken, when it has come to rest; one that never does is refused."""
    stamps = iter(range(10**6))
    look = os.fstat
    writes = 3

    def restless(descriptor: int) -> os.stat_result:
        nonlocal writes
        if writes > 0:
            writes -= 1
            os.utime(descriptor, ns=(0, next(stamps)))
        return look(descriptor)

    monkeypatch.setattr(files.os, "fstat", restless)
    assert files.read_file(place / "site.yaml") == SITE.encode()
    writes = 10**6
    assert told(place) == ["E900 the file cannot be read: it changes all the time"]


def test_hidden_files_are_left_alone(place: Path) -> None:
    (place / ".#site.yaml").symlink_to("somebody@desk.4711")  # an editor's lock
    (place / ".site.yaml.swp.yaml").write_bytes(b"\x00")
    assert told(place) == []


def test_a_name_of_bytes_that_are_not_utf8(place: Path) -> None:
    Path(os.fsdecode(os.fsencode(place) + b"/\xff.yaml")).write_text("flow: {}\n")
    assert told(place) == ['E905 unknown key "flow" in the site']

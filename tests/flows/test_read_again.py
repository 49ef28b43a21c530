"""A site that is read again after an edit: what was kept never shows in what is found."""

from pathlib import Path

import pytest

from ccctl.diagnostics import Span
from ccctl.flow.chunks import read_flows
from ccctl.flow.graph import Flow, HangupStep
from ccctl.flow.schema import Document
from ccctl.flow.schema_types import Folder, Reader
from ccctl.flow.source import Mapping, Node, Scalar
from ccctl.lab.largesite import large_site
from ccctl.runtime import files, readcache
from ccctl.runtime.build import compile_folder
from ccctl.runtime.readcache import ReadCache, cache_folder
from ccctl.runtime.site import load_draft

PIN = "482915"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CCCTL_CACHE", str(tmp_path / "cache"))
    for path, text in large_site(120).items():
        file = tmp_path / "site" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "site/secrets.yaml").chmod(0o600)
    return tmp_path / "site"


def entries() -> list[Path]:
    return sorted(path for path in cache_folder().glob("*/*") if path.is_file())


def both(place: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[object, object]:
    """With what was kept, and with an empty cache."""
    warm = (*load_draft(place), compile_folder(str(place)).plan)
    with monkeypatch.context() as empty:
        empty.setenv("CCCTL_CACHE", str(place.parent / "empty"))
        cold = (*load_draft(place), compile_folder(str(place)).plan)
    return warm, cold


EDITS = [
    ("    - answer\n", "    - answer\n    - say: '1'\n"),
    ("play: welcome-3", "play: welcom-3"),
    ("play: welcome-3", "play: [welcome-3"),
    ("voicemail: box-0", "voicemail: box-99"),
    ("  flow-7:\n", "  flow-7a:\n"),
    ("    - answer\n", "    - answer\n    - dial: '+491701112233'\n"),
    ('"Welcome to department 5."', '"Welcome to the others."'),
    ("prompts:\n", "hours: {more: {open: always}}\nprompts:\n"),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_an_edit_gives_what_a_fresh_reading_gives(
    place: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    compile_folder(str(place))
    before = len(entries())
    assert before > 5
    path = place / "flows/flows-0000.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    warm, cold = both(place, monkeypatch)
    assert warm == cold


def test_what_is_around_a_flow_counts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flows' own files are as they were; how they are read is not."""
    compile_folder(str(place))
    site = place / "site.yaml"
    for old, new in (
        ("languages: [en]", "languages: [en], menu: {timeout: 7s}"),
        ("country: DE", "country: FR"),
        ("codecs: [alaw]}", "codecs: [alaw]}\n  other: {host: sip.other.example}"),
    ):
        text = site.read_text()
        assert old in text
        site.write_text(text.replace(old, new, 1))
        warm, cold = both(place, monkeypatch)
        assert warm == cold


def test_nothing_is_parsed_twice(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = files.parse

    def counted(data: bytes, file: str) -> files.Parsed:
        parsed.append(Path(file).name)
        return parse(data, file)

    monkeypatch.setattr(files, "parse", counted)
    load_draft(place)
    assert parsed == ["parts.yaml", "site.yaml", "flows-0000.yaml", "flows-0001.yaml", "flows-0002.yaml"]
    parsed.clear()
    (place / "flows/flows-0001.yaml").write_text((place / "flows/flows-0001.yaml").read_text() + "# end\n")
    load_draft(place)
    assert [name for name in parsed if name.startswith("flows")] == ["flows-0001.yaml"]


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:50], lambda data: data[:-1] + b"x"])
def test_a_damaged_entry_is_as_good_as_none(place: Path, monkeypatch: pytest.MonkeyPatch, damage) -> None:
    first = compile_folder(str(place))
    for path in entries():
        path.write_bytes(damage(path.read_bytes()))
    assert compile_folder(str(place)) == first


def test_an_entry_of_the_wrong_kind_is_as_good_as_none(place: Path) -> None:
    first = compile_folder(str(place))
    cache = ReadCache()
    for path in entries():
        cache.put(path.parent.name + path.name, b"\x93\x01\x02\x03")
    assert compile_folder(str(place)) == first


def test_a_folder_that_cannot_be_written_is_no_fault(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCCTL_CACHE", "/dev/null/nowhere")
    assert compile_folder(str(place)).plan is not None


def test_entries_are_the_users_own_and_hold_no_secret(place: Path) -> None:
    done = compile_folder(str(place))
    assert done.plan is not None, done.diagnostics
    assert PIN in str(done.plan.sections)  # it would be seen
    kept = entries()
    assert kept
    for entry in kept:
        assert entry.stat().st_mode & 0o077 == 0
        assert PIN.encode() not in entry.read_bytes()
        assert b"a-phone-5Kq8" not in entry.read_bytes()


def test_other_code_has_other_entries(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_draft(place)
    before = set(entries())
    monkeypatch.setattr(readcache, "fingerprint", lambda: "another version")
    load_draft(place)
    assert len(entries()) == 2 * len(before)


def test_the_folder_does_not_grow_without_end(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readcache, "MAX_ENTRIES", 10)
    for number in range(8):
        path = place / "flows/flows-0000.yaml"
        path.write_text(path.read_text() + f"# {number}\n")
        load_draft(place)
    assert 0 < len(entries()) <= 20


@pytest.mark.parametrize("secrets", [0, 1])
def test_flows_that_name_a_secret_are_not_kept(secrets: int) -> None:
    kept: dict[str, bytes] = {}
    reader = Reader(Folder(keep=kept.__setitem__), ())
    reader.names["flows"] = {"main": Span()}

    def read(reader: Reader, word: Scalar, node: Node) -> Flow:
        reader.lookups += secrets
        return Flow(name=word.text, steps=(HangupStep(),))

    word = Scalar("main", Span("a.yaml"))
    documents = [Document("a.yaml", Mapping((), Span()), "digest")]
    (part,), _ = read_flows(reader, [(word, word)], documents, read)
    assert list(part.flows) == ["main"]
    assert bool(part.key) == (not secrets)
    assert len(kept) == 1 - secrets


def test_the_words_of_a_prompt_touch_the_flows_that_play_it(place: Path) -> None:
    first = compile_folder(str(place)).plan
    assert first is not None
    before = {path: path.read_bytes() for path in entries()}
    (place / "more.yaml").write_text('prompts:\n  new: {en: "Nobody plays this."}\n')
    again = compile_folder(str(place)).plan
    assert again is not None
    assert again.generation == first.generation
    assert {path for path in entries() if path.read_bytes() != before.get(path)} == set()
    path = place / "flows/flows-0001.yaml"
    path.write_text(path.read_text().replace("Welcome to department 60.", "Welcome to sixty."))
    third = compile_folder(str(place)).plan
    assert third is not None
    assert third.generation != first.generation

"""The Debian archive is found in every form of apt's lists."""

from pathlib import Path

import pytest

from ccctl.lab.archive import find_archive

ONE_LINE = """
# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] {uri} bookworm main contrib
"""
DEB822 = """
# a comment
Types: deb deb-src
URIs: {uri}
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
"""
VENDOR = "Types: deb\nURIs: https://vendor.example/apt\nSuites: nodistro\nComponents: main\n"
SECURITY = (
    "Types: deb\nURIs: http://archive.example/debian-security\nSuites: bookworm-security\nComponents: main\n"
)


def apt(folder: Path, **files: str) -> Path:
    """sources__list is sources.list, x__sources is sources.list.d/x.sources."""
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        path = name.replace("__", ".")
        (folder / path if path == "sources.list" else folder / "sources.list.d" / path).write_text(text)
    return folder


@pytest.mark.parametrize("form", ["sources__list", "mine__list", "debian__sources"])
@pytest.mark.parametrize(
    "uri", ["http://archive.example/debian", "https://archive.example/pub/debian/", "file:/srv/debian"]
)
def test_found_in_any_form(tmp_path: Path, form: str, uri: str) -> None:
    text = (DEB822 if form.endswith("sources") else ONE_LINE).format(uri=uri)
    assert find_archive(apt(tmp_path, **{form: text})) == uri.rstrip("/")


def test_security_and_vendors_are_no_debian_archive(tmp_path: Path) -> None:
    assert find_archive(apt(tmp_path, a__sources=SECURITY + "\n" + VENDOR)) is None


def test_the_right_stanza_is_taken(tmp_path: Path) -> None:
    text = SECURITY + DEB822.format(uri="http://archive.example/debian")
    assert find_archive(apt(tmp_path, a__sources=VENDOR, b__sources=text)) == "http://archive.example/debian"


def test_disabled_entries_do_not_count(tmp_path: Path) -> None:
    text = "Enabled: no" + DEB822.format(uri="http://archive.example/debian").replace("\n# a comment", "")
    assert find_archive(apt(tmp_path, a__sources=text)) is None


def test_sources_only_entries_do_not_count(tmp_path: Path) -> None:
    assert (
        find_archive(apt(tmp_path, sources__list="deb-src http://archive.example/debian bookworm main\n"))
        is None
    )


def test_nothing_configured(tmp_path: Path) -> None:
    assert find_archive(tmp_path / "missing") is None

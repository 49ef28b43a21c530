"""What phones on desks fetch: a file of each maker as it should be, hostile names and passwords, the disk.

After a wanted change: UPDATE_GOLDEN=1 pytest tests/unit/runtime/test_phone_files.py, and read the diff.
"""

import os
import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from ccctl.cli.main import main
from ccctl.errors import ApplyError
from ccctl.flow import graph as g
from ccctl.runtime.posixzone import Change, parse, zone_of
from ccctl.runtime.provision import difference, files_of, known_in, note_fetch, secrets_of
from tests.support.sample_site import named, user

GOLDEN = Path(__file__).parents[2] / "flows/golden/phones"
MAC = "001565123456"
SECURE = g.Transport(name="secure", type="tls", certificate="/etc/pbx.crt", key="/etc/pbx.key")
KEYS = (
    g.DeviceKey(kind="watch", value="ben"),
    g.DeviceKey(kind="switch", value="office", label="Night"),
    g.DeviceKey(kind="code", value="*45", label="Log in"),
    g.DeviceKey(kind="dial", value="+49301111"),
)
CODES = tuple(
    g.FeatureCode(code=code, action=action) for code, action in (("*45", "agent-login"), ("*97", "voicemail"))
)
HOSTILE = "An\"na & <b>\u2028]]> \\ ; # ${X} %NULL% 'x'"
MAKERS = {
    "yealink-t4x": [f"{MAC}.cfg"],
    "grandstream-gxp": [f"cfg{MAC}.xml"],
    "snom-d7xx": [f"{MAC}.xml"],
    "poly-vvx": [f"{MAC}.cfg", f"{MAC}-ccctl.cfg", f"{MAC}-directory.xml"],
}
FILES = [(model, name) for model, names in MAKERS.items() for name in names]


def site(model: str, **person: object) -> g.Site:
    lines = ("anna",) if model == "grandstream-gxp" else ("anna", "dora")
    device = g.Device(
        name="desk-1", model=model, mac=MAC, lines=lines, transport="secure", keys=KEYS, secret="fetch-5c1d"
    )
    anna = msgspec.structs.replace(user("anna", "201"), **{"srtp": "required", **person})
    return g.Site(
        defaults=g.Defaults(timezone="Europe/Berlin", languages=("de", "en"), srtp="offer"),
        users=named(anna, user("ben", "202"), user("dora", "203")),
        hours={"office": g.Hours(name="office", timezone="Europe/Berlin", open=(), switch="*27")},
        feature_codes={code.code: code for code in CODES},
        transports={"secure": SECURE},
        devices={"desk-1": device},
        provision=g.Provision(
            server="pbx.acme.example", url="https://pbx.acme.example/provision", password="admin-7d2e"
        ),
    )


def made(model: str, **person: object) -> dict[str, str]:
    whole = site(model, **person)
    return files_of(whole, whole.devices["desk-1"])


@pytest.mark.parametrize(("model", "name"), FILES)
def test_golden(model: str, name: str) -> None:
    found = made(model)
    assert list(found) == MAKERS[model]
    path = GOLDEN / f"{model}-{name}"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(found[name])
    assert found[name] == path.read_text()


@pytest.mark.parametrize("model", g.MODELS)
def test_every_model_has_its_files_without_lamps_and_more(model: str) -> None:
    device = g.Device(name="desk-1", model=model, mac=MAC, lines=("anna",))
    plain = g.Site(users=named(user("anna", "201")), provision=g.Provision(server="192.0.2.1"))
    for name, text in files_of(plain, device).items():
        if name.endswith("xml") or "poly" in model:
            ET.fromstring(text)
        assert "None" not in text


# -- hostile values --------------------------------------------------------------------------------


def values(model: str, text: str) -> set[str]:
    """Every value of a file, as the phone reads it."""
    if model.startswith("yealink"):
        return {each.partition(" = ")[2] for each in text.splitlines()}
    tree = list(ET.fromstring(text).iter())
    return {each.text or "" for each in tree} | {value for each in tree for value in each.attrib.values()}


def keys(model: str, text: str) -> list[str]:
    """What a file says something of: a hostile value must not add to it."""
    if model.startswith("yealink"):
        return [each.partition(" = ")[0] for each in text.splitlines()]
    return [word for each in ET.fromstring(text).iter() for word in (each.tag, *each.attrib)]


@pytest.mark.parametrize("model", MAKERS)
def test_a_hostile_name_and_password_stay_one_value(model: str) -> None:
    password = "p\"w'<&>;#]]>--> \\ ${X} = %NULL% |x"
    plain, hostile = made(model), made(model, title=HOSTILE, password=password)
    for name in plain:
        assert keys(model, hostile[name]) == keys(model, plain[name])
    every = {value for text in hostile.values() for value in values(model, text)}
    assert password in every
    assert HOSTILE.replace("\u2028", " ") in every


@pytest.mark.parametrize("model", MAKERS)
@pytest.mark.parametrize("bad", ["a\nlang.gui = x", "a\x00b", "a\x1bb", "a\r"])
def test_a_password_that_no_phone_can_be_told_is_refused(model: str, bad: str) -> None:
    with pytest.raises(ApplyError) as error:
        made(model, password=bad)
    assert "desk-1" in error.value.text
    assert bad not in str(error.value)


# -- time ------------------------------------------------------------------------------------------


def test_zones_are_told_by_their_rules() -> None:
    berlin = zone_of("Europe/Berlin")
    assert (berlin.hours, berlin.save_s) == ("+1", 3600)
    assert (berlin.start, berlin.end) == (Change(3, 5, 0, 2), Change(10, 5, 0, 3))
    assert zone_of("UTC").start is None
    assert zone_of("Asia/Kolkata").hours == "+5:30"
    assert zone_of("America/St_Johns").hours == "-3:30"
    dublin = zone_of("Europe/Dublin")
    assert (dublin.hours, dublin.save_s, dublin.start) == ("+0", 3600, Change(3, 5, 0, 1))
    assert zone_of("Asia/Jerusalem").start == Change(3, 4, 5, 2)
    assert zone_of("Australia/Lord_Howe").save_s == 1800


def test_a_rule_that_phones_do_not_know_is_refused() -> None:
    with pytest.raises(ApplyError):
        parse("XYZ-1XYS,J60,J300")


# -- the command -----------------------------------------------------------------------------------

SITE = """
ccctl: 1
provision: {server: pbx.acme.example, password: !secret admin}
users:
  anna: {name: Anna, extension: 201, password: !secret anna}
devices:
  desk-1: {model: yealink-t4x, mac: "00:15:65:12:34:56", lines: anna, secret: !secret fetch}
  desk-2: {model: snom-d7xx, mac: "00:04:13:12:34:56", lines: ben}
"""
SECRETS = {"anna": "anna-kR7wuGh0", "ben": "ben-kR7wuGh0", "admin": "admin-t3Yd", "fetch": "fetch-5c1d"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = SITE.replace("devices:", "  ben: {extension: 202, password: !secret ben}\ndevices:")
    (tmp_path / "site.yaml").write_text(text)
    write_secrets(tmp_path, SECRETS)
    return tmp_path


def write_secrets(folder: Path, secrets: dict[str, str]) -> None:
    (folder / "secrets.yaml").touch(0o600)
    (folder / "secrets.yaml").write_text("".join(f"{name}: {value}\n" for name, value in secrets.items()))


def provision(folder: Path, *words: str) -> Result:
    out = str(folder / "out")
    return CliRunner().invoke(main, ["phone", "provision", *words, "--site", str(folder), "--out", out])


def test_files_are_written_once_for_owner_and_group(folder: Path) -> None:
    assert "desk-1" not in provision(folder, "--check").output
    assert not (folder / "out").exists()
    done = provision(folder)
    assert (done.exit_code, done.stderr) == (0, "2 files, 2 written\n")
    files = sorted((folder / "out").iterdir())
    assert [path.name for path in files] == ["000413123456.xml", "001565123456.cfg", "devices.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o640}
    before = [path.stat().st_mtime_ns for path in files]
    again = provision(folder)
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "2 files, 0 written\n")
    assert [path.stat().st_mtime_ns for path in files] == before


def test_a_check_shows_what_changes_and_no_password(folder: Path) -> None:
    provision(folder)
    assert provision(folder, "--check").exit_code == 0
    write_secrets(folder, SECRETS | {"anna": "anna-new-9f3b"})
    text = (folder / "site.yaml").read_text()
    (folder / "site.yaml").write_text(text.replace("name: Anna,", "name: Anna Schmidt,"))
    shown = provision(folder, "--check")
    assert shown.exit_code == 1
    assert "+account.1.display_name = Anna Schmidt" in shown.stdout
    assert not [secret for secret in (*SECRETS.values(), "anna-new-9f3b") if secret in shown.output]
    assert "Anna Schmidt" not in (folder / "out/001565123456.cfg").read_text()


def test_only_a_password_differs() -> None:
    before, after = site("snom-d7xx"), site("snom-d7xx", password="another-71c0")
    (name, old), (_, new) = *made("snom-d7xx").items(), *files_of(after, after.devices["desk-1"]).items()
    shown = difference(name, old, new, secrets_of(before) | secrets_of(after))
    assert shown == f"{name}: passwords differ\n"


def test_one_device_or_none_of_that_name(folder: Path) -> None:
    assert provision(folder, "desk-2").stderr == "1 files, 1 written\n"
    assert [each.name for each in known_in(folder / "out")] == ["desk-2"]
    assert provision(folder, "desk-1").stderr == "1 files, 1 written\n"
    first, second = known_in(folder / "out")
    assert (first.mac, first.files) == ("001565123456", ("001565123456.cfg",))
    assert (first.secret != "", second.secret) == (True, "")
    write_secrets(folder, SECRETS | {"fetch": "fetch-new-77"})
    provision(folder, "desk-2")
    assert known_in(folder / "out")[0] == first, "its phone still knows the old one"
    unknown = provision(folder, "desk-3")
    assert (unknown.exit_code, "did you mean desk-" in unknown.output) == (4, True)


def test_devices_are_listed(folder: Path) -> None:
    provision(folder)
    note_fetch(folder / "out", "desk-1", "192.0.2.7", "001565123456.cfg", 1_790_000_000_000)
    words = ["phone", "list", "--site", str(folder), "--out", str(folder / "out"), "--format", "json"]
    shown = CliRunner().invoke(main, words)
    first, second = msgspec.json.decode(shown.stdout)
    assert first == {
        "device": "desk-1",
        "model": "yealink-t4x",
        "mac": "001565123456",
        "lines": "anna",
        "transport": "udp",
        "keys": 0,
        "fetched": "2026-09-21 14:13:20 UTC",
        "from": "192.0.2.7",
    }
    assert (second["lines"], second["fetched"]) == ("ben", None)
    assert not [secret for secret in SECRETS.values() if secret in shown.output]

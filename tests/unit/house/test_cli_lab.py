"""Which settings a lab gets: new, kept, moved; and never those of a real site."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from ccctl.asterisk.node import Node
from ccctl.cli import lab as cli
from ccctl.cli.main import main
from ccctl.errors import LabError, SettingsError
from ccctl.lab import server
from ccctl.lab.server import Running
from ccctl.runtime.settings import Settings, load, save


@pytest.fixture
def home(tmp_path: Path) -> str:
    return str(tmp_path / "home")


def saved(home: str, port_base: int | None = None) -> Settings:
    settings = cli._lab_settings(home, port_base)
    save(settings)
    return load(home)


def test_new_lab_has_secrets_of_its_own_and_loopback_ports(home: str, tmp_path: Path) -> None:
    node, other = saved(home).node, saved(str(tmp_path / "other")).node
    assert node.host == "127.0.0.1"
    assert node.etc_dir == f"{home}/pbx/etc"
    secrets = {node.ami_secret, node.ari_secret, node.events_secret, other.ami_secret}
    assert len(secrets) == 4
    assert min(len(secret) for secret in secrets) >= 24


def test_only_a_new_home_is_kept_out_of_git(tmp_path: Path) -> None:
    cli.make_home(tmp_path / "new")
    cli.make_home(tmp_path)
    assert (tmp_path / "new/.gitignore").read_text() == "*\n"
    assert not (tmp_path / ".gitignore").exists()


def test_second_up_keeps_everything(home: str) -> None:
    assert saved(home) == saved(home)


def test_what_a_person_chose_is_kept(home: str) -> None:
    first = saved(home)
    save(msgspec.structs.replace(first, database="postgresql+psycopg:///x", web_port=8111, web_token="t"))
    again = saved(home, 15000)
    assert (again.database, again.web_port, again.web_token) == ("postgresql+psycopg:///x", 8111, "t")
    assert again.node.ami_port == 15038
    assert again.node.ami_secret == first.node.ami_secret


def test_settings_without_a_node_become_a_lab(home: str) -> None:
    save(Settings(home=home, web_host="127.0.0.2", web_port=8111))
    settings = saved(home)
    assert (settings.web_host, settings.web_port) == ("127.0.0.2", 8111)
    assert settings.node.etc_dir == f"{home}/pbx/etc"


def test_ports_move_with_their_web_port(home: str) -> None:
    saved(home, 15000)
    moved = saved(home, 17000)
    assert (moved.node.sip_port, moved.node.rtp_start, moved.web_port) == (17060, 17100, 17090)


def test_running_lab_does_not_move(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(home, 15000)
    monkeypatch.setattr(server, "find", lambda _: Running(1, "asterisk", "22"))
    assert saved(home, 15000).node.ami_port == 15038
    with pytest.raises(LabError, match="running"):
        saved(home, 17000)


def test_moved_home_points_to_itself(home: str, tmp_path: Path) -> None:
    saved(home)
    Path(home).rename(tmp_path / "moved")
    assert saved(str(tmp_path / "moved")).node.etc_dir == f"{tmp_path}/moved/pbx/etc"


def test_real_site_is_never_turned_into_a_lab(home: str) -> None:
    save(Settings(home=home, node=Node(ami_secret="real")))
    before = Path(home, "settings.yaml").read_bytes()
    with pytest.raises(SettingsError, match="/etc/asterisk"):
        saved(home)
    result = CliRunner().invoke(main, ["--home", home, "lab", "up"])
    assert result.exit_code == 2
    assert Path(home, "settings.yaml").read_bytes() == before


def test_settings_and_lab_say_the_same(home: str) -> None:
    settings = saved(home)
    lab, node = cli.lab_of(settings), settings.node
    assert (str(lab.etc), str(lab.sounds)) == (node.etc_dir, node.sounds_dir)
    assert (str(lab.spool), str(lab.log)) == (node.spool_dir, node.log_dir)
    assert (lab.ports.ami, lab.ports.web, lab.secrets.ari) == (
        node.ami_port,
        settings.web_port,
        node.ari_secret,
    )


def test_status_of_a_lab_that_is_down(home: str) -> None:
    saved(home)
    result = CliRunner().invoke(main, ["--home", home, "lab", "status"])
    assert (result.exit_code, result.stdout) == (1, "Asterisk does not run\n")


def test_down_of_a_lab_that_is_down(home: str) -> None:
    saved(home)
    assert CliRunner().invoke(main, ["--home", home, "lab", "down"]).exit_code == 0


def test_no_lab_at_all_says_what_to_do(home: str) -> None:
    result = CliRunner().invoke(main, ["--home", home, "lab", "status"])
    assert result.exit_code == 2
    assert "ccctl lab up" in result.stderr


def test_lab_without_a_home_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CCCTL_HOME", raising=False)
    with main.make_context("ccctl", ["lab", "status"]) as ctx:
        ctx.obj = {"home": None}
        assert cli.lab_home(ctx) == f"{tmp_path}/.ccctl"
        ctx.obj = {"home": "elsewhere"}
        assert cli.lab_home(ctx) == f"{tmp_path}/elsewhere"

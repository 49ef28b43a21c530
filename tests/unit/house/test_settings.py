"""A settings file that is wrong is refused with its place; nothing in it is passed over in silence."""

from pathlib import Path

import pytest

from ccctl.asterisk.node import Node
from ccctl.errors import SettingsError
from ccctl.runtime.settings import Settings, load, save


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("hello", "key: value"),
        ("- 1", "key: value"),
        ("home: [\n", "settings.yaml:1:7: this is not YAML"),
        ("web_prot: 1\n", "settings.yaml:1: unknown key 'web_prot'; did you mean 'web_port'?"),
        ("node:\n  ami_prot: 1\n", "settings.yaml:2: unknown key 'ami_prot'; did you mean 'ami_port'?"),
        ("web_port: 1\nweb_port: 2\n", "settings.yaml:2: 'web_port' is already written in line 1"),
        ("web_port: 99999\n", "web_port: Expected `int` <= 65535"),
        ("web_port: abc\n", "web_port: Expected `int`"),
        ("node: {ari_port: 0}\n", "node.ari_port: Expected `int` >= 1"),
        ("node: {name: a/b}\n", "node.name: Expected"),
        ("node: 5\n", "node: Expected `object`"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(SettingsError) as refused:
        load(str(tmp_path))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "slip",
    [
        "node:\n  ami_secret: hush-4711\n    name: a\n",
        "node:\n  ami_secret hush-4711\n  name: a\n",
        "node: {ami_secret: 'hush-4711's}\n",
        "node:\n  ami_secret: @hush-4711\n",
        "node:\n  ami_secret: hush: 4711\n",
    ],
)
def test_secrets_are_not_quoted_in_what_is_wrong(tmp_path: Path, slip: str) -> None:
    (tmp_path / "settings.yaml").write_text(slip)
    with pytest.raises(SettingsError) as refused:
        load(str(tmp_path))
    assert "this is not YAML" in str(refused.value)
    assert "hush" not in str(refused.value)
    assert "4711" not in str(refused.value)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path), web_names=("pbx.example",), node=Node(events_port=0))
    save(settings)
    assert load(str(tmp_path)) == settings
    assert (tmp_path / "settings.yaml").stat().st_mode & 0o777 == 0o600

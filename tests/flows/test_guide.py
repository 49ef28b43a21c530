"""docs/guide.md: after each of its steps the site is clean and its tests pass."""

import re
import textwrap
from pathlib import Path

from click.testing import CliRunner

from ccctl.cli.main import main

TEXT = (Path(__file__).parents[2] / "docs/guide.md").read_text()
BLOCK = re.compile(r"^```yaml (\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_step_leaves_a_clean_site(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    steps = re.split(r"^## \d+\. ", TEXT, flags=re.MULTILINE)[1:]
    assert len(steps) == 6
    for step in steps:
        for name, flow, text in BLOCK.findall(step):
            if name == "flow":
                replace_flow(tmp_path / "site.yaml", flow, text)
            else:
                (tmp_path / name).write_text(text)
        (tmp_path / "secrets.yaml").chmod(0o600)
        checked = CliRunner().invoke(main, ["check", str(tmp_path)])
        assert (checked.exit_code, checked.stdout) == (0, ""), step[:40] + checked.output
        if list((tmp_path / "tests").iterdir()):
            played = CliRunner().invoke(main, ["test", str(tmp_path)])
            assert played.exit_code == 0, step[:40] + played.output


def replace_flow(path: Path, flow: str, text: str) -> None:
    """The flow is the last thing in the file."""
    kept, found, _ = path.read_text().partition(f"  {flow}:\n")
    assert found
    path.write_text(kept + textwrap.indent(text, "  "))

"""The command line's frame: how commands are found, how they fail, how fast it starts."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import ccctl
from ccctl.cli import common
from ccctl.cli import main as frame
from ccctl.cli.tables import STIFF
from ccctl.cli.watch import watch
from ccctl.errors import ApplyError, CcctlError, DaemonDown, NotFound, Refused

CCCTL = str(Path(sys.executable).with_name("ccctl"))


@click.group(cls=frame.Commands)
@click.option("--home")
@click.pass_context
def group(ctx: click.Context, home: str | None) -> None:
    ctx.obj = {"home": home}


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[click.Command]:
    """The commands of a module `lab`; no other module has any."""
    commands: list[click.Command] = []
    monkeypatch.setattr(frame, "import_commands", lambda name: tuple(commands) if name == "lab" else ())
    return commands


def run(offered: list[click.Command], body: object, *arguments: str) -> tuple[int, str, str]:
    offered[:] = [click.command("it")(body)]  # type: ignore[call-overload]
    result = CliRunner().invoke(group, [*arguments, "it"])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(("error", "code"), [(Refused, 1), (DaemonDown, 2), (ApplyError, 2), (NotFound, 4)])
def test_our_error_is_one_line_and_its_exit_code(
    offered: list[click.Command], error: type[CcctlError], code: int
) -> None:
    def body() -> None:
        raise error("nobody is there", "try later")

    assert run(offered, body) == (code, "", "ccctl: nobody is there; try later\n")


def test_a_file_error_names_the_file(offered: list[click.Command]) -> None:
    def body() -> None:
        Path("/nowhere/at/all").read_text()

    assert run(offered, body) == (2, "", "ccctl: /nowhere/at/all: No such file or directory\n")


def test_a_misspelt_command_is_answered_with_the_nearest(offered: list[click.Command]) -> None:
    offered[:] = [click.Command("check")]
    result = CliRunner().invoke(group, ["chekc"])
    assert result.exit_code == 2
    assert "No such command 'chekc'. Did you mean 'check'?" in result.stderr
    assert "mean" not in CliRunner().invoke(group, ["zzz"]).stderr


def test_help_shows_first_sentences_whole(offered: list[click.Command]) -> None:
    sentence = "Say at some length, and with more words than one line of the help would hold, what it does."
    offered[:] = [click.Command("it", help=f"{sentence} The second is for its own page.")]
    shown = " ".join(CliRunner().invoke(group, ["--help"]).stdout.split())
    assert sentence in shown
    assert "The second" not in shown


def test_watch_without_a_terminal_is_wrong_usage() -> None:
    with pytest.raises(click.UsageError, match="needs a terminal"):
        watch("Queues", lambda: ((), (), STIFF))


def test_interrupt_is_130(offered: list[click.Command]) -> None:
    def body() -> None:
        raise KeyboardInterrupt

    assert run(offered, body)[0] == 130


def test_a_bug_keeps_its_traceback(offered: list[click.Command]) -> None:
    def body() -> None:
        raise ZeroDivisionError

    offered[:] = [click.command("it")(body)]
    assert isinstance(CliRunner().invoke(group, ["it"]).exception, ZeroDivisionError)


def test_own_exit_code_is_kept(offered: list[click.Command]) -> None:
    def body() -> None:
        click.get_current_context().exit(1)

    assert run(offered, body)[0] == 1


def test_home_is_absolute(offered: list[click.Command]) -> None:
    @common.pass_home
    def body(home: str) -> None:
        click.echo(home)

    assert run(offered, body, "--home", "some/where")[1] == f"{Path.cwd()}/some/where\n"


def test_fail_is_our_error() -> None:
    with pytest.raises(CcctlError, match="no; do it"):
        common.fail("no", "do it")


def test_missing_module_is_skipped_but_not_a_missing_dependency(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert frame.import_commands("no_such_module_of_ours") == ()
    (tmp_path / "needs_more.py").write_text("import no_such_library\n")
    monkeypatch.setattr("ccctl.cli.__path__", [str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        frame.import_commands("needs_more")


def test_closed_pipe_is_quiet() -> None:
    code = """
import click, ccctl.cli.main as frame
@click.command("it")
def it():
    click.echo("x" * 1_000_000)
    click.echo("y" * 1_000_000)
frame.import_commands = lambda name: (it,)
frame.main(["it"])
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_version_needs_no_command_module() -> None:
    code = (
        "import sys\nfrom ccctl.cli.main import main\n"
        "try: main(['--version'])\nfinally: print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"ccctl {ccctl.__version__}\n"
    loaded = set(done.stderr.split())
    assert not loaded & {"aiohttp", "sqlalchemy", "asyncio", "rich", "msgspec", "jinja2", "ccctl.cli.common"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    done = subprocess.run([CCCTL, "completion", shell], capture_output=True, text=True, check=True)
    assert "_CCCTL_COMPLETE" in done.stdout


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    common.print_table(["name", "n", "on"], [["ä\nb", 5, True], ["漢字", None, False], ["c", 1234, None]])
    assert capsys.readouterr().out == "name     n  on\nä b      5  yes\n漢字     -  no\nc     1234  -\n"


def test_table_without_rows(capsys: pytest.CaptureFixture[str]) -> None:
    common.print_table(["name", "n"], [])
    assert capsys.readouterr().out == "name  n\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    common.print_json({"a": [1, None], "path": Path("/x"), "ü": "ä"})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None], "path": "/x", "ü": "ä"}

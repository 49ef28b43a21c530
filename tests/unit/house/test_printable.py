"""What callers write into their names reaches the screen as text, never as an order to the terminal."""

import pytest
from click.testing import CliRunner

from ccctl.cli.common import print_table, printable
from ccctl.cli.main import main


def test_printable_keeps_words_and_shows_the_rest_as_a_mark() -> None:
    assert printable("Zoë 漢字 🐈") == "Zoë 漢字 🐈"
    assert printable("a\nb\tc") == "a b c"
    assert printable("\x1b[2Jgone\x07\u202e") == "\ufffd[2Jgone\ufffd\ufffd"


def test_a_table_prints_no_escape_and_takes_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name"], [["\x1b]0;title\x07"], ["[bold]x[/red]"]])
    shown = capsys.readouterr().out
    assert "\x1b]" not in shown
    assert "[bold]x[/red]" in shown


@pytest.mark.parametrize("noun", ["call", "recording"])
def test_a_limit_that_no_database_takes_is_wrong_usage(noun: str) -> None:
    result = CliRunner().invoke(main, [noun, "list", "--limit", "9" * 20])
    assert result.exit_code == 2
    assert "--limit" in result.stderr

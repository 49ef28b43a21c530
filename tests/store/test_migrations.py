"""The migrations make exactly the tables that the code knows, on both databases."""

import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from ccctl.errors import StoreError
from ccctl.store import db, tables

ROOT = Path(__file__).parents[2]


def test_migrated_is_what_the_code_knows(url: str) -> None:
    engine = db.open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


def test_up_down_up(empty_url: str) -> None:
    head = db.current(empty_url)[1]
    assert db.current(empty_url) == ("", head)
    db.upgrade(empty_url)
    assert db.current(empty_url) == (head, head)
    db.upgrade(empty_url)  # a second time does nothing
    db.downgrade(empty_url, "base")
    assert db.current(empty_url) == ("", head)
    engine = db.open_engine(empty_url)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    engine.dispose()
    db.upgrade(empty_url)
    assert db.current(empty_url) == (head, head)


def test_a_look_makes_no_file(tmp_path: Path) -> None:
    assert db.current(f"sqlite:///{tmp_path}/none.db")[0] == ""
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_names_the_command(empty_url: str) -> None:
    with pytest.raises(StoreError, match=r"has no tables yet.*ccctl db upgrade"):
        db.open_ready(empty_url)


def test_a_newer_database_is_refused(url: str) -> None:
    engine = db.open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for attempt in (db.open_ready, db.upgrade):
        with pytest.raises(StoreError, match=r"9999.*newer ccctl"):
            attempt(url)


def test_a_failing_upgrade_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise StoreError("broken on purpose")

    real = db.command.upgrade

    def upgrade_and_break(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        break_down()

    with monkeypatch.context() as patch:
        patch.setattr(db.command, "upgrade", upgrade_and_break)
        with pytest.raises(StoreError, match="on purpose"):
            db.upgrade(empty_url)
    assert db.current(empty_url)[0] == ""


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://u:hidden@h/d", "not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_bad_urls_are_explained(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        db.open_engine(url)
    assert "hidden" not in str(caught.value)


def test_an_unreachable_server_is_explained_without_the_password() -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1") as caught:
        db.open_ready("postgresql://dora:s3cret@127.0.0.1:1/ledger")
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_locked_database_is_explained(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    db.upgrade(url)
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    engine = db.open_engine(url, busy_s=0)
    with (
        pytest.raises(StoreError, match="locked; another process holds it"),
        db.explained(engine),
        engine.connect() as connection,
    ):
        connection.execution_options(sqlite_begin="BEGIN IMMEDIATE").execute(text("SELECT 1"))
    other.close()
    engine.dispose()


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        db.open_ready(f"sqlite:///{tmp_path}/x.db")


def test_the_migrations_are_in_the_wheel(tmp_path: Path) -> None:
    """They run from an archive's files alone: nothing of the source tree is on the path."""
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(tmp_path),
    ]
    copy = tmp_path / "source"
    wanted = ("ccctl", "migrations", "asterisk-conf", "dialplans")
    copy.mkdir()
    for name in (*wanted, "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(copy / name)], check=True)
    subprocess.run([*build, str(copy)], check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import sys; sys.meta_path = [f for f in sys.meta_path if 'ditable' not in repr(f)];"
        f"sys.path.insert(0, {str(tmp_path / 'site')!r});"
        "from ccctl.store import db;"
        f"assert db.__file__.startswith({str(tmp_path)!r}), db.__file__;"
        f"u = 'sqlite:///{tmp_path}/w.db'; db.upgrade(u);"
        "have, head = db.current(u); assert have == head != ''"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)

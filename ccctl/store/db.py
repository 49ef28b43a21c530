"""Opens the database and brings its tables up to date. SQLite in a file, or PostgreSQL by URL.

Whatever goes wrong leaves as a StoreError that says what to do and never holds a password.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ccctl.errors import StoreError

BUSY_S = 5.0  # how long SQLite waits for another process to finish
UPGRADE_LOCK = 0x63636374  # one upgrade at a time on PostgreSQL

_SQLITE_PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON")


def parse_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(
            "the database URL cannot be read",
            "write sqlite:////path/to/file.db or postgresql://user@host/name",
        ) from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return parsed.set(drivername="sqlite")
        case "sqlite":
            raise StoreError("the database URL names no file", "write sqlite:////path/to/file.db")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise StoreError(f"the database '{other}' is not supported", "use sqlite or postgresql")


def open_engine(url: str, busy_s: float = BUSY_S) -> Engine:
    """An engine for `url`; nothing is connected yet."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, busy_s)
    arguments = {
        "connect_timeout": 5,
        "application_name": "ccctl",
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    defaults = {key: value for key, value in arguments.items() if key not in parsed.query}
    return create_engine(parsed, connect_args=defaults, pool_pre_ping=True, max_overflow=10)


def _open_sqlite(parsed: URL, busy_s: float) -> Engine:
    engine = create_engine(parsed, connect_args={"timeout": busy_s, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # Python's sqlite3 would begin late and commit around DDL: transactions are begun by us, below
        connection.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    return engine


def explain(error: Exception, url: URL) -> StoreError:
    """The error of a driver as one line for people."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    words = " ".join(str(cause).split())
    for secret in (url.password, url.query.get("password")):
        words = words.replace(str(secret), "***") if secret else words
    place = url.database if url.get_backend_name() == "sqlite" else f"{url.host or 'local'}/{url.database}"
    hint = "look at the address and whether the database server runs"
    if "locked" in words:
        hint = "another process holds it: try again when it has finished"
    elif "no such table" in words or "does not exist" in words or "no such column" in words:
        hint = "run 'ccctl db upgrade'"
    elif "authentication failed" in words:
        hint = "look at user and password of 'database' in settings.yaml"
    elif "unable to open" in words or "readonly" in words:
        hint = "look at the folder, its permissions and whether the file exists"
    return StoreError(f"database {place}: {words}", hint)


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Turns what SQLAlchemy raises into a StoreError."""
    try:
        yield
    except SQLAlchemyError as error:
        raise explain(error, engine.url) from error


def _config() -> Config:
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(resources.files("ccctl.migrations")).replace("%", "%%"))
    return config


def _exists(url: URL) -> bool:
    """SQLite makes a missing file on the first look; a look must leave nothing behind."""
    return url.get_backend_name() != "sqlite" or Path(str(url.database)).exists()


def _migrate(url: str, target: str, run: Any) -> None:
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        _make_folder(Path(str(parsed.database)).parent)
    engine = open_engine(url)
    config = _config()
    try:
        with explained(engine), engine.connect() as plain:
            connection = plain.execution_options(sqlite_begin="BEGIN IMMEDIATE")
            with connection.begin():
                if parsed.get_backend_name() == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
                _refuse_newer(_revision(connection))
                config.attributes["connection"] = connection
                run(config, target)
    except CommandError as error:
        raise StoreError(f"migration failed: {error}") from error
    finally:
        engine.dispose()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from None


def upgrade(url: str, revision: str = "head") -> None:
    """Brings the tables up to date, all or nothing; makes the database file when it is SQLite."""
    _migrate(url, revision, command.upgrade)


def downgrade(url: str, revision: str) -> None:
    _migrate(url, revision, command.downgrade)


def current(url: str) -> tuple[str, str]:
    """(revision the database has, revision this version wants); '' when it has none."""
    head = ScriptDirectory.from_config(_config()).get_current_head() or ""
    if not _exists(parse_url(url)):
        return "", head
    engine = open_engine(url)
    try:
        with explained(engine), engine.connect() as connection:
            return _revision(connection), head
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def is_known(revision: str) -> bool:
    """Whether this version knows it; '' is a database without tables."""
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    return not revision or revision in known


def _refuse_newer(have: str) -> None:
    if not is_known(have):
        raise StoreError(
            f"the database has revision {have}, which this version does not know",
            "it was written by a newer ccctl: install that version",
        )


def open_ready(url: str) -> Engine:
    """An engine for a database whose tables are exactly those that this version wants."""
    have, head = current(url)
    _refuse_newer(have)
    if have != head:
        state = f"has revision {have}" if have else "has no tables yet"
        raise StoreError(f"the database {state}, {head} is needed", "run 'ccctl db upgrade'")
    return open_engine(url)

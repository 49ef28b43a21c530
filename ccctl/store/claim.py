"""One daemon writes to one database. Two would each have a world of their own and one ledger for both.

On PostgreSQL the claim is an advisory lock of a connection that is kept; the server lets go of it when that
daemon dies, however it dies. When the server itself was away the lock is taken again at once. For an SQLite
file it is a lock on a file beside it, which the kernel lets go of.
"""

import fcntl
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ccctl.errors import SettingsError
from ccctl.store.db import explained

KEY = 0x63637365  # beside the one of upgrades
PATIENCE_S = 5.0  # the server may still be at the last wish of a daemon that was killed
RETRY_S = 0.2
LOOK_S = 1.0
HINT = "end it, or give this one another home and database"
_HOLDER = (
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.objid = :key AND l.database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
)

_log = logging.getLogger("ccctl.store")


class Claim:
    """`take` it, then `keep` it until `release`."""

    def __init__(self, engine: Engine, on_alarm: Callable[[str], None] = _log.error) -> None:
        self._engine, self._on_alarm = engine, on_alarm
        self._connection: Connection | None = None
        self._file: Any = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="ccctl-claim", daemon=True)

    def take(self, patience_s: float = PATIENCE_S) -> None:
        """SettingsError when another daemon has it, StoreError when the database does not answer."""
        if self._engine.url.get_backend_name() == "sqlite":
            self._lock_file()
            return
        deadline = time.monotonic() + patience_s
        with explained(self._engine):
            while not self._try():
                if time.monotonic() > deadline:
                    raise SettingsError(f"another daemon writes to this database: {self._holder()}", HINT)
                time.sleep(RETRY_S)

    def keep(self) -> None:
        if self._file is None:
            self._thread.start()

    def release(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._drop()
        if self._file is not None:
            self._file.close()

    # -- SQLite ------------------------------------------------------------------------------------

    def _lock_file(self) -> None:
        path = Path(f"{self._engine.url.database}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise SettingsError(f"another daemon writes to {self._engine.url.database}", HINT) from None

    # -- PostgreSQL --------------------------------------------------------------------------------

    def _try(self) -> bool:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            name = f"ccctl serve, {socket.gethostname()}, pid {os.getpid()}"[:63]
            said = text("SELECT set_config('application_name', :name, false)")
            self._connection.execute(said, {"name": name})
        return bool(self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": KEY}))

    def _holder(self) -> str:
        holder = self._connection.scalar(text(_HOLDER), {"key": KEY}) if self._connection else None
        self._drop()
        return str(holder or "it is not known which")

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()  # a lock stays with a connection that goes back to the pool
            connection.close()

    def _keep(self) -> None:
        """A server that went took the lock along: take it again before anybody else does."""
        lost = False
        while not self._ended.wait(RETRY_S if self._connection is None else LOOK_S):
            try:
                if self._connection is not None:
                    self._connection.execute(text("SELECT 1"))
                elif self._try():
                    lost = False
                else:
                    lost = self._say(lost)
                    self._drop()
            except SQLAlchemyError:  # the journal says that the database is away
                self._drop()

    def _say(self, lost: bool) -> bool:
        if not lost:
            self._on_alarm(f"another daemon has taken our database, and both write to it: {HINT}")
        return True

"""A real PostgreSQL cluster in a temporary folder, reached by a unix socket only."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.support.until import wait_until

ROLE = "ccctl"
PORT = 5432  # names the socket's file; nothing listens on the network


class Cluster:
    def __init__(self) -> None:
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
        self.folder = tempfile.mkdtemp(prefix="ccpg-")
        # PostgreSQL refuses to run as root
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.process: subprocess.Popen[bytes] | None = None
        self.databases = 0
        data = ("-D", f"{self.folder}/data", "-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self._run("initdb", *data, "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        run = [str(self.bin / program), *arguments]
        done = subprocess.run(
            run, user=self.user, group=self.user, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        options = ("-k", self.folder, "-p", str(PORT), "-c", "listen_addresses=", "-c", "fsync=off")
        with Path(self.folder, "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.bin / "postgres"), "-D", f"{self.folder}/data", *options],
                user=self.user,
                group=self.user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, 30, "PostgreSQL answers")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, Path(self.folder, "log").read_text()
        try:
            psycopg.connect(self._dsn("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, number: int = signal.SIGINT) -> None:
        """SIGINT ends at once and in order; SIGQUIT is a crash."""
        if self.process:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def create_database(self) -> str:
        """A new empty database; its SQLAlchemy URL."""
        self.databases += 1
        name = f"test{self.databases}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://{ROLE}@/{name}?host={self.folder}&port={PORT}"

    def _dsn(self, database: str) -> str:
        return f"host={self.folder} port={PORT} user={ROLE} dbname={database}"

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

"""A lab of the tests: a real Asterisk in a temporary home of its own."""

import secrets
import shutil
import tempfile

import msgspec

from ccctl.asterisk.node import Node
from ccctl.cli.lab import bring_up, lab_of
from ccctl.lab import server
from ccctl.lab.folder import Lab
from ccctl.runtime.settings import Settings


class LabHome:
    """The folder is short: unix sockets have to fit into it."""

    def __init__(self) -> None:
        self.home = tempfile.mkdtemp(prefix="cclab-")
        self.settings: Settings = Settings(home=self.home)

    @property
    def node(self) -> Node:
        return self.settings.node

    @property
    def lab(self) -> Lab:
        return lab_of(self.settings)

    def up(self) -> "LabHome":
        self.settings, _ = bring_up(self.home)
        return self

    def down(self) -> None:
        server.stop(self.lab)

    def pid(self) -> int:
        running = server.find(self.lab)
        assert running, "the lab's Asterisk does not run"
        return running.pid

    def ask(self, command: str) -> str:
        """One command of Asterisk's CLI."""
        running = server.find(self.lab)
        assert running, "the lab's Asterisk does not run"
        return server.ask(self.lab, running, command)

    def listener(self) -> Node:
        """The node with an AMI user who is told of single dialplan steps: the daemon's user is not."""
        secret = secrets.token_urlsafe(24)
        path = self.lab.etc / "manager.conf"
        kept = path.read_text().partition("\n[listener]")[0]
        path.write_text(f"{kept}\n[listener]\nsecret = {secret}\nread = all\nwrite = all\n")
        self.ask("manager reload")
        return msgspec.structs.replace(self.node, ami_user="listener", ami_secret=secret)

    def write(self, name: str, text: str) -> None:
        """One file of the site's part of the configuration, as an apply would; load it with `ask`."""
        current = self.lab.etc / "ccctl/current"
        if not current.exists():  # a link, as an apply leaves it: the next test may apply a site here
            (current.parent / "by-hand").mkdir(parents=True)
            current.symlink_to("by-hand")
        (current / name).write_text(text)

    def remove(self) -> None:
        self.down()
        shutil.rmtree(self.home)

"""The private Asterisk on which `ccctl test --on lab` plays."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import rmtree
from tempfile import mkdtemp

import click

from ccctl.cli.lab import find_asterisk, lab_of, new_lab
from ccctl.errors import LabError
from ccctl.flow.graph import Site
from ccctl.flowlab.house import furnish, furnish_sip, run_cases, run_sip_cases
from ccctl.flowtest.cases import Case
from ccctl.flowtest.drive import Result
from ccctl.lab import server
from ccctl.lab.provision import Tree
from ccctl.runtime.settings import Settings

STARTS = 3  # another program may take a port between our look at it and Asterisk's


@contextmanager
def private_lab(home: str) -> Iterator[Settings]:
    """An Asterisk that is there for these tests only, taken from the unpacked one of `home`."""
    tree = find_asterisk(home, None, lambda text: click.echo(f"  {text}", err=True))
    folder = mkdtemp(prefix="cctest-")  # short: sockets have to fit into it
    settings = new_lab(folder)
    try:
        settings = _start(settings, tree)
        yield settings
    finally:
        server.stop(lab_of(settings))
        rmtree(folder)


def _start(settings: Settings, tree: Tree) -> Settings:
    for attempt in range(1, STARTS + 1):
        try:
            server.start(lab_of(settings), tree)
            break
        except LabError:
            if attempt == STARTS:
                raise
            settings = new_lab(settings.home)
    return settings


def run(site: Site, home: str, cases: list[Case], sip: bool) -> list[Result]:
    async def play(settings: Settings) -> list[Result]:
        if sip:
            async with furnish_sip(settings, site) as (lab, exchange):
                return await run_sip_cases(lab, exchange, cases)
        async with furnish(settings, site) as lab:
            return await run_cases(lab, cases)

    with private_lab(home) as settings:
        return asyncio.run(play(settings))


commands: tuple[click.Command, ...] = ()

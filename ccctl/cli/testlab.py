"""The private Asterisk on which `ccctl test --on lab` plays."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import rmtree
from tempfile import mkdtemp

import click

from ccctl.cli.lab import boot, find_asterisk, lab_of, new_lab
from ccctl.flow.graph import Site
from ccctl.flowlab.house import furnish, furnish_sip, run_cases, run_sip_cases
from ccctl.flowtest.cases import Case
from ccctl.flowtest.drive import Result
from ccctl.lab import server
from ccctl.runtime.settings import Settings


@contextmanager
def private_lab(home: str) -> Iterator[Settings]:
    """An Asterisk that is there for these tests only, taken from the unpacked one of `home`."""
    tree = find_asterisk(home, None, lambda text: click.echo(f"  {text}", err=True))
    folder = mkdtemp(prefix="cctest-")  # short: sockets have to fit into it
    settings = new_lab(folder)
    try:
        settings, _ = boot(settings, tree)
        yield settings
    finally:
        server.stop(lab_of(settings))
        rmtree(folder)


def run(site: Site, changes: dict[str, Site], home: str, cases: list[Case], sip: bool) -> list[Result]:
    """`changes` are the sites that cases put in force."""

    async def play(settings: Settings) -> list[Result]:
        if sip:
            async with furnish_sip(settings, site, changes) as (lab, exchange):
                return await run_sip_cases(lab, exchange, cases)
        async with furnish(settings, site, changes) as lab:
            return await run_cases(lab, cases)

    with private_lab(home) as settings:
        return asyncio.run(play(settings))


commands: tuple[click.Command, ...] = ()

"""A private lab for flow tests: boots, gets short stand-ins for the prompts, has the site applied."""

import asyncio
import math
import struct
import wave
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from ccctl.asterisk.ami import Ami
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskRefused
from ccctl.flow.compile import Plan, compile_site, generation_id
from ccctl.flow.graph import Site
from ccctl.flowlab.call import Lab, LabCall
from ccctl.flowlab.desk import Desk
from ccctl.flowlab.exchange import Exchange, opened, write_chords
from ccctl.flowlab.rewrite import rewrite, rewrite_for_sip
from ccctl.flowlab.sipcall import SipCall
from ccctl.flowlab.watch import Watch, add_user
from ccctl.flowlab.web import Web
from ccctl.flowtest.cases import Case, Given
from ccctl.flowtest.drive import Result
from ccctl.flowtest.simulate import database as set_up
from ccctl.flowtest.walks import menu_keys
from ccctl.runtime.apply import apply
from ccctl.runtime.doors import asterisk
from ccctl.runtime.settings import Settings

PROMPT_S = 0.5  # long enough for a key to come before its end
SIDE_BY_SIDE = 60
SIP_SIDE_BY_SIDE = 10
RATE = 8000


def write_prompts(site: Site, node: Node) -> None:
    """Silence instead of words: what is heard is known by the file's name."""
    write_chords(site, node, lambda path, chord, seconds: write_sound(path, (), PROMPT_S))


def write_sound(path: Path, tones: tuple[int, ...], seconds: float) -> None:
    """Tones at the same time; none is silence."""
    moments = range(int(RATE * seconds))
    levels = [sum(4000 * math.sin(2 * math.pi * tone * at / RATE) for tone in tones) for at in moments]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{len(levels)}h", *map(round, levels)))


@asynccontextmanager
async def furnish(settings: Settings, site: Site) -> AsyncIterator[Lab]:
    """The site in force in a lab that runs, and the doors to its calls."""
    write_prompts(site, settings.node)
    async with Web() as web, _in_force(settings, site, web, lambda plan: rewrite(plan, web.port)) as lab:
        yield lab


@asynccontextmanager
async def furnish_sip(settings: Settings, site: Site) -> AsyncIterator[tuple[Lab, Exchange]]:
    """The same with SIP phones, a carrier, and prompts that can be told apart by ear."""
    write_chords(site, settings.node, write_sound)
    async with Web() as web, opened(site, settings.node) as exchange:

        def prepared(plan: Plan) -> Plan:
            return rewrite_for_sip(plan, web.port, exchange.port)

        async with _in_force(settings, site, web, prepared) as lab:
            yield lab, exchange


@asynccontextmanager
async def _in_force(
    settings: Settings, site: Site, web: Web, prepare: Callable[[Plan], Plan]
) -> AsyncIterator[Lab]:
    node = settings.node
    plan = compile_site(site, generation_id(site))
    await apply(settings, site, prepare(plan), lambda text: None)
    watcher = add_user(node)
    async with asterisk(node) as doors:
        await doors.ami.action("Reload", Module="manager")
    async with Watch(watcher) as watch, Desk(node) as desk:
        yield Lab(site, watch, desk, web, menu_keys(plan))


async def run_sip_cases(lab: Lab, exchange: Exchange, cases: Iterable[Case]) -> list[Result]:
    """One after the other where phones ring or AstDB is written, the others a few at a time."""
    results: dict[int, Result] = {}
    gate = asyncio.Semaphore(SIP_SIDE_BY_SIDE)
    every = list(cases)
    alone = [case for case in every if case.given.phones or case.given.changes_database]

    async def run(case: Case) -> None:
        async with gate:
            results[case.number] = await SipCall(lab, case, exchange).run()

    async with asyncio.TaskGroup() as group:
        for case in every:
            if case not in alone:
                group.create_task(run(case))
    for case in alone:
        call = SipCall(lab, case, exchange)
        async with filled(lab.watch.ami, case.given), exchange.furnished(case.given, call.answered):
            results[case.number] = await call.run()
    return [results[case.number] for case in every]


async def run_cases(lab: Lab, cases: Iterable[Case], side_by_side: int = SIDE_BY_SIDE) -> list[Result]:
    """Every case, many at the same time; those that change the database one after the other, at the end."""
    every = list(cases)
    results: dict[int, Result] = {}
    gate = asyncio.Semaphore(side_by_side)

    async def run(case: Case) -> None:
        async with gate:
            results[case.number] = await LabCall(lab, case).run()

    async with asyncio.TaskGroup() as group:
        for case in every:
            if not case.given.changes_database:
                group.create_task(run(case))
    for case in every:
        if case.given.changes_database:
            async with filled(lab.watch.ami, case.given):
                await run(case)
    return [results[case.number] for case in every]


@asynccontextmanager
async def filled(ami: Ami, given: Given) -> AsyncIterator[None]:
    """AstDB as the case wants it, and as it was afterwards: empty."""
    wanted = set_up(given)
    for path, value in wanted.items():
        family, _, key = path.rpartition("/")
        await ami.action("DBPut", Family=family, Key=key, Val=value)
    try:
        yield
    finally:
        for path in wanted:
            family, _, key = path.rpartition("/")
            try:
                await ami.action("DBDel", Family=family, Key=key)
            except AsteriskRefused:
                continue  # the call took it away

"""A private lab for flow tests: boots, gets short stand-ins for the prompts, has the site applied."""

import asyncio
import math
import struct
import wave
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ccctl.asterisk.ami import Ami
from ccctl.errors import AsteriskRefused
from ccctl.flow.compile import Plan
from ccctl.flow.graph import Site
from ccctl.flowlab.call import Lab, LabCall
from ccctl.flowlab.desk import Desk
from ccctl.flowlab.exchange import PROMPT_S, Chord, Exchange, chords, opened
from ccctl.flowlab.rewrite import rewrite, rewrite_for_sip
from ccctl.flowlab.sipcall import SipCall
from ccctl.flowlab.sites import ITSELF, Sites, sites_of
from ccctl.flowlab.watch import Watch, add_user
from ccctl.flowlab.web import Web
from ccctl.flowtest.cases import Case, Given
from ccctl.flowtest.drive import Result
from ccctl.flowtest.simulate import NO_CHANGES
from ccctl.flowtest.simulate import database as set_up
from ccctl.flowtest.walks import menu_keys
from ccctl.runtime.doors import asterisk
from ccctl.runtime.settings import Settings

SILENCE_S = 0.5  # long enough for a key to come before its end
SIDE_BY_SIDE = 60
SIP_SIDE_BY_SIDE = 10
RATE = 8000


def write_sound(path: Path, tones: tuple[int, ...], seconds: float) -> None:
    """Tones at the same time; none is silence."""
    moments = range(int(RATE * seconds))
    levels = [sum(4000 * math.sin(2 * math.pi * tone * at / RATE) for tone in tones) for at in moments]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{len(levels)}h", *map(round, levels)))


@asynccontextmanager
async def furnish(
    settings: Settings, site: Site, changes: Mapping[str, Site] = NO_CHANGES
) -> AsyncIterator[Lab]:
    """The site in force in a lab that runs, and the doors to its calls. Instead of words there is silence:
    what is heard is known by the file's name."""
    known = {ITSELF: site, **changes}
    async with Web() as web:

        def prepared(plan: Plan) -> Plan:
            return rewrite(plan, web.port)

        def silence(path: Path, chord: Chord) -> None:
            write_sound(path, (), SILENCE_S)

        sites = sites_of(settings, known, prepared, chords(known.values()), silence)
        async with _in_force(sites, web) as lab:
            yield lab


@asynccontextmanager
async def furnish_sip(
    settings: Settings, site: Site, changes: Mapping[str, Site] = NO_CHANGES
) -> AsyncIterator[tuple[Lab, Exchange]]:
    """The same with SIP phones, a carrier, and prompts that can be told apart by ear."""
    known = {ITSELF: site, **changes}
    tones = chords(known.values())
    async with Web() as web, opened(known.values(), tones, settings.node) as exchange:

        def prepared(plan: Plan) -> Plan:
            return rewrite_for_sip(plan, web.port, exchange.port)

        def sound(path: Path, chord: Chord) -> None:
            write_sound(path, chord, PROMPT_S)

        async with _in_force(sites_of(settings, known, prepared, tones, sound), web) as lab:
            yield lab, exchange


@asynccontextmanager
async def _in_force(sites: Sites, web: Web) -> AsyncIterator[Lab]:
    node = sites.settings.node
    sites.write_prompts()
    await sites.put()
    watcher = add_user(node)
    async with asterisk(node) as doors:
        await doors.ami.action("Reload", Module="manager")
    async with Watch(watcher) as watch, Desk(node) as desk:
        yield Lab(watch, desk, web, menu_keys(sites.plans[ITSELF]), sites)


@asynccontextmanager
async def changing(call: LabCall) -> AsyncIterator[None]:
    """Ready for the change that a case applies, if it does; afterwards the site is in force again."""
    given, sites = call.case.given, call.lab.sites
    if not given.apply:
        yield
        return
    sites.write_prompts(given.apply)  # only now: apply removes what no revision plays
    try:
        if given.during is None:
            await call.apply()
        yield
    finally:
        await sites.put()


async def run_sip_cases(lab: Lab, exchange: Exchange, cases: Iterable[Case]) -> list[Result]:
    """One after the other where phones ring or what all share is changed, the others a few at a time."""
    results: dict[int, Result] = {}
    gate = asyncio.Semaphore(SIP_SIDE_BY_SIDE)
    every = list(cases)
    alone = [case for case in every if case.given.phones or case.given.changes_all]

    async def run(case: Case) -> None:
        async with gate:
            results[case.number] = await SipCall(lab, case, exchange).run()

    async with asyncio.TaskGroup() as group:
        for case in every:
            if case not in alone:
                group.create_task(run(case))
    for case in alone:
        call = SipCall(lab, case, exchange)
        async with (
            filled(lab.watch.ami, case.given),
            changing(call),
            exchange.furnished(case.given, call.answered),
        ):
            results[case.number] = await call.run()
    return [results[case.number] for case in every]


async def run_cases(lab: Lab, cases: Iterable[Case], side_by_side: int = SIDE_BY_SIDE) -> list[Result]:
    """Every case, many at the same time; those that change what all share one after the other, at the end."""
    every = list(cases)
    results: dict[int, Result] = {}
    gate = asyncio.Semaphore(side_by_side)

    async def run(case: Case) -> None:
        async with gate:
            results[case.number] = await LabCall(lab, case).run()

    async with asyncio.TaskGroup() as group:
        for case in every:
            if not case.given.changes_all:
                group.create_task(run(case))
    for case in every:
        if case.given.changes_all:
            call = LabCall(lab, case)
            async with filled(lab.watch.ami, case.given), changing(call):
                results[case.number] = await call.run()
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

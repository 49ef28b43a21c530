"""A private lab for flow tests: boots, gets short stand-ins for the prompts, has the site applied."""

import asyncio
import wave
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from ccctl.asterisk.ami import Ami
from ccctl.asterisk.node import Node
from ccctl.errors import AsteriskRefused
from ccctl.flow.compile import compile_site, generation_id
from ccctl.flow.graph import Site
from ccctl.flowlab.call import Lab, LabCall
from ccctl.flowlab.desk import Desk
from ccctl.flowlab.rewrite import rewrite
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

Say = Callable[[str], None]


def write_prompts(site: Site, node: Node) -> None:
    """Silence instead of words: what is heard is known by the file's name."""
    languages = {*site.defaults.languages, *(code for p in site.prompts.values() for code in p.texts)}
    for language in languages:
        for prompt in site.prompts.values():
            path = Path(node.sounds_dir) / language / f"{prompt.sound}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_silence(path)


def _write_silence(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(int(16000 * PROMPT_S)))


@asynccontextmanager
async def furnish(settings: Settings, site: Site, say: Say) -> AsyncIterator[Lab]:
    """The site in force in a lab that runs, and the doors to its calls."""
    node = settings.node
    write_prompts(site, node)
    plan = compile_site(site, generation_id(site))
    async with Web() as web:
        await apply(settings, site, rewrite(plan, web.port), say)
        watcher = add_user(node)
        async with asterisk(node) as doors:
            await doors.ami.action("Reload", Module="manager")
        async with Watch(watcher) as watch, Desk(node) as desk:
            yield Lab(site, watch, desk, web, menu_keys(plan))


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

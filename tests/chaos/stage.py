"""A call centre under load on which something goes wrong, and what was found of it."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from ccctl.lab.phones import Phones
from ccctl.runtime.settings import save
from tests.chaos import checks
from tests.chaos.ears import Gap
from tests.chaos.load import AGENTS, Load
from tests.support.ports import free_port
from tests.support.proxy import Proxy
from tests.support.running import SITE, Centre
from tests.support.until import until

QUEUES = """queues:
  support: {ring: 8s, wrap_up: 1s, whisper: tone, record: always, music: tone,
    announce: {every: 3s, prompts: welcome}}
  plain: {ring: 8s, wrap_up: 1s, whisper: none, music: tone}
  together: {strategy: ring-all, ring: 8s, wrap_up: 1s, whisper: none, music: tone}
"""


def site() -> str:
    head, _, rest = SITE.partition("queues:\n")
    text = head.replace("  anna: {}\n  ben: {}\n", "".join(f"  {name}: {{}}\n" for name in AGENTS))
    text = text.replace("\nhours:", '\n  "+49301005": together\nhours:')
    flow = "flows:\n  together:\n    - queue: together\n    - hangup\n"
    return text + QUEUES + "mailboxes:" + rest.partition("mailboxes:")[2].replace("flows:\n", flow)


@contextmanager
def centre_up(database: str = "") -> Iterator[Centre]:
    centre = Centre(database)
    try:
        yield centre.up(site())
    finally:
        centre.down()


@contextmanager
def small_disk(size_mb: int = 16) -> Iterator[Path]:
    """A disk of its own that can be filled; PermissionError when we may not have one."""
    room = Path(tempfile.mkdtemp(prefix="ccroom-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(room)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    try:
        if done.returncode:
            raise PermissionError(done.stderr.strip())
        yield room
    finally:
        subprocess.run(["umount", str(room)], capture_output=True, check=False)
        room.rmdir()


@contextmanager
def centre_on(room: Path) -> Iterator[Centre]:
    """Database, spool and recordings are on that disk; Asterisk's own files are not."""
    with centre_up(f"sqlite:///{room}/ccctl.db") as centre:
        centre.stop()
        for path in (Path(centre.lab.home, "spool"), Path(centre.lab.node.recordings_dir)):
            shutil.rmtree(path, ignore_errors=True)
            Path(room, path.name).mkdir()
            path.symlink_to(room / path.name)
        centre.start()
        yield centre


@dataclass
class Doors:
    """The daemon's three ways to Asterisk, each through a proxy that can be cut or frozen."""

    ami: Proxy
    ari: Proxy
    events: Proxy


@asynccontextmanager
async def doors_of(centre: Centre) -> AsyncIterator[Doors]:
    node, listens = centre.lab.node, free_port()
    await asyncio.to_thread(centre.stop)
    async with AsyncExitStack() as stack:
        ami, ari, events = [
            await stack.enter_async_context(proxy)
            for proxy in (Proxy(node.ami_port), Proxy(node.ari_port), Proxy(listens, node.events_port))
        ]
        through = replace(node, ami_port=ami.port, ari_port=ari.port, events_port=listens)
        save(replace(centre.lab.settings, node=through))
        await asyncio.to_thread(centre.start)
        yield Doors(ami, ari, events)
        await asyncio.to_thread(centre.stop)
        save(centre.lab.settings)


GAP_S = 1.0  # somebody who is lost hears nothing for far longer, a busy machine is silent for less


@dataclass
class Result:
    """One line of the table."""

    name: str
    seed: int
    done: str = ""
    seconds: float = 0.0
    calls: int = 0
    talks: int = 0
    talk_gap: Gap = Gap(0)
    music_gap: Gap = Gap(0)
    found: list[str] = field(default_factory=list)


def check(result: Result, talks: int) -> None:
    """Nothing was found, and enough was done."""
    told = "\n".join(map(str, result.found))
    assert not result.found, f"seed {result.seed}, {result.done}:\n{told}"
    assert result.talks >= talks, result


Fault = Callable[[Centre, Load], Awaitable[str]]


def in_turn(*faults: Fault) -> Fault:
    async def fault(centre: Centre, load: Load) -> str:
        return "; ".join([await one(centre, load) for one in faults])

    return fault


async def trial(centre: Centre, name: str, seed: int, fault: Fault, lost: bool = False) -> Result:
    """Load, the fault in the middle of it, rest, and all that must hold."""
    result, began = Result(name, seed), time.monotonic()
    async with Phones(server=centre.server) as phones:
        load = Load(phones, seed)
        await load.register()
        for agent in AGENTS:
            await asyncio.to_thread(centre.ccctl, "agent", "login", agent)
        load.begin()
        await until(lambda: len(load.talks) >= 3, 30, "the load runs")
        result.done = await fault(centre, load)
        await load.end()
        result.found += await asyncio.to_thread(_at_rest, centre)
    result.found += await asyncio.to_thread(checks.all_of, centre, load, lost)
    result.calls, result.talks = len(load.people), len(load.talks)
    result.talk_gap = max((talk.gap for talk in load.talks), default=Gap(0))
    native = "select c.caller from visits v join calls c on v.call = c.id where engine = 'native'"
    theirs = {
        row["caller"] for row in centre.rows(native)
    }  # app_queue is silent to the caller while it whispers
    result.music_gap = max((gap for gap, who in load.music if who not in theirs), default=Gap(0))
    if max(result.talk_gap, result.music_gap).seconds > GAP_S and not lost:
        result.found.append(f"silence: in a talk {result.talk_gap}, in music {result.music_gap}")
    result.seconds = time.monotonic() - began
    return result


def _at_rest(centre: Centre) -> list[str]:
    found = []
    for what, seconds in ((checks.leftovers, 15), (checks.open_rows, 10), (checks.not_ready, 10)):
        deadline = time.monotonic() + seconds
        while (rest := what(centre)) and time.monotonic() < deadline:
            time.sleep(0.2)
        found += [f"{what.__name__}: {one}" for one in rest]
    return found

"""Callers come and go, agents talk, and all the while the daemon is killed and its doors are cut.

Afterwards Asterisk is empty, the ledger is whole and agrees with Asterisk's own log and with the phones.
"""

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ccctl.asterisk.cel import Record, from_line
from ccctl.flow import marks
from ccctl.lab.phones import Carrier, IncomingCall, Phone, PhoneError, Phones
from ccctl.runtime.settings import save
from tests.support.ports import free_port
from tests.support.proxy import Proxy
from tests.support.running import SECRETS, SITE, Centre
from tests.support.until import until

pytestmark = pytest.mark.asterisk
AGENTS = ("anna", "ben", "sue", "joe")
CALLERS = 12
LOAD_S = 40.0
CLOCKS_MS = 1000  # the phones' clock and Asterisk's, delays of a loaded machine


@pytest.fixture
def centre() -> Iterator[Centre]:
    centre = Centre()
    try:
        four = SITE.replace("  anna: {}\n  ben: {}\n", "".join(f"  {name}: {{}}\n" for name in AGENTS))
        yield centre.up(four.replace("wrap_up: 0s", "wrap_up: 1s"))
    finally:
        centre.down()


class Doors:
    """The daemon's three ways to Asterisk, each through a proxy that can be cut."""

    def __init__(self, ami: Proxy, ari: Proxy, events: Proxy) -> None:
        self.ami, self.ari, self.events = ami, ari, events


@pytest.fixture
async def doors(centre: Centre) -> AsyncIterator[Doors]:
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


class Load:
    """Callers and agents who do what they like, by a chance that is the same each time."""

    def __init__(self, phones: Phones) -> None:
        self.chance = random.Random(82613)
        self.carrier: Carrier = phones.carrier()
        self.carrier.audio = False
        self.agents: dict[str, Phone] = {name: phones.phone(name, SECRETS[name]) for name in AGENTS}
        self.answered: list[tuple[str, IncomingCall]] = []
        self.placed: set[str] = set()
        self.rung: Counter[str] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()
        for name, phone in self.agents.items():
            phone.audio = False
            phone.on_call = lambda call, name=name: self._ring(name, call)

    def _ring(self, agent: str, call: IncomingCall) -> None:
        call.ring()
        self.rung[agent] += 1
        task = asyncio.get_running_loop().create_task(self._serve(agent, call))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, agent: str, call: IncomingCall) -> None:
        try:
            await asyncio.sleep(self.chance.uniform(0.05, 0.6))
            call.answer()
            await call.until_answered()
            self.answered.append((agent, call))
            await call.until_ended(self.chance.uniform(0.5, 3.0))
        except PhoneError:
            call.hangup()  # his time is over, or the caller's was before

    async def caller(self, number: int, until: float) -> None:
        loop = asyncio.get_running_loop()
        for serial in itertools.count():
            if loop.time() >= until:
                return
            name = f"+49170{number:03d}{serial:04d}"
            self.placed.add(name)
            call = self.carrier.call("+49301002", caller=name)
            try:
                await call.until_ended(self.chance.choice((0.2, 1.0, 3.0, 6.0, 9.0)))
            except PhoneError:
                call.hangup()
            await asyncio.sleep(self.chance.uniform(0.1, 0.8))


async def havoc(centre: Centre, doors: Doors) -> None:
    """Three deaths, and cuts of every door in between."""
    for away, proxies in (
        (0.0, (doors.ami,)),
        (4.5, (doors.events, doors.ari)),  # longer than the entry timer: app_queue takes the newcomers
        (1.0, (doors.ami, doors.ari, doors.events)),
    ):
        await asyncio.sleep(4)
        await asyncio.to_thread(centre.kill)
        await asyncio.sleep(away)
        await asyncio.to_thread(centre.start)
        for proxy in proxies:
            await asyncio.sleep(2)
            proxy.cut()


async def test_nothing_is_lost_leaked_or_miscounted(centre: Centre, doors: Doors) -> None:
    async with Phones(server=centre.server) as phones:
        load = Load(phones)
        for name, phone in load.agents.items():
            await phone.register()
            await asyncio.to_thread(centre.ccctl, "agent", "login", name)
        end = asyncio.get_running_loop().time() + LOAD_S
        callers = [load.caller(number, end) for number in range(CALLERS)]
        await asyncio.gather(havoc(centre, doors), *callers)
        await until(lambda: not phones.calls, 20, "every phone is idle")

        await until(lambda: leftovers(centre) == [], 15, "Asterisk is empty")
        await until(lambda: open_rows(centre) == [], 15, "nothing is open in the ledger")
        states = await settled(centre)
        assert states == ["ready"] * len(AGENTS), centre.log.read_text()[-4000:]
        history = cel_records(centre)
        await until(lambda: len(centre.rows("select id from calls")) == len(arrivals(history)), 5)
    check_calls(centre, load, history)
    check_visits(centre, load, history)
    check_segments(centre)
    check_agents(centre)
    check_replay(centre)
    log = centre.log.read_text()
    assert "step failed" not in log, log[-3000:]
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]


# -- what must hold ------------------------------------------------------------------------------------


def leftovers(centre: Centre) -> list[str]:
    channels = centre.lab.ask("core show channels concise").splitlines()
    bridges = centre.lab.ask("bridge show all").splitlines()[1:]
    return [line for line in [*channels, *bridges] if line.strip() and not line.startswith(marks.HOLD_BRIDGE)]


def open_rows(centre: Centre) -> list[dict[str, Any]]:
    tables = ("calls", "visits", "segments", "offers", "recordings", "watches")
    found = [row for table in tables for row in centre.rows(f"select * from {table} where ended is null")]
    return found + centre.rows("select * from visits where outcome = 'answered' and talk_ended is null")


def presences(centre: Centre) -> list[str]:
    return [centre.presence(name) for name in AGENTS]


async def settled(centre: Centre) -> list[str]:
    """What the agents are once all are ready, or when that did not come."""
    with suppress(AssertionError):
        await until(lambda: presences(centre) == ["ready"] * len(AGENTS), 20)
    return presences(centre)


def cel_records(centre: Centre) -> list[Record]:
    lines = Path(centre.lab.node.cel_file).read_text().splitlines()
    return [record for line in lines if (record := from_line(line))]


def arrivals(history: list[Record]) -> dict[str, Record]:
    return {record.unique: record for record in history if record.type == marks.CALL}


def check_calls(centre: Centre, load: Load, history: list[Record]) -> None:
    """The same calls, begun and ended in the same millisecond, as Asterisk has in its log."""
    ends = {record.unique: record.at for record in history if record.type == "HANGUP"}
    wanted = {key: (record.at, ends[key], record.caller) for key, record in arrivals(history).items()}
    rows = centre.rows("select * from calls")
    have = {row["id"].partition("/")[2]: (row["started"], row["ended"], row["caller"]) for row in rows}
    differ = {
        key: (have.get(key), wanted.get(key)) for key in have | wanted if have.get(key) != wanted.get(key)
    }
    assert not differ
    assert {row["caller"] for row in rows} <= load.placed


def check_visits(centre: Centre, load: Load, history: list[Record]) -> None:
    """One visit for each time a caller entered a queue (two when app_queue took him over from us), and
    who answered by the ledger has really talked by the phones."""
    visits = centre.rows("select v.*, c.caller from visits v join calls c on v.call = c.id")
    entries = Counter(record.unique for record in history if record.type == marks.QUEUE)
    taken_over = [v for v in visits if v["outcome"] == "withdrawn"]
    once = Counter(v["call"].partition("/")[2] for v in visits if v["outcome"] != "withdrawn")
    assert once == entries
    assert all(v["engine"] == "acd" for v in taken_over)
    talks = {(agent, call.caller): call for agent, call in load.answered}
    for visit in (v for v in visits if v["outcome"] == "answered"):
        talk = talks[visit["agent"], visit["caller"]]
        assert visit["answered"] >= talk.times["invited"] * 1000 - CLOCKS_MS, visit
        assert visit["entered"] <= visit["ended"] <= visit["talk_ended"], visit
        assert visit["talk_ended"] <= talk.times["ended"] * 1000 + CLOCKS_MS, visit
    outcomes = Counter((v["engine"], v["outcome"]) for v in visits)
    assert outcomes["acd", "answered"] >= 15, outcomes
    assert outcomes["acd", "abandoned"] >= 5, outcomes
    assert outcomes["native", "answered"] + outcomes["native", "abandoned"] >= 1, outcomes
    assert not {outcome for _, outcome in outcomes} - {"answered", "abandoned", "withdrawn"}, outcomes


def check_segments(centre: Centre) -> None:
    rows = centre.rows('select * from segments order by "call", n')
    for _, group in itertools.groupby(rows, lambda row: row["call"]):
        for one, other in itertools.pairwise(group):
            assert one["started"] <= one["ended"] <= other["started"], (one, other)


def check_replay(centre: Centre) -> None:
    """Over all deaths: the same events decide the same, row by row and command by command."""
    found = json.loads(centre.ccctl("replay", "--format", "json").stdout)
    assert found["same"]
    assert found["fingerprints"] == found["events"] == found["last_event"]
    assert found["worlds"] >= 4
    assert found["decisions"] > 20


def check_agents(centre: Centre) -> None:
    """An agent is in one state after the other, from login to now, without a gap."""
    for name in AGENTS:
        rows = centre.rows("select * from agent_states where agent = :name order by started", name=name)
        rows.sort(key=lambda row: (row["started"], int(row["id"].rpartition(":")[2])))
        for one, other in itertools.pairwise(rows):
            assert one["ended"] == other["started"], (one, other)
        assert [row["presence"] for row in rows if row["ended"] is None] == ["ready"]
        assert not {row["presence"] for row in rows} & {"not_responding", "offline"}, name

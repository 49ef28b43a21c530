"""What goes wrong: each fault is done to a centre under load, and says in a line what it was."""

import asyncio
import os
import random
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from ccctl.runtime.settings import save
from tests.chaos.load import MOMENTS, SUPPORT, Load
from tests.chaos.stage import Doors, Fault
from tests.support.ports import free_port
from tests.support.postgres import Cluster
from tests.support.running import Centre
from tests.support.until import until

SPREAD_S = {"ringing": 0.4, "whisper": 0.6, "connecting": 0.03, "hung up": 0.03, "leaving": 0.03}


AWAY_S = (0.0, 0.0, 0.5, 1.5, 4.0)  # the last is longer than newcomers wait for the daemon


def kills(
    times: int, seed: int, pause_s: tuple[float, float] = (2.0, 4.0), away_s: tuple[float, ...] = AWAY_S
) -> Fault:
    """kill -9 in every kind of moment; it is back at once, or after a while."""

    async def fault(centre: Centre, load: Load) -> str:
        chance, hit, longest = random.Random(seed), Counter[str](), 0.0
        for number in range(times):
            moment = MOMENTS[number % len(MOMENTS)]
            if moment != "any" and not await load.next(moment):
                moment += " (missed)"
            await asyncio.sleep(chance.uniform(0, SPREAD_S.get(moment, 0.3)))
            centre.kill()
            began = time.monotonic()
            hit[moment] += 1
            await asyncio.sleep(chance.choice(away_s))
            await asyncio.to_thread(centre.start)
            longest = max(longest, time.monotonic() - began)
            await asyncio.sleep(chance.uniform(*pause_s))
        said = ", ".join(f"{count} {moment}" for moment, count in hit.items())
        return f"{times} x kill -9 ({said}); away for up to {longest:.1f} s"

    return fault


# -- the doors -------------------------------------------------------------------------------------------


def cuts(doors: Doors, rounds: int = 2, pause_s: float = 2) -> Fault:
    """Each door is cut, then both, in the middle of calls."""

    async def fault(centre: Centre, load: Load) -> str:
        ways = ((doors.ami,), (doors.ari,), (doors.events,), (doors.ami, doors.ari, doors.events))
        for round_ in range(rounds):
            for proxies in ways:
                await load.next("ringing" if round_ else "connecting")
                for proxy in proxies:
                    proxy.cut()
                await asyncio.sleep(pause_s)
        return f"{rounds} x AMI, ARI's requests, ARI's events and all of them cut"

    return fault


def mute(doors: Doors, seconds: float) -> Fault:
    """AMI accepts connections, and never says a word."""

    async def fault(centre: Centre, load: Load) -> str:
        doors.ami.freeze()
        doors.ami.cut()
        talks = len(load.talks)
        await asyncio.sleep(seconds)
        await until(lambda: len(load.talks) > talks + 1, 30, "callers are served without AMI")
        state = await asyncio.to_thread(centre.live, "system")
        if state["asterisk"] != "down" or not state["ari"]:
            load.complaints.append(f"status does not say that AMI is mute: {state}")
        doors.ami.thaw()
        doors.ami.cut()
        await reached(centre, "up")
        return f"AMI accepts and says nothing for {seconds:g} s; {len(load.talks) - talks} talks meanwhile"

    return fault


async def reached(centre: Centre, state: str) -> None:
    """Asked in a thread: the phones, and the proxies, go on meanwhile."""

    async def seen() -> bool:
        return bool((await asyncio.to_thread(centre.live, "system"))["asterisk"] == state)

    await until(seen, 30, f"Asterisk is {state} for the daemon", every=0.2)


def frozen(seconds: float, after_s: float = 8) -> Fault:
    """Longer than newcomers wait for the daemon, shorter than those who wait already do."""

    async def fault(centre: Centre, load: Load) -> str:
        assert centre.daemon
        talks = len(load.talks)
        os.kill(centre.daemon.pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(centre.daemon.pid, signal.SIGCONT)
        meanwhile = len(load.talks) - talks
        await asyncio.sleep(after_s)
        return f"SIGSTOP for {seconds:g} s; {meanwhile} talks ended meanwhile"

    return fault


# -- two daemons -----------------------------------------------------------------------------------------


async def second_daemon(centre: Centre, load: Load) -> str:
    """In the same home; in another one with the same database; and the first goes on as if nothing were."""
    with tempfile.TemporaryDirectory(prefix="cclab-") as home:
        node = replace(centre.lab.node, events_port=free_port())
        save(replace(centre.lab.settings, home=home, web_port=free_port(), node=node, database=_url(centre)))
        for where, words in ((centre.lab.home, "running already"), (home, "another daemon writes")):
            done = await asyncio.to_thread(centre.ccctl, "--home", where, "serve", check=False)
            errors = [line for line in done.stderr.splitlines() if line.startswith("ccctl: ")]
            if done.returncode != 2 or len(errors) != 1 or words not in errors[0]:
                load.complaints.append(f"a second daemon: {done.returncode} {done.stderr}")
    talks = len(load.talks)
    await until(lambda: len(load.talks) > talks + 2, 20, "the first daemon goes on")
    assert centre.daemon
    if centre.daemon.poll() is not None:
        load.complaints.append("the first daemon ended")
    return "a second daemon in the same home and in another one with the same database"


def _url(centre: Centre) -> str:
    return centre.lab.settings.database_url


# -- Asterisk --------------------------------------------------------------------------------------------


def _is_dead(pid: int) -> bool:
    """It loses its name first and its ports a moment later: when all its threads are gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return "\nState:\tZ" in status and "\nThreads:\t1\n" in status


async def asterisk_dies(centre: Centre, load: Load) -> str:
    pid = centre.lab.pid()
    os.kill(pid, signal.SIGKILL)
    load.lost_before = time.time()
    for phone in load.phones.calls:
        phone.hangup()
    await until(lambda: _is_dead(pid), 10, "Asterisk has let go of its ports")
    await asyncio.to_thread(centre.lab.up)  # at once, before somebody else's takes its ports
    load.lost_before = time.time()
    await load.register()
    await reached(centre, "up")
    talks = len(load.talks)
    await until(lambda: len(load.talks) > talks + 5, 40, "calls are served again")
    return "Asterisk killed and started again"


# -- database and disk -----------------------------------------------------------------------------------


def alarmed(centre: Centre, *words: str) -> bool:
    done = centre.ccctl("status", check=False)
    return done.returncode == 1 and all(word in done.stdout for word in words)


def quiet(centre: Centre) -> bool:
    return centre.ccctl("status", check=False).returncode == 0


def database_gone(cluster: Cluster, seconds: float) -> Fault:
    async def fault(centre: Centre, load: Load) -> str:
        talks = len(load.talks)
        await asyncio.to_thread(cluster.stop, signal.SIGQUIT)
        began = time.monotonic()
        await until(lambda: asyncio.to_thread(alarmed, centre, "FAILING"), 20, "the alarm", every=0.5)
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - began)))
        await until(lambda: len(load.talks) > talks + 1, 30, "callers are served without the database")
        meanwhile = len(load.talks) - talks
        await asyncio.to_thread(cluster.start)
        await until(lambda: asyncio.to_thread(quiet, centre), 20, "the alarm is over", every=0.5)
        return f"PostgreSQL crashed and away for {seconds:g} s; {meanwhile} talks meanwhile"

    return fault


def locked(seconds: float) -> Fault:
    async def fault(centre: Centre, load: Load) -> str:
        talks = len(load.talks)
        url = centre.lab.settings.database_url
        holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        holder.execute("begin immediate")
        try:
            await until(lambda: asyncio.to_thread(alarmed, centre, "FAILING", "locked"), 20, every=0.5)
            await asyncio.sleep(seconds)
        finally:
            holder.execute("rollback")
            holder.close()
        await until(lambda: asyncio.to_thread(quiet, centre), 20, "the alarm is over", every=0.5)
        return f"SQLite locked for {seconds:g} s and more; {len(load.talks) - talks} talks meanwhile"

    return fault


def disk_full(room: Path, seconds: float) -> Fault:
    """No byte is left where database, spool and recordings are; then there is room again."""

    async def fault(centre: Centre, load: Load) -> str:
        talks = len(load.talks)
        filler = room / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)
        await until(lambda: asyncio.to_thread(alarmed, centre, "FAILING"), 30, "the alarm", every=0.5)
        full = time.time()
        await until(lambda: any(who.since > full for who in load.served(SUPPORT)), 40, "a recorded talk")
        await asyncio.sleep(max(seconds, 4))  # the proof that its recording is not written takes a moment
        meanwhile = len(load.talks) - talks
        filler.unlink()
        await until(lambda: asyncio.to_thread(quiet, centre), 20, "the alarm is over", every=0.5)
        if not centre.rows("select * from recordings where failed > ''"):
            load.complaints.append("no recording is said to have failed")
        return f"the disk full for {seconds:g} s; {meanwhile} talks meanwhile"

    return fault

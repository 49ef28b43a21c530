"""`ccctl serve`: the composition root. Reads from top to bottom what the daemon is made of."""

import asyncio
import fcntl
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ccctl.cli.common import settings as load_settings
from ccctl.errors import SettingsError, StoreError
from ccctl.runtime.settings import Settings

log = logging.getLogger("ccctl")
SWITCH_S = 0.0005  # the writer thread must not keep the event loop waiting for Python's default of 5 ms


@click.command()
@click.option("--verbose", "-v", is_flag=True, help="Say more in the log.")
@click.pass_context
def serve(ctx: click.Context, verbose: bool) -> None:
    """Run the daemon: queues, agents, recording, ledger, API and wallboard."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = load_settings(ctx)
    sys.setswitchinterval(SWITCH_S)
    with only_one(settings):
        asyncio.run(run(settings))


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Two daemons in one home would ring two agents for one caller: the second refuses."""
    path = Path(settings.home) / "ccctl.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise SettingsError(
                f"a daemon is running already (pid {file.read().strip()})",
                f"end it, or use another --home than {settings.home}",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


async def run(settings: Settings) -> None:
    """Store, engine, links to Asterisk, web; then wait for a signal and close in reverse order."""
    from ccctl.asterisk.execute import Executor
    from ccctl.runtime.engine import Engine
    from ccctl.runtime.house import keep_house
    from ccctl.runtime.link import Link
    from ccctl.runtime.pulse import Pulse
    from ccctl.runtime.restore import ended_today, restore
    from ccctl.runtime.tasks import new_boot, now_ms, spawn
    from ccctl.store.claim import Claim
    from ccctl.store.db import open_engine, upgrade
    from ccctl.store.journal import Writer
    from ccctl.web.app import Server
    from ccctl.web.phones import Door

    stop = _signals()
    store = open_engine(settings.database_url)
    claim = Claim(store, on_alarm=lambda text: log.error("%s", text))
    claim.take()
    upgrade(settings.database_url)
    claim.keep()
    writer = Writer(store, f"{settings.home}/spool", on_alarm=lambda text: log.error("%s", text))
    engine = Engine(writer, Path(settings.roster_file))
    await asyncio.to_thread(restore, engine, writer, store)
    link = Link(settings.node, engine)
    executor = Executor({settings.node.name: link.door}, engine.emit, now_ms, spawn)
    link.executor, engine.perform, executor.on_doubt = executor, executor.perform, link.resync
    pulse = Pulse(link.stalled)
    server, door = Server(engine, store, settings, writer.status), Door(settings)
    engine.live.system.update(started=now_ms(), asterisk="down", ami=False, ari=False, detail="starting")
    engine.start(new_boot())
    engine.live.restart(engine.world, await asyncio.to_thread(ended_today, engine, store))
    try:
        await server.start()
        await door.start()
        await link.start()
        pulse.start()
        engine.before_event = pulse.check
        housekeeping = spawn(keep_house(engine, link, store), "housekeeping")
        gc.collect()
        gc.freeze()  # what start-up made stays: no full collection over it in the middle of a call
        log.info("serving on http://%s:%s/wallboard", settings.web_host, settings.web_port)
        await stop.wait()
        housekeeping.cancel()
    finally:
        pulse.stop()
        await link.close()
        await door.stop()
        await server.stop()
        engine.stop()
        await asyncio.to_thread(writer.close)
        claim.release()
    if lost := writer.status()["lost"]:
        raise StoreError(f"{lost} entries of the ledger were lost", "the log says why; see disk and database")


def _signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


commands: tuple[click.Command, ...] = (serve,)

"""What the daemon does now and then: a new day's counters, old generations, the old journal."""

import asyncio
import logging

from sqlalchemy import Engine as Database

from ccctl.errors import CcctlError
from ccctl.runtime.apply import drain
from ccctl.runtime.engine import Engine
from ccctl.runtime.link import Link
from ccctl.runtime.tasks import now_ms
from ccctl.store.journal import prune

log = logging.getLogger(__name__)
DAY_S, DRAIN_S, PRUNE_S = 5.0, 60.0, 3600.0
KEEP_MS = 7 * 24 * 3600 * 1000  # of the journal, behind the last snapshot


async def keep_house(engine: Engine, link: Link, database: Database) -> None:
    """For ever; each duty by itself, so that one that fails does not stop the others."""
    async with asyncio.TaskGroup() as duties:
        duties.create_task(_days(engine))
        duties.create_task(_generations(engine, link))
        duties.create_task(_journal(database))


async def _days(engine: Engine) -> None:
    while True:
        await asyncio.sleep(DAY_S)
        engine.live.check_day()


async def _generations(engine: Engine, link: Link) -> None:
    """Old generations go when their last call has ended."""
    while True:
        await asyncio.sleep(DRAIN_S)
        if not (link.ari.up and link.ami.up):
            continue
        try:
            drained = await drain(link.node, link.ari, link.ami, str(engine.roster_file))
            if drained:
                await engine.reload()  # queues that only their calls needed went with them
            for gone in drained:
                log.info(
                    "generation %s has no calls any more and is removed", gone, extra={"action": "drain"}
                )
        except (CcctlError, OSError) as error:  # an apply is at work, or Asterisk went: next time
            log.info("old generations stay for now: %s", error, extra={"action": "drain-later"})


async def _journal(database: Database) -> None:
    while True:
        await asyncio.sleep(PRUNE_S)
        try:
            await asyncio.to_thread(prune, database, now_ms() - KEEP_MS)
        except CcctlError as error:
            log.warning("journal not pruned: %s", error, extra={"action": "prune-later"})

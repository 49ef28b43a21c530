"""What the core knows of waits, told to the estimator of each queue whose callers hear a time.

Other queues have no estimator and cost nothing. One that is new begins to learn then: nobody is told a
time before enough callers were answered.
"""

from ccctl.agent.state import BUSY, Agent, Presence
from ccctl.changes import VisitRow
from ccctl.queue import estimate as q
from ccctl.world.state import Leg, Visit, World

CAN_TAKE = BUSY | {Presence.READY}


def entered(world: World, visit: Visit) -> None:
    row = visit.row
    config = world.queue(row.queue)
    if config is None or not config.is_foretold:
        return
    if row.queue not in world.estimates:
        world.estimates[row.queue] = q.State()
        staffed(world, row.queue, row.entered)
    position = 1 + world.line(row.queue).before(visit.key)
    q.fold(world.estimates[row.queue], q.Entered(row.entered, row.call, position))


def taken(world: World, row: VisitRow, at: int) -> None:
    _fold(world, row.queue, q.Taken(at, row.call))


def back(world: World, row: VisitRow, at: int) -> None:
    _fold(world, row.queue, q.Back(at, row.call))


def left(world: World, row: VisitRow, at: int) -> None:
    _fold(world, row.queue, q.Left(max(at, row.entered), row.call))


def answered(world: World, leg: Leg, at: int) -> None:
    if leg.queue in world.estimates:
        world.serving[leg.agent] = (leg.queue, leg.offer.offered)
    _fold(world, leg.queue, q.Answered(at, leg.call))


def changed(world: World, before: Agent, after: Agent) -> None:
    """An agent is in another state: he came, went, or is done with a caller and with what he wrote down."""
    if (before.presence in CAN_TAKE) != (after.presence in CAN_TAKE):
        for queue in world.queues_of(after.name):
            staffed(world, queue, after.since)
    if after.presence not in BUSY and after.name in world.serving:
        queue, began = world.serving.pop(after.name)
        _fold(world, queue, q.Handled(after.since, max(0, after.since - began)))


def staffed(world: World, queue: str, at: int) -> None:
    config = world.queue(queue)
    if config is None or queue not in world.estimates:
        return
    there = sum(world.agents[a].presence in CAN_TAKE for a in config.agents if a in world.agents)
    _fold(world, queue, q.Staffed(at, there))


def new_site(world: World, at: int) -> None:
    """Queues that say no time any more forget; those that still do may have other agents."""
    for queue in list(world.estimates):
        config = world.queue(queue)
        if config is None or not config.is_foretold:
            del world.estimates[queue]
        else:
            staffed(world, queue, at)


def _fold(world: World, queue: str, fact: q.Fact) -> None:
    if queue in world.estimates:
        q.fold(world.estimates[queue], fact)

"""What follows when a queue is overrun: its callers go on in their flows, or agents of others are asked.

Looked at after each event, for the queues that it changed, and by a timer where something changes although
nothing happens. A caller whose phone rings is not sent away: he is as good as served.
"""

from collections.abc import Iterable

from ccctl.changes import Outcome
from ccctl.flow.roster import OverflowRule, QueueConfig
from ccctl.queue.line import Line, Pool
from ccctl.world import lending
from ccctl.world.queueing import send_on, serve
from ccctl.world.state import Out, World
from ccctl.world.timers import start_timer, stop_timer

LOOK_MS = 10_000  # estimates change although nothing happens
QUEUE = "queue/"


def review(world: World, out: Out, at: int) -> None:
    """See to the queues that this event changed, until nothing follows any more."""
    touched, todo = out.touched, _queues(out.touched)
    while todo:
        out.touched = set()
        for name in sorted(todo):
            _look(world, out, name, at)
        touched |= out.touched
        todo = _queues(out.touched)
    out.touched = touched


def _queues(touched: Iterable[str]) -> list[str]:
    return [key.removeprefix(QUEUE) for key in touched if key.startswith(QUEUE)]


def on_timer(_world: World, queue: str, _at: int, out: Out) -> None:
    out.touch(f"{QUEUE}{queue}")  # then it is looked at


def _look(world: World, out: Out, name: str, at: int) -> None:
    queue, line = world.queue(name), world.lines.get(name)
    if queue is None or line is None:
        return
    if queue.overflow:
        _send_away(world, out, queue, at)
        _borrow(world, out, name, at)
        _look_again(world, out, queue, at)
    if line.borrowers:
        _lend(world, out, queue, line, at)


# -- sent on in their flows ----------------------------------------------------------------------------


def _send_away(world: World, out: Out, queue: QueueConfig, at: int) -> None:
    for index, rule in enumerate(queue.overflow):
        pools = world.line(queue.name).pools.values() if rule.leave else ()
        for pool in [pool for pool in pools if index in pool.need.rules]:
            _send_last(world, out, queue, pool, rule, at)


def _send_last(world: World, out: Out, queue: QueueConfig, pool: Pool, rule: OverflowRule, at: int) -> None:
    """From the end of the line, while the rule holds: with each who goes it may be enough."""
    index = len(pool.waiting)
    while index:
        index -= 1
        key = pool.waiting[index]
        if not lending.active(world, queue, rule, 1 + world.line(queue.name).before(key), at):
            return
        visit = world.visits[key[3]]
        if not visit.legs and not visit.callback and not world.is_held(key[3]):
            send_on(world, out, visit, Outcome.OVERFLOWED, at)


def _look_again(world: World, out: Out, queue: QueueConfig, at: int) -> None:
    timer = f"overflow:{queue.name}"
    estimated = any(rule.estimated_ms for rule in queue.overflow)
    if not estimated or not lending.is_waited_in(world, queue.name):
        stop_timer(world, out, timer)
    elif timer not in world.timers:
        start_timer(world, out, timer, at + LOOK_MS)


# -- agents of other queues ----------------------------------------------------------------------------


def _borrow(world: World, out: Out, queue: str, at: int) -> None:
    for pool in list(world.line(queue).pools.values()):
        if pool.waiting and any(lent.ready for lent in pool.lent.values()):
            serve(world, out, queue, pool, at)


def _lend(world: World, out: Out, queue: QueueConfig, line: Line, at: int) -> None:
    timer = f"lend:{queue.name}"
    if not lending.keeps(world, queue.name, at):
        if timer not in world.timers:
            start_timer(world, out, timer, lending.changes_at(world, queue.name, at))
        return
    stop_timer(world, out, timer)
    for borrower in line.borrowers if line.free else ():
        _borrow(world, out, borrower, at)

"""Timers of the core: kept in the world, so that a restart has them, and armed by the shell."""

from ccctl import commands as c
from ccctl.world.state import Out, Visit, World

AGAIN_MS = 2000


def start_timer(world: World, out: Out, timer: str, at: int) -> None:
    world.timers[timer] = at
    out.do(c.StartTimer(timer=timer, at=at))


def stop_timer(world: World, out: Out, timer: str) -> None:
    if world.timers.pop(timer, None) is not None:
        out.do(c.StopTimer(timer=timer))


def tell_later(world: World, out: Out, visit: Visit, at: int) -> None:
    """The next announcement to a caller who waits, if his queue makes any: see telling.py."""
    queue = world.queue(visit.row.queue)
    if queue is not None and queue.announce is not None and not visit.quiet:
        start_timer(world, out, f"tell:{visit.row.call}", at + queue.announce.every_ms)


def hold_back(world: World, out: Out, node: str, at: int) -> None:
    """Asterisk did not answer: try again soon, and let nobody's phone suffer for it meanwhile."""
    world.held[node] = True
    start_timer(world, out, f"again:{node}", at + AGAIN_MS)

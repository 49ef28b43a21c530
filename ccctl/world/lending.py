"""Agents of other queues for those who wait: when a queue may ask them, and when theirs lets them go.

A queue's own agents are always first, and so are an agent's own callers: he is lent only while nobody waits
in the queue that lends him, and while it keeps its goal. Conditions are looked at in the moment when somebody
could be rung; nothing is kept of them but the recent past of queues that have a goal to keep.
"""

from collections.abc import Iterator

from ccctl.changes import VisitRow
from ccctl.flow.roster import OverflowRule, QueueConfig, Roster
from ccctl.queue import estimate as q
from ccctl.queue.distribute import head, next_caller
from ccctl.queue.line import CallerKey, Pool
from ccctl.queue.needs import Need
from ccctl.queue.standing import Standing, count, forget, share
from ccctl.report.kpi import DEFAULT_PRESET, Verdict, judge, preset
from ccctl.world.state import Visit, World


def active(world: World, queue: QueueConfig, rule: OverflowRule, place: int, at: int) -> bool:
    """All that the rule asks for but the wait, which each caller's need tells. `place` is his in the line."""
    line = world.line(queue.name)
    if rule.length is not None and line.size <= rule.length:  # the caller himself is one of them
        return False
    if rule.available is not None and line.free > rule.available:
        return False
    if rule.staffed is not None and line.there > rule.staffed:
        return False
    return not rule.estimated_ms or is_long(world, queue.name, rule.estimated_ms, place, at)


def goes_on(world: World, visit: Visit, at: int) -> bool:
    """A rule sends him on in his flow."""
    queue, line = world.roster.queues[visit.row.queue], world.line(visit.row.queue)
    rules = [queue.overflow[n] for n in visit.need.rules if queue.overflow[n].leave]
    return any(active(world, queue, rule, 1 + line.before(visit.key), at) for rule in rules)


def is_long(world: World, queue: str, limit_ms: int, place: int, at: int) -> bool:
    """By the estimate that callers are told, and like there only while it was right lately."""
    state = world.estimates.get(queue)
    if state is None or not q.proven(state):
        return False
    found = q.estimate(state, place, at)
    return found is not None and found.p80_ms >= limit_ms


def asks(world: World, queue: str, need: Need, lender: str, at: int) -> bool:
    """Callers of this need may have the agents of `lender` now."""
    config = world.roster.queues[queue]
    last = sum(len(pool.waiting) for pool in world.line(queue).pools.values())
    rules = [config.overflow[n] for n in need.rules]
    return any(lender in rule.borrow and active(world, config, rule, last, at) for rule in rules)


# -- the queue that lends ------------------------------------------------------------------------------


def lends(world: World, lender: str, at: int) -> bool:
    return not is_waited_in(world, lender) and keeps(world, lender, at)


def is_waited_in(world: World, queue: str) -> bool:
    line = world.lines.get(queue)
    return line is not None and any(pool.waiting for pool in line.pools.values())


def keeps(world: World, lender: str, at: int) -> bool:
    """Its goal was met in the last minutes, or nobody called in them."""
    level = level_of(world, lender, at)
    lend = world.roster.queues[lender].lend
    return lend is None or level is None or level >= lend.percent


def level_of(world: World, lender: str, at: int) -> float | None:
    """The service level of the last minutes that the guard looks at; per cent, None of nothing."""
    lend, standing = world.roster.queues[lender].lend, world.standings.get(lender)
    if lend is None or standing is None:
        return None
    return share(standing, at - lend.window_ms)


def changes_at(world: World, lender: str, at: int) -> int:
    """When the level changes next although nobody calls; what is older is forgotten. 0: never."""
    lend, standing = world.roster.queues[lender].lend, world.standings.get(lender)
    if lend is None or standing is None:
        return 0
    forget(standing, at - lend.window_ms)
    return standing.ends[0][0] + lend.window_ms if standing.ends else 0


def ended(world: World, row: VisitRow) -> None:
    """A caller's waiting is over: he counts for the goal of his queue, as in the reports."""
    queue = world.queue(row.queue)
    if queue is None or queue.lend is None or row.ended is None or row.engine == "callback":
        return
    verdict = judge(row, preset(DEFAULT_PRESET, queue.lend.goal_ms))
    if verdict is not Verdict.UNCOUNTED:
        count(world.standings.setdefault(row.queue, Standing()), row.ended, verdict is Verdict.MET)


def new_site(world: World, old: Roster) -> None:
    """Queues that keep another goal than before, or none, forget."""
    before = {name: queue.lend for name, queue in old.queues.items()}
    kept = {
        name for name, queue in world.roster.queues.items() if queue.lend and queue.lend == before.get(name)
    }
    world.standings = {name: standing for name, standing in world.standings.items() if name in kept}


# -- who is next ---------------------------------------------------------------------------------------


def agent_for(world: World, queue: str, pool: Pool, at: int) -> str:
    """The first of the lent agents who are free for this pool, or ''."""
    firsts = [
        first
        for lender, lent in pool.lent.items()
        if lent.ready and asks(world, queue, pool.need, lender, at) and lends(world, lender, at)
        if (first := next((key for key in lent.ready if not is_wanted(world, key[3])), None))
    ]
    return min(firsts)[3] if firsts else ""


def is_wanted(world: World, agent: str) -> bool:
    """A caller of his own queues waits for him, who is about to be offered to him."""
    return next_caller(world.lines, world.queues_of(agent), agent, world.held) is not None


def caller_for(world: World, agent: str, at: int) -> CallerKey | None:
    """Of the callers of other queues who may have him, the one whose turn it is."""
    found = [first for pool in _pools_for(world, agent, at) if (first := head(pool, world.held))]
    return min(found, default=None)


def _pools_for(world: World, agent: str, at: int) -> Iterator[Pool]:
    for lender in world.queues_of(agent):
        line = world.line(lender)
        if not line.borrowers or not lends(world, lender, at):
            continue
        for queue in line.borrowers:
            for pool in world.line(queue).pools.values():
                lent = pool.lent.get(lender)
                fits = pool.waiting and lent is not None and agent in lent.keys
                if fits and asks(world, queue, pool.need, lender, at):
                    yield pool
